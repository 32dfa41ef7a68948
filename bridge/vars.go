package bridge

import (
	"bytes"
	"encoding/binary"
	"math"

	"github.com/gowsgi/gowsgi/internal/http1"
	"github.com/gowsgi/gowsgi/internal/uwsgi"
)

// params are the variables of a packet that the server acts on, beside those that have a place in a
// request's head. nil: not sent.
type params struct {
	script, path                                   []byte
	serverName, serverPort, remoteAddr, remotePort []byte
	scheme, https, requestScheme                   []byte // UWSGI_SCHEME, HTTPS, REQUEST_SCHEME
	code                                           []byte // the name of one that uWSGI would have loaded code for
}

var (
	errContentLength = &http1.Error{Status: 400, Reason: "CONTENT_LENGTH is not a plain decimal number below 2^63"}

	// What a packet without these variables is taken for.
	methodGet = []byte("GET")
	proto10   = []byte("HTTP/1.0")
)

// sortVars sorts a packet's variables: to the request's head, so that what looks at that does not care
// where it came from; to c.params; and the rest, which the app gets as it came, stays in c.packet.Vars. Where
// a name stands twice, the later one holds, as in uWSGI.
//
// Left out, for the app and for the server:
//
//   - UWSGI_*, with which uWSGI lets whoever reaches its socket have code loaded (UWSGI_SCRIPT and the
//     like): nothing is ever loaded for a request here. UWSGI_SCHEME counts for wsgi.url_scheme;
//   - wsgi.*, uwsgi.* and gowsgi.*, which are the server's to say;
//   - HTTP_PROXY, which CGI libraries read as a setting of the process (httpoxy);
//   - HTTP_CONTENT_TYPE and HTTP_CONTENT_LENGTH, which nginx sends beside the true ones, and which
//     wsgiref.validate refuses.
//
// The names of header fields get hyphens, in place.
func (c *Call) sortVars() error {
	h, v := &c.head, &c.params
	*v = params{}
	h.Method, h.Proto = methodGet, proto10
	var length []byte
	rest := c.packet.Vars[:0]
	for _, p := range c.packet.Vars {
		if name, ok := bytes.CutPrefix(p.Name, httpPrefix); ok {
			addVar(h, name, p.Value)
			continue
		}
		switch string(p.Name) {
		case "REQUEST_METHOD":
			if len(p.Value) > 0 {
				h.Method = p.Value
			}
		case "SERVER_PROTOCOL":
			if len(p.Value) > 0 {
				h.Proto = p.Value
			}
		case "REQUEST_URI":
			h.Target = p.Value
		case "QUERY_STRING":
			h.Query = p.Value
		case "SCRIPT_NAME":
			v.script = p.Value
		case "PATH_INFO":
			v.path = p.Value
		case "SERVER_NAME":
			v.serverName = p.Value
		case "SERVER_PORT":
			v.serverPort = p.Value
		case "REMOTE_ADDR":
			v.remoteAddr = p.Value
		case "REMOTE_PORT":
			v.remotePort = p.Value
		case "UWSGI_SCHEME":
			v.scheme = p.Value
		case "RAW_URI": // is REQUEST_URI
		case "CONTENT_LENGTH":
			length = p.Value
			rest = append(rest, p)
		case "HTTPS":
			v.https = p.Value
			rest = append(rest, p)
		case "REQUEST_SCHEME":
			v.requestScheme = p.Value
			rest = append(rest, p)
		default:
			if forbidden(p.Name) {
				if loadsCode(string(p.Name)) {
					v.code = p.Name
				}
				continue
			}
			rest = append(rest, p)
		}
	}
	c.packet.Vars = rest
	c.completePath()
	if h.ContentLength = decimal(length); h.ContentLength < 0 && len(length) > 0 {
		return errContentLength
	}
	return nil
}

var httpPrefix = []byte("HTTP_")

// addVar adds a field to h.
func addVar(h *http1.Head, name, value []byte) {
	switch string(name) {
	case "", "PROXY", "CONTENT_TYPE", "CONTENT_LENGTH":
		return
	case "HOST":
		h.Host = value
	}
	for i, c := range name {
		if c == '_' {
			name[i] = '-'
		}
	}
	h.Fields = append(h.Fields, http1.Field{Name: name, Value: value})
}

