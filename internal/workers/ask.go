package workers

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"sync"
	"time"
)

// question is something that the front asks a worker, one at a time: one that does not answer is not
// asked again, so that nothing piles up in its socket.
type question[T any] struct {
	turn   chan struct{} // who asks has what is in it
	answer chan T        // holds one
	open   bool          // no answer has come to the last one; whoever has the turn looks
}

func newQuestion[T any]() *question[T] {
	q := &question[T]{turn: make(chan struct{}, 1), answer: make(chan T, 1)}
	q.turn <- struct{}{}
	return q
}

// answered is told what has come, asked for or not.
func (q *question[T]) answered(a T) {
	select {
	case q.answer <- a:
	default:
	}
}

// ask sends m and waits for the answer. False: none has come until ctx's end, or the process is no more.
func (q *question[T]) ask(ctx context.Context, p *process, m message) (a T, ok bool) {
	select {
	case <-q.turn:
		defer func() { q.turn <- struct{}{} }()
	case <-p.exited:
		return a, false
	case <-ctx.Done():
		return a, false
	}
	if q.open { // what comes now is the answer to an earlier one
		if _, ok := q.wait(ctx, p); !ok {
			return a, false
		}
	}
	select {
	case <-q.answer: // nobody has asked
	default:
	}
	if p.say(m, -1) != nil {
		return a, false
	}
	q.open = true
	return q.wait(ctx, p)
}

func (q *question[T]) wait(ctx context.Context, p *process) (a T, ok bool) {
	select {
	case a := <-q.answer:
		q.open = false
		return a, true
	case <-p.exited:
	case <-ctx.Done():
	}
	return a, false
}

// each calls f for each of the processes, all at once: who does not answer takes no time from the others.
func each(processes []*process, f func(*process)) {
	var asked sync.WaitGroup
	for _, p := range processes {
		asked.Go(func() { f(p) })
	}
	asked.Wait()
}

// taking are the processes that take requests.
func (f *Fleet) taking() []*process {
	f.mu.Lock()
	defer f.mu.Unlock()
	return slices.Clone(f.current)
}

// living are all processes: also those that import the app, or leave.
func (f *Fleet) living() []*process {
	f.mu.Lock()
	defer f.mu.Unlock()
	return slices.Collect(maps.Keys(f.all))
}

// find is the process that is meant, of all that live; nil: there is none.
func (f *Fleet) find(meant func(*process) bool) *process {
	living := f.living()
	if i := slices.IndexFunc(living, meant); i >= 0 {
		return living[i]
	}
	return nil
}

// noAnswer stands for the stacks of a process that is stopped, say.
const noAnswer = "the process does not answer\n"

// Stacks are those of all processes' Python threads, by pid: also of those that import the app, or leave.
func (f *Fleet) Stacks(ctx context.Context) map[int]string {
	var mu sync.Mutex
	texts := map[int]string{}
	each(f.living(), func(p *process) {
		text, ok := p.stacks.ask(ctx, p, message{WantStacks: true})
		switch {
		case !ok && ctx.Err() == nil:
			return // it is gone
		case !ok:
			text = noAnswer
		}
		mu.Lock()
		defer mu.Unlock()
		texts[p.pid()] = text
	})
	return texts
}

// noThread is said of a request that has ended since, or waits for a thread of its process still.
const noThread = "no Python thread has this request at the moment\n"

// Stack is that of the Python thread of one process that has the request in the slot.
func (f *Fleet) Stack(ctx context.Context, pid, slot int) string {
	p := f.find(func(p *process) bool { return p.pid() == pid && p.member.Load() != nil })
	if p == nil {
		return fmt.Sprintf("there is no worker process %d any more\n", pid)
	}
	text, ok := p.stack.ask(ctx, p, message{WantStack: &slot})
	if !ok {
		return noAnswer
	}
	return text
}

// figuresTime is how long processes have to tell their figures. They need no GIL for it.
const figuresTime = 100 * time.Millisecond

// Refresh has the pool know what the processes' threads are at, as far as they say so in time.
func (f *Fleet) Refresh() {
	ctx, cancel := context.WithTimeout(context.Background(), figuresTime)
	defer cancel()
	each(f.taking(), func(p *process) {
		if a, ok := p.figures.ask(ctx, p, message{WantFigures: true}); ok {
			p.member.Load().Tell(a.stats())
		}
	})
}
