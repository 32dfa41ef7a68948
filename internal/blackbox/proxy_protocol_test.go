package blackbox

import (
	"net"
	"strings"
	"testing"

	"github.com/pires/go-proxyproto"
)

const announced1 = "PROXY TCP4 203.0.113.9 198.51.100.1 4711 443\r\n"

// announced2 is a header of version 2.
func announced2(t *testing.T, command proxyproto.ProtocolVersionAndCommand) string {
	t.Helper()
	h := proxyproto.HeaderProxyFromAddrs(2, &net.TCPAddr{IP: net.ParseIP("2001:db8::7"), Port: 4711}, &net.TCPAddr{IP: net.ParseIP("2001:db8::8"), Port: 443})
	h.Command = command
	text, err := h.Format()
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// Clause: "PROXY protocol v1/v2 by a well-kept library, trusted only by option".
func TestProxyProtocol(t *testing.T) {
	run(t, plain, func(t *testing.T, v variant) {
		s := v.start(t, launch{App: "environ", Args: []string{"--proxy-protocol", "127.0.0.0/8", "--trusted-proxy", "127.0.0.1"}})
		for _, c := range []struct{ name, header, addr, port string }{
			{"version 1", announced1, "203.0.113.9", "4711"},
			{"version 2", announced2(t, proxyproto.PROXY), "2001:db8::7", "4711"},
		} {
			t.Run(c.name, func(t *testing.T) {
				k := s.dial(t)
				raw := c.header + request("GET", "/", "", forwarded...)
				for _, b := range []byte(raw) { // in pieces
					k.send(string([]byte{b}))
				}
				for range 2 { // once a connection
					var e env
					k.response("GET").json(t, &e)
					// The balancer is trusted; its client, who wrote the fields, is not.
					e.want(t, "REMOTE_ADDR", c.addr, "REMOTE_PORT", c.port, "wsgi.url_scheme", "http", "HTTP_X_FORWARDED_FOR", "<absent>")
					k.trySend(request("GET", "/", ""))
				}
			})
		}
		for name, header := range map[string]string{"unknown": "PROXY UNKNOWN\r\n", "local": announced2(t, proxyproto.LOCAL)} {
			t.Run(name, func(t *testing.T) { s.environAfter(t, header).want(t, "REMOTE_ADDR", "127.0.0.1") })
		}
	})
}

func (s *server) environAfter(t *testing.T, header string) env {
	t.Helper()
	c := s.dial(t)
	defer c.Close()
	c.send(header + request("GET", "/", ""))
	var e env
	c.response("GET").json(t, &e)
	return e
}

func TestProxyProtocolRefused(t *testing.T) {
	run(t, plain, func(t *testing.T, v variant) {
		for _, c := range []struct{ name, peers, raw, answer, log string }{
			{"missing", "all", request("GET", "/", ""), "", "does not begin with a header of the PROXY protocol"},
			{"malformed", "all", "PROXY TCP4 x y 1 2\r\n" + request("GET", "/", ""), "", "malformed"},
			{"without an end", "all", "PROXY " + strings.Repeat("x", 300), "", "malformed"},
			{"another peer's", "10.0.0.0/8", announced1 + request("GET", "/", ""), "HTTP/1.1 400 ", ""},
		} {
			t.Run(c.name, func(t *testing.T) {
				s := v.start(t, launch{App: "environ", Args: []string{"--proxy-protocol", c.peers}})
				k := s.dial(t)
				k.trySend(c.raw)
				buf := make([]byte, 4096)
				n, _ := k.r.Read(buf) // or a reset, as unread bytes make it one
				if got := string(buf[:n]); !strings.HasPrefix(got, c.answer) || c.answer == "" && got != "" {
					t.Errorf("answered %.100q, want %q", got, c.answer)
				}
				if c.log != "" {
					s.log.wait(t, c.log)
				}
			})
		}
	})
}

// The uwsgi protocol says by itself who the client is; HTTP on a --socket does not.
func TestProxyProtocolOnSocket(t *testing.T) {
	run(t, plain, func(t *testing.T, v variant) {
		s, addr := v.startSocket(t, launch{App: "environ", Args: []string{"--proxy-protocol", "all"}})
		c := s.dialTo(t, "tcp", addr)
		c.send(string(packetOf(request("GET", "/", "")).set("REMOTE_ADDR", "198.51.100.7").bytes()))
		var e env
		c.response("GET").json(t, &e)
		e.want(t, "REMOTE_ADDR", "198.51.100.7")
		c.ended()
	})
}
