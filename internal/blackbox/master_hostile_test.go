package blackbox

import (
	"fmt"
	"strings"
	"syscall"
	"testing"
	"time"
)

// An app that overwrites what its process shares with the front ruins its own process at worst.
func TestMasterHostileWorker(t *testing.T) {
	t.Parallel()
	rounds := 3
	if testing.Short() {
		rounds = 1
	}
	for _, what := range []string{"all", "zeros", "ones", "begin", "words"} {
		for _, then := range []string{"exit", "raise", "return", "stream", "loop"} {
			t.Run(what+"/"+then, func(t *testing.T) {
				t.Parallel()
				for seed := range rounds {
					hostileRound(t, what, then, seed)
				}
			})
		}
	}
}

func hostileRound(t *testing.T, what, then string, seed int) {
	t.Helper()
	c := startCrew(t, launch{Args: []string{"-p", "2", "--threads", "2", "--health", "/health"}})
	beside := c.hold(t, "beside", "/gate")
	// The other process has nothing, so it gets this.
	bad := c.dial(t)
	bad.send(request("GET", query("/hostile", "what", what, "then", then, "seed", fmt.Sprint(seed)), ""))
	pid := c.place(t, "hostile")
	if pid == beside.pid {
		t.Fatal("both requests are in one process")
	}
	if n := c.countEvents(t, "nothing is shared"); n > 0 {
		t.Fatal("the app finds no shared memory")
	}
	for range 20 {
		c.get(t, "/health?live").wantStatus(t, 200)
	}
	if then == "exit" {
		c.wantWorkers(t, 2, pid)
	}
	// Whatever the hostile process does with requests: the other's is not touched.
	beside.letGo(t)
	c.survives(t, fmt.Sprintf("%s, %s, seed %d", what, then, seed))
	if !c.alive() {
		t.Fatal("the front has ended")
	}
	c.get(t, "/health?live").wantStatus(t, 200)
	for _, p := range c.workers() {
		if p.pid == pid { // it may still do harm, and need not end in order; or the front has just ended it
			_ = syscall.Kill(pid, syscall.SIGKILL)
		}
	}
	c.wantWorkers(t, 2, pid)
	c.answers(t)
	c.finish(t)
}

// survives waits until ten requests in a row are answered, each soon.
func (c *crew) survives(t *testing.T, what string) {
	t.Helper()
	row, last := 0, ""
	ok := soon(within(20*time.Second), func() bool {
		r, err := c.try("/", within(2*time.Second))
		switch {
		case err != nil:
			row, last = 0, err.Error()
		case r.Status != 200 || string(r.Body) != "index":
			row, last = 0, r.Head+string(r.Body)
		default:
			row++
		}
		return row >= 10
	})
	if !ok {
		t.Fatalf("after %s: requests are not answered; last: %s", what, strings.TrimSpace(last))
	}
}

// With a hostile process alone, it is ended by what comes of it, and replaced.
func TestMasterHostileOnlyWorker(t *testing.T) {
	t.Parallel()
	for _, what := range []string{"all", "zeros", "ones", "begin", "words"} {
		t.Run(what, func(t *testing.T) {
			c := startCrew(t, launch{Args: []string{"--threads", "2", "--health", "/health"}})
			for seed := range 3 {
				bad := c.dial(t)
				bad.send(request("GET", query("/hostile", "what", what, "then", "raise", "seed", fmt.Sprint(seed)), ""))
				c.place(t, "hostile")
				for range 20 {
					c.get(t, "/health?live").wantStatus(t, 200)
				}
				c.survives(t, fmt.Sprintf("%s, seed %d", what, seed))
			}
			c.wantWorkers(t, 1)
			c.finish(t)
		})
	}
}

// A process that dies, or goes on asking, while the front reads a body for it.
func TestMasterHostileReader(t *testing.T) {
	t.Parallel()
	c := startCrew(t, launch{Args: []string{"-p", "2", "--threads", "2", "--health", "/health"}})
	for round := range 12 {
		c.names++
		k, name := c.dial(t), fmt.Sprintf("reader-%d", c.names)
		k.send(request("POST", query("/reader", "name", name, "then", []string{"answer", "exit"}[round%2]), "", "Content-Length: 3000000"))
		pid := c.place(t, name)
		k.trySend(strings.Repeat("b", 3000000)) // it comes while the front is asked for more than there is
		_, _ = k.tryHead()
		k.Close()
		c.get(t, "/health?live").wantStatus(t, 200)
		for _, p := range c.workers() {
			if p.pid == pid {
				_ = syscall.Kill(pid, syscall.SIGKILL) // it may end just now
			}
		}
		c.wantWorkers(t, 2, pid)
		c.survives(t, name)
	}
	c.finish(t)
}
