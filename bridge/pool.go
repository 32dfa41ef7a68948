package bridge

import (
	"os"
	"slices"
	"sync"
	"time"

	"github.com/gowsgi/gowsgi/internal/link"
)

// Pool is the queue in front of worker processes. Requests wait in it, oldest first; each goes to
// the process that has the fewest, which gets as many as it has threads. Those that share a GIL don't take
// them all at once; what has not been taken can be had back, when another process has nothing to do, or
// when its own stops or dies.
//
// One goroutine, the loop, asks the [Source], and takes in what the processes answer. It sends
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

// Process is what a pool is told of a worker process.
type Process struct {
	Number  int // from 1; one that leaves, and the one in its place, have the same
	PID     int
	Spawned time.Time
	Threads int
	// Spoilt is told once, on a goroutine of its own, that the process has written nonsense: it must be ended.
	Spoilt func(error)
}

// Member is one worker process in a pool.
type Member struct {
	Process

	pool    *Pool
	place   *place
	front   *link.Front
	figures figures
	slots   []*remote
	unused  []*remote
	out     int // requests that the process has, taken or not
	leaving bool
	idle    chan struct{} // closed when it is leaving and has none left
	dead    chan struct{} // closed when the process is no more
	once    sync.Once     // Spoilt was told
	moves   uint64        // messages read
	moved   uint64        // moves at the last sweep
	stalled bool          // it did not take what it was offered; until it takes something, or says so
	probed  time.Time     // when it stalled, or was offered something last to see whether it is back
	served  uint64
	closed  bool // the link is
}

