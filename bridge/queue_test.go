package bridge

import (
	"fmt"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// counter is a Worker that notes the paths it begins, and answers at once.
type counter struct {
	resting

	begun func(path string)
	reply Reply
}

func newCounter(begun func(path string)) *counter {
	return &counter{begun: begun, reply: start("200 OK").whole("ok")}
}

func (w *counter) Begin(c Request) Event {
	w.begun(value(c.(*Call), "PATH_INFO"))
	return EventDone
}

func (w *counter) Next() Event   { panic("there is no more") }
func (w *counter) Abort() Event  { panic("there is nothing to abort") }
func (w *counter) Reply() *Reply { return &w.reply }

// at is the i-th moment of a test.
func at(i int) time.Time { return time.Unix(1_000_000, 0).Add(time.Duration(i) * time.Millisecond) }

// drainQueue gives the paths that a worker finds in q, and closes it.
func drainQueue(q *Queue) (paths []string) {
	q.Work(newCounter(func(path string) { paths = append(paths, path) }), q.Close)
	return paths
}

// TestQueueOrder: the oldest first, whatever has expired meanwhile.
func TestQueueOrder(t *testing.T) {
	s, nc := &Server{Limits: lenient}, newSink(t)
	for expired, want := range []string{"[/0 /1 /2]", "[/1 /2]", "[/2]", "[]"} {
		q := new(Queue)
		for i := range 3 {
			if err := q.Push(queueable(t, s, nc, fmt.Sprintf("/%d", i), at(i))); err != nil {
				t.Fatal(err)
			}
		}
		for range expired {
			if q.Expired(at(expired)) == nil {
				t.Errorf("%d: nothing expired", expired)
			}
		}
		if c := q.Expired(at(expired)); c != nil {
			t.Errorf("%d: %v expired, too", expired, value(c, "PATH_INFO"))
		}
		if n := q.Stats().Waiting; n != 3-expired {
			t.Errorf("%d: %d wait", expired, n)
		}
		if err := q.Push(queueable(t, s, nc, "/last", at(9))); err != nil {
			t.Fatal(err)
		}
		want = strings.Replace(strings.TrimSuffix(want, "]")+" /last]", "[ ", "[", 1)
		if got := fmt.Sprint(drainQueue(q)); got != want {
			t.Errorf("%d: got %s, want %s", expired, got, want)
		}
	}
}

func TestQueueLimit(t *testing.T) {
	s, nc := &Server{Limits: lenient}, newSink(t)
	q := &Queue{Limit: 2}
	push := func(path string) error { return q.Push(queueable(t, s, nc, path, time.Now())) }
	if push("/1") != nil || push("/2") != nil {
		t.Fatal("refused below the limit")
	}
	if err := push("/3"); err != ErrQueueFull {
		t.Errorf("at the limit: %v", err)
	}
	if c := q.Expired(time.Now().Add(time.Hour)); c == nil || value(c, "PATH_INFO") != "/1" {
		t.Error("the oldest did not expire")
	}
	if err := push("/4"); err != nil {
		t.Errorf("below the limit again: %v", err)
	}
	if got := fmt.Sprint(drainQueue(q)); got != "[/2 /4]" {
		t.Errorf("got %s", got)
	}
	if err := push("/5"); err != ErrQueueClosed {
		t.Errorf("closed: %v", err)
	}
}

// TestQueueExpired: the oldest, one at a time, if it came before the given time.
func TestQueueExpired(t *testing.T) {
	s, nc := &Server{Limits: lenient}, newSink(t)
	q := new(Queue)
	if q.Expired(at(1000)) != nil {
		t.Error("something expired in an empty queue")
	}
	for i := range 4 {
		if err := q.Push(queueable(t, s, nc, fmt.Sprintf("/%d", i), at(i))); err != nil {
			t.Fatal(err)
		}
	}
	for _, test := range []struct {
		at   int
		want string
	}{{0, ""}, {2, "/0"}, {2, "/1"}, {2, ""}, {3, "/2"}, {3, ""}} {
		got := ""
		if c := q.Expired(at(test.at)); c != nil {
			got = value(c, "PATH_INFO")
		}
		if got != test.want {
			t.Errorf("expired at %d: %q, want %q", test.at, got, test.want)
		}
	}
	if got := fmt.Sprint(drainQueue(q)); got != "[/3]" {
		t.Errorf("left: %s", got)
	}
}

// TestQueueClose: what waits is run, then the workers leave; idle ones leave at once.
func TestQueueClose(t *testing.T) {
	s, nc := &Server{Limits: lenient}, newSink(t)
	for _, workers := range []int{1, 2, 5} {
		q := new(Queue)
		var ran atomic.Int64
		var working, seated sync.WaitGroup
		for range workers {
			seated.Add(1)
			working.Go(func() { q.Work(newCounter(func(string) { ran.Add(1) }), seated.Done) })
		}
		seated.Wait()
		for range 20 {
			if err := q.Push(queueable(t, s, nc, "/", time.Now())); err != nil {
				t.Fatal(err)
			}
		}
		q.Close()
		q.Close()
		working.Wait()
		if n := ran.Load(); n != 20 {
			t.Errorf("%d workers: %d run", workers, n)
		}
	}
}

// TestQueueLateWorker: a worker that comes after the end runs what is left, and leaves without trace.
func TestQueueLateWorker(t *testing.T) {
	s, nc := &Server{Limits: lenient}, newSink(t)
	before := runtime.NumGoroutine()
	for range 20 {
		q := new(Queue)
		if err := q.Push(queueable(t, s, nc, "/", time.Now())); err != nil {
			t.Fatal(err)
		}
		q.Close()
		var paths []string
		q.Work(newCounter(func(path string) { paths = append(paths, path) }), func() {})
		if len(paths) != 1 {
			t.Errorf("%d run", len(paths))
		}
	}
	until(t, "all goroutines end", func() bool { return runtime.NumGoroutine() <= before })
}

// TestQueueIdleWorkers: a request finds one of the workers that sleep.
func TestQueueIdleWorkers(t *testing.T) {
	s, nc := &Server{Limits: lenient}, newSink(t)
	q := new(Queue)
	ran := make(chan string, 1)
	var working, seated sync.WaitGroup
	for range 4 {
		seated.Add(1)
		working.Go(func() { q.Work(newCounter(func(path string) { ran <- path }), seated.Done) })
	}
	seated.Wait()
	for i := range 300 {
		path := fmt.Sprintf("/%d", i)
		if err := q.Push(queueable(t, s, nc, path, time.Now())); err != nil {
			t.Fatal(err)
		}
		if got := receive(t, "it is run", ran); got != path {
			t.Fatalf("got %s, want %s", got, path)
		}
	}
	q.Close()
	working.Wait()
}

// TestQueueBlockedWorkers: requests that wait for each other need as many threads: none may stay
// parked while others block.
func TestQueueBlockedWorkers(t *testing.T) {
	s, nc := &Server{Limits: lenient}, newSink(t)
	const threads = 8
	q := new(Queue)
	var working, seated sync.WaitGroup
	var meet atomic.Pointer[sync.WaitGroup]
	for range threads {
		seated.Add(1)
		w := newCounter(func(string) {
			all := meet.Load()
			all.Done()
			all.Wait()
		})
		working.Go(func() { q.Work(w, seated.Done) })
	}
	seated.Wait()
	for range 5 {
		var all sync.WaitGroup
		all.Add(threads)
		meet.Store(&all)
		for range threads {
			if err := q.Push(queueable(t, s, nc, "/", time.Now())); err != nil {
				t.Fatal(err)
			}
		}
		met := make(chan struct{})
		go func() {
			all.Wait()
			close(met)
		}()
		receive(t, "all threads are at work", met)
	}
	q.Close()
	working.Wait()
}

// TestQueueHammer: many push, many work. Every request is run once, or expires.
func TestQueueHammer(t *testing.T) {
	const pushers, workers, each = 8, 6, 400
	s, nc := &Server{Limits: lenient}, newSink(t)
	q := &Queue{Limit: 20}
	var ran [pushers * each]atomic.Int32
	var working, pushing sync.WaitGroup
	overrun := make(chan struct{}) // the queue has been full; the workers begin
	var once sync.Once
	for range workers {
		w := newCounter(func(path string) {
			var i int
			if _, err := fmt.Sscanf(path, "/%d", &i); err != nil {
				t.Errorf("%q: %v", path, err)
				return
			}
			ran[i].Add(1)
			if i%97 == 0 {
				for range 1000 { // a long one
					runtime.Gosched()
				}
			}
		})
		working.Go(func() {
			<-overrun
			q.Work(w, func() {})
		})
	}
	var full, expired atomic.Int64
	takenBack := func(c *Call) {
		var i int
		if _, err := fmt.Sscanf(value(c, "PATH_INFO"), "/%d", &i); err != nil {
			t.Error(err)
		}
		ran[i].Add(1)
	}
	var calls []*Call
	for i := range ran {
		calls = append(calls, queueable(t, s, nc, fmt.Sprintf("/%d", i), time.Now()))
	}
	for p := range pushers {
		pushing.Go(func() {
			for i, c := range calls[p*each : (p+1)*each] {
				for q.Push(c) != nil {
					full.Add(1)
					once.Do(func() { close(overrun) })
					if old := q.Expired(time.Now()); old != nil {
						expired.Add(1)
						takenBack(old)
					}
				}
				if i%50 == 0 {
					_ = q.Stats()
					_ = q.Running()
				}
			}
		})
	}
	pushing.Wait()
	q.Close()
	working.Wait()
	for i := range ran {
		if n := ran[i].Load(); n != 1 {
			t.Errorf("request %d: %d times", i, n)
		}
	}
	if n := q.Stats().Waiting; n != 0 {
		t.Errorf("%d wait still", n)
	}
	t.Logf("%d were full, %d expired, of %d", full.Load(), expired.Load(), len(ran))
}
