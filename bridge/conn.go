package bridge

import (
	"cmp"
	"errors"
	"runtime/debug"
	"sync/atomic"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"github.com/gowsgi/gowsgi/internal/http1"
)

const (
	// inlineBody is the size up to which a body is read before a Python thread is
	// taken: a slow client costs a goroutine.
	inlineBody = 64 << 10
	// drainLimit is how much of a body that the app left unread is thrown away to
	// keep the connection.
	drainLimit = 1 << 20
	// lingerTime is how long a closing connection waits for the client to have read
	// its answer: closing with unread bytes would reset it.
	lingerTime = time.Second
)

// conn is one client connection. While nothing is on its way it is nobody's: whoever polls
// claims it when something comes (event). What can be done without waiting is done there and
// then, and ends with the request in the queue, or with the connection at rest again. What has
// to wait for the client gets a goroutine (serve), until the next rest.
type conn struct {
	s  *Server
	at endpoint // of the connection; a trusted proxy may change a request's own copy
	// unix tells that the peer is on a UNIX socket.
	unix bool
	// uwsgi: the uwsgi protocol is spoken, and this is its only request.
	uwsgi bool
	// unannounced: the PROXY protocol's header has to come first.
	unannounced bool
	fd          int // its socket, closed by close, under the server's mutex

	state atomic.Int32 // restingConn or claimedConn; all else is the claimer's

	// in.buf[in.r:in.w] is read and not used. The worker's while a body streams.
	in  reader
	out writer // the worker's between Push and its end

	// body is the streamed body of the request on its way, nil for none. The worker's
	// until done.
	body *body

	// waits tells the worker that serve waits for done, and goes on with the connection.
	waits bool
	done  handoff
	// keep is the worker's verdict, made before done: the connection goes on.
	keep bool
	// cut is one, too: only a reset tells the client that the response broke off.
	cut bool
	// polite: the client wants no other request on the connection.
	polite bool
	// opened is when it was accepted, in Unix nanoseconds; 0 once a request has come.
	opened int64
	// gone is set once the client was seen to have closed its side.
	gone bool
}

const (
	restingConn int32 = iota // until the next event
	claimedConn              // somebody works for it, or waits for it
)

// newConn makes a connection of a socket that does not block. It is claimed.
func (s *Server) newConn(fd int, at endpoint, unixSocket bool) *conn {
	c := &conn{s: s, fd: fd, at: at, unix: unixSocket, opened: time.Now().UnixNano()}
	c.state.Store(claimedConn)
	b := make(bell, 1)
	c.in.waiting.init(fd, b, unix.POLLIN)
	c.out.waiting.init(fd, b, unix.POLLOUT)
	return c
}

// event is told that the socket has changed.
func (c *conn) event(what change) {
	if what.hup {
		c.in.ended.Store(true)
	}
	c.in.fresh.Store(true)
	if c.claim() {
		c.ready()
	} else {
		c.in.bell.ring()
	}
}

func (c *conn) claim() bool { return c.state.CompareAndSwap(restingConn, claimedConn) }

// ready takes what has come to a connection that was at rest. It does not wait.
func (c *conn) ready() {
	defer c.recovered()
	c.in.by.Store(0)
	for {
		switch err := c.in.fillNow(); {
		case err == nil:
			c.take()
			return
		case err != syscall.EAGAIN || c.s.draining.Load() && c.expectedBy() == 0:
			c.close()
			return
		}
		if c.rest() {
			return
		}
	}
}

// recovered ends a connection in which we have panicked: it must not take others along.
func (c *conn) recovered() {
	if p := recover(); p != nil {
		// Its own goroutine: the log may wait for its reader, and all connections for this one.
		go c.s.Log.Error("panic in a connection: please report this", "panic", p, "traceback", string(debug.Stack()))
		c.done.wait()
		c.close()
	}
}

// expire ends a connection that was at rest for long. It is claimed.
func (c *conn) expire() {
	c.in.by.Store(0)
	if c.in.fillNow() == nil {
		c.take() // at the last moment
		return
	}
	c.close()
}

// newTime is how long a drain leaves a new connection for its first request. A client tries
// again when a kept connection ends, but takes the end of a new one for a broken server.
const newTime = 500 * time.Millisecond

// expectedBy is until when a drain waits for the connection's first request; 0: it doesn't.
func (c *conn) expectedBy() int64 {
	if c.opened == 0 {
		return 0
	}
	by := c.opened + int64(cmp.Or(c.s.newTime, newTime))
	if by <= time.Now().UnixNano() {
		return 0
	}
	return by
}

