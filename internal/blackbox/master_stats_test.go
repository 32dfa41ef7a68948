package blackbox

import (
	"fmt"
	"io"
	"net"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"
)

// Each worker process is told by itself; its number's figures go on when another process gets it.
func TestStatsOfWorkers(t *testing.T) {
	t.Parallel()
	c := startCrew(t, launch{Args: []string{"-p", "2", "--threads", "2", "--stats", "127.0.0.1:0", "--metrics", "127.0.0.1:0"}})
	c.grown(t)
	first, second := c.hold(t, "first", "/gate"), c.hold(t, "second", "/gate")
	for range 4 {
		c.get(t, "/").want(t, 200, "index")
	}
	var d statsDoc
	worker := func(pid int) *statsWorker {
		t.Helper()
		i := slices.IndexFunc(d.Workers, func(w statsWorker) bool { return w.PID == pid })
		if i < 0 {
			t.Fatalf("no worker %d: %+v", pid, d.Workers)
		}
		return &d.Workers[i]
	}
	counted := func(n int) {
		t.Helper()
		eventually(t, fmt.Sprintf("%d requests are counted", n), func() bool {
			d = c.statsOfAll(t)
			return d.Workers[0].Requests+d.Workers[1].Requests == n
		})
	}
	counted(4)
	if d.PID != c.pid() || len(d.Workers) != 2 || d.Workers[0].ID != 1 || d.Workers[1].ID != 2 || first.pid == second.pid {
		t.Fatalf("got %+v", d)
	}
	for _, h := range []*held{first, second} {
		w := worker(h.pid)
		if w.Status != "busy" || w.Accepting != 1 || w.RespawnCount != 1 || w.DeltaRequests != w.Requests || w.RSS < 1<<20 || w.VSZ < w.RSS || len(w.Cores) != 2 {
			t.Errorf("got %+v", w)
		}
	}
	if n := c.metric(t, "gowsgi_workers", "busy"); n != 2 {
		t.Errorf("%v are busy by the metrics", n)
	}
	if a, p := c.metric(t, "gowsgi_threads", "active")+c.metric(t, "gowsgi_threads", "blocked"), c.metric(t, "gowsgi_threads", "parked"); a < 2 || a+p != 4 {
		t.Errorf("%v threads are at work, %v parked", a, p)
	}

	died := *worker(first.pid)
	kill(t, first.pid, syscall.SIGKILL)
	first.response("GET").wantStatus(t, 502)
	eventually(t, "it has a successor", func() bool {
		d = c.statsOfAll(t)
		w := d.Workers[died.ID-1]
		return w.PID != 0 && w.PID != died.PID
	})
	w := d.Workers[died.ID-1]
	if w.ID != died.ID || w.RespawnCount != 2 || w.DeltaRequests != 0 || w.Requests != died.Requests+1 || w.LastSpawn < died.LastSpawn || w.Accepting != 1 || w.Status != "idle" {
		t.Errorf("was %+v, is %+v", died, w)
	}
	if n := c.metric(t, "gowsgi_worker_restarts_total", "died"); n != 1 {
		t.Errorf("%v have died by the metrics", n)
	}
	for _, worker := range []string{"1", "2"} {
		if n := c.metric(t, "gowsgi_worker_resident_memory_bytes", worker); n < 1<<20 {
			t.Errorf("worker %s has %v bytes", worker, n)
		}
	}
	second.letGo(t)
	counted(6)
	c.finish(t)
}

// A process that ends its requests after a reload is told beside its successor, with what it runs.
func TestStatsOfLeaving(t *testing.T) {
	t.Parallel()
	c := startCrew(t, launch{Args: []string{"-p", "2", "--threads", "2", "--stats", "127.0.0.1:0", "--metrics", "127.0.0.1:0"}})
	h := c.hold(t, "held", "/gate")
	c.signal(t, syscall.SIGHUP)
	var d statsDoc
	eventually(t, "a process leaves", func() bool {
		d = c.statsOfAll(t)
		return len(d.Gowsgi.Leaving) == 1 && d.Workers[0].PID != 0 && d.Workers[1].PID != 0
	})
	old := d.Gowsgi.Leaving[0]
	if old.PID != h.pid || old.Accepting != 0 || old.Status != "busy" {
		t.Errorf("got %+v", old)
	}
	for i, w := range d.Workers {
		if w.ID != i+1 || w.PID == h.pid || w.RespawnCount != 2 || w.Accepting != 1 || w.Status != "idle" {
			t.Errorf("got %+v", w)
		}
	}
	if n := c.metric(t, "gowsgi_workers", "leaving"); n != 1 {
		t.Errorf("%v leave by the metrics", n)
	}
	pid, core := d.running(t)
	if stack := c.stack(t, fmt.Sprintf("stack %d %d\n", pid, core)); pid != h.pid || !strings.HasPrefix(stack, "GET /gate") || !strings.Contains(stack, "in at_gate") {
		t.Errorf("worker %d: %q", pid, stack)
	}
	h.letGo(t)
	eventually(t, "it has left", func() bool {
		d = c.statsOfAll(t)
		return len(d.Gowsgi.Leaving) == 0 && d.Workers[0].Requests+d.Workers[1].Requests == 1
	})
	if n := c.metric(t, "gowsgi_worker_restarts_total", "reload"); n != 2 {
		t.Errorf("%v were replaced by the reload", n)
	}
	c.finish(t)
}

