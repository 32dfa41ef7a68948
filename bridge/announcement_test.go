package bridge

import (
	"net"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/pires/go-proxyproto"
	"github.com/pires/go-proxyproto/tlvparse"
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
		{"version 2, unspecified", string(announcement2) + "\x21\x00\x00\x03abc", "REMOTE_ADDR=127.0.0.1"},
		{"version 2, UDP", string(announcement2) + "\x21\x12\x00\x0c\xc0\x00\x02\x01\xc0\x00\x02\x02\x12\x67\x00\x50", "REMOTE_ADDR=192.0.2.1 REMOTE_PORT=4711"},
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

// TestAnnouncementUWSGI: the uwsgi protocol says by itself who the client is.
func TestAnnouncementUWSGI(t *testing.T) {
	f := serveUWSGI(t, &Server{ProxyProtocol: proxies(t, "127.0.0.1")}, echo)
	c := f.dial()
	c.send(get("/x"))
	c.expect("GET", 200, "GET /x ")
}

// TestAnnouncementAlone: a balancer passes a connection on before its client has said anything. That is a connection at rest.
func TestAnnouncementAlone(t *testing.T) {
	limits := lenient
	limits.Header = 50 * time.Millisecond
	seen, app := collected(t)
	f := serve(t, &Server{Limits: limits, ProxyProtocol: proxies(t, "127.0.0.1")}, app)
	c, late := f.dial(), f.dial()
	c.send("PROXY TCP4 192.0.2.1 192.0.2.2 4711 80\r\n")
	late.send("PROXY TCP4 192") // past its time when this one has gone
	late.ended()
	until(t, "the log", func() bool { return strings.Contains(f.log.String(), errAnnouncementLate.Error()) })
	c.request("GET /")
	c.expect("GET", 200, "")
	if got := receive(t, "the environ", seen); !slices.Contains(got, "REMOTE_ADDR=192.0.2.1") {
		t.Errorf("got %q", got)
	}
}

// TestAnnouncementOverUnix: who is trusted is asked of whom the header names, not of the balancer's socket.
func TestAnnouncementOverUnix(t *testing.T) {
	for _, test := range []struct{ trusted, header, want string }{
		{"unix", "PROXY TCP4 192.0.2.1 192.0.2.2 4711 80\r\n", "http 192.0.2.1"},
		{"192.0.2.1", "PROXY TCP4 192.0.2.1 192.0.2.2 4711 80\r\n", "https 192.0.2.1"},
		{"unix", "PROXY UNKNOWN\r\n", "https "},
		{"unix", unixAnnouncement(t), "http "},
	} {
		seen, app := collected(t)
		l, err := net.Listen("unix", filepath.Join(t.TempDir(), "s"))
		if err != nil {
			t.Fatal(err)
		}
		f := serveOn(t, l, &Server{ProxyProtocol: proxies(t, "unix"), Proxies: proxies(t, test.trusted)}, app)
		c := f.dial()
		c.send(test.header + head("GET /", "X-Forwarded-Proto: https"))
		c.expect("GET", 200, "")
		scheme, addr, _ := strings.Cut(test.want, " ")
		got := receive(t, "the environ", seen)
		if !slices.Contains(got, "wsgi.url_scheme="+scheme) || !slices.Contains(got, "REMOTE_ADDR="+addr) {
			t.Errorf("%q with %s trusted: got %q", test.header, test.trusted, got)
		}
	}
}

// unixAnnouncement is a header for a client on a UNIX socket.
func unixAnnouncement(t testing.TB) string {
	t.Helper()
	return announcementText(t, proxyproto.HeaderProxyFromAddrs(2, &net.UnixAddr{Name: "/a", Net: "unix"}, &net.UnixAddr{Name: "/b", Net: "unix"}))
}

func announcementText(t testing.TB, h *proxyproto.Header) string {
	t.Helper()
	b, err := h.Format()
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// TestAnnouncementOfTLS: a balancer that has ended TLS may say so.
func TestAnnouncementOfTLS(t *testing.T) {
	for client, want := range map[uint8]string{tlvparse.PP2_BITFIELD_CLIENT_SSL: "https", 0: "http"} {
		h := proxyproto.HeaderProxyFromAddrs(2, &net.TCPAddr{IP: net.IPv4(192, 0, 2, 1), Port: 1}, &net.TCPAddr{IP: net.IPv4(192, 0, 2, 2), Port: 2})
		tlv, err := tlvparse.PP2SSL{
			Client: client, TLV: []proxyproto.TLV{{Type: proxyproto.PP2_SUBTYPE_SSL_VERSION, Value: []byte("TLSv1.3")}},
		}.Marshal()
		if err != nil {
			t.Fatal(err)
		}
		if err := h.SetTLVs([]proxyproto.TLV{tlv}); err != nil {
			t.Fatal(err)
		}
		seen, app := collected(t)
		f := serve(t, &Server{ProxyProtocol: proxies(t, "127.0.0.1")}, app)
		c := f.dial()
		c.send(announcementText(t, h) + head("GET /"))
		c.expect("GET", 200, "")
		if got := receive(t, "the environ", seen); !slices.Contains(got, "wsgi.url_scheme="+want) {
			t.Errorf("%d: no %s in %q", client, want, got)
		}
	}
}

// FuzzAnnouncement: what is taken for a header is here, bounded, and the library's; and a piece of it is never an error.
func FuzzAnnouncement(f *testing.F) {
	f.Add([]byte("PROXY TCP4 192.0.2.1 192.0.2.2 4711 80\r\nGET /"))
	f.Add([]byte("PROXY UNKNOWN\r\n"))
	f.Add([]byte(announcement2Of(f, "192.0.2.1:4711", "192.0.2.2:80", proxyproto.PROXY)))
	f.Add([]byte(unixAnnouncement(f)))
	nc := newSink(f)
	f.Fuzz(func(t *testing.T, raw []byte) {
		c := receiver(t, &Server{Limits: lenient}, nc, here, false, string(raw))
		n, err := c.takeAnnouncement()
		switch {
		case err != nil && n != 0, n > len(raw), n > announcement2Head+announcement2Max:
			t.Fatalf("%d of %d bytes, %v", n, len(raw), err)
		case n == 0:
			return
		}
		for cut := range n {
			short := receiver(t, &Server{Limits: lenient}, nc, here, false, string(raw[:cut]))
			if m, err := short.takeAnnouncement(); m != 0 || err != nil {
				t.Fatalf("cut at %d of %d: %d, %v", cut, n, m, err)
			}
		}
	})
}
