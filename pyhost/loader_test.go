package pyhost

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"
)

// The control side's own Python has tests in Python: loader/test_*.py. Those that need Flask find it in the virtual
// environment of GOWSGI_VENV, as the black-box tests do.
func TestLoader(t *testing.T) {
	if testing.Short() {
		t.Skip("they start many interpreters, and none of our code in Go or C")
	}
	t.Parallel()
	executable, err := FindExecutable(os.Getenv("GOWSGI_VENV"), "GOWSGI_VENV", os.Getenv("PYTHON"), PythonVersion())
	if err != nil {
		t.Fatal(err)
	}
	if tests, err := filepath.Glob("loader/test_*.py"); err != nil || len(tests) == 0 {
		t.Fatalf("no tests: %v", err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, executable, "-m", "unittest")
	cmd.Dir = "loader"
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Errorf("%v\n%s", err, out)
	}
}
