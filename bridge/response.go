package bridge

import (
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/gowsgi/gowsgi/internal/http1"
)

// copyBody is the size up to which a body is put behind its head, for one write.
const copyBody = 16 << 10

// response is what has become of a request's answer. mu guards it: write() may be
// called by any thread of the app.
type response struct {
	mu   sync.Mutex
	fate atomic.Int32 // see harakiri.go

	headSent  bool
	keep      bool // the head said that the connection goes on
	bare      bool // HEAD, 204 and 304 have no body (RFC 9112, section 6.3)
	chunked   bool
	delimited bool  // the connection's end is the body's
	left      int64 // what the announced length still wants; -1: none was announced
	overlong  bool  // the app gave more than it announced

	status    int
	headBytes int
	fields    int   // headers sent
	failed    error // of the connection: nothing more can be sent
	raised    bool  // the app, or its close(), raised; the worker's alone
	sent      int64 // body bytes, framing not counted
}

// framing is what the app's headers say of the response's frame.
type framing struct {
	fields int
	length int64 // Content-Length, or -1
	date   bool
	server bool
}

// appendHead appends status line and headers of reply, and decides the framing. ended
// tells that the app is through with the request.
func (c *Call) appendHead(dst []byte, reply *Reply, ended bool) []byte {
	r := &c.response
	r.headSent = true
	r.status = statusCode(reply.Status)
	start := len(dst)
	dst = append(dst, "HTTP/1.1 "...)
	dst = append(dst, reply.Status...)
	dst = append(dst, "\r\n"...)
	noLength := r.status == 204
	dst, f := appendFields(dst, reply.Headers, noLength)
	added := &c.conn.s.Added
	dst = added.appendOwn(dst, f.server, f.date)
	r.fields = f.fields + added.count
	r.bare = c.isHead || noLength || r.status == 304
	r.left = f.length
	if r.left < 0 && reply.Total >= 0 && !noLength && r.status != 304 && !(c.isHead && reply.Total == 0) {
		r.left = reply.Total
		dst = append(dst, "Content-Length: "...)
		dst = strconv.AppendInt(dst, r.left, 10)
		dst = append(dst, "\r\n"...)
	}
	if r.left < 0 && !r.bare {
		if r.chunked = c.minor == 1 && !c.conn.uwsgi; r.chunked {
			dst = append(dst, "Transfer-Encoding: chunked\r\n"...)
		} else {
			r.delimited = true
		}
	}
	r.keep = c.mayKeep(ended) && !r.delimited
	switch {
	case c.conn.uwsgi: // it has no such field: one request a connection
	case !r.keep:
		dst = append(dst, "Connection: close\r\n"...)
	case c.minor == 0:
		dst = append(dst, "Connection: keep-alive\r\n"...)
	}
	dst = append(dst, "\r\n"...)
	r.headBytes = len(dst) - start
	return dst
}

// mayKeep: the client wants it, the server is to stay, and the request's end will
// be found.
func (c *Call) mayKeep(ended bool) bool {
	return c.keepAlive && !c.conn.s.draining.Load() && c.conn.body.short(ended)
}

// appendFields appends the app's headers. noLength leaves Content-Length out.
func appendFields(dst, packed []byte, noLength bool) ([]byte, framing) {
	f := framing{length: -1}
	for name, value := range packedPairs(packed) {
		switch len(name) {
		case len("Content-Length"):
			if equalFold(name, "Content-Length") {
				if noLength {
					continue
				}
				f.length = parseLength(value)
			}
		case len("Server"):
			f.server = f.server || equalFold(name, "Server")
		case len("Date"):
			f.date = f.date || equalFold(name, "Date")
		}
		f.fields++
		dst = append(dst, name...)
		dst = append(dst, ": "...)
		dst = append(dst, value...)
		dst = append(dst, "\r\n"...)
	}
	return dst, f
}

// parseLength reads a Content-Length, which the seam has validated.
func parseLength(value []byte) int64 {
	n, err := strconv.ParseInt(string(value), 10, 64)
	if err != nil {
		return -1
	}
	return n
}

// statusCode reads the three digits of a validated status.
func statusCode(status []byte) int {
	if len(status) < 3 {
		return 0
	}
	return int(status[0]-'0')*100 + int(status[1]-'0')*10 + int(status[2]-'0')
}

// dateField is the Date line of one second.
type dateField struct {
	second int64
	line   []byte
}

var currentDate atomic.Pointer[dateField]