// Join adds a process that is ready: front is its link, which is the pool's from here on.
func (p *Pool) Join(front *link.Front, process Process) (*Member, error) {
	m := &Member{Process: process, pool: p, front: front, idle: make(chan struct{}), dead: make(chan struct{})}
	for i := range front.Size().Slots {
		r := &remote{pool: p, m: m, slot: i, seat: &seat{id: i}, events: make(chan link.Event, 2), files: make(chan *os.File, 1)}
		r.seat.remote = r
		m.slots = append(m.slots, r)
		m.unused = append(m.unused, r)
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.watch != nil {
		if err := p.watch(front.News()); err != nil {
			return nil, err
		}
	}
	p.members = append(p.members, m)
	p.settleIn(m)
	p.interrupt() // it must be asked, too
	p.assign()
	return m, nil
}

// Served is how many requests the process has ended.
func (m *Member) Served() uint64 {
	m.pool.mu.Lock()
	defer m.pool.mu.Unlock()
	return m.served
}

// Busy is how many requests the process has.
func (m *Member) Busy() int {
	m.pool.mu.Lock()
	defer m.pool.mu.Unlock()
	return m.out
}

// Retire has the process get nothing more. What it has not taken goes to others. The channel is
// closed when it has nothing left.
func (m *Member) Retire() <-chan struct{} {
	p := m.pool
	p.mu.Lock()
	defer p.mu.Unlock()
	m.leaving = true
	m.withdraw(len(m.slots))
	m.settle()
	p.assign()
	return m.idle
}

// Lost is told that the process is no more: what it had taken is answered 502 where that can be
// said, and what it had not goes to others. The link is closed when nobody needs it any more.
func (m *Member) Lost() {
	p := m.pool
	p.mu.Lock()
	if p.unwatch != nil {
		p.unwatch(m.front.News())
	}
	last := m.messages() // what it had to say before
	p.members = slices.DeleteFunc(p.members, func(o *Member) bool { return o == m })
	m.leaving = true
	m.withdraw(len(m.slots))
	for _, r := range m.slots {
		if r.call != nil && !r.talking {
			r.talking = true
			last = append(last, r)
			r.missing = true
		}
	}
	close(m.dead)
	m.settle()
	p.assign()
	p.mu.Unlock()
	for _, r := range last {
		go r.converse(false)
	}
}

// Deliver gives the slot's request a descriptor that the process has sent. It is the pool's.
func (m *Member) Deliver(slot int, file *os.File) {
	if slot >= 0 && slot < len(m.slots) {
		select {
		case m.slots[slot].files <- file:
			return
		default:
		}
	}
	_ = file.Close()
}

// spoilt has the process ended. With or without the pool's mutex.
func (m *Member) spoilt(err error) {
	m.once.Do(func() { go m.Spoilt(err) })
}

// settle ends the member's part when it has nothing left. Under the mutex.
func (m *Member) settle() {
	if !m.leaving || m.out > 0 {
		return
	}
	select {
	case <-m.idle:
	default:
		close(m.idle)
	}
	select {
	case <-m.dead:
		if m.closed {
			return
		}
		m.closed = true
		m.place.forget(m)
		_ = m.front.Close()
	default:
	}
}

// withdraw takes up to n requests back that the process has not taken. Under the mutex.
func (m *Member) withdraw(n int) {
	for _, r := range m.slots {
		if n > 0 && r.call != nil && !r.talking && m.takeBack(r) {
			n--
		}
	}
}

// takeBack puts the slot's request back into the queue, where its age has it, unless the process has
// taken it. Under the mutex.
func (m *Member) takeBack(r *remote) bool {
	if !m.front.Withdraw(r.slot) {
		return false
	}
	c := r.call
	r.seat.mu.Lock()
	r.seat.call = nil
	r.seat.mu.Unlock()
	c.seat = nil // no thread has had it
	m.unuse(r)
	m.pool.putBack(c)
	return true
}

// unuse makes the slot free. Under the mutex.
func (m *Member) unuse(r *remote) {
	r.call, r.talking = nil, false
	m.out--
	m.unused = append(m.unused, r)
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

// sweep notices members that do not take what they were offered: they are stopped, or all of their
// threads hang. Others get it.
func (p *Pool) sweep(now time.Time) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, m := range p.members {
		m.check(now)
		for _, r := range m.slots {
			// Those whose client has left are not started: assign sees to that.
			if r.call != nil && !r.talking && r.call.stale(now) {
				m.takeBack(r)
			}
		}
		if m.stalled && m.isBack() {
			m.stalled = false
		}
		if m.moves == m.moved && m.out > 0 && m.withdrawable(now) {
			if !m.stalled {
				m.stalled, m.probed = true, now
			}
			m.withdraw(len(m.slots))
		}
		m.moved = m.moves
	}
	p.assign()
	p.press(now)
}

// probeInterval is how often a process that has stalled may be offered something: that waits a while
// for nothing then. It looks at its offers also when its threads can't take any, so looking says nothing.
const probeInterval = time.Second

// isBack tells whether the process has taken what it was offered since it stalled. Under the mutex.
func (m *Member) isBack() bool {
	return slices.ContainsFunc(m.slots, func(r *remote) bool {
		return r.call != nil && !r.talking && !r.call.begun.Before(m.probed) && m.front.IsTaken(r.slot)
	})
}

// check has a process ended of which requests would wait for ever: the app has written over what it
// shares with the front. Under the mutex.
func (m *Member) check(now time.Time) {
	sane, late := m.front.Sane(), false
	for _, r := range m.slots {
		if r.call != nil && !r.talking {
			sane = sane && m.front.SaneSlot(r.slot)
			late = late || now.Sub(r.call.begun) >= stallTime && !m.front.IsTaken(r.slot)
		}
	}
	switch {
	case !sane:
		m.spoilt(link.ErrBroken)
	case late:
		m.front.Ring() // its word that it naps may be lost
	}
}

// stallTime is how long an offer may lie before it is taken back.
const stallTime = 100 * time.Millisecond

// withdrawable tells whether an offer lies for long, and another member could have it.
func (m *Member) withdrawable(now time.Time) bool {
	others := slices.ContainsFunc(m.pool.members, func(o *Member) bool { return o != m && !o.leaving && !o.stalled })
	return others && slices.ContainsFunc(m.slots, func(r *remote) bool {
		return r.call != nil && !r.talking && now.Sub(r.call.begun) >= stallTime && !m.front.IsTaken(r.slot)
	})
}

// attach gives the pool its source, and starts the loop.
func (p *Pool) attach(s Source) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.source != nil {
		return false
	}
	p.source = s
	if w, ok := s.(watcher); ok {
		p.watch, p.unwatch, p.doze = w.watch, w.unwatch, w.doze
		for _, m := range p.members {
			if p.watch(m.front.News()) != nil {
				return false
			}
		}
	}
	go p.lead()
	return true
}

