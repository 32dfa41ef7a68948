package blackbox

import (
	"bytes"
	"net"
	"net/url"
	"strings"
	"testing"
	"time"
)

// packet is a request by the uwsgi protocol.
type packet struct {
	modifier byte
	vars     [][2]string
	body     string
}

// bytes are what goes over the wire: a header of 4 bytes, the variables, the body.
func (p packet) bytes() []byte {
	var vars bytes.Buffer
	word := func(s string) {
		vars.Write([]byte{byte(len(s)), byte(len(s) >> 8)})
		vars.WriteString(s)
	}
	for _, kv := range p.vars {
		word(kv[0])
		word(kv[1])
	}
	head := []byte{p.modifier, byte(vars.Len()), byte(vars.Len() >> 8), 0}
	return append(append(head, vars.Bytes()...), p.body...)
}

// packetOf is what nginx makes of a raw HTTP request by its uwsgi_params.
func packetOf(raw string) packet {
	head, body, _ := strings.Cut(raw, "\r\n\r\n")
	lines := strings.Split(head, "\r\n")
	words := strings.SplitN(lines[0], " ", 3)
	path, query, _ := strings.Cut(words[1], "?")
	if decoded, err := url.PathUnescape(path); err == nil {
		path = decoded
	}
	headers := map[string]string{}
	var order []string
	for _, line := range lines[1:] {
		name, value, _ := strings.Cut(line, ":")
		name = strings.ToUpper(strings.ReplaceAll(name, "-", "_"))
		value = strings.TrimSpace(value)
		if old, again := headers[name]; again {
			value = old + ", " + value
		} else {
			order = append(order, name)
		}
		headers[name] = value
	}
	p := packet{body: body, vars: [][2]string{
		{"QUERY_STRING", query},
		{"REQUEST_METHOD", words[0]},
		{"CONTENT_TYPE", headers["CONTENT_TYPE"]},
		{"CONTENT_LENGTH", headers["CONTENT_LENGTH"]},
		{"REQUEST_URI", words[1]},
		{"PATH_INFO", path},
		{"DOCUMENT_ROOT", "/var/www"},
		{"SERVER_PROTOCOL", words[2]},
		{"REQUEST_SCHEME", "http"},
		{"REMOTE_ADDR", "192.0.2.7"},
		{"REMOTE_PORT", "40000"},
		{"SERVER_PORT", "80"},
		{"SERVER_NAME", "example.com"},
	}}
	for _, name := range order {
		if name != "CONTENT_TYPE" && name != "CONTENT_LENGTH" {
			p.vars = append(p.vars, [2]string{"HTTP_" + name, headers[name]})
		}
	}
	return p
}

// set changes variables, in pairs; "<absent>" takes one out.
func (p packet) set(pairs ...string) packet {
	for i := 0; i < len(pairs); i += 2 {
		var vars [][2]string
		for _, kv := range p.vars {
			if kv[0] != pairs[i] {
				vars = append(vars, kv)
			}
		}
		p.vars = vars
		if pairs[i+1] != "<absent>" {
			p.vars = append(p.vars, [2]string{pairs[i], pairs[i+1]})
		}
	}
	return p
}

// dialPeer connects to a server that is not the test's own *server.
func dialPeer(t *testing.T, addr string) *conn {
	t.Helper()
	network := "tcp"
	if strings.HasPrefix(addr, "/") {
		network = "unix"
	}
	c, err := net.DialTimeout(network, addr, patience())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	_ = c.SetDeadline(time.Now().Add(within(20 * time.Second)))
	k := newConn(c)
	k.t = t
	return k
}
