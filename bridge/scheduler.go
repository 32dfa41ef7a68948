package bridge

import "time"

// scheduler decides how many threads of one interpreter are awake.
//
// Only one thread can run Python at a time. Threads that are awake with nothing to do
// but fight for the GIL cost a CPU-bound app half its speed, so one thread keeps the
// GIL and takes request after request (it moves), and the others are parked. A thread
// that has blocked in I/O leaves the GIL idle, so another one is woken then.
//
// All of it runs under the queue's mutex. A look every tick, while requests wait,
// finds out which threads have stopped moving:
//
//   - None of the awake threads wants the CPU: all of them are blocked. Those that have had
//     their request for blockedTime are stuck; one more is woken, and twice as many at
//     each such look in a row. If none is (short I/O, many times a tick), one mover is not
//     enough to keep the GIL busy: wanted grows.
//   - A request has run for longTime: its thread is stuck too, whatever it does. CPython
//     shares the GIL among threads that compute, every 5 ms, so short requests get by.
//   - Somebody wants the CPU at every look for calmTime: there are movers enough, and
//     wanted sinks towards one.
//
// A seat that comes back from a request parks when others have kept the GIL in use in its place.
type scheduler struct {
	awake  int // seats that are not parked
	stuck  int // of those, the ones that one request holds
	wanted int // movers that there should be while requests wait; at least 1
	idle   []*seat

	taken    uint64
	waited   time.Duration
	tookAt   uint64    // taken at the last look
	calm     int       // looks in a row with the GIL in use
	idled    int       // looks in a row with the GIL idle, though requests moved on
	burst    int       // threads that the last look woke behind blocked ones
	quiet    int       // looks in a row with nothing waiting
	pressed  time.Time // since when all threads are taken and requests wait; zero: they aren't
	outgrown time.Time // when Outgrown was called last
	still    bool      // tests look by themselves: no goroutine does
	sleeping bool      // the ticker's goroutine waits for a kick
	kicks    chan struct{}
}

type seatState int8

const (
	seatParked seatState = iota
	seatMoving
	seatStuck
)

const (
	tick     = time.Millisecond
	longTime = 10 * time.Millisecond
	// blockedTime is how old a request must be to be called blocked.
	blockedTime = tick / 2
	// burstMax is the most that one look wakes.
	burstMax = 8
	// calmLooks is how many looks must find the GIL in use before a mover is given up.
	calmLooks = 20
	// settledLooks is how many looks must find the GIL in use before a seat that comes
	// back parks because others move.
	settledLooks = 5
	// idleLooks is how many looks must find the GIL idle before a mover is added: one
	// may have caught a thread on its way.
	idleLooks = 3
	// quietLooks is how many looks without anything waiting end the ticking.
	quietLooks = 100

	pressedTime    = time.Second
	outgrownPeriod = 10 * time.Second
)

func (q *Queue) parked() int { return len(q.idle) }

func (q *Queue) movers() int { return q.awake - q.stuck }

// seated is a new seat: awake, about to take.
func (q *Queue) seated(s *seat) {
	if q.wanted == 0 {
		q.wanted = 1
		q.kicks = make(chan struct{}, 1)
		q.sleeping = true
		if !q.still && !q.closed {
			go q.monitor()
		}
	}
	s.state = seatMoving
	q.awake++
}

// pushed is told of a new request, and returns the seat to wake for it, if any.
func (q *Queue) pushed() *seat {
	var s *seat
	if q.movers() < q.wanted {
		s = q.next()
	}
	if s == nil {
		q.kick() // somebody must look whether those that move still do
	}
	return s
}

// next takes the seat that was parked last (its caches are warm), awake from now on.
func (q *Queue) next() *seat {
	if len(q.idle) == 0 {
		return nil
	}
	s := q.idle[len(q.idle)-1]
	q.rouse(s)
	return s
}

// rouse makes a parked seat awake. The caller signals it.
func (q *Queue) rouse(s *seat) {
	for i, p := range q.idle {
		if p == s {
			q.idle = append(q.idle[:i], q.idle[i+1:]...)
			break
		}
	}
	s.state = seatMoving
	s.since = time.Time{}
	q.awake++
}

// surplus tells a seat that wants the next request to park instead: others move, and the GIL
// has been in use for a while without it. Otherwise those others may just have blocked.
func (q *Queue) surplus(s *seat) bool {
	q.unstick(s)
	return !q.closed && q.movers() > q.wanted && q.calm >= settledLooks
}

