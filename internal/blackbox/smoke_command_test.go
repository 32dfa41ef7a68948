package blackbox

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// Clause: "serves on a free port, runs the command with GOWSGI_URL set, exit code is the command's".
func TestSmokeCommand(t *testing.T) {
	t.Parallel()
	const get = `import os, sys, urllib.request as r; sys.stdout.write(r.urlopen(os.environ["GOWSGI_URL"] + sys.argv[1]).read().decode())`
	python := filepath.Join(venv, "bin", "python")
	for _, test := range []struct {
		command []string
		code    int
		stdout  string
		stderr  string
	}{
		{[]string{python, "-c", get, "/items/5?a=b"}, 0, `"id":5`, `"GET /items/5?a=b HTTP/1.1" 200`},
		{[]string{"sh", "-c", "echo $0 $1; exit 7", "--", "--get"}, 7, "-- --get\n", ""},
		{[]string{"sh", "-c", "kill -TERM $$"}, 143, "", ""},
		{[]string{"no-such-command"}, 127, "", "gowsgi smoke: no-such-command: command not found\n"},
		{[]string{"./no-such-command"}, 127, "", "gowsgi smoke: ./no-such-command: command not found\n"},
		// What it leaves in the background ends with it.
		{[]string{"sh", "-c", "sleep 1000 & exit 3"}, 3, "", ""},
		// A gowsgi of its own does not wonder about GOWSGI_URL.
		{[]string{binary, "--check", "--virtualenv", venv, "app:app"}, 0, "", "the app loads"},
	} {
		e := smoke(t, "smoke", nil, append([]string{"app:app", "--"}, test.command...)...)
		if e.code != test.code || !strings.Contains(e.stdout, test.stdout) || !strings.Contains(e.stderr, test.stderr) || strings.Contains(e.stderr, "GOWSGI_URL") {
			t.Errorf("%q: exit %d, want %d\nstdout:\n%s\nstderr:\n%s", test.command, e.code, test.code, e.stdout, e.stderr)
		}
	}
	smoke(t, "smoke", nil, "app:app", "--get", "/", "--", "true").want(t, 2, "checks and a command are two runs")
}

// runningSmoke is a gowsgi smoke that is under way, and whose family was seen.
func runningSmoke(t *testing.T, dir string, family int, args ...string) (*spawned, []process) {
	t.Helper()
	cmd := exec.Command(binary, append([]string{"smoke", "--virtualenv", venv}, args...)...)
	cmd.Dir, cmd.Env = dir, environ(dir)
	p := spawn(t, cmd)
	begun := filepath.Join(dir, "begun")
	eventually(t, "it is under way", func() bool { _, err := os.Stat(begun); return err == nil })
	var seen []process
	eventually(t, "all processes are there", func() bool { seen = descendants(p.Process.Pid); return len(seen) >= family })
	return p, seen
}

// Clause: "Nothing left running, also on Ctrl-C": while checks run, a command runs, or the app is imported; also when
// gowsgi smoke is killed itself.
func TestSmokeInterrupted(t *testing.T) {
	t.Parallel()
	const hangs = "import threading\ndef app(environ, start_response):\n    open('begun', 'w').close()\n    threading.Event().wait()\n"
	const child = "import subprocess\nsubprocess.Popen(['sleep', '1000'])\n"
	const imports = child + "import threading\nopen('begun', 'w').close()\nthreading.Event().wait()\n"
	const trap = "trap 'exit 9' INT TERM; touch begun; while :; do sleep 0.02; done"
	for _, test := range []struct {
		name   string
		app    string
		args   []string
		family int
		signal syscall.Signal
		code   int
	}{
		{"checks, Ctrl-C", hangs, []string{"--get", "/"}, 1, syscall.SIGINT, 130},
		{"checks, TERM", child + hangs, []string{"--get", "/", "--concurrency", "2", "--get", "/"}, 2, syscall.SIGTERM, 143},
		{"import", imports, []string{"--get", "/"}, 2, syscall.SIGINT, 130},
		{"import for a command", imports, []string{"--", "true"}, 2, syscall.SIGINT, 130},
		{"command, Ctrl-C", hangs, []string{"--", "sh", "-c", trap}, 2, syscall.SIGINT, 9},
		{"command, TERM", hangs, []string{"--", "sh", "-c", "touch begun; sleep 1000 & sleep 1000"}, 2, syscall.SIGTERM, 143},
		{"checks, KILL", hangs, []string{"--get", "/"}, 1, syscall.SIGKILL, -1},
		{"command, KILL", hangs, []string{"--", "sh", "-c", "touch begun; exec sleep 1000"}, 2, syscall.SIGKILL, -1},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			p, family := runningSmoke(t, folder(t, "app.py", test.app), test.family, append([]string{"app:app"}, test.args...)...)
			if err := p.Process.Signal(test.signal); err != nil {
				t.Fatal(err)
			}
			select {
			case <-p.exited:
			case <-after(30):
				t.Fatal("it does not end")
			}
			if code := p.ProcessState.ExitCode(); code != test.code {
				t.Errorf("exit %d, want %d", code, test.code)
			}
			var left []process
			if !soon(patience(), func() bool { left = survivors(p.Process.Pid, family); return len(left) == 0 }) {
				t.Errorf("left behind: %v", left)
			}
		})
	}
}