// watcher is a source whose Wait ends also when other descriptors change, and that can wait for a short time:
// doze's false says that it can't.
type watcher interface {
	watch(fd int) error
	unwatch(fd int)
	doze(d time.Duration) bool
}

func (p *Pool) interrupt() {
	if p.source != nil {
		p.source.Interrupt()
	}
}

// answersBatch is how many answers are taken in before the source is asked again.
const answersBatch = 32

// lead is the loop, until a conversation in it has to wait: then another goroutine has it.
func (p *Pool) lead() {
	for {
		more := false
		for range answersBatch {
			r := p.next()
			if more = r != nil; !more {
				break
			}
			if !r.converse(true) {
				return
			}
		}
		if !p.ask(!more) {
			return
		}
	}
}

// ask asks the source; block: it waits there unless a member has something to say. False: the pool
// is closed, and has nothing left.
func (p *Pool) ask(block bool) bool {
	if block {
		p.mu.Lock()
		if p.closed && p.n == 0 && !slices.ContainsFunc(p.members, func(m *Member) bool { return m.out > 0 }) {
			p.mu.Unlock()
			return false
		}
		if p.doze != nil {
			if d := p.pace.rest(time.Now(), p.members); d > 0 {
				p.mu.Unlock()
				if !p.doze(d) {
					p.doze = nil
				}
				p.source.Dispatch()
				return true
			}
		}
		for _, m := range p.members {
			block = m.front.Nap() && block
		}
		p.mu.Unlock()
	}
	p.source.Wait(block)
	if block {
		p.mu.Lock()
		for _, m := range p.members {
			m.front.Awake()
		}
		p.mu.Unlock()
	}
	p.source.Dispatch()
	return true
}

// next is a slot whose first answer has come, nil when no member has anything to say.
func (p *Pool) next() *remote {
	p.mu.Lock()
	defer p.mu.Unlock()
	for range p.members {
		p.turn++
		m := p.members[p.turn%len(p.members)]
		for {
			r, some := m.message()
			if r != nil {
				return r
			}
			if !some {
				break
			}
		}
	}
	return nil
}

// messages are all that the member has to say.
func (m *Member) messages() (first []*remote) {
	for {
		r, some := m.message()
		if r != nil {
			first = append(first, r)
		}
		if !some {
			return first
		}
	}
}

// message takes in one message. first is a slot whose first answer it is. some: there was a message.
func (m *Member) message() (first *remote, some bool) {
	i, event, current, ok, err := m.front.Next()
	if err != nil {
		m.spoilt(err)
	}
	if !ok {
		return nil, false
	}
	m.moves++
	m.pool.pace.messages++
	m.stalled = false
	r := m.slots[i]
	switch {
	case r.call == nil || !current: // nothing of ours: it lies, or a read was stopped late
	case event == link.Wants:
		r.asked()
	case event == link.StopRead:
		r.call.InterruptRead()
	case event == link.StopWrite:
		r.call.InterruptWrite()
	case r.talking:
		select {
		case r.events <- event:
		default:
			m.spoilt(link.ErrBroken)
		}
	case event == link.Closed: // nothing was posted
		m.spoilt(link.ErrBroken)
	default:
		r.talking = true
		return r, true
	}
	return nil, true
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

// Running lists what the process is at, or was when it died: not what it has been offered and has not taken.
func (m *Member) Running() []Running {
	m.pool.mu.Lock()
	var seats []*seat
	for _, r := range m.slots {
		if r.call != nil && (r.talking || m.front.IsTaken(r.slot)) {
			seats = append(seats, r.seat)
		}
	}
	m.pool.mu.Unlock()
	return running(seats)
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
