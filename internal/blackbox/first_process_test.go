package blackbox

import (
	"fmt"
	"os/exec"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"
)

// inContainer starts the server as process 1 of a PID namespace, and ends all of it when it is itself
// ended.
var inContainer = []string{"unshare", "-Urpf", "--mount-proc", "--kill-child"}

// startFirst serves apps/crash as process 1.
func startFirst(t *testing.T, v variant) *server {
	t.Helper()
	if out, err := exec.Command(inContainer[0], append(inContainer[1:], "true")...).CombinedOutput(); err != nil {
		t.Skipf("PID namespaces are not to be had here: %v: %s", err, out)
	}
	return v.start(t, launch{App: "crash", Under: inContainer})
}

// first is the pid of process 1, as it is seen here.
func (s *server) first(t *testing.T) int {
	t.Helper()
	for _, p := range descendants(s.pid()) {
		if p.parent == s.pid() {
			return p.pid
		}
	}
	t.Fatal("there is no process 1")
	return 0
}

// Process 1 is the parent of every orphan. The app's own children are the app's to wait for.
func TestFirstProcessReapsOrphans(t *testing.T) {
	run(t, plain, func(t *testing.T, v variant) {
		s := startFirst(t, v)
		before := descendants(s.pid())
		g := s.gate(t, "orphan")
		s.get(t, "/orphan?name=orphan").want(t, 200, "left")
		g.reached(t)
		var left []process
		for _, p := range descendants(s.pid()) {
			if !slices.ContainsFunc(before, p.is) {
				left = append(left, p)
			}
		}
		if len(left) != 1 || left[0].parent != s.first(t) {
			t.Fatalf("the orphans are %v, want one under %d", left, s.first(t))
		}
		g.open(t)
		eventually(t, "the orphan is reaped", func() bool { // a zombie is there still
			p, ok := readStat(fmt.Sprintf("/proc/%d/stat", left[0].pid))
			return !ok || !p.is(left[0])
		})
		var codes []string
		for i := range 20 {
			codes = append(codes, fmt.Sprint(i))
		}
		s.get(t, "/children").want(t, 200, strings.Join(codes, " "))
		kill(t, s.first(t), syscall.SIGTERM)
		s.wantEnd(t, 20*time.Second, 0)
		s.noCrash(t)
	})
}

// Process 1 passes on what the server acts on.
func TestFirstProcessPassesOn(t *testing.T) {
	t.Parallel()
	s := startFirst(t, master)
	for _, step := range []struct {
		sig  syscall.Signal
		want string
	}{
		{syscall.SIGTTIN, "the number of worker processes changes"},
		{syscall.SIGTTOU, "the number of worker processes changes"},
		{syscall.SIGUSR1, "INFO stats "},
		{syscall.SIGHUP, "INFO reloaded "},
	} {
		n := s.log.len()
		kill(t, s.first(t), step.sig)
		s.log.waitSince(t, n, step.want)
	}
	kill(t, s.first(t), syscall.SIGTERM)
	s.wantEnd(t, 20*time.Second, 0)
}

// The kernel spares process 1 the signals that end others.
func TestFirstProcessCrashes(t *testing.T) {
	alone(t, plain, func(t *testing.T, v variant) {
		s := startFirst(t, v)
		s.dial(t).send(request("GET", "/segv", ""))
		s.wantEnd(t, 30*time.Second, 128+11)
		if strings.Count(s.log.String(), stacksBegin) != 1 {
			t.Error("the stacks are not in the log")
		}
	})
}

// The same for signals from within the namespace.
func TestFirstProcessIsKilled(t *testing.T) {
	run(t, plain, func(t *testing.T, v variant) {
		code := map[string]int{"single": 128 + 11, "master": 2}[v.name] // the front's end is Go's
		s := startFirst(t, v)
		kill(t, s.first(t), syscall.SIGSEGV)
		s.wantEnd(t, 30*time.Second, code)
	})
}
