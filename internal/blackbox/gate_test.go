package blackbox

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
)

// gate is a FIFO on which an app blocks (common/probe.py, gate) until the test opens it.
type gate struct {
	path string
	w    *os.File
}

// gate makes the FIFO. Each name serves one waiting request at a time.
func (s *server) gate(t *testing.T, name string) *gate {
	t.Helper()
	g := &gate{path: filepath.Join(s.scratch, name)}
	if err := syscall.Mkfifo(g.path, 0o600); err != nil {
		t.Fatal(err)
	}
	// Also keeps the collector from closing the file, which would open the gate.
	t.Cleanup(func() { g.w.Close() })
	return g
}

// reached waits until the app stands at the gate, and leaves it there.
func (g *gate) reached(t *testing.T) {
	t.Helper()
	if g.w != nil {
		return
	}
	eventually(t, "the app reaches gate "+filepath.Base(g.path), func() bool { return g.tryReach(t) })
}

// tryReach opens for writing, which fails with ENXIO while nobody reads.
func (g *gate) tryReach(t *testing.T) bool {
	fd, err := syscall.Open(g.path, syscall.O_WRONLY|syscall.O_NONBLOCK|syscall.O_CLOEXEC, 0)
	switch err {
	case nil:
		g.w = os.NewFile(uintptr(fd), g.path)
		return true
	case syscall.ENXIO, syscall.EINTR:
		return false
	}
	t.Fatal(err)
	return false
}

// open waits for the app to reach the gate and lets it through.
func (g *gate) open(t *testing.T) {
	t.Helper()
	g.reached(t)
	if _, err := g.w.WriteString("!"); err != nil {
		t.Fatal(err)
	}
	g.w.Close()
	g.w = nil
}

// events are the lines that the app has reported so far (common/probe.py, event).
func (s *server) events(t *testing.T) []string {
	t.Helper()
	b, err := os.ReadFile(filepath.Join(s.scratch, "events"))
	if err != nil && !os.IsNotExist(err) {
		t.Fatal(err)
	}
	text := strings.TrimSuffix(string(b), "\n")
	if text == "" {
		return nil
	}
	return strings.Split(text, "\n")
}

// event waits until the app has reported the line.
func (s *server) event(t *testing.T, line string) {
	t.Helper()
	if !soon(patience(), func() bool { return slices.Contains(s.events(t), line) }) {
		t.Fatalf("the app never reported %q; it did report %q", line, s.events(t))
	}
}

// eventCount is how often the app has reported the line.
func (s *server) eventCount(t *testing.T, line string) int {
	t.Helper()
	n := 0
	for _, e := range s.events(t) {
		if e == line {
			n++
		}
	}
	return n
}
