package blackbox

import (
	"fmt"
	"strings"
	"sync"
	"testing"
)

// who is how apps/threads describes the thread that serves a request.
type who struct {
	Ident, Native int64
	Name          string
	Served        int
	Same, Main    bool
}

// Clause: "thread-locals and threading.get_ident() stable per thread".
func TestThreadIdentity(t *testing.T) {
	run(t, both, func(t *testing.T, v variant) {
		const threads, clients, requests = 4, 8, 60
		s := v.start(t, launch{App: "threads", Args: []string{"--threads", fmt.Sprint(threads)}})
		seen := make(chan who, clients*requests)
		var wg sync.WaitGroup
		for range clients {
			c := s.dial(t)
			wg.Add(1)
			go func() {
				defer wg.Done()
				for range requests {
					c.trySend(request("GET", "/who", ""))
					var w who
					if r, err := c.tryResponse("GET"); err == nil && r.Status == 200 && unmarshal(r.Body, &w) == nil {
						seen <- w
					}
				}
			}()
		}
		wg.Wait()
		close(seen)
		checkThreads(t, seen, threads, clients*requests)
		if n := s.eventCount(t, "thread state lost"); n > 0 {
			t.Errorf("%d thread-locals were destroyed while the server ran", n)
		}
	})
}

func checkThreads(t *testing.T, seen <-chan who, threads, total int) {
	t.Helper()
	byIdent, most, names, n := map[int64]who{}, map[int64]int{}, map[string]bool{}, 0
	for w := range seen {
		n++
		first, known := byIdent[w.Ident]
		if !known {
			byIdent[w.Ident], first = w, w
			names[w.Name] = true
		}
		if w.Native != first.Native || w.Name != first.Name {
			t.Errorf("thread %d was %q/%d and is %q/%d", w.Ident, first.Name, first.Native, w.Name, w.Native)
		}
		if !w.Same || w.Main {
			t.Errorf("thread-local of another thread, or the main thread: %+v", w)
		}
		if !strings.HasPrefix(w.Name, "gowsgi-") {
			t.Errorf("thread is named %q", w.Name)
		}
		most[w.Ident] = max(most[w.Ident], w.Served)
	}
	if n != total {
		t.Fatalf("%d answers of %d", n, total)
	}
	if len(byIdent) > threads || len(names) != len(byIdent) {
		t.Errorf("%d threads named %v served, there are %d", len(byIdent), names, threads)
	}
	// A counter in a thread-local that began anew would make the sum too small.
	served := 0
	for _, m := range most {
		served += m
	}
	if served != total {
		t.Errorf("thread-local counters add up to %d, want %d", served, total)
	}
}

// The app is imported on Python's main thread, as signal.signal and others want it.
func TestImportOnMainThread(t *testing.T) {
	run(t, plain, func(t *testing.T, v variant) {
		s := v.start(t, launch{App: "threads"})
		var got struct {
			Main bool
			Name string
		}
		s.get(t, "/import").json(t, &got)
		if !got.Main || got.Name != "MainThread" {
			t.Errorf("imported on %+v", got)
		}
	})
}

// Clause: "--threads N". N requests wait in the app at once, the next one outside of it.
func TestThreadsServeAtOnce(t *testing.T) {
	run(t, both, func(t *testing.T, v variant) {
		s := v.start(t, launch{App: "threads", Args: []string{"--threads", "3"}})
		names := []string{"a", "b", "c", "d"}
		gates, conns := map[string]*gate{}, map[string]*conn{}
		for _, n := range names {
			gates[n], conns[n] = s.gate(t, n), s.dial(t)
		}
		for _, n := range names[:3] {
			conns[n].send(request("GET", "/gate?name="+n, ""))
			gates[n].reached(t)
		}
		conns["d"].send(request("GET", "/gate?name=d", ""))
		conns["d"].silent()
		if s.eventCount(t, "at d") != 0 {
			t.Fatal("a fourth request runs on three threads")
		}
		gates["b"].open(t)
		conns["b"].response("GET").want(t, 200, "b")
		gates["d"].open(t)
		conns["d"].response("GET").want(t, 200, "d")
		for _, n := range []string{"a", "c"} {
			gates[n].open(t)
			conns[n].response("GET").want(t, 200, n)
		}
	})
}

// Requests that wait for one another need as many threads, and promptly.
func TestThreadsMeet(t *testing.T) {
	run(t, both, func(t *testing.T, v variant) {
		s := v.start(t, launch{App: "threads"})
		for range 5 {
			var conns []*conn
			for range 4 {
				c := s.dial(t)
				c.send(request("GET", "/meet", ""))
				conns = append(conns, c)
			}
			for _, c := range conns {
				c.response("GET").want(t, 200, "met")
			}
		}
	})
}

// A request that computes must not shut out the others.
func TestComputingRequestLetsOthersThrough(t *testing.T) {
	run(t, both, func(t *testing.T, v variant) {
		s := v.start(t, launch{App: "threads"})
		c := s.dial(t)
		c.send(request("GET", "/spin?n=40000000", "")) // some seconds
		for range 20 {
			s.get(t, "/who").wantStatus(t, 200)
		}
		c.silent() // the long one is still at work: the short ones did not wait for it
		c.response("GET").want(t, 200, "spun")
	})
}

// Clause: "app background threads run at all times": without any request, and while every
// request thread waits.
func TestBackgroundThreadsRun(t *testing.T) {
	run(t, plain, func(t *testing.T, v variant) {
		s := v.start(t, launch{App: "threads", Args: []string{"--threads", "2"}, KeepThreads: 2})
		s.get(t, "/report").want(t, 200, "reporting")
		s.event(t, "tick 200") // no request is there meanwhile

		s.get(t, "/tick").want(t, 200, "ticking")
		a, b := s.gate(t, "a"), s.gate(t, "b")
		ca, cb := s.dial(t), s.dial(t)
		ca.send(request("GET", "/gate?name=a", ""))
		a.reached(t)
		before := s.ticks(t)
		cb.send(request("GET", "/gate?name=b", ""))
		b.reached(t)
		// All threads wait now; nobody can ask but afterwards.
		cb.silent()
		b.open(t)
		cb.response("GET").want(t, 200, "b")
		eventually(t, "the background thread ticks", func() bool { return s.ticks(t) > before+5 })
		a.open(t)
		ca.response("GET").want(t, 200, "a")
	})
}

func (s *server) ticks(t *testing.T) (n int) {
	t.Helper()
	if _, err := fmt.Sscan(string(s.get(t, "/ticks").Body), &n); err != nil {
		t.Fatal(err)
	}
	return n
}