// rest leaves the connection to the next event. False: there may be something to read already,
// and it is the caller's still.
func (c *conn) rest() bool {
	by := deadline(c.s.Limits.Idle)
	draining := c.s.draining.Load()
	expected := false
	if draining {
		if first := c.expectedBy(); first != 0 {
			by, expected = first, true
		}
	}
	c.in.by.Store(by)
	c.state.Store(restingConn)
	// A drain that has begun since did not find the connection at rest.
	again := c.in.fresh.Load() || draining && !expected || !draining && c.s.draining.Load()
	return !again || !c.claim()
}

// take puts the request that the buffer begins with into the queue. What is not all there, or
// needs more than a push, is a goroutine's.
func (c *conn) take() {
	defer c.recovered()
	if c.unannounced {
		c.announce()
		return
	}
	c.opened = 0
	call := newCall(c)
	if !c.whole(call) {
		call.release()
		c.in.slim()
		go c.serve()
		return
	}
	err := call.prepare()
	if err == nil {
		if c.in.empty() {
			c.in.release()
		}
		c.waits = false
		err = c.push(call)
	}
	if err != nil {
		go c.refuseAndClose(call, err)
	}
}

// whole parses and skips the head if all of a request for the app is here: a head without
// faults, and the whole of an inline body. It reads on for that, but does not wait, and not for
// long: a body that comes in many pieces is a goroutine's.
func (c *conn) whole(call *Call) bool {
	if c.uwsgi {
		return c.wholePacket(call)
	}
	head := &call.head
	for range wholeReads {
		n, err := head.Parse(c.in.bytes(), 0)
		if err != nil || n == 0 || n > c.s.Limits.Head || head.Chunked || head.Expect100 || head.ContentLength > inlineBody {
			return false
		}
		size := n + int(max(head.ContentLength, 0))
		if len(c.in.bytes()) >= size {
			if call.forHealth() || call.forDev() || call.forStatic() {
				return false
			}
			c.in.skip(n)
			return true
		}
		if size > bodyBuffer {
			return false
		}
		c.in.makeRoom(size) // what was parsed is elsewhere now
		if c.in.fillNow() != nil {
			return false
		}
	}
	return false
}

// wholeReads is how many reads more may bring the rest of an inline body.
const wholeReads = 4

// push gives call to the worker that will take it. On an error it is the caller's still.
func (c *conn) push(call *Call) error {
	call.pushed = time.Now()
	if err := c.s.Queue.Push(call); err != nil {
		return unavailable(err)
	}
	return nil
}

// serve goes on with the connection, waiting where it must, until it ends or comes to rest.
func (c *conn) serve() {
	defer c.recovered()
	for c.next() {
		if c.in.empty() {
			c.in.release()
			if !c.rest() {
				c.ready()
			}
			return
		}
	}
	c.close()
}

// finish is the worker's last act for the connection. polite tells that the client wants no
// other request on it.
func (c *conn) finish(keep, cut, polite bool) {
	c.in.onThread, c.out.onThread = false, false
	c.keep, c.cut, c.polite = keep, cut, polite
	if c.waits {
		c.done.set() // the goroutine has the connection from here on
		return
	}
	switch {
	case keep && !c.in.empty():
		c.take()
	case keep:
		if !c.rest() {
			c.ready()
		}
	case cut || c.mayClose():
		c.close()
	default:
		go c.lingerAndClose()
	}
}

// mayClose tells whether the connection can be closed at once: unread bytes, or ones that still
// come, would make that a reset, and the client might not read its answer.
func (c *conn) mayClose() bool {
	if !c.polite || !c.in.empty() {
		return false
	}
	var scrap [1]byte
	n, _, err := unix.Recvfrom(c.fd, scrap[:], unix.MSG_PEEK|unix.MSG_DONTWAIT)
	return err == unix.EAGAIN || err == nil && n == 0
}

func (c *conn) lingerAndClose() {
	c.linger()
	c.close()
}

func (c *conn) refuseAndClose(call *Call, err error) {
	c.refuse(call, err)
	c.close()
}

// close ends the connection: for the client too when a child that the app forked still has
// the descriptor.
func (c *conn) close() {
	c.in.release()
	c.s.forget(c)
}

