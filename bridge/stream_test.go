package bridge

import (
	"fmt"
	"io"
	"iter"
	"net"
	"os"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

// source is an app that yields chunk after chunk, and counts them.
type source struct {
	reply   Reply // the first
	next    string
	total   int64 // chunks; 0: without end
	yielded atomic.Int64
}

func newSource(size int, total int64, headers ...string) *source {
	piece := pattern(size)
	return &source{reply: start("200 OK", headers...).with(piece), next: piece, total: total}
}

func (s *source) app(Request) iter.Seq2[Event, Reply] {
	return func(yield func(Event, Reply) bool) {
		r := s.reply
		for more := true; more && (s.total == 0 || s.yielded.Load() < s.total); r = chunk(s.next) {
			s.yielded.Add(1)
			more = yield(EventChunk, r)
		}
	}
}

// stalls waits until the app has not been asked for more for a while.
func (s *source) stalls(t *testing.T) int64 {
	t.Helper()
	last, since := int64(0), time.Now()
	until(t, "the app stops", func() bool {
		if n := s.yielded.Load(); n != last {
			last, since = n, time.Now()
		}
		return last > 0 && time.Since(since) > 200*time.Millisecond
	})
	return last
}

// kernelRoom is more than the kernel takes for a client that does not read and has asked for a
// small buffer.
const kernelRoom = 16 << 20

// slow is a client with a small buffer.
func (f *front) slow() *client {
	f.t.Helper()
	c := f.dial()
	c.buffer(64 << 10)
	return c
}

func (c *client) buffer(n int) {
	c.t.Helper()
	if err := c.Conn.(*net.TCPConn).SetReadBuffer(n); err != nil {
		c.t.Fatal(err)
	}
}

// TestSlowReader: each chunk is on the wire before the next is asked for, so a client that does not
// read stops the app. Nothing is lost when it goes on.
func TestSlowReader(t *testing.T) {
	for _, size := range []int{copyBody / 4, 4 * copyBody} {
		t.Run(fmt.Sprint(size), func(t *testing.T) {
			t.Parallel()
			s := newSource(size, (kernelRoom+kernelRoom/8)/int64(size))
			f := serve(t, new(Server), s.app)
			c := f.slow()
			c.request("GET /")
			if n := s.stalls(t); n*int64(size) > kernelRoom {
				t.Errorf("%d bytes were taken from the app", n*int64(size))
			}
			// The kernel takes a little more now and then, and the worker attaches to send it.
			until(t, "the worker waits for the client without the GIL", func() bool { return !f.workers[0].attached.Load() })
			c.buffer(4 << 20)
			if r := c.response("GET"); r.body != strings.Repeat(s.next, int(s.total)) {
				t.Errorf("%d bytes, or others, came", len(r.body))
			}
			if f.workers[0].aborted.Load() != 0 {
				t.Error("aborted")
			}
		})
	}
}

// TestSendTimeout: a client that reads nothing at all does not hold a thread for ever.
func TestSendTimeout(t *testing.T) {
	t.Parallel()
	limits := lenient
	limits.Send = 300 * time.Millisecond
	for name, a := range map[string]app{
		"chunks":      newSource(64<<10, 0).app,
		"small":       newSource(100, 0).app,
		"one answer":  script(EventDone, start("200 OK").whole(strings.Repeat(big, kernelRoom/len(big)))),
		"the write()": writes(script(), start("200 OK").with(strings.Repeat(big, kernelRoom/len(big)))),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := serve(t, &Server{Limits: limits}, a)
			c := f.slow()
			began := time.Now()
			c.request("GET /")
			until(t, "the worker is free", func() bool { return f.workers[0].begun.Load() == 1 && len(f.logged()) == 1 })
			if d := time.Since(began); d < limits.Send {
				t.Errorf("given up after %v", d)
			}
			if r := f.logged()[0]; r.Status != 200 || r.WriteErrors != 1 {
				t.Errorf("logged %+v", r)
			}
			if n := f.workers[0].aborted.Load(); n != 1 && (name == "chunks" || name == "small") {
				t.Errorf("aborted %d times", n)
			}
			c.Close()
			until(t, "the connection is over", func() bool { return f.Connections() == 0 })
			if log := f.log.String(); strings.Contains(log, "level=ERROR") && !strings.Contains(log, "write(): ") {
				t.Errorf("log %q", log)
			}
		})
	}
}

// TestSlowButReading: a client that reads slowly is not cut off by the send timeout.
func TestSlowButReading(t *testing.T) {
	t.Parallel()
	limits := lenient
	limits.Send = 400 * time.Millisecond
	s := newSource(64<<10, kernelRoom/(64<<10))
	f := serve(t, &Server{Limits: limits}, s.app)
	c := f.slow()
	c.request("GET /")
	s.stalls(t)
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	read := int64(0)
	for range 40 { // twice the timeout, but always in motion
		<-tick.C
		n, err := io.CopyN(io.Discard, c.r, kernelRoom/50)
		if read += n; err != nil {
			t.Fatalf("%v after %d bytes", err, read)
		}
	}
	rest, err := io.Copy(io.Discard, io.LimitReader(c.r, kernelRoom-read))
	if err != nil || read+rest < kernelRoom {
		t.Errorf("%d bytes, %v", read+rest, err)
	}
}

