package blackbox

import (
	"fmt"
	"net"
	"strings"
	"testing"
)

// Clause: "Expect: 100-continue is answered when the app first reads".
func TestExpectContinue(t *testing.T) {
	run(t, both, func(t *testing.T, v variant) {
		s := v.start(t, launch{App: "input"})
		for _, f := range []struct{ name, header, body string }{
			{"length", "Content-Length: 5", "hello"},
			{"chunked", "Transfer-Encoding: chunked", "5\r\nhello\r\n0\r\n\r\n"},
		} {
			t.Run("read/"+f.name, func(t *testing.T) {
				c := s.dial(t)
				for range 2 {
					c.send("POST /ops?ops=read:-1 HTTP/1.1\r\nHost: t\r\nExpect: 100-Continue\r\n" + f.header + "\r\n\r\n")
					if head := c.head(); !strings.HasPrefix(head, "HTTP/1.1 100 ") {
						t.Fatalf("first answer %q, want 100", head)
					}
					c.send(f.body)
					c.response("POST").want(t, 200, `["hello"]`)
				}
			})
			// The app refuses before it reads: the client is never told to go on, and what it
			// might send all the same is not a request.
			t.Run("refused/"+f.name, func(t *testing.T) {
				c := s.dial(t)
				c.send("POST /refuse HTTP/1.1\r\nHost: t\r\nExpect: 100-continue\r\n" + f.header + "\r\n\r\n")
				c.response("POST").want(t, 403, "refused")
				c.trySend(f.body + "GET /ignore HTTP/1.1\r\nHost: t\r\nConnection: close\r\n\r\n")
				if rest := c.rest(); answers(rest) > 1 || strings.Contains(rest, "100 Continue") {
					t.Fatalf("after the refusal: %q", rest)
				}
			})
		}
		t.Run("waits for the read", func(t *testing.T) { testContinueWaits(t, s) })
		t.Run("not to http/1.0", func(t *testing.T) {
			c := s.dial(t)
			c.send("POST /ops?ops=read:-1 HTTP/1.0\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\nhello")
			c.response("POST").want(t, 200, `["hello"]`)
		})
		t.Run("unknown expectation", func(t *testing.T) {
			s.get(t, "/ignore", "Expect: a-miracle").wantStatus(t, 417)
		})
	})
}

func testContinueWaits(t *testing.T, s *server) {
	g := s.gate(t, "before-read")
	c := s.dial(t)
	c.send("POST " + query("/gone", "name", "expect", "gate", "before-read") +
		" HTTP/1.1\r\nHost: t\r\nExpect: 100-continue\r\nContent-Length: 3\r\n\r\n")
	g.reached(t)
	c.silent()
	g.open(t)
	if head := c.head(); !strings.HasPrefix(head, "HTTP/1.1 100 ") {
		t.Fatalf("first answer %q, want 100", head)
	}
	c.send("abc")
	c.response("POST").want(t, 200, "3")
}

// Clause: "a client that leaves mid-body raises OSError in the app".
func TestClientLeavesMidBody(t *testing.T) {
	run(t, both, func(t *testing.T, v variant) {
		s := v.start(t, launch{App: "input"})
		part := strings.Repeat("x", 1<<20)
		for name, body := range map[string]string{
			"length":  fmt.Sprintf("Content-Length: %d\r\n\r\n%s", 8<<20, part),
			"chunked": fmt.Sprintf("Transfer-Encoding: chunked\r\n\r\n%x\r\n%s\r\n", 1<<20, part),
			"inside a chunk": fmt.Sprintf("Transfer-Encoding: chunked\r\n\r\n%x\r\n%s",
				8<<20, part),
		} {
			for leaving, leave := range map[string]func(*conn){
				"fin":        func(c *conn) { c.Close() },
				"rst":        func(c *conn) { c.reset() },
				"half-close": func(c *conn) { _ = c.Conn.(*net.TCPConn).CloseWrite() },
			} {
				t.Run(name+"/"+leaving, func(t *testing.T) {
					id := name + "-" + leaving
					c := s.dial(t)
					c.send("POST " + query("/gone", "name", id) + " HTTP/1.1\r\nHost: t\r\n" + body)
					s.event(t, id+" started")
					leave(c)
					s.event(t, id+" OSError")
					s.event(t, id+" OSError again")
				})
			}
		}
	})
}

// A chunk that can't be parsed is not the end of the body.
func TestBrokenChunkInMidBody(t *testing.T) {
	run(t, both, func(t *testing.T, v variant) {
		s := v.start(t, launch{App: "input"})
		part := strings.Repeat("x", 1<<20)
		for name, broken := range map[string]string{
			"size": "xyz\r\n", "no size": "\r\n", "negative": "-1\r\n", "missing CRLF": "3\r\nabcd\r\n0\r\n\r\n",
			"overflow": "fffffffffffffffff\r\n",
		} {
			t.Run(name, func(t *testing.T) {
				c := s.dial(t)
				c.send("POST " + query("/gone", "name", name) + fmt.Sprintf(
					" HTTP/1.1\r\nHost: t\r\nTransfer-Encoding: chunked\r\n\r\n%x\r\n%s\r\n", 1<<20, part))
				s.event(t, name+" started")
				c.trySend(broken + request("GET", "/ignore", ""))
				s.event(t, name+" OSError")
				if rest := c.rest(); answers(rest) > 1 {
					t.Fatalf("the connection was used on: %q", rest)
				}
			})
		}
		if n := s.eventCount(t, "ignored"); n != 0 {
			t.Fatalf("bytes behind a broken chunk were served as a request, %d times", n)
		}
	})
}

// An app need not read the body. What it left must not be taken for the next request.
func TestUnreadBody(t *testing.T) {
	run(t, both, func(t *testing.T, v variant) {
		s := v.start(t, launch{App: "input"})
		smuggled := request("GET", "/smuggled", "")
		for _, size := range []int{10, 1000, 100_000, 4 << 20} {
			body := strings.Repeat(smuggled, size/len(smuggled)+1)
			for _, f := range framings(body)[:1] {
				testUnread(t, s, f)
			}
			testUnread(t, s, framing{"chunked", "Transfer-Encoding: chunked\r\n\r\n" + chunkedBody(body, 8<<10)})
		}
	})
}

// testUnread asserts a proper second answer, or a connection that ends after the first.
func testUnread(t *testing.T, s *server, f framing) {
	t.Helper()
	c := s.dial(t)
	defer c.Close()
	go c.trySend("POST /ignore HTTP/1.1\r\nHost: t\r\n" + f.rest + request("GET", "/refuse", ""))
	c.response("POST").want(t, 200, "ignored")
	if _, err := c.r.Peek(1); err != nil {
		return // closed instead of read to the end: as good
	}
	c.response("GET").want(t, 403, "refused")
}
