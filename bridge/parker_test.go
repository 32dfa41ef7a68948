package bridge

import "sync"

// parker is the sleep of a [Worker] in Go. The zero value is awake.
type parker struct {
	once sync.Once
	c    chan struct{}
}

func (p *parker) wakeups() chan struct{} {
	p.once.Do(func() { p.c = make(chan struct{}, 1) })
	return p.c
}

func (p *parker) sleep() { <-p.wakeups() }

// Wake panics where the contract is broken: twice for one Park.
func (p *parker) Wake() {
	select {
	case p.wakeups() <- struct{}{}:
	default:
		panic("bridge: Wake was called twice for one Park")
	}
}
