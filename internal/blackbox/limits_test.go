package blackbox

import (
	"fmt"
	"strings"
	"syscall"
	"testing"
	"time"
)

// Clause: "Head limit 64 KiB → 431".
func TestHeadLimit(t *testing.T) {
	run(t, plain, func(t *testing.T, v variant) {
		s := v.start(t, launch{App: "limits"})
		small := v.start(t, launch{App: "limits", Args: []string{"--limit-head", "2000"}})
		for _, c := range []struct {
			name   string
			server *server
			raw    string
			want   []int
		}{
			{"60 KiB header passes", s, request("GET", "/", "", "X: "+strings.Repeat("h", 60<<10)), []int{200}},
			{"70 KiB header", s, request("GET", "/", "", "X: "+strings.Repeat("h", 70<<10)), []int{431}},
			{"1 MiB header", s, request("GET", "/", "", "X: "+strings.Repeat("h", 1<<20)), []int{431}},
			{"many headers", s, request("GET", "/", "", strings.Split(strings.Repeat("X-Many: header\n", 6000)+"Y: z", "\n")...), []int{431}},
			{"long target", s, request("GET", "/?"+strings.Repeat("q", 80<<10), ""), []int{414, 431}},
			{"option: under", small, request("GET", "/", "", "X: "+strings.Repeat("h", 1700)), []int{200}},
			{"option: over", small, request("GET", "/", "", "X: "+strings.Repeat("h", 2100)), []int{431}},
		} {
			t.Run(c.name, func(t *testing.T) {
				cn := c.server.dial(t)
				go cn.trySend(c.raw) // the server may answer and close before it has all
				r := cn.response("GET")
				for _, want := range c.want {
					if r.Status == want {
						if want != 200 {
							cn.rest()
						}
						return
					}
				}
				t.Errorf("status %d, want %v", r.Status, c.want)
			})
		}
		s.get(t, "/").want(t, 200, "index")
	})
}

// Clause: "body limit (--limit-post) → 413".
func TestBodyLimit(t *testing.T) {
	run(t, both, func(t *testing.T, v variant) {
		s := v.start(t, launch{App: "limits", Args: []string{"--limit-post", "100000"}})
		chunked := func(n int) string {
			return "Transfer-Encoding: chunked\r\n\r\n" + chunkedBody(strings.Repeat("x", n), 7777)
		}
		t.Run("at the limit", func(t *testing.T) {
			s.post(t, "/read?id=exact", strings.Repeat("x", 100000)).want(t, 200, "100000")
			s.do(t, "POST /read?id=exact-chunked HTTP/1.1\r\nHost: t\r\n"+chunked(100000)).want(t, 200, "100000")
		})
		// The length says it all: the app isn't started, nor is a body asked for.
		for name, header := range map[string]string{"plain": "", "expect": "Expect: 100-continue\r\n"} {
			t.Run("too long/"+name, func(t *testing.T) {
				c := s.dial(t)
				c.send("POST /note?id=toolong HTTP/1.1\r\nHost: t\r\n" + header + "Content-Length: 100001\r\n\r\n")
				c.response("POST").wantStatus(t, 413)
				c.trySend(request("GET", "/smuggled", ""))
				c.rest()
			})
		}
		t.Run("too long chunked", func(t *testing.T) {
			c := s.dial(t)
			go c.trySend("POST /read?id=chunked HTTP/1.1\r\nHost: t\r\n" + chunked(300000) + request("GET", "/smuggled", ""))
			c.response("POST").wantStatus(t, 413)
			c.rest()
		})
		for _, e := range s.events(t) {
			if e == "noted toolong" || e == "smuggled" || e == "chunked complete 300000" {
				t.Errorf("the app got: %s", e)
			}
		}
	})
}

// Clause: "header, idle and body timeouts …(slowloris)".
func TestTimeouts(t *testing.T) {
	run(t, plain, func(t *testing.T, v variant) {
		s := v.start(t, launch{App: "limits", Args: []string{
			"--header-timeout", "400ms", "--idle-timeout", "0.4", "--body-timeout", "400ms", "--send-timeout", "0.4",
		}})
		t.Run("silent connection", func(t *testing.T) { s.dial(t).rest() })
		t.Run("part of a head", func(t *testing.T) {
			c := s.dial(t)
			c.send("GET / HTTP/1.1\r\nHost: t\r\nX-Slow: ")
			if rest := c.rest(); rest != "" && !strings.HasPrefix(rest, "HTTP/1.1 408 ") {
				t.Errorf("answer %q, want none or 408", rest)
			}
		})
		t.Run("slowloris", func(t *testing.T) { testSlowloris(t, s) })
		t.Run("idle between requests", func(t *testing.T) {
			c := s.dial(t)
			c.send(request("GET", "/", ""))
			c.response("GET").want(t, 200, "index")
			c.ended()
		})
		t.Run("part of a body", func(t *testing.T) { testStalledBody(t, s) })
		t.Run("client that doesn't read", func(t *testing.T) {
			c := s.dial(t)
			c.send(request("GET", "/endless?id=unread", ""))
			s.event(t, "ended unread")
		})
		t.Run("an app may take its time", func(t *testing.T) { testSlowApp(t, s) })
	})
}

// A byte now and then resets no clock: the head as a whole has a deadline.
func testSlowloris(t *testing.T, s *server) {
	c := s.dial(t)
	c.send("GET / HTTP/1.1\r\nHost: t\r\nX-Slow: ")
	begun := time.Now()
	closed := soon(patience(), func() bool {
		c.trySend("x")
		_ = c.SetReadDeadline(time.Now().Add(50 * time.Millisecond))
		_, err := c.r.Peek(1)
		return !isTimeout(err)
	})
	if !closed {
		t.Fatalf("after %v of drops the connection is still open", time.Since(begun))
	}
}

