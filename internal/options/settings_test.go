package options

import (
	"errors"
	"reflect"
	"slices"
	"testing"
)

// set is one call of Set.
type set struct {
	name, value string
	from        Source
}

// TestPriority: the stronger source wins in whatever order the sources are read.
func TestPriority(t *testing.T) {
	calls := []set{
		{"threads", "2", File},
		{"threads", "3", Environ},
		{"threads", "4", CommandLine},
		{"queue", "20", File},
		{"queue", "30", Environ},
		{"listen", "5", File},
		{"http", ":1", File},
		{"http-socket", ":2", File},
		{"http", ":3", Environ},
		{"http", ":4", CommandLine},
		{"env", "A=1", File},
		{"env", "B=2", File},
		{"health", "/up", Environ},
		{"health", "", CommandLine},
		{"pythonpath", "/a", Environ},
		{"pp", "", CommandLine},
	}
	for range 2 {
		s := New("")
		for _, call := range calls {
			if err := s.Set(call.name, call.value, call.from); err != nil {
				t.Fatalf("%v: %v", call, err)
			}
		}
		c, err := s.Config()
		if err != nil {
			t.Fatal(err)
		}
		if c.Threads != 4 || c.Queue != 30 || c.Backlog != 5 || c.HealthPath != "" || len(c.PythonPath) != 0 ||
			!reflect.DeepEqual(c.HTTP, []string{":4"}) || len(c.Env) != 2 {
			t.Errorf("got %+v", c)
		}
		slices.Reverse(calls)
	}
}

func TestRepeated(t *testing.T) {
	s := New("")
	for _, call := range []set{
		{"http", ":1", CommandLine},
		{"http-socket", ":2", CommandLine},
		{"threads", "2", CommandLine},
		{"threads", "3", CommandLine},
		{"pyargv", "a b", CommandLine},
		{"pyargv", "c", CommandLine},
		{"log-json", "true", CommandLine},
		{"log-json", "false", CommandLine},
		{"H", "/venv", CommandLine},
	} {
		if err := s.Set(call.name, call.value, call.from); err != nil {
			t.Fatal(err)
		}
	}
	c, err := s.Config()
	if err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(c.HTTP, []string{":1", ":2"}) || c.Threads != 3 || !reflect.DeepEqual(c.Argv, []string{"c"}) ||
		c.LogJSON || c.Virtualenv != "/venv" {
		t.Errorf("got %+v", c)
	}
}

// TestSetErrors: each source sees its own spelling.
func TestSetErrors(t *testing.T) {
	for _, test := range []struct {
		set
		want string
	}{
		{set{"threads", "x", CommandLine}, "--threads x: want a whole number from 1 to 512"},
		{set{"C", "9", CommandLine}, "-C=9: want three octal digits, such as 660"},
		{set{"threads", "x", Environ}, "GOWSGI_THREADS=x: want a whole number from 1 to 512"},
		{set{"threads", "2 ; two", File}, `threads = "2 ; two": want a whole number from 1 to 512`},
		{set{"thread", "2", File}, "unknown option thread; did you mean threads?"},
		{set{"python_path", "lib", File}, "unknown option python_path; did you mean python-path?"},
		{set{"vaccum", "true", File}, "unknown option vaccum; did you mean vacuum?"},
		{set{"w", "app", File}, "unknown option w; gowsgi --help lists the options"}, // letters are the command line's
		{set{"version", "true", File}, "unknown option version; gowsgi --help lists the options"},
	} {
		err := New("").Set(test.name, test.value, test.from)
		var usage UsageError
		if !errors.As(err, &usage) || err.Error() != test.want {
			t.Errorf("%v: got %v, want %s", test.set, err, test.want)
		}
	}
}

// TestOverruledValueIsNotRead: a bad variable does no harm once the command line says otherwise.
func TestOverruledValueIsNotRead(t *testing.T) {
	s := New("")
	if err := s.Set("threads", "4", CommandLine); err != nil {
		t.Fatal(err)
	}
	if err := s.SetEnviron([]string{"GOWSGI_THREADS=x"}); err != nil {
		t.Error(err)
	}
}

