package bridge

import (
	"net/netip"
	"strconv"
	"strings"
	"time"

	"github.com/gowsgi/gowsgi/internal/http1"
)

// Dev is what a server in front of worker processes does by itself while code is written. Its functions are called
// from any goroutine.
type Dev struct {
	// Prefix is that of the paths that Answer answers, as "/__gowsgi__/".
	Prefix string
	// Answer answers them.
	Answer func(*Visit) *Page
	// Absent is the answer to a request that no process is there for; nil: the server's own.
	Absent func(*Visit) *Page
	// Script is the URL of a script that pages of HTML get; "": none, for this client.
	Script func(*Visit) string
}

// Visit is a request that is not the app's, or not its alone.
type Visit struct {
	Method string
	Path   string // as it was sent, without the query
	Host   string
	Accept string
	// Peer is the client's IP address, without a trusted proxy's claims; "" on a UNIX socket.
	Peer string
	// Forwarded tells that a proxy has it from somebody else.
	Forwarded bool
}

// Local tells whether the client is on this machine, and means it: a page of another site that has its name lead
// here is not told anything.
func (v *Visit) Local() bool {
	peer, err := netip.ParseAddr(v.Peer)
	if v.Forwarded || v.Peer != "" && (err != nil || !peer.IsLoopback()) {
		return false
	}
	host := strings.ToLower(v.Host)
	if colon := strings.LastIndexByte(host, ':'); colon > strings.LastIndexByte(host, ']') {
		host = host[:colon]
	}
	if host == "localhost" || strings.HasSuffix(host, ".localhost") || host == "" {
		return true
	}
	_, err = netip.ParseAddr(strings.Trim(host, "[]"))
	return err == nil
}

// Page is an answer. The connection ends with it.
type Page struct {
	Status int
	Type   string // Content-Type
	Fields []string
	Body   []byte
	// Follow goes on with a body without a length, until it returns: send sends a piece, left is closed when the client
	// is gone, or is to go. nil: Body is all.
	Follow func(send func([]byte) error, left <-chan struct{})
}

// append appends the page as it goes out.
func (p *Page) append(dst []byte, bare bool) []byte {
	dst = append(dst, "HTTP/1.1 "...)
	dst = strconv.AppendInt(dst, int64(p.Status), 10)
	dst = append(dst, ' ')
	dst = append(dst, http1.StatusText(p.Status)...)
	dst = append(dst, "\r\nServer: gowsgi\r\nCache-Control: no-store\r\nX-Content-Type-Options: nosniff\r\nConnection: close\r\nContent-Type: "...)
	dst = append(dst, p.Type...)
	dst = append(dst, "\r\n"...)
	dst = appendDateField(dst)
	if p.Follow == nil {
		dst = append(dst, "Content-Length: "...)
		dst = strconv.AppendInt(dst, int64(len(p.Body)), 10)
		dst = append(dst, "\r\n"...)
	}
	for _, f := range p.Fields {
		dst = append(dst, f...)
		dst = append(dst, "\r\n"...)
	}
	dst = append(dst, "\r\n"...)
	if bare {
		return dst
	}
	return append(dst, p.Body...)
}

// forDev tells whether Dev answers.
func (c *Call) forDev() bool {
	dev := c.conn.s.Dev
	return dev != nil && strings.HasPrefix(string(c.head.Path), dev.Prefix)
}

// visit is the call as Dev sees it: from the head, or what it was packed into.
func (c *Call) visit() *Visit {
	v := &Visit{Peer: c.conn.at.remoteAddr, Forwarded: c.conn.uwsgi} // the peer is a proxy then
	if c.environ.count > 0 {
		v.Method = string(c.environ.method.of(c.environ.buf))
		v.Path, _, _ = strings.Cut(string(c.environ.uri.of(c.environ.buf)), "?")
		v.Host, _ = c.Lookup("HTTP_HOST")
		v.Accept, _ = c.Lookup("HTTP_ACCEPT")
		for _, key := range []string{"HTTP_X_FORWARDED_FOR", "HTTP_FORWARDED", "HTTP_X_REAL_IP"} {
			_, is := c.Lookup(key)
			v.Forwarded = v.Forwarded || is
		}
		v.Forwarded = v.Forwarded || c.at.remoteAddr != c.conn.at.remoteAddr // a trusted proxy said so
		return v
	}
	v.Method, v.Path, v.Host = string(c.head.Method), string(c.head.Path), string(c.head.Authority)
	for _, f := range c.head.Fields {
		switch name := string(f.Name); {
		case equalFold(f.Name, "Host") && v.Host == "":
			v.Host = string(f.Value)
		case equalFold(f.Name, "Accept"):
			v.Accept = string(f.Value)
		case strings.EqualFold(name, "X-Forwarded-For"), strings.EqualFold(name, "Forwarded"), strings.EqualFold(name, "X-Real-IP"):
			v.Forwarded = true
		}
	}
	return v
}

// answerDev gives Dev's answer. False: the connection ends.
func (c *conn) answerDev(call *Call) bool {
	v := call.visit()
	p := c.s.Dev.Answer(v)
	c.out.begin(c.s.Limits.Send)
	if c.out.all(p.append(nil, v.Method == "HEAD")) != nil {
		return false
	}
	if p.Follow != nil && v.Method != "HEAD" {
		c.follow(p)
		return false
	}
	c.linger()
	return false
}

// follow sends what has no end, until the client leaves or the server drains.
func (c *conn) follow(p *Page) {
	left, over := make(chan struct{}), make(chan struct{})
	gone := make(chan struct{})
	go func() {
		defer close(gone)
		tick := time.NewTicker(sweepInterval)
		defer tick.Stop()
		for {
			select {
			case <-over:
				return
			case <-tick.C:
				if c.s.draining.Load() || c.in.interrupted.Load() || peerClosed(c.fd) {
					close(left)
					return
				}
			}
		}
	}()
	p.Follow(c.out.all, left)
	close(over)
	<-gone
}

// absent is Dev's answer for an app that is not there, and its status; nil if that is not what is wrong.
func (c *conn) absent(call *Call, why *http1.Error) ([]byte, int) {
	dev := c.s.Dev
	if dev == nil || dev.Absent == nil || why != errDown {
		return nil, 0
	}
	p := dev.Absent(call.visit())
	if p == nil {
		return nil, 0
	}
	return p.append(nil, call.isHead), p.Status
}

// answerAbsent answers a refused call so. False: it is refused in another way.
func (c *conn) answerAbsent(call *Call, why *http1.Error) bool {
	answer, status := c.absent(call, why)
	if answer == nil {
		return false
	}
	c.out.begin(c.s.Limits.Send)
	_ = c.out.all(answer) // the connection ends in any case
	c.s.countUnserved(status, len(answer))
	call.logRefusal(&http1.Error{Status: status, Reason: "the app can't be loaded"}, len(answer))
	c.linger()
	return true
}