// forbidden tells of names that are the server's own.
func forbidden(name []byte) bool {
	switch name[0] {
	case 'U':
		return bytes.HasPrefix(name, []byte("UWSGI_"))
	case 'w', 'u', 'g':
		return bytes.HasPrefix(name, []byte("wsgi.")) || bytes.HasPrefix(name, []byte("uwsgi.")) || bytes.HasPrefix(name, []byte("gowsgi."))
	}
	return false
}

// loadsCode tells of the variables by which uWSGI is told what to run, or how.
func loadsCode(name string) bool {
	switch name {
	case "UWSGI_SCRIPT", "UWSGI_MODULE", "UWSGI_CALLABLE", "UWSGI_FILE", "UWSGI_CHDIR", "UWSGI_PYHOME",
		"UWSGI_SETENV", "UWSGI_APPID", "UWSGI_POSTFILE", "UWSGI_TOUCH_RELOAD":
		return true
	}
	return false
}

// completePath has the head's path, query and target from one another, as far as they were not sent.
// PATH_INFO is decoded, and the head's path is not.
func (c *Call) completePath() {
	h, v := &c.head, &c.params
	raw, query, _ := bytes.Cut(h.Target, []byte("?"))
	if h.Query == nil {
		h.Query = query
	}
	switch {
	case v.path == nil:
		h.Path = raw
		if string(raw) != "*" {
			v.path = unescapePath(nil, raw)
		}
	case bytes.IndexByte(v.path, '%') >= 0:
		h.Path = bytes.ReplaceAll(v.path, []byte("%"), []byte("%25"))
	default:
		h.Path = v.path
	}
	if len(v.path) > 0 && v.path[0] != '/' { // PEP 3333 wants "" or "/…"
		v.path = append([]byte("/"), v.path...)
	}
	if v.script = bytes.TrimRight(v.script, "/"); len(v.script) > 0 && v.script[0] != '/' {
		v.script = append([]byte("/"), v.script...)
	}
	if len(h.Target) == 0 {
		h.Target = v.target(h.Query)
	}
}

// escapeMost is the longest path that is escaped for a target: three times that fits what
// [RequestMax] leaves.
const escapeMost = 4 << 10

// target is a REQUEST_URI for who has sent none.
func (v *params) target(query []byte) (target []byte) {
	for _, part := range [2][]byte{v.script, v.path} {
		for _, c := range part {
			if len(v.script)+len(v.path) <= escapeMost && (c <= ' ' || c >= 0x7f || c == '%' || c == '?' || c == '#') {
				target = append(target, '%', "0123456789ABCDEF"[c>>4], "0123456789ABCDEF"[c&15])
			} else {
				target = append(target, c)
			}
		}
	}
	if len(query) > 0 {
		target = append(append(target, '?'), query...)
	}
	return target
}

// decimal reads a plain number; -1 if it is none.
func decimal(text []byte) int64 {
	n := int64(0)
	for _, c := range text {
		d := int64(c) - '0'
		if d < 0 || d > 9 || n > (math.MaxInt64-d)/10 {
			return -1
		}
		n = n*10 + d
	}
	if len(text) == 0 {
		return -1
	}
	return n
}

// urlScheme is the scheme as the proxy has it: what its configuration says, then what its client's connection is.
func (v *params) urlScheme() string {
	switch {
	case equalFold(v.scheme, "https"):
		return "https"
	case equalFold(v.scheme, "http"):
		return "http"
	case equalFold(v.https, "on"), string(v.https) == "1", equalFold(v.requestScheme, "https"):
		return "https"
	}
	return "http"
}

