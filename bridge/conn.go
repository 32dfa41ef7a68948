package bridge

import (
	"errors"
	"net"
	"runtime/debug"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/gowsgi/gowsgi/internal/http1"
)

const (
	// inlineBody is the size up to which a body is read before a Python thread is
	// taken, so that a slow client costs a goroutine.
	inlineBody = 64 << 10
	// drainLimit is how much of a body that the app left unread is thrown away to
	// keep the connection.
	drainLimit = 1 << 20
	// lingerTime is how long a closing connection waits for the client to have read
	// its answer: closing with unread bytes would reset it.
	lingerTime = time.Second
)

// streamConn is what the front needs of a connection: TCP and UNIX sockets are.
type streamConn interface {
	net.Conn
	syscall.Conn
	CloseWrite() error
}

// conn is one client connection. Its goroutine (serve) owns all fields but those
// that say otherwise.
type conn struct {
	s  *Server
	nc streamConn
	at endpoint // of the connection; a trusted proxy may change a request's own copy
	// unix tells that the peer is on a UNIX socket.
	unix bool

	// in.buf[in.r:in.w] is read and not used. The worker's while a body streams.
	in  reader
	out writer // the worker's between Push and done

	// body is the streamed body of the request on its way, nil for none. The worker's
	// until done.
	body *body

	// idle is true while no request is on its way in: the connection may be closed.
	idle atomic.Bool
	// answered is when the last response was complete, in Unix nanoseconds.
	answered atomic.Int64
	// gone is set once the client has closed its side.
	gone atomic.Bool

	// waits tells the worker that serve waits for done and ends the connection itself.
	waits bool
	done  handoff
	// keep is the worker's verdict, made before done: the connection goes on.
	keep bool
}

func (s *Server) newConn(nc streamConn, at endpoint, unix bool) (*conn, error) {
	raw, err := nc.SyscallConn()
	if err != nil {
		return nil, err
	}
	c := &conn{s: s, nc: nc, at: at, unix: unix, keep: true}
	c.done.waiter = make(chan struct{}, 1)
	c.in.init(nc, raw)
	c.out.init(nc, raw)
	return c, nil
}

// serve runs the connection until it ends.
func (c *conn) serve() {
	defer c.s.forget(c)
	defer c.close()
	defer func() {
		if p := recover(); p != nil {
			c.s.Log.Error("panic in a connection: please report this", "panic", p, "traceback", string(debug.Stack()))
			c.done.wait()
		}
	}()
	for c.await() && c.next() {
	}
	c.done.wait()
	c.in.release()
}

// await waits for the first bytes of a request and for the end of the one before.
func (c *conn) await() bool {
	for c.in.empty() {
		c.idle.Store(true)
		if c.s.draining.Load() {
			c.in.closing.Store(true) // only what is here already
		}
		err := c.in.fillIdle(c.s.Limits.Idle)
		c.idle.Store(false)
		if errors.Is(err, errTimeout) && c.busy() {
			continue
		}
		if err != nil {
			if err != errClosing {
				c.gone.Store(true)
			}
			c.done.wait()
			return false
		}
	}
	c.done.wait()
	if !c.keep {
		c.linger()
	}
	return c.keep
}

// busy tells whether a request has been at work within the idle time, and waits for its
// end: the client was not idle.
func (c *conn) busy() bool {
	if c.done.running() {
		c.done.wait()
		return true
	}
	return c.keep && time.Since(time.Unix(0, c.answered.Load())) < c.s.Limits.Idle
}

// close ends the connection for the client too when a child that the app forked still has
// the descriptor.
func (c *conn) close() {
	_ = c.out.raw.Control(func(fd uintptr) { _ = syscall.Shutdown(int(fd), syscall.SHUT_RDWR) })
	_ = c.nc.Close()
}

// next serves the request that begins in the buffer. False ends the connection.
func (c *conn) next() bool {
	call := newCall(c)
	if err := c.readHead(&call.head); err != nil {
		c.refuse(call, err)
		return false
	}
	if call.forHealth() {
		defer call.release()
		return c.answerHealth(call)
	}
	if err := call.prepare(); err != nil {
		c.refuse(call, err)
		return false
	}
	// A request that ends the connection, or whose body streams, or with the next
	// one behind it already, leaves nothing to read for this goroutine.
	c.waits = c.body != nil || !call.head.KeepAlive || !c.in.empty()
	waits := c.waits
	c.done.begin()
	call.pushed = time.Now()
	if err := c.s.Queue.Push(call); err != nil {
		c.done.set()
		c.refuse(call, unavailable(err))
		return false
	}
	if !waits {
		return true
	}
	c.done.wait()
	if c.keep && c.body.drain() {
		c.body = nil
		return true
	}
	if !c.in.empty() || !c.body.complete() {
		c.linger()
	}
	return false
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
		c.in.grow()
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
	now := time.Now()
	answer := http1.AppendError(nil, refusal, now, fields...)
	if call.isHead || call.environ.count == 0 && string(call.head.Method) == "HEAD" {
		answer = http1.AppendErrorHead(nil, refusal, now, fields...)
	}
	c.out.begin(c.s.Limits.Send)
	_ = c.out.all(answer) // the connection ends in any case
	call.logRefusal(refusal, len(answer))
	c.linger()
}

// linger lets the client read what was sent before the connection is closed.
func (c *conn) linger() {
	if c.nc.CloseWrite() != nil {
		return
	}
	by := deadline(lingerTime)
	for discarded := 0; discarded < drainLimit; {
		c.in.reset()
		if c.in.fillBy(by) != nil {
			return
		}
		discarded += len(c.in.bytes())
	}
}

// end is the worker's last act for the connection, before done.
func (c *conn) end(keep, cut bool) {
	c.keep = keep
	switch {
	case cut:
		// The response has no length and no chunks: only a reset tells its end from
		// a break. The client must not take the part for the whole.
		if tcp, ok := c.nc.(*net.TCPConn); ok {
			_ = tcp.SetLinger(0)
		}
		_ = c.nc.Close()
	case !keep && !c.waits:
		// serve is reading: it sees the client's end, or gives up soon.
		_ = c.nc.CloseWrite()
		c.in.expire(lingerTime)
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

func (h *handoff) begin()        { h.state.Store(handoffRunning) }
func (h *handoff) running() bool { return h.state.Load() == handoffRunning }

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
