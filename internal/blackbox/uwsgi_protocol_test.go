package blackbox

import (
	"fmt"
	"strings"
	"sync"
	"testing"
)

// startSocket is start for a server that speaks the uwsgi protocol at addr, too.
func (v variant) startSocket(t *testing.T, l launch) (s *server, addr string) {
	t.Helper()
	addr = ownAddress()
	l.Args = append([]string{"--socket", addr}, l.Args...)
	return v.start(t, l), addr
}

// ask sends a packet on a connection of its own, and reads the answer, which its end ends.
func (s *server) ask(t *testing.T, addr string, p packet) *response {
	t.Helper()
	c := s.dialTo(t, "tcp", addr)
	defer c.Close()
	c.send(string(p.bytes()))
	method := "GET"
	for _, kv := range p.vars {
		if kv[0] == "REQUEST_METHOD" {
			method = kv[1]
		}
	}
	r := c.response(method)
	if coding := r.get("Transfer-Encoding"); coding != "" {
		t.Errorf("Transfer-Encoding %q: nginx does not take it off", coding)
	}
	c.ended()
	return r
}

func (s *server) askEnviron(t *testing.T, addr string, p packet) env {
	t.Helper()
	var e env
	s.ask(t, addr, p).json(t, &e)
	return e
}

// Clause: "the uwsgi protocol server: modifiers 0 and 30"; "UWSGI_* code-loading variables are never obeyed".
func TestPacketEnviron(t *testing.T) {
	evil := []string{
		"UWSGI_SCRIPT", "evil", "UWSGI_MODULE", "evil", "UWSGI_CALLABLE", "evil", "UWSGI_FILE", "/nonexistent/evil.py", "UWSGI_CHDIR", "/nonexistent",
		"UWSGI_PYHOME", "/nonexistent", "UWSGI_SETENV", "BB_CANARY=evil", "UWSGI_APPID", "evil", "UWSGI_POSTFILE", "/nonexistent/evil.py", "UWSGI_OTHER", "x",
	}
	plainPacket := packetOf(request("GET", "/a%20b/c?x=1", "", "Cookie: a=b; c=d", "X-Own: 1"))
	scripted := plainPacket.set("SCRIPT_NAME", "/x", "PATH_INFO", "/x/y", "REQUEST_URI", "/x/y")
	stripped := scripted
	stripped.modifier = 30
	run(t, both, func(t *testing.T, v variant) {
		s, addr := v.startSocket(t, launch{App: "environ", Env: []string{"BB_CANARY=canary"}})
		for _, c := range []struct {
			name string
			packet
			want []string
		}{
			{"nginx's", plainPacket, []string{
				"REQUEST_METHOD", "GET", "SCRIPT_NAME", "", "PATH_INFO", "/a b/c", "QUERY_STRING", "x=1", "REQUEST_URI", "/a%20b/c?x=1", "RAW_URI", "/a%20b/c?x=1",
				"CONTENT_TYPE", "", "CONTENT_LENGTH", "", "SERVER_PROTOCOL", "HTTP/1.1", "SERVER_NAME", "example.com", "SERVER_PORT", "80",
				"REMOTE_ADDR", "192.0.2.7", "REMOTE_PORT", "40000", "DOCUMENT_ROOT", "/var/www", "HTTP_HOST", "test", "HTTP_COOKIE", "a=b; c=d", "HTTP_X_OWN", "1",
				"wsgi.url_scheme", "http", "wsgi.version", "tuple:(1, 0)", "#file_wrapper", "True", "app.leak", "<absent>",
			}},
			{"as little as may be", packet{vars: [][2]string{{"REQUEST_METHOD", "GET"}}}, []string{
				"SCRIPT_NAME", "", "PATH_INFO", "", "QUERY_STRING", "", "REMOTE_ADDR", "127.0.0.1", "wsgi.url_scheme", "http", "HTTP_HOST", "<absent>",
			}},
			{"HTTPS", plainPacket.set("HTTPS", "on"), []string{"wsgi.url_scheme", "https"}},
			{"a client's X-Forwarded-Proto", plainPacket.set("HTTP_X_FORWARDED_PROTO", "https"), []string{"wsgi.url_scheme", "http"}},
			{"headers of the length and type", plainPacket.set("HTTP_CONTENT_TYPE", "a/b", "HTTP_CONTENT_LENGTH", "1"), []string{
				"HTTP_CONTENT_TYPE", "<absent>", "HTTP_CONTENT_LENGTH", "<absent>",
			}},
			{"httpoxy", plainPacket.set("HTTP_PROXY", "evil:80"), []string{"HTTP_PROXY", "<absent>"}},
			{"the server's own", plainPacket.set("wsgi.url_scheme", "evil", "wsgi.input", "evil", "gowsgi.x", "evil", "uwsgi.version", "evil"), []string{
				"wsgi.url_scheme", "http", "gowsgi.x", "<absent>",
			}},
			{"never obeyed", plainPacket.set(evil...), []string{
				"PATH_INFO", "/a b/c", "#process", "canary", "UWSGI_SCRIPT", "<absent>", "UWSGI_FILE", "<absent>", "UWSGI_SETENV", "<absent>", "UWSGI_OTHER", "<absent>",
			}},
			{"SCRIPT_NAME", scripted, []string{"SCRIPT_NAME", "/x", "PATH_INFO", "/x/y"}},
			{"modifier 30", stripped, []string{"SCRIPT_NAME", "/x", "PATH_INFO", "/y"}},
			{"HTTP/2.0 to nginx", plainPacket.set("SERVER_PROTOCOL", "HTTP/2.0"), []string{"SERVER_PROTOCOL", "HTTP/2.0"}},
		} {
			t.Run(c.name, func(t *testing.T) { s.askEnviron(t, addr, c.packet).want(t, c.want...) })
		}
	})
}

