package bridge

import (
	"slices"
	"time"

	"github.com/gowsgi/gowsgi/internal/link"
)

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