// endpoint puts what the packet says of the connection into at. Who sends packets is the proxy itself: it is
// believed. unix tells that its client is on a UNIX socket.
func (v *params) endpoint(at *endpoint, onUnix bool) (unix bool) {
	at.scheme = v.urlScheme()
	if len(v.serverName) > 0 {
		at.serverName = view(v.serverName)
	}
	if len(v.serverPort) > 0 {
		at.serverPort = view(v.serverPort)
	}
	if len(v.remoteAddr) == 0 {
		return onUnix
	}
	// It outlives the packet: the logs have it.
	at.remoteAddr, at.remotePort = string(v.remoteAddr), view(v.remotePort)
	return at.remoteAddr == "unix:" // nginx's word for it
}

// prepareVars is prepare for a packet.
//
// X-Forwarded-* are judged at REMOTE_ADDR, not at the peer: with its stock uwsgi_params nginx passes them on as
// its own client wrote them. So they are that one's word, and it is that one who must be a trusted proxy.
// (uWSGI believes X-Forwarded-Proto of everybody.)
func (c *Call) prepareVars() error {
	s, h, v := c.conn.s, &c.head, &c.params
	if s.Limits.Body > 0 && h.ContentLength > s.Limits.Body {
		return errBodyLarge
	}
	if v.code != nil {
		s.complain("code", "ignored a variable that would have uWSGI load code; drop it from the proxy's configuration",
			"variable", string(v.code), "remote", c.conn.at.remoteAddr)
	}
	c.isHead = string(h.Method) == "HEAD"
	c.minor, c.keepAlive = 0, false // no chunks, and the answer's end is the connection's
	c.bodyLen = h.ContentLength
	c.at = c.conn.at
	prefix := s.Proxies.apply(h, &c.at, v.endpoint(&c.at, c.conn.unix))
	script, path := v.script, v.path
	if c.packet.Modifier1 == uwsgi.ScriptName && below(path, view(script)) {
		path = path[len(script):]
	}
	app, ok := 0, false
	if len(script) > 0 {
		app, ok = s.Mounts.at(script)
	} else {
		app, script, path, ok = s.Mounts.split(path)
	}
	if !ok {
		return errOutside
	}
	if prefix != "" {
		script = append([]byte(prefix), script...)
	}
	e := beginEnviron(c.environ.buf[:0], app)
	e.putRequest(h, &c.at, script, path)
	e.putVars(c.packet.Vars)
	e.putVarFields(h)
	e.end()
	c.environ = e
	c.bodyAt = len(e.buf)
	// They point to the packet, whose place the body takes.
	c.at.serverName, c.at.serverPort, c.at.remotePort = c.conn.at.serverName, c.conn.at.serverPort, ""
	return c.takeBody()
}

func (e *environ) putVars(vars []uwsgi.Var) {
	for i := range vars {
		e.buf = appendPair(e.buf, vars[i].Name, vars[i].Value)
		e.count++
		if string(vars[i].Name) == "REMOTE_USER" {
			e.user = span{len(e.buf) - len(vars[i].Value), len(e.buf)}
		}
	}
}

// putVarFields appends the fields of a packet, each by itself: of two of a name, the app has the later.
func (e *environ) putVarFields(h *http1.Head) {
	for i := range h.Fields {
		name, value := h.Fields[i].Name, h.Fields[i].Value
		if h.Authority != nil && equalFold(name, "Host") {
			continue
		}
		header := len(e.buf)
		e.buf = append(e.buf, make([]byte, pairHeader)...)
		e.buf = append(e.buf, httpPrefix...)
		for _, c := range name {
			if c == '-' {
				c = '_'
			}
			e.buf = append(e.buf, c)
		}
		at := span{len(e.buf), len(e.buf) + len(value)}
		binary.NativeEndian.PutUint16(e.buf[header:], uint16(at.from-header-pairHeader))
		binary.NativeEndian.PutUint32(e.buf[header+2:], uint32(len(value)))
		e.buf = append(e.buf, value...)
		e.count++
		switch {
		case equalFold(name, "User-Agent"):
			e.userAgent = at
		case equalFold(name, "Referer"):
			e.referer = at
		case equalFold(name, "Host"):
			e.host = at
		}
	}
	if h.Authority != nil { // a trusted proxy's X-Forwarded-Host
		e.host = e.put("HTTP_HOST", h.Authority)
	}
}
