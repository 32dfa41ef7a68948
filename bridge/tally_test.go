package bridge

import (
	"iter"
	"testing"
	"time"
)

// byPath is an app for each path.
func byPath(apps map[string]app) app {
	return func(c Request) iter.Seq2[Event, Reply] { return apps[value(c, "PATH_INFO")](c) }
}

// tallied are the figures that tell requests apart; Bytes and Time go by the clock and the Date.
func tallied(t Tally) Tally {
	t.Bytes, t.Time = 0, 0
	return t
}

// TestTally: what each way to end a request adds to the figures.
func TestTally(t *testing.T) {
	apps := byPath(map[string]app{
		"/ok":      script(EventDone, start("200 OK").whole("12345")),
		"/absent":  script(EventDone, start("404 Not Found").whole("")),
		"/odd":     script(EventDone, start("799 Odd").whole("")),
		"/raises":  script(EventError, failure("ValueError")),
		"/late":    script(EventChunk, start("200 OK").with("some"), EventError, failure("ValueError")),
		"/closes":  script(EventDone, Reply{Head: true, Status: []byte("200 OK"), FD: -1, Error: []byte("in close()")}),
		"/reading": reading,
	})
	for _, test := range []struct {
		name, raw        string
		leaves           bool
		served, unserved Tally
	}{
		{name: "answered", raw: head("GET /ok"), served: Tally{Requests: 1, Statuses: [6]uint64{2: 1}}},
		{name: "not found", raw: head("GET /absent"), served: Tally{Requests: 1, Statuses: [6]uint64{4: 1}}},
		{name: "odd status", raw: head("GET /odd"), served: Tally{Requests: 1, Statuses: [6]uint64{0: 1}}},
		{name: "raised", raw: head("GET /raises"), served: Tally{Requests: 1, Statuses: [6]uint64{5: 1}, Exceptions: 1}},
		{name: "raised after the head", raw: head("GET /late"), served: Tally{Requests: 1, Statuses: [6]uint64{2: 1}, Exceptions: 1}},
		{name: "raised in close", raw: head("GET /closes"), served: Tally{Requests: 1, Statuses: [6]uint64{2: 1}, Exceptions: 1}},
		{
			name: "body broken off", raw: head("POST /reading", "Content-Length: 100000") + "short", leaves: true,
			served: Tally{Requests: 1, Statuses: [6]uint64{2: 1}, ReadErrors: 1},
		},
		{name: "refused", raw: "nonsense\r\n\r\n", unserved: Tally{Requests: 1, Statuses: [6]uint64{4: 1}}},
		{name: "health", raw: head("GET /health")},
	} {
		t.Run(test.name, func(t *testing.T) {
			f := serve(t, &Server{Health: "/health"}, apps)
			c := f.dial()
			c.t = t
			c.send(test.raw)
			if test.leaves {
				c.leave()
			}
			answer := make([]byte, 1)
			if _, err := c.r.Read(answer); err != nil {
				t.Fatal(err)
			}
			want := test.served.Requests + test.unserved.Requests
			var got Snapshot
			var served Tally
			until(t, "the request is counted", func() bool {
				got = f.Snapshot()
				served = got.Served()
				return served.Requests+got.Unserved.Requests >= want
			})
			if tallied(served) != test.served || tallied(got.Unserved) != test.unserved {
				t.Errorf("served %+v, unserved %+v", served, got.Unserved)
			}
			if want > 0 && served.Bytes+got.Unserved.Bytes == 0 {
				t.Error("no bytes of the answer are counted")
			}
			if test.served.Requests > 0 && (served.Time <= 0 || served.Time > patience) {
				t.Errorf("served for %v", served.Time)
			}
		})
	}
}

// reading answers once it has read all that comes of the body.
func reading(c Request) iter.Seq2[Event, Reply] {
	return func(yield func(Event, Reply) bool) {
		_, _ = readAll(c)
		yield(EventDone, start("200 OK").whole("read"))
	}
}

