package workers

import (
	"regexp"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/gowsgi/gowsgi/bridge"
	"github.com/gowsgi/gowsgi/internal/leak"
)

func TestRecycleTakesTheNumber(t *testing.T) {
	c := newCrew(t, Config{Count: 2})
	c.start(t)
	c.mu.Lock()
	p := c.current[0]
	c.mu.Unlock()
	c.recycle(p, "max-requests")
	c.want(t, 1, 2)
	if now := c.processes(); now[0] == p {
		t.Error("it is there still")
	}
	if r := c.Restarts(); r["max-requests"] != 1 {
		t.Errorf("counted as %v", r)
	}
}

func TestGrowsWhileReplaced(t *testing.T) {
	c := newCrew(t, Config{Count: 1, Recycling: Recycling{EvilRSS: tooMuch}})
	c.start(t)
	p := c.taking()[0]
	c.put(t, "hold")
	go c.recycle(p, "max-requests")
	if !leak.Settles(func() bool { return len(c.living()) == 2 }) {
		t.Fatal("no process is started")
	}
	c.put(t, "grow")
	if !leak.Settles(func() bool { return !slices.Contains(c.living(), p) }) {
		t.Fatal("it is not killed")
	}
	c.remove(t, "grow")
	c.remove(t, "hold")
	c.want(t, 1)
	for why, n := range c.Restarts() {
		if want := map[string]uint64{"max-requests": 1}[why]; n != want {
			t.Errorf("%s: %d, want %d", why, n, want)
		}
	}
}

func TestGrows(t *testing.T) {
	c := newCrew(t, Config{Count: 1, Recycling: Recycling{EvilRSS: tooMuch}})
	c.start(t)
	p := c.taking()[0]
	c.put(t, "grow")
	if !leak.Settles(func() bool { return !slices.Contains(c.living(), p) }) {
		t.Fatal("it is not killed")
	}
	c.remove(t, "grow")
	c.want(t, 1)
	if r := c.Restarts(); r["died"] != 0 || r["evil-reload-on-rss"] == 0 {
		t.Errorf("counted as %v", r)
	}
}

func TestRetireDeaf(t *testing.T) {
	c := newCrew(t, Config{Count: 1})
	c.start(t)
	p := c.taking()[0]
	if err := syscall.Kill(p.pid(), syscall.SIGSTOP); err != nil {
		t.Fatal(err)
	}
	for p.say(message{Harakiri: &Harakiri{Line: strings.Repeat("x", packetMax/2)}}, -1) == nil { // until its socket is full
	}
	go p.retire(100*time.Millisecond, 0) // it has nothing to end, so it is to be told at once
	if !leak.Settles(func() bool { return !slices.Contains(c.living(), p) }) {
		t.Fatal("the front waits for it")
	}
}

func TestJudge(t *testing.T) {
	const young, old = soon - 1, soon
	f := New(Config{})
	for i, step := range []struct {
		age            time.Duration
		worked, wanted bool
		wait           time.Duration
	}{
		{age: young},
		{age: young, wait: firstWait},
		{age: young, wait: 2 * firstWait},
		{age: young, wanted: true, wait: 2 * firstWait}, // says nothing
		{age: young, worked: true},
		{age: young, worked: true},
		{age: young, worked: true},
		{age: young},
		{age: young, wait: firstWait},
		{age: old},
		{age: old},
		{age: young},
	} {
		if wait := f.judge(1, step.age, step.worked, step.wanted); wait != step.wait {
			t.Errorf("step %d: %+v: the wait is %s", i, step, wait)
		}
		if wait := f.judge(2, old, false, false); wait != 0 {
			t.Errorf("step %d: another number waits %s", i, wait)
		}
	}
}

func TestCrashesOnceReady(t *testing.T) {
	c := newCrew(t, Config{Count: 1})
	c.start(t)
	p := c.taking()[0]
	c.put(t, "crash")
	if err := syscall.Kill(p.pid(), syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	if !leak.Settles(func() bool { return strings.Contains(c.log.String(), "next_try_s=0.5") }) {
		t.Fatal("there is no wait")
	}
	c.remove(t, "crash")
	c.put(t, "fail")
	if !leak.Settles(func() bool { return strings.Contains(c.log.String(), `error="it fails" next_try_s=`) }) {
		t.Error("a start that fails: no wait is told")
	}
	c.remove(t, "fail")
	c.want(t, 1)
}

func TestAbandonNamesRequests(t *testing.T) {
	c := newCrew(t, Config{Count: 1})
	c.start(t)
	p := c.taking()[0]
	if err := syscall.Kill(p.pid(), syscall.SIGSTOP); err != nil {
		t.Fatal(err)
	}
	came := &bridge.Overdue{Running: bridge.Running{Line: "GET /came"}}
	p.doomed.add(came)
	p.doomed.add(&bridge.Overdue{Running: bridge.Running{Line: "GET /hangs", Age: 1500 * time.Millisecond}, Remote: "192.0.2.1"})
	p.doomed.remove(came)
	p.abandon()
	if !leak.Settles(func() bool { return !slices.Contains(c.living(), p) }) {
		t.Fatal("it is not killed")
	}
	c.want(t, 1)
	for _, what := range []string{"the thread does not come back", "the worker process is killed"} {
		if !regexp.MustCompile(what + `.* requests="\[GET /hangs \(192\.0\.2\.1, 1\.5 s\)\]"`).MatchString(c.log.String()) {
			t.Errorf("%q is not told of the request:\n%s", what, c.log)
		}
	}
}
