package blackbox

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"
)

// reload sends SIGHUP and waits until it has come to something.
func (c *crew) reload(t *testing.T) {
	t.Helper()
	n := c.log.len()
	c.signal(t, syscall.SIGHUP)
	c.log.waitSince(t, n, "INFO reloaded ")
}

func pids(processes []process) (pids []int) {
	for _, p := range processes {
		pids = append(pids, p.pid)
	}
	return pids
}

// No client notices a reload but by what it gets.
func TestMasterReloadUnderLoad(t *testing.T) {
	t.Parallel()
	for _, args := range [][]string{nil, {"-p", "2", "--threads", "2"}} {
		t.Run(fmt.Sprint(args), func(t *testing.T) {
			c := startCrew(t, launch{Args: args})
			n := len(c.workers())
			load := c.busy(4, 3)
			for i := range 6 {
				old, name := pids(c.workers()), fmt.Sprintf("number %d", i)
				c.put(t, "generation", name)
				c.reload(t)
				eventually(t, "the new generation answers", func() bool { return load.times(name) > 50 })
				c.wantWorkers(t, n, old...)
			}
			load.stop(t)
			c.stop(t)
		})
	}
}

// Reloads that come faster than they can be done.
func TestMasterManyReloads(t *testing.T) {
	t.Parallel()
	c := startCrew(t, launch{Args: []string{"-p", "2"}})
	load := c.busy(2, 1)
	for range 10 {
		c.signal(t, syscall.SIGHUP)
	}
	c.put(t, "generation", "last")
	c.reload(t)
	eventually(t, "the last generation answers", func() bool {
		c.signal(t, syscall.SIGHUP)
		return c.who(t).Generation == "last"
	})
	load.stop(t)
	eventually(t, "the reloads are over", func() bool {
		before := c.log.len()
		all := c.workers()
		quiet := !soon(500*time.Millisecond, func() bool { return strings.Contains(c.log.since(before), "reloaded") })
		return quiet && len(all) == 2 && slices.Equal(pids(all), pids(c.workers()))
	})
	if i := c.who(t); i.Generation != "last" {
		t.Errorf("answered by %+v", i)
	}
	c.stop(t)
}

// What runs when a reload comes ends where it is; the process stays that long.
func TestMasterReloadWaitsForRequests(t *testing.T) {
	t.Parallel()
	c := startCrew(t, launch{Args: []string{"-p", "2"}})
	h, s := c.hold(t, "held", "/gate"), c.hold(t, "stream", "/stream")
	old := pids(c.workers())
	c.put(t, "generation", "second")
	c.reload(t)
	for range 10 {
		if i := c.who(t); i.Generation != "second" {
			t.Errorf("answered by %+v", i)
		}
	}
	h.letGo(t)
	s.gate.open(t)
	s.response("GET").want(t, 200, "beforeafter")
	c.wantWorkers(t, 2, old...)
	for _, pid := range old {
		c.wantEvents(t, fmt.Sprintf("atexit %d", pid))
	}
	c.stop(t)
}

// Clause: "--worker-reload-mercy". What does not end in time is ended, and its client is told.
func TestMasterReloadMercy(t *testing.T) {
	t.Parallel()
	c := startCrew(t, launch{Args: []string{"--worker-reload-mercy", "1"}})
	h := c.hold(t, "endless", "/gate")
	c.reload(t)
	c.wantWorkers(t, 1, h.pid)
	h.response("GET").wantStatus(t, 502)
	h.send(request("GET", "/", ""))
	h.response("GET").want(t, 200, "index")
	c.log.wait(t, "did not end its requests in time", fmt.Sprint(h.pid))
	c.finish(t)
}

