package blackbox

import (
	"fmt"
	"strings"
	"testing"
)

// Design 8: "Keep-alive always".
func TestKeepAlive(t *testing.T) {
	run(t, both, func(t *testing.T, v variant) {
		s := v.start(t, launch{App: "limits"})
		c := s.dial(t)
		for i := range 100 {
			c.send(request("POST", fmt.Sprintf("/read?id=%d", i), strings.Repeat("b", i*100)))
			c.response("POST").want(t, 200, fmt.Sprint(i*100))
		}
	})
}

func TestConnectionHeader(t *testing.T) {
	run(t, both, func(t *testing.T, v variant) {
		s := v.start(t, launch{App: "limits"})
		for _, c := range []struct {
			name, raw string
			keeps     bool
		}{
			{"1.1", "GET / HTTP/1.1\r\nHost: t\r\n\r\n", true},
			{"1.1 close", "GET / HTTP/1.1\r\nHost: t\r\nConnection: close\r\n\r\n", false},
			{"1.1 close in a list", "GET / HTTP/1.1\r\nHost: t\r\nConnection: x-y, Close\r\n\r\n", false},
			{"1.0", "GET / HTTP/1.0\r\n\r\n", false},
			{"1.0 keep-alive", "GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n", true},
			{"1.1 upgrade is declined", "GET / HTTP/1.1\r\nHost: t\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQAAP__\r\n\r\n", true},
		} {
			t.Run(c.name, func(t *testing.T) {
				cn := s.dial(t)
				cn.send(c.raw)
				r := cn.response("GET")
				r.want(t, 200, "index")
				closes := strings.EqualFold(r.get("Connection"), "close")
				if c.keeps {
					// Who closes must say so; else the next request is served.
					if !closes {
						cn.send(c.raw)
						cn.response("GET").want(t, 200, "index")
					} else if !strings.HasPrefix(c.name, "1.0") {
						t.Errorf("HTTP/1.1 connection not kept: %q", r.Head)
					}
					return
				}
				if strings.Contains(c.name, "1.1") && !closes {
					t.Errorf("no Connection: close in %q", r.Head)
				}
				cn.ended()
			})
		}
	})
}

// Pipelined requests are answered in order, each with its own body.
func TestPipelining(t *testing.T) {
	run(t, both, func(t *testing.T, v variant) {
		s := v.start(t, launch{App: "limits"})
		c := s.dial(t)
		var raw strings.Builder
		for i := range 30 {
			switch i % 3 {
			case 0:
				raw.WriteString(request("GET", "/", ""))
			case 1:
				raw.WriteString(request("POST", "/read?id=p", strings.Repeat("x", i)))
			case 2:
				raw.WriteString("POST /read?id=p HTTP/1.1\r\nHost: t\r\nTransfer-Encoding: chunked\r\n\r\n" + chunkedBody(strings.Repeat("x", i), 2))
			}
		}
		c.send(raw.String())
		for i := range 30 {
			want := fmt.Sprint(i)
			if i%3 == 0 {
				want = "index"
			}
			c.response("POST").want(t, 200, want)
		}
	})
}

// A head that arrives byte by byte is a head.
func TestHeadInPieces(t *testing.T) {
	run(t, both, func(t *testing.T, v variant) {
		s := v.start(t, launch{App: "limits"})
		c := s.dial(t)
		for _, b := range []byte(request("POST", "/read?id=pieces", "hello") + request("GET", "/", "")) {
			c.send(string(b))
		}
		c.response("POST").want(t, 200, "5")
		c.response("GET").want(t, 200, "index")
	})
}

// Many connections come and go; the harness counts descriptors afterwards.
func TestConnectionsComeAndGo(t *testing.T) {
	run(t, plain, func(t *testing.T, v variant) {
		s := v.start(t, launch{App: "limits"})
		for i := range 300 {
			c := s.dial(t)
			switch i % 4 {
			case 0:
				c.send("GET / HT")
			case 1:
				c.send(request("GET", "/", ""))
			case 2:
				c.send(request("GET", "/", ""))
				c.response("GET").want(t, 200, "index")
			}
			if i%2 == 0 {
				c.Close()
			} else {
				c.reset()
			}
		}
		s.get(t, "/").want(t, 200, "index")
		s.settled(t)
	})
}
