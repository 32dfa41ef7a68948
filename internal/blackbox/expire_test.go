package blackbox

import (
	"strings"
	"testing"
)

// Clause: "Use of input, write or environ objects after the request's end raises, never
// crashes". What expired says so with RuntimeError.
func TestExpiredObjects(t *testing.T) {
	run(t, plain, func(t *testing.T, v variant) {
		s := v.start(t, launch{App: "expire"})
		body := strings.Repeat("line\n", 1000)
		s.get(t, "/keep").want(t, 200, "kept")
		s.post(t, "/keep", body).want(t, 200, "kept")
		s.post(t, "/keep?read=1", body).want(t, 200, "kept")
		s.do(t, "POST /keep?read=1 HTTP/1.1\r\nHost: t\r\nTransfer-Encoding: chunked\r\n\r\n"+chunkedBody(body, 100)).want(t, 200, "kept")
		for range 2 {
			var got map[string][]string
			s.get(t, "/use").json(t, &got)
			if len(got) != 9 {
				t.Fatalf("outcomes: %v", got)
			}
			for name, outcomes := range got {
				if len(outcomes) != 4 {
					t.Errorf("%s: %d outcomes", name, len(outcomes))
				}
				for i, o := range outcomes {
					if o != "RuntimeError" {
						t.Errorf("%s of request %d: %s, want RuntimeError", name, i, o)
					}
				}
			}
		}
		s.get(t, "/drop").want(t, 200, "dropped")
	})
}

// The connection is kept alive: what is kept from one request must not reach into the next.
func TestExpiredOnTheSameConnection(t *testing.T) {
	run(t, plain, func(t *testing.T, v variant) {
		s := v.start(t, launch{App: "expire", Args: []string{"--threads", "1"}})
		c := s.dial(t)
		for range 20 {
			c.send(request("POST", "/keep", "first body"))
			c.response("POST").want(t, 200, "kept")
			c.send(request("POST", "/use", "second body"))
			r := c.response("POST")
			r.wantStatus(t, 200)
			if strings.Contains(string(r.Body), "second") || strings.Contains(string(r.Body), "returned") {
				t.Fatalf("an expired object worked: %s", r.Body)
			}
		}
	})
}

func TestExpiryRaces(t *testing.T) {
	run(t, plain, func(t *testing.T, v variant) {
		s := v.start(t, launch{App: "expire"})
		const rounds = 40
		for range rounds {
			s.post(t, "/race", "some body").wantStatus(t, 200)
			s.get(t, "/cycle").want(t, 200, "cycle")
		}
		s.get(t, "/drop").want(t, 200, "dropped")
		eventually(t, "all threads raced", func() bool { return s.eventCount(t, "raced") == rounds })
		eventually(t, "all cycles collected", func() bool { return s.eventCount(t, "collected RuntimeError") == rounds })
	})
}

func TestInputFromAnotherThread(t *testing.T) {
	run(t, both, func(t *testing.T, v variant) {
		s := v.start(t, launch{App: "expire"})
		s.post(t, "/thread-body", "for the thread").want(t, 200, "for the thread")
	})
}
