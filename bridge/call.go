package bridge

import (
	"bytes"
	"errors"
	"io"
	"sync"
	"time"

	"github.com/gowsgi/gowsgi/internal/accesslog"
	"github.com/gowsgi/gowsgi/internal/http1"
	"github.com/gowsgi/gowsgi/internal/link"
	"github.com/gowsgi/gowsgi/internal/uwsgi"
)

var (
	errHeadTimeout = &http1.Error{Status: 408, Reason: "the request head was not complete in time"}
	errBodyTimeout = &http1.Error{Status: 408, Reason: "the request body was not complete in time"}
	errBodyLarge   = &http1.Error{Status: 413, Reason: "the request body is larger than this server's limit"}
	errOutside     = &http1.Error{Status: 404, Reason: "nothing is mounted here"}
	errFull        = &http1.Error{Status: 503, Reason: "too many requests are waiting; try again soon"}
	errWaited      = &http1.Error{Status: 503, Reason: "the request waited too long for a free thread"}
	errShutdown    = &http1.Error{Status: 503, Reason: "the server is shutting down"}

	errDown = &http1.Error{Status: 503, Reason: "no worker process is there to run the app; try again soon"}

	retryAfter = []string{"Retry-After: 1"}
)

// unavailable is the refusal for an error of [Queue.Push].
func unavailable(err error) error {
	switch {
	case errors.Is(err, ErrQueueFull):
		return errFull
	case errors.Is(err, errNobody):
		return errDown
	}
	return errShutdown
}

// Call is one request: packed for its way to a Python thread, and the response on
// its way back. It is reused; who holds one is told in the package's comment.
type Call struct {
	ticket

	conn   *conn
	head   http1.Head   // points into the connection's buffer: gone after prepare
	packet uwsgi.Packet // likewise: of the uwsgi protocol, which fills the head from it
	at     endpoint

	environ environ // environ.buf is the packed environ, then the inline body
	bodyAt  int
	bodyLen int64 // as announced; -1: chunked
	isHead  bool
	minor   int
	// keepAlive: the client agrees to another request on the connection.
	keepAlive bool

	seat     *seat // whose worker runs it
	response response

	// The sweeper's, under the seat's mutex, until the worker is back.
	busy     bool // somebody wrote when the request was found overdue
	told     bool // the client and the access log know that it was
	answered bool // by 504

	record  accesslog.Record // logAccess's; there it would be allocated
	logVars []byte           // packed: what the app has set for the access log
}

var calls = sync.Pool{New: func() any { return new(Call) }}

func newCall(c *conn) *Call {
	call := calls.Get().(*Call)
	call.conn = c
	call.isHead = false
	call.ticket = ticket{}
	call.environ = environ{buf: call.environ.buf[:0]}
	return call
}

// packedKeep is the largest buffer that a Call keeps for the next request.
const packedKeep = 16 << 10

func (c *Call) release() {
	if cap(c.environ.buf) > packedKeep {
		c.environ.buf = nil
	}
	c.conn, c.seat = nil, nil
	c.response = response{}
	c.busy, c.told, c.answered = false, false, false
	if c.logVars = c.logVars[:0]; cap(c.logVars) > packedKeep {
		c.logVars = nil
	}
	calls.Put(c)
}

// Environ implements [Request].
func (c *Call) Environ() []byte { return c.environ.buf[:c.bodyAt] }

// Body implements [Request].
func (c *Call) Body() (inline []byte, streams bool) {
	return c.environ.buf[c.bodyAt:], c.conn.body != nil
}

// ReadBody implements [Request].
func (c *Call) ReadBody(p []byte) (int, error) { return c.conn.body.Read(p) }

// InterruptRead implements [Request].
func (c *Call) InterruptRead() { c.conn.in.interrupt() }

// InterruptWrite implements [Request].
func (c *Call) InterruptWrite() { c.conn.out.interrupt() }

func (c *Call) requestLine() string {
	buf := c.environ.buf
	return string(c.environ.method.of(buf)) + " " + string(c.environ.uri.of(buf))
}

// forHealth tells whether the server itself answers: also when all of Python is stuck.
func (c *Call) forHealth() bool {
	path := c.conn.s.Health
	return path != "" && string(c.head.Path) == path && (string(c.head.Method) == "GET" || string(c.head.Method) == "HEAD")
}