// TestClientLeaves: the app is stopped once, and nobody is blamed.
func TestClientLeaves(t *testing.T) {
	for _, size := range []int{10, 100_000} {
		s := newSource(size, 0)
		f := serve(t, new(Server), s.app)
		c := f.dial()
		c.request("GET /")
		if _, err := c.r.Peek(1); err != nil {
			t.Fatal(err)
		}
		c.Close()
		until(t, "the request is over", func() bool { return len(f.logged()) == 1 })
		if n := f.workers[0].aborted.Load(); n != 1 {
			t.Errorf("aborted %d times", n)
		}
		if r := f.logged()[0]; r.WriteErrors != 1 || r.Status != 200 || r.BodyBytes == 0 {
			t.Errorf("logged %+v", r)
		}
		if log := f.log.String(); strings.Contains(log, "level=ERROR") || !strings.Contains(log, "the client left") {
			t.Errorf("log %q", log)
		}
		until(t, "the connection is over", func() bool { return f.Connections() == 0 })
	}
}

// TestClientLeavesWhileWriting: write() tells the app.
func TestClientLeavesWhileWriting(t *testing.T) {
	failed := make(chan error, 1)
	f := serve(t, new(Server), func(c Request) iter.Seq2[Event, Reply] {
		return func(yield func(Event, Reply) bool) {
			r := start("200 OK").with(big)
			for {
				if err := c.Write(&r); err != nil {
					failed <- err
					yield(EventError, failure("BrokenPipeError"))
					return
				}
				r = chunk(big)
			}
		}
	})
	c := f.dial()
	c.request("GET /")
	if _, err := c.r.Peek(1); err != nil {
		t.Fatal(err)
	}
	c.Close()
	if err := receive(t, "write() fails", failed); err == nil {
		t.Error("it did not")
	}
	until(t, "the request is over", func() bool { return len(f.logged()) == 1 })
	if log := f.log.String(); strings.Contains(log, "level=ERROR") {
		t.Errorf("log %q", log)
	}
}

// TestChunkOnTheWire: a chunk can be read while the app is at the next.
func TestChunkOnTheWire(t *testing.T) {
	step := make(chan struct{})
	f := serve(t, new(Server), func(Request) iter.Seq2[Event, Reply] {
		return func(yield func(Event, Reply) bool) {
			yield(EventChunk, start("200 OK").with("one"))
			<-step
			yield(EventChunk, chunk("two"))
			<-step
		}
	})
	c := f.dial()
	c.request("GET /")
	seen := ""
	for _, want := range []string{"3\r\none\r\n", "3\r\ntwo\r\n", "0\r\n\r\n"} {
		for !strings.HasSuffix(seen, want) {
			b, err := c.r.ReadByte()
			if err != nil {
				t.Fatal(err)
			}
			seen += string(b)
		}
		if want[0] != '0' {
			step <- struct{}{}
		}
	}
}

// TestClientThatStays: a client that does not close its side after the end of an answer holds a
// connection for the time of a linger, not for that of an idle one.
func TestClientThatStays(t *testing.T) {
	limits := lenient
	limits.Idle = 0
	f := serve(t, &Server{Limits: limits}, script(EventChunk, start("200 OK").with("until the end")))
	for range 100 {
		c := f.dial()
		c.request("GET / HTTP/1.0", "Connection: keep-alive")
		if all, err := io.ReadAll(c.r); err != nil || !strings.HasSuffix(string(all), "until the end") {
			t.Fatalf("%q, %v", all, err)
		}
	}
	until(t, "all connections are over", func() bool { return f.Connections() == 0 })
}

// TestLateSweep: the sweeper may come for a write that has just succeeded. The next must not pay.
func TestLateSweep(t *testing.T) {
	if pooled() {
		t.Skip("the app has no connection at hand in a worker process")
	}
	s := newSource(100, 3)
	f := serve(t, new(Server), func(c Request) iter.Seq2[Event, Reply] {
		return func(yield func(Event, Reply) bool) {
			for event, reply := range s.app(c) {
				c.(*Call).conn.out.bell.ring() // as the sweeper does
				if !yield(event, reply) {
					return
				}
			}
		}
	})
	c := f.dial()
	c.request("GET /")
	c.expect("GET", 200, strings.Repeat(s.next, 3))
}

// file is a file of the app.
func file(t *testing.T, content string) *os.File {
	f, err := os.CreateTemp(t.TempDir(), "")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.Close() })
	if _, err := f.WriteString(content); err != nil {
		t.Fatal(err)
	}
	return f
}

