package blackbox

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// uwsgiModule serves testdata/apps/uwsgi_module with --uwsgi-module.
func uwsgiModule(t *testing.T, v variant, args ...string) *server {
	t.Helper()
	s := v.launch(t, launch{
		App: "uwsgi_module", Args: append([]string{"--uwsgi-module"}, args...),
		KeepThreads: 3, // timers
	})
	if err := os.WriteFile(filepath.Join(s.scratch, "counter"), []byte("0"), 0o600); err != nil {
		t.Fatal(err)
	}
	s.awaitReady(t)
	return s
}

// said decodes the answer 200 for target.
func said[T any](t *testing.T, s *server, target string) (v T) {
	t.Helper()
	r := s.get(t, target)
	r.wantStatus(t, 200)
	if err := json.Unmarshal(r.Body, &v); err != nil {
		t.Fatalf("%s: %v", r.Body, err)
	}
	return v
}

// noted are the lines that the app has left in a file, each with how often it stands there.
func (s *server) noted(name string) map[string]int {
	lines := map[string]int{}
	text, _ := os.ReadFile(filepath.Join(s.scratch, name)) // none: nothing was noted
	for _, line := range strings.Fields(string(text)) {
		lines[line]++
	}
	return lines
}

type uwsgiAbout struct {
	WorkerID   int `json:"worker_id"`
	AtImport   int `json:"at_import"`
	NumProc    int
	MasterPID  int
	PID, PPID  int
	Version    string
	Info       string
	Opt        string
	Has        []bool
	Absent     map[string]string
	Order      []string
	Hook, Spec string
}

// Every name of the module, in the single process and behind a front.
func TestUWSGIModule(t *testing.T) {
	run(t, plain, func(t *testing.T, v variant) {
		s := uwsgiModule(t, v, "--locks", "2", "--env", "A=1", "--env", "B=2")
		python := s.python(t)
		a := said[uwsgiAbout](t, s, "/about")
		if a.WorkerID != 1 || a.AtImport != 1 || a.NumProc != 1 || a.MasterPID != s.pid() || a.PID != python ||
			a.Version != "b'2.0.31'" || a.Info != "(2, 0, 31, 0, b'')" || a.Spec != "uwsgi" || a.Hook != "postfork_chain_hook" {
			t.Errorf("got %+v", a)
		}
		if !slices.Equal(a.Order, []string{"import", "postfork"}) || !slices.Equal(a.Has, []bool{true, false, false}) {
			t.Errorf("got %+v", a)
		}
		for _, want := range []string{"'env': b'B=2'", "'locks': b'2'", "'uwsgi-module': True", "'enable-threads': True"} {
			if !strings.Contains(a.Opt, want) {
				t.Errorf("uwsgi.opt lacks %s: %s", want, a.Opt)
			}
		}
		for name, want := range map[string]string{
			"cache_get": "redis", "spool": "celery", "websocket_recv": "WebSockets", "nonsense": "documentation",
			"from": "cannot import name 'cache_set' from 'uwsgi'", "decorator": "cannot import name 'spool'", "__path__": "no attribute",
		} {
			if !strings.Contains(a.Absent[name], want) {
				t.Errorf("%s: %q lacks %q", name, a.Absent[name], want)
			}
		}
		if states := fmt.Sprint(said[[]any](t, s, "/locks")); !strings.HasPrefix(states, "[false <nil> true <nil> false <nil> there is no lock -1: they are 0 to 2") {
			t.Errorf("locks: %s", states)
		}
		if !said[bool](t, s, "/log") {
			t.Error("uwsgi.log() does not say True")
		}
		s.log.wait(t, `INFO tell \udc80 the log`)
		if e := said[map[string]string](t, s, "/environ"); e["uwsgi.version"] != "b'2.0.31'" || !strings.HasPrefix(e["uwsgi.node"], "b'") || len(e) != 2 {
			t.Errorf("environ: %v", e)
		}
		type worker struct {
			ID, PID, Requests int
			Status, Apps      string
		}
		if w := said[[]worker](t, s, "/workers"); len(w) != 1 || w[0].ID != 1 || w[0].PID != python || w[0].Requests == 0 || w[0].Status != "busy" ||
			!strings.Contains(w[0].Apps, "'mountpoint': b''") {
			t.Errorf("workers: %+v", w)
		}
		s.log.wait(t, "@postfork broken raised an exception", "ValueError: in postfork", "a timer raised an exception", "ValueError: in a timer")
		eventually(t, "timers go on", func() bool { return s.noted("ticks")[fmt.Sprint(python)] > 3 })
	})
}

// Clause: "without the option neither module exists".
func TestUWSGIModuleAbsent(t *testing.T) {
	run(t, plain, func(t *testing.T, v variant) {
		s := v.start(t, launch{App: "uwsgi_module"})
		if got := fmt.Sprint(said[[]any](t, s, "/missing")); got != "[true []]" {
			t.Errorf("uwsgi is there: %s", got)
		}
	})
}

// set_logvar reaches the access log, whenever the app sets it, and the client never.
func TestUWSGILogVars(t *testing.T) {
	run(t, plain, func(t *testing.T, v variant) {
		s := uwsgiModule(t, v, "--log-format", "line %(uri) %(status) %(tenant) %(closing) %(bytes) %(var.REQUEST_METHOD)")
		for target, want := range map[string]string{
			"/logvars?tenant=a": `200 a - \u0000\u000a\"\u00ff GET`,
			"/stream":           "200 late1 closed - GET",
			"/raise":            "500 raised - - GET",
			"/pid":              "200 - - - GET",
		} {
			r := s.get(t, target)
			if head := r.Head; strings.Contains(head, "(") || strings.Contains(head, "tenant") {
				t.Errorf("%s: the client gets %q", target, head)
			}
			s.log.wait(t, "line "+target+" "+want)
		}
		seen := said[struct {
			Before, After string
			Refused       []string
		}](t, s, "/logvars?tenant=b")
		if seen.Before != "None" || seen.After != "b'b'" || len(seen.Refused) != 3 {
			t.Errorf("got %+v", seen)
		}
	})
}

