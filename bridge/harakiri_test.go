package bridge

import (
	"errors"
	"fmt"
	"io"
	"iter"
	"log/slog"
	"net/http"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"
)

// hasty is a server that gives a request so much time. What is overdue comes through the channel.
func hasty(limit time.Duration) (*Server, chan *Overdue) {
	limits := lenient
	limits.Harakiri = limit
	late := make(chan *Overdue, 1024)
	return &Server{Limits: limits, Overdue: func(o *Overdue) { late <- o }}, late
}

// sweepLate is a visit of the sweeper at which whatever runs is overdue.
func (f *front) sweepLate() { f.sweepOverdue(time.Now().Add(f.Limits.Harakiri)) }

// wantLogged wants one access record in all, one request in the figures, and no error.
func (f *front) wantLogged(status int) {
	f.t.Helper()
	until(f.t, "it is logged", func() bool { return len(f.logged()) > 0 })
	if r := f.logged(); len(r) != 1 || r[0].Status != status || r[0].WriteErrors != 0 {
		f.t.Errorf("logged %+v, want %d once", r, status)
	}
	if log := f.log.String(); strings.Contains(log, "level=ERROR") {
		f.t.Errorf("log %q", log)
	}
	f.wantCounted(status)
}

// wantCounted wants a request in the figures that was overdue, and nothing else of it.
func (f *front) wantCounted(status int) {
	f.t.Helper()
	want := Tally{Requests: 1, Harakiris: 1}
	want.Statuses[status/100] = 1
	s := f.Snapshot()
	served := s.Served()
	if tallied(served) != want || served.Bytes == 0 || served.Time <= 0 {
		f.t.Errorf("counted %+v, want %+v", served, want)
	}
}

// TestHarakiri: the client has its answer while the app is still at the request. What the app has to
// say later is not sent, and its thread takes the next request.
func TestHarakiri(t *testing.T) {
	t.Parallel()
	for name, a := range map[string]app{
		"answer":  echo,
		"error":   script(EventError, failure("HarakiriError")),
		"chunks":  script(EventChunk, start("200 OK").with("a"), EventChunk, chunk("b")),
		"write()": writes(script(), start("200 OK").with("a"), chunk("b")),
		"panic":   func(Request) iter.Seq2[Event, Reply] { panic("late") },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s, late := hasty(200 * time.Millisecond)
			g := newGate()
			f := serve(t, s, g.before(a))
			defer g.open()
			c := f.dial()
			began := time.Now()
			c.request("GET /slow")
			r := c.refused("GET", 504)
			if d := time.Since(began); d < 200*time.Millisecond || !strings.Contains(r.body, "took too long") {
				t.Errorf("%q after %v", r.body, d)
			}
			o := receive(t, "the report", late)
			if o.Ended() || !o.Answered || o.Worker != 0 || o.Line != "GET /slow" || o.Remote != "127.0.0.1" || o.Age < 200*time.Millisecond {
				t.Errorf("%+v, ended %v", o, o.Ended())
			}
			f.wantLogged(504)
			if f.Connections() != 1 {
				t.Error("the worker's connection is gone")
			}
			g.open()
			until(t, "the worker is back", o.Ended)
			until(t, "the connection is over", func() bool { return f.Connections() == 0 })
			if n := len(f.logged()); n != 1 {
				t.Errorf("logged %d times", n)
			}
			f.wantCounted(504)
			if name == "answer" {
				next := f.dial()
				next.request("GET /next")
				next.expect("GET", 200, "GET /next ")
			}
			if len(late) != 0 {
				t.Error("reported twice")
			}
		})
	}
}

// TestHarakiriHEAD: no body, also in place of the app.
func TestHarakiriHEAD(t *testing.T) {
	t.Parallel()
	s, _ := hasty(50 * time.Millisecond)
	g := newGate()
	f := serve(t, s, g.before(echo))
	defer g.open()
	c := f.dial()
	c.request("HEAD /")
	c.refused("HEAD", 504)
}

