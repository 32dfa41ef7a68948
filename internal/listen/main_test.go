package listen

import (
	"os"
	"testing"

	"github.com/gowsgi/gowsgi/internal/leak"
)

// TestMain fails the run when goroutines or descriptors outlive the tests.
func TestMain(m *testing.M) { os.Exit(leak.Run(m, leak.PollerFDs)) }
