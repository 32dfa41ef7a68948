package bridge

import "time"

// pace is how fast messages come from the processes of a pool. When many do, and all the processes have work
// for a while, the loop sleeps for a fixed time in place of being rung for each: to ring costs a process some
// microseconds with the GIL, and the front a wake-up. Under the pool's mutex.
type pace struct {
	messages uint64        // ever
	each     time.Duration // the time from one to the next, of late; 0: unknown
	since    time.Time     // of the next measurement
	then     uint64        // messages at that time
}

const (
	pacePeriod = time.Millisecond // of a measurement
	restMost   = 400 * time.Microsecond
	// restWorth is how many messages a sleep must be for.
	restWorth = 2
)

// rest is how long the loop may sleep without being rung; 0: it must be. No process runs out of
// requests meanwhile, as far as the pace tells.
func (p *pace) rest(now time.Time, members []*Member) time.Duration {
	if d := now.Sub(p.since); d >= pacePeriod {
		p.each = d / time.Duration(max(p.messages-p.then, 1))
		p.since, p.then = now, p.messages
	}
	least := 0
	for i, m := range members {
		if i == 0 || m.out < least {
			least = m.out
		}
	}
	// Each process gives a message every len(members) times each, and must not end its last request.
	d := min(restMost, time.Duration(least-1)*time.Duration(len(members))*p.each/2)
	if d < restWorth*p.each {
		return 0
	}
	return d
}