// TestHarakiriWithinResponse: what has begun can't be answered any more; it ends early, and shows it.
func TestHarakiriWithinResponse(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		request string
		head    Reply
		want    error
		waits   bool // for the worker: only its close can tell the client
	}{
		"chunked": {"GET / HTTP/1.1", start("200 OK"), io.ErrUnexpectedEOF, false},
		"length":  {"GET / HTTP/1.1", start("200 OK", "Content-Length: 100"), io.ErrUnexpectedEOF, false},
		"1.0":     {"GET / HTTP/1.0", start("200 OK"), syscall.ECONNRESET, true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s, late := hasty(time.Hour)
			g := newGate()
			f := serve(t, s, func(c Request) iter.Seq2[Event, Reply] {
				return func(yield func(Event, Reply) bool) {
					if yield(EventChunk, test.head.with("part")) {
						g.pass(c)
						yield(EventDone, chunk("rest"))
					}
				}
			})
			defer g.open()
			c := f.dial()
			c.request(test.request)
			r, err := http.ReadResponse(c.r, nil)
			if err != nil {
				t.Fatal(err)
			}
			defer r.Body.Close()
			receive(t, "the app is behind its chunk", g.entered)
			until(t, "the client is told", func() bool { // in front of a worker process, its chunk may be being written still
				f.sweepLate()
				return len(f.logged()) > 0
			})
			o := receive(t, "the report", late)
			if o.Answered || o.Ended() {
				t.Errorf("%+v", o)
			}
			if test.waits {
				g.open()
			}
			if body, err := io.ReadAll(r.Body); string(body) != "part" || !errors.Is(err, test.want) {
				t.Errorf("%q, %v", body, err)
			}
			f.wantLogged(200)
			g.open()
			until(t, "the connection is over", func() bool { return f.Connections() == 0 })
			if n := len(f.logged()); n != 1 {
				t.Errorf("logged %d times", n)
			}
			f.wantCounted(200)
		})
	}
}

// TestHarakiriWhileWriting: the app's time passes in write(), with a client that does not read.
func TestHarakiriWhileWriting(t *testing.T) {
	t.Parallel()
	piece := strings.Repeat(big, kernelRoom/len(big))
	for name, a := range map[string]app{
		"write()": writes(script(), start("200 OK").with(piece), chunk(piece)),
		"chunk":   script(EventChunk, start("200 OK").with(piece), EventChunk, chunk(piece)),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s, late := hasty(time.Hour)
			f := serve(t, s, a)
			c := f.slow()
			c.request("GET /")
			if _, err := c.r.Peek(1); err != nil {
				t.Fatal(err)
			}
			f.sweepLate()
			f.sweepLate() // it writes still
			o := receive(t, "the report", late)
			until(t, "the worker is back", o.Ended)
			if o.Answered {
				t.Error("answered within an answer")
			}
			if all, _ := io.ReadAll(c.r); strings.HasSuffix(string(all), "0\r\n\r\n") {
				t.Error("the answer looks complete")
			}
			until(t, "the connection is over", func() bool { return f.Connections() == 0 })
			f.wantLogged(200)
		})
	}
}

// TestHarakiriWhileReading: nor does a client that leaves out the rest of its body hold the app.
func TestHarakiriWhileReading(t *testing.T) {
	t.Parallel()
	s, late := hasty(200 * time.Millisecond)
	f := serve(t, s, answers(func(c Request) Reply {
		_, err := readAll(c)
		return start("200 OK").whole(fmt.Sprint(err))
	}))
	c := f.dial()
	c.send(head("POST /", "Content-Length: 100000") + "part")
	c.refused("POST", 504)
	until(t, "the worker is back", receive(t, "the report", late).Ended)
	f.wantLogged(504)
}

// TestHarakiriSparesTheClient: an app that is through in time has done its part. How long the client takes to
// read is the send timeout's business.
func TestHarakiriSparesTheClient(t *testing.T) {
	t.Parallel()
	s, late := hasty(time.Hour)
	body := strings.Repeat(big, kernelRoom/len(big))
	f := serve(t, s, script(EventDone, start("200 OK").whole(body)))
	c := f.slow()
	c.request("GET /")
	if _, err := c.r.Peek(1); err != nil {
		t.Fatal(err)
	}
	f.sweepLate()
	f.sweepLate()
	if r := c.response("GET"); r.body != body {
		t.Errorf("%d bytes, or others, came", len(r.body))
	}
	if len(late) != 0 {
		t.Error("reported")
	}
}

