package blackbox

import (
	"slices"
	"strings"
	"testing"
	"time"
)

// Clauses: "failing route", "500 with traceback", "for each failure the request, the response's head, the app's own
// traceback of that very request, and the check that failed"; a breach of PEP 3333.
func TestSmokeFaults(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		path      string
		status    int
		failures  []string // beginnings
		traceback string   // its end
	}{
		{"/zero?who=me", 500, []string{"status: 500, want one below 400"}, "ValueError: fault of me\n"},
		{"/zero?who=you=500", 500, nil, ""},
		{"/header", 500, []string{"status: 500", "wsgiref.validate: Bad header name: 'Not A Name'"}, "AssertionError: Bad header name: 'Not A Name'\n"},
		{"/text", 500, []string{"status: 500", "wsgiref.validate: Iterator yielded non-bytestring"}, "('text')\n"},
		{"/later", 200, []string{"the response broke off: unexpected EOF"}, "KeyError: 'in the middle'\n"},
		{"/errors", 503, []string{"status: 503"}, ""},
	} {
		r := report(t, "smoke_faults", map[bool]int{true: 0, false: 1}[test.failures == nil], "app:app", "--get", test.path, "--get", "/ok")
		c := r.Checks[0]
		begins := func(want, got string) bool { return strings.HasPrefix(got, want) }
		if c.Status != test.status || !slices.EqualFunc(test.failures, c.Failures, begins) || !strings.HasSuffix(c.Traceback, test.traceback) {
			t.Errorf("%s: status %d, failures %q, traceback\n%s", test.path, c.Status, c.Failures, c.Traceback)
		}
		if test.failures == nil {
			continue
		}
		if !strings.HasPrefix(c.Request, "GET "+test.path+" HTTP/1.1\nHost: 127.0.0.1:") || !strings.HasPrefix(c.Response, "HTTP/1.1 "+c.Response[9:12]) {
			t.Errorf("%s: request %q, response %q", test.path, c.Request, c.Response)
		}
		if test.path == "/errors" && c.Errors != "what went wrong\n" {
			t.Errorf("wsgi.errors %q", c.Errors)
		}
		if r.Checks[1].Outcome != "passed" || r.Checks[1].Traceback != "" {
			t.Errorf("%s: the check beside it: %+v", test.path, r.Checks[1])
		}
	}
	if r := report(t, "smoke_bare", 1, "app.py", "--get", "/bytes"); !slices.Contains(r.Checks[0].Failures, "wsgiref.validate: You should not return a string as your application iterator, instead return a single-item list containing a bytestring.") {
		t.Errorf("%+v", r)
	}
	report(t, "smoke_bare", 0, "app.py", "--no-validate", "--get", "/bytes")
}

// Many at the same time, each with a fault of its own: each has its very own traceback.
func TestSmokeConcurrently(t *testing.T) {
	t.Parallel()
	args := []string{"app:app", "--concurrency", "8", "--repeat", "4"}
	for _, who := range []string{"a", "b", "c", "d", "e", "f", "g", "h"} {
		args = append(args, "--get", "/zero?who="+who+"=200")
	}
	r := report(t, "smoke_faults", 1, args...)
	if r.Failed != 32 || len(r.Checks) != 32 {
		t.Fatalf("%d checks, %d failed", len(r.Checks), r.Failed)
	}
	for i, c := range r.Checks {
		_, who, _ := strings.Cut(c.Path, "who=")
		if c.Round != i/8+1 || strings.Count(c.Traceback, "ValueError: fault of") != 1 || !strings.HasSuffix(c.Traceback, "ValueError: fault of "+who+"\n") {
			t.Errorf("%s, round %d:\n%s", c.Path, c.Round, c.Traceback)
		}
	}
}

// Clause: "hang (times out with stack)". What comes after it is served by another process, with all its threads.
func TestSmokeHang(t *testing.T) {
	t.Parallel()
	limit := within(3 * time.Second).String() // which /ok, the first request of a new process, must not need
	r := report(t, "smoke_faults", 1, "app:app", "--threads", "1", "--timeout", limit, "--get", "/stuck", "--get", "/ok", "--get", "/stuck", "--get", "/ok")
	for i, c := range r.Checks {
		if i%2 == 1 {
			if c.Outcome != "passed" {
				t.Errorf("after a hang: %+v", c)
			}
			continue
		}
		if !slices.Equal(c.Failures, []string{"no end of the response after " + limit}) || c.Status != 0 {
			t.Errorf("%q, status %d", c.Failures, c.Status)
		}
		if !strings.Contains(c.Stack, "GET /stuck") || !strings.Contains(c.Stack, "in stuck\n    threading.Event().wait()\n") || strings.Contains(c.Stack, "_gowsgi_probe") {
			t.Errorf("stack:\n%s", c.Stack)
		}
	}
}

