package bridge

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"os"
	"strconv"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/gowsgi/gowsgi/internal/accesslog"
	"github.com/gowsgi/gowsgi/internal/http1"
)

// Limits bounds what clients may ask for. A zero duration, and a zero Body, is no
// limit.
type Limits struct {
	Head     int           // bytes of a request head; more is answered 431
	Body     int64         // bytes of a request body; more is answered 413
	Header   time.Duration // for a whole head, from its first byte
	BodyIdle time.Duration // between two pieces of a body
	Send     time.Duration // while the client reads nothing
	Idle     time.Duration // between two requests
	Wait     time.Duration // in the queue; longer is answered 503
}

// Server is the HTTP front: it reads requests, queues them, and writes responses. Set
// its fields before Serve and leave them.
type Server struct {
	Queue  *Queue
	Limits Limits
	Log    *slog.Logger
	// Health is the path that the server answers by itself; "" is none.
	Health string
	// ScriptName is the mount point, "" or "/prefix".
	ScriptName string
	Proxies    Proxies
	// Access gets a record of each request, valid during the call; nil: no log.
	Access func(*accesslog.Record)
	// AccessEnviron tells that Access wants the environ.
	AccessEnviron bool

	draining  atomic.Bool
	accepting sync.WaitGroup // the calls of Serve; added to under mu, before draining
	mu        sync.Mutex
	listeners []net.Listener
	conns     map[*conn]struct{}
	hostname  string        // SERVER_NAME
	none      chan struct{} // closed when conns is empty while draining
	sweep     sync.Once
	stopped   chan struct{} // ends the sweeper; made by the first Serve
	ended     bool
}

// sweepInterval is how precise the timeouts are.
const sweepInterval = 100 * time.Millisecond

// Serve accepts connections from l until Shutdown. It returns nil then, and an error
// when l fails.
func (s *Server) Serve(l net.Listener) error {
	if !s.listen(l) {
		return l.Close()
	}
	defer s.accepting.Done()
	s.sweep.Do(func() { go s.sweeper(s.stopped) })
	for {
		nc, err := l.Accept()
		switch {
		case err == nil:
			s.admit(nc, s.hostname)
		case s.draining.Load() || errors.Is(err, net.ErrClosed):
			return nil
		case temporary(err):
			// Out of descriptors: connections must end before one can come.
			s.Log.Error("cannot accept a connection", "error", err)
			time.Sleep(sweepInterval)
		default:
			return fmt.Errorf("accept on %s: %w", l.Addr(), err)
		}
	}
}

func temporary(err error) bool {
	var e interface{ Temporary() bool }
	return errors.As(err, &e) && e.Temporary()
}

func (s *Server) listen(l net.Listener) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.draining.Load() {
		return false
	}
	if s.conns == nil {
		s.conns = map[*conn]struct{}{}
		s.stopped = make(chan struct{})
		var err error
		if s.hostname, err = os.Hostname(); err != nil {
			s.hostname = "localhost"
		}
	}
	s.listeners = append(s.listeners, l)
	s.accepting.Add(1)
	return true
}

// admit starts a connection's goroutine.
func (s *Server) admit(nc net.Conn, hostname string) {
	stream, ok := nc.(streamConn)
	if !ok {
		s.Log.Error("a listener gave a connection that is no stream socket", "type", fmt.Sprintf("%T", nc))
		nc.Close()
		return
	}
	at, unix := peer(nc, hostname)
	c, err := s.newConn(stream, at, unix)
	if err != nil {
		nc.Close()
		return
	}
	s.mu.Lock()
	s.conns[c] = struct{}{}
	s.mu.Unlock()
	go c.serve()
}

// peer is the endpoint of a connection. A UNIX socket has no addresses: SERVER_PORT
// must be there all the same (PEP 3333), and is that of plain HTTP.
func peer(nc net.Conn, hostname string) (at endpoint, unix bool) {
	at = endpoint{serverName: hostname, serverPort: "80", scheme: "http"}
	if local, ok := nc.LocalAddr().(*net.TCPAddr); ok {
		at.serverPort = strconv.Itoa(local.Port)
	} else {
		unix = true
	}
	if remote, ok := nc.RemoteAddr().(*net.TCPAddr); ok {
		addr := remote.AddrPort()
		at.remoteAddr = netip.Addr.String(addr.Addr().Unmap())
		at.remotePort = strconv.Itoa(int(addr.Port()))
	}
	return at, unix
}

// forget is a connection's last act.
func (s *Server) forget(c *conn) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.conns, c)
	if len(s.conns) == 0 && s.none != nil {
		close(s.none)
		s.none = nil
	}
}

// endListening frees the port also when a child that the app forked has the descriptor.
func endListening(l net.Listener) {
	if raw, ok := l.(syscall.Conn); ok {
		if control, err := raw.SyscallConn(); err == nil {
			_ = control.Control(func(fd uintptr) { _ = syscall.Shutdown(int(fd), syscall.SHUT_RDWR) })
		}
	}
}

