package main

import (
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/gowsgi/gowsgi/internal/options"
)

// outcome is what one command line came to. config is nil if run wasn't called.
type outcome struct {
	config         *options.Config
	command        []string // after -- of gowsgi smoke
	code           int
	stdout, stderr string
}

func command(environ []string, args ...string) outcome {
	var o outcome
	take := func(c *options.Config) error {
		c.UWSGIOpt = nil // TestUWSGIOpt has it
		o.config = c
		return nil
	}
	app := newApp(environ, runs{serve: take, routes: take, smoke: func(c *options.Config, words []string) error {
		o.command = words
		return take(c)
	}})
	var stdout, stderr strings.Builder
	app.Writer, app.ErrWriter = &stdout, &stderr
	o.code = execute(app, append([]string{"gowsgi"}, args...))
	o.stdout, o.stderr = stdout.String(), stderr.String()
	return o
}

// defaults returns the default configuration, changed.
func defaults(t *testing.T, change func(*options.Config)) *options.Config {
	t.Helper()
	c, err := options.New("").Config()
	if err != nil {
		t.Fatal(err)
	}
	change(c)
	return c
}

func TestCommandLines(t *testing.T) {
	type config = options.Config
	for _, test := range []struct {
		args    []string
		environ []string
		want    func(*config)
	}{
		// As the README has them.
		{args: []string{}, want: func(*config) {}},
		{
			args: []string{"--stats", ":9191", "--stats-http", "--metrics", "unix:/m", "app:app"},
			want: func(c *config) {
				c.Stats, c.StatsHTTP, c.Metrics, c.Module, c.Callable = ":9191", true, "unix:/m", "app", "app"
			},
		},
		{
			args: []string{"--http", ":5000", "--wsgi-file", "app.py"},
			want: func(c *config) { c.HTTP, c.File = []string{":5000"}, "app.py" },
		},
		{
			args: []string{"--http", ":5000", "--module", "app", "--callable", "app"},
			want: func(c *config) { c.HTTP, c.Module, c.Callable = []string{":5000"}, "app", "app" },
		},
		{
			args: []string{"--http", ":5000", "--wsgi-file", "app.py", "--callable", "app"},
			want: func(c *config) { c.HTTP, c.File, c.Callable = []string{":5000"}, "app.py", "app" },
		},
		{
			args: []string{"--http", ":5000", "-w", "app:app"},
			want: func(c *config) { c.HTTP, c.Module, c.Callable = []string{":5000"}, "app", "app" },
		},
		{
			args: []string{"-w", "app:create_app()"},
			want: func(c *config) { c.Module, c.Callable = "app", "create_app()" },
		},
		{
			args: []string{"-w", `app:create_app("test", debug=True)`},
			want: func(c *config) { c.Module, c.Callable = "app", `create_app("test", debug=True)` },
		},
		{args: []string{"app:app"}, want: func(c *config) { c.Module, c.Callable = "app", "app" }},
		{args: []string{"app.py"}, want: func(c *config) { c.File = "app.py" }},

		// What cli and package flag would get wrong by themselves.
		{
			args: []string{"app:app", "--http", ":0", "--check"},
			want: func(c *config) { c.HTTP, c.Module, c.Callable, c.Check = []string{":0"}, "app", "app", true },
		},
		{
			args: []string{"--http", ":1", "--http-socket", ":2", "--http=unix:/a,b"},
			want: func(c *config) { c.HTTP = []string{":1", ":2", "unix:/a,b"} },
		},
		{
			args: []string{"--venv", "/a", "-H", "/b", "--home=/c"},
			want: func(c *config) { c.Virtualenv = "/c" },
		},
		{
			args: []string{"--env", "A=1,2", "--env=B=x y", "--", "app"},
			want: func(c *config) { c.Env, c.Module = []string{"A=1,2", "B=x y"}, "app" },
		},
		{args: []string{"--check", "checked"}, want: func(c *config) { c.Check, c.Module = true, "checked" }},
		{args: []string{"--log-json=false", "-L"}, want: func(c *config) { c.NoRequestLog = true }},
		{args: []string{"-C", "app"}, want: func(c *config) { c.SocketMode, c.Module = 0o666, "app" }},
		{args: []string{"--chmod-socket", "660"}, want: func(c *config) { c.SocketMode = 0o660 }},
		{args: []string{"help"}, want: func(c *config) { c.Module = "help" }},
		{args: []string{"--version"}, want: func(c *config) { c.Version = true }},

		// Command line over environment.
		{
			args:    []string{"--threads", "2", "--http", ":1", "app.py"},
			environ: []string{"GOWSGI_THREADS=4", "GOWSGI_QUEUE=9", "GOWSGI_HTTP=:2 :3", "GOWSGI_MODULE=other"},
			want:    func(c *config) { c.Threads, c.Queue, c.HTTP, c.File = 2, 9, []string{":1"}, "app.py" },
		},
		{
			environ: []string{"GOWSGI_DRAIN_TIMEOUT=1.5", "GOWSGI_THREAD=2"},
			want: func(c *config) {
				c.DrainTimeout = 1500 * time.Millisecond
				c.Warnings = []string{"unknown variable GOWSGI_THREAD; did you mean GOWSGI_THREADS?"}
			},
		},
	} {
		got := command(test.environ, test.args...)
		if got.code != 0 || got.stdout+got.stderr != "" || !reflect.DeepEqual(got.config, defaults(t, test.want)) {
			t.Errorf("%q %q: exit %d, %s\n got %+v\nwant %+v", test.args, test.environ, got.code, got.stderr, got.config,
				defaults(t, test.want))
		}
	}
}

