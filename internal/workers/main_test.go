package workers

import (
	"os"
	"testing"

	"github.com/gowsgi/gowsgi/internal/leak"
)

// TestMain fails the run when goroutines or descriptors outlive the tests. As a worker process, this
// program is none of a test.
func TestMain(m *testing.M) {
	if os.Getenv(Variable) != "" {
		beWorker()
	}
	// Workers of a test with -race end at once, not after a second.
	_ = os.Setenv("GORACE", os.Getenv("GORACE")+" atexit_sleep_ms=0")
	os.Exit(leak.Run(m, leak.PollerFDs))
}
