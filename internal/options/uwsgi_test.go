package options

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/gowsgi/gowsgi/internal/uwsgiconf"
)

// directive reads "key = value", or "key" alone, as the first line of a file.
func directive(text string) uwsgiconf.Directive {
	key, value, given := strings.Cut(text, " = ")
	return uwsgiconf.Directive{Key: key, Value: value, Bare: !given, File: "uwsgi.ini", Line: 1}
}

// TestSettings: what becomes of a line, as the report says it, and of the configuration, as the equivalent command says it.
func TestSettings(t *testing.T) {
	const same = "uwsgi.ini:1: "
	for _, test := range []struct{ line, words, remarks string }{
		{"threads = 4", "--threads 4", "threads: honoured: uWSGI has the same, default 1"},
		{"module = app:app", "--module app:app", "module: honoured: uWSGI has the same; a call may have literal arguments here"},
		{"master = anything", "--master", `WARNING master: anything is true: uWSGI takes every word for that but false, off, no and 0|master: honoured`},
		{"master", "--master", "master: honoured"},
		{"master = off", "--master=false", "master: honoured"},
		{"processes = 4 workers", "--processes 4", `WARNING processes: "4 workers" is read as 4, as uWSGI does|processes: honoured: uWSGI has the same, without auto`},
		{"threads = without", "", "WARNING threads: without is no number: uWSGI reads 0 there, gowsgi leaves it out"},
		{"threads = true", "", "WARNING threads: true is no number: uWSGI reads 0 there, gowsgi leaves it out"},
		{"threads", "", "WARNING threads: it has no value, and is left out"},
		{"threads = 9999", "", "ERROR threads: 9999: want a whole number from 1 to 512"},
		{"chmod-socket", "--chmod-socket=666", "chmod-socket: honoured"},
		{"chmod-socket = 1", "--chmod-socket=666", "chmod-socket: honoured"},
		{"chmod-socket = 66", "", "ERROR chmod-socket: 66: want three octal digits, such as 660"},
		{"http = 5000", "", "ERROR http: 5000: want an address such as :5000 (a bare number is the name of a UNIX socket in uWSGI)"},
		{"socket = app.sock", "--socket unix:app.sock", "socket: honoured: *"},
		{"socket = 3031", "", "ERROR socket: 3031: want *"},
		{"protocol = fastcgi", "", "ERROR protocol: fastcgi: want uwsgi or http"},
		{"mount = /a=app.py", "--mount /a=app.py", "mount: honoured: *"},
		{"mount = a", "", "ERROR mount: a: want *"},
		{"env = A=x y", "--env 'A=x y'", "env: honoured"},
		{"harakiri = 30", "--harakiri 30", "harakiri: honoured: *"},
		{"umask = 022", "--umask 022", "umask: honoured"},
		{"umask = u=rwx", "", "ERROR umask: u=rwx: want octal digits, such as 022"},

		{"die-on-term = true", "", "die-on-term: not needed: always so here; safe to delete"},
		{"lazy-apps = false", "", "lazy-apps: not needed: always so here; safe to delete"},
		{"plugins = python3,http", "", "plugins: not needed: nothing needs a plugin; safe to delete"},
		{"plugin = php", "", "plugin: not needed: *|ERROR plugin: the plugin php is not there: gowsgi serves WSGI alone, with threads"},
		{"cheaper-algo = busyness", "", "WARNING cheaper-algo: not needed: *"},
		{"cheaper-busyness-max = 50", "", "WARNING cheaper-busyness-max: not needed: *"},

		{"buffer-size = 32768", "", "buffer-size: emulated: *"},
		{"buffer-size = 131072", "--limit-head 131072", "buffer-size: emulated: *"},
		{"socket-timeout = 20", "--body-timeout 20 --send-timeout 20", "socket-timeout: emulated: *"},
		{"http-keepalive", "", "http-keepalive: emulated: *"},
		{"http-keepalive = 30", "--idle-timeout 30", "http-keepalive: emulated: *"},
		{"http-enable-proxy-protocol = true", "--proxy-protocol all", "WARNING http-enable-proxy-protocol: emulated: *"},
		{"http-enable-proxy-protocol = false", "", "WARNING http-enable-proxy-protocol: emulated: *"},
		{"logger = file:/tmp/a.log", "--logto /tmp/a.log", "logger: emulated: *"},
		{"logger = syslog:app", "", "logger: emulated: *|ERROR logger: syslog:app: want file:PATH or stdio*"},
		{"hook-master-start = unix_signal:15 gracefully_kill_them_all", "", "hook-master-start: emulated: SIGTERM always ends in order"},
		{"hook-master-start = exec:date", "", "hook-master-start: emulated: *|ERROR hook-master-start: hooks and limits *"},

		{"gevent = 100", "", "ERROR gevent: refused: use --threads N*"},
		{"spooler-harakiri = 1", "", "ERROR spooler-harakiri: refused: background work is not a web server's*"},
		{"route-uri = ^/a goto:b", "", "ERROR route-uri: refused: rewrite in nginx*"},
		{"https = :443,a,b", "", "ERROR https: refused: TLS ends before gowsgi*"},
		{"cache2 = name=x", "", "ERROR cache2: refused: there is no shared memory for apps*"},

		{"vaccum = true", "", "WARNING vaccum: unknown: uWSGI ignores this key, and so does gowsgi; did you mean vacuum?"},
		{"process = 2", "", "WARNING process: unknown: uWSGI ignores this key, and so does gowsgi; did you mean processes?"},
		{"python_path = lib", "", "WARNING python_path: unknown: *; did you mean python-path?"},
		{"logfile = x", "", "WARNING logfile: unknown: *; did you mean logto?"},
		{"no-orphan = 1", "", "WARNING no-orphan: unknown: *; did you mean no-orphans?"},
		{"get = /", "", "WARNING get: unknown: uWSGI ignores this key, and so does gowsgi"},   // of gowsgi smoke
		{"version = 1", "", "WARNING version: unknown: *"},                                    // of the command line
		{"trusted-proxy = unix", "--trusted-proxy unix", "trusted-proxy: honoured: uWSGI: *"}, // gowsgi's own
	} {
		s := New("")
		s.lenient = true
		if err := s.setting(directive(test.line), File, false); err != nil {
			t.Errorf("%s: %v", test.line, err)
		}
		words := strings.TrimSuffix(strings.TrimSuffix(quoted(s.Words()), "--threads 1"), " ") // TestOneThread has that
		if words != test.words {
			got := words
			t.Errorf("%s: is %s, want %s", test.line, got, test.words)
		}
		var remarks []string
		for _, r := range s.Remarks() {
			level := strings.ToUpper(r.Level.String()) + " "
			if r.Level == Info {
				level = ""
			}
			remarks = append(remarks, level+strings.TrimPrefix(r.String(), same))
		}
		if !slices.EqualFunc(strings.Split(test.remarks, "|"), remarks, matches) {
			t.Errorf("%s: got\n  %s\nwant\n  %s", test.line, strings.Join(remarks, "|"), test.remarks)
		}
	}
}