// Clause: "--max-ms": it fails the check and shows where the thread was, and the response is awaited all the same.
func TestSmokeSlow(t *testing.T) {
	t.Parallel()
	r := report(t, "smoke_faults", 1, "app:app", "--max-ms", "700", "--get", "/ok", "--get", "/slow")
	c := r.Checks[1]
	if c.Status != 200 || len(c.Failures) != 1 || !strings.HasPrefix(c.Failures[0], "max_ms: took ") || !strings.HasSuffix(c.Failures[0], " ms, want 700 at most") {
		t.Errorf("status %d, %q", c.Status, c.Failures)
	}
	if !strings.Contains(c.Stack, "in slow\n    time.sleep(2)\n") {
		t.Errorf("stack:\n%s", c.Stack)
	}
	if r := report(t, "smoke_faults", 0, "app:app", "--max-ms", "60000", "--get", "/slow"); r.Checks[0].Stack != "" {
		t.Errorf("a check that passed has a stack")
	}
}

// A crash or an end of the process is the fault of one check.
func TestSmokeCrash(t *testing.T) {
	t.Parallel()
	r := report(t, "smoke_faults", 1, "app:app", "--get", "/exit", "--get", "/ok", "--get", "/crash", "--get", "/ok")
	if r.Passed != 2 || r.Failed != 2 {
		t.Fatalf("%+v", r)
	}
	if f := r.Checks[0].Failures; len(f) != 2 || f[1] != "the app's process has ended: exit status 3" {
		t.Errorf("%q", f)
	}
	crashed := r.Checks[2]
	if len(crashed.Failures) != 2 || !strings.HasPrefix(crashed.Failures[1], "the app's process has ended: ") || !strings.Contains(crashed.Log, "SIGSEGV") ||
		!strings.Contains(crashed.Log, "is at GET /crash") || strings.Contains(crashed.Log, "goroutine") {
		t.Errorf("%q\n%s", crashed.Failures, crashed.Log)
	}
}

// Clause: "--fail-fast".
func TestSmokeFailFast(t *testing.T) {
	t.Parallel()
	e := smoke(t, "smoke_faults", nil, "app:app", "--fail-fast", "--repeat", "2", "--get", "/ok", "--get", "/errors", "--get", "/ok")
	e.wantTable(t, 1, "ok 200 GET /ok\nFAIL 503 GET /errors\nskip - GET /ok\nskip - GET /ok\nskip - GET /errors\nskip - GET /ok\n1 passed, 1 failed, 4 skipped")
}

// Clause: "22 app didn't load (traceback last)"; also when the import kills the process.
func TestSmokeNotLoaded(t *testing.T) {
	t.Parallel()
	load := func(text string, args ...string) ended {
		args = append([]string{"smoke", "app:app", "--virtualenv", venv}, args...)
		return command(t, folder(t, "app.py", text), nil, args...)
	}
	for _, args := range [][]string{nil, {"--get", "/"}, {"--", "echo", "run"}} {
		e := load("import os\n\n\ndef f():\n    1 / 0\n\n\nf()\n", args...)
		e.want(t, 22, "gowsgi: the app failed to load", "in f")
		if e.lastLine() != "ZeroDivisionError: division by zero" || e.stdout != "" {
			t.Errorf("%q: stdout %q, stderr:\n%s", args, e.stdout, e.stderr)
		}
	}
	load("import nowhere\n").want(t, 22, "No module named 'nowhere'")
	load("x = 5\n").want(t, 22, `"app"`)
	load("import os\nos._exit(0)\n").want(t, 22, "the app ended the process: exit status 0")
	load("import os\nos.kill(os.getpid(), 9)\n").want(t, 22, "the app ended the process: signal: killed")
	command(t, t.TempDir(), nil, "smoke", "app:app", "--virtualenv", "/nonexistent").want(t, 1, "/nonexistent")
}