func TestSetEnviron(t *testing.T) {
	for _, test := range []struct {
		environ  []string
		want     Config // fields that differ from the defaults
		warnings []string
		err      string
	}{
		{environ: []string{"PATH=/bin", "UWSGI_THREADS=2", "GOWSGI=1", "XGOWSGI_THREADS=2"}},
		{environ: []string{"GOWSGI_THREADS=4", "GOWSGI_LOG_JSON=1"}, want: Config{Threads: 4, LogJSON: true}},
		{environ: []string{"GOWSGI_THREADS=", "GOWSGI_CHECK=", "GOWSGI_HTTP="}},
		{environ: []string{"GOWSGI_HTTP=:1 'unix:/run/a b.sock'\n:2"}, want: Config{HTTP: []string{":1", "unix:/run/a b.sock", ":2"}}},
		{environ: []string{"GOWSGI_HTTP_SOCKET=:1"}, want: Config{HTTP: []string{":1"}}},
		{environ: []string{`GOWSGI_ENV=A=1,2 B="x y" C=`}, want: Config{Env: []string{"A=1,2", "B=x y", "C="}}},
		{environ: []string{"GOWSGI_TRUSTED_PROXY=10.0.0.0/8, unix"}, want: Config{TrustedProxies: []string{"10.0.0.0/8", "unix"}}},
		{environ: []string{"GOWSGI_PYTHONPATH=/a:/b"}, want: Config{PythonPath: []string{"/a", "/b"}}},
		{environ: []string{"GOWSGI_PYARGV=-c 'a b'"}, want: Config{Argv: []string{"-c", "a b"}}},
		{environ: []string{"GOWSGI_CHMOD_SOCKET=660"}, want: Config{SocketMode: 0o660}},
		{environ: []string{"GOWSGI_VERSION=1.0", "GOWSGI_HELP=me"}},

		{
			environ: []string{"GOWSGI_THREAD=4", "GOWSGI_SPOOLER=2", "GOWSGI_W=app", "GOWSGI_Threads=3", "GOWSGI_VERSIONS=1"},
			warnings: []string{
				"unknown variable GOWSGI_SPOOLER; gowsgi --help lists the options",
				"unknown variable GOWSGI_THREAD; did you mean GOWSGI_THREADS?",
				"unknown variable GOWSGI_Threads; did you mean GOWSGI_THREADS?",
				"unknown variable GOWSGI_VERSIONS; gowsgi --help lists the options",
				"unknown variable GOWSGI_W; gowsgi --help lists the options",
			},
		},
		{environ: []string{"GOWSGI_THREADS=x"}, err: "GOWSGI_THREADS=x: want a whole number from 1 to 512"},
		{environ: []string{"GOWSGI_VENV=a", "GOWSGI_HOME=b"}, err: "GOWSGI_HOME and GOWSGI_VENV are the same option; keep one"},
		{environ: []string{"GOWSGI_ENV=A=1 B"}, err: "GOWSGI_ENV=B: want NAME=VALUE"},
		{environ: []string{"GOWSGI_ENV=A='1"}, err: "GOWSGI_ENV: want words with balanced quotes"},
		{environ: []string{"GOWSGI_PYARGV='1"}, err: "GOWSGI_PYARGV='1: want words with balanced quotes"},
		{environ: []string{"GOWSGI_LOG_JSON=maybe"}, err: "GOWSGI_LOG_JSON=maybe: want true or false"},
	} {
		s := New("")
		err := s.SetEnviron(test.environ)
		if err != nil || test.err != "" {
			if err == nil || err.Error() != test.err {
				t.Errorf("%q: got error %v, want %s", test.environ, err, test.err)
			}
			continue
		}
		want := New("").config
		overlay(&want, &test.want)
		want.Warnings = test.warnings
		if !reflect.DeepEqual(s.config, want) {
			t.Errorf("%q:\n got %+v\nwant %+v", test.environ, s.config, want)
		}
	}
}

// overlay copies the fields of over that aren't zero.
func overlay(c, over *Config) {
	to, from := reflect.ValueOf(c).Elem(), reflect.ValueOf(over).Elem()
	for i := range to.NumField() {
		if !from.Field(i).IsZero() {
			to.Field(i).Set(from.Field(i))
		}
	}
}

