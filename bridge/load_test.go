package bridge

import (
	"syscall"
	"testing"

	"github.com/gowsgi/gowsgi/internal/leak"
)

// TestLoad: what the processes of a pool are at, with requests that run, wait, and are not taken.
func TestLoad(t *testing.T) {
	p := new(Pool)
	f := serve(t, &Server{Queue: p})
	want := func(what string, want Load) {
		t.Helper()
		var got Load
		if !leak.Settles(func() bool { got = p.Load(); return got == want }) {
			t.Fatalf("%s: %+v, want %+v", what, got, want)
		}
	}
	want("nobody", Load{})
	one := startProcess(t, p, 1)
	want("one, idle", Load{Processes: 1})
	if err := one.cmd.Process.Signal(syscall.SIGSTOP); err != nil {
		t.Fatal(err)
	}
	c := f.dial()
	c.request("GET /first")
	want("a request that nobody takes", Load{Processes: 1, Busy: 1, Behind: true})
	two := startProcess(t, p, 2)
	c.expect("GET", 200, "/first end")
	want("one that is stopped, one that is idle", Load{Processes: 2, Busy: 1})
	one.member.Retire()
	want("one leaves", Load{Processes: 1})
	one.kill()
	if n := two.member.Served(); n != 1 {
		t.Errorf("it has served %d requests, want 1", n)
	}
	two.kill()
	want("nobody again", Load{})
}
