package bridge

import (
	"os"
	"slices"
	"sync"
	"time"

	"github.com/gowsgi/gowsgi/internal/link"
)

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
