package bridge

import (
	"testing"
	"time"
)

// fakeThread is a Worker for the scheduler alone, which asks only whether it runs.
type fakeThread struct {
	Worker
	running bool
	cpu     time.Duration
	starved bool // it wants a CPU, and gets none
}

func (f *fakeThread) Runnable() bool         { return f.running }
func (f *fakeThread) GILWait() time.Duration { return 0 }

func (f *fakeThread) CPU() (time.Duration, bool) { return f.cpu, true }

// schedule is a queue whose clock, threads and looks the test drives.
type schedule struct {
	*Queue
	t       *testing.T
	now     time.Time
	threads []*fakeThread
}

func newSchedule(t *testing.T, threads int) *schedule {
	s := &schedule{Queue: &Queue{scheduler: scheduler{still: true}}, t: t, now: time.Now()}
	for range threads {
		f := &fakeThread{running: true}
		s.threads = append(s.threads, f)
		seat := s.sit(f)
		s.park(seat)
	}
	return s
}

// push adds a request and returns the number of the thread that is woken, or -1.
func (s *schedule) push() int {
	s.append(&Call{ticket: ticket{pushed: s.now}})
	if seat := s.pushed().seat; seat != nil {
		return seat.id
	}
	return -1
}

// begin makes a thread take the oldest request; false: it is told to park.
func (s *schedule) begin(id int) bool {
	seat := s.seats[id]
	if s.head == nil || s.surplus(seat) {
		s.park(seat)
		return false
	}
	s.took(seat, s.pop().entry())
	seat.since = s.now
	return true
}

// tick lets time pass and looks; it returns how many threads are woken.
func (s *schedule) tick(d time.Duration) int {
	s.now = s.now.Add(d)
	for _, f := range s.threads {
		if f.running && !f.starved {
			f.cpu += d
		}
	}
	s.glance()
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.look(s.now))
}

func (s *schedule) want(what string, got, want int) {
	s.t.Helper()
	if got != want {
		s.t.Errorf("%s: %d, want %d; %+v", what, got, want, s.Stats())
	}
}

// A CPU-bound app: one thread takes request after request, nobody else is ever woken.
func TestSchedulerOneThreadMoves(t *testing.T) {
	s := newSchedule(t, 8)
	first := s.push()
	s.want("the first request wakes the thread parked last", first, 7)
	for range 1000 {
		s.want("woken by a push", s.push(), -1)
		s.push()
		if !s.begin(first) {
			t.Fatal("the only mover was told to park")
		}
		s.want("woken by a look", s.tick(tick), 0)
	}
	s.want("active", s.Stats().Active, 1)
}

// Blocking I/O: each thread that blocks is followed by another, until all are used.
func TestSchedulerWakesWhenBlocked(t *testing.T) {
	s := newSchedule(t, 4)
	id := s.push()
	for range 20 {
		s.push()
	}
	for n := 1; n < 4; n++ {
		s.begin(id)
		s.threads[id].running = false
		if woken := s.tick(tick); woken != 1 {
			t.Fatalf("%d threads woken behind %d blocked ones, want 1", woken, n)
		}
		id = 3 - n
		s.burst = 0 // one by one
	}
	s.begin(id)
	s.threads[id].running = false
	s.tick(tick)
	s.want("nobody is left to wake", s.tick(tick), 0)
	s.want("blocked", s.Stats().Blocked, 4)
	// One comes back: nobody else moves, so it goes on.
	if !s.begin(2) {
		t.Error("a thread back from I/O parked though no other moved")
	}
}

// A thread that is blocked no longer when others move parks: contention shrinks back.
func TestSchedulerParksSurplus(t *testing.T) {
	s := newSchedule(t, 4)
	a := s.push()
	for range 20 {
		s.push()
	}
	s.begin(a)
	s.threads[a].running = false
	s.want("woken behind the blocked thread", s.tick(tick), 1)
	b := 2
	if s.begin(b); !s.begin(a) {
		t.Error("a thread back from I/O parked though the GIL may be idle")
	}
	for range settledLooks {
		s.begin(b)
		s.begin(a)
		s.threads[a].running = true
		s.tick(tick)
	}
	if s.begin(a) {
		t.Error("a thread back from I/O took a request while another kept the GIL busy")
	}
	s.want("parked", s.Stats().Parked, 3)
}

// All threads blocked, queue empty: the next request wakes one at once, without a look.
func TestSchedulerPushWakesBehindBlocked(t *testing.T) {
	s := newSchedule(t, 2)
	a := s.push()
	s.push()
	s.begin(a)
	s.threads[a].running = false
	s.tick(tick)
	s.tick(tick)
	b := 0
	s.begin(b)
	if s.threads[b].running = false; s.Stats().Waiting != 0 {
		t.Fatal("a request is left")
	}
	s.push()
	s.tick(tick)
	s.tick(tick)
	s.want("blocked", s.Stats().Blocked, 2)
}

