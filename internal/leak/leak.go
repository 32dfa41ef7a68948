// Package leak is for tests: it tells what outlives them.
package leak

import (
	"flag"
	"fmt"
	"os"
	"runtime"
	"testing"
	"time"
)

// Patience is how long what must come may take: long enough for a loaded machine under the race detector.
const Patience = 20 * time.Second

// AnyFDs is for Run, where descriptors don't count.
const AnyFDs = -1

// Run runs a package's tests, and returns the code to exit with: not 0 when goroutines outlive them, or more than
// so many descriptors. For TestMain.
func Run(m *testing.M, fds int) int {
	goroutines, before := runtime.NumGoroutine(), openFDs()
	code := m.Run()
	if code != 0 || flag.Lookup("test.fuzz").Value.String() != "" {
		return code // the fuzzing engine keeps goroutines of its own
	}
	if !Settles(func() bool { return runtime.NumGoroutine() <= goroutines }) {
		buf := make([]byte, 1<<20)
		fmt.Fprintf(os.Stderr, "leaked goroutines:\n%s\n", buf[:runtime.Stack(buf, true)])
		return 1
	}
	// What a process was waited for with goes with the garbage.
	if fds != AnyFDs && !Settles(func() bool { runtime.GC(); return openFDs() <= before+fds }) {
		fmt.Fprintf(os.Stderr, "leaked descriptors: %d before, %d after\n", before, openFDs())
		return 1
	}
	return 0
}

// PollerFDs is how many descriptors Go's poller keeps from the first socket on: epoll and its wake-up.
const PollerFDs = 2

// Settles waits until cond holds. False: in vain.
func Settles(cond func() bool) bool {
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for end := time.Now().Add(Patience); !cond(); <-tick.C {
		if time.Now().After(end) {
			return false
		}
	}
	return true
}

// openFDs counts this process's descriptors; 0 where the system doesn't tell.
func openFDs() int {
	entries, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		return 0
	}
	return len(entries)
}
