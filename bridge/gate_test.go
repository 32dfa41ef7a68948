package bridge

import (
	"iter"
	"sync"
)

// gate holds requests inside an app until it is opened, once for all.
type gate struct {
	entered chan string // their paths
	opened  chan struct{}
	once    sync.Once
}

func newGate() *gate {
	return &gate{entered: make(chan string, 1024), opened: make(chan struct{})}
}

func (g *gate) open() { g.once.Do(func() { close(g.opened) }) }

// before is next behind the gate.
func (g *gate) before(next app) app {
	return func(c Request) iter.Seq2[Event, Reply] {
		return func(yield func(Event, Reply) bool) {
			g.pass(c)
			next(c)(yield)
		}
	}
}

func (g *gate) pass(c Request) {
	g.entered <- value(c, "PATH_INFO")
	<-g.opened
}
