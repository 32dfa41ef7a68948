package blackbox

import (
	"bytes"
	"fmt"
	"io"
	"net"
	"os"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"
)

// deaths are the ways in which a worker ends that should not, with what the log calls them.
var deaths = []struct {
	how  string
	word string
	sig  syscall.Signal // from outside; 0: the app does it
}{
	{how: "segv", word: "end=\"SIGSEGV (segmentation fault)\""},
	{how: "abort", word: "end=\"SIGABRT (aborted)\""},
	{how: "exit", word: "end=\"exit code 3\""},
	{how: "killed", word: "end=\"SIGKILL (killed)\"", sig: syscall.SIGKILL},
	{how: "hit", word: "end=\"SIGSEGV (segmentation fault)\"", sig: syscall.SIGSEGV},
}

// Requests that run in a worker that dies are answered 502, those in others don't notice.
func TestMasterWorkerDies(t *testing.T) {
	t.Parallel()
	for _, d := range deaths {
		t.Run(d.how, func(t *testing.T) {
			c := startCrew(t, launch{Args: []string{"-p", "2", "--threads", "2"}})
			var all []*held
			for i := range 4 {
				then := ""
				if i == 0 {
					then = d.how
				}
				all = append(all, c.hold(t, fmt.Sprintf("held-%d", i), "/gate", "then", then))
			}
			dying, n := all[0].pid, c.log.len()
			if d.sig != 0 {
				kill(t, dying, d.sig)
			} else {
				all[0].gate.open(t)
			}
			c.wantWorkers(t, 2, dying)
			var there []string
			for _, h := range all {
				if h.pid != dying {
					h.letGo(t)
					continue
				}
				there = append(there, "/gate?name="+h.name)
				r := h.response("GET")
				r.wantStatus(t, 502)
				if r.Framing != "length" || strings.EqualFold(r.get("Connection"), "close") {
					t.Errorf("the connection is not kept: %q", r.Head)
				}
			}
			if len(there) != 2 {
				t.Fatalf("%d of four requests were with one of two processes", len(there))
			}
			for _, h := range all {
				h.send(request("GET", "/", ""))
				h.response("GET").want(t, 200, "index")
			}
			c.log.waitSince(t, n, append(there, d.word, fmt.Sprintf("pid=%d", dying), "a worker process is ready")...)
			c.wantWorkers(t, 2, dying)
			c.finish(t)
		})
	}
}

// A response that broke off can't be taken for a whole one.
func TestMasterWorkerDiesInResponse(t *testing.T) {
	t.Parallel()
	c := startCrew(t, launch{Args: []string{"-p", "2", "--threads", "2"}})
	for _, d := range deaths {
		for _, length := range []string{"", "11"} {
			t.Run(d.how+"/"+length, func(t *testing.T) {
				h := c.hold(t, "stream-"+d.how+length, "/stream", "then", d.how, "length", length)
				beside := c.hold(t, "beside-"+d.how+length, "/gate")
				h.conn.t, beside.conn.t = t, t
				// What was sent is there before the end.
				r := h.responseHead("GET")
				if want := map[string]string{"": "chunked", "11": "length"}[length]; r.Framing != want {
					t.Fatalf("framing %s, want %s", r.Framing, want)
				}
				if d.sig != 0 {
					kill(t, h.pid, d.sig)
				} else {
					h.gate.open(t)
				}
				if h.body(r); r.Err == nil {
					t.Errorf("the response seems whole: %q", r.Body)
				} else if isTimeout(r.Err) {
					t.Error("the response does not end")
				}
				if rest, _ := io.ReadAll(h.r); len(rest) > 0 {
					t.Errorf("more came: %q", rest)
				}
				if beside.pid != h.pid {
					beside.letGo(t)
				}
				c.wantWorkers(t, 2, h.pid)
				c.answers(t)
			})
		}
	}
	c.finish(t)
}

