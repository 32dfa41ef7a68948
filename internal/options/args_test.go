package options

import (
	"fmt"
	"slices"
	"strings"
	"testing"
)

func TestArrange(t *testing.T) {
	for _, test := range []struct {
		args, flags, positionals string // words, separated by |
	}{
		{"", "", ""},
		{"app:app|--http|:0", "--http=:0", "app:app"},
		{"--http|:0|app:app|--threads=2|b", "--http=:0|--threads=2", "app:app|b"},
		{"--http|:0|--|--threads|app", "--http=:0", "--threads|app"},
		{"a|--", "", "a"},
		{"--http-socket|:1|--http|:2", "--http-socket=:1|--http=:2", ""},
		{"--http=", "--http=", ""},
		{"--env=A=B=C", "--env=A=B=C", ""},
		{"--env|A=B", "--env=A=B", ""},
		{"--threads|-1", "--threads=-1", ""},
		{"--pyargv|--config prod.ini", "--pyargv=--config prod.ini", ""},
		{"--pyargv|-n", "--pyargv=-n", ""},
		{"--pyargv=--check", "--pyargv=--check", ""},
		{"-|-w|-", "-w=-", "-"},

		{"--check|app", "--check=true", "app"},
		{"--check=false", "--check=false", ""},
		{"-L|app", "-L=true", "app"},
		{"-L=false", "-L=false", ""},

		{"-w|app:app", "-w=app:app", ""},
		{"-wapp:app", "-w=app:app", ""},
		{"-w=app:app", "-w=app:app", ""},
		{"-l128|-H|/venv", "-l=128|-H=/venv", ""},
		{"-Lw|app", "-L=true|-w=app", ""},
		{"-LC660", "-L=true|-C=660", ""},

		{"--chmod-socket|app", "--chmod-socket=666", "app"},
		{"--chmod-socket|660|app", "--chmod-socket=660", "app"},
		{"--chmod-socket=600|660", "--chmod-socket=600", "660"},
		{"--chmod|1", "--chmod=1", ""},
		{"--chmod-socket|999", "--chmod-socket=666", "999"},
		{"--chmod-socket|--http|:0", "--chmod-socket=666|--http=:0", ""},
		{"--chmod-socket", "--chmod-socket=666", ""},
		{"-C|660", "-C=660", ""},
		{"-C660", "-C=660", ""},
		{"-C", "-C=666", ""},
		{"-CL", "-C=L", ""}, // refused later, as by uWSGI
	} {
		flags, positionals, err := Arrange("", words(test.args))
		if err != nil {
			t.Errorf("%s: %v", test.args, err)
			continue
		}
		if !slices.Equal(flags, words(test.flags)) || !slices.Equal(positionals, words(test.positionals)) {
			t.Errorf("%s: got %q %q", test.args, flags, positionals)
		}
	}
}

func words(text string) []string {
	if text == "" {
		return nil
	}
	return strings.Split(text, "|")
}

func TestSuggest(t *testing.T) {
	for name, want := range map[string]string{
		"thread":      "threads",
		"threds":      "threads",
		"htread":      "threads",
		"THREADS":     "threads",
		"wsgi_file":   "wsgi-file",
		"_wsgi_file_": "wsgi-file",
		"wsgifile":    "wsgi-file",
		"virt":        "virtualenv",
		"drain":       "drain-timeout",
		"queue-time":  "queue-timeout",
		"pythonpth":   "pythonpath",
		"hepl":        "help",
		"env2":        "env",
		"log":         "", // three begin so
		"p":           "",
		"":            "",
		"mastre":      "master",
		"proceses":    "processes",
		"spooler":     "",
		"sockt":       "socket",
		"uidd":        "uid",
		"harakir":     "harakiri",
		"emperor":     "",
	} {
		if _, got := suggest("", name); got != want {
			t.Errorf("%q: suggests %q, want %q", name, got, want)
		}
	}
}

// TestCommandScope: a subcommand takes its own options and gowsgi's, gowsgi takes no subcommand's.
func TestCommandScope(t *testing.T) {
	for _, test := range []struct {
		command, args, flags, err string
	}{
		{command: "smoke", args: "app:app|--get|/|--threads=2|--get=/a=302", flags: "--get=/|--threads=2|--get=/a=302"},
		{command: "smoke", args: "app|-p|2|-t5", flags: "-p=2|-t=5"},
		{command: "smoke", args: "--gett", err: "unknown option --gett; did you mean --get?"},
		{command: "smoke", args: "--check|x", err: "unknown option --check; did you mean --checks?"},
		{command: "smoke", args: "--nonsense", err: "unknown option --nonsense; gowsgi smoke --help lists the options"},
		{command: "routes", args: "--get|/", err: "unknown option --get; gowsgi routes --help lists the options"},
		{args: "--get|/", err: "unknown option --get; gowsgi --help lists the options"},
		{args: "--junit|x", err: "unknown option --junit; gowsgi --help lists the options"},
		{command: "smoke", args: "--get|--checks|x", err: "--get: value missing; want a path that starts with /, as in /login or /login=200"},
	} {
		flags, _, err := Arrange(test.command, words(test.args))
		if got := fmt.Sprint(err); test.err != "" && got != test.err || test.err == "" && (err != nil || !slices.Equal(flags, words(test.flags))) {
			t.Errorf("%s %s: got %q %v", test.command, test.args, flags, err)
		}
	}
}

func TestNearest(t *testing.T) {
	names := []string{"name", "method", "path", "expect", "headers"}
	for name, want := range map[string]string{"expects": "expect", "Path": "path", "mehtod": "method", "zzz": "", "": "", "url": ""} {
		if got := Nearest(name, names); got != want {
			t.Errorf("%q: %q, want %q", name, got, want)
		}
	}
}

func TestDistance(t *testing.T) {
	for _, test := range []struct {
		a, b string
		want int
	}{
		{"", "", 0},
		{"", "abc", 3},
		{"abc", "abc", 0},
		{"abc", "acb", 1},
		{"kitten", "sitting", 3},
		{"chdir", "cd", 3},
		{"http", "htttp", 1},
	} {
		if got := distance(test.a, test.b); got != test.want {
			t.Errorf("%q %q: %d, want %d", test.a, test.b, got, test.want)
		}
		if got := distance(test.b, test.a); got != test.want {
			t.Errorf("%q %q: %d, want %d", test.b, test.a, got, test.want)
		}
	}
}
