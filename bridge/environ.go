package bridge

import (
	"bytes"
	"encoding/binary"
	"strconv"

	"github.com/gowsgi/gowsgi/internal/http1"
)

// endpoint is what an environ takes from the connection rather than the request.
type endpoint struct {
	serverName string
	serverPort string
	remoteAddr string // the peer's address without port; empty for a UNIX socket
	remotePort string
	scheme     string // "http" or "https"
}

// environ appends the packed environ of one request (PEP 3333, "environ
// Variables"; RFC 3875 for the CGI keys), in reading order. wsgi.* that never
// change are in pyhost's template.
type environ struct {
	buf   []byte
	count uint32
	start int // where the count stands in buf, and the app's number behind it

	// Where the values that the access log and the queue need stand in buf.
	method, uri, userAgent, referer, host span
	proto, user                           span // user is REMOTE_USER, which only the uwsgi protocol has
}

// span is a part of a buffer that may still move.
type span struct{ from, to int }

func (s span) of(buf []byte) []byte { return buf[s.from:s.to] }

// packEnviron appends the environ of h to dst: a request for the app of that number, whose mount point is script.
func packEnviron(dst []byte, h *http1.Head, at *endpoint, app int, script, path []byte) environ {
	e := beginEnviron(dst, app)
	e.method = e.put("REQUEST_METHOD", h.Method)
	e.put("SCRIPT_NAME", script)
	e.put("PATH_INFO", path)
	e.put("QUERY_STRING", h.Query)
	e.uri = e.put("REQUEST_URI", h.Target)
	e.put("RAW_URI", h.Target)
	e.proto = e.put("SERVER_PROTOCOL", h.Proto)
	e.putString("SERVER_NAME", at.serverName)
	e.putString("SERVER_PORT", at.serverPort)
	e.putString("REMOTE_ADDR", at.remoteAddr)
	if at.remotePort != "" {
		e.putString("REMOTE_PORT", at.remotePort)
	}
	e.putString("wsgi.url_scheme", at.scheme)
	e.putFields(h)
	e.end()
	return e
}

// beginEnviron appends the header of a request for app. The entries follow, and end.
func beginEnviron(dst []byte, app int) environ {
	e := environ{buf: append(dst, make([]byte, countHeader)...), start: len(dst)}
	binary.NativeEndian.PutUint32(e.buf[e.start+4:], uint32(app))
	return e
}

// end says how many entries there are.
func (e *environ) end() { binary.NativeEndian.PutUint32(e.buf[e.start:], e.count) }

func (e *environ) put(key string, value []byte) span {
	e.buf = appendPair(e.buf, key, value)
	e.count++
	return span{len(e.buf) - len(value), len(e.buf)}
}

func (e *environ) putString(key, value string) {
	e.buf = appendPair(e.buf, key, value)
	e.count++
}

// putFields appends the header fields: CONTENT_TYPE, CONTENT_LENGTH and HTTP_*.
//
// Left out: names with "_", which "-" would be mistaken for; Proxy, which CGI
// libraries read as the HTTP_PROXY of the process (httpoxy); names longer than maxName;
// and a Content-Length that Transfer-Encoding overrides.
func (e *environ) putFields(h *http1.Head) {
	fields := h.Fields
	for i := range fields {
		name := fields[i].Name
		if dropped(name) || repeats(fields[:i], name) {
			continue
		}
		switch {
		case len(name) == len("Content-Type") && equalFold(name, "Content-Type"):
			e.put("CONTENT_TYPE", fields[i].Value)
		case len(name) == len("Content-Length") && equalFold(name, "Content-Length"):
			if !h.Chunked {
				e.put("CONTENT_LENGTH", fields[i].Value)
			}
		case len(name) == len("Host") && equalFold(name, "Host"):
			if h.Authority == nil {
				e.host = e.put("HTTP_HOST", fields[i].Value)
			}
		default:
			e.putField(fields, i)
		}
	}
	if h.Authority != nil { // RFC 9112, section 3.2.2: it replaces Host
		e.host = e.put("HTTP_HOST", h.Authority)
	}
}

// putField appends field i and every later one of its name, joined: RFC 9110,
// section 5.3, by commas; cookies by semicolons (RFC 6265, section 5.4).
func (e *environ) putField(fields []http1.Field, i int) {
	name := fields[i].Name
	header := len(e.buf)
	e.buf = append(e.buf, make([]byte, pairHeader)...)
	e.putName(name)
	value := len(e.buf)
	e.buf = append(e.buf, fields[i].Value...)
	separator := ","
	if equalFold(name, "Cookie") {
		separator = "; "
	}
	for _, later := range fields[i+1:] {
		if len(later.Name) == len(name) && bytes.EqualFold(later.Name, name) {
			e.buf = append(e.buf, separator...)
			e.buf = append(e.buf, later.Value...)
		}
	}
	e.count++
	binary.NativeEndian.PutUint16(e.buf[header:], uint16(value-header-pairHeader))
	binary.NativeEndian.PutUint32(e.buf[header+2:], uint32(len(e.buf)-value))
	switch at := (span{value, len(e.buf)}); {
	case equalFold(name, "User-Agent"):
		e.userAgent = at
	case equalFold(name, "Referer"):
		e.referer = at
	}
}

// putName appends the environ key of a field.
func (e *environ) putName(name []byte) {
	e.buf = append(e.buf, "HTTP_"...)
	for _, c := range name {
		e.buf = append(e.buf, keyByte[c])
	}
}

// keyByte maps a byte of a field's name to that of its environ key.
var keyByte = func() (table [256]byte) {
	for i := range table {
		c := byte(i)
		switch {
		case 'a' <= c && c <= 'z':
			c -= 'a' - 'A'
		case c == '-':
			c = '_'
		}
		table[i] = c
	}
	return table
}()

// maxName is more than any name has, and fits the packed form.
const maxName = 1 << 12

func dropped(name []byte) bool {
	return len(name) > maxName || bytes.IndexByte(name, '_') >= 0 || equalFold(name, "Proxy")
}

// repeats tells whether an earlier field has this name: it was joined there.
func repeats(earlier []http1.Field, name []byte) bool {
	for i := range earlier {
		if len(earlier[i].Name) == len(name) && bytes.EqualFold(earlier[i].Name, name) {
			return true
		}
	}
	return false
}

// equalFold compares a field's name with a known one, ASCII case aside.
func equalFold(name []byte, known string) bool {
	if len(name) != len(known) {
		return false
	}
	for i := range name {
		if name[i]|0x20 != known[i]|0x20 && name[i] != known[i] {
			return false
		}
	}
	return true
}

// unescapePath appends the path with its percent-escapes decoded, once. Bytes stay
// bytes: the environ's strings are latin-1 (PEP 3333, "Unicode Issues"). What is not
// an escape stays as it is.
func unescapePath(dst, path []byte) []byte {
	for {
		i := bytes.IndexByte(path, '%')
		if i < 0 {
			return append(dst, path...)
		}
		dst = append(dst, path[:i]...)
		path = path[i:]
		if len(path) >= 3 {
			if c, err := strconv.ParseUint(string(path[1:3]), 16, 8); err == nil {
				dst = append(dst, byte(c))
				path = path[3:]
				continue
			}
		}
		dst = append(dst, '%')
		path = path[1:]
	}
}
