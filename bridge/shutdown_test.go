package bridge

import (
	"context"
	"fmt"
	"io"
	"iter"
	"net"
	"runtime"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/gowsgi/gowsgi/internal/accesslog"
)

// draining starts a Shutdown and returns once the server takes no more connections.
func (f *front) draining() <-chan error {
	f.t.Helper()
	done := make(chan error, 1)
	go func() {
		ctx, cancel := context.WithTimeout(context.Background(), patience)
		defer cancel()
		done <- f.Shutdown(ctx)
	}()
	until(f.t, "no more connections are taken", func() bool {
		nc, err := net.Dial(f.addr.Network(), f.addr.String())
		if err == nil {
			nc.Close()
		}
		return err != nil
	})
	return done
}

func TestShutdownIdle(t *testing.T) {
	f := serve(t, new(Server), echo)
	fresh, used := f.dial(), f.dial()
	used.request("GET /")
	used.expect("GET", 200, "GET / ")
	until(t, "both are connected", func() bool { return f.Connections() == 2 })
	f.shutdown()
	fresh.ended()
	used.ended()
	if err := receive(t, "Serve returns", f.served); err != nil {
		t.Errorf("Serve: %v", err)
	}
	f.served <- nil
}

// lateListener keeps who has accepted a connection until it is released.
type lateListener struct {
	*net.TCPListener
	accepted, release chan struct{}
}

func (l *lateListener) SyscallConn() (syscall.RawConn, error) {
	raw, err := l.TCPListener.SyscallConn()
	return lateRaw{raw, l}, err
}

type lateRaw struct {
	syscall.RawConn
	l *lateListener
}

func (r lateRaw) Control(use func(uintptr)) error {
	var before, after bool
	err := r.RawConn.Control(func(fd uintptr) {
		before = hasWaiting(int(fd))
		use(fd)
		after = hasWaiting(int(fd))
	})
	if before && !after { // it was accepted
		close(r.l.accepted)
		<-r.l.release
	}
	return err
}

func hasWaiting(listener int) bool {
	fds := []unix.PollFd{{Fd: int32(listener), Events: unix.POLLIN}}
	n, err := unix.Poll(fds, 0)
	return err == nil && n > 0
}

// TestShutdownAccepted: a connection that was accepted is served, though the server has not
// seen it yet.
func TestShutdownAccepted(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	late := &lateListener{l.(*net.TCPListener), make(chan struct{}), make(chan struct{})}
	f := serveOn(t, late, new(Server), echo)
	c := f.dial()
	c.request("GET /")
	receive(t, "the connection is accepted", late.accepted)
	done := make(chan error, 1)
	go func() {
		err := f.Shutdown(t.Context())
		f.Queue.Close()
		done <- err
	}()
	until(t, "the server drains", f.Server.draining.Load)
	select {
	case err := <-done:
		t.Errorf("Shutdown did not wait: %v", err)
	default:
	}
	close(late.release)
	c.expect("GET", 200, "GET / ")
	c.ended()
	c.Close()
	if err := receive(t, "Shutdown returns", done); err != nil {
		t.Error(err)
	}
}

// TestShutdownDrains: what was read is answered in full, and says that the connection closes.
func TestShutdownDrains(t *testing.T) {
	for _, request := range []string{
		head("POST /1"),
		head("POST /1", "Content-Length: 5") + "hello",
		head("POST /1") + head("POST /2"),
		head("POST /1") + "POST /2 HT",
		head("POST /1 HTTP/1.0", "Connection: keep-alive"),
		head("POST /1", "Connection: close"),
	} {
		g := newGate()
		f := serve(t, new(Server), g.before(answers(func(c Request) Reply {
			return start("200 OK").whole(big)
		})))
		c := f.dial()
		c.send(request)
		receive(t, "the request", g.entered)
		done := f.draining()
		until(t, "the request's connection is left alone", func() bool { return f.Connections() == 1 })
		g.open()
		if r := c.expect("POST", 200, big); !r.Close {
			t.Errorf("%q: the answer does not say that the connection closes", request)
		}
		if err := receive(t, "Shutdown returns", done); err != nil {
			t.Errorf("%q: %v", request, err)
		}
		if rest, _ := io.ReadAll(c.r); len(rest) > 0 {
			t.Errorf("%q: after the answer came %q", request, short(string(rest)))
		}
	}
}