// TestMistakes has one bad command line per mistake: exit code 2 and exactly this line.
func TestMistakes(t *testing.T) {
	const list = "gowsgi --help lists the options"
	for _, test := range []struct {
		args    []string
		environ []string
		want    string
	}{
		{args: []string{"--thread", "4"}, want: "unknown option --thread; did you mean --threads?"},
		{args: []string{"--thread=4"}, want: "unknown option --thread; did you mean --threads?"},
		{args: []string{"app:app", "--thread", "4"}, want: "unknown option --thread; did you mean --threads?"},
		{args: []string{"--wsgi_file", "app.py"}, want: "unknown option --wsgi_file; did you mean --wsgi-file?"},
		{args: []string{"-http", ":0"}, want: "unknown option -http; did you mean --http?"},
		{args: []string{"-thread", "2"}, want: "unknown option -thread; did you mean --threads?"},
		{args: []string{"--no-such-thing"}, want: "unknown option --no-such-thing; " + list},
		{args: []string{"-n"}, want: "unknown option -n; " + list},
		{args: []string{"-Ln"}, want: "unknown option -n; " + list},
		{args: []string{"-\xff"}, want: `unknown option "-\xff"; ` + list},
		{args: []string{"-5"}, want: "unknown option -5; " + list},
		{args: []string{"---http"}, want: "unknown option ---http; did you mean --http?"},
		{args: []string{"--=1"}, want: "unknown option --; " + list},

		{args: []string{"--threads"}, want: "--threads: value missing; want a whole number from 1 to 512"},
		{args: []string{"--http", "--module", "app"}, want: "--http: value missing; want an address such as :5000 (a bare number is the name of a UNIX socket in uWSGI)"},
		{args: []string{"-w", "--", "app"}, want: "-w: value missing; want a module such as app, app:app or " +
			"'app:create_app()'; a file goes with --wsgi-file"},

		{args: []string{"--threads", "x"}, want: "--threads x: want a whole number from 1 to 512"},
		{args: []string{"--threads="}, want: `--threads "": want a whole number from 1 to 512`},
		{args: []string{"--threads", "-1"}, want: "--threads -1: want a whole number from 1 to 512"},
		{args: []string{"--threads", "0"}, want: "--threads 0: want a whole number from 1 to 512"},
		{args: []string{"--threads", "4\n"}, want: `--threads "4\n": want a whole number from 1 to 512`},
		{args: []string{"--drain-timeout", "soon"}, want: "--drain-timeout soon: want seconds (30, 0.5) or a duration (500ms, 2m)"},
		{args: []string{"--limit-post", "1x"}, want: "--limit-post 1x: want bytes, or with a suffix as in 512k, 10m, 2g"},
		{args: []string{"--limit-head", "9"}, want: "--limit-head 9: want bytes, or with a suffix as in 512k, 10m, 2g; from 1k to 16m"},
		{args: []string{"--check=maybe"}, want: "--check=maybe: want true or false"},
		{args: []string{"-C9"}, want: "-C=9: want three octal digits, such as 660"},
		{args: []string{"--chmod=rw"}, want: "--chmod=rw: want three octal digits, such as 660"},
		{args: []string{"--env", "A"}, want: "--env A: want NAME=VALUE"},
		{args: []string{"--pyargv", "'a"}, want: "--pyargv 'a: want words with balanced quotes"},
		{args: []string{"--health", "up"}, want: "--health up: want a path that starts with /"},
		{args: []string{"--script-name", "app"}, want: "--script-name app: want a path that starts with /"},
		{
			args: []string{"--trusted-proxy", "::1,all"},
			want: "--trusted-proxy ::1,all: want an address, a CIDR such as 10.0.0.0/8, or unix",
		},
		{
			args: []string{"--module", "app.py"},
			want: "--module app.py: want a module such as app, app:app or 'app:create_app()'; a file goes with --wsgi-file",
		},
		{args: []string{"--http="}, want: "no address to serve on; give one with --http"},

		{args: []string{"app:app", "extra"}, want: "one app at most, but there are 2: app:app extra"},
		{args: []string{"app:app", "-w", "b:b"}, want: "app:app and --module b:b both name the app; keep one"},
		{args: []string{"--wsgi-file", "a.py", "app"}, want: "app and --wsgi-file a.py both name the app; keep one"},
		{args: []string{":5000"}, want: ":5000 is an address, not an app; did you mean --http :5000?"},

		{environ: []string{"GOWSGI_THREADS=x"}, want: "GOWSGI_THREADS=x: want a whole number from 1 to 512"},
		{environ: []string{"GOWSGI_VENV=a", "GOWSGI_HOME=b"}, want: "GOWSGI_HOME and GOWSGI_VENV are the same option; keep one"},
	} {
		got := command(test.environ, test.args...)
		if got.code != 2 || got.stdout != "" || got.stderr != "gowsgi: "+test.want+"\n" || got.config != nil {
			t.Errorf("%q %q: exit %d, stdout %q, ran %v\n got %swant gowsgi: %s", test.args, test.environ, got.code, got.stdout,
				got.config != nil, got.stderr, test.want)
		}
	}
}

