package blackbox

import (
	"bytes"
	"strings"
	"sync"
	"testing"
)

// logged collects what a process prints while it runs.
type logged struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func newLogged() *logged { return &logged{} }

func (l *logged) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buf.Write(p)
}

func (l *logged) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buf.String()
}

// since is what came after an earlier length.
func (l *logged) since(n int) string { return l.String()[n:] }

func (l *logged) len() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buf.Len()
}

// tail is the end of the text for a failed test's output, with long lines cut.
func (l *logged) tail(lines int) string {
	all := strings.Split(strings.TrimSuffix(l.String(), "\n"), "\n")
	if len(all) > lines {
		all = append([]string{"…"}, all[len(all)-lines:]...)
	}
	for i, line := range all {
		if len(line) > 200 {
			all[i] = line[:200] + "…"
		}
	}
	return strings.Join(all, "\n")
}

// wait waits until the log has all of the words, in any order.
func (l *logged) wait(t *testing.T, words ...string) { l.waitSince(t, 0, words...) }

// waitSince is wait for what comes after an earlier length.
func (l *logged) waitSince(t *testing.T, n int, words ...string) {
	t.Helper()
	missing := ""
	ok := soon(patience(), func() bool {
		text := l.since(n)
		for _, w := range words {
			if !strings.Contains(text, w) {
				missing = w
				return false
			}
		}
		return true
	})
	if !ok {
		t.Fatalf("the log lacks %q; it has:\n%s", missing, l.tail(40))
	}
}
