package bridge

import (
	"fmt"
	"time"
	"unsafe"

	"github.com/gowsgi/gowsgi/internal/accesslog"
	"github.com/gowsgi/gowsgi/internal/http1"
)

// logAccess writes the request's line to the access log, once.
func (c *Call) logAccess(status int, now time.Time) {
	s := c.conn.s
	if s.Access == nil {
		return
	}
	defer func() {
		if p := recover(); p != nil { // a line is lost, not the thread
			s.Log.Error("panic in the access log: please report this", "request", c.requestLine(), "panic", p)
		}
	}()
	r, e := &c.response, &c.environ
	c.record = accesslog.Record{
		Start:         c.pushed,
		Duration:      now.Sub(c.pushed),
		QueueWait:     max(c.begun.Sub(c.pushed), 0),
		Method:        view(e.method.of(e.buf)),
		URI:           view(e.uri.of(e.buf)),
		Proto:         view(e.proto.of(e.buf)),
		Host:          view(e.host.of(e.buf)),
		UserAgent:     view(e.userAgent.of(e.buf)),
		Referer:       view(e.referer.of(e.buf)),
		User:          view(e.user.of(e.buf)),
		RemoteAddr:    c.at.remoteAddr,
		Status:        status,
		HeaderBytes:   int64(r.headBytes),
		BodyBytes:     r.sent,
		Headers:       r.fields,
		ContentLength: c.bodyLen,
		RequestBytes:  c.conn.body.read(int64(len(e.buf) - c.bodyAt)),
		WorkerID:      1,
	}
	if c.conn.uwsgi {
		c.record.Modifier1, c.record.Modifier2 = int(c.packet.Modifier1), int(c.packet.Modifier2)
		c.record.PacketBytes = int64(c.packet.Size)
	}
	if c.seat != nil {
		c.record.Thread = c.seat.id + 1
		if r := c.seat.remote; r != nil {
			c.record.WorkerID, c.record.PID = r.m.Number, r.m.PID
		}
	}
	if r.failed != nil && r.fate.Load() != fateOverdue {
		c.record.WriteErrors = 1
	}
	if s.AccessEnviron {
		c.record.Environ = c
		c.record.Vars = int(e.count)
		c.record.VarBytes = int64(c.bodyAt-countHeader) - int64(e.count)*pairHeader
	}
	if len(c.logVars) > 0 {
		c.record.LogVars = c
	}
	s.Access(&c.record)
	c.record = accesslog.Record{} // holds on to no buffer
}

// view is b as a string without a copy: for the length of a call that keeps nothing.
func view(b []byte) string { return unsafe.String(unsafe.SliceData(b), len(b)) }

// Lookup is the environ's entry of that name, for %(var.KEY) in a log format.
func (c *Call) Lookup(key string) (value string, ok bool) {
	for name, v := range packedPairs(c.environ.buf[countHeader:c.bodyAt]) {
		if string(name) == key {
			value, ok = string(v), true
			if !c.conn.uwsgi { // there a name may come twice, and the app has the later
				break
			}
		}
	}
	return value, ok
}

// logVar begins the name of a variable among a reply's headers. No header's does: it is no token.
const logVar = '('

// logVarsMax is more than the seam lets an app set.
const logVarsMax = 32 << 10

// takeLogVars takes what the app has set for the access log out of a reply's headers. It stands behind them, and
// alone where there is no head.
func (c *Call) takeLogVars(reply *Reply) {
	at := 0
	for name, value := range packedPairs(reply.Headers) {
		if len(name) > 0 && name[0] == logVar {
			break
		}
		at += pairHeader + len(name) + len(value)
	}
	if taken := reply.Headers[at:]; len(c.logVars)+len(taken) <= logVarsMax {
		c.logVars = append(c.logVars, taken...)
	}
	reply.Headers = reply.Headers[:at]
}

// LogVar is what the app has set under that name, for %(name) in a log format.
func (c *Call) LogVar(name string) (value string, ok bool) {
	for n, v := range packedPairs(c.logVars) {
		if len(n) > 0 && string(n[1:]) == name {
			value, ok = string(v), true
		}
	}
	return value, ok
}

// logRefusal logs a request that no app saw. Its head may be broken: what is known of
// it stands in head, not in the environ.
func (c *Call) logRefusal(refusal *http1.Error, sent int) {
	s := c.conn.s
	s.Log.Debug("refused a request", "status", refusal.Status, "reason", refusal.Reason, "remote", c.conn.at.remoteAddr)
	if s.Access == nil {
		return
	}
	method, uri, proto := string(c.head.Method), string(c.head.Target), string(c.head.Proto)
	if c.environ.count > 0 { // packed: what head pointed to may be gone
		proto = string(c.environ.proto.of(c.environ.buf))
		method, uri = string(c.environ.method.of(c.environ.buf)), string(c.environ.uri.of(c.environ.buf))
	}
	s.Access(&accesslog.Record{
		Start:         time.Now(),
		Method:        method,
		URI:           uri,
		Proto:         proto,
		RemoteAddr:    c.conn.at.remoteAddr,
		Status:        refusal.Status,
		HeaderBytes:   int64(sent),
		ContentLength: c.head.ContentLength,
		WorkerID:      1,
	})
}

// logApp logs a fault of the app with the request it happened in.
func (c *Call) logApp(message string, args ...any) {
	c.conn.s.Log.Error(message, append([]any{"request", c.requestLine(), "remote", c.at.remoteAddr}, args...)...)
}

// tracebackMax is what the log takes of a traceback: an exception's text may be as long
// as the app's data.
const tracebackMax = 64 << 10

// excerpt is a traceback's beginning and end.
func excerpt(text []byte) string {
	if len(text) <= tracebackMax {
		return string(text)
	}
	const part = tracebackMax / 2
	return fmt.Sprintf("%s\n… %d bytes left out …\n%s", text[:part], len(text)-2*part, text[len(text)-part:])
}

// logClose logs what close() raised: the response stands.
func (c *Call) logClose(reply *Reply, w Runner) {
	if len(reply.Error) > 0 {
		c.response.raised = true
		w.Detach() // the log may wait for its reader
		c.logApp("the app_iter's close() raised an exception", "traceback", excerpt(reply.Error))
	}
}

// LogErrors implements [Request].
func (c *Call) LogErrors(text []byte) {
	c.conn.s.Log.Warn("wsgi.errors", "request", c.requestLine(), "text", string(text))
}
