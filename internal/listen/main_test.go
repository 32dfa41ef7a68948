package listen

import (
	"flag"
	"fmt"
	"os"
	"runtime"
	"testing"
	"time"
)

// TestMain fails the run when goroutines or descriptors outlive the tests.
func TestMain(m *testing.M) {
	goroutines, fds := runtime.NumGoroutine(), openFDs()
	code := m.Run()
	if flag.Lookup("test.fuzz").Value.String() != "" {
		os.Exit(code) // the fuzzing engine keeps goroutines of its own
	}
	if code == 0 && !settles(func() bool { return runtime.NumGoroutine() <= goroutines }) {
		buf := make([]byte, 1<<16)
		fmt.Fprintf(os.Stderr, "leaked goroutines:\n%s\n", buf[:runtime.Stack(buf, true)])
		code = 1
	}
	// The poller's own descriptors (epoll, its wake-up) appear with the first
	// socket and stay.
	if code == 0 && !settles(func() bool { return openFDs() <= fds+pollerFDs }) {
		fmt.Fprintf(os.Stderr, "leaked descriptors: %d before, %d after\n", fds, openFDs())
		code = 1
	}
	os.Exit(code)
}

const pollerFDs = 2

// settles waits until cond holds, at most two seconds.
func settles(cond func() bool) bool {
	deadline := time.Now().Add(2 * time.Second)
	for !cond() {
		if time.Now().After(deadline) {
			return false
		}
		runtime.Gosched()
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