// TestShutdownQueued: requests that wait for a thread have been read, too.
func TestShutdownQueued(t *testing.T) {
	g := newGate()
	f := serve(t, new(Server), g.before(echo))
	defer g.open()
	var clients []*client
	for i := range 4 {
		c := f.dial()
		c.send(head(fmt.Sprintf("GET /%d", i), "Connection: "+[]string{"keep-alive", "close"}[i%2]))
		if i == 0 {
			receive(t, "the first request", g.entered)
		}
		until(t, "it waits", func() bool { return f.Queue.Stats().Waiting == i })
		clients = append(clients, c)
	}
	done := f.draining()
	began := time.Now()
	until(t, "they have waited", func() bool { return time.Since(began) > 4*staleAfter })
	g.open()
	for i, c := range clients {
		if r := c.expect("GET", 200, fmt.Sprintf("GET /%d ", i)); !r.Close {
			t.Errorf("/%d: the answer does not say that the connection closes", i)
		}
		c.ended()
	}
	if err := receive(t, "Shutdown returns", done); err != nil {
		t.Error(err)
	}
}

// TestShutdownReading: a request on its way in is read, and answered.
func TestShutdownReading(t *testing.T) {
	for _, test := range []struct {
		before, rest string
		status       int
		want         string
	}{
		{"GET /1 HTT", "P/1.1\r\nHost: a\r\n\r\n", 200, "GET /1 "},
		{head("POST /1", "Content-Length: 5") + "he", "llo", 200, "POST /1 hello"},
		{"GET /hea", "lth HTTP/1.1\r\nHost: a\r\n\r\n", 503, "the server is shutting down\n"},
		{"GET /hea", "lth?live HTTP/1.1\r\nHost: a\r\n\r\n", 200, "ok\n"},
	} {
		f := serve(t, &Server{Health: "/health"}, echo)
		c := f.dial()
		c.send(head("GET /0") + test.before) // the first answer shows that the rest has been read
		c.expect("GET", 200, "GET /0 ")
		done := f.draining()
		c.send(test.rest)
		if r := c.expect("GET", test.status, test.want); !r.Close {
			t.Errorf("%q: the answer does not say that the connection closes", test.before)
		}
		c.ended()
		if err := receive(t, "Shutdown returns", done); err != nil {
			t.Error(err)
		}
	}
}

// TestShutdownStreams: bodies under way go on, in both directions.
func TestShutdownStreams(t *testing.T) {
	g := newGate()
	f := serve(t, new(Server), func(c Request) iter.Seq2[Event, Reply] {
		return func(yield func(Event, Reply) bool) {
			if yield(EventChunk, start("200 OK").with("first,")) {
				g.pass(c)
				body, err := readAll(c)
				yield(EventChunk, chunk(fmt.Sprint(len(body), " ", err)))
			}
		}
	})
	defer g.open()
	c := f.dial()
	c.send(head("POST /", "Content-Length: 100000") + pattern(50_000))
	receive(t, "the request", g.entered)
	done := f.draining()
	g.open()
	c.send(pattern(50_000))
	c.expect("POST", 200, "first,100000 EOF")
	if err := receive(t, "Shutdown returns", done); err != nil {
		t.Error(err)
	}
}

// TestShutdownGivesUp: with its context. A later one goes on where it was.
func TestShutdownGivesUp(t *testing.T) {
	g := newGate()
	f := serve(t, new(Server), g.before(echo))
	defer g.open()
	c := f.dial()
	c.request("GET /")
	receive(t, "the request", g.entered)
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if err := f.Shutdown(ctx); err != context.Canceled {
		t.Errorf("got %v", err)
	}
	g.open()
	c.expect("GET", 200, "GET / ")
	f.shutdown()
	f.shutdown()
}

func TestShutdownBeforeServe(t *testing.T) {
	s := &Server{Queue: new(Queue)}
	if err := s.Shutdown(context.Background()); err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Serve(l); err != nil {
		t.Errorf("Serve: %v", err)
	}
	if _, err := l.Accept(); err == nil {
		t.Error("the listener is open still")
	}
}

// bareServer begins to serve without workers, and tells what Serve returns.
func bareServer(t *testing.T) (*Server, net.Listener, <-chan error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := &Server{Queue: new(Queue)}
	served := make(chan error, 1)
	go func() { served <- s.Serve(l) }()
	return s, l, served
}

// TestShutdownWhileStarting: whichever comes first, Serve returns.
func TestShutdownWhileStarting(t *testing.T) {
	for range 200 {
		s, _, served := bareServer(t)
		if err := s.Shutdown(context.Background()); err != nil {
			t.Fatal(err)
		}
		if err := receive(t, "Serve returns", served); err != nil {
			t.Fatal(err)
		}
		s.Queue.Close()
	}
}