// A process dies while a body comes: nobody waits for ever.
func TestMasterWorkerDiesInUpload(t *testing.T) {
	t.Parallel()
	c := startCrew(t, launch{Args: []string{"-p", "2"}})
	for i, lines := range [][]string{{"Content-Length: 1000000"}, {"Transfer-Encoding: chunked"}} {
		k := c.dial(t)
		k.send(request("POST", "/crash?how=exit", "", lines...))
		r := k.response("POST")
		r.wantStatus(t, 502)
		k.Close()
		c.replaced(t, 2*i+1)
		// While the app waits for more.
		k = c.dial(t)
		name := fmt.Sprintf("upload-%d", i)
		k.send(request("POST", "/upload?piece=3&name="+name, "", lines...))
		k.send("5\r\nhello\r\n")
		pid := c.place(t, name)
		kill(t, pid, syscall.SIGKILL)
		k.response("POST").wantStatus(t, 502)
		k.Close()
		c.replaced(t, 2*i+2)
		c.answers(t)
	}
	c.finish(t)
}

// replaced waits until n processes in all have taken the place of others.
func (c *crew) replaced(t *testing.T, n int) {
	t.Helper()
	eventually(t, fmt.Sprintf("%d processes were replaced", n), func() bool {
		return strings.Count(c.log.String(), "a worker process is ready") >= n
	})
}

// With a single process, requests wait for the next one.
func TestMasterOnlyWorkerDies(t *testing.T) {
	t.Parallel()
	for _, d := range deaths {
		t.Run(d.how, func(t *testing.T) {
			c := startCrew(t, launch{Args: []string{"--threads", "1"}})
			h := c.hold(t, "last", "/gate", "then", d.how)
			c.put(t, "hold-import", "")
			// These lie before the process, and behind.
			var waiting []*conn
			for range 5 {
				k := c.dial(t)
				k.send(request("GET", "/who", ""))
				waiting = append(waiting, k)
			}
			if d.sig != 0 {
				kill(t, h.pid, d.sig)
			} else {
				h.gate.open(t)
			}
			h.response("GET").wantStatus(t, 502)
			eventually(t, "another process is being started", func() bool { return c.countEvents(t, "importing ") == 2 })
			late := c.dial(t)
			late.send(request("GET", "/who", ""))
			late.silent()
			c.remove(t, "hold-import")
			for _, k := range append(waiting, late) {
				var i identity
				k.response("GET").json(t, &i)
				if i.PID == h.pid {
					t.Errorf("answered by %d, which is dead", i.PID)
				}
			}
			c.wantWorkers(t, 1, h.pid)
			c.finish(t)
		})
	}
}

// A process can't be replaced as long as the app can't be imported: requests are refused then, the
// front stays, and it ends when that is over.
func TestMasterCannotReplace(t *testing.T) {
	t.Parallel()
	c := startCrew(t, launch{Args: []string{"--health", "/health"}})
	c.put(t, "generation", "broken")
	kill(t, c.who(t).PID, syscall.SIGKILL)
	c.log.wait(t, "SIGKILL", "RuntimeError: this generation is broken")
	eventually(t, "requests are refused", func() bool {
		r, err := c.try("/", within(2*time.Second))
		return err == nil && r.Status == 503 && r.get("Retry-After") != ""
	})
	c.get(t, "/health").want(t, 503, "no worker process is ready\n")
	c.get(t, "/health?live").want(t, 200, "ok\n")
	c.put(t, "generation", "good")
	c.answers(t)
	c.get(t, "/health").want(t, 200, "ok\n")
	if i := c.who(t); i.Generation != "good" {
		t.Errorf("answered by %+v", i)
	}
	c.finish(t)
}

// The same when the server is to end: nothing waits for a process that does not come.
func TestMasterEndsWithoutWorkers(t *testing.T) {
	t.Parallel()
	c := startCrew(t, launch{})
	c.put(t, "generation", "broken")
	kill(t, c.who(t).PID, syscall.SIGKILL)
	c.log.wait(t, "RuntimeError: this generation is broken")
	c.signal(t, syscall.SIGTERM)
	c.wantEnd(t, 10*time.Second, 0)
	c.nothingLeft(t, c.known)
	c.frontIsSound(t)
}

