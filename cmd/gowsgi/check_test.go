package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// checked runs gowsgi check with words on a configuration that is called uwsgi.ini.
func checked(t *testing.T, config string, words ...string) outcome {
	t.Helper()
	t.Chdir(t.TempDir())
	if err := os.WriteFile("uwsgi.ini", []byte(config), 0o600); err != nil {
		t.Fatal(err)
	}
	return command(nil, append([]string{"check", "uwsgi.ini"}, words...)...)
}

func TestCheck(t *testing.T) {
	for _, test := range []struct {
		name, config string
		words        []string
		code         int
		want         string
	}{
		{"fine", "[uwsgi]\nhttp = :5000\nmodule = app:app\nmaster = true\ndie-on-term = true\nthreads = 2\n", nil, 0, `uwsgi.ini:2: http: honoured: uWSGI has the same; there's no router process here, and a bare number is an error, not a socket's name
uwsgi.ini:3: module: honoured: uWSGI has the same; a call may have literal arguments here
uwsgi.ini:4: master: honoured
uwsgi.ini:5: die-on-term: not needed: always so here; safe to delete
uwsgi.ini:6: threads: honoured: uWSGI has the same, default 1

gowsgi --module app:app --http :5000 --threads 2 --master

4 honoured, 0 emulated, 1 not needed, 0 refused, 0 unknown
`},
		{"refused", "[uwsgi]\nsocket = a.sock\ngevent = 5\nmodule = app:app\n", nil, 1, `uwsgi.ini:2: socket: honoured: uWSGI has the same; variables that have code loaded (UWSGI_SCRIPT and the like) are never obeyed here
ERROR uwsgi.ini:3: gevent: refused: use --threads N, N being the number of slow requests at a time, and remove monkey patching
uwsgi.ini:4: module: honoured: uWSGI has the same; a call may have literal arguments here
a uWSGI configuration without threads means one for each process, also here; with threads = 8, which costs nothing, slow requests do not hold up others, if the app may run in threads

gowsgi --module app:app --socket unix:a.sock --threads 1

2 honoured, 0 emulated, 0 not needed, 1 refused, 0 unknown
`},
		{"unknown", "[uwsgi]\nvaccum = true\n", nil, 0, `WARNING uwsgi.ini:2: vaccum: unknown: uWSGI ignores this key, and so does gowsgi; did you mean vacuum?
a uWSGI configuration without threads means one for each process, also here; with threads = 8, which costs nothing, slow requests do not hold up others, if the app may run in threads

gowsgi --threads 1

0 honoured, 0 emulated, 0 not needed, 0 refused, 1 unknown
`},
	} {
		got := checked(t, test.config, test.words...)
		if got.code != test.code || got.stdout != test.want || got.stderr != "" {
			t.Errorf("%s: exit %d\n%s%s\nwant exit %d\n%s", test.name, got.code, got.stdout, got.stderr, test.code, test.want)
		}
	}
	if got := checked(t, "[uwsgi]\nvaccum = true\n", "--strict"); got.code != 1 {
		t.Errorf("--strict with an unknown key: exit %d", got.code)
	}
}

func TestCheckJSON(t *testing.T) {
	got := checked(t, "[uwsgi]\nthreads = 4\nspooler = x\n", "--json")
	var r understanding
	if err := json.Unmarshal([]byte(strings.ReplaceAll(got.stdout, `"level": "info"`, `"level": 0`)), &r); err == nil || got.code != 1 {
		// the levels are words, for people and jq
		t.Errorf("exit %d, %v\n%s", got.code, err, got.stdout)
	}
	for _, want := range []string{`"file": "uwsgi.ini"`, `"line": 2`, `"fate": "honoured"`, `"fate": "refused"`, `"level": "error"`, `"accepted": false`, `"--threads"`} {
		if !strings.Contains(got.stdout, want) {
			t.Errorf("no %s in\n%s", want, got.stdout)
		}
	}
}

func TestCheckErrors(t *testing.T) {
	t.Chdir(t.TempDir())
	for _, test := range []struct {
		args []string
		want string
	}{
		{[]string{"check"}, "gowsgi: check wants one configuration: uwsgi.ini, or uwsgi.ini:section\n"},
		{[]string{"check", "app:app"}, "gowsgi: app:app is no configuration (.ini, .yaml, .json); gowsgi --check tries an app\n"},
		{[]string{"check", "a.xml"}, "gowsgi: a.xml: configurations are .ini, .yaml or .json files here; write it as one of these\n"},
	} {
		if got := command(nil, test.args...); got.code != exitUsage || got.stderr != test.want {
			t.Errorf("%v: exit %d, %q", test.args, got.code, got.stderr)
		}
	}
	if got := command(nil, "check", filepath.Join("no", "such.ini")); got.code == 0 || !strings.Contains(got.stderr, "such.ini") {
		t.Errorf("a file that is not there: exit %d, %q", got.code, got.stderr)
	}
}
