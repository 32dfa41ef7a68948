package bridge

import (
	"errors"
	"time"

	"golang.org/x/sys/unix"

	"github.com/gowsgi/gowsgi/internal/http1"
)

// A request that holds its thread for longer than Limits.Harakiri is over for its client, whatever
// the app does: the sweeper answers in the app's place, or cuts a response that is under way, and
// every read and write of the app fails from then on. The call and the connection stay the worker's,
// which ends both when the app comes back. To bring it back is Server.Overdue's business.

var (
	errOverdue = errors.New("the request took longer than --harakiri allows")
	errTooLong = &http1.Error{Status: 504, Reason: "the app took too long"}
)

// The fates of a response: who has the last word. It changes once.
const (
	fateOpen    int32 = iota // the app is at it
	fateEnding               // the app is through: all of it is the worker's
	fateOverdue              // the sweeper has spoken
)

// Overdue is a request that Limits.Harakiri has ended. Nothing that its app still says is sent.
type Overdue struct {
	Running
	Remote string // the client's address
	// Answered: the client got 504. Else the response was under way, and is cut.
	Answered bool

	slotRun uint32
}

// Process is the worker process that the request is with, its slot there, and its number in that; nil: it
// is with a thread of this one.
func (o *Overdue) Process() (m *Member, slot int, run uint32) {
	if r := o.seat.remote; r != nil {
		return r.m, r.slot, o.slotRun
	}
	return nil, 0, 0
}

// sweepOverdue ends what has run for too long.
func (s *Server) sweepOverdue(now time.Time) {
	if s.Limits.Harakiri <= 0 {
		return
	}
	for _, place := range s.Queue.places() {
		if o := place.overdue(now, s.Limits.Harakiri); o != nil && s.Overdue != nil {
			go s.Overdue(o)
		}
	}
}

// overdue ends the seat's request if that has run for limit. Under the seat's mutex: the worker
// can't end it meanwhile, so the call and its socket are there. nil: nothing is to be told.
func (s *seat) overdue(now time.Time, limit time.Duration) *Overdue {
	s.mu.Lock()
	defer s.mu.Unlock()
	c, _ := s.call.(*Call)
	if c == nil {
		return nil
	}
	begun := c.begun
	if s.remote != nil { // the slot is the call's as long as the seat has it
		if !s.remote.m.front.IsTaken(s.remote.slot) {
			return nil
		}
		begun = s.remote.begun(c, now)
	}
	if now.Sub(begun) < limit {
		return nil
	}
	r := &c.response
	free := r.mu.TryLock() // else somebody writes
	if free {
		defer r.mu.Unlock()
	}
	switch r.fate.Load() {
	case fateEnding:
		return nil
	case fateOverdue:
		if free && !c.told {
			c.tell(now) // the write that was interrupted has ended
		}
		return nil
	}
	if !free && !c.busy {
		c.busy = true // as a rule it is over at the next sweep
		return nil
	}
	if !r.fate.CompareAndSwap(fateOpen, fateOverdue) {
		return nil // it has just come to its end
	}
	if free {
		c.tell(now)
	}
	c.conn.in.interrupt()
	c.conn.out.interrupt()
	o := &Overdue{Running: s.running(c), Remote: c.at.remoteAddr, Answered: c.answered}
	if s.remote != nil {
		o.slotRun = s.remote.run
	}
	return o
}

// tell lets the client know, without waiting, and logs and counts the request: its thread may never
// come back to do so. The caller has the seat's mutex and the response's.
func (c *Call) tell(now time.Time) {
	r, out := &c.response, &c.conn.out
	if !r.headSent && r.failed == nil {
		appendAnswer := http1.AppendError
		if c.isHead {
			appendAnswer = http1.AppendErrorHead
		}
		answer := appendAnswer(nil, errTooLong, now)
		n, err := out.now(answer)
		r.headSent, r.status, r.headBytes = true, errTooLong.Status, n
		c.answered = err == nil && n == len(answer)
	}
	r.failed = errOverdue
	switch {
	case c.answered:
		_ = unix.Shutdown(out.fd, unix.SHUT_WR) // also for clients that read to the end
	case !r.delimited: // else only a reset would do, which is the close's
		_ = unix.Shutdown(out.fd, unix.SHUT_RDWR)
	}
	c.told = true
	c.seat.tally.ran(c, now)
	c.logAccess(r.status, now)
}

// mine makes the rest of the response the worker's alone. False: the sweeper has spoken.
func (c *Call) mine(detach func()) bool {
	fate := &c.response.fate
	if c.conn.s.Limits.Harakiri <= 0 || fate.CompareAndSwap(fateOpen, fateEnding) || fate.Load() == fateEnding {
		return true
	}
	detach()
	c.seat.mu.Lock() // it may be speaking still
	defer c.seat.mu.Unlock()
	return false
}
