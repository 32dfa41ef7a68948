package workers

import (
	"testing"
	"time"
)

// One failure may be a request's: the next start does not wait. Those in a row wait longer and longer.
func TestPause(t *testing.T) {
	for failures, want := range map[int]time.Duration{
		0: 0, 1: 0, 2: firstWait, 3: 2 * firstWait, 4: 4 * firstWait, 100: lastWait,
	} {
		if got := pause(failures); got != want {
			t.Errorf("after %d failures: %v, want %v", failures, got, want)
		}
	}
}