func TestFile(t *testing.T) {
	fd := file(t, "0123456789"+big).Fd()
	ok := start("200 OK")
	sized := func(r Reply, n int64) Reply {
		r.Total = n
		return r
	}
	for _, test := range []struct {
		name, request string
		app           app
		want          string
		fate          fate
		aborted       bool
		log           string
	}{
		{name: "whole", request: "GET /", app: script(EventFile, sized(ok, 65546).part(fd, 0, 65546)), want: "HTTP/1.1 200 OK\n" + own + "Content-Length: 65546\n\n0123456789" + big},
		{name: "range", request: "GET /", app: script(EventFile, sized(ok, 3).part(fd, 4, 3)), want: "HTTP/1.1 200 OK\n" + own + "Content-Length: 3\n\n456"},
		{name: "empty", request: "GET /", app: script(EventFile, sized(ok, 0).part(fd, 4, 0)), want: "HTTP/1.1 200 OK\n" + own + "Content-Length: 0\n\n"},
		{name: "HEAD", request: "HEAD /", app: script(EventFile, sized(ok, 10).part(fd, 0, 10)), want: "HTTP/1.1 200 OK\n" + own + "Content-Length: 10\n\n", aborted: true},
		{name: "304", request: "GET /", app: script(EventFile, sized(start("304 Not Modified"), 10).part(fd, 0, 10)), want: "HTTP/1.1 304 Not Modified\n" + own + "\n", aborted: true},
		{name: "1.0", request: "GET / HTTP/1.0", app: script(EventFile, sized(ok, 10).part(fd, 0, 10)), want: "HTTP/1.1 200 OK\n" + own + "Content-Length: 10\nConnection: close\n\n0123456789", fate: closes},
		{name: "the app's length", request: "GET /", app: script(EventFile, sized(start("206 Partial Content", "Content-Length: 5"), 10).part(fd, 0, 10)), want: "HTTP/1.1 206 Partial Content\nContent-Length: 5\n" + own + "\n01234"},
		{name: "the app's length is more", request: "GET /", app: script(EventFile, sized(start("200 OK", "Content-Length: 12"), 10).part(fd, 0, 10)), want: "HTTP/1.1 200 OK\nContent-Length: 12\n" + own + "\n0123456789", fate: closes, log: "missing=2"},
		{name: "truncated meanwhile", request: "GET /", app: script(EventFile, sized(ok, 100_000).part(fd, 0, 100_000)), want: "HTTP/1.1 200 OK\n" + own + "Content-Length: 100000\n\n0123456789" + big, fate: closes, aborted: true, log: "level=ERROR"},
		{name: "after write()", request: "GET /", app: writes(script(EventFile, chunk("").part(fd, 0, 10)), ok.with("a")), want: "HTTP/1.1 200 OK\n" + own + "Transfer-Encoding: chunked\n\n1\r\na\r\na\r\n0123456789\r\n0\r\n\r\n"},
		{name: "empty, after write()", request: "GET /", app: writes(script(EventFile, chunk("").part(fd, 0, 0)), ok.with("a")), want: "HTTP/1.1 200 OK\n" + own + "Transfer-Encoding: chunked\n\n1\r\na\r\n0\r\n\r\n"},
		{name: "1.0, after write()", request: "GET / HTTP/1.0", app: writes(script(EventFile, chunk("").part(fd, 0, 10)), ok.with("a")), want: "HTTP/1.1 200 OK\n" + own + "Connection: close\n\na0123456789", fate: closes},
		{name: "after write(), the app's length", request: "GET /", app: writes(script(EventFile, chunk("").part(fd, 0, 10)), start("200 OK", "Content-Length: 11").with("a")), want: "HTTP/1.1 200 OK\nContent-Length: 11\n" + own + "\na0123456789"},
		{name: "after write(), too much", request: "GET /", app: writes(script(EventFile, chunk("").part(fd, 0, 10)), start("200 OK", "Content-Length: 4").with("a")), want: "HTTP/1.1 200 OK\nContent-Length: 4\n" + own + "\na012", aborted: true, log: "more bytes than its Content-Length"},
	} {
		t.Run(test.name, func(t *testing.T) {
			checkResponse(t, test.request, test.app, test.want, test.fate, test.aborted, test.log)
		})
	}
}

// TestFileSlowReader: a file larger than what one call sends, to a client that makes it wait.
func TestFileSlowReader(t *testing.T) {
	content := strings.Repeat(big, 8*sendPiece/len(big))
	r := start("200 OK").part(file(t, content).Fd(), 0, int64(len(content)))
	r.Total = r.Length
	f := serve(t, new(Server), script(EventFile, r))
	for range 3 {
		c := f.dial()
		c.request("GET /")
		until(t, "it is under way", func() bool { return !f.workers[0].attached.Load() && f.workers[0].begun.Load() > 0 })
		if got := c.response("GET"); got.body != content {
			t.Errorf("%d bytes, or others", len(got.body))
		}
	}
}