// prepare packs the request. Afterwards the connection's buffer may be reused.
func (c *Call) prepare() error {
	s, h := c.conn.s, &c.head
	if s.Limits.Body > 0 && h.ContentLength > s.Limits.Body {
		return errBodyLarge
	}
	c.isHead = string(h.Method) == "HEAD"
	c.minor = h.Minor
	c.keepAlive = h.KeepAlive
	c.bodyLen = h.ContentLength
	c.at = c.conn.at
	if c.conn.uwsgi {
		return c.preparePacket()
	}
	prefix := s.Proxies.apply(h, &c.at, c.conn.unix)
	var scratch [256]byte
	path := scratch[:0]
	if bytes.IndexByte(h.Path, '%') >= 0 {
		path = unescapePath(path, h.Path)
	} else if string(h.Path) != "*" { // OPTIONS *: no path (PEP 3333 wants "" or "/…")
		path = h.Path
	}
	app, script, info, ok := s.Mounts.split(path)
	if !ok {
		return errOutside
	}
	if prefix != "" {
		script = append([]byte(prefix), script...)
	}
	c.environ = packEnviron(c.environ.buf[:0], h, &c.at, app, script, info)
	c.bodyAt = len(c.environ.buf)
	return c.takeBody()
}

// takeBody reads a small body, and leaves any other to the app.
func (c *Call) takeBody() error {
	h, in, limits := &c.head, &c.conn.in, &c.conn.s.Limits
	c.conn.body = nil
	switch {
	case h.Chunked:
		room := int64(-1)
		if limits.Body > 0 {
			room = limits.Body
		}
		c.conn.body = &body{in: in, timeout: limits.BodyIdle, chunks: new(http1.ChunkedDecoder), room: room}
	case h.ContentLength <= 0:
		return nil
	case h.ContentLength <= inlineBody && !h.Expect100:
		return c.takeInline(int(h.ContentLength))
	default:
		c.conn.body = &body{in: in, timeout: limits.BodyIdle, left: h.ContentLength}
	}
	if h.Expect100 {
		c.conn.body.proceed = c.proceed
	}
	return nil
}

// takeInline reads a body of n bytes behind the environ. A client that leaves
// before its end still gets its app called: reading beyond what came raises there.
func (c *Call) takeInline(n int) error {
	in := &c.conn.in
	taken := min(n, len(in.bytes()))
	buf := append(c.environ.buf, in.bytes()[:taken]...)
	in.skip(taken)
	if taken < n {
		buf = append(buf, make([]byte, n-taken)...)
	}
	for at := c.bodyAt + taken; at < len(buf); {
		got, err := in.read(buf[at:], c.conn.s.Limits.BodyIdle)
		if errors.Is(err, errTimeout) {
			return errBodyTimeout
		}
		if err != nil && err != io.EOF {
			return err
		}
		if err == io.EOF {
			c.conn.body = &body{left: int64(len(buf) - at), err: errGone}
			c.conn.gone = true
			buf = buf[:at]
			break
		}
		at += got
	}
	c.environ.buf = buf
	return nil
}

// proceed sends the interim answer that the client waits for. When the final one is under
// way it is too late for that; the client may send the body all the same.
func (c *Call) proceed() error {
	c.response.mu.Lock()
	defer c.response.mu.Unlock()
	if c.response.headSent {
		return nil
	}
	return c.conn.out.all(continueLine)
}

// stale tells whether the client has left while the request waited.
func (c *Call) stale(now time.Time) bool {
	return now.Sub(c.pushed) > staleAfter && (c.conn.gone || peerClosed(c.conn.fd))
}

// staleAfter is the wait from which on it pays to ask whether the client is
// still there.
const staleAfter = 5 * time.Millisecond

// RequestMax is the most bytes that a packed environ takes with its inline body, if a request's head
// has at most head bytes: what a slot of a link must hold.
func RequestMax(head int) int {
	// The path stands there three times, the rest of the target twice, and a name has "HTTP_" and two
	// lengths before it; what does not come from the head is small.
	return link.Fit(inlineBody + 4*head + 16<<10)
}
