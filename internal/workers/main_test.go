package workers

import (
	"fmt"
	"os"
	"runtime"
	"testing"
	"time"
)

// patience is how long a test waits for what must come.
const patience = 20 * time.Second

// TestMain fails the run when goroutines or descriptors outlive the tests. As a worker process, this
// program is none of a test.
func TestMain(m *testing.M) {
	if os.Getenv(Variable) != "" {
		beWorker()
	}
	// Workers of a test with -race end at once, not after a second.
	_ = os.Setenv("GORACE", os.Getenv("GORACE")+" atexit_sleep_ms=0")
	goroutines, fds := runtime.NumGoroutine(), openFDs()
	code := m.Run()
	if code == 0 && !settles(func() bool { return runtime.NumGoroutine() <= goroutines }) {
		buf := make([]byte, 1<<16)
		fmt.Fprintf(os.Stderr, "leaked goroutines:\n%s\n", buf[:runtime.Stack(buf, true)])
		code = 1
	}
	// The poller's own descriptors appear with the first socket and stay, and so does what a process is
	// waited for with.
	const pollerFDs = 2
	if code == 0 && !settles(func() bool { runtime.GC(); return openFDs() <= fds+pollerFDs }) {
		fmt.Fprintf(os.Stderr, "leaked descriptors: %d before, %d after\n", fds, openFDs())
		code = 1
	}
	os.Exit(code)
}

// settles waits until cond holds.
func settles(cond func() bool) bool {
	for deadline := time.Now().Add(patience); !cond(); runtime.Gosched() {
		if time.Now().After(deadline) {
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