// matches compares with a pattern in which a star stands for anything.
func matches(pattern, text string) bool {
	parts := strings.Split(pattern, "*")
	for i, part := range parts {
		at := strings.Index(text, part)
		if at < 0 || i == 0 && at > 0 || i == len(parts)-1 && !strings.HasSuffix(text, part) {
			return false
		}
		text = text[at+len(part):]
	}
	return len(parts) > 1 || text == ""
}

func quoted(words []string) string {
	for i, word := range words {
		if strings.Contains(word, " ") {
			words[i] = "'" + word + "'"
		}
	}
	return strings.Join(words, " ")
}

// TestSettingMistake: without gowsgi check, the first mistake ends the start, with its place.
func TestSettingMistake(t *testing.T) {
	for line, want := range map[string]string{
		"gevent = 1":         "uwsgi.ini:1: gevent: refused: use --threads N, N being the number of slow requests at a time, and remove monkey patching",
		"threads = 0":        "uwsgi.ini:1: threads: 0: want a whole number from 1 to 512",
		"hook-asap = exec:x": "uwsgi.ini:1: hook-asap: refused: " + useSystemd,
	} {
		if err := New("").setting(directive(line), File, false); fmt.Sprint(err) != want {
			t.Errorf("%s: got %v, want %s", line, err, want)
		}
	}
}

// TestStrict: it counts wherever it stands, for unknown keys and not for placeholders that are used.
func TestStrict(t *testing.T) {
	for text, want := range map[string]string{
		"strict = true\nbase = /app\nchdir = %(base)\n": "",
		"strict = true\nvaccum = 1\n":                   "vaccum",
		"vaccum = 1\nstrict = true\n":                   "vaccum",
		"vaccum = 1\nstrict = false\n":                  "",
	} {
		t.Chdir(t.TempDir())
		if err := os.WriteFile("a.ini", []byte("[uwsgi]\n"+text), 0o600); err != nil {
			t.Fatal(err)
		}
		s := New("")
		_ = s.addConfiguration("a.ini")
		if err := s.ReadFiles(nil); (err != nil) != (want != "") || err != nil && !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v", text, err)
		}
	}
}