// TestHarakiriOfWhom: what a worker process is told of an overdue request names no other one, also when the
// next has its slot by then.
func TestHarakiriOfWhom(t *testing.T) {
	s, late := hasty(time.Hour)
	p := new(Pool)
	s.Queue = p
	f := serve(t, s)
	m, worker := f.pair(p, 1)
	q, entered, leave := new(Queue), make(chan string, 2), make(chan struct{})
	st := NewStation(worker, q, slog.New(slog.DiscardHandler), nil)
	var working sync.WaitGroup
	working.Go(func() {
		q.Work(&thread{app: func(r Request) iter.Seq2[Event, Reply] {
			entered <- value(r, "PATH_INFO")
			<-leave
			return echo(r)
		}}, func() {})
	})

	c := f.dial()
	c.request("GET /slow")
	receive(t, "the request runs", entered)
	f.sweepLate()
	o := receive(t, "the report", late)
	of, slot, run := o.Process()
	r, now, ok := st.Running(slot)
	if of != m || !ok || now != run || r.Line != "GET /slow" {
		t.Errorf("%d in slot %d; there is %d, %+v, %v", run, slot, now, r, ok)
	}
	c.refused("GET", 504)
	leave <- struct{}{}
	until(t, "it is back", o.Ended)
	c = f.dial()
	c.request("GET /next")
	receive(t, "the next request runs", entered)
	r, now, ok = st.Running(slot)
	if !ok || now == run || r.Line != "GET /next" {
		t.Errorf("the next one: %d in slot %d, %+v, %v; the one before was %d", now, slot, r, ok, run)
	}
	leave <- struct{}{}
	c.expect("GET", 200, "GET /next ")

	q.Close()
	working.Wait()
	q.deserted(t)
	m.Lost()
	_ = worker.Leave()
}

// TestHarakiriOfNobody: no limit, and a limit that is kept.
func TestHarakiriOfNobody(t *testing.T) {
	t.Parallel()
	for _, limit := range []time.Duration{0, time.Hour} {
		s, late := hasty(limit)
		g := newGate()
		f := serve(t, s, g.before(echo))
		defer g.open()
		c := f.dial()
		began := time.Now()
		c.request("GET /")
		until(t, "the sweeper has come", func() bool { return time.Since(began) > 3*sweepInterval })
		g.open()
		if r := c.expect("GET", 200, "GET / "); r.Close || len(late) != 0 {
			t.Error("something was done")
		}
	}
}

// TestHarakiriOrNot: requests that end just when they are overdue get one answer or the other, whole,
// and one record each.
func TestHarakiriOrNot(t *testing.T) {
	t.Parallel()
	const workers, rounds = 4, 200
	s, late := hasty(time.Hour)
	var n atomic.Int64
	a := func(c Request) iter.Seq2[Event, Reply] {
		return func(yield func(Event, Reply) bool) {
			for range n.Add(1) % 50 {
				runtime.Gosched()
			}
			echo(c)(yield)
		}
	}
	f := serve(t, s, a, a, a, a)
	stop := make(chan struct{})
	defer close(stop)
	go func() {
		for {
			select {
			case <-stop:
				return
			default:
				f.sweepLate()
				runtime.Gosched()
			}
		}
	}()
	done := make(chan int, workers)
	for range workers {
		go func() {
			answered := 0
			for range rounds {
				c := f.dial()
				io.WriteString(c, head("GET /"))
				r, err := http.ReadResponse(c.r, nil)
				if err != nil {
					t.Errorf("no response: %v", err)
					break
				}
				body, err := io.ReadAll(r.Body)
				r.Body.Close()
				if err != nil || r.StatusCode != 504 && string(body) != "GET / " {
					t.Errorf("%d %q, %v", r.StatusCode, body, err)
				}
				if r.StatusCode == 504 {
					answered++
				}
				c.Close()
			}
			done <- answered
		}()
	}
	answered := 0
	for range workers {
		answered += receive(t, "a client", done)
	}
	until(t, "all are logged", func() bool { return len(f.logged()) == workers*rounds })
	logged := 0
	for _, r := range f.logged() {
		if r.Status == 504 {
			logged++
		}
	}
	if logged != answered {
		t.Errorf("%d clients got 504, %d were logged", answered, logged)
	}
	until(t, "all are reported", func() bool { return len(late) == answered })
}
