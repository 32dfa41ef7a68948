package bridge

import (
	"bytes"
	"cmp"
	"errors"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/gowsgi/gowsgi/internal/http1"
	"github.com/gowsgi/gowsgi/internal/uwsgi"
)

// Requests of the uwsgi protocol (nginx's uwsgi_pass). Their variables are an environ already; what the rest of the server
// asks a head for is filled in from them. The peer is the proxy itself, and what it says of the client is believed. What has
// code loaded (UWSGI_SCRIPT and the like) never is: those variables end here.

var (
	errVariables = &http1.Error{Status: 400, Reason: "a variable of the uwsgi protocol is missing or malformed"}
	errUseHTTP   = &http1.Error{Status: 400, Reason: string(uwsgi.ErrHTTP)}
)

var errPacketLate = errors.New("the variables of a request were not complete in time")

// packetLimit is what a packet's variables may take.
func (s *Server) packetLimit() int { return min(s.Limits.Head, uwsgi.MaxSize) }

// wholePacket is [conn.whole] for the uwsgi protocol.
func (c *conn) wholePacket(call *Call) bool {
	for range wholeReads {
		n, err := call.packet.Parse(c.in.bytes(), c.s.packetLimit())
		if err != nil || n == 0 || call.unpack() != nil || call.head.ContentLength > inlineBody {
			return false
		}
		size := n + int(max(call.head.ContentLength, 0))
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
		c.in.makeRoom(size)
		if c.in.fillNow() != nil {
			return false
		}
	}
	return false
}

// readPacket reads until the variables are complete. What is no packet is told to the log, and ends the connection.
func (c *conn) readPacket(call *Call) error {
	by := deadline(c.s.Limits.Header)
	call.clear()
	for {
		n, err := call.packet.Parse(c.in.bytes(), c.s.packetLimit())
		switch {
		case err != nil:
			c.s.garbled.tell(c.s, c.at.remoteAddr, err)
			return refusalOf(err)
		case n > 0:
			c.in.skip(n)
			return call.unpack()
		}
		err = c.in.fillBy(by)
		if errors.Is(err, errTimeout) { // a proxy sends at once: there is nobody to answer
			c.s.garbled.tell(c.s, c.at.remoteAddr, errPacketLate)
		}
		if err != nil {
			return err
		}
	}
}

// refusalOf is the answer to somebody who may understand it: who speaks HTTP, and a proxy.
func refusalOf(err error) error {
	switch {
	case errors.Is(err, uwsgi.ErrHTTP):
		return errUseHTTP
	case errors.Is(err, uwsgi.ErrLarge), errors.Is(err, uwsgi.ErrVars):
		return http1.ErrHeadTooLarge
	}
	return err
}

// complaint is a line for the log that a flood does not flood: once a second.
type complaint struct {
	mu   sync.Mutex
	last time.Time
	more int // that came since, and were not told
}

// tell is for a connection's goroutine: the log may wait for its reader.
func (k *complaint) tell(s *Server, remote string, err error) {
	k.mu.Lock()
	now := time.Now()
	if now.Sub(k.last) < time.Second {
		k.more++
		k.mu.Unlock()
		return
	}
	more := k.more
	k.last, k.more = now, 0
	k.mu.Unlock()
	args := []any{"remote", cmp.Or(remote, "unix"), "error", err}
	if more > 0 {
		args = append(args, "more_before", more)
	}
	s.Log.Warn("a connection speaks something else, and is closed", args...)
}

// clear empties the head: of an earlier call, it would tell of another request.
func (c *Call) clear() { c.head = http1.Head{Fields: c.head.Fields[:0], ContentLength: -1, Minor: 1} }

// unpack fills the head from the packet's variables.
func (c *Call) unpack() error {
	c.clear()
	p, h := &c.packet, &c.head
	h.Method, h.Path, h.Query = p.Get("REQUEST_METHOD"), p.Get("PATH_INFO"), p.Get("QUERY_STRING")
	h.Target, h.Proto = p.Get("REQUEST_URI"), p.Get("SERVER_PROTOCOL")
	if string(h.Proto) == "HTTP/1.0" {
		h.Minor = 0
	}
	if !isMethod(h.Method) {
		return errVariables
	}
	if h.Path == nil {
		path, _, _ := bytes.Cut(h.Target, []byte("?"))
		h.Path = unescapePath(nil, path)
	}
	if len(h.Path) > 0 && h.Path[0] != '/' && string(h.Path) != "*" {
		return errVariables
	}
	length := p.Get("CONTENT_LENGTH")
	if len(length) == 0 {
		return nil
	}
	n, err := strconv.ParseUint(view(length), 10, 63)
	if err != nil {
		return errVariables
	}
	h.ContentLength = int64(n)
	return nil
}

