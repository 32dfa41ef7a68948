package bridge

import (
	"io"
	"runtime/debug"
	"time"
)

// outcome is how a request ended, for the connection and the log.
type outcome struct {
	keep bool // the connection may go on
	cut  bool // the response broke off where nothing but a reset shows it
}

// run takes c through w, from the app's call to the last byte. It ends c.
func (c *Call) run(s *seat, w Worker) {
	if c.stale(c.begun) {
		c.end(outcome{}, statusGone, time.Now())
		return
	}
	c.conn.in.onThread, c.conn.out.onThread = true, true
	c.enter(s)
	o := c.converse(s, w)
	now := time.Now()
	c.leave(s, now)
	c.end(o, c.response.status, now)
}

// enter makes c the seat's request.
func (c *Call) enter(s *seat) {
	c.seat = s
	c.conn.out.begin(c.conn.s.Limits.Send)
	s.mu.Lock()
	s.call = c
	s.runs++
	s.mu.Unlock()
}

// leave ends that.
func (c *Call) leave(s *seat, now time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.call = nil
	if !c.told {
		s.tally.ran(c, now)
	}
}

// statusGone is what the access log says of a request that was never started
// because its client had left; nginx's number for it.
const statusGone = 499

// converse drives the worker and sends what it says. A panic in it is ours: it must not
// take the thread down, nor leave the app's request open.
func (c *Call) converse(s *seat, w Runner) (o outcome) {
	open := false
	defer func() {
		if p := recover(); p != nil {
			c.conn.s.Log.Error("panic in a request: please report this", "request", c.requestLine(), "panic", p, "traceback", string(debug.Stack()))
			if open {
				w.Abort()
			}
			c.mine(w.Detach)
			o = outcome{cut: c.response.delimited}
		}
	}()
	event := w.Begin(c)
	for {
		if c.conn.s.LogVars {
			c.takeLogVars(w.Reply())
		}
		if open = event == EventChunk || event == EventFile; !open {
			return c.conclude(s, w, event)
		}
		reply := w.Reply()
		if reply.Through {
			c.mine(w.Detach)
		}
		if !c.pass(s, w, event, reply) {
			open = false
			w.Abort()
			if c.conn.s.LogVars {
				c.takeLogVars(w.Reply())
			}
			return c.conclude(s, w, event)
		}
		event = w.Next()
	}
}

// conclude ends a response whose app is through. event is the last one: at EventChunk and
// EventFile it was aborted.
func (c *Call) conclude(s *seat, w Runner, event Event) outcome {
	if !c.mine(w.Detach) {
		return outcome{cut: c.response.delimited}
	}
	switch event {
	case EventDone:
		return c.finish(s, w, w.Reply())
	case EventError:
		return c.fail(s, w, w.Reply())
	case EventLost:
		return c.lost(s, w)
	}
	return c.aborted(w, w.Reply())
}

// pass sends what a worker has reached. False: there is no point in going on.
func (c *Call) pass(s *seat, w Runner, event Event, reply *Reply) bool {
	var err error
	if event == EventFile {
		err = c.sendFile(s, reply, w.Detach)
	} else {
		err = c.send(s, reply, false, w.Detach)
	}
	return err == nil && c.response.wantsMore(w.Detach)
}

// aborted ends a response whose rest nobody wants: the client left, or the body
// is not to be sent or not to go on.
func (c *Call) aborted(w Runner, reply *Reply) outcome {
	r := &c.response
	c.logClose(reply, w)
	if r.failed == io.ErrUnexpectedEOF {
		c.logApp("a file became shorter while it was sent; the connection is closed", "missing", r.left)
		return outcome{}
	}
	if r.failed != nil {
		c.conn.s.disconnected(c)
		return outcome{}
	}
	if r.overlong {
		c.logApp("the app gave more bytes than its Content-Length; the rest was cut off")
	}
	return outcome{keep: r.keep}
}