// A process that is stopped holds up no figures, and a stack no longer than a deadline.
func TestStatsOfStopped(t *testing.T) {
	t.Parallel()
	c := startCrew(t, launch{Args: []string{"-p", "2", "--threads", "1", "--stats", "127.0.0.1:0", "--metrics", "127.0.0.1:0"}})
	h := c.hold(t, "held", "/gate")
	d := c.statsOfAll(t)
	pid, core := d.running(t)
	kill(t, h.pid, syscall.SIGSTOP)
	for range 3 {
		if d := c.statsOfAll(t); len(d.Workers) != 2 {
			t.Errorf("got %+v", d)
		}
		c.metrics(t)
	}
	line := fmt.Sprintf("stack %d %d\n", pid, core)
	if stack := c.stack(t, line); stack != "the process does not answer\n" {
		t.Errorf("the stack is %q", stack)
	}
	kill(t, h.pid, syscall.SIGCONT)
	if stack := c.stack(t, line); !strings.Contains(stack, "in at_gate") {
		t.Errorf("the stack is %q", stack)
	}
	h.letGo(t)
	c.finish(t)
}

// What is asked of the stats server, and what is not.
func TestStack(t *testing.T) {
	run(t, plain, func(t *testing.T, v variant) {
		s := v.start(t, launch{App: "limits", Args: []string{"--stats", "127.0.0.1:0", "--threads", "2"}})
		g := s.gate(t, "held")
		c := s.dial(t)
		c.send(request("GET", "/gate?name=held", "", "Cookie: secret"))
		g.reached(t)
		d := s.statsOfAll(t)
		pid, core := d.running(t)
		line := fmt.Sprintf("stack %d %d\n", pid, core)
		stack := s.stack(t, line)
		if !strings.HasPrefix(stack, "GET /gate?name=held, ") || !strings.Contains(stack, "in at_gate") || strings.Contains(stack, "secret") {
			t.Errorf("the stack is %q", stack)
		}
		for line, words := range map[string]string{
			fmt.Sprintf("stack %d %d\n", pid, 1-core):      "no ",
			fmt.Sprintf("stack %d -1\n", pid):              "no ",
			fmt.Sprintf("stack %d 99999999\n", pid):        "no ",
			"stack 1 0\n":                                  "no ",
			"stack \n":                                     "no numbers",
			"stack 0x1 0\n":                                "no numbers",
			"stack 99999999999999999999 0\n":               "no numbers",
			"stack " + strings.Repeat("9", 30) + "\x1b \n": "no numbers",
		} {
			if got := s.stack(t, line); !strings.Contains(got, words) || strings.Contains(got, "\x1b") {
				t.Errorf("%q is answered %q", line, got)
			}
		}
		for _, line := range []string{"stuck 1 1\n", "st", "STACK 1 1\n", "\n", "GET /stack?pid=1&core=1 HTTP/1.0\r\n\r\n"} {
			k := s.dialStats(t)
			k.send(line)
			_ = k.Conn.(*net.TCPConn).CloseWrite()
			if got := k.rest(); !strings.HasPrefix(got, "{") {
				t.Errorf("%q is answered %q", line, got)
			}
		}
		long := s.dialStats(t)
		long.send("stack " + strings.Repeat("9", 10_000))
		if got, _ := io.ReadAll(long.Conn); len(got) > 0 {
			t.Errorf("a line without an end is answered %q", got)
		}
		slow := s.dialStats(t) // and says nothing more
		slow.send("stack 1")
		begun := time.Now()
		if got := s.stack(t, line); !strings.Contains(got, "in at_gate") {
			t.Errorf("beside a slow client, after %v: %q", time.Since(begun), got)
		}
		g.open(t)
		c.response("GET").want(t, 200, "held")
		eventually(t, "the request is over", func() bool { return strings.HasPrefix(s.stack(t, line), "no ") })
	})
}
