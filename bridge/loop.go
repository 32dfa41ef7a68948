package bridge

import (
	"slices"
	"time"

	"github.com/gowsgi/gowsgi/internal/link"
)

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
					p.doze = nil // only the loop asks
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