// An app that can't be imported any more costs nothing but a reload.
func TestMasterReloadFails(t *testing.T) {
	t.Parallel()
	c := startCrew(t, launch{Args: []string{"-p", "2"}})
	load := c.busy(2, 2)
	old := pids(c.workers())
	for range 2 {
		c.put(t, "generation", "broken")
		n := c.log.len()
		c.signal(t, syscall.SIGHUP)
		c.log.waitSince(t, n, "the reload has failed", "Traceback (most recent call last)", "RuntimeError: this generation is broken", "app.py")
		eventually(t, "the old processes are alone", func() bool { return slices.Equal(pids(c.workers()), old) })
		if i := c.who(t); i.Generation != "first" {
			t.Errorf("answered by %+v", i)
		}
	}
	c.put(t, "generation", "good")
	c.reload(t)
	c.wantWorkers(t, 2, old...)
	if i := c.who(t); i.Generation != "good" {
		t.Errorf("answered by %+v", i)
	}
	load.stop(t)
	c.stop(t)
}

// A process dies, and while the next one is still importing the old code, a reload comes.
func TestMasterReloadDuringReplacement(t *testing.T) {
	t.Parallel()
	c := startCrew(t, launch{Args: []string{"-p", "2"}})
	c.put(t, "hold-import", "")
	kill(t, c.workers()[0].pid, syscall.SIGKILL)
	eventually(t, "a process imports", func() bool { return c.countEvents(t, "importing ") == 3 })
	c.put(t, "generation", "second")
	n := c.log.len()
	c.signal(t, syscall.SIGHUP)
	eventually(t, "two more import", func() bool { return c.countEvents(t, "importing ") == 5 })
	c.remove(t, "hold-import")
	c.log.waitSince(t, n, "INFO reloaded ")
	eventually(t, "all that imported are through", func() bool { return c.countEvents(t, "imported ") >= 4 })
	c.wantWorkers(t, 2, pids(c.known[:2])...)
	for range 20 {
		one, two := c.who(t), c.who(t)
		if one.Generation != "second" || two.Generation != "second" {
			t.Fatalf("an old process answers: %+v, %+v", one, two)
		}
	}
	// A third that joins late would show up now.
	eventually(t, "nothing is being started or ended", func() bool {
		all := c.workers()
		return len(all) == 2 && idle(all[0].pid) && idle(all[1].pid) && slices.Equal(pids(all), pids(c.workers()))
	})
	c.base = takeCensus(c.pid())
	c.finish(t)
}

// The end comes in the middle of a reload.
func TestMasterEndsDuringReload(t *testing.T) {
	t.Parallel()
	c := startCrew(t, launch{Args: []string{"-p", "2"}})
	c.put(t, "hold-import", "")
	h := c.hold(t, "held", "/gate")
	c.signal(t, syscall.SIGHUP)
	eventually(t, "a generation imports", func() bool { return c.countEvents(t, "importing ") == 4 })
	c.workers()
	c.signal(t, syscall.SIGTERM)
	c.refuses(t)
	h.letGo(t)
	c.wantEnd(t, 15*time.Second, 0)
	c.nothingLeft(t, c.known)
	c.frontIsSound(t)
}

// A process that replaces another one has its number, also while that one ends its requests.
func TestMasterReplacementHasTheNumber(t *testing.T) {
	t.Parallel()
	c := startCrew(t, launch{Args: []string{"-p", "2", "--threads", "1"}})
	for i := range 3 {
		h, n := c.hold(t, fmt.Sprintf("held-%d", i), "/gate"), c.log.len()
		kill(t, h.pid, syscall.SIGTERM)
		c.log.waitSince(t, n, "a worker process is ready")
		numbers := regexp.MustCompile(`a worker process is (?:replaced|ready) +worker=(\d+)`).FindAllStringSubmatch(c.log.since(n), -1)
		if len(numbers) != 2 || numbers[0][1] != numbers[1][1] {
			t.Errorf("the old and the new number are %q", numbers)
		}
		h.letGo(t)
		c.wantWorkers(t, 2, h.pid)
	}
	c.stop(t)
}