// TestTallyBytes: an answer's size is that on the wire, as long as nothing frames it.
func TestTallyBytes(t *testing.T) {
	f := serve(t, new(Server), echo)
	c := f.dial()
	c.request("GET /", "Connection: close")
	size := uint64(0)
	for piece := make([]byte, 100); ; {
		n, err := c.r.Read(piece)
		size += uint64(n)
		if err != nil {
			break
		}
	}
	snapshot := f.Snapshot() // the connection ends after its request was counted
	if got := snapshot.Served().Bytes; got != size {
		t.Errorf("%d bytes counted, %d came", got, size)
	}
}

// TestTallyWriteErrors: a client that leaves a large answer unread.
func TestTallyWriteErrors(t *testing.T) {
	f := serve(t, new(Server), func(Request) iter.Seq2[Event, Reply] {
		return func(yield func(Event, Reply) bool) {
			for next := start("200 OK"); yield(EventChunk, next.with(big)); {
				next = chunk("")
			}
		}
	})
	c := f.dial()
	c.request("GET /")
	if _, err := c.r.ReadByte(); err != nil {
		t.Fatal(err)
	}
	c.Close()
	until(t, "the failure is counted", func() bool {
		snapshot := f.Snapshot()
		served := snapshot.Served()
		return served.WriteErrors == 1 && served.Requests == 1 && served.Exceptions == 0
	})
}

// TestSnapshot: what runs is seen while it does, whatever holds it.
func TestSnapshot(t *testing.T) {
	g := newGate()
	f := serve(t, &Server{Queue: &Queue{Limit: 1}}, g.before(echo))
	defer g.open()
	began := time.Now()
	c := f.dial()
	c.request("GET /a?x=y")
	receive(t, "the request", g.entered)
	waits := f.dial()
	waits.request("GET /waits")
	until(t, "the second one waits", func() bool { return f.Snapshot().Queue.Waiting == 1 })
	refused := f.dial()
	refused.request("GET /refused")
	refused.refused("GET", 503)

	s := f.Snapshot()
	if len(s.Crews) != 1 || len(s.Crews[0].Threads) != 1 || s.Crews[0].Threads[0].Request == nil {
		t.Fatalf("got %+v", s.Crews)
	}
	r := *s.Crews[0].Threads[0].Request
	if r.Begun.Before(began) || r.Begun.After(time.Now()) {
		t.Errorf("begun at %v", r.Begun)
	}
	r.Begun = time.Time{}
	if want := (RequestInfo{Method: "GET", URI: "/a?x=y", Proto: "HTTP/1.1", RemoteAddr: "127.0.0.1"}); r != want {
		t.Errorf("got %+v, want %+v", r, want)
	}
	if s.Queue.Full != 1 || s.Unserved.Statuses[5] != 1 || s.Connections < 2 || s.Draining {
		t.Errorf("got %+v", s)
	}
	if s.Crews[0].Threads[0].Tally.Requests != 0 {
		t.Errorf("counted before its end: %+v", s.Crews[0].Threads[0].Tally)
	}

	g.open()
	c.expect("GET", 200, "GET /a ")
	waits.expect("GET", 200, "GET /waits ")
	until(t, "nothing runs", func() bool {
		s := f.Snapshot()
		return s.Crews[0].Threads[0].Request == nil && s.Crews[0].Threads[0].Tally.Requests == 2
	})
	f.shutdown()
	if !f.Snapshot().Draining {
		t.Error("not draining after Shutdown")
	}
}

// TestTallyUnserved: requests that were in the queue and reached no thread.
func TestTallyUnserved(t *testing.T) {
	limits := lenient
	limits.Wait = 50 * time.Millisecond
	g := newGate()
	f := serve(t, &Server{Limits: limits}, g.before(echo))
	defer g.open()
	stuck := f.dial()
	stuck.request("GET /stuck")
	receive(t, "the first request", g.entered)
	late := f.dial()
	late.request("GET /late")
	late.refused("GET", 503)
	until(t, "it is counted", func() bool { return f.Snapshot().Unserved.Statuses[5] == 1 })
	if s := f.Snapshot(); s.Queue.Full != 0 || s.Queue.Waiting != 0 {
		t.Errorf("got %+v", s.Queue)
	}
}