// No update is lost, whichever process and thread has the request.
func TestUWSGILocks(t *testing.T) {
	t.Parallel()
	s := uwsgiModule(t, variant{shape{name: "four"}, "application"}, "-p", "4", "--threads", "2")
	const clients, each = 8, 20
	numbers := make(chan string, clients*each)
	var wg sync.WaitGroup
	for range clients {
		c := s.dial(t)
		wg.Add(1)
		go func() {
			defer wg.Done()
			for range each {
				c.trySend("GET /count HTTP/1.1\r\nHost: t\r\n\r\n")
				if r, err := c.tryResponse("GET"); err == nil && r.Status == 200 {
					numbers <- string(r.Body)
				}
			}
		}()
	}
	wg.Wait()
	close(numbers)
	distinct := map[string]bool{}
	for n := range numbers {
		distinct[n] = true
	}
	if len(distinct) != clients*each || !distinct[fmt.Sprint(clients*each)] {
		t.Errorf("%d distinct numbers of %d", len(distinct), clients*each)
	}
	if forks := s.noted("forks"); len(forks) != 4 || len(s.noted("firsts")) != 1 {
		t.Errorf("postfork ran in %v", forks)
	}
}

// A process that dies gives its locks back, and one that is replaced takes its timers along.
func TestUWSGILockHolderDies(t *testing.T) {
	t.Parallel()
	s := uwsgiModule(t, variant{shape{name: "two"}, "application"}, "-p", "2", "--threads", "2")
	holder := s.dial(t)
	holder.send("GET /hold HTTP/1.1\r\nHost: t\r\n\r\n")
	eventually(t, "the lock is held", func() bool { return len(s.noted("held")) == 1 })
	if !said[bool](t, s, "/locked") {
		t.Error("nobody has the lock")
	}
	waiter := s.dial(t)
	waiter.send("GET /count HTTP/1.1\r\nHost: t\r\n\r\n")
	waiter.silent()
	for pid := range s.noted("held") {
		var n int
		if _, err := fmt.Sscan(pid, &n); err != nil {
			t.Fatal(err)
		}
		if err := syscall.Kill(n, syscall.SIGKILL); err != nil {
			t.Fatal(err)
		}
	}
	holder.response("GET").wantStatus(t, 502)
	r := waiter.response("GET")
	if r.Status == 502 { // it was in the same process
		r = s.get(t, "/count")
	}
	if string(r.Body) != "1" {
		t.Errorf("got %d %s", r.Status, r.Body)
	}
	s.log.wait(t, "a worker process is ready")
	eventually(t, "its timers run", func() bool { return len(s.noted("everywhere")) == 3 })
	s.base = takeCensus(s.pid())
}

// Timers run in the process that they are for, and in one at a time while processes are exchanged.
func TestUWSGITimers(t *testing.T) {
	t.Parallel()
	s := uwsgiModule(t, variant{shape{name: "two"}, "application"}, "-p", "2")
	eventually(t, "all timers run", func() bool {
		return len(s.noted("ticks")) == 1 && len(s.noted("everywhere")) == 2 && len(s.noted("second")) == 1
	})
	for pid := range s.noted("ticks") {
		if s.noted("second")[pid] > 0 || s.noted("firsts")[pid] != 1 {
			t.Errorf("worker 1 is %v, worker 2 %v, and timers of one run in %v", s.noted("firsts"), s.noted("second"), s.noted("ticks"))
		}
	}
	if !said[bool](t, s, "/reload") {
		t.Error("uwsgi.reload() does not say True")
	}
	s.log.wait(t, "reloaded")
	eventually(t, "the new worker 1 has the timer", func() bool { return len(s.noted("ticks")) == 2 })
	// Whoever had it never gets it back: the file's lines change once.
	text, err := os.ReadFile(filepath.Join(s.scratch, "ticks"))
	if err != nil {
		t.Fatal(err)
	}
	if turns := slices.Compact(strings.Fields(string(text))); len(turns) != 2 {
		t.Errorf("the timer ran in turns: %v", turns)
	}
	if len(s.noted("forks")) != 4 {
		t.Errorf("postfork ran in %v", s.noted("forks"))
	}
	eventually(t, "the old processes are gone", func() bool { s.base = takeCensus(s.pid()); return len(descendants(s.pid())) == 2 })
}

// reload() without a master says what is missing.
func TestUWSGIReloadAlone(t *testing.T) {
	alone(t, plain, func(t *testing.T, v variant) {
		s := uwsgiModule(t, v)
		if r := s.get(t, "/reload"); string(r.Body) != "null" {
			t.Errorf("got %s", r.Body)
		}
		s.log.wait(t, "uwsgi.reload(): nothing is reloaded, for there is no master process; start with --master")
	})
}

// A hook that hangs does not keep signals from the server.
func TestUWSGIHookHangs(t *testing.T) {
	run(t, plain, func(t *testing.T, v variant) {
		s := v.launch(t, launch{App: "uwsgi_module", Args: []string{"--uwsgi-module"}, Env: []string{"HANG_HOOK=1"}, MayNotDrain: true})
		if !soon(within(60*time.Second), func() bool { return len(s.noted("hangs")) > 0 }) {
			t.Fatalf("the hook is not called; stderr:\n%s", s.log)
		}
		s.signal(t, syscall.SIGTERM)
		s.wantExit(t)
	})
}
