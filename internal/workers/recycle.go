package workers

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
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
			f.mu.Lock()
			processes := slices.Clone(f.current)
			f.mu.Unlock()
			for _, p := range processes {
				f.examine(p, now)
			}
		}
	}
}

func (f *Fleet) examine(p *process, now time.Time) {
	r := &f.config.Recycling
	age := now.Sub(p.begun)
	m := p.member.Load()
	if r.EvilRSS > 0 || r.RSS > 0 {
		_, rss := proc.SizeOf(p.pid())
		if r.EvilRSS > 0 && rss >= r.EvilRSS {
			p.once.Do(func() { f.count("evil-reload-on-rss", 1) }) // its end has it replaced
			p.kill(fmt.Sprintf("killed for its %d MiB of memory", rss>>20))
			return
		}
		if r.RSS > 0 && rss >= r.RSS && age >= r.MinAge {
			go f.recycle(p, "reload-on-rss")
		}
	}
	if p.limit > 0 && age >= r.MinAge && m.Served() >= p.limit {
		go f.recycle(p, "max-requests")
	}
	if r.MaxAge > 0 && age >= r.MaxAge {
		go f.recycle(p, "max-worker-lifetime")
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
	p.once.Do(func() {
		p.succeeded.Store(true)
		f.log.Info("a worker process is replaced", "worker", p.number, "pid", p.pid(), "reason", why)
		f.count(why, 1)
		f.succeed(p)
		p.retire(f.config.Mercy, 0)
	})
}

// succeed starts a process in p's place, until one is ready.
func (f *Fleet) succeed(p *process) {
	f.replace(p.number, f.config.Recycling.MinAge+soon)
	p.leaving.Store(true)
}

// Harakiri tells the worker that the front has ended a request: it logs the stack, and raises an
// exception there. What does not come back for grace costs the process: the others end first.
func (f *Fleet) Harakiri(o *bridge.Overdue, grace time.Duration) {
	m, slot := o.Process()
	f.mu.Lock()
	i := slices.IndexFunc(f.current, func(p *process) bool { return p.member.Load() == m })
	var p *process
	if i >= 0 {
		p = f.current[i]
	}
	f.mu.Unlock()
	if p == nil {
		return // it leaves anyway
	}
	h := Harakiri{Slot: slot, Line: o.Line, Age: o.Age, Remote: o.Remote, Answered: o.Answered}
	_ = p.control.send(message{Harakiri: &h}, -1)
	p.doomed.Add(1)
	defer p.doomed.Add(-1)
	for end := time.Now().Add(grace); !o.Ended(); time.Sleep(watchInterval / 4) {
		if time.Now().After(end) {
			p.abandon()
			return
		}
	}
}

// abandon replaces a process in which requests hang for good.
func (p *process) abandon() {
	f := p.fleet
	p.once.Do(func() {
		p.succeeded.Store(true)
		f.log.Error("harakiri: the thread does not come back; the worker process is replaced", "worker", p.number, "pid", p.pid())
		f.count("harakiri", 1)
		f.succeed(p)
		m := p.member.Load()
		m.Retire()
		for end := time.Now().Add(f.config.Mercy); m.Busy() > int(p.doomed.Load()) && time.Now().Before(end); {
			select {
			case <-p.exited:
				return
			case <-f.end:
				return
			case <-time.After(watchInterval / 4):
			}
		}
		p.kill("harakiri")
	})
}

// reasons are why processes are replaced.
var reasons = []string{"died", "evil-reload-on-rss", "harakiri", "max-requests", "max-worker-lifetime", "reload", "reload-on-rss", "told"}

// count counts processes that are replaced, for one of the reasons.
func (f *Fleet) count(why string, processes int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.restarts[why] += uint64(processes)
}

// Restarts is how many processes were replaced, by reason.
func (f *Fleet) Restarts() map[string]uint64 {
	f.mu.Lock()
	defer f.mu.Unlock()
	return maps.Clone(f.restarts)
}
