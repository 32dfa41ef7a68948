package bridge

import "time"

// scheduler decides how many threads of one interpreter are awake.
//
// Only one thread can run Python at a time. Threads that are awake with nothing to do
// but fight for the GIL cost a CPU-bound app half its speed, so one thread keeps the
// GIL and takes request after request (it moves), and the others are parked. A thread
// that has blocked in I/O leaves the GIL idle, so another one is woken then.
//
// All of it runs under the queue's mutex, which is left for the source. A look every tick or
// so (see pace), while requests wait or run, finds out which threads have stopped moving:
//
//   - None of the awake threads wants the CPU: all of them are blocked. Those that have had their
//     request for blockedTime, or were asleep at it at the look before, are stuck; one more is
//     woken, and twice as many at each such look in a row. If none is (short I/O, many times a tick), one mover is not
//     enough to keep the GIL busy: wanted grows.
//   - A request has run for longTime: its thread is stuck too, whatever it does. CPython
//     shares the GIL among threads that compute, every 5 ms, so short requests get by. (One that
//     other processes keep from the CPU has not run.)
//   - Somebody wants the CPU at every look for calmTime: there are movers enough, and
//     wanted sinks towards one.
//
// A seat that comes back from a request parks when others have kept the GIL in use in its place.
//
// Most requests come from a [Source], which somebody has to ask. A thread that has found the
// queue empty does so, and if nothing is there, it leads: it waits in the source, and runs what
// it finds. While nobody leads, the monitor asks once a tick, or waits there itself.
type scheduler struct {
	awake  int // seats that are not parked
	stuck  int // of those, the ones that one request holds
	wanted int // movers that there should be while requests wait; at least 1
	idle   []*seat

	leader  *seat  // the one that waits in the source; not awake
	polling bool   // somebody is in the source
	pollers int    // 1: it is a thread, which has no request
	stands  bool   // it is the monitor, and it waits there
	polls   uint64 // how often the source was asked
	polled  uint64 // polls at the monitor's last look

	taken    uint64
	waited   time.Duration
	calm     int       // looks in a row with the GIL in use
	idled    int       // looks in a row with the GIL idle, though requests moved on
	burst    int       // threads that the last look woke behind blocked ones
	steady   int       // looks in a row that found nothing to do
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
	// blockedTime is how old the request of a sleeping thread must be for one look to tell that
	// it is blocked. A young one may be on its way between Go and Python.
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
	// steadyLooks is how many looks must find nothing to do before they come at lateTick.
	steadyLooks = 150
	lateTick    = 4 * tick
	// quietLooks is how many looks without anything waiting end the ticking.
	quietLooks = 100

	pressedTime    = time.Second
	outgrownPeriod = 10 * time.Second
)

// free is the number of threads that have no request, and will have one without a look.
func (q *Queue) free() int { return len(q.idle) + q.pollers }

func (q *Queue) movers() int { return q.awake - q.stuck }

// begin starts the scheduler, once.
func (q *Queue) begin() {
	if q.wanted > 0 {
		return
	}
	q.wanted = 1
	q.kicks = make(chan struct{}, 1)
	q.sleeping = true
	if !q.still && !q.closed {
		go q.monitor()
	}
}

// seated is a new seat: awake, about to take.
func (q *Queue) seated(s *seat) {
	q.begin()
	s.state = seatMoving
	q.awake++
}

// wakeup is that of a thread that sleeps; the zero value is nobody's.
type wakeup struct {
	seat  *seat
	leads bool // it sleeps in the source
}

// up ends the sleep. Without the mutex.
func (w wakeup) up(q *Queue) {
	switch {
	case w.seat == nil:
	case w.leads:
		q.source.Interrupt()
	default:
		w.seat.worker.Wake()
	}
}

// pushed is told of a new request, and returns who is to be woken for it, if anybody.
func (q *Queue) pushed() wakeup {
	var w wakeup
	if q.movers() < q.wanted {
		w = q.next()
	}
	if w.seat == nil {
		q.kick() // somebody must look whether those that move still do
	}
	return w
}

