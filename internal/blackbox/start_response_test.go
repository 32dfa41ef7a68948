package blackbox

import (
	"slices"
	"strings"
	"testing"
)

// Clause: "start_response: once, twice, with exc_info before …, late (generator apps), write()".
func TestStartResponse(t *testing.T) {
	run(t, both, func(t *testing.T, v variant) {
		s := v.start(t, launch{App: "start_response"})
		for _, c := range []struct {
			path   string
			status int
			reason string
			body   string
		}{
			{"/replaced", 503, "Second", "second"},
			{"/replaced-late", 503, "Second", "second"},
			{"/late", 202, "Late", "late"},
			{"/later", 203, "Later", "onetwo"},
			{"/write", 200, "OK", "one two three four"},
			{"/write-only", 200, "OK", "whole"},
			{"/mutated", 200, "OK", "mutated"},
		} {
			t.Run(c.path, func(t *testing.T) {
				r := s.get(t, c.path)
				r.want(t, c.status, c.body)
				if r.Reason != c.reason {
					t.Errorf("reason %q, want %q", r.Reason, c.reason)
				}
				for _, gone := range []string{"X-First", "X-After"} {
					if len(r.values(gone)) > 0 {
						t.Errorf("header %s survived", gone)
					}
				}
			})
		}
		t.Run("order", func(t *testing.T) { testHeaderOrder(t, s) })
		t.Run("own headers", func(t *testing.T) { testOwnHeaders(t, s) })
		t.Run("headers go with the first non-empty chunk", func(t *testing.T) { testFirstChunk(t, s) })
		t.Run("write is on the wire", func(t *testing.T) { testWriteOnWire(t, s) })
		t.Run("write of 4 MiB", func(t *testing.T) {
			s.get(t, "/write-big").want(t, 200, strings.Repeat("w", 4<<20)+"end")
		})
		t.Run("1,000 headers", func(t *testing.T) {
			r := s.get(t, "/many")
			r.want(t, 200, "many")
			if got := r.get("X-Many-999"); got != strings.Repeat("999", 100) {
				t.Errorf("the last header is %q", got)
			}
		})
		t.Run("HEAD of write", func(t *testing.T) {
			c := s.dial(t)
			c.send(request("HEAD", "/write", "") + request("GET", "/late", ""))
			c.response("HEAD").wantStatus(t, 200)
			c.response("GET").want(t, 202, "late")
		})
		t.Run("exc_info after headers", func(t *testing.T) { testExcInfoAfter(t, s) })
	})
}

// Clause: "Repeated headers (Set-Cookie) and their order survive".
func testHeaderOrder(t *testing.T, s *server) {
	r := s.get(t, "/order")
	r.want(t, 200, "ordered")
	var got []string
	for _, f := range r.Fields {
		name := strings.ToLower(f[0])
		if strings.HasPrefix(name, "x-") || name == "set-cookie" || name == "link" || name == "content-type" {
			got = append(got, name+"="+f[1])
		}
	}
	want := []string{
		"x-one=1", "set-cookie=a=1; Path=/", "content-type=text/plain", "x-two=2", "set-cookie=b=2, c",
		"x-one=3", "set-cookie=a=1; Path=/", "link=</a>", "link=</b>",
	}
	if !slices.Equal(got, want) {
		t.Errorf("headers on the wire\n%q, want\n%q", got, want)
	}
}

func testOwnHeaders(t *testing.T, s *server) {
	r := s.get(t, "/own")
	r.want(t, 200, "own")
	for name, want := range map[string]string{
		"Server": "mine", "Date": "Thu, 01 Jan 1970 00:00:00 GMT", "Content-Length": "3",
	} {
		if got := r.values(name); !slices.Equal(got, []string{want}) {
			t.Errorf("%s: %q, want %q alone", name, got, want)
		}
	}
	// RFC 9110, 6.6.1: an origin server with a clock sends Date.
	if d := s.get(t, "/late").values("Date"); len(d) != 1 {
		t.Errorf("Date without the app's help: %q", d)
	}
}

