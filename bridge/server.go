package bridge

import (
	"context"
	"errors"
	"log/slog"
	"maps"
	"net"
	"os"
	"slices"
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
	Header   time.Duration // for a whole head, from its first bytes
	BodyIdle time.Duration // between two pieces of a body
	Send     time.Duration // while the client reads nothing
	Idle     time.Duration // between two requests
	Wait     time.Duration // in the queue; longer is answered 503
	Harakiri time.Duration // with a thread; longer is answered 504, or cut
}

// Backlog is where requests wait until they are run: a [Queue], or a [Pool].
type Backlog interface {
	// Push hands c to whoever runs it, oldest first. After a nil error c belongs to the backlog.
	Push(c *Call) error
	// Expired takes back the oldest request if it was pushed before t, else nil.
	Expired(t time.Time) *Call
	// Close lets what runs and what waits come to its end. It does not wait for that.
	Close()
	// Stats tells the backlog's state.
	Stats() Stats
	// Running lists what is run at the moment.
	Running() []Running

	// ready tells that somebody is there to run requests.
	ready() bool
	attach(s Source) bool
	places() []*seat
	crews() (crews, leaving []Crew)
}

// Server is the HTTP front: it reads requests, queues them, and writes responses. Set
// its fields before Serve and leave them.
type Server struct {
	Queue  Backlog
	Limits Limits
	Log    *slog.Logger
	// Health is the path that the server answers by itself: 200, or 503 when requests are not served. With
	// the query "live" it is 200 as long as there is an answer at all. "" is none.
	Health string
	// Mounts are where the apps are; none: one app, at the root.
	Mounts  Mounts
	Proxies Proxies
	// ProxyProtocol are the peers whose HTTP connections begin with the PROXY protocol, which says who the client is. From
	// others it is malformed HTTP. The uwsgi protocol says by itself who the client is.
	ProxyProtocol Proxies
	// Access gets a record of each request, valid during the call; nil: no log.
	Access func(*accesslog.Record)
	// AccessEnviron tells that Access wants the environ.
	AccessEnviron bool
	// LogVars tells that apps may set variables for Access: workers give them with the headers.
	LogVars bool
	// Dev is what the server does by itself while code is written; nil: nothing.
	Dev *Dev
	// Static serves files without Python; nil: there are none.
	Static Static
	// Added are headers for every response.
	Added Added
	// Overdue is told of each request that Limits.Harakiri has ended, on a goroutine of its own.
	// nil: nobody is.
	Overdue func(*Overdue)

	draining atomic.Bool
	mu       sync.Mutex
	poller   *poller       // made by Open
	doors    map[int]*door // by descriptor
	conns    map[int]*conn // likewise
	unserved Tally         // of the requests that no thread ran
	changes  [pollBatch]change
	changed  [pollBatch]interface{ event(change) }
	waited   int           // how many of changes Wait has filled
	hostname string        // SERVER_NAME
	newTime  time.Duration // in place of the constant, if not 0
	none     chan struct{} // closed when conns is empty while draining
	stopped  chan struct{} // ends the sweeper; made by Open
	ended    bool
	garbled  complaint // of those who speak something else
}

// sweepInterval is how precise the timeouts are.
const sweepInterval = 100 * time.Millisecond

// Open makes what the server needs of the operating system, once. Serve does it, too; called
// before the queue's threads are started, it has them ask for requests from the start. After
// Shutdown it gives net.ErrClosed.
func (s *Server) Open() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.draining.Load() {
		return net.ErrClosed
	}
	if s.poller != nil {
		return nil
	}
	p, err := newPoller()
	if err != nil {
		return err
	}
	s.poller = p
	s.conns = map[int]*conn{}
	s.doors = map[int]*door{}
	s.stopped = make(chan struct{})
	if s.hostname, err = os.Hostname(); err != nil {
		s.hostname = "localhost"
	}
	if !s.Queue.attach((*intake)(s)) {
		return errors.New("the queue belongs to another server")
	}
	go s.sweeper(s.stopped)
	return nil
}

// Serve accepts connections from l, a listener of the operating system, until Shutdown. It
// returns nil then, and an error when l fails.
func (s *Server) Serve(l net.Listener) error { return s.serve(l, false) }

// ServeUWSGI is Serve for connections that speak the uwsgi protocol.
func (s *Server) ServeUWSGI(l net.Listener) error { return s.serve(l, true) }

func (s *Server) serve(l net.Listener, uwsgi bool) error {
	switch err := s.Open(); {
	case err == net.ErrClosed:
		return l.Close()
	case err != nil:
		return err
	}
	d, err := s.newDoor(l)
	if err != nil {
		return err
	}
	d.uwsgi = uwsgi
	switch entered, err := s.enter(d); {
	case err != nil:
		return err
	case !entered:
		return l.Close()
	}
	return <-d.failed
}

// enter makes d one of the server's doors. False: the server is shutting down.
func (s *Server) enter(d *door) (bool, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.draining.Load() {
		return false, nil
	}
	if err := s.poller.addDoor(d.fd); err != nil {
		return false, err
	}
	s.doors[d.fd] = d
	return true, nil
}