// A proxy on the same machine is no trusted proxy's client.
func TestPacketForwarded(t *testing.T) {
	run(t, plain, func(t *testing.T, v variant) {
		s, addr := v.startSocket(t, launch{App: "environ", Args: []string{"--trusted-proxy", "127.0.0.1,10.0.0.0/8"}})
		p := packetOf(request("GET", "/", "", forwarded...))
		s.askEnviron(t, addr, p).want(t, "REMOTE_ADDR", "192.0.2.7", "wsgi.url_scheme", "http", "HTTP_HOST", "test", "SCRIPT_NAME", "", "HTTP_X_FORWARDED_FOR", "<absent>")
		s.askEnviron(t, addr, p.set("REMOTE_ADDR", "10.1.2.3")).want(t,
			"REMOTE_ADDR", "203.0.113.9", "wsgi.url_scheme", "https", "HTTP_HOST", "public.example", "SCRIPT_NAME", "/pre")
	})
}

// Clause: "body by CONTENT_LENGTH".
func TestPacketBodies(t *testing.T) {
	run(t, both, func(t *testing.T, v variant) {
		s, addr := v.startSocket(t, launch{App: "input"})
		for _, n := range []int{0, 1, 5000, 64 << 10, 64<<10 + 1, 3 << 20} {
			p := packetOf(request("POST", "/digest", strings.Repeat("x", n)))
			var got struct{ Length int }
			s.ask(t, addr, p).json(t, &got)
			if got.Length != n {
				t.Errorf("the app read %d bytes of %d", got.Length, n)
			}
		}
		// Bytes behind a body without a length are nobody's.
		p := packetOf(request("POST", "/digest", ""))
		p.body = "xyz"
		var got struct{ Length int }
		s.ask(t, addr, p.set("CONTENT_LENGTH", "<absent>")).json(t, &got)
		if got.Length != 0 {
			t.Errorf("the app read %d bytes of no body", got.Length)
		}
	})
}

// Clause: "partial reads".
func TestPacketInPieces(t *testing.T) {
	run(t, plain, func(t *testing.T, v variant) {
		s, addr := v.startSocket(t, launch{App: "input"})
		raw := string(packetOf(request("POST", "/ops?ops=read", "hello")).bytes())
		c := s.dialTo(t, "tcp", addr)
		for _, b := range []byte(raw) {
			c.send(string([]byte{b}))
		}
		c.response("POST").want(t, 200, `["hello"]`)
		c.ended()
	})
}

