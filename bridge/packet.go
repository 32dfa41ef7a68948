package bridge

import (
	"errors"
	"net"
	"sync"
	"time"

	"github.com/gowsgi/gowsgi/internal/http1"
	"github.com/gowsgi/gowsgi/internal/uwsgi"
)

// ServeUWSGI is Serve for a listener whose clients speak the uwsgi protocol: nginx's uwsgi_pass. A
// connection has one request, and an answer that ends with it.
func (s *Server) ServeUWSGI(l net.Listener) error { return s.serve(l, true) }

var errPacketTimeout = &uwsgi.Error{Reason: "the packet was not complete in time"}

// wholePacket is whole for the uwsgi protocol.
func (c *conn) wholePacket(call *Call) bool {
	for range wholeReads {
		n, err := call.readPacket()
		size := n + int(max(call.head.ContentLength, 0))
		switch {
		case err != nil:
			return false
		case n == 0:
			size = uwsgi.HeaderSize + call.packet.Size
		case call.head.ContentLength > inlineBody:
			return false
		case len(c.in.bytes()) >= size:
			if call.forHealth() || call.forDev() {
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

// readRequest is readHead, or what corresponds to it.
func (c *conn) readRequest(call *Call) error {
	if !c.uwsgi {
		return c.readHead(&call.head)
	}
	by := deadline(c.s.Limits.Header)
	for {
		n, err := call.readPacket()
		if n > 0 {
			c.in.skip(n)
			return err
		}
		if err != nil {
			return err
		}
		if err := c.in.fillBy(by); err != nil {
			if errors.Is(err, errTimeout) {
				return errPacketTimeout
			}
			return err
		}
	}
}

// readPacket parses the packet at the connection's beginning. n is its length, also where the error is
// about what it says; 0 if it is not all there. What was read is valid until the connection reads on.
func (c *Call) readPacket() (n int, err error) {
	c.head = http1.Head{Fields: c.head.Fields[:0], ContentLength: -1}
	n, err = c.packet.Parse(c.conn.in.bytes(), c.conn.s.Limits.Head)
	if n > 0 {
		err = c.sortVars()
	}
	return n, err
}

// refusePacket says why no request comes of what was sent. Only who can read it gets an answer: a packet
// that is well formed up to its size, and HTTP.
func (c *conn) refusePacket(call *Call, fault *uwsgi.Error) {
	args := []any{"reason", fault.Reason, "remote", c.at.remoteAddr}
	status := 0
	switch fault {
	case uwsgi.ErrHTTP:
		status = 400
	case uwsgi.ErrTooLarge:
		status = 431
		args = append(args, "size", call.packet.Size, "limit", c.s.Limits.Head)
	case uwsgi.ErrModifier:
		args = append(args, "modifier1", call.packet.Modifier1)
		if name := uwsgi.ModifierName(call.packet.Modifier1); name != "" {
			args = append(args, "means", name)
		}
	}
	c.s.complain(fault.Reason, "closed a connection to a uwsgi socket", args...)
	if status == 0 {
		return
	}
	refusal := &http1.Error{Status: status, Reason: fault.Reason}
	answer := http1.AppendError(nil, refusal, time.Now())
	c.out.begin(c.s.Limits.Send)
	_ = c.out.all(answer) // the connection ends in any case
	c.s.countUnserved(status, len(answer))
	call.logRefusal(refusal, len(answer))
	c.linger()
}

// complaints are what the log was told of peers that don't speak as they should: a peer that does it wrong
// does so with every connection.
type complaints struct {
	mu   sync.Mutex
	told map[string]*complaint // by kind
}

type complaint struct {
	last   time.Time
	unsaid int // since then
}

// complain tells the log, but not twice within toldPeriod of one kind. What kinds there are does not depend on
// any peer. It does not wait for the log.
func (s *Server) complain(kind, message string, args ...any) {
	p := &s.complaints
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.told == nil {
		p.told = map[string]*complaint{}
	}
	c := p.told[kind]
	if c == nil {
		c = new(complaint)
		p.told[kind] = c
	}
	now := time.Now()
	if now.Sub(c.last) < toldPeriod {
		c.unsaid++
		return
	}
	if c.unsaid > 0 {
		args = append(args, "unsaid", c.unsaid)
	}
	c.last, c.unsaid = now, 0
	go s.Log.Warn(message, args...)
}