// next takes the leader, or the seat that was parked last (its caches are warm): awake from
// now on. The caller wakes it up.
func (q *Queue) next() wakeup {
	s, leads := q.leader, q.leader != nil
	switch {
	case leads:
		q.leader = nil
	case len(q.idle) > 0:
		s = q.idle[len(q.idle)-1]
		q.idle = q.idle[:len(q.idle)-1]
	default:
		return wakeup{}
	}
	q.rouse(s)
	return wakeup{s, leads}
}

// rouse makes a seat that sleeps awake.
func (q *Queue) rouse(s *seat) {
	s.state = seatMoving
	s.since = time.Time{}
	q.awake++
}

// mayPoll tells whether there is a source that nobody asks at the moment.
func (q *Queue) mayPoll() bool { return q.source != nil && !q.polling }

// poll asks the source, and does not wait. pollers is 1 for a thread. The mutex is not
// held meanwhile.
func (q *Queue) poll(pollers int) {
	q.polling, q.pollers = true, pollers
	q.mu.Unlock()
	q.source.Wait(false)
	q.source.Dispatch()
	q.mu.Lock()
	q.endPoll()
}

func (q *Queue) endPoll() {
	q.polling, q.pollers = false, 0
	q.polls++
}

// lead waits in the source, without the mutex and the GIL.
func (q *Queue) lead(s *seat) {
	s.state = seatParked
	q.awake--
	q.leader = s
	q.polling, q.pollers = true, 1
	q.mu.Unlock()
	s.worker.Idle()
	q.source.Wait(true)
	q.mu.Lock()
	if q.leader == s { // nobody has called it: the source had something to say
		q.leader = nil
		q.rouse(s)
	}
	q.mu.Unlock()
	q.source.Dispatch()
	q.mu.Lock()
	q.endPoll()
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
func (q *Queue) took(s *seat, c *ticket) {
	now := time.Now()
	q.taken++
	q.waited += now.Sub(c.pushed)
	s.since = now
	c.begun = now
	if q.source != nil {
		q.kick() // nobody leads
	}
}

// park takes a seat out of the race. It then gives up the GIL and waits.
func (q *Queue) park(s *seat) {
	q.unstick(s)
	s.state = seatParked
	q.awake--
	q.idle = append(q.idle, s)
}

// look is the second half: it finds the seats that no longer move, and returns whom to wake.
func (q *Queue) look(now time.Time) (wake []wakeup) {
	if q.n == 0 {
		q.quiet++
		q.steady++
		q.calm = 0
		q.pressed = time.Time{}
		return nil
	}
	q.quiet = 0
	stuck := q.stuck
	inUse := q.examine(now)
	switch {
	case inUse:
		q.idled, q.burst = 0, 0
		q.steady++
		if q.calm++; q.calm >= calmLooks && q.wanted > 1 {
			q.wanted--
			q.calm = 0
		}
	case q.stuck > stuck:
		q.calm, q.idled = 0, 0 // long waits: the next threads are woken for those
		q.steady = 0
		q.burst = min(max(2*q.burst, 1), burstMax)
	default:
		q.calm = 0
		if q.idled++; q.idled >= idleLooks && q.wanted < len(q.seats) {
			q.wanted++
			q.idled, q.steady = 0, 0
		}
	}
	missing := q.wanted - q.movers()
	if missing > 0 {
		missing = max(missing, q.burst)
	}
	for n := min(missing, q.n); n > 0; n-- {
		w := q.next()
		if w.seat == nil {
			break
		}
		wake = append(wake, w)
	}
	q.press(now)
	return wake
}

// pace is the time until the next look. One costs some 50 µs of another CPU, so they come late
// while threads don't block. (Earlier than a tick is not to be had: Go's timers are as coarse.)
func (q *Queue) pace() time.Duration {
	if q.steady >= steadyLooks {
		return lateTick
	}
	return tick
}

// glance sees which threads run: the first half of a look. Without the mutex, which a thread
// would wait for, and not run. Also while nothing waits: the monitor may find a request right after.
func (q *Queue) glance() {
	q.mu.Lock()
	seats := q.seats
	for _, s := range seats {
		s.seen = time.Time{}
		if s.state == seatMoving {
			s.seen = s.since
		}
	}
	q.mu.Unlock()
	for _, s := range seats {
		if !s.seen.IsZero() {
			s.ran = s.worker.Runnable()
			s.clock()
		}
	}
}

// examine marks the seats that are stuck, and tells whether the GIL is in use, as far as
// one glance can: whether any thread that is not stuck wants the CPU. A thread that waits
// for the GIL does not; but then another one has it, and does.
func (q *Queue) examine(now time.Time) (inUse bool) {
	for _, s := range q.seats {
		if s.state != seatMoving {
			continue
		}
		if s.since.IsZero() || s.since != s.seen {
			inUse = true // between two requests, on its way from sleep, or at another request since the glance
			continue
		}
		if now.Sub(s.since) >= longTime && !s.starved() {
			q.stick(s)
			continue
		}
		if s.ran {
			inUse = true
			s.slept = time.Time{}
		}
	}
	if inUse {
		return true
	}
	for _, s := range q.seats {
		switch {
		case s.state != seatMoving:
		case s.slept == s.since || now.Sub(s.since) >= blockedTime:
			q.stick(s)
		default:
			s.slept = s.since
		}
	}
	return false
}

// clock notes what the thread has computed, for the request that the glance has seen.
func (s *seat) clock() {
	cpu, known := s.worker.CPU()
	if s.clocked != s.seen {
		s.clocked, s.first = s.seen, cpu
	}
	if s.last = cpu; !known {
		s.clocked = time.Time{}
	}
}

// starved tells whether the thread wants a CPU, and has not had one for a good part of longTime. What it
// computed before the first glance is not known.
func (s *seat) starved() bool { return s.ran && s.clocked == s.seen && s.last-s.first < longTime/2 }

func (q *Queue) stick(s *seat) {
	s.state = seatStuck
	q.stuck++
}

// press reports a queue that has outgrown its threads.
func (q *Queue) press(now time.Time) {
	switch {
	case q.awake < len(q.seats):
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
	if q.stands { // it sleeps in the source
		q.stands = false
		q.source.Interrupt()
		return
	}
	if !q.sleeping || q.kicks == nil {
		return
	}
	q.sleeping = false
	select {
	case q.kicks <- struct{}{}:
	default:
	}
}

// monitor looks every tick while requests wait or run, and sleeps otherwise.
func (q *Queue) monitor() {
	for range q.kicks {
		for q.watch() {
			q.stand()
		}
		q.mu.Lock()
		ended := q.closed && q.n == 0
		q.mu.Unlock()
		if ended {
			return
		}
	}
}

// watch looks again and again until there has been nothing to see for a while. True: nobody is in
// the source, the threads that are awake are at something long.
func (q *Queue) watch() bool {
	pace := tick
	ticker := time.NewTicker(pace)
	defer ticker.Stop()
	taken := uint64(0)
	for now := range ticker.C {
		q.glance()
		q.mu.Lock()
		if q.mayPoll() && q.polls == q.polled {
			if q.n == 0 {
				q.steady = 0 // no thread has time to ask
			}
			q.poll(0)
		}
		q.polled = q.polls
		moved := q.taken != taken
		taken = q.taken
		wake := q.look(now)
		if q.n == 0 && q.awake == 0 && q.mayPoll() && !q.closed {
			wake = append(wake, q.next()) // a thread that came while the monitor was in the source: it is to lead
		}
		quiet := q.quiet >= quietLooks && (q.source == nil || q.polling || !moved)
		rest := quiet && (q.source == nil || q.polling) || q.closed && q.n == 0
		q.sleeping = rest
		changed := pace != q.pace()
		pace = q.pace()
		q.mu.Unlock()
		for _, w := range wake {
			w.up(q)
		}
		if changed {
			ticker.Reset(pace)
		}
		if rest || quiet {
			return !rest
		}
	}
	return false
}

// stand waits in the source in place of the threads, of which none leads.
func (q *Queue) stand() {
	q.mu.Lock()
	defer q.mu.Unlock()
	if !q.mayPoll() || q.closed {
		return
	}
	q.polling, q.stands = true, true
	q.mu.Unlock()
	q.source.Wait(true)
	q.mu.Lock()
	q.stands = false // it looks again soon
	q.mu.Unlock()
	q.source.Dispatch()
	q.mu.Lock()
	q.endPoll()
}