// Clause: "garbage and HTTP-sent-by-mistake get a clear log line".
func TestPacketGarbage(t *testing.T) {
	many := packet{}
	for i := range 1001 {
		many.vars = append(many.vars, [2]string{fmt.Sprint("N", i), ""})
	}
	php := packetOf(request("GET", "/", ""))
	php.modifier = 14
	run(t, plain, func(t *testing.T, v variant) {
		for _, c := range []struct{ name, raw, log, answer string }{
			{"HTTP", request("GET", "/", ""), "HTTP was sent to a socket of the uwsgi protocol", "HTTP/1.1 400 "},
			{"TLS", "\x16\x03\x01\x02\x00\x01\x00", "TLS was sent", ""},
			{"empty", "\x00\x00\x00\x00", "no variables", ""},
			{"another language", string(php.bytes()), "modifier1", ""},
			{"lengths", "\x00\x05\x00\x00\xff\x00abc", "beyond the packet's end", ""},
			{"no key", string(packet{vars: [][2]string{{"A", "b"}, {"", "c"}}}.bytes()), "no key", ""},
			{"too many", string(many.bytes()), "too many variables", "HTTP/1.1 431 "},
			{"too large", string(packetOf(request("GET", "/", "", "X-Own: "+strings.Repeat("x", 20000))).bytes()), "larger than this server's limit", "HTTP/1.1 431 "},
			{"noise", strings.Repeat("\xa5\x5a", 5000), "modifier1", ""},
		} {
			t.Run(c.name, func(t *testing.T) {
				// One server each: the log is told once a second.
				s, addr := v.startSocket(t, launch{App: "environ", Args: []string{"--limit-head", "16384"}})
				k := s.dialTo(t, "tcp", addr)
				k.trySend(c.raw)
				buf := make([]byte, 64<<10)
				n, _ := k.r.Read(buf) // or a reset, as unread bytes make it one
				if got := string(buf[:n]); !strings.HasPrefix(got, c.answer) || c.answer == "" && got != "" {
					t.Errorf("answered %.100q, want %q", got, c.answer)
				}
				s.log.wait(t, c.log)
				s.ask(t, addr, packetOf(request("GET", "/", ""))).wantStatus(t, 200)
			})
		}
	})
}

func TestPacketLimits(t *testing.T) {
	run(t, plain, func(t *testing.T, v variant) {
		s, addr := v.startSocket(t, launch{App: "input", Args: []string{"--limit-post", "1000"}})
		p := packetOf(request("POST", "/digest", strings.Repeat("x", 1001)))
		s.ask(t, addr, p).wantStatus(t, 413)
		for _, length := range []string{"x", "-1", "1 ", "+1", "99999999999999999999"} {
			s.ask(t, addr, p.set("CONTENT_LENGTH", length)).wantStatus(t, 400)
		}
		p.body = p.body[:1000]
		s.ask(t, addr, p.set("CONTENT_LENGTH", "1000")).wantStatus(t, 200)
	})
}

func TestPacketResponses(t *testing.T) {
	run(t, plain, func(t *testing.T, v variant) {
		s, addr := v.startSocket(t, launch{App: "environ"})
		if r := s.ask(t, addr, packetOf(request("HEAD", "/", ""))); r.get("Content-Length") == "" {
			t.Error("HEAD has no Content-Length")
		}
	})
}

// Many connections come and go, several at once; the harness counts descriptors afterwards.
func TestPacketsComeAndGo(t *testing.T) {
	run(t, plain, func(t *testing.T, v variant) {
		s, addr := v.startSocket(t, launch{App: "input", Args: []string{"--threads", "4"}})
		whole := string(packetOf(request("POST", "/digest", "hello")).bytes())
		var clients sync.WaitGroup
		for range 6 {
			clients.Go(func() {
				for i := range 60 {
					c := s.dialTo(t, "tcp", addr)
					switch i % 5 {
					case 0:
						c.trySend(whole[:3])
					case 1:
						c.trySend(whole[:len(whole)-2])
					case 2:
						c.trySend("GET / HTTP/1.1\r\n\r\n")
					case 3:
						c.trySend(whole)
					default:
						c.trySend(whole)
						if r, err := c.tryResponse("POST"); err != nil || r.Status != 200 {
							t.Errorf("%v, %v", r, err)
						}
					}
					if i%2 == 0 {
						c.Close()
					} else {
						c.reset()
					}
				}
			})
		}
		clients.Wait()
		s.ask(t, addr, packetOf(request("GET", "/digest", ""))).wantStatus(t, 200)
		s.settled(t)
	})
}