// The app that reads a stalled body gets an OSError; one that need not read is not started.
func testStalledBody(t *testing.T, s *server) {
	part := strings.Repeat("x", 1<<20)
	for name, f := range map[string]string{
		"length":  fmt.Sprintf("Content-Length: %d\r\n\r\n%s", 4<<20, part),
		"chunked": fmt.Sprintf("Transfer-Encoding: chunked\r\n\r\n%x\r\n%s\r\n", 1<<20, part),
	} {
		c := s.dial(t)
		c.send("POST /read?id=" + name + " HTTP/1.1\r\nHost: t\r\n" + f)
		eventually(t, "the app's read fails: "+name, func() bool {
			for _, e := range s.events(t) {
				if strings.HasPrefix(e, name+" ") && strings.Contains(e, " OSError after ") {
					return true
				}
			}
			return false
		})
		if rest := c.rest(); strings.HasPrefix(rest, "HTTP/1.1 200") {
			t.Errorf("%s: answer %.100q", name, rest)
		}
	}
	c := s.dial(t)
	c.send("POST /read?id=small HTTP/1.1\r\nHost: t\r\nContent-Length: 10\r\n\r\nhalf")
	if rest := c.rest(); strings.HasPrefix(rest, "HTTP/1.1 200") {
		t.Errorf("small body: answer %.100q", rest)
	}
}

// The timeouts are for clients. An app that takes three times as long, before its answer
// and within it, is served.
func testSlowApp(t *testing.T, s *server) {
	for _, path := range []string{"/gate", "/steps"} {
		name := "slow" + path[1:]
		g := s.gate(t, name)
		c := s.dial(t)
		c.send(request("POST", path+"?name="+name, "read by nobody"))
		g.reached(t)
		end := time.Now().Add(1200 * time.Millisecond)
		eventually(t, "the timeouts have passed", func() bool { return time.Now().After(end) })
		g.open(t)
		want := map[string]string{"/gate": name, "/steps": "beforeafter"}[path]
		c.response("POST").want(t, 200, want)
	}
}

// Slow clients cost no Python thread: with one thread, and clients that dawdle in their
// heads and small bodies, a proper request is served at once.
func TestSlowClientsTakeNoThread(t *testing.T) {
	run(t, plain, func(t *testing.T, v variant) {
		s := v.start(t, launch{App: "limits", Args: []string{"--threads", "1"}})
		for range 50 {
			s.dial(t).send("GET / HTTP/1.1\r\nHost: t\r\nX-Slow: ")
			s.dial(t).send("POST /read?id=dawdler HTTP/1.1\r\nHost: t\r\nContent-Length: 10\r\n\r\nhalf")
		}
		for range 5 {
			s.get(t, "/").want(t, 200, "index")
		}
	})
}

// Clause: "--health PATH (answered by Go even when all of Python is stuck)": while every
// thread waits, and while the GIL is never released.
func TestHealth(t *testing.T) {
	run(t, plain, func(t *testing.T, v variant) {
		s := v.start(t, launch{App: "limits", Args: []string{"--threads", "2", "--health", "/health"}})
		healthy := func(t *testing.T) {
			t.Helper()
			r := s.get(t, "/health")
			r.wantStatus(t, 200)
			if strings.Contains(string(r.Body), "the app's own") {
				t.Errorf("answered by the app: %q", r.Body)
			}
			s.do(t, request("HEAD", "/health", "")).wantStatus(t, 200)
			s.get(t, "/health?live").want(t, 200, "ok\n")
		}
		healthy(t)
		a, b := s.gate(t, "a"), s.gate(t, "b")
		ca, cb := s.dial(t), s.dial(t)
		ca.send(request("GET", "/gate?name=a", ""))
		cb.send(request("GET", "/gate?name=b", ""))
		a.reached(t)
		b.reached(t)
		healthy(t)
		a.open(t)
		b.open(t)
		ca.response("GET").want(t, 200, "a")
		cb.response("GET").want(t, 200, "b")

		g := s.gate(t, "wedge")
		c := s.dial(t)
		c.send(request("GET", "/wedge", ""))
		g.reached(t)
		s.event(t, "wedged")
		for range 20 {
			healthy(t)
		}
		g.open(t)
		c.response("GET").want(t, 200, "unwedged")
		if s.eventCount(t, "health reached the app") != 0 {
			t.Error("the app was asked")
		}
		// Other paths of the same beginning are the app's.
		s.get(t, "/healthy").wantStatus(t, 404)
	})
}

// A server that drains lives, and is not ready.
func TestHealthWhileDraining(t *testing.T) {
	run(t, plain, func(t *testing.T, v variant) {
		s := v.start(t, launch{App: "limits", Args: []string{"--health", "/health"}})
		var asked []*conn
		for range 2 {
			c := s.dial(t)
			c.send(request("GET", "/", "") + "GET /hea")
			c.response("GET").want(t, 200, "index") // so the beginning of the next one has come, too
			asked = append(asked, c)
		}
		s.signal(t, syscall.SIGTERM)
		s.refuses(t)
		asked[0].send("lth HTTP/1.1\r\nHost: t\r\n\r\n")
		asked[0].response("GET").want(t, 503, "the server is shutting down\n")
		asked[1].send("lth?live HTTP/1.1\r\nHost: t\r\n\r\n")
		asked[1].response("GET").want(t, 200, "ok\n")
		s.wantEnd(t, 10*time.Second, 0)
	})
}

// Without --health the path belongs to the app.
func TestNoHealth(t *testing.T) {
	run(t, both, func(t *testing.T, v variant) {
		s := v.start(t, launch{App: "limits"})
		s.get(t, "/health").want(t, 200, "the app's own")
	})
}