// isMethod: capitals as a rule, and what else may stand in a token.
func isMethod(method []byte) bool {
	if len(method) == 0 || len(method) > 32 {
		return false
	}
	for _, c := range method {
		if c <= ' ' || c >= 0x7f || strings.IndexByte(`"(),/:;<=>?@[\]{}`, c) >= 0 {
			return false
		}
	}
	return true
}

// preparePacket is prepare's second half for the uwsgi protocol.
func (c *Call) preparePacket() error {
	app, script, path, ok := c.place()
	if !ok {
		return errOutside
	}
	prefix, trusted := c.forwarded()
	if prefix != "" {
		script = append([]byte(prefix), script...)
	}
	c.environ = c.packVars(app, script, path, trusted)
	c.bodyAt = len(c.environ.buf)
	return c.takeBody()
}

// place finds the app: by the SCRIPT_NAME that the proxy has set, if it has, and else by the path, as for HTTP.
func (c *Call) place() (app int, script, path []byte, ok bool) {
	path = c.head.Path
	if string(path) == "*" {
		path = nil
	}
	mounts := c.conn.s.Mounts
	script = bytes.TrimRight(c.packet.Get("SCRIPT_NAME"), "/")
	if len(script) == 0 {
		return mounts.split(path)
	}
	if c.packet.Modifier1 == uwsgi.ScriptName || len(mounts) > 0 { // with mounts, uWSGI takes it off too
		if below(path, view(script)) {
			path = path[len(script):]
		}
	}
	app, ok = mounts.at(script)
	return app, script, path, ok
}

// forwardedKeys are forwardedNames in an environ, and forwardedFields in a head.
var forwardedKeys, forwardedFields = func() (keys [forwardedCount]string, fields [forwardedCount][]byte) {
	for i, name := range forwardedNames {
		e := environ{}
		e.putName([]byte(name))
		keys[i], fields[i] = string(e.buf), []byte(name)
	}
	return keys, fields
}()

func forwardedKey(key []byte) int {
	if !bytes.HasPrefix(key, []byte("HTTP_X_FORWARDED_")) {
		return -1
	}
	for i, known := range forwardedKeys {
		if string(key) == known {
			return i
		}
	}
	return -1
}

// forwarded reads X-Forwarded-* of a proxy that is trusted to send them, as for HTTP. Whether it is, is asked of the client
// in REMOTE_ADDR, and not of the peer: with its stock uwsgi_params nginx passes these fields on as its client wrote them, so
// they are that one's word. What c.at has lost then is the variables' to say.
func (c *Call) forwarded() (prefix string, trusted bool) {
	proxies, unix := &c.conn.s.Proxies, c.conn.unix
	if client := c.packet.Get("REMOTE_ADDR"); len(client) > 0 {
		c.at.remoteAddr, c.at.remotePort = string(client), string(c.packet.Get("REMOTE_PORT")) // the logs have them after the packet
		unix = c.at.remoteAddr == "unix:"                                                      // nginx's word for it
	}
	trusted = !proxies.configured() || proxies.trustsPeer(&c.at, unix)
	c.at.scheme, c.at.serverPort = "", ""
	if trusted && proxies.configured() {
		for _, v := range c.packet.Vars {
			if i := forwardedKey(v.Key); i >= 0 {
				c.head.Fields = append(c.head.Fields, http1.Field{Name: forwardedFields[i], Value: v.Value})
			}
		}
		prefix = proxies.apply(&c.head, &c.at, unix)
	}
	return prefix, trusted
}