// acceptRest takes the connections that wait in the kernel's queue: closing the listener
// would reset them, with requests in them perhaps.
func (s *Server) acceptRest(l net.Listener) {
	raw, ok := l.(syscall.Conn)
	if !ok {
		return
	}
	control, err := raw.SyscallConn()
	if err != nil {
		return
	}
	for {
		fd := -1
		_ = control.Control(func(listener uintptr) {
			fd, _, err = syscall.Accept(int(listener))
		})
		if err != nil || fd < 0 {
			return
		}
		syscall.CloseOnExec(fd)
		file := os.NewFile(uintptr(fd), "connection")
		nc, err := net.FileConn(file) // a duplicate
		_ = file.Close()
		if err == nil {
			s.admit(nc, s.hostname)
		}
	}
}

// Connections is the number of open connections.
func (s *Server) Connections() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.conns)
}

// sweeper ends what takes too long: one goroutine in place of timers per request.
func (s *Server) sweeper(stopped <-chan struct{}) {
	tick := time.NewTicker(sweepInterval)
	defer tick.Stop()
	for {
		select {
		case <-stopped:
			return
		case now := <-tick.C:
			s.sweepConns(now.UnixNano())
			s.sweepQueue(now)
		}
	}
}

func (s *Server) sweepConns(now int64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for c := range s.conns {
		c.in.sweep(now)
		c.out.sweep(now)
	}
}

// sweepQueue answers requests that have waited too long, also when every thread
// is stuck.
func (s *Server) sweepQueue(now time.Time) {
	if s.Limits.Wait <= 0 {
		return
	}
	for c := s.Queue.Expired(now.Add(-s.Limits.Wait)); c != nil; c = s.Queue.Expired(now.Add(-s.Limits.Wait)) {
		go c.turnAway()
	}
}

// turnAway answers a request that was taken out of the queue.
func (c *Call) turnAway() {
	conn := c.conn
	appendAnswer := http1.AppendError
	if c.isHead {
		appendAnswer = http1.AppendErrorHead
	}
	answer := appendAnswer(nil, errWaited, time.Now(), retryAfter...)
	conn.out.begin(conn.s.Limits.Send)
	_ = conn.out.all(answer) // the connection ends in any case
	c.response.status, c.response.headBytes = errWaited.Status, len(answer)
	c.begun = time.Now()
	c.end(outcome{}, errWaited.Status)
}

// disconnected notes a client that left before its response was complete: not worth
// an error in anybody's log, the access log shows it.
func (s *Server) disconnected(c *Call) {
	s.Log.Debug("the client left before its response was complete", "request", c.requestLine(), "error", c.response.failed)
}

// Shutdown stops accepting, closes idle connections, lets the requests that were
// read end with "Connection: close", and returns when all connections are gone, or
// with ctx's error.
func (s *Server) Shutdown(ctx context.Context) error {
	s.mu.Lock()
	s.draining.Store(true)
	listeners := s.listeners
	s.listeners = nil
	s.mu.Unlock()
	for _, l := range listeners {
		s.acceptRest(l)
		endListening(l)
		_ = l.Close()
	}
	s.accepting.Wait() // a connection that Accept has given counts from here on
	s.mu.Lock()
	none := make(chan struct{})
	if len(s.conns) == 0 {
		close(none)
	} else {
		s.none = none
	}
	for c := range s.conns {
		if c.idle.Load() {
			c.in.close()
		}
	}
	s.mu.Unlock()
	select {
	case <-none:
	case <-ctx.Done():
		return ctx.Err()
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.ended && s.stopped != nil {
		s.ended = true
		close(s.stopped)
	}
	return nil
}

// Abort cuts every connection: their apps' writes and reads fail from now on.
func (s *Server) Abort() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for c := range s.conns {
		c.in.interrupt()
		c.out.interrupt()
		_ = c.out.raw.Control(func(fd uintptr) { _ = syscall.Shutdown(int(fd), syscall.SHUT_RDWR) })
	}
}

// answerHealth answers the health path without any Python.
func (c *conn) answerHealth(call *Call) bool {
	const text = "ok\n"
	keep := call.head.KeepAlive && call.head.ContentLength <= 0 && !call.head.Chunked && !c.s.draining.Load()
	answer := append(call.environ.buf[:0], "HTTP/1.1 200 OK\r\nServer: gowsgi\r\nContent-Type: text/plain\r\nCache-Control: no-store\r\nContent-Length: 3\r\n"...)
	answer = appendDateField(answer)
	switch {
	case !keep:
		answer = append(answer, "Connection: close\r\n"...)
	case call.head.Minor == 0:
		answer = append(answer, "Connection: keep-alive\r\n"...)
	}
	answer = append(answer, "\r\n"...)
	if string(call.head.Method) == "GET" {
		answer = append(answer, text...)
	}
	call.environ.buf = answer // kept for the next request
	c.out.begin(c.s.Limits.Send)
	return c.out.all(answer) == nil && keep
}
