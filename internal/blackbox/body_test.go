package blackbox

import (
	"fmt"
	"io"
	"strconv"
	"strings"
	"testing"
	"time"
)

// Clause: "Bodies: list, tuple, generator, iterator with close()", by the kinds of apps/body.
var bodies = []struct{ kind, want string }{
	{"list", "list"},
	{"one", "single"},
	{"tuple", "tuple"},
	{"one-tuple", "single"},
	{"generator", "generator"},
	{"map", "map"},
	{"iterable", "iterable"},
	{"getitem", "getitem"},
	{"empty", ""},
	{"empty-chunk", ""},
	{"empty-generator", ""},
	{"set", "set"},
	{"dict", "keys"},
	{"nul", "\x00\r\n\xff\x00"},
	{"big", strings.Repeat("B", 3<<20)},
	{"big-list", strings.Repeat("L", 70000*40)},
	{"lying", "more than one"},
	{"many", numbered(2000)},
}

func numbered(n int) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, "%d,", i)
	}
	return b.String()
}

func TestBodies(t *testing.T) {
	run(t, both, func(t *testing.T, v variant) {
		s := v.start(t, launch{App: "body"})
		kept := s.dial(t)
		for _, b := range bodies {
			target := query("/kind", "kind", b.kind)
			t.Run(b.kind+"/kept alive", func(t *testing.T) {
				kept.t = t
				kept.send(request("GET", target, ""))
				r := kept.response("GET")
				r.want(t, 200, b.want)
				if r.Framing == "close" {
					t.Errorf("framed by the connection's end: %q", r.Head)
				}
			})
			// HTTP/1.0 knows no chunks.
			t.Run(b.kind+"/http1.0", func(t *testing.T) {
				c := s.dial(t)
				c.send("GET " + target + " HTTP/1.0\r\n\r\n")
				r := c.response("GET")
				r.want(t, 200, b.want)
				if r.Framing == "chunked" {
					t.Errorf("chunked to HTTP/1.0: %q", r.Head)
				}
				c.ended()
			})
			t.Run(b.kind+"/head", func(t *testing.T) {
				kept.t = t
				kept.send(request("HEAD", target, "") + request("GET", "/kind?kind=one", ""))
				kept.response("HEAD").wantStatus(t, 200)
				kept.response("GET").want(t, 200, "single")
			})
		}
	})
}

// Clause: "length inferred for one-chunk lists". PEP 3333: if len(iterable) is 1, the
// server can determine the length. (The validator's iterator has no length.)
func TestInferredLength(t *testing.T) {
	run(t, plain, func(t *testing.T, v variant) {
		s := v.start(t, launch{App: "body"})
		for kind, want := range map[string]string{"one": "6", "one-tuple": "6", "nul": "5", "empty-chunk": "0", "big": strconv.Itoa(3 << 20)} {
			for _, method := range []string{"GET", "HEAD"} {
				r := s.do(t, request(method, query("/kind", "kind", kind), ""))
				if method == "HEAD" && kind == "empty-chunk" {
					want = "" // an empty answer to HEAD tells nothing of GET's length (RFC 9110, section 8.6)
				}
				if got := r.get("Content-Length"); got != want {
					t.Errorf("%s %s: Content-Length %q, want %q", method, kind, got, want)
				}
			}
		}
	})
}

// Clause: "each yielded chunk is on the wire before the next is asked for".
func TestChunkOnWireBeforeNext(t *testing.T) {
	run(t, both, func(t *testing.T, v variant) {
		s := v.start(t, launch{App: "body"})
		one, two := s.gate(t, "step-1"), s.gate(t, "step-2")
		c := s.dial(t)
		c.send(request("GET", "/steps", ""))
		c.responseHead("GET")
		for _, step := range []struct {
			chunk string
			gate  *gate
		}{{"one", one}, {"two", two}} {
			if got := c.nextChunk(); got != step.chunk {
				t.Fatalf("got %q, want %q", got, step.chunk)
			}
			c.silent()
			step.gate.open(t)
		}
		if got := c.nextChunk() + c.nextChunk(); got != "three" {
			t.Fatalf("got %q, want three and the end", got)
		}
		s.event(t, "closed steps")
	})
}

