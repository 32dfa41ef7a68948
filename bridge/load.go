package bridge

// Load is what the processes of a pool are at, for who decides how many there are to be.
type Load struct {
	Processes int  // those that take requests
	Busy      int  // those of them that have requests
	Behind    bool // each of them has requests that wait for it, in the queue or offered and not taken
}

// Load looks at the processes. It differs from what [Pool.Outgrown] is told of: requests that are not taken
// because short ones before them have the GIL gain nothing by more threads, but much by one more process.
// What a thread has taken counts as running, also where it waits for the GIL.
func (p *Pool) Load() Load {
	p.mu.Lock()
	defer p.mu.Unlock()
	var l Load
	ahead := 0
	for _, m := range p.members {
		if m.leaving {
			continue
		}
		l.Processes++
		if m.out > 0 || m.stalled {
			l.Busy++
		}
		if !m.behind() {
			ahead++
		}
	}
	l.Behind = l.Processes > 0 && ahead == 0
	return l
}

// behind tells whether requests wait for the process. Under the mutex.
func (m *Member) behind() bool {
	if m.stalled || m.out >= m.Threads && m.pool.n > 0 {
		return true
	}
	for _, r := range m.slots {
		if r.call != nil && !r.talking && !m.front.IsTaken(r.slot) {
			return true
		}
	}
	return false
}
