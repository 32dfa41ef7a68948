package workers

import (
	"time"

	"github.com/gowsgi/gowsgi/bridge"
)

// Cheaper says how many processes there are to be when that follows the load. The zero value: it does not.
type Cheaper struct {
	Least   int           // processes; 0: the number does not change by itself
	Initial int           // processes to start with
	Step    int           // how many are started at a time
	Idle    time.Duration // how long one has to be idle until one leaves
}

const (
	// lookInterval is how often the load is looked at.
	lookInterval = 25 * time.Millisecond
	// growAfter is how long every process has to have requests waiting, at each look, until there is one more.
	// A new process takes its time to import the app, a third of a second for a small one, and CPU from the
	// others: to what they end by themselves in less than that, it would come too late. A process that is
	// half busy has something waiting at every second look, but never at twenty in a row.
	growAfter = 500 * time.Millisecond
)

// scale follows the load.
type scale struct {
	Cheaper
	most int // processes

	behind time.Time // since when all processes have been; zero: they are not
	spare  time.Time // since when there has been one that has nothing to do; zero: there is none
}

// want is how many processes there should be, of which there are n.
//
// Requests go to the process that has the fewest, so all are busy at once as soon as there are as many
// requests as processes. One would have been idle when that was never so: a request a process, since
// those that share a GIL may hold each other up.
func (s *scale) want(now time.Time, n int, l bridge.Load) int {
	if s.Least == 0 {
		return n
	}
	if l.Processes > n {
		s.settle() // one is being replaced
		return n
	}
	since(&s.behind, l.Behind && l.Processes == n, now) // else one is on its way
	since(&s.spare, l.Busy < l.Processes, now)
	switch {
	case !s.behind.IsZero() && now.Sub(s.behind) >= growAfter && n < s.most:
		s.settle()
		return min(n+max(s.Step, 1), s.most)
	case !s.spare.IsZero() && now.Sub(s.spare) >= s.Idle && n > s.Least:
		s.settle()
		return n - 1
	}
	return n
}

// settle forgets what it has seen: it holds for another number of processes.
func (s *scale) settle() { s.behind, s.spare = time.Time{}, time.Time{} }

// since notes in at when a condition began to hold.
func since(at *time.Time, holds bool, now time.Time) {
	switch {
	case !holds:
		*at = time.Time{}
	case at.IsZero():
		*at = now
	}
}