func TestApp(t *testing.T) {
	type app struct{ module, file, callable string }
	for _, test := range []struct {
		sets        []set
		positionals []string
		want        app
		warning     string
		err         string
	}{
		{want: app{}},
		{positionals: []string{"app:app"}, want: app{"app", "", "app"}},
		{positionals: []string{"app:create_app('a:b', n=1)"}, want: app{"app", "", "create_app('a:b', n=1)"}},
		{positionals: []string{"pkg.mod"}, want: app{"pkg.mod", "", ""}},
		{positionals: []string{"app.py"}, want: app{"", "app.py", ""}},
		{positionals: []string{"app.wsgi"}, want: app{"app.wsgi", "", ""}},
		{positionals: []string{"project.wsgi:application"}, want: app{"project.wsgi", "", "application"}},
		{positionals: []string{"app.py:create_app()"}, want: app{"", "app.py", "create_app()"}},
		{positionals: []string{"./src/app"}, want: app{"", "./src/app", ""}},
		{positionals: []string{"app"}, sets: []set{{"callable", "make", CommandLine}}, want: app{"app", "", "make"}},
		{sets: []set{{"module", "app:app", CommandLine}}, want: app{"app", "", "app"}},
		{sets: []set{{"module", "app", CommandLine}, {"callable", "app", CommandLine}}, want: app{"app", "", "app"}},
		{sets: []set{{"module", "a:app", CommandLine}, {"callable", "app", CommandLine}}, want: app{"a", "", "app"}},

		// The stronger source decides what the app is, the callable too.
		{positionals: []string{"app.py"}, sets: []set{{"module", "other:x", Environ}}, want: app{"", "app.py", ""}},
		{positionals: []string{"app"}, sets: []set{{"file", "x.py", Environ}}, want: app{"app", "", ""}},
		{sets: []set{{"file", "x.py", CommandLine}, {"module", "m:x", Environ}}, want: app{"", "x.py", ""}},
		{sets: []set{{"module", "m:x", CommandLine}, {"file", "x.py", Environ}}, want: app{"m", "", "x"}},
		{positionals: []string{"app.py:a"}, sets: []set{{"callable", "b", Environ}}, want: app{"", "app.py", "a"}},
		{positionals: []string{"app:a"}, sets: []set{{"callable", "b", Environ}}, want: app{"app", "", "a"}},
		{positionals: []string{"app"}, sets: []set{{"callable", "b", Environ}}, want: app{"app", "", "b"}},
		{sets: []set{{"module", "m:x", Environ}, {"callable", "y", CommandLine}}, want: app{"m", "", "y"}},
		{positionals: []string{"app.py"}, sets: []set{{"module", "", CommandLine}}, want: app{"", "app.py", ""}},

		// Two from one source: as uWSGI, with a warning.
		{
			sets:    []set{{"file", "x.py", CommandLine}, {"module", "m:x", CommandLine}},
			want:    app{"m", "", "x"},
			warning: "--wsgi-file x.py is not used: --module m:x comes first",
		},
		{
			sets:    []set{{"file", "x.py", Environ}, {"module", "m:x", Environ}},
			want:    app{"m", "", "x"},
			warning: "GOWSGI_WSGI_FILE=x.py is not used: GOWSGI_MODULE=m:x comes first",
		},
		{
			sets:    []set{{"module", "m:x", CommandLine}, {"callable", "y", CommandLine}},
			want:    app{"m", "", "x"},
			warning: "--callable y is not used: the app says x",
		},
		{
			sets:        []set{{"callable", "y", CommandLine}},
			positionals: []string{"app.py:x"},
			want:        app{"", "app.py", "x"},
			warning:     "--callable y is not used: the app says x",
		},

		{positionals: []string{"app:app", "b:b"}, err: "one app at most, but there are 2: app:app b:b"},
		{
			positionals: []string{"app:app"}, sets: []set{{"w", "b", CommandLine}},
			err: "app:app and --module b both name the app; keep one",
		},
		{
			positionals: []string{"app.py"}, sets: []set{{"file", "b.py", CommandLine}},
			err: "app.py and --wsgi-file b.py both name the app; keep one",
		},
		{positionals: []string{":5000"}, err: ":5000 is an address, not an app; did you mean --http :5000?"},
		{positionals: []string{"[::1]:80"}, err: "[::1]:80 is an address, not an app; did you mean --http [::1]:80?"},
		{positionals: []string{"unix:/a"}, err: "unix:/a is an address, not an app; did you mean --http unix:/a?"},
		{positionals: []string{":app"}, err: ":app: want an app: app:app, app.py or a module's dotted name"},
		{positionals: []string{"app:"}, err: "app:: want an app: app:app, app.py or a module's dotted name"},
		{positionals: []string{""}, err: `"": want an app: app:app, app.py or a module's dotted name`},
	} {
		s := New("")
		for _, call := range test.sets {
			if err := s.Set(call.name, call.value, call.from); err != nil {
				t.Fatal(err)
			}
		}
		err := s.SetApp(test.positionals)
		if err != nil || test.err != "" {
			if err == nil || err.Error() != test.err {
				t.Errorf("%v %q: got error %v, want %s", test.sets, test.positionals, err, test.err)
			}
			continue
		}
		c, err := s.Config()
		if err != nil {
			t.Errorf("%v %q: %v", test.sets, test.positionals, err)
			continue
		}
		var warnings []string
		if test.warning != "" {
			warnings = []string{test.warning}
		}
		if got := (app{c.Module, c.File, c.Callable}); got != test.want || !slices.Equal(c.Warnings, warnings) {
			t.Errorf("%v %q: got %+v %q, want %+v %q", test.sets, test.positionals, got, c.Warnings, test.want, warnings)
		}
	}
}
