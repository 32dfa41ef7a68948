package blackbox

import (
	"fmt"
	"slices"
	"strings"
	"syscall"
	"testing"
)

// resize sends TTIN or TTOU and waits until there are n workers.
func (c *crew) resize(t *testing.T, sig syscall.Signal, n int) {
	t.Helper()
	c.signal(t, sig)
	c.wantWorkers(t, n)
}

// Clause: "TTIN, TTOU: one worker process more, one less". No client notices, and a reload keeps the number.
func TestMasterResize(t *testing.T) {
	t.Parallel()
	c := startCrew(t, launch{})
	load := c.busy(3, 2)
	c.resize(t, syscall.SIGTTIN, 2)
	c.resize(t, syscall.SIGTTIN, 3)
	eventually(t, "all of them answer", func() bool {
		load.mu.Lock()
		defer load.mu.Unlock()
		return len(load.seen) == 3
	})
	c.resize(t, syscall.SIGTTOU, 2)
	old := pids(c.workers())
	c.put(t, "generation", "second")
	c.reload(t)
	c.wantWorkers(t, 2, old...)
	eventually(t, "the new generation answers", func() bool { return load.times("second") > 50 })
	c.resize(t, syscall.SIGTTOU, 1)
	last := pids(c.workers())
	n := c.log.len()
	c.signal(t, syscall.SIGTTOU)
	c.log.waitSince(t, n, "the number of worker processes stays")
	load.stop(t)
	if now := pids(c.workers()); !slices.Equal(now, last) {
		t.Errorf("the last process %v has become %v", last, now)
	}
	c.stop(t)
}

// The one that leaves ends its requests first, and runs its atexit functions. One that has nothing to do leaves first.
func TestMasterResizeWaitsForRequests(t *testing.T) {
	t.Parallel()
	c := startCrew(t, launch{Args: []string{"-p", "3"}})
	one, two := c.hold(t, "one", "/gate"), c.hold(t, "two", "/gate")
	if one.pid == two.pid {
		t.Fatalf("both requests are in %d", one.pid)
	}
	c.resize(t, syscall.SIGTTOU, 2)
	if left := pids(c.workers()); !slices.Contains(left, one.pid) || !slices.Contains(left, two.pid) {
		t.Fatalf("%d and %d have requests, %v are left", one.pid, two.pid, left)
	}
	n := c.log.len()
	c.signal(t, syscall.SIGTTOU)
	c.log.waitSince(t, n, "a worker process leaves")
	one.letGo(t)
	two.letGo(t)
	c.wantWorkers(t, 1)
	eventually(t, "two have ended in order", func() bool { return c.countEvents(t, "atexit ") == 2 })
	c.stop(t)
}

// Signals that come while the processes are replaced count, too.
func TestMasterResizeDuringReload(t *testing.T) {
	t.Parallel()
	c := startCrew(t, launch{Args: []string{"-p", "2"}})
	load := c.busy(2, 1)
	c.put(t, "hold-import", "")
	c.put(t, "generation", "second")
	old := pids(c.workers())
	n := c.log.len()
	c.signal(t, syscall.SIGHUP)
	eventually(t, "a generation imports", func() bool { return c.countEvents(t, "importing ") == 4 })
	c.signal(t, syscall.SIGTTIN)
	c.log.waitSince(t, n, "the number of worker processes changes")
	c.remove(t, "hold-import")
	c.log.waitSince(t, n, "INFO reloaded ")
	c.wantWorkers(t, 3, old...)
	load.stop(t)
	c.base = takeCensus(c.pid())
	c.stop(t)
}

// A worker that is sent them does nothing: they are the front's.
func TestMasterResizeSentToWorker(t *testing.T) {
	t.Parallel()
	c := startCrew(t, launch{})
	pid := c.workers()[0].pid
	for _, sig := range []syscall.Signal{syscall.SIGTTIN, syscall.SIGTTOU} {
		kill(t, pid, sig)
		if i := c.who(t); i.PID != pid {
			t.Errorf("after %v, %d answers in place of %d", sig, i.PID, pid)
		}
	}
	c.stop(t)
}

