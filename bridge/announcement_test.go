package bridge

import (
	"net"
	"slices"
	"strings"
	"testing"

	"github.com/pires/go-proxyproto"
)

// announcement2Of is a header of version 2 for a client.
func announcement2Of(t testing.TB, source, destination string, command proxyproto.ProtocolVersionAndCommand) string {
	t.Helper()
	addr := func(text string) net.Addr {
		a, err := net.ResolveTCPAddr("tcp", text)
		if err != nil {
			t.Fatal(err)
		}
		return a
	}
	h := proxyproto.HeaderProxyFromAddrs(2, addr(source), addr(destination))
	h.Command = command
	b, err := h.Format()
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// TestAnnouncement: the header says who the client is, in each of its forms and however it is cut.
func TestAnnouncement(t *testing.T) {
	for _, test := range []struct{ name, header, want string }{
		{"version 1", "PROXY TCP4 192.0.2.1 192.0.2.2 4711 80\r\n", "REMOTE_ADDR=192.0.2.1 REMOTE_PORT=4711"},
		{"version 1, IPv6", "PROXY TCP6 2001:db8::1 2001:db8::2 4711 80\r\n", "REMOTE_ADDR=2001:db8::1 REMOTE_PORT=4711"},
		{"version 1, unknown", "PROXY UNKNOWN\r\n", "REMOTE_ADDR=127.0.0.1"},
		{"version 2", announcement2Of(t, "192.0.2.1:4711", "192.0.2.2:80", proxyproto.PROXY), "REMOTE_ADDR=192.0.2.1 REMOTE_PORT=4711"},
		{"version 2, IPv6", announcement2Of(t, "[2001:db8::1]:4711", "[2001:db8::2]:80", proxyproto.PROXY), "REMOTE_ADDR=2001:db8::1 REMOTE_PORT=4711"},
		{"version 2, the balancer's own", announcement2Of(t, "192.0.2.1:4711", "192.0.2.2:80", proxyproto.LOCAL), "REMOTE_ADDR=127.0.0.1"},
	} {
		t.Run(test.name, func(t *testing.T) {
			seen, app := collected(t)
			f := serve(t, &Server{ProxyProtocol: proxies(t, "127.0.0.1")}, app)
			raw := test.header + head("GET /")
			for _, cut := range []int{len(raw), 1, 5, len(test.header) - 1, len(test.header), len(test.header) + 3} {
				c := f.dial()
				c.send(raw[:cut])
				if cut < len(raw) {
					c.send(raw[cut:])
				}
				c.expect("GET", 200, "")
				got := receive(t, "the environ", seen)
				for _, want := range strings.Fields(test.want) {
					if !slices.Contains(got, want) {
						t.Errorf("cut at %d: no %s in %q", cut, want, got)
					}
				}
				c.request("GET /2") // once a connection
				c.expect("GET", 200, "")
				receive(t, "the environ", seen)
			}
		})
	}
}

// TestAnnouncementRefused: a peer that is to send a header and does not, or a broken one, is not served; another one's header is no HTTP.
func TestAnnouncementRefused(t *testing.T) {
	for _, test := range []struct{ name, peers, raw, want string }{
		{"none", "127.0.0.1", head("GET /"), ""},
		{"malformed", "127.0.0.1", "PROXY TCP4 x y 1 2\r\n" + head("GET /"), ""},
		{"endless", "127.0.0.1", "PROXY TCP4 " + strings.Repeat("1", 200), ""},
		{"too long", "127.0.0.1", string(announcement2) + "\x21\x11\xff\xff" + strings.Repeat("x", 100), ""},
		{"another peer's", "10.0.0.0/8", "PROXY TCP4 192.0.2.1 192.0.2.2 4711 80\r\n" + head("GET /"), "HTTP/1.1 400"},
	} {
		t.Run(test.name, func(t *testing.T) {
			f := serve(t, &Server{ProxyProtocol: proxies(t, test.peers)}, echo)
			c := f.dial()
			c.send(test.raw)
			var answer [12]byte
			n, _ := c.r.Read(answer[:])
			if string(answer[:n]) != test.want {
				t.Errorf("got %q, want %q", answer[:n], test.want)
			}
			if test.want == "" {
				until(t, "the log", func() bool { return strings.Contains(f.log.String(), errAnnouncement.Error()) })
			}
		})
	}
}

// TestAnnouncementUWSGI: the uwsgi protocol may have it, too, but says by itself who the client is.
func TestAnnouncementUWSGI(t *testing.T) {
	f := serveUWSGI(t, &Server{ProxyProtocol: proxies(t, "127.0.0.1")}, echo)
	c := f.dial()
	c.send("PROXY TCP4 192.0.2.1 192.0.2.2 4711 80\r\n" + get("/x"))
	c.expect("GET", 200, "GET /x ")
}
