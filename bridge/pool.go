package bridge

import (
	"slices"
	"sync"
	"time"
)

// Pool is the queue in front of worker processes. Requests wait in it, oldest first; each goes to
// the process that has the fewest, which gets as many as it has threads. Those that share a GIL don't take
// them all at once; what has not been taken can be had back, when another process has nothing to do, or
// when its own stops or dies (stall.go).
//
// One goroutine, the loop (loop.go), asks the [Source], and takes in what the processes answer. It sends
// answers as far as that needs no waiting; where it would have to wait, another goroutine becomes
// the loop first.
type Pool struct {
	// Limit is how many requests may wait for a thread; 0: no limit.
	Limit int
	// Outgrown is as [Queue]'s.
	Outgrown func(Stats)

	mu      sync.Mutex
	source  Source
	watch   func(fd int) error // has the source's Wait end when fd changes
	unwatch func(fd int)
	doze    func(time.Duration) bool // waits in the source without being rung; nil: it can't
	pace    pace
	members []*Member
	fifo
	turn     int            // the member whose messages are read next
	numbers  map[int]*place // what was in each
	taken    uint64
	waited   time.Duration
	full     uint64
	pressed  time.Time
	outgrown time.Time
	down     bool // nobody is there, and nobody will be soon
	closed   bool
	fileTime time.Duration // in place of the constant, if not 0
}

// Push implements the server's queue.
func (p *Pool) Push(c *Call) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed {
		return ErrQueueClosed
	}
	if p.down {
		return errNobody
	}
	if p.Limit > 0 && !p.spare() && p.n >= p.Limit {
		p.full++
		return ErrQueueFull
	}
	p.append(c)
	p.assign()
	return nil
}

// spare tells whether a process has a thread for one more.
func (p *Pool) spare() bool {
	return slices.ContainsFunc(p.members, func(m *Member) bool { return !m.leaving && !m.stalled && m.out < m.Threads })
}

// Expired takes back the oldest request if it was pushed before t, else nil.
func (p *Pool) Expired(t time.Time) *Call {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, m := range p.members { // what a process has is older than what waits here
		for _, r := range m.slots {
			if r.call != nil && !r.talking && r.call.pushed.Before(t) && m.takeBack(r) {
				return p.pop().(*Call)
			}
		}
	}
	if p.head == nil || !p.head.entry().pushed.Before(t) {
		return nil
	}
	return p.pop().(*Call)
}

// room is the member that is to have the next request, nil if none has room for it.
func (p *Pool) room() (best *Member) {
	for _, m := range p.members {
		if m.leaving || m.out >= m.Threads || len(m.unused) == 0 || m.front.Full() {
			continue
		}
		if m.stalled && time.Since(m.probed) < probeInterval {
			continue
		}
		if best == nil || m.stalled == best.stalled && m.out < best.out || !m.stalled && best.stalled {
			best = m
		}
	}
	return best
}

// assign gives waiting requests to members. Under the mutex.
func (p *Pool) assign() {
	for p.n > 0 {
		m := p.room()
		if m == nil {
			return
		}
		m.give(p.pop().(*Call), time.Now())
	}
}

// give offers the process a request.
func (m *Member) give(c *Call, now time.Time) {
	c.begun = now
	if m.stalled {
		m.probed = now
	}
	m.pool.taken++
	m.pool.waited += now.Sub(c.pushed)
	if c.stale(now) {
		go c.end(outcome{}, statusGone, now)
		return
	}
	last := len(m.unused) - 1
	r := m.unused[last]
	m.unused = m.unused[:last]
	m.out++
	r.call, r.deaf = c, false
	body, streams := c.Body()
	r.run = m.front.Offer(r.slot, c.Environ(), body, streams)
	c.enter(r.seat)
}

// free is told that a request has nothing more to do with its slot.
func (p *Pool) free(r *remote) {
	p.mu.Lock()
	defer p.mu.Unlock()
	m := r.m
	// Closed may come as a message after it was seen in the memory, until now: the slot's next request
	// must not take it for its own.
	for len(r.events) > 0 {
		<-r.events
	}
	if !r.missing {
		m.front.Release(r.slot)
	}
	m.unuse(r)
	m.served++
	m.settle()
	p.assign()
	if m.out == 0 && !m.leaving {
		p.share(m)
	}
}

// share has m, which has nothing to do, take over what another process has not taken yet.
func (p *Pool) share(m *Member) {
	var most *Member
	for _, o := range p.members {
		if o != m && o.out > 1 && (most == nil || o.out > most.out) {
			most = o
		}
	}
	if most != nil {
		most.withdraw(1)
		p.assign()
	}
}

// Close lets the loop end once nothing is left.
func (p *Pool) Close() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.closed = true
	p.interrupt()
}

// press reports a pool that has outgrown its processes.
func (p *Pool) press(now time.Time) {
	switch {
	case p.n == 0 || len(p.members) == 0 || !p.allTaken():
		p.pressed = time.Time{}
	case p.pressed.IsZero():
		p.pressed = now
	case now.Sub(p.pressed) >= pressedTime && now.Sub(p.outgrown) >= outgrownPeriod && p.Outgrown != nil:
		p.outgrown = now
		go p.Outgrown(p.stats())
	}
}

// allTaken tells whether every thread of every process has a request, and none waits for a GIL only.
func (p *Pool) allTaken() bool {
	for _, m := range p.members {
		if m.leaving {
			continue // its free threads are nobody's
		}
		if m.out < m.Threads {
			return false
		}
		for _, r := range m.slots {
			if r.call == nil || !r.talking && !m.front.IsTaken(r.slot) {
				return false
			}
		}
	}
	return true
}

// Stats tells the pool's state.
func (p *Pool) Stats() Stats {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.stats()
}

func (p *Pool) stats() Stats {
	st := Stats{Waiting: p.n, Taken: p.taken, WaitTotal: p.waited, Full: p.full}
	now := time.Now()
	for _, m := range p.members {
		active, blocked := m.awake(now)
		st.Threads += m.Threads
		st.Active += active
		st.Blocked += blocked
		st.Parked += m.Threads - active - blocked
	}
	for _, place := range p.numbers {
		st.GILWait += place.gilWait()
	}
	return st
}

// ready tells that there is a process that gets requests.
func (p *Pool) ready() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return !p.down && slices.ContainsFunc(p.members, func(m *Member) bool { return !m.leaving })
}

// Running lists what the processes are at.
func (p *Pool) Running() []Running { return running(p.places()) }

// places are the seats of all members.
func (p *Pool) places() (seats []*seat) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, m := range p.members {
		for _, r := range m.slots {
			seats = append(seats, r.seat)
		}
	}
	return seats
}

// Down has requests refused from now on, and those that wait answered: no process is there, and
// none will be soon. False ends that.
func (p *Pool) Down(down bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.down = down
	for down && p.n > 0 {
		go p.pop().(*Call).turnAway(errDown)
	}
}

func running(seats []*seat) (running []Running) {
	for _, s := range seats {
		s.mu.Lock()
		if c := s.call; c != nil {
			running = append(running, s.running(c))
		}
		s.mu.Unlock()
	}
	return running
}