// packVars packs the environ of a request of the uwsgi protocol. trusted: the peer's X-Forwarded-* go to the app.
func (c *Call) packVars(app int, script, path []byte, trusted bool) environ {
	p, h, peer := &c.packet, &c.head, &c.conn.at
	e := beginEnviron(c.environ.buf[:0], app)
	e.method = e.put("REQUEST_METHOD", h.Method)
	e.put("SCRIPT_NAME", script)
	e.put("PATH_INFO", path)
	e.put("QUERY_STRING", h.Query)
	if h.Target == nil {
		h.Target = h.Path
	}
	e.uri = e.put("REQUEST_URI", h.Target)
	e.put("RAW_URI", h.Target)
	e.proto = e.putOr("SERVER_PROTOCOL", h.Proto, "HTTP/1.1")
	e.putOr("SERVER_NAME", p.Get("SERVER_NAME"), peer.serverName)
	e.putFirst("SERVER_PORT", c.at.serverPort, p.Get("SERVER_PORT"), peer.serverPort)
	e.putString("REMOTE_ADDR", c.at.remoteAddr)
	if c.at.remotePort != "" { // X-Forwarded-For has none
		e.putString("REMOTE_PORT", c.at.remotePort)
	}
	e.putString("wsgi.url_scheme", c.scheme())
	for _, v := range p.Vars {
		if e.has(v.Key) || withheld(v.Key) || !trusted && (forwardedKey(v.Key) >= 0 || string(v.Key) == "HTTP_FORWARDED") ||
			h.Authority != nil && string(v.Key) == "HTTP_HOST" {
			continue
		}
		e.putVar(v)
	}
	if h.Authority != nil {
		e.host = e.put("HTTP_HOST", h.Authority)
	}
	e.end()
	return e
}

// scheme is what the proxy says of the client's connection: by its own variables, unlike uWSGI, which believes the
// X-Forwarded-Proto that any client sends through it.
func (c *Call) scheme() string {
	p := &c.packet
	switch https := p.Get("HTTPS"); {
	case c.at.scheme != "":
		return c.at.scheme
	case string(p.Get("UWSGI_SCHEME")) == "https", string(https) == "on", string(https) == "1":
		return "https"
	case p.Get("UWSGI_SCHEME") == nil && string(p.Get("REQUEST_SCHEME")) == "https":
		return "https"
	}
	return "http"
}

// has tells whether the environ has the key from packVars itself.
func (e *environ) has(key []byte) bool {
	switch string(key) {
	case "REQUEST_METHOD", "SCRIPT_NAME", "PATH_INFO", "QUERY_STRING", "REQUEST_URI", "RAW_URI", "SERVER_PROTOCOL", "SERVER_NAME", "SERVER_PORT",
		"REMOTE_ADDR", "REMOTE_PORT":
		return true
	}
	return false
}

// withheld tells whether the app is not to see a variable: what has uWSGI load code, what would pass for the server's own,
// httpoxy (see putFields), and what nginx sends beside CONTENT_TYPE and CONTENT_LENGTH and wsgiref.validate refuses.
func withheld(key []byte) bool {
	switch string(key) {
	case "HTTP_PROXY", "HTTP_CONTENT_TYPE", "HTTP_CONTENT_LENGTH":
		return true
	}
	return bytes.HasPrefix(key, []byte("UWSGI_")) ||
		bytes.HasPrefix(key, []byte("wsgi.")) || bytes.HasPrefix(key, []byte("uwsgi.")) || bytes.HasPrefix(key, []byte("gowsgi."))
}

func (e *environ) putVar(v uwsgi.Var) {
	at := e.put(view(v.Key), v.Value)
	switch string(v.Key) {
	case "HTTP_HOST":
		e.host = at
	case "HTTP_USER_AGENT":
		e.userAgent = at
	case "HTTP_REFERER":
		e.referer = at
	case "REMOTE_USER":
		e.user = at
	}
}

// putOr puts value, or another one where it is empty.
func (e *environ) putOr(key string, value []byte, or string) span {
	if len(value) > 0 {
		return e.put(key, value)
	}
	e.putString(key, or)
	return span{len(e.buf) - len(or), len(e.buf)}
}

// putFirst puts the first one that is not empty.
func (e *environ) putFirst(key, first string, second []byte, third string) {
	if first != "" {
		e.putString(key, first)
		return
	}
	e.putOr(key, second, third)
}
