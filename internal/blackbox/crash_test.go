package blackbox

import (
	"strings"
	"syscall"
	"testing"
	"time"
)

const stacksBegin = ": the Python stacks of all threads"

// readsStacks tells whether the server's CPython can read stacks without the GIL: others say so, in the log.
func (s *server) readsStacks() bool { return s.readsStacksFor(s.log.String()) }

// readsStacksFor is readsStacks for stacks that are somewhere else.
func (s *server) readsStacksFor(text string) bool {
	return strings.HasPrefix(s.ready.Python, "3.11.") || strings.HasPrefix(s.ready.Python, "3.12.") ||
		!strings.Contains(text, "they can't be read: ")
}

// crash sends a request that ends the server, and returns what stderr had to say.
func (s *server) crash(t *testing.T, path string) string {
	t.Helper()
	s.dial(t).send(request("GET", path, ""))
	s.wantKilled(t, map[bool]syscall.Signal{true: syscall.SIGABRT, false: syscall.SIGSEGV}[path == "/abort"])
	return s.log.String()
}

// wantKilled asserts that the process ends by a signal, as its parent sees it.
func (s *server) wantKilled(t *testing.T, by syscall.Signal) {
	t.Helper()
	s.wantEnd(t, 30*time.Second)
	if status, ok := s.cmd.ProcessState.Sys().(syscall.WaitStatus); !ok || !status.Signaled() || status.Signal() != by {
		t.Errorf("it ended by %v, not %v", s.cmd.ProcessState, by)
	}
}

// Extensions crash. Their stacks in C say nothing to who wrote the app; Python's do.
func TestCrashShowsStacks(t *testing.T) {
	alone(t, plain, func(t *testing.T, v variant) {
		for path, words := range map[string][]string{
			"/segv?a=b": {"SIGSEGV", "in reads_nothing", "in segv", " is at GET /segv?a=b\n"},
			"/abort":    {"SIGABRT", "in aborts", " is at GET /abort\n"},
			"/stream":   {"SIGSEGV", "in reads_nothing", "in streams"},
			"/thread":   {"SIGSEGV", "in reads_nothing", "in in_thread", " is at GET /thread\n"},
		} {
			s := v.start(t, launch{App: "crash"})
			text := s.crash(t, path)
			for _, w := range words {
				if strings.HasPrefix(w, "in ") && !s.readsStacks() {
					continue
				}
				if !strings.Contains(text, w) {
					t.Errorf("%s: stderr lacks %q:\n%s", path, w, s.log.tail(60))
				}
			}
			if n := strings.Count(text, stacksBegin); n != 1 {
				t.Errorf("%s: the stacks were written %d times", path, n)
			}
		}
	})
}

// A supervisor's SIGABRT, which wants to know where the process hangs, and the others.
func TestCrashFromOutside(t *testing.T) {
	alone(t, plain, func(t *testing.T, v variant) {
		for _, sig := range []syscall.Signal{syscall.SIGABRT, syscall.SIGSEGV, syscall.SIGBUS, syscall.SIGFPE, syscall.SIGILL} {
			s := v.start(t, launch{App: "crash"})
			s.get(t, "/").want(t, 200, "index")
			s.signal(t, sig)
			s.wantKilled(t, sig)
			if text := s.log.String(); strings.Count(text, stacksBegin) != 1 {
				t.Errorf("%v: stderr:\n%s", sig, s.log.tail(30))
			}
		}
	})
}

// The app's own faulthandler comes first, and the stacks are not written twice.
func TestCrashWithFaulthandler(t *testing.T) {
	alone(t, plain, func(t *testing.T, v variant) {
		for path, words := range map[string]string{"/segv": "Fatal Python error: Segmentation fault", "/abort": "Fatal Python error: Aborted"} {
			s := v.start(t, launch{App: "crash", Env: []string{"WANTS=faulthandler"}})
			if text := s.crash(t, path); !strings.Contains(text, words) || strings.Contains(text, stacksBegin) {
				t.Errorf("%s: stderr:\n%s", path, s.log.tail(60))
			}
		}
	})
}

// A child that the app forked ends by the signal, and the server goes on.
func TestCrashOfChild(t *testing.T) {
	alone(t, plain, func(t *testing.T, v variant) {
		s := v.start(t, launch{App: "crash"})
		s.get(t, "/child").want(t, 200, "11")
		s.log.wait(t, "SIGSEGV"+stacksBegin, "end of the Python stacks")
		if s.readsStacks() {
			s.log.wait(t, "in reads_nothing")
		}
		s.get(t, "/").want(t, 200, "index")
		s.signal(t, syscall.SIGTERM)
		s.wantEnd(t, 20*time.Second, 0)
	})
}