// Clause: "headers go out with the first non-empty chunk": not before, and not after.
func testFirstChunk(t *testing.T, s *server) {
	before, after := s.gate(t, "before-first"), s.gate(t, "after-first")
	c := s.dial(t)
	c.send(request("GET", "/first-chunk", ""))
	before.reached(t)
	c.silent()
	before.open(t)
	r := c.responseHead("GET")
	if r.Status != 200 || r.Framing != "chunked" {
		t.Fatalf("head %q", r.Head)
	}
	if got := c.nextChunk(); got != "first" {
		t.Fatalf("first chunk %q", got)
	}
	after.open(t)
	if got := c.nextChunk() + c.nextChunk(); got != "second" {
		t.Fatalf("rest %q", got)
	}
}

// PEP 3333: a write() must have been transmitted, or be in the server's hands, before the next.
func testWriteOnWire(t *testing.T, s *server) {
	g := s.gate(t, "write")
	c := s.dial(t)
	c.send(request("GET", "/write?gate=write", ""))
	g.reached(t)
	if r := c.responseHead("GET"); r.Status != 200 {
		t.Fatalf("head %q", r.Head)
	}
	if got := c.nextChunk(); got != "one " {
		t.Fatalf("first write %q", got)
	}
	g.open(t)
	if got := c.nextChunk(); !strings.HasPrefix(got, "two ") {
		t.Fatalf("second write %q", got)
	}
}

// Clause: "with exc_info … after headers went out": the app gets its exception back, and
// the client can tell that the answer is broken.
func testExcInfoAfter(t *testing.T, s *server) {
	before := s.eventCount(t, "exc_info raised the same: True")
	r := s.get(t, "/exc-info-after")
	if r.Status != 200 || r.Err == nil || string(r.Body) != "sent" {
		t.Errorf("status %d, body %q, error %v; want 200, %q and a broken body", r.Status, r.Body, r.Err, "sent")
	}
	eventually(t, "start_response raised the app's exception", func() bool {
		return s.eventCount(t, "exc_info raised the same: True") == before+1
	})
	s.log.wait(t, "ValueError: mine")
}

// What the validator would refuse before the server gets to see it.
func TestStartResponseMisuse(t *testing.T) {
	run(t, plain, func(t *testing.T, v variant) {
		s := v.start(t, launch{App: "start_response"})
		for _, c := range []struct {
			path   string
			status int
			reason string
			body   string
		}{
			{"/returns", 200, "OK", "True None"},
			{"/twice", 200, "First", "raised "},
			{"/exc-info-none", 200, "First", "refused"},
			{"/exc-info-keyword", 500, "Second", "second"},
			{"/write-str", 200, "OK", "TypeError TypeError TypeError"},
		} {
			t.Run(c.path, func(t *testing.T) {
				r := s.get(t, c.path)
				r.wantStatus(t, c.status)
				if r.Reason != c.reason || !strings.HasPrefix(string(r.Body), c.body) {
					t.Errorf("%s %q, want %s %q", r.Reason, r.Body, c.reason, c.body)
				}
				if len(r.values("X-Second"))+len(r.values("X-First")) > 1 {
					t.Errorf("headers of both calls: %q", r.Head)
				}
			})
		}
		for _, path := range []string{"/twice-uncaught", "/never", "/never-empty", "/too-late"} {
			t.Run(path, func(t *testing.T) {
				n := s.log.len()
				s.get(t, path).wantCrash(t)
				s.log.waitSince(t, n, "start_response", "GET "+path)
			})
		}
		t.Run("wrong arguments", func(t *testing.T) {
			got := strings.Fields(string(s.get(t, "/wrong-arguments").Body))
			if len(got) != 5 || !slices.Equal(got[:3], []string{"TypeError", "TypeError", "TypeError"}) {
				t.Errorf("calls with the wrong number of arguments: %q", got)
			}
		})
	})
}
