package workers

import (
	"slices"
	"testing"
	"time"

	"github.com/gowsgi/gowsgi/internal/leak"
)

func TestResize(t *testing.T) {
	c := newCrew(t, Config{Count: 2})
	c.start(t)
	c.want(t, 1, 2)
	for _, step := range []struct {
		by   int
		want []int
	}{
		{1, []int{1, 2, 3}}, {-1, []int{1, 2}}, {-1, []int{1}}, {-1, []int{1}}, {3, []int{1, 2, 3, 4}}, {-10, []int{1}},
	} {
		if n := c.Resize(step.by); n != len(step.want) {
			t.Errorf("%+d: there should be %d, want %d", step.by, n, len(step.want))
		}
		c.want(t, step.want...)
	}
	for why, n := range c.Restarts() {
		if n > 0 {
			t.Errorf("%d processes were replaced: %s", n, why)
		}
	}
}

func TestResizeLimits(t *testing.T) {
	c := newCrew(t, Config{Count: 3, Cheaper: Cheaper{Least: 2, Initial: 2, Step: 1, Idle: time.Hour}})
	c.start(t)
	c.want(t, 1, 2)
	for _, step := range []struct{ by, want int }{{-1, 2}, {5, 3}, {-5, 2}} {
		if n := c.Resize(step.by); n != step.want {
			t.Errorf("%+d: there should be %d, want %d", step.by, n, step.want)
		}
	}
}

func TestReloadKeepsNumber(t *testing.T) {
	c := newCrew(t, Config{Count: 1})
	c.start(t)
	c.Resize(1)
	c.want(t, 1, 2)
	old := c.processes()
	for _, during := range []int{0, 1, -2} {
		c.put(t, "hold")
		reloaded := make(chan error, 1)
		go func() { reloaded <- c.Reload() }()
		n := c.Target()
		if !leak.Settles(func() bool { c.mu.Lock(); defer c.mu.Unlock(); return len(c.all) == 2*n }) {
			t.Fatal("no generation is started")
		}
		n = c.Resize(during)
		c.remove(t, "hold")
		if err := <-reloaded; err != nil {
			t.Fatal(err)
		}
		c.want(t, []int{1, 2, 3}[:n]...)
		for _, p := range c.processes() {
			if slices.ContainsFunc(old, func(o *process) bool { return o == p }) {
				t.Errorf("%d is from before", p.pid())
			}
		}
		old = c.processes()
	}
}

func TestStartNotNeeded(t *testing.T) {
	c := newCrew(t, Config{Count: 1})
	c.start(t)
	c.put(t, "hold")
	before := c.processes()
	c.Resize(2)
	if !leak.Settles(func() bool { c.mu.Lock(); defer c.mu.Unlock(); return len(c.all) == 3 }) {
		t.Fatal("no process is started")
	}
	c.Resize(-2)
	c.remove(t, "hold")
	c.want(t, 1)
	if now := c.processes(); now[0] != before[0] {
		t.Errorf("%v has become %v", before, now)
	}
}