// unstick: the seat has come back from its request.
func (q *Queue) unstick(s *seat) {
	if s.state == seatStuck {
		s.state = seatMoving
		q.stuck--
	}
	s.since = time.Time{}
}

// took notes that s runs c.
func (q *Queue) took(s *seat, c *Call) {
	now := time.Now()
	q.taken++
	q.waited += now.Sub(c.pushed)
	s.since = now
	c.begun = now
}

// park takes a seat out of the race. It then gives up the GIL and waits.
func (q *Queue) park(s *seat) {
	q.unstick(s)
	s.state = seatParked
	q.awake--
	q.idle = append(q.idle, s)
}

// look is one tick: it finds the seats that no longer move, and returns those to wake.
func (q *Queue) look(now time.Time) (wake []*seat) {
	if q.n == 0 {
		q.quiet++
		q.calm = 0
		q.pressed = time.Time{}
		return nil
	}
	q.quiet = 0
	moved := q.taken != q.tookAt
	q.tookAt = q.taken
	stuck := q.stuck
	inUse := q.examine(now)
	switch {
	case inUse:
		q.idled, q.burst = 0, 0
		if q.calm++; q.calm >= calmLooks && q.wanted > 1 {
			q.wanted--
			q.calm = 0
		}
	case q.stuck > stuck || !moved:
		q.calm, q.idled = 0, 0 // long waits: the next threads are woken for those
		q.burst = min(max(2*q.burst, 1), burstMax)
	default:
		q.calm = 0
		if q.idled++; q.idled >= idleLooks && q.wanted < len(q.seats) {
			q.wanted++
			q.idled = 0
		}
	}
	missing := q.wanted - q.movers()
	if missing > 0 {
		missing = max(missing, q.burst)
	}
	for n := min(missing, q.n); n > 0; n-- {
		s := q.next()
		if s == nil {
			break
		}
		wake = append(wake, s)
	}
	q.press(now)
	return wake
}

// examine marks the seats that are stuck, and tells whether the GIL is in use, as far as
// one glance can: whether any thread that is not stuck wants the CPU. A thread that waits
// for the GIL does not; but then another one has it, and does.
func (q *Queue) examine(now time.Time) (inUse bool) {
	for _, s := range q.seats {
		if s.state != seatMoving {
			continue
		}
		if s.since.IsZero() {
			inUse = true // between two requests, or on its way from sleep: it is about to move
			continue
		}
		if now.Sub(s.since) >= longTime {
			q.stick(s)
			continue
		}
		inUse = inUse || s.worker.Runnable()
	}
	if inUse {
		return true
	}
	for _, s := range q.seats {
		if s.state == seatMoving && now.Sub(s.since) >= blockedTime {
			q.stick(s)
		}
	}
	return false
}

func (q *Queue) stick(s *seat) {
	s.state = seatStuck
	q.stuck++
}

// press reports a queue that has outgrown its threads.
func (q *Queue) press(now time.Time) {
	switch {
	case q.parked() > 0:
		q.pressed = time.Time{}
	case q.pressed.IsZero():
		q.pressed = now
	case now.Sub(q.pressed) >= pressedTime && now.Sub(q.outgrown) >= outgrownPeriod && q.Outgrown != nil:
		q.outgrown = now
		report := q.Outgrown
		go func() { report(q.Stats()) }() // Stats takes the mutex, which is held here
	}
}

// kick starts the ticking again, if it sleeps.
func (q *Queue) kick() {
	if !q.sleeping || q.kicks == nil {
		return
	}
	q.sleeping = false
	select {
	case q.kicks <- struct{}{}:
	default:
	}
}

// monitor looks every tick while requests wait, and sleeps otherwise.
func (q *Queue) monitor() {
	for range q.kicks {
		ticker := time.NewTicker(tick)
		for now := range ticker.C {
			q.mu.Lock()
			wake := q.look(now)
			closed := q.closed && q.n == 0
			rest := closed || q.quiet >= quietLooks
			q.sleeping = rest
			q.mu.Unlock()
			for _, s := range wake {
				s.worker.Wake()
			}
			if closed {
				ticker.Stop()
				return
			}
			if rest {
				break
			}
		}
		ticker.Stop()
	}
}