// TestListenerClosed: by its owner, not by Shutdown. Serve returns.
func TestListenerClosed(t *testing.T) {
	s, l, served := bareServer(t)
	until(t, "it is served", func() bool {
		s.mu.Lock()
		defer s.mu.Unlock()
		return len(s.doors) == 1
	})
	l.Close()
	if err := receive(t, "Serve returns", served); err != nil {
		t.Error(err)
	}
	if err := s.Shutdown(t.Context()); err != nil {
		t.Error(err)
	}
	s.Queue.Close()
}

// TestShutdownExpected: a client that has just connected is about to send its request.
func TestShutdownExpected(t *testing.T) {
	f := serve(t, &Server{newTime: patience}, echo)
	g := f.dial()
	g.request("GET /kept")
	g.expect("GET", 200, "GET /kept ")
	c := f.dial()
	until(t, "it is accepted", func() bool { return f.Connections() == 2 })
	done := f.draining()
	g.ended() // this one had its request
	c.request("GET /")
	c.expect("GET", 200, "GET / ")
	c.ended()
	c.Close()
	if err := receive(t, "Shutdown returns", done); err != nil {
		t.Error(err)
	}
}

// TestServeListenerFails: Serve's caller is told.
func TestServeListenerFails(t *testing.T) {
	f := serve(t, new(Server), echo)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	err = f.Serve(failingListener{l.(*net.TCPListener)})
	if err == nil || !strings.Contains(err.Error(), "broken for good") || !strings.Contains(err.Error(), l.Addr().String()) {
		t.Errorf("got %v", err)
	}
	if r := f.get("/"); r.body != "GET / " { // the other listener is none the worse
		t.Errorf("%q", r.body)
	}
}

type failingListener struct{ *net.TCPListener }

func (l failingListener) SyscallConn() (syscall.RawConn, error) {
	raw, err := l.TCPListener.SyscallConn()
	return failingRaw{raw}, err
}

// failingRaw is a socket that cannot accept.
type failingRaw struct{ syscall.RawConn }

func (r failingRaw) Control(use func(uintptr)) error {
	if err := r.RawConn.Control(use); err != nil {
		return err
	}
	return fmt.Errorf("broken for good")
}

// TestStartStop: nothing stays behind of a server, however often it is started.
func TestStartStop(t *testing.T) {
	before := runtime.NumGoroutine()
	for i := range 30 {
		t.Run("", func(t *testing.T) {
			f := serve(t, new(Server), echo, echo)
			for range i % 4 {
				f.get("/")
			}
		})
	}
	until(t, "all goroutines end", func() bool { return runtime.NumGoroutine() <= before })
}

// TestAppPanics: a panic on a worker's side ends its request, and no more than that.
func TestAppPanics(t *testing.T) {
	panics := func(steps ...any) app {
		return func(c Request) iter.Seq2[Event, Reply] {
			return func(yield func(Event, Reply) bool) {
				if value(c, "PATH_INFO") == "/well" {
					yield(EventDone, start("200 OK").whole("well"))
					return
				}
				script(steps...)(c)(yield)
				panic("a bug")
			}
		}
	}
	for _, test := range []struct {
		name string
		app  app
	}{
		{"at once", panics()},
		{"after the head", panics(EventChunk, start("200 OK").with("some"))},
		{"after the head, length known", panics(EventChunk, start("200 OK", "Content-Length: 100").with("some"))},
	} {
		t.Run(test.name, func(t *testing.T) {
			f := serve(t, new(Server), test.app)
			c := f.dial()
			c.request("GET /badly")
			all, err := io.ReadAll(c.r)
			c.Close()
			if strings.HasPrefix(string(all), "HTTP/1.1 200") && err == nil && strings.HasSuffix(string(all), "0\r\n\r\n") {
				t.Errorf("got %q, which looks complete", all)
			}
			until(t, "the connection is over", func() bool { return f.Connections() == 0 })
			for range 3 {
				if r := f.get("/well"); r.body != "well" {
					t.Errorf("afterwards: %d %q", r.StatusCode, r.body)
				}
			}
			if log := f.log.String(); strings.Count(log, "panic in a request") != 1 || !strings.Contains(log, "GET /badly") || !strings.Contains(log, "a bug") {
				t.Errorf("log %q", log)
			}
		})
	}
}

// TestAccessPanics: a fault in the access log costs a line, not a thread or the process.
func TestAccessPanics(t *testing.T) {
	var calls atomic.Int64
	f := serve(t, &Server{Access: func(*accesslog.Record) {
		if calls.Add(1) == 1 {
			panic("a bug")
		}
	}}, echo)
	c := f.dial()
	c.request("GET /1")
	c.expect("GET", 200, "GET /1 ")
	if r := f.get("/2"); r.body != "GET /2 " {
		t.Errorf("%q", r.body)
	}
	until(t, "the log tells of it", func() bool { return strings.Contains(f.log.String(), "a bug") })
}
