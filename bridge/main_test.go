package bridge

import (
	"os"
	"testing"
	"time"

	"github.com/gowsgi/gowsgi/internal/leak"
)

const patience = leak.Patience

// TestMain fails the run when a goroutine outlives the tests: a connection's, a
// worker's or the sweeper's.
func TestMain(m *testing.M) {
	if size := os.Getenv(workerVariable); size != "" {
		beWorker(size)
	}
	os.Exit(leak.Run(m, leak.AnyFDs))
}

// until fails the test unless cond comes to hold.
func until(t testing.TB, what string, cond func() bool) {
	t.Helper()
	if !leak.Settles(cond) {
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
