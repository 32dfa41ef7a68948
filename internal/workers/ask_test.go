package workers

import (
	"context"
	"testing"
	"time"
)

// TestQuestion: a process that does not answer is not asked again until it has, and a late answer is not
// taken for the next one's.
func TestQuestion(t *testing.T) {
	ours, file, err := controlPair()
	if err != nil {
		t.Fatal(err)
	}
	theirs, err := openControl(file)
	if err != nil {
		t.Fatal(err)
	}
	defer ours.conn.Close()
	defer theirs.conn.Close()
	p := &process{control: ours, exited: make(chan struct{})}
	q := newQuestion[string]()
	ask := func(slot int, limit time.Duration) (string, bool) {
		ctx, cancel := context.WithTimeout(t.Context(), limit)
		defer cancel()
		return q.ask(ctx, p, message{WantStack: &slot})
	}
	asked := func() int {
		t.Helper()
		_ = theirs.conn.SetReadDeadline(time.Now().Add(10 * time.Second))
		m, _, err := theirs.receive(make([]byte, packetMax))
		if err != nil || m.WantStack == nil {
			t.Fatalf("asked %+v, %v", m, err)
		}
		return *m.WantStack
	}
	q.answered("nobody has asked")
	for slot := range 3 {
		if text, ok := ask(slot, time.Millisecond); ok {
			t.Fatalf("an answer from nowhere: %q", text)
		}
	}
	if slot := asked(); slot != 0 {
		t.Errorf("asked for %d first", slot)
	}
	go func() {
		q.answered("to 0, late")
		if slot := asked(); slot == 3 {
			q.answered("to 3")
		}
	}()
	if text, ok := ask(3, 10*time.Second); !ok || text != "to 3" {
		t.Errorf("got %q, %v", text, ok)
	}
	q.answered("nobody has asked")
	close(p.exited)
	if text, ok := ask(4, 10*time.Second); ok {
		t.Errorf("of a process that is no more: %q", text)
	}
}