// Clause: "a slow reader stops the generator". It is counted while the client reads nothing.
func TestSlowReaderStopsGenerator(t *testing.T) {
	run(t, both, func(t *testing.T, v variant) {
		s := v.start(t, launch{App: "body"})
		c := s.dial(t)
		c.send(request("GET", "/endless?name=slow", ""))
		produced := s.stalled(t, "slow")
		// What lies between is the kernel's socket buffers and a bounded stream.
		if produced*65536 > 48<<20 {
			t.Fatalf("the generator ran %d MiB ahead of a client that reads nothing", produced/16)
		}
		// Reading sets it going again.
		if _, err := io.CopyN(io.Discard, c.r, int64(produced+200)*65536); err != nil {
			t.Fatal(err)
		}
		if n := s.produced(t, "slow"); n <= produced {
			t.Fatalf("the generator stood still at %d chunks", n)
		}
		c.Close()
		s.event(t, "closed slow")
	})
}

func (s *server) produced(t *testing.T, name string) int {
	t.Helper()
	n, err := strconv.Atoi(string(s.get(t, query("/counts", "name", name)).Body))
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// stalled waits until the named generator has begun and makes no more progress.
func (s *server) stalled(t *testing.T, name string) int {
	t.Helper()
	last, since := 0, time.Now()
	eventually(t, "the generator stalls", func() bool {
		if n := s.produced(t, name); n != last {
			last, since = n, time.Now()
		}
		return last > 0 && time.Since(since) > 300*time.Millisecond
	})
	return last
}

// Clause: "too short → connection closed, too long → cut and logged".
func TestBodyAgainstContentLength(t *testing.T) {
	run(t, both, func(t *testing.T, v variant) {
		s := v.start(t, launch{App: "body"})
		for _, how := range []string{"list", "generator", "joined", "write"} {
			path := "/length"
			if how == "write" {
				path = "/length-write"
			}
			target := func(announced, sent string) string {
				return query(path, "how", how, "announced", announced, "sent", sent, "name", how+announced+sent)
			}
			t.Run(how+"/exact", func(t *testing.T) {
				r := s.get(t, target("5", "5"))
				r.want(t, 200, "xxxxx")
				if r.Framing != "length" {
					t.Errorf("framing %s, want the app's length: %q", r.Framing, r.Head)
				}
			})
			t.Run(how+"/too long", func(t *testing.T) {
				n := s.log.len()
				c := s.dial(t)
				c.send(request("GET", target("3", "9"), ""))
				c.response("GET").want(t, 200, "xxx")
				c.trySend(request("GET", "/kind?kind=one", ""))
				// Nothing of the surplus, be it that the connection is used on or not.
				if rest := s.nextOrEnd(c); rest != "" && rest != "single" {
					t.Errorf("after the cut body: %q", rest)
				}
				s.log.waitSince(t, n, "Content-Length", path)
			})
			t.Run(how+"/too short", func(t *testing.T) {
				c := s.dial(t)
				c.send(request("GET", target("9", "3"), "") + request("GET", "/kind?kind=one", ""))
				r := c.response("GET")
				// With the whole body known before the head went out, a 500 is as honest.
				if r.Status == 500 {
					r.wantCrash(t)
					return
				}
				if r.Status != 200 || string(r.Body) != "xxx" || r.Err == nil {
					t.Errorf("status %d, body %q, error %v; want xxx and the connection's end", r.Status, r.Body, r.Err)
				}
			})
			if how != "joined" {
				for _, name := range []string{"55", "39", "93"} {
					s.event(t, "closed "+how+name)
				}
			}
		}
	})
}

// nextOrEnd is the body of a further answer on the connection, or "" when there is none.
func (s *server) nextOrEnd(c *conn) string {
	if _, err := c.r.Peek(1); err != nil {
		return ""
	}
	return string(c.response("GET").Body)
}

// Clause: "HEAD, 204, 304 without body". A byte too many would begin the next response.
func TestBodiless(t *testing.T) {
	run(t, both, func(t *testing.T, v variant) {
		s := v.start(t, launch{App: "body"})
		for i, c := range []struct {
			method, status, typ, length string
			code                        int
			keepsLength                 bool
		}{
			{"HEAD", "200 OK", "1", "", 200, false},
			{"HEAD", "200 OK", "1", "4", 200, true},
			{"HEAD", "404 Not Found", "1", "4", 404, true},
			{"GET", "204 No Content", "", "", 204, false},
			{"POST", "204 No Content", "", "", 204, false},
			{"GET", "304 Not Modified", "", "", 304, false},
			{"HEAD", "304 Not Modified", "", "", 304, false},
		} {
			t.Run(fmt.Sprint(c.method, " ", c.status, " ", c.length), func(t *testing.T) {
				name := fmt.Sprint("bodiless", i)
				cn := s.dial(t)
				cn.send(request(c.method, query("/status", "status", c.status, "type", c.typ, "length", c.length, "name", name), "") +
					request("GET", "/kind?kind=one", ""))
				r := cn.response(c.method)
				if r.Status != c.code || r.get("X-Kept") != "yes" {
					t.Fatalf("head %q", r.Head)
				}
				if c.keepsLength && r.get("Content-Length") != c.length {
					t.Errorf("Content-Length %q, want the app's %q", r.get("Content-Length"), c.length)
				}
				// RFC 9112, 6.1 and RFC 9110, 8.6.
				if c.code == 204 && len(r.values("Content-Length"))+len(r.values("Transfer-Encoding")) > 0 {
					t.Errorf("204 with framing: %q", r.Head)
				}
				if c.code == 304 && len(r.values("Transfer-Encoding")) > 0 {
					t.Errorf("304 with transfer-encoding: %q", r.Head)
				}
				cn.response("GET").want(t, 200, "single")
				s.event(t, "closed "+name)
			})
		}
	})
}

// Clause: "close() always called, also on disconnect and error, exactly once".
func TestCloseExactlyOnce(t *testing.T) {
	run(t, plain, func(t *testing.T, v variant) {
		s := v.start(t, launch{App: "body"})
		for _, how := range []string{
			"normal", "empty", "no-start", "first-raises", "later-raises", "str", "exit", "close-raises",
		} {
			r := s.get(t, query("/closing", "how", how))
			s.event(t, "closed "+how)
			switch how {
			case "normal", "empty":
				r.wantStatus(t, 200)
			case "no-start", "first-raises":
				r.wantCrash(t)
			case "later-raises", "str", "exit":
				if r.Status == 200 && r.Err == nil {
					t.Errorf("%s: the client can't tell that the body is broken", how)
				}
			case "close-raises":
				r.want(t, 200, "body")
				s.log.wait(t, "Mute: in close", "GET /closing?how=close-raises")
			}
		}
		s.get(t, "/iter-raises").wantCrash(t)
		s.event(t, "closed iter-raises")
		for _, status := range []string{"204 No Content", "304 Not Modified"} {
			s.get(t, query("/status", "status", status, "name", status))
			s.event(t, "closed "+status)
		}
		s.stop(t) // whatever else would call close() has had its chance
		seen := map[string]int{}
		for _, e := range s.events(t) {
			if seen[e]++; seen[e] > 1 {
				t.Errorf("%d times: %s", seen[e], e)
			}
		}
	})
}

func TestCloseOnDisconnect(t *testing.T) {
	run(t, both, func(t *testing.T, v variant) {
		s := v.start(t, launch{App: "body"})
		for name, leave := range map[string]func(*conn){
			"fin": func(c *conn) { c.Close() }, "rst": func(c *conn) { c.reset() },
			"unread": func(c *conn) { c.Close() },
		} {
			t.Run(name, func(t *testing.T) {
				c := s.dial(t)
				c.send(request("GET", query("/endless", "name", name), ""))
				if name != "unread" {
					c.responseHead("GET")
				} else {
					s.stalled(t, name)
				}
				leave(c)
				s.event(t, "closed "+name)
				if n := s.eventCount(t, "closed "+name); n != 1 {
					t.Fatalf("close() ran %d times", n)
				}
			})
		}
		// The app is busy while the client goes: close() comes when it tries to send.
		t.Run("while the app is busy", func(t *testing.T) {
			g := s.gate(t, "busy")
			c := s.dial(t)
			c.send(request("GET", "/wait?name=busy&gate=busy", ""))
			g.reached(t)
			c.reset()
			g.open(t)
			s.event(t, "closed busy")
		})
	})
}

// The client has its whole answer before close() returns.
func TestCloseAfterLastChunk(t *testing.T) {
	run(t, both, func(t *testing.T, v variant) {
		s := v.start(t, launch{App: "body"})
		g := s.gate(t, "in-close")
		s.get(t, "/last-close").want(t, 200, "body")
		g.open(t)
		s.event(t, "closed last-close")
	})
}

// A client that reads little by little gets all of it, in order.
func TestTrickledRead(t *testing.T) {
	run(t, both, func(t *testing.T, v variant) {
		s := v.start(t, launch{App: "body"})
		c := s.dial(t)
		c.send(request("GET", "/stream?chunks=40", ""))
		c.r.Reset(&trickle{c.Conn})
		c.response("GET").want(t, 200, strings.Repeat("s", 40*65536))
	})
}

// trickle reads at most 1,000 bytes at once.
type trickle struct{ r io.Reader }

func (r *trickle) Read(p []byte) (int, error) { return r.r.Read(p[:min(len(p), 1000)]) }
