package accesslog

import (
	"os"
	"testing"

	"github.com/gowsgi/gowsgi/internal/leak"
)

// TestMain fails the run when a Writer's goroutine outlives its test.
func TestMain(m *testing.M) { os.Exit(leak.Run(m, leak.AnyFDs)) }
