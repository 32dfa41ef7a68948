package bridge

import (
	"flag"
	"fmt"
	"os"
	"runtime"
	"testing"
	"time"
)

// patience is how long a test waits for what must come: long enough for a loaded
// machine under the race detector.
const patience = 20 * time.Second

// TestMain fails the run when a goroutine outlives the tests: a connection's, a
// worker's or the sweeper's.
func TestMain(m *testing.M) {
	if size := os.Getenv(workerVariable); size != "" {
		beWorker(size)
	}
	before := runtime.NumGoroutine()
	code := m.Run()
	if flag.Lookup("test.fuzz").Value.String() != "" {
		os.Exit(code) // the fuzzing engine keeps goroutines of its own
	}
	if code == 0 && !holds(func() bool { return runtime.NumGoroutine() <= before }) {
		buf := make([]byte, 1<<20)
		fmt.Fprintf(os.Stderr, "leaked goroutines:\n%s\n", buf[:runtime.Stack(buf, true)])
		code = 1
	}
	os.Exit(code)
}

// holds waits until cond does.
func holds(cond func() bool) bool {
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for end := time.Now().Add(patience); !cond(); <-tick.C {
		if time.Now().After(end) {
			return false
		}
	}
	return true
}

// until fails the test unless cond comes to hold.
func until(t testing.TB, what string, cond func() bool) {
	t.Helper()
	if !holds(cond) {
		t.Fatalf("waited %v in vain: %s", patience, what)
	}
}

// receive takes from ch, which somebody fills or closes soon.
func receive[T any](t testing.TB, what string, ch <-chan T) T {
	t.Helper()
	select {
	case v := <-ch:
		return v
	case <-time.After(patience):
		t.Fatalf("waited %v in vain: %s", patience, what)
		panic("unreachable")
	}
}