// TestHelp: help needs neither an app nor a sane environment.
func TestHelp(t *testing.T) {
	for _, args := range [][]string{{"--help"}, {"-h"}, {"app:app", "other", "--help"}} {
		got := command([]string{"GOWSGI_THREADS=x"}, args...)
		if got.code != 0 || got.stdout != options.Help("") || got.stderr != "" || got.config != nil {
			t.Errorf("%q: exit %d, stderr %q, ran %v, stdout\n%s", args, got.code, got.stderr, got.config != nil, got.stdout)
		}
	}
}

// coded is an error with an exit code of its own.
type coded int

func (e coded) Error() string { return "app doesn't load" }
func (e coded) ExitCode() int { return int(e) }

func TestExitCodes(t *testing.T) {
	for _, test := range []struct {
		err    error
		code   int
		stderr string
	}{
		{nil, 0, ""},
		{errors.New("port in use"), 1, "gowsgi: port in use\n"},
		{options.UsageError("bad"), 2, "gowsgi: bad\n"},
		{fmt.Errorf("uwsgi.ini:3: %w", options.UsageError("bad")), 2, "gowsgi: uwsgi.ini:3: bad\n"},
		{coded(22), 22, "gowsgi: app doesn't load\n"},
		{fmt.Errorf("load: %w", coded(22)), 22, "gowsgi: load: app doesn't load\n"},
		{cli.Exit("", 22), 22, ""},
	} {
		app := newApp(nil, runs{serve: func(*options.Config) error { return test.err }})
		var stderr strings.Builder
		app.ErrWriter = &stderr
		if code := execute(app, []string{"gowsgi"}); code != test.code || stderr.String() != test.stderr {
			t.Errorf("%v: exit %d, %q; want %d, %q", test.err, code, stderr.String(), test.code, test.stderr)
		}
	}
}