// finish ends a response whose app is through.
func (c *Call) finish(s *seat, w Runner, reply *Reply) outcome {
	r := &c.response
	c.logClose(reply, w)
	if r.failed == nil && (reply.Head || r.chunked || len(reply.Body) > 0) {
		_ = c.send(s, reply, true, w.Detach) // r.failed has it
	}
	if r.failed != nil {
		c.conn.s.disconnected(c)
		return outcome{}
	}
	if r.overlong {
		c.logApp("the app gave more bytes than its Content-Length; the rest was cut off")
	}
	if r.left > 0 && !r.bare {
		c.logApp("the app gave fewer bytes than its Content-Length; the connection is closed", "missing", r.left)
		return outcome{}
	}
	return outcome{keep: r.keep}
}

// fail answers for an app that raised: 500 while that can be said, else an end
// that the client can tell from a good one. With --dev the worker has a page to say it with.
func (c *Call) fail(s *seat, w Runner, reply *Reply) outcome {
	r := &c.response
	if r.failed != nil && r.headSent {
		// Its write() was told that the client had left: no fault of the app.
		c.conn.s.disconnected(c)
		return outcome{}
	}
	w.Detach() // the log may wait for its reader
	answer, theirs := bodyFaults[errorOf(c.conn.body)]
	if theirs = theirs && reply.OSError; theirs && !r.headSent {
		c.conn.s.Log.Info("the app gave up on a request body that is broken", "request", c.requestLine(), "remote", c.at.remoteAddr, "error", c.conn.body.err)
	} else {
		r.raised = true
		c.logApp("the app raised an exception", "traceback", excerpt(reply.Error))
		answer = internalError
	}
	page := reply.Head || len(reply.Body) > 0 // its head may have gone out with the first piece
	switch {
	case page && (r.headSent || !theirs):
		answer = *reply
	case r.headSent:
		return outcome{cut: r.delimited}
	}
	if err := c.send(s, &answer, true, w.Detach); err != nil {
		c.conn.s.disconnected(c)
		return outcome{}
	}
	return outcome{keep: r.keep}
}

// lost answers for a worker process that has died.
func (c *Call) lost(s *seat, w Runner) outcome {
	r := &c.response
	if r.failed != nil {
		c.conn.s.disconnected(c)
		return outcome{}
	}
	if r.headSent {
		// The process may have died after the last byte: the client has all that was announced, and may go on.
		return outcome{keep: r.keep && (r.bare || r.left == 0), cut: r.delimited}
	}
	if err := c.send(s, &badGateway, true, w.Detach); err != nil {
		c.conn.s.disconnected(c)
		return outcome{}
	}
	return outcome{keep: r.keep}
}

// errorOf is why a body could not be read on.
func errorOf(b *body) error {
	if b == nil {
		return nil
	}
	return b.err
}

// The answers that a failed app gets: without any information (a reader of the
// page is not the operator).
var (
	internalError = errorReply("500 Internal Server Error", "Internal Server Error\n")

	badGateway = errorReply("502 Bad Gateway", "Bad Gateway\n")

	// bodyFaults are for an app that raised because it could not read the body.
	bodyFaults = map[error]Reply{
		ErrBodyTooLarge:  errorReply("413 Content Too Large", "the request body is larger than this server's limit\n"),
		ErrBodyMalformed: errorReply("400 Bad Request", "the request body's chunked encoding is malformed\n"),
		ErrBodyTimeout:   errorReply("408 Request Timeout", "the request body was not complete in time\n"),
		errGone:          errorReply("400 Bad Request", "the request body is incomplete\n"),
	}
)

func errorReply(status, text string) Reply {
	headers := appendPair(nil, "Content-Type", "text/plain; charset=utf-8")
	return Reply{Head: true, Status: []byte(status), Headers: headers, Body: []byte(text), Total: int64(len(text))}
}

// end gives the connection back, and logs a request that was over at now. The call is gone
// afterwards.
func (c *Call) end(o outcome, status int, now time.Time) {
	conn := c.conn
	if c.seat == nil {
		conn.s.countUnserved(status, c.response.headBytes)
	}
	keep := o.keep && !conn.in.interrupted.Load() && !conn.out.interrupted.Load()
	if !c.told {
		c.logAccess(status, now)
	}
	polite := !c.keepAlive
	c.release()
	conn.finish(keep, o.cut, polite)
}