// shut is the part of close under the server's mutex: nobody else has the descriptor then.
func (c *conn) shut() {
	c.s.poller.remove(c.fd)
	if c.cut {
		// The response has no length and no chunks: only a reset tells its end from
		// a break. The client must not take the part for the whole.
		_ = unix.SetsockoptLinger(c.fd, unix.SOL_SOCKET, unix.SO_LINGER, &unix.Linger{Onoff: 1})
	} else {
		_ = unix.Shutdown(c.fd, unix.SHUT_RDWR)
	}
	_ = unix.Close(c.fd)
}

// next serves the request that begins in the buffer. False ends the connection.
func (c *conn) next() bool {
	call := newCall(c)
	if err := c.readRequest(call); err != nil {
		c.refuse(call, err)
		return false
	}
	if call.forHealth() {
		defer call.release()
		return c.answerHealth(call)
	}
	if call.forDev() {
		defer call.release()
		return c.answerDev(call)
	}
	if call.forStatic() {
		if served, goOn := c.answerStatic(call); served {
			call.release()
			return goOn
		}
	}
	err := call.prepare()
	if err == nil {
		c.waits = true
		c.done.begin()
		err = c.push(call)
	}
	if err != nil {
		c.done.set()
		c.refuse(call, err)
		return false
	}
	c.done.wait()
	if c.keep && c.body.drain() {
		c.body = nil
		return true
	}
	if !c.cut && !(c.body.complete() && c.mayClose()) {
		c.linger()
	}
	return false
}

// readRequest reads what stands before a request's body, in the connection's protocol.
func (c *conn) readRequest(call *Call) error {
	if c.uwsgi {
		return c.readPacket(call)
	}
	return c.readHead(&call.head)
}

// readHead reads until the head is complete. The error is a *http1.Error, or one of
// the connection, which no answer can reach.
func (c *conn) readHead(head *http1.Head) error {
	scanned := 0
	by := deadline(c.s.Limits.Header)
	for {
		n, err := head.Parse(c.in.bytes(), scanned)
		if err != nil {
			return err
		}
		if n > c.s.Limits.Head || (n == 0 && len(c.in.bytes()) >= c.s.Limits.Head) {
			return http1.ErrHeadTooLarge
		}
		if n > 0 {
			c.in.skip(n)
			return nil
		}
		scanned = len(c.in.bytes())
		if err := c.in.fillBy(by); err != nil {
			if errors.Is(err, errTimeout) {
				return errHeadTimeout
			}
			return err
		}
	}
}

// refuse answers a request that no app will see, and logs it.
func (c *conn) refuse(call *Call, err error) {
	defer call.release()
	refusal, ok := err.(*http1.Error)
	if !ok {
		return // the client left
	}
	var fields []string
	if refusal.Status == 503 {
		fields = retryAfter
	}
	if c.answerAbsent(call, refusal) {
		return
	}
	now := time.Now()
	answer := http1.AppendError(nil, refusal, now, fields...)
	if call.isHead || call.environ.count == 0 && string(call.head.Method) == "HEAD" {
		answer = http1.AppendErrorHead(nil, refusal, now, fields...)
	}
	c.out.begin(c.s.Limits.Send)
	_ = c.out.all(answer) // the connection ends in any case
	c.s.countUnserved(refusal.Status, len(answer))
	call.logRefusal(refusal, len(answer))
	c.linger()
}

// linger lets the client read what was sent before the connection is closed.
func (c *conn) linger() {
	if unix.Shutdown(c.fd, unix.SHUT_WR) != nil {
		return
	}
	c.in.interrupted.Store(false) // of a reader of the app, which is gone
	by := deadline(lingerTime)
	for discarded := 0; discarded < drainLimit; {
		c.in.reset()
		if c.in.fillBy(by) != nil {
			return
		}
		discarded += len(c.in.bytes())
	}
}

// handoff tells a connection's goroutine that the worker is through with the
// request. It costs nothing when nobody waits.
type handoff struct {
	state  atomic.Int32
	waiter chan struct{} // holds one
}

const (
	handoffDone    int32 = iota // nothing under way
	handoffRunning              // set will be called
	handoffWaiting              // and somebody waits for it
)

func (h *handoff) begin() {
	if h.waiter == nil {
		h.waiter = make(chan struct{}, 1)
	}
	h.state.Store(handoffRunning)
}

func (h *handoff) set() {
	if h.state.Swap(handoffDone) == handoffWaiting {
		h.waiter <- struct{}{}
	}
}

func (h *handoff) wait() {
	if h.state.CompareAndSwap(handoffRunning, handoffWaiting) {
		<-h.waiter
	}
}

func deadline(d time.Duration) int64 {
	if d <= 0 {
		return 0
	}
	return time.Now().Add(d).UnixNano()
}