// Clause: "without worker processes nothing": it is not stopped either, as by default.
func TestResizeAlone(t *testing.T) {
	alone(t, plain, func(t *testing.T, v variant) {
		s := v.start(t, launch{App: "signals"})
		for _, sig := range []syscall.Signal{syscall.SIGTTIN, syscall.SIGTTOU} {
			s.signal(t, sig)
			s.get(t, "/").want(t, 200, "index")
		}
		if n := len(descendants(s.pid())); n != 0 {
			t.Errorf("there are %d processes more", n)
		}
	})
}

// Clause: "--cheaper": more processes when requests wait for all there are, up to --processes; fewer when they have
// nothing to do, down to --cheaper.
func TestMasterCheaper(t *testing.T) {
	t.Parallel()
	c := startCrew(t, launch{Args: []string{"-p", "3", "--threads", "1", "--cheaper", "1", "--cheaper-idle", "1"}})
	c.wantWorkers(t, 1)
	var slow []*held
	for i := range 3 { // each waits until there is one more
		slow = append(slow, c.hold(t, fmt.Sprintf("slow-%d", i), "/gate"))
		if n := len(c.workers()); n != i+1 {
			t.Errorf("there are %d processes for %d requests", n, i+1)
		}
	}
	waits := c.dial(t)
	waits.send(request("GET", "/", ""))
	old := pids(c.workers())
	c.put(t, "generation", "second")
	c.reload(t) // it is of as many as there are
	waits.response("GET").want(t, 200, "index")
	for _, h := range slow {
		h.letGo(t)
	}
	c.wantWorkers(t, 1, old...)
	if n := c.countEvents(t, "imported "); n != 6 {
		t.Errorf("the app was imported %d times, want 3 and 3 for the reload", n)
	}
	if n := strings.Count(c.log.String(), "there will be fewer"); n != 2 {
		t.Errorf("the number went down %d times, want 2", n)
	}
	c.stop(t)
}

// Clauses: "--cheaper-initial", "--cheaper-step".
func TestMasterCheaperSteps(t *testing.T) {
	t.Parallel()
	c := startCrew(t, launch{Args: []string{
		"-p", "5", "--threads", "1", "--cheaper", "1", "--cheaper-initial", "2", "--cheaper-step", "2", "--cheaper-idle", "60",
	}})
	c.wantWorkers(t, 2)
	one, two := c.hold(t, "one", "/gate"), c.hold(t, "two", "/gate")
	three := c.hold(t, "three", "/gate")
	c.wantWorkers(t, 4)
	for _, h := range []*held{one, two, three} {
		h.letGo(t)
	}
	c.grown(t)
	kill(t, three.pid, syscall.SIGKILL) // one that dies is replaced
	c.wantWorkers(t, 4, three.pid)
	c.resize(t, syscall.SIGTTIN, 5)
	n := c.log.len()
	c.signal(t, syscall.SIGTTIN)
	c.log.waitSince(t, n, "the number of worker processes stays", "most=5")
	for n := 4; n > 0; n-- {
		c.resize(t, syscall.SIGTTOU, n)
	}
	c.finish(t)
}

// A process whose GIL is stuck has another one started beside it, for those that wait.
func TestMasterCheaperStuck(t *testing.T) {
	t.Parallel()
	c := startCrew(t, launch{Args: []string{"-p", "2", "--cheaper", "1", "--threads", "1"}})
	g := c.gate(t, "wedge")
	k := c.dial(t)
	k.send(request("GET", "/wedge?name=wedge", ""))
	g.reached(t)
	stuck := c.workers()[0].pid
	if i := c.who(t); i.PID == stuck {
		t.Errorf("%d answers, whose GIL is stuck", i.PID)
	}
	c.wantWorkers(t, 2)
	g.open(t)
	k.response("GET").want(t, 200, fmt.Sprint(stuck))
	c.base = takeCensus(c.pid())
	c.stop(t)
}

func TestCheaperUsage(t *testing.T) {
	t.Parallel()
	dir := folder(t, "app.py", bare("app", "text"))
	for _, f := range []struct{ args, want string }{
		{"-p 2 --cheaper 2", "--cheaper 2: want less than --processes, which is 2"},
		{"--cheaper 1", "--cheaper 1: want less than --processes, which is 1"},
		{"-p 4 --cheaper 5", "--cheaper 5: want less than --processes, which is 4"},
		{"-p 4 --cheaper 2 --cheaper-step 0", "--cheaper-step 0: want a whole number from 1 to 127"},
	} {
		command(t, dir, nil, append(strings.Fields(f.args), "app:app")...).wantLine(t, 2, f.want)
	}
}
