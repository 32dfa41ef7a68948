package blackbox

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
	"time"
)

const (
	gilKept = "one thread keeps the GIL, and nothing else of Python can run"
	gilBack = "the GIL can be had again"
)

// wedge has a request keep the GIL until its gate opens. It is in the process that has the fewest requests.
func (c *crew) wedge(t *testing.T, name string) *held {
	t.Helper()
	h := &held{gate: c.gate(t, name), conn: c.dial(t), name: name}
	before := c.events(t)
	h.send(request("GET", "/wedge?name="+name, ""))
	h.reached(t)
	eventually(t, "a process is stuck", func() bool {
		return slices.ContainsFunc(c.events(t)[len(before):], func(e string) bool {
			_, err := fmt.Sscanf(e, "wedged %d", &h.pid)
			return err == nil
		})
	})
	return h
}

// A process in which C code keeps the GIL is replaced. What it had begun is answered 502, what it had not is
// answered by others, and so is what comes meanwhile.
func TestMasterWedgedWorkerIsReplaced(t *testing.T) {
	t.Parallel()
	for _, count := range []string{"1", "2"} {
		t.Run(count, func(t *testing.T) {
			c := startCrew(t, launch{Args: []string{"-p", count, "--master", "--threads", "4", "--gil-timeout", "0.5", "--health", "/health"}})
			all := c.workers()
			beside := c.hold(t, "beside", "/gate")
			h := c.wedge(t, "wedge")
			var waiting []*conn
			for range 12 {
				k := c.dial(t)
				k.send(request("GET", "/who", ""))
				waiting = append(waiting, k)
			}
			for _, k := range waiting {
				var i identity
				k.response("GET").json(t, &i)
				if i.PID == h.pid {
					t.Errorf("answered by %d, which is stuck", i.PID)
				}
				c.get(t, "/health").wantStatus(t, 200)
			}
			h.response("GET").wantStatus(t, 502)
			c.log.wait(t, gilKept, "GET /wedge?name=wedge", "a thread keeps the GIL; the worker process is replaced", "a worker process is ready")
			if text := c.log.String(); c.readsStacks() && !strings.Contains(text, "in wedge") {
				t.Errorf("the stacks are not in the log:\n%s", text)
			}
			if beside.pid != h.pid { // it is in a process in which nothing is wrong
				beside.letGo(t)
			} else {
				beside.response("GET").wantStatus(t, 502)
			}
			c.wantWorkers(t, len(all), h.pid)
			c.finish(t)
		})
	}
}

// When the GIL comes back before there is another process, everything ends well.
func TestMasterWedgeEnds(t *testing.T) {
	t.Parallel()
	c := startCrew(t, launch{Args: []string{"--threads", "2", "--gil-timeout", "0.5"}})
	c.put(t, "hold-import", "")
	h := c.wedge(t, "wedge")
	k := c.dial(t)
	k.send(request("GET", "/", ""))
	c.log.wait(t, gilKept, "the worker process is replaced")
	h.letGo(t)
	k.response("GET").want(t, 200, "index")
	c.log.wait(t, gilBack)
	c.remove(t, "hold-import")
	c.wantWorkers(t, 1, h.pid)
	c.log.wait(t, "a worker process is ready")
	c.answers(t)
	c.stop(t)
}

// Without worker processes the log says what is wrong, once, and when it is over.
func TestWedgeIsLogged(t *testing.T) {
	alone(t, plain, func(t *testing.T, v variant) {
		s := v.start(t, launch{App: "limits", Args: []string{"--gil-timeout", "0.2"}})
		for i := range 2 {
			g, c, n := s.gate(t, "wedge"), s.dial(t), s.log.len()
			c.send(request("GET", "/wedge", ""))
			g.reached(t)
			s.log.waitSince(t, n, gilKept, "GET /wedge")
			if s.readsStacks() && !strings.Contains(s.log.since(n), "in wedge") {
				t.Errorf("the stacks are not in the log:\n%s", s.log.since(n))
			}
			begun := time.Now() // it could be said again
			eventually(t, "some looks are over", func() bool { return time.Since(begun) > time.Second })
			if err := os.Remove(g.path); err != nil { // the next one has the same name
				t.Fatal(err)
			}
			g.open(t)
			c.response("GET").want(t, 200, "unwedged")
			s.log.waitSince(t, n, gilBack)
			if text := s.log.since(n); strings.Count(text, gilKept) != 1 || strings.Count(text, gilBack) != 1 {
				t.Errorf("wedge %d: the log says it more than once:\n%s", i, text)
			}
		}
	})
}