// TestLoggers: two log files become one, which is told.
func TestLoggers(t *testing.T) {
	s := New("")
	_ = s.setting(directive("logger = file:a.log"), File, false)
	_ = s.setting(directive("req-logger = file:b.log"), File, false)
	if c, err := s.Config(); err != nil || c.LogTo != "b.log" || !slices.ContainsFunc(c.Warnings, func(w string) bool { return strings.Contains(w, "takes the place of a.log") }) {
		t.Errorf("%v %v", c, err)
	}
}

// TestUWSGIEnviron: uWSGI's variables are weaker than files, and those than all else.
func TestUWSGIEnviron(t *testing.T) {
	s := New("")
	environ := []string{"UWSGI_THREADS=3", "UWSGI_PROCESSES=2", "UWSGI_QUEUE_TIMEOUT=5", "UWSGI_RELOADS=1", "UWSGI_MASTER=", "UWSGI_NONSENSE=1"}
	if err := s.Set("queue-timeout", "9", Environ); err != nil {
		t.Fatal(err)
	}
	if err := s.readUWSGIEnviron(environ); err != nil {
		t.Fatal(err)
	}
	if err := s.setting(directive("threads = 7"), File, false); err != nil {
		t.Fatal(err)
	}
	c, err := s.Config()
	if err != nil {
		t.Fatal(err)
	}
	if c.Threads != 7 || c.Processes != "2" || c.QueueTimeout.Seconds() != 9 || c.Master {
		t.Errorf("got %+v", c)
	}
	if err := New("").readUWSGIEnviron([]string{"UWSGI_GEVENT=10"}); err == nil || !strings.HasPrefix(err.Error(), "UWSGI_GEVENT: refused") {
		t.Errorf("UWSGI_GEVENT: %v", err)
	}
}

// TestUWSGIOpt: what the app finds in uwsgi.opt.
func TestUWSGIOpt(t *testing.T) {
	s := New("")
	_ = s.Set("w", "app", CommandLine)
	_ = s.Set("master", "true", CommandLine)
	_ = s.setting(directive("threads = 7"), File, false)
	_ = s.setting(directive("base = /app"), File, true)
	want := []Opt{{"module", "app", false}, {"master", "true", true}, {"threads", "7", false}, {"base", "/app", false}}
	if got := s.config.UWSGIOpt; !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}

// TestSocketAlone: who asks for the uwsgi protocol gets no HTTP besides, unless he asks for that.
func TestSocketAlone(t *testing.T) {
	for _, test := range []struct {
		sets []set
		http string
	}{
		{nil, "127.0.0.1:5000"},
		{[]set{{"socket", ":3031", CommandLine}}, ""},
		{[]set{{"socket", ":3031", CommandLine}, {"http", ":1", CommandLine}}, ":1"},
	} {
		s := New("")
		for _, one := range test.sets {
			if err := s.Set(one.name, one.value, one.from); err != nil {
				t.Fatal(err)
			}
		}
		c, err := s.Config()
		if err != nil || strings.Join(c.HTTP, " ") != test.http {
			t.Errorf("%v: %v %v", test.sets, c, err)
		}
	}
}

// TestOneThread: a uWSGI configuration that does not say how many has one.
func TestOneThread(t *testing.T) {
	for line, want := range map[string]int{"master = true": 1, "threads = 4": 4, "threads = true": 1, "": 8} {
		s := New("")
		if line != "" {
			if err := s.setting(directive(line), File, false); err != nil {
				t.Fatal(err)
			}
		}
		if c, err := s.Config(); err != nil || c.Threads != want {
			t.Errorf("%q: %v, want %d threads, got %d", line, err, want, c.Threads)
		}
	}
}

// TestBadConfigurations: a file for each mistake. Its first line has the message, which the place comes before, if it has one.
func TestBadConfigurations(t *testing.T) {
	files, err := filepath.Glob("testdata/bad/*.ini")
	if err != nil || len(files) == 0 {
		t.Fatal(err, "no files")
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		first, _, _ := strings.Cut(string(text), "\n")
		want := strings.TrimPrefix(first, "; want: ")
		if want[0] >= '0' && want[0] <= '9' {
			want = file + ":" + want
		}
		s := New("")
		if err = s.addConfiguration(file); err == nil {
			err = s.ReadFiles(nil)
		}
		if err == nil {
			_, err = s.Config()
		}
		if usage := UsageError(""); !errors.As(err, &usage) || err.Error() != want {
			t.Errorf("%s: got %v\nwant %s", file, err, want)
		}
	}
}