// Many deaths one after the other, under load: each request gets an answer that fits.
func TestMasterDeathsUnderLoad(t *testing.T) {
	t.Parallel()
	c := startCrew(t, launch{Args: []string{"-p", "2", "--threads", "4"}})
	load := c.busy(4, 2)
	for i := range 8 {
		kill(t, c.workers()[0].pid, syscall.SIGKILL)
		c.replaced(t, i+1)
	}
	close(load.end)
	load.done.Wait()
	for _, f := range load.failed {
		if !strings.HasPrefix(f, "status 502") && !strings.HasPrefix(f, "status 503") {
			t.Errorf("a request failed: %s", f)
		}
	}
	if load.answered == 0 {
		t.Error("no request was answered")
	}
	c.wantWorkers(t, 2)
	c.answers(t)
	c.finish(t)
}

// A process dies in the moment in which the front hears that it is ready.
func TestMasterWorkerDiesWhenReady(t *testing.T) {
	t.Parallel()
	for range 6 {
		c := startCrew(t, launch{})
		old := c.who(t).PID
		kill(t, old, syscall.SIGKILL)
		var next process
		eventually(t, "a process is being started", func() bool {
			all := c.workers()
			if len(all) == 1 && all[0].pid != old {
				next = all[0]
			}
			return next.pid != 0
		})
		c.signal(t, syscall.SIGSTOP)
		eventually(t, "the process has nothing more to do", func() bool {
			return c.eventCount(t, fmt.Sprintf("imported %d", next.pid)) == 1 && idle(next.pid)
		})
		kill(t, next.pid, syscall.SIGKILL)
		c.signal(t, syscall.SIGCONT)
		if !soon(patience(), func() bool { r, err := c.try("/", within(2*time.Second)); return err == nil && r.Status == 200 }) {
			t.Fatal("no process came after the one that died young")
		}
		c.wantWorkers(t, 1, old, next.pid)
		c.finish(t)
	}
}

// A process that is ready dies while the front still waits for another one.
func TestMasterWorkerDiesDuringStart(t *testing.T) {
	t.Parallel()
	c := launchCrew(t, launch{Args: []string{"-p", "2"}, Env: []string{"WANTS=hold-second"}})
	var first process
	eventually(t, "one process is ready, another one is not", func() bool {
		if c.countEvents(t, "importing ") != 2 {
			return false
		}
		for _, p := range c.workers() {
			if c.eventCount(t, fmt.Sprintf("imported %d", p.pid)) == 1 && idle(p.pid) {
				first = p
			}
		}
		return first.pid != 0
	})
	kill(t, first.pid, syscall.SIGKILL)
	eventually(t, "it is gone", func() bool { return !slices.ContainsFunc(c.workers(), first.is) })
	c.put(t, "go", "")
	c.awaitReady(t)
	c.replaced(t, 1)
	c.wantWorkers(t, 2, first.pid)
	c.base = takeCensus(c.pid()) // when it was ready, one was missing
	c.answers(t)
	c.finish(t)
}

// idle tells that a process does not compute.
func idle(pid int) bool {
	use := func() string {
		b, _ := os.ReadFile(fmt.Sprintf("/proc/%d/schedstat", pid))
		stat, _ := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
		f := strings.Fields(string(stat[bytes.LastIndexByte(stat, ')')+1:]))
		if len(f) < 13 {
			return string(b)
		}
		return f[11] + " " + f[12] // in ticks: a little is none
	}
	before := use()
	still := true
	soon(150*time.Millisecond, func() bool { still = still && use() == before; return !still })
	return still
}

// Requests that a stopped process has not taken go to another one; they are not lost, nor is it.
func TestMasterWorkerIsStopped(t *testing.T) {
	t.Parallel()
	c := startCrew(t, launch{Args: []string{"-p", "2", "--threads", "1"}})
	stopped := c.workers()[0].pid
	for range 3 {
		kill(t, stopped, syscall.SIGSTOP)
		eventually(t, "the process is stopped", func() bool { return stateOf(stopped) == "T" })
		var all []*conn
		for range 8 {
			k := c.dial(t)
			k.send(request("GET", "/who", ""))
			all = append(all, k)
		}
		for _, k := range all {
			var i identity
			k.response("GET").json(t, &i)
			if i.PID == stopped {
				t.Fatalf("answered by %d, which is stopped", stopped)
			}
			k.Close()
		}
		kill(t, stopped, syscall.SIGCONT)
		c.bothWork(t)
	}
	c.stop(t)
}

