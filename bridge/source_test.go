package bridge

import (
	"fmt"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// well is a Source that the test fills. It panics when the contract is broken: one caller at
// a time.
type well struct {
	q    *Queue
	bell chan struct{} // holds one
	busy atomic.Bool

	mu    sync.Mutex
	calls []*Call
	found []*Call

	blocked, interrupted atomic.Int64
}

func newWell(q *Queue) *well { return &well{q: q, bell: make(chan struct{}, 1)} }

func (w *well) ring() {
	select {
	case w.bell <- struct{}{}:
	default:
	}
}

// put makes a request come.
func (w *well) put(c *Call) {
	w.mu.Lock()
	w.calls = append(w.calls, c)
	w.mu.Unlock()
	w.ring()
}

func (w *well) Wait(block bool) {
	if w.busy.Swap(true) {
		panic("two are in the source")
	}
	defer w.busy.Store(false)
	if block {
		w.blocked.Add(1)
		<-w.bell
		w.blocked.Add(-1)
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.found, w.calls = append(w.found, w.calls...), nil
}

func (w *well) Dispatch() {
	found := w.found
	w.found = nil
	for _, c := range found {
		c.pushed = time.Now()
		if w.q.Push(c) != nil {
			panic("a request is lost")
		}
	}
}

func (w *well) Interrupt() {
	w.interrupted.Add(1)
	w.ring()
}

// spring is a queue with a source and workers that tell when they begin, and wait at /slow.
type spring struct {
	*Queue
	*well
	s       *Server
	nc      sink
	begun   chan string
	release chan struct{}
	left    sync.WaitGroup
}

func newSpring(t *testing.T, workers int) *spring {
	q := new(Queue)
	sp := &spring{
		Queue: q, well: newWell(q), s: &Server{Limits: lenient}, nc: newSink(t),
		begun: make(chan string, 100), release: make(chan struct{}),
	}
	for range workers {
		w := &still{newCounter(func(path string) {
			sp.begun <- path
			if path == "/slow" {
				<-sp.release
			}
		})}
		sp.left.Go(func() { q.Work(w, func() {}) })
	}
	q.attach(sp.well)
	return sp
}

// still is a worker that seems to wait whenever somebody looks.
type still struct{ *counter }

func (still) Runnable() bool { return false }

func (still) CPU() (time.Duration, bool) { return 0, false }

func (sp *spring) end(t *testing.T) {
	t.Helper()
	sp.Queue.Close()
	left := make(chan struct{})
	go func() {
		sp.left.Wait()
		close(left)
	}()
	receive(t, "the workers leave", left)
	until(t, "nobody is in the source", func() bool { return sp.blocked.Load() == 0 })
}

func (sp *spring) call(t *testing.T, path string) *Call {
	return queueable(t, sp.s, sp.nc, path, time.Now())
}

// TestLeader: a thread without work waits in the source and runs what it finds there: nobody
// is woken.
func TestLeader(t *testing.T) {
	sp := newSpring(t, 3)
	for i := range 10 {
		until(t, "somebody waits in the source", func() bool { return sp.blocked.Load() == 1 })
		sp.put(sp.call(t, fmt.Sprintf("/%d", i)))
		if got := receive(t, "the request is begun", sp.begun); got != fmt.Sprintf("/%d", i) {
			t.Errorf("%d: got %s", i, got)
		}
	}
	if n := sp.interrupted.Load(); n != 0 {
		t.Errorf("the source was interrupted %d times", n)
	}
	sp.end(t)
}

// TestLeaderCalled: a request that does not come from the source calls the leader back.
func TestLeaderCalled(t *testing.T) {
	sp := newSpring(t, 1)
	for i := range 10 {
		until(t, "it waits in the source", func() bool { return sp.blocked.Load() == 1 })
		if err := sp.Push(sp.call(t, fmt.Sprintf("/%d", i))); err != nil {
			t.Fatal(err)
		}
		receive(t, "the request is begun", sp.begun)
	}
	sp.end(t)
}

// TestSourceWhileBlocked: while threads are held by requests, the source is asked for them, and
// others are woken for what is found.
func TestSourceWhileBlocked(t *testing.T) {
	sp := newSpring(t, 3)
	for range 3 {
		sp.put(sp.call(t, "/slow"))
		receive(t, "the request is begun", sp.begun)
	}
	// All threads are taken. The monitor finds the next, and whoever is free first runs it.
	sp.put(sp.call(t, "/waits"))
	until(t, "it is in the queue", func() bool { return sp.Stats().Waiting == 1 })
	sp.release <- struct{}{}
	if got := receive(t, "the request is begun", sp.begun); got != "/waits" {
		t.Errorf("got %s", got)
	}
	close(sp.release)
	sp.end(t)
}

// TestStand: when a long request holds every thread, the monitor waits in the source.
func TestStand(t *testing.T) {
	sp := newSpring(t, 1)
	sp.put(sp.call(t, "/slow"))
	receive(t, "the request is begun", sp.begun)
	until(t, "the monitor waits in the source", func() bool { return sp.blocked.Load() == 1 })
	sp.put(sp.call(t, "/next"))
	until(t, "it is in the queue", func() bool { return sp.Stats().Waiting == 1 })
	close(sp.release)
	receive(t, "the request is begun", sp.begun)
	until(t, "somebody waits in the source", func() bool { return sp.blocked.Load() == 1 })
	sp.end(t)
}

// TestSourceHammer: requests come from the source and from elsewhere; each is run once, and
// nobody stays behind.
func TestSourceHammer(t *testing.T) {
	const each, sides, workers = 500, 4, 5
	q := new(Queue)
	w := newWell(q)
	s, nc := &Server{Limits: lenient}, newSink(t)
	var ran [2 * sides * each]atomic.Int32
	var working, feeding sync.WaitGroup
	done := make(chan struct{})
	var total atomic.Int64
	for range workers {
		worker := newCounter(func(path string) {
			var i int
			if _, err := fmt.Sscanf(path, "/%d", &i); err != nil {
				t.Errorf("%q: %v", path, err)
			}
			ran[i].Add(1)
			if rand.IntN(200) == 0 {
				time.Sleep(time.Duration(rand.IntN(3)) * time.Millisecond) // it blocks
			}
			if total.Add(1) == int64(len(ran)) {
				close(done)
			}
		})
		working.Go(func() { q.Work(worker, func() {}) })
	}
	q.attach(w)
	for side := range 2 * sides {
		var calls []*Call
		for i := range each {
			calls = append(calls, queueable(t, s, nc, fmt.Sprintf("/%d", side*each+i), time.Now()))
		}
		feeding.Go(func() {
			for _, c := range calls {
				if side%2 == 0 {
					w.put(c)
				} else if err := q.Push(c); err != nil {
					t.Error(err)
				}
				if rand.IntN(20) == 0 {
					time.Sleep(time.Duration(rand.IntN(200)) * time.Microsecond) // let them go to sleep
				}
			}
		})
	}
	feeding.Wait()
	receive(t, "all requests are run", done)
	q.Close()
	working.Wait()
	for i := range ran {
		if n := ran[i].Load(); n != 1 {
			t.Errorf("request %d: %d times", i, n)
		}
	}
}

// TestStandPushed: a request from elsewhere finds the monitor in the source and one of the threads
// at something long: the other is woken.
func TestStandPushed(t *testing.T) {
	sp := newSpring(t, 2)
	for range 2 {
		sp.put(sp.call(t, "/slow"))
		receive(t, "the request is begun", sp.begun)
	}
	until(t, "the monitor waits in the source", func() bool { return sp.blocked.Load() == 1 })
	sp.release <- struct{}{}
	until(t, "one thread sleeps", func() bool { return sp.Stats().Parked == 1 })
	if err := sp.Push(sp.call(t, "/next")); err != nil {
		t.Fatal(err)
	}
	receive(t, "the request is begun", sp.begun)
	close(sp.release)
	sp.end(t)
}
