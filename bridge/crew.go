package bridge

import (
	"maps"
	"os"
	"slices"
	"time"
)

// Crew is the threads of one worker: of this process, or of the worker processes that have had a
// number, one after the other.
type Crew struct {
	Number    int // from 1
	PID       int // 0: no process has the number at the moment
	Spawned   time.Time
	Spawns    int      // processes that have had the number
	Threads   []Thread // by number; they count since the server's start, not the process's
	Fresh     uint64   // requests of the present process
	Accepting bool     // it takes requests
}

// Served is what the crew's threads have done together.
func (c *Crew) Served() (sum Tally) {
	for i := range c.Threads {
		sum.Add(&c.Threads[i].Tally)
	}
	return sum
}

// Status is what it is at, in uWSGI's words: "busy" with a request, "idle", or "cheap" without a process.
func (c *Crew) Status() string {
	switch {
	case c.PID == 0:
		return "cheap"
	case slices.ContainsFunc(c.Threads, func(t Thread) bool { return t.Request != nil }):
		return "busy"
	}
	return "idle"
}

// crews is this process alone.
func (q *Queue) crews() (crews, leaving []Crew) {
	q.mu.Lock()
	c := Crew{Number: 1, PID: os.Getpid(), Spawned: q.begun, Spawns: 1, Accepting: !q.closed}
	q.mu.Unlock()
	c.Threads = looks(q.places())
	served := c.Served()
	c.Fresh = served.Requests
	return []Crew{c}, nil
}

// place is what a pool keeps of the processes that have had a number. Under the pool's mutex.
type place struct {
	spawns  int
	members []*Member     // the last one has the number; of the others something is left still
	gone    []Tally       // by thread: of those that nothing is left of
	gilGone time.Duration // what those have waited for the GIL
}

// settleIn gives the member its number. Under the mutex.
func (p *Pool) settleIn(m *Member) {
	if p.numbers == nil {
		p.numbers = map[int]*place{}
	}
	l := p.numbers[m.Number]
	if l == nil {
		l = new(place)
		p.numbers[m.Number] = l
	}
	m.place = l
	l.spawns++
	l.members = append(l.members, m)
}

// forget is told that nothing changes m's figures any more.
func (l *place) forget(m *Member) {
	l.members = slices.DeleteFunc(l.members, func(o *Member) bool { return o == m })
	for i, r := range m.slots {
		if i == len(l.gone) {
			l.gone = append(l.gone, Tally{})
		}
		l.gone[i].Add(&r.seat.tally)
	}
	l.gilGone += m.figures.GILWait
}

func (l *place) gilWait() time.Duration {
	sum := l.gilGone
	for _, m := range l.members {
		sum += m.figures.GILWait
	}
	return sum
}

// crews are one for each number that a process has had. leaving are processes that have requests still, and
// a successor.
func (p *Pool) crews() (crews, leaving []Crew) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, number := range slices.Sorted(maps.Keys(p.numbers)) {
		l := p.numbers[number]
		c := Crew{Number: number, Spawns: l.spawns}
		for i := range l.gone {
			c.count(i, &l.gone[i])
		}
		for _, m := range slices.Backward(l.members) {
			one := m.crew()
			for i := range one.Threads {
				c.count(i, &one.Threads[i].Tally)
			}
			switch {
			case m.lost():
			case c.PID != 0:
				leaving = append(leaving, one)
			default:
				c.PID, c.Spawned, c.Fresh, c.Accepting = one.PID, one.Spawned, one.Fresh, one.Accepting
				for i := range one.Threads {
					c.Threads[i].Request = one.Threads[i].Request
				}
			}
		}
		crews = append(crews, c)
	}
	return crews, leaving
}

// count adds to the figures of a thread.
func (c *Crew) count(i int, t *Tally) {
	if i == len(c.Threads) {
		c.Threads = append(c.Threads, Thread{})
	}
	c.Threads[i].Tally.Add(t)
}

// crew is the process alone. Under the mutex.
func (m *Member) crew() Crew {
	c := Crew{Number: m.Number, PID: m.PID, Spawned: m.Spawned, Spawns: 1, Accepting: !m.leaving}
	for _, r := range m.slots {
		c.Threads = append(c.Threads, r.seat.look())
	}
	served := c.Served()
	c.Fresh = served.Requests
	return c
}

// lost tells whether the process is no more.
func (m *Member) lost() bool {
	select {
	case <-m.dead:
		return true
	default:
		return false
	}
}

// figures are what a worker process says of its threads, as far as it can be.
type figures struct {
	Active, Blocked int
	GILWait         time.Duration
	at              time.Time
}

// figuresLast is how long a process's word on its threads counts.
const figuresLast = time.Second

// Tell is told what the process says of its own queue. It may lie: the sum of the waits only grows, and
// not faster than time.
func (m *Member) Tell(st Stats) {
	m.pool.mu.Lock()
	defer m.pool.mu.Unlock()
	f := &m.figures
	f.at = time.Now()
	f.Active = max(0, min(st.Active, m.Threads))
	f.Blocked = max(0, min(st.Blocked, m.Threads-f.Active))
	f.GILWait = max(f.GILWait, min(st.GILWait, time.Duration(m.Threads)*f.at.Sub(m.Spawned)))
}

// awake is how many threads of the process run: by its own word, else by what it was given. Under the mutex.
func (m *Member) awake(now time.Time) (active, blocked int) {
	if now.Sub(m.figures.at) < figuresLast {
		return m.figures.Active, m.figures.Blocked
	}
	return min(m.out, m.Threads), 0
}
