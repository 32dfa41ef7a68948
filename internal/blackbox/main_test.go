package blackbox

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"testing"
	"time"
)

// What TestMain found out. Tests only read it.
var (
	repo   string // the repository's root
	binary string // the gowsgi under test
	venv   string // the virtual environment that the apps run in
	slow   = 1.0  // factor for deadlines
)

func TestMain(m *testing.M) {
	if err := findSubjects(); err != nil {
		fmt.Fprintln(os.Stderr, "blackbox:", err)
		os.Exit(1)
	}
	os.Exit(m.Run())
}

// findSubjects never skips: a black box that isn't there is a failed test.
func findSubjects() (err error) {
	if repo, err = filepath.Abs(filepath.Join("..", "..")); err != nil {
		return err
	}
	if binary, err = subject("GOWSGI_BIN", "bin", "gowsgi"); err != nil {
		return fmt.Errorf("%w: run ./scripts/build.sh", err)
	}
	if venv, err = subject("GOWSGI_VENV", ".venv"); err != nil {
		return fmt.Errorf("%w: run ./scripts/test.sh, which makes it", err)
	}
	if v := os.Getenv("GOWSGI_SLOW"); v != "" {
		if slow, err = strconv.ParseFloat(v, 64); err != nil || slow < 1 {
			return fmt.Errorf("GOWSGI_SLOW=%s is not a factor of 1 or more", v)
		}
	}
	return nil
}

// subject is the absolute path in the variable, else in the repository; it has to exist.
func subject(variable string, rel ...string) (string, error) {
	path := os.Getenv(variable)
	if path == "" {
		path = filepath.Join(append([]string{repo}, rel...)...)
	}
	path, err := filepath.Abs(path)
	if err != nil {
		return "", err
	}
	_, err = os.Stat(path)
	return path, err
}

// within is a deadline stretched by GOWSGI_SLOW.
func within(d time.Duration) time.Duration {
	return time.Duration(float64(d) * slow)
}

// patience is how long a condition may take that should hold nearly at once.
func patience() time.Duration { return within(10 * time.Second) }

// eventually polls cond until it holds and fails the test when it doesn't in time.
func eventually(t *testing.T, what string, cond func() bool) {
	t.Helper()
	if !soon(patience(), cond) {
		t.Fatalf("not within %v: %s", patience(), what)
	}
}

// soon polls cond and tells whether it held within d.
func soon(d time.Duration, cond func() bool) bool {
	end := time.Now().Add(d)
	for !cond() {
		if time.Now().After(end) {
			return false
		}
		time.Sleep(3 * time.Millisecond)
	}
	return true
}