func stateOf(pid int) string {
	p, _ := readStat(fmt.Sprintf("/proc/%d/stat", pid))
	return p.state
}

// bothWork waits until two requests at once are in two processes.
func (c *crew) bothWork(t *testing.T) {
	t.Helper()
	eventually(t, "both processes work", func() bool {
		c.names++
		one := c.hold(t, fmt.Sprintf("both-%d-1", c.names), "/gate")
		two := c.hold(t, fmt.Sprintf("both-%d-2", c.names), "/gate")
		one.letGo(t)
		two.letGo(t)
		return one.pid != two.pid
	})
}

// What the stopped process had taken is answered when it goes on; what lies before it is not held up.
func TestMasterBusyWorkerIsStopped(t *testing.T) {
	t.Parallel()
	c := startCrew(t, launch{Args: []string{"-p", "2", "--threads", "1"}})
	h := c.hold(t, "held", "/gate")
	kill(t, h.pid, syscall.SIGSTOP)
	for range 20 {
		c.get(t, "/").want(t, 200, "index")
	}
	kill(t, h.pid, syscall.SIGCONT)
	h.letGo(t)
	c.bothWork(t)
	c.stop(t)
}

// A process that keeps the GIL for itself holds up nobody but who is in it.
func TestMasterWorkerIsWedged(t *testing.T) {
	t.Parallel()
	c := startCrew(t, launch{Args: []string{"-p", "2", "--threads", "1", "--health", "/health"}})
	g, k := c.gate(t, "wedge"), c.dial(t)
	k.send(request("GET", "/wedge?name=wedge", ""))
	g.reached(t)
	var kept []*conn
	for range 8 {
		one := c.dial(t)
		one.send(request("GET", "/", ""))
		kept = append(kept, one)
	}
	for _, one := range kept {
		one.response("GET").want(t, 200, "index")
	}
	c.get(t, "/health").wantStatus(t, 200)
	g.open(t)
	k.response("GET").wantStatus(t, 200)
	c.bothWork(t)
	c.stop(t)
}

// When the front is killed, all of its processes end, whatever they are at.
func TestMasterStuckWorkersEndWithFront(t *testing.T) {
	t.Parallel()
	c := startCrew(t, launch{Args: []string{"-p", "3", "--threads", "1"}})
	h := c.hold(t, "held", "/gate")
	g, k := c.gate(t, "wedge"), c.dial(t)
	k.send(request("GET", "/wedge?name=wedge", ""))
	g.reached(t)
	for _, p := range c.workers() {
		if p.pid != h.pid && c.eventCount(t, fmt.Sprintf("wedged %d", p.pid)) == 0 {
			kill(t, p.pid, syscall.SIGSTOP)
			eventually(t, "the process is stopped", func() bool { return stateOf(p.pid) == "T" })
		}
	}
	c.signal(t, syscall.SIGKILL)
	c.wantEnd(t, 10*time.Second)
	c.nothingLeft(t, c.known)
}

// A process that dies young of a request is replaced at once, and nobody is refused, as often as it comes.
func TestMasterWorkerDiesYoung(t *testing.T) {
	t.Parallel()
	c := startCrew(t, launch{Args: []string{"--threads", "1"}})
	for i := range 4 {
		h := c.hold(t, fmt.Sprintf("young-%d", i), "/gate", "then", "exit")
		k := c.dial(t)
		k.send(request("GET", "/", "")) // it waits behind
		h.gate.open(t)
		h.response("GET").wantStatus(t, 502)
		k.response("GET").want(t, 200, "index")
		c.wantWorkers(t, 1, h.pid)
	}
	c.finish(t)
}

// A client that leaves its request in a dying process leaves nothing behind.
func TestMasterClientLeavesDyingWorker(t *testing.T) {
	t.Parallel()
	c := startCrew(t, launch{Args: []string{"-p", "2"}})
	for i := range 4 {
		h := c.hold(t, fmt.Sprintf("left-%d", i), "/stream", "then", "exit")
		h.reset()
		h.gate.open(t)
		c.wantWorkers(t, 2, h.pid)
		c.answers(t)
	}
	c.finish(t)
}

var dialer = net.Dialer{Timeout: 10 * time.Second}
