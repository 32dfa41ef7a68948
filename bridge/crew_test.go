package bridge

import (
	"testing"
	"time"

	"github.com/gowsgi/gowsgi/internal/link"
)

// TestCrews: a number's figures go on when another process gets it, and a process that ends its requests
// is shown beside its successor.
func TestCrews(t *testing.T) {
	p := new(Pool)
	f := serve(t, &Server{Queue: p})
	first := startProcess(t, p, 1)
	for range 3 {
		f.dial().get("/x").expect("GET", 200, "/x end")
	}
	crews := func(n int, served uint64) (s Snapshot) {
		t.Helper()
		until(t, "the requests are counted", func() bool {
			s = f.Snapshot()
			sum := s.Served()
			return sum.Requests >= served
		})
		if sum := s.Served(); sum.Requests != served || len(s.Crews) != n {
			t.Fatalf("%d requests of %d crews, want %d of %d", sum.Requests, len(s.Crews), served, n)
		}
		return s
	}
	s := crews(1, 3)
	c := &s.Crews[0]
	if c.Number != 1 || c.PID != first.cmd.Process.Pid || c.Spawns != 1 || c.Fresh != 3 || !c.Accepting || c.Status() != "idle" || len(s.Leaving) != 0 {
		t.Errorf("got %+v", s)
	}

	second := startProcess(t, p, 1)
	first.member.Retire()
	s = crews(1, 3)
	c = &s.Crews[0]
	if c.PID != second.cmd.Process.Pid || c.Spawns != 2 || c.Fresh != 0 || !c.Accepting || len(c.Threads) != hammerThreads {
		t.Errorf("got %+v", c)
	}
	if len(s.Leaving) != 1 || s.Leaving[0].PID != first.cmd.Process.Pid || s.Leaving[0].Accepting || s.Leaving[0].Fresh != 3 {
		t.Errorf("leaving %+v", s.Leaving)
	}
	first.kill()
	f.dial().get("/x").expect("GET", 200, "/x end")
	s = crews(1, 4)
	if len(s.Leaving) != 0 || s.Crews[0].Fresh != 1 {
		t.Errorf("got %+v", s)
	}

	second.kill()
	s = crews(1, 4)
	if c := &s.Crews[0]; c.PID != 0 || c.Status() != "cheap" || c.Accepting || c.Fresh != 0 || c.Spawns != 2 {
		t.Errorf("without a process: %+v", c)
	}
	other := startProcess(t, p, 2)
	s = crews(2, 4)
	if s.Crews[1].Number != 2 || s.Crews[1].Spawns != 1 {
		t.Errorf("got %+v", s.Crews)
	}
	f.dial().get("/x").expect("GET", 200, "/x end")
	until(t, "it is logged", func() bool { return len(f.logged()) == 5 })
	for i, want := range []struct {
		number int
		*process
	}{{1, first}, {1, first}, {1, first}, {1, second}, {2, other}} {
		if r := f.logged()[i]; r.WorkerID != want.number || r.PID != want.cmd.Process.Pid {
			t.Errorf("the log says worker %d, pid %d; want %d, %d", r.WorkerID, r.PID, want.number, want.cmd.Process.Pid)
		}
	}
	other.kill()
}

func (c *client) get(path string) *client {
	c.request("GET " + path)
	return c
}

// TestTell: what a process says of its threads counts as far as it can be.
func TestTell(t *testing.T) {
	p := new(Pool)
	front, err := link.NewFront(link.Size{Slots: 4, Request: RequestMax(1 << 10)})
	if err != nil {
		t.Fatal(err)
	}
	m, err := p.Join(front, Process{Number: 1, Spawned: time.Now().Add(-time.Minute), Threads: 4})
	if err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		name                    string
		says                    Stats
		active, blocked, parked int
		gilWait                 time.Duration
	}{
		{"the truth", Stats{Active: 1, Blocked: 2, Parked: 1, GILWait: time.Second}, 1, 2, 1, time.Second},
		{"a sum that shrinks", Stats{GILWait: 10 * time.Millisecond}, 0, 0, 4, time.Second},
		{"negative", Stats{Active: -1, Blocked: -7, GILWait: -5}, 0, 0, 4, time.Second},
		{"more than there are", Stats{Active: 3, Blocked: 3}, 3, 1, 0, time.Second},
		{"far more", Stats{Active: 1 << 60, Blocked: 1 << 60}, 4, 0, 0, time.Second},
	} {
		m.Tell(test.says)
		st := p.Stats()
		if st.Threads != 4 || st.Active != test.active || st.Blocked != test.blocked || st.Parked != test.parked || st.GILWait != test.gilWait {
			t.Errorf("%s: %+v", test.name, st)
		}
	}
	m.Tell(Stats{GILWait: 1 << 62})
	if st := p.Stats(); st.GILWait < 4*time.Minute || st.GILWait > 5*time.Minute {
		t.Errorf("four threads have waited %v in a minute", st.GILWait)
	}
	was := p.Stats().GILWait
	m.Lost()
	if st := p.Stats(); st.GILWait != was || st.Threads != 0 {
		t.Errorf("after its end: %+v", st)
	}
}
