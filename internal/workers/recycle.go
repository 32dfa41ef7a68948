package workers

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"sync"
	"time"

	"github.com/gowsgi/gowsgi/bridge"
	proc "github.com/gowsgi/gowsgi/internal/process"
)

// Recycling says when a process is to be replaced though nothing is wrong with it. Zeros never.
type Recycling struct {
	Requests uint64        // that it has served
	Delta    uint64        // at most so many more, by chance, so that not all are replaced at once
	MinAge   time.Duration // before which it is not, whatever it has served
	MaxAge   time.Duration
	RSS      int64 // bytes of memory: it ends its requests first
	EvilRSS  int64 // bytes of memory: it is killed
}

// watchInterval is how often the processes are looked at.
const watchInterval = 100 * time.Millisecond

// watch recycles processes, until the fleet ends.
func (f *Fleet) watch() {
	ticker := time.NewTicker(watchInterval)
	defer ticker.Stop()
	for {
		select {
		case <-f.end:
			return
		case now := <-ticker.C:
			for _, p := range f.taking() {
				f.examine(p, now)
			}
		}
	}
}

// reason says why a process is to be replaced, if it is. limit is how many requests it is to serve; 0: any number.
// evil: it is to be killed.
func (r *Recycling) reason(age time.Duration, served, limit uint64, rss int64) (why string, evil bool) {
	switch {
	case r.EvilRSS > 0 && rss >= r.EvilRSS:
		return "evil-reload-on-rss", true
	case r.RSS > 0 && rss >= r.RSS && age >= r.MinAge:
		return "reload-on-rss", false
	case limit > 0 && served >= limit && age >= r.MinAge:
		return "max-requests", false
	case r.MaxAge > 0 && age >= r.MaxAge:
		return "max-worker-lifetime", false
	}
	return "", false
}

func (f *Fleet) examine(p *process, now time.Time) {
	r := &f.config.Recycling
	var rss int64
	if r.EvilRSS > 0 || r.RSS > 0 {
		_, rss = proc.SizeOf(p.pid())
	}
	switch why, evil := r.reason(now.Sub(p.begun), p.member.Load().Served(), p.limit, rss); {
	case evil:
		f.count(p, why)
		p.kill(fmt.Sprintf("killed for its %d MiB of memory", rss>>20))
	case why != "" && !p.replaced.Load():
		go f.recycle(p, why)
	}
}

// requestLimit is that of a new process.
func (f *Fleet) requestLimit() uint64 {
	r := &f.config.Recycling
	if r.Requests == 0 {
		return 0
	}
	return r.Requests + rand.Uint64N(r.Delta+1)
}

// recycle has another process take p's place, and p end its requests then. If no other can be
// started, p goes on.
func (f *Fleet) recycle(p *process, why string) {
	if p.leaving.Load() || p.replaced.Swap(true) {
		return
	}
	f.log.Info("a worker process is replaced", "worker", p.number, "pid", p.pid(), "reason", why)
	f.count(p, why)
	f.succeed(p)
	p.retire(f.config.Mercy, 0)
}

// succeed starts a process in p's place, until one is ready, or none is needed there.
func (f *Fleet) succeed(p *process) {
	f.mu.Lock()
	if p.leaving.Load() || p.over {
		f.mu.Unlock()
		return // there is one already, or should be none
	}
	p.succeeded.Store(true)
	s := f.order(p.number)
	f.mu.Unlock()
	f.replace(s)
	p.leaving.Store(true)
}

// unwedge has another process take the place of one that says that one thread keeps the GIL. When that is
// so still, nothing there will end, and it is killed.
func (f *Fleet) unwedge(p *process) {
	m := p.member.Load()
	if m == nil || p.leaving.Load() || p.replaced.Swap(true) {
		return // who has it leave sees to its end
	}
	f.log.Error("a thread keeps the GIL; the worker process is replaced", "worker", p.number, "pid", p.pid())
	f.count(p, "gil-timeout")
	f.succeed(p)
	select {
	case <-f.end: // Close does
	default:
		if p.wedged.Load() {
			m.Retire()
			p.kill("one thread kept the GIL")
			return
		}
	}
	p.retire(f.config.Mercy, 0)
}

// Harakiri tells the worker that the front has ended a request: it logs the stack, and raises an
// exception there. What does not come back for grace costs the process: the others end first.
func (f *Fleet) Harakiri(o *bridge.Overdue, grace time.Duration) {
	m, slot, run := o.Process()
	p := f.find(func(p *process) bool { return p.member.Load() == m })
	if p == nil {
		return // it is no more
	}
	h := Harakiri{Slot: slot, Run: run, Line: cut(o.Line, messageMax), Age: o.Age, Remote: o.Remote, Answered: o.Answered}
	_ = p.say(message{Harakiri: &h}, -1)
	p.doomed.add(o)
	defer p.doomed.remove(o)
	for end := time.Now().Add(grace); !o.Ended(); time.Sleep(watchInterval / 4) {
		if time.Now().After(end) && !p.replaced.Swap(true) {
			go p.abandon()
		}
	}
}

// abandon replaces a process in which requests hang for good.
func (p *process) abandon() {
	f := p.fleet
	// The process says more of each, unless it is stopped, or one of its threads keeps the GIL.
	f.log.Error("harakiri: the thread does not come back; the worker process is replaced",
		"worker", p.number, "pid", p.pid(), "requests", p.doomed.lines())
	f.count(p, "harakiri")
	f.succeed(p)
	m := p.member.Load()
	m.Retire()
	for end := time.Now().Add(f.config.Mercy); m.Busy() > len(p.doomed.lines()) && time.Now().Before(end); {
		select {
		case <-p.exited:
			return
		case <-f.end:
			return
		case <-time.After(watchInterval / 4):
		}
	}
	f.log.Error("harakiri: the worker process is killed", "worker", p.number, "pid", p.pid(), "requests", p.doomed.lines(),
		"others", max(m.Busy()-len(p.doomed.lines()), 0))
	p.kill("harakiri")
}

// overdue is requests that are over for their clients, but not for the process.
type overdue struct {
	mu       sync.Mutex
	requests []*bridge.Overdue
}

func (d *overdue) add(o *bridge.Overdue) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.requests = append(d.requests, o)
}

func (d *overdue) remove(o *bridge.Overdue) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.requests = slices.DeleteFunc(d.requests, func(other *bridge.Overdue) bool { return other == o })
}

// lines tells them, and for whom they were.
func (d *overdue) lines() (lines []string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, o := range d.requests {
		lines = append(lines, fmt.Sprintf("%s (%s, %.1f s)", o.Line, o.Remote, o.Age.Seconds()))
	}
	return lines
}

// reasons are why processes are replaced.
var reasons = []string{"died", "evil-reload-on-rss", "gil-timeout", "harakiri", "max-requests", "max-worker-lifetime", "reload", "reload-on-rss", "told"}

// count counts a process that is replaced, for the first of the reasons that there are.
func (f *Fleet) count(p *process, why string) {
	if p.counted.Swap(true) {
		return
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.restarts[why]++
}

// Restarts is how many processes were replaced, by reason.
func (f *Fleet) Restarts() map[string]uint64 {
	f.mu.Lock()
	defer f.mu.Unlock()
	return maps.Clone(f.restarts)
}
