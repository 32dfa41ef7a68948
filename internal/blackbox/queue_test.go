package blackbox

import (
	"fmt"
	"testing"
	"time"
)

// Clause: "full queue (--queue …) → 503 with Retry-After". One request runs, two wait, and
// of all others each is told at once to come again.
func TestQueueFull(t *testing.T) {
	run(t, plain, func(t *testing.T, v variant) {
		s := v.start(t, launch{App: "limits", Args: []string{"--threads", "1", "--queue", "2"}})
		g := s.gate(t, "held")
		running := s.dial(t)
		running.send(request("GET", "/gate?name=held", ""))
		g.reached(t)

		const more, waiting = 7, 2
		answers := make(chan *response, more)
		for i := range more {
			c := s.dial(t)
			c.send(request("GET", fmt.Sprintf("/note?id=%d", i), ""))
			go func() {
				r, err := c.tryResponse("GET")
				if err != nil {
					r = &response{}
				}
				answers <- r
			}()
		}
		for range more - waiting {
			r := receive(t, answers, "a refusal")
			wantBusy(t, r)
		}
		select {
		case r := <-answers:
			t.Fatalf("%d %s: fewer than two requests may wait", r.Status, r.Reason)
		default:
		}
		g.open(t)
		running.response("GET").want(t, 200, "held")
		for range waiting {
			receive(t, answers, "an answer from the queue").want(t, 200, "noted")
		}
		if n := len(s.events(t)); n != 1+waiting {
			t.Errorf("the app saw %q", s.events(t))
		}
		s.get(t, "/").want(t, 200, "index")
	})
}

func receive(t *testing.T, from <-chan *response, what string) *response {
	t.Helper()
	select {
	case r := <-from:
		return r
	case <-time.After(patience()):
		t.Fatalf("no %s", what)
		return nil
	}
}

func wantBusy(t *testing.T, r *response) {
	t.Helper()
	var seconds int
	if r.Status != 503 {
		t.Fatalf("status %d, want 503", r.Status)
	}
	if _, err := fmt.Sscanf(r.get("Retry-After"), "%d", &seconds); err != nil || seconds < 1 {
		t.Errorf("Retry-After: %q, want seconds", r.get("Retry-After"))
	}
}

// Clause: "--queue-timeout → 503 with Retry-After". The app never hears of the request.
func TestQueueTimeout(t *testing.T) {
	run(t, plain, func(t *testing.T, v variant) {
		s := v.start(t, launch{App: "limits", Args: []string{"--threads", "1", "--queue-timeout", "300ms"}})
		g := s.gate(t, "held")
		running := s.dial(t)
		running.send(request("GET", "/gate?name=held", ""))
		g.reached(t)
		c := s.dial(t)
		c.send(request("GET", "/note?id=late", "") + request("GET", "/note?id=second", ""))
		wantBusy(t, c.response("GET"))
		g.open(t)
		running.response("GET").want(t, 200, "held")
		s.get(t, "/note?id=after").want(t, 200, "noted")
		if s.eventCount(t, "noted late") != 0 {
			t.Error("a request that was refused ran all the same")
		}
	})
}

// Clause: "request of a client already gone is never started".
func TestGoneClientIsNeverStarted(t *testing.T) {
	run(t, plain, func(t *testing.T, v variant) {
		s := v.start(t, launch{App: "limits", Args: []string{"--threads", "1"}})
		g := s.gate(t, "held")
		running := s.dial(t)
		running.send(request("GET", "/gate?name=held", ""))
		g.reached(t)
		before := len(takeCensus(s.pid()).fds)
		var gone []*conn
		for i := range 10 {
			c := s.dial(t)
			switch {
			case i%3 == 0:
				c.send(request("POST", "/note?id=gone", "with a body"))
			default:
				c.send(request("GET", "/note?id=gone", ""))
			}
			gone = append(gone, c)
		}
		eventually(t, "the server has accepted them", func() bool {
			return len(takeCensus(s.pid()).fds) >= before+len(gone) || before == 0
		})
		for i, c := range gone {
			if i%2 == 0 {
				c.reset()
			} else {
				c.Close()
			}
		}
		alive := s.dial(t)
		alive.send(request("GET", "/note?id=alive", ""))
		// Not a condition: a server may look at a connection only when its turn comes.
		soon(time.Second, func() bool { return len(takeCensus(s.pid()).fds) <= before+1 })
		g.open(t)
		running.response("GET").want(t, 200, "held")
		alive.response("GET").want(t, 200, "noted")
		s.stop(t)
		if n := s.eventCount(t, "noted gone"); n != 0 {
			t.Errorf("%d requests were started for clients that had gone", n)
		}
	})
}

// More clients than threads and queue, for a while: each gets a proper answer.
func TestQueueUnderLoad(t *testing.T) {
	run(t, plain, func(t *testing.T, v variant) {
		s := v.start(t, launch{App: "limits", Args: []string{"--threads", "2", "--queue", "4"}})
		const clients, requests = 16, 50
		results := make(chan map[int]int, clients)
		for range clients {
			c := s.dial(t)
			go func() {
				n := map[int]int{}
				for range requests {
					c.trySend(request("GET", "/note?id=load", ""))
					r, err := c.tryResponse("GET")
					if err != nil {
						n[0]++
						break
					}
					n[r.Status]++
					if r.get("Connection") == "close" {
						break
					}
				}
				results <- n
			}()
		}
		sum := map[int]int{}
		for range clients {
			for status, n := range <-results {
				sum[status] += n
			}
		}
		if sum[0] > 0 || sum[200] == 0 {
			t.Errorf("answers by status (0: none): %v", sum)
		}
		for status := range sum {
			if status != 200 && status != 503 && status != 0 {
				t.Errorf("status %d", status)
			}
		}
		if n := s.eventCount(t, "noted load"); n != sum[200] {
			t.Errorf("the app served %d requests, %d answers were 200", n, sum[200])
		}
	})
}
