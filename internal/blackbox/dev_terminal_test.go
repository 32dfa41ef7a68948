package blackbox

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

var app = []string{"app"}

// Clause: "pdb/breakpoint() works in --dev --threads 1": the prompt on the terminal, an answer, and the
// response afterwards; Ctrl-C then ends everything in order.
func TestBreakpoint(t *testing.T) {
	run(t, app, func(t *testing.T, v variant) {
		term := v.terminal(t, launch{App: "dev", Args: []string{"--dev", "--threads", "1"}})
		for range 2 { // the debugger leaves nothing behind that stops the second one
			n := term.log.len()
			c := term.dial(t)
			c.send(request("GET", "/stops", ""))
			term.log.waitSince(t, n, "(Pdb) ")
			term.types(t, "p x + 1\n")
			term.log.waitSince(t, n, "\n42\r\n")
			term.types(t, "c\n")
			c.response("GET").want(t, 200, "went on with 41 /stops")
		}
		term.get(t, "/").want(t, 200, "index")
		term.leave(t)
		if text := term.log.String(); strings.Contains(text, "replaced") || strings.Contains(text, "worker") {
			t.Error("the worker process took the terminal's Ctrl-C for itself")
		}
	})
}

// Ctrl-C during the import: one process says so, and all are gone.
func TestInterruptedImport(t *testing.T) {
	run(t, app, func(t *testing.T, v variant) {
		dir := folder(t, "app.py", "import time\nprint('imp' + 'orting', flush=True)\ntime.sleep(600)\n")
		term := v.openTerminal(t, launch{App: "dev", Dir: dir, Args: []string{"--dev"}})
		term.log.wait(t, "importing")
		term.leave(t)
		if n := strings.Count(term.log.String(), "exiting while the app is being imported"); n != 1 {
			t.Errorf("said %d times that it exits:\n%s", n, term.log)
		}
	})
}

// requestLine is a line of --dev, its colours aside.
var requestLine = regexp.MustCompile(`^\d\d:\d\d:\d\d (\d+) +(\S+) +(\S+) +(\d+\.\d)ms +(\d+)$`)

var colours = regexp.MustCompile("\x1b\\[[0-9;]*m")

// lineOf is the line of a request in the log.
func (s *server) lineOf(t *testing.T, path string) (found string) {
	t.Helper()
	eventually(t, "a line of its form for "+path, func() bool {
		for line := range strings.SplitSeq(s.log.String(), "\n") {
			line = strings.TrimSuffix(line, "\r")
			if m := requestLine.FindStringSubmatch(colours.ReplaceAllString(line, "")); m != nil && m[3] == path {
				found = line
			}
		}
		return found != ""
	})
	return found
}

// Clause: "one coloured line per request (method, path, status, ms, bytes; slow ones stand out), plain when
// not a TTY or NO_COLOR".
func TestRequestLines(t *testing.T) {
	run(t, app, func(t *testing.T, v variant) {
		term := v.terminal(t, launch{App: "dev", Args: []string{"--dev"}, Env: []string{"NO_COLOR="}})
		for path, colour := range map[string]string{"/": "\x1b[32m", "/nothing": "\x1b[33m", "/boom": "\x1b[1;31m", "/slow": "\x1b[1;33m"} {
			term.get(t, path)
			if line := term.lineOf(t, path); !strings.Contains(line, colour) || !strings.Contains(line, "\x1b[0m") {
				t.Errorf("the line of %s lacks %q: %q", path, colour, line)
			}
		}
		if line := term.lineOf(t, "/"); strings.Contains(line, "\x1b[1;33m") {
			t.Errorf("a fast request looks slow: %q", line)
		}
		term.leave(t)
	})
}

func TestPlainRequestLines(t *testing.T) {
	run(t, app, func(t *testing.T, v variant) {
		term := v.terminal(t, launch{App: "dev", Args: []string{"--dev"}, Env: []string{"NO_COLOR=1"}})
		piped := v.start(t, launch{App: "dev", Args: []string{"--dev"}})
		for _, s := range []*server{term.server, piped} {
			s.get(t, "/boom").wantStatus(t, 500)
			s.get(t, "/%1b%5b31m\x1b[31m") // refused or not: no escape reaches the log
			s.lineOf(t, "/boom")
			if text := s.log.String(); strings.Contains(text, "\x1b") {
				t.Errorf("escape codes in the log: %q", text)
			}
		}
		term.leave(t)
	})
}

// Clause: "prints URL, routes count, Python, venv at start".
func TestDevStart(t *testing.T) {
	run(t, app, func(t *testing.T, v variant) {
		s := v.start(t, launch{App: "dev", Args: []string{"--dev"}})
		s.log.wait(t, "serving url=http://"+s.addr+" ", " python="+s.ready.Python+" ", " routes=16", " venv="+venv+"\n")
	})
}

// Clause: "`--open` opens the browser"; what fails is a line in the log.
func TestOpen(t *testing.T) {
	run(t, app, func(t *testing.T, v variant) {
		browser := filepath.Join(t.TempDir(), "browser")
		script := "#!/bin/sh\nprintf '%s\\n' \"$@\" > \"$SCRATCH/opened.tmp\"\nmv \"$SCRATCH/opened.tmp\" \"$SCRATCH/opened\"\n"
		if err := os.WriteFile(browser, []byte(script), 0o700); err != nil {
			t.Fatal(err)
		}
		for command, want := range map[string]string{browser: "URL", browser + " --new '%s#top'": "--new\nURL#top"} {
			s := v.start(t, launch{App: "dev", Args: []string{"--open"}, Env: []string{"BROWSER=" + command}})
			var got []byte
			eventually(t, "the browser was opened", func() (ok bool) {
				var err error
				got, err = os.ReadFile(filepath.Join(s.scratch, "opened"))
				return err == nil
			})
			if want = strings.ReplaceAll(want, "URL", s.ready.URL) + "\n"; string(got) != want {
				t.Errorf("BROWSER=%s got %q, want %q", command, got, want)
			}
			s.stop(t)
		}
		for _, command := range []string{"/no/such/browser", "false"} {
			s := v.start(t, launch{App: "dev", Args: []string{"--open"}, Env: []string{"BROWSER=" + command}})
			s.log.wait(t, "WARN the browser could not be opened url="+s.ready.URL)
			s.get(t, "/").want(t, 200, "index")
		}
	})
}