// TestSubcommand: a subcommand has gowsgi's options and its own, in any order, and what follows "--" is a command.
func TestSubcommand(t *testing.T) {
	for _, test := range []struct {
		args    []string
		environ []string
		want    func(*options.Config)
		command []string
		stderr  string
	}{
		{
			args: []string{"smoke", "app:app", "--get", "/", "--get=/a,b=302", "--threads", "2", "--max-ms", "5"},
			want: func(c *options.Config) {
				c.Module, c.Callable, c.Get, c.Threads, c.MaxMS = "app", "app", []string{"/", "/a,b=302"}, 2, 5
			},
		},
		{
			args:    []string{"smoke", "--fail-fast", "app:app", "--", "pytest", "-x", "--", "--get", "tests"},
			want:    func(c *options.Config) { c.Module, c.Callable, c.FailFast = "app", "app", true },
			command: []string{"pytest", "-x", "--", "--get", "tests"},
		},
		{
			args: []string{"smoke", "--", "true"}, environ: []string{"GOWSGI_MODULE=m", "GOWSGI_URL=http://x", "GOWSGI_THREADS=3"},
			want: func(c *options.Config) { c.Module, c.Threads = "m", 3 }, command: []string{"true"},
		},
		{args: []string{"routes", "app:app"}, want: func(c *options.Config) { c.Module, c.Callable = "app", "app" }},
		{args: []string{"--module", "smoke"}, want: func(c *options.Config) { c.Module = "smoke" }},

		{args: []string{"smoke", "--"}, stderr: "gowsgi: there is no command after --\n"},
		{args: []string{"routes", "app", "--", "true"}, stderr: "gowsgi: gowsgi routes runs no command\n"},
		{args: []string{"smoke", "--timeout", "0"}, stderr: "gowsgi: --timeout 0: want seconds (30, 0.5) or a duration (500ms, 2m); not 0\n"},
		{args: []string{"smoke", "--get", "x"}, stderr: "gowsgi: --get x: want a path that starts with /, as in /login or /login=200\n"},
		{args: []string{"smoke", "--exclude", "[a"}, stderr: "gowsgi: --exclude [a: want a pattern such as /admin/** with balanced brackets\n"},
		{
			args:   []string{"--threads", "2", "smoke", "app"},
			stderr: "gowsgi: smoke comes first: gowsgi smoke ...; an app of that name goes with --module\n",
		},
		{args: []string{"--get", "/"}, stderr: "gowsgi: unknown option --get; gowsgi --help lists the options\n"},
	} {
		got := command(test.environ, test.args...)
		if test.stderr != "" {
			if got.code != 2 || got.stderr != test.stderr || got.config != nil {
				t.Errorf("%q: exit %d, %q; want %q", test.args, got.code, got.stderr, test.stderr)
			}
			continue
		}
		if want := defaults(t, test.want); got.code != 0 || !reflect.DeepEqual(got.config, want) || !slices.Equal(got.command, test.command) {
			t.Errorf("%q: exit %d %s\n got %+v %q\nwant %+v %q", test.args, got.code, got.stderr, got.config, got.command, want, test.command)
		}
	}
	if got := command(nil, "smoke", "--help"); got.code != 0 || got.stdout != options.Help("smoke") {
		t.Errorf("smoke --help: exit %d, %q", got.code, got.stdout)
	}
}