// admit begins to serve a socket that does not block. It is the server's from here on.
func (s *Server) admit(fd int, at endpoint, d *door) {
	c := s.newConn(fd, at, d.unix)
	c.uwsgi = d.uwsgi
	c.unannounced = !d.uwsgi && s.ProxyProtocol.configured() && s.ProxyProtocol.trustsPeer(&at, d.unix)
	s.mu.Lock()
	s.conns[fd] = c
	s.mu.Unlock()
	if err := s.poller.add(fd); err != nil {
		go s.Log.Error("cannot watch a connection", "error", err) // the log may wait for its reader
		c.close()
		return
	}
	c.ready() // the request is often here already
}

// forget is a connection's last act.
func (s *Server) forget(c *conn) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.conns[c.fd] != c {
		return // closed before
	}
	delete(s.conns, c.fd)
	c.shut()
	if len(s.conns) == 0 && s.none != nil {
		close(s.none)
		s.none = nil
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
			s.sweepOverdue(now)
			if p, ok := s.Queue.(*Pool); ok {
				p.sweep(now)
			}
		}
	}
}

func (s *Server) sweepConns(now int64) {
	var late []*conn
	s.mu.Lock()
	doors := slices.Collect(maps.Values(s.doors))
	for _, c := range s.conns {
		c.in.sweep(now)
		c.out.sweep(now)
		if by := c.in.by.Load(); by != 0 && by < now && c.claim() {
			late = append(late, c)
		}
	}
	s.mu.Unlock()
	for _, d := range doors {
		if !d.reopen() {
			s.mu.Lock()
			delete(s.doors, d.fd)
			s.mu.Unlock()
		}
	}
	for _, c := range late {
		if by := c.in.by.Load(); by != 0 && by < now {
			c.expire()
		} else {
			c.ready() // it was served between the look and the claim
		}
	}
}

// sweepQueue answers requests that have waited too long, also when every thread
// is stuck.
func (s *Server) sweepQueue(now time.Time) {
	if s.Limits.Wait <= 0 {
		return
	}
	for c := s.Queue.Expired(now.Add(-s.Limits.Wait)); c != nil; c = s.Queue.Expired(now.Add(-s.Limits.Wait)) {
		go c.turnAway(errWaited)
	}
}

// turnAway answers a request that was taken out of the queue.
func (c *Call) turnAway(why *http1.Error) {
	conn := c.conn
	appendAnswer := http1.AppendError
	if c.isHead {
		appendAnswer = http1.AppendErrorHead
	}
	answer, status := conn.absent(c, why)
	if answer == nil {
		answer, status = appendAnswer(nil, why, time.Now(), retryAfter...), why.Status
	}
	conn.out.begin(conn.s.Limits.Send)
	_ = conn.out.all(answer) // the connection ends in any case
	c.response.status, c.response.headBytes = status, len(answer)
	c.begun = time.Now()
	c.end(outcome{}, status, c.begun)
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
	doors := slices.Collect(maps.Values(s.doors))
	clear(s.doors)
	s.mu.Unlock()
	doors = slices.DeleteFunc(doors, func(d *door) bool { return d.close(false) })
	s.mu.Lock()
	var resting []*conn
	for _, c := range s.conns {
		if c.claim() {
			resting = append(resting, c)
		}
	}
	s.mu.Unlock()
	for _, c := range resting {
		c.ready() // serves what is here already, or closes
	}
	if err := s.closeFull(ctx, doors); err != nil {
		return err
	}
	s.mu.Lock()
	none := make(chan struct{})
	if len(s.conns) == 0 {
		close(none)
	} else {
		s.none = none
	}
	s.mu.Unlock()
	select {
	case <-none:
	case <-ctx.Done():
		return ctx.Err()
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.ended && s.stopped != nil { // with nobody left, there is nothing to sweep
		s.ended = true
		close(s.stopped)
	}
	return nil
}

// closeFull closes doors behind which connections wait for which no descriptor is left: ends
// of others make room for them.
func (s *Server) closeFull(ctx context.Context, doors []*door) error {
	for len(doors) > 0 {
		select {
		case <-time.After(sweepInterval / 10):
			doors = slices.DeleteFunc(doors, func(d *door) bool { return d.close(false) })
		case <-ctx.Done():
			for _, d := range doors {
				d.close(true)
			}
			return ctx.Err()
		}
	}
	return nil
}

// Abort cuts every connection: their apps' writes and reads fail from now on.
func (s *Server) Abort() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for fd, c := range s.conns {
		c.in.interrupt()
		c.out.interrupt()
		_ = syscall.Shutdown(fd, syscall.SHUT_RDWR)
	}
}

// health is what the health path says: to a client that asks whether the server lives, or is ready.
func (s *Server) health(live bool) (status, text string) {
	switch {
	case live:
		return "200 OK", "ok\n"
	case s.draining.Load():
		return "503 Service Unavailable", "the server is shutting down\n"
	case !s.Queue.ready():
		return "503 Service Unavailable", "no worker process is ready\n"
	}
	return "200 OK", "ok\n"
}

// answerHealth answers the health path without any Python.
func (c *conn) answerHealth(call *Call) bool {
	status, text := c.s.health(string(call.head.Query) == "live")
	keep := call.head.KeepAlive && call.head.ContentLength <= 0 && !call.head.Chunked && !c.s.draining.Load()
	answer := append(call.environ.buf[:0], "HTTP/1.1 "...)
	answer = append(answer, status...)
	answer = append(answer, "\r\nServer: gowsgi\r\nContent-Type: text/plain\r\nCache-Control: no-store\r\nContent-Length: "...)
	answer = strconv.AppendInt(answer, int64(len(text)), 10)
	answer = append(answer, "\r\n"...)
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