// appendDateField appends the Date line, made once a second.
func appendDateField(dst []byte) []byte {
	now := time.Now()
	d := currentDate.Load()
	if d == nil || d.second != now.Unix() {
		line := http1.AppendDate([]byte("Date: "), now)
		d = &dateField{now.Unix(), append(line, "\r\n"...)}
		currentDate.Store(d)
	}
	return append(dst, d.line...)
}

// fit cuts a chunk to what the framing allows.
func (r *response) fit(body []byte) []byte {
	if r.bare {
		return nil
	}
	if r.left >= 0 {
		if int64(len(body)) > r.left {
			r.overlong = true
			body = body[:r.left]
		}
		r.left -= int64(len(body))
	}
	return body
}

// send puts a reply's head, if it has one, and body on the wire. detach gives up
// the GIL, if the caller has it: it is called before anything that waits. last tells
// that the body ends here. The error is the connection's.
func (c *Call) send(s *seat, reply *Reply, last bool, detach func()) error {
	r := &c.response
	r.lock(detach)
	defer r.mu.Unlock()
	if !reply.Head && !r.headSent {
		r.failed = errGone // another thread's write() has the head, and is not here yet
	}
	if r.failed != nil {
		return r.failed
	}
	out := s.out[:0]
	if reply.Head {
		out = c.appendHead(out, reply, last)
	}
	body := r.fit(reply.Body)
	r.sent += int64(len(body))
	if r.chunked && len(body) > 0 {
		out = strconv.AppendInt(out, int64(len(body)), 16)
		out = append(out, "\r\n"...)
	}
	if len(body) <= copyBody {
		out = append(out, body...)
		body = nil
	}
	tail := r.tail(len(reply.Body) > 0, last)
	if body == nil {
		out = append(out, tail...)
		tail = ""
	}
	s.out = out
	r.failed = c.write(out, body, tail, detach)
	return r.failed
}

// lock takes mu. Another thread of the app may be in write(), waiting for the client: not
// to be waited for with the GIL.
func (r *response) lock(detach func()) {
	if !r.mu.TryLock() {
		detach()
		r.mu.Lock()
	}
}

// wantsMore tells whether there is a point in more of the body.
func (r *response) wantsMore(detach func()) bool {
	r.lock(detach)
	defer r.mu.Unlock()
	return !r.bare && !r.overlong
}

// torn tells whether the client has not got all that was sent. The sweeper may say so meanwhile.
func (r *response) torn() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.failed != nil
}

// tail is what chunked framing wants behind a chunk.
func (r *response) tail(chunk, last bool) string {
	switch {
	case !r.chunked:
		return ""
	case chunk && last:
		return "\r\n0\r\n\r\n"
	case chunk:
		return "\r\n"
	case last:
		return "0\r\n\r\n"
	}
	return ""
}

// write sends head at once, and waits (without the GIL) only for what remains.
func (c *Call) write(head, body []byte, tail string, detach func()) error {
	w := &c.conn.out
	n, err := w.now(head)
	if err != nil {
		return err
	}
	if n == len(head) && body == nil {
		return nil
	}
	detach()
	if err := w.all(head[n:]); err != nil {
		return err
	}
	if body == nil {
		return nil
	}
	if err := w.all(body); err != nil {
		return err
	}
	return w.all([]byte(tail))
}

// sendFile sends a reply's head and file.
func (c *Call) sendFile(s *seat, reply *Reply, detach func()) error {
	f := fileRange{reply.FD, reply.Offset, reply.Length}
	head := *reply
	head.Body = nil
	if err := c.send(s, &head, false, detach); err != nil {
		return err
	}
	r := &c.response
	r.lock(detach)
	defer r.mu.Unlock()
	if r.failed != nil {
		return r.failed
	}
	r.failed = c.transmit(f, reply.Total, detach)
	return r.failed
}

// transmit sends a file as the framing has it.
func (c *Call) transmit(f fileRange, total int64, detach func()) error {
	r := &c.response
	switch {
	case r.bare:
		f.length = 0
	case r.left >= 0:
		r.overlong = f.length > r.left && total < 0
		f.length = min(f.length, r.left)
	case r.chunked:
		// Without a length after all (write() came first): one chunk.
		line := strconv.AppendInt(nil, f.length, 16)
		if f.length == 0 {
			return nil
		}
		if err := c.write(append(line, "\r\n"...), nil, "", detach); err != nil {
			return err
		}
	}
	detach()
	sent, err := c.conn.out.sendFile(f)
	r.sent += sent
	if r.left >= 0 {
		r.left -= sent
	}
	if err == nil && r.chunked {
		err = c.write([]byte("\r\n"), nil, "", detach)
	}
	return err
}

// Write implements [Request].
func (c *Call) Write(reply *Reply) error {
	return c.send(c.seat, reply, false, func() {})
}