// A long computation does not count as moving after longTime: others get a share.
func TestSchedulerLongComputation(t *testing.T) {
	s := newSchedule(t, 2)
	a := s.push()
	s.push()
	s.begin(a)
	for at := time.Duration(0); at < longTime-tick; at += tick {
		s.want("woken while it computes", s.tick(tick), 0)
	}
	s.want("woken after longTime", s.tick(tick), 1)
}

// A thread that other processes keep from the CPU computes for no longer than others do: a second one
// would only take the GIL from it.
func TestSchedulerStarved(t *testing.T) {
	s := newSchedule(t, 2)
	a := s.push()
	s.push()
	s.begin(a)
	s.threads[a].starved = true
	s.want("woken while it has no CPU", s.tick(3*longTime), 0)
	s.want("woken while it has no CPU, later", s.tick(longTime), 0)
	s.threads[a].starved = false
	s.want("woken after some of longTime on it", s.tick(longTime/4), 0)
	s.want("woken after more", s.tick(longTime/4), 1)
}

// Short I/O, many times a tick: requests move, yet the GIL lies idle. More movers are
// wanted; once the GIL is busy again, fewer.
func TestSchedulerShortWaits(t *testing.T) {
	s := newSchedule(t, 8)
	a := s.push()
	for range 5000 {
		s.push()
	}
	s.threads[a].running = false
	for range idleLooks {
		s.begin(a)
		s.tick(tick / 4)
	}
	s.want("wanted after idle looks", s.wanted, 2)
	s.want("active", s.Stats().Active, 2)
	for _, f := range s.threads {
		f.running = true
	}
	for range calmLooks {
		s.begin(a)
		s.tick(tick)
	}
	s.want("wanted after calm looks", s.wanted, 1)
}

// Outgrown speaks up when every thread is taken for long, and not again at once.
func TestSchedulerOutgrown(t *testing.T) {
	s := newSchedule(t, 1)
	said := make(chan Stats, 10)
	s.Outgrown = func(st Stats) { said <- st }
	a := s.push()
	for range 3 {
		s.push()
	}
	s.begin(a)
	s.threads[a].running = false
	for at := time.Duration(0); at < 3*time.Second; at += 100 * time.Millisecond {
		s.tick(100 * time.Millisecond)
	}
	if st := <-said; st.Waiting != 3 || st.Parked != 0 {
		t.Errorf("reported %+v", st)
	}
	select {
	case <-said:
		t.Error("reported twice within ten seconds")
	default:
	}
}

// Blocked look after look: more are woken at once, up to a bound, until the GIL is in use.
func TestSchedulerBurst(t *testing.T) {
	s := newSchedule(t, 32)
	for _, f := range s.threads {
		f.running = false
	}
	s.push()
	for range 100 {
		s.push()
	}
	s.begin(31)
	next := 30
	for _, want := range []int{1, 2, 4, burstMax, burstMax} {
		s.want("woken", s.tick(tick), want)
		for range want {
			s.begin(next)
			next--
		}
	}
	s.threads[next+1].running = true
	s.want("woken while one runs", s.tick(tick/4), 0)
}

// asleep is a schedule of two threads, one of which sleeps at a request, and others wait.
func asleep(t *testing.T, waiting int) (s *schedule, id int) {
	s = newSchedule(t, 2)
	id = s.push()
	for range waiting {
		s.push()
	}
	s.begin(id)
	s.threads[id].running = false
	return s, id
}

// One glance at a young request tells nothing: the thread may sleep between Go and Python.
func TestSchedulerGlancesTwice(t *testing.T) {
	s, _ := asleep(t, 3)
	s.want("woken after one glance", s.tick(tick/4), 0)
	s.want("woken after two", s.tick(tick/4), 1)
}

// A thread that has gone on to another request since the glance is not asleep.
func TestSchedulerMovedSinceGlance(t *testing.T) {
	s, a := asleep(t, 3)
	s.glance()
	s.now = s.now.Add(2 * tick)
	s.begin(a)
	s.want("woken", len(s.look(s.now)), 0)
	s.want("idle looks", s.idled, 0)
}

// A request that comes between glance and look, as the monitor's own polls bring them, does not wait
// for another look behind a thread that sleeps.
func TestSchedulerPushedSinceGlance(t *testing.T) {
	s, _ := asleep(t, 0)
	s.now = s.now.Add(tick)
	s.glance()
	s.push()
	s.want("woken", len(s.look(s.now)), 1)
}

// Looks come late when no thread has blocked for long.
func TestSchedulerPace(t *testing.T) {
	s := newSchedule(t, 2)
	a := s.push()
	for range steadyLooks {
		s.want("pace in ms", int(s.pace()/tick), 1)
		s.push()
		s.begin(a)
		s.tick(tick)
	}
	s.want("pace in ms, steady", int(s.pace()/tick), 4)
	s.threads[a].running = false
	s.tick(tick)
	s.want("pace in ms, blocked", int(s.pace()/tick), 1)
}
