package workers

import (
	"cmp"
	"errors"
	"slices"
	"time"
)

// Most is the most processes that a fleet may have.
const Most = 128

// start is the start of one process. Under the mutex.
type start struct {
	number int
	born   *process // the last try
	void   bool     // what it would start comes too late
}

// Target is how many processes there should be.
func (f *Fleet) Target() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.target
}

// Range is how far the number of processes may change.
func (f *Fleet) Range() (least, most int) {
	if c := f.config.Cheaper; c.Least > 0 {
		return c.Least, f.config.Count
	}
	return 1, Most
}

// Resize changes how many processes there should be by so many, within the range, and returns how many
// there should be now. Those that are too many end their requests first.
func (f *Fleet) Resize(by int) int {
	f.mu.Lock()
	defer f.mu.Unlock()
	least, most := f.Range()
	f.target = min(max(f.target+by, least), most)
	f.adjust()
	return f.target
}

// follow has the number of processes follow the load, until the fleet ends.
func (f *Fleet) follow() {
	ticker := time.NewTicker(lookInterval)
	defer ticker.Stop()
	s := scale{Cheaper: f.config.Cheaper, most: f.config.Count}
	for {
		select {
		case <-f.end:
			return
		case now := <-ticker.C:
			n := f.Target()
			want := s.want(now, n, f.config.Pool.Load())
			if want == n {
				continue
			}
			message := "more requests than the worker processes can take: there will be more"
			if want < n {
				message = "a worker process has nothing to do: there will be fewer"
			}
			f.log.Info(message, "processes", want, "most", s.most)
			f.Resize(want - n)
		}
	}
}

// steady is those processes that take requests, and that nothing is to take the place of. Under the mutex.
func (f *Fleet) steady() (steady []*process) {
	for _, p := range f.current {
		if !p.leaving.Load() && !p.succeeded.Load() {
			steady = append(steady, p)
		}
	}
	return steady
}

// adjust orders the processes that are missing, and has those leave that are too many: first those that
// have nothing to do, then those that came last. Starts that are too many see so themselves. Under the mutex.
func (f *Fleet) adjust() {
	if f.closing || f.held {
		return
	}
	steady := f.steady()
	for missing := f.target - len(steady) - len(f.starting); missing > 0; missing-- {
		go f.replace(f.order(f.free(steady)))
	}
	if len(steady) <= f.target {
		return
	}
	busy := map[*process]int{}
	for _, p := range steady {
		busy[p] = p.member.Load().Busy()
	}
	slices.SortFunc(steady, func(a, b *process) int {
		return cmp.Or(cmp.Compare(busy[a], busy[b]), cmp.Compare(b.number, a.number))
	})
	for _, p := range steady[:len(steady)-f.target] {
		p.leaving.Store(true)
		f.log.Info("a worker process leaves", "worker", p.number, "pid", p.pid(), "processes", f.target)
		go p.retire(f.config.Mercy, 0)
	}
}

// order notes that a process of that number is to be started. Under the mutex.
func (f *Fleet) order(number int) *start {
	s := &start{number: number}
	f.starting[s] = true
	return s
}

// outdate has no process take requests any more, and ends those that are on their way to: their import may hang.
// What is left is those that have requests to end. Under the mutex.
func (f *Fleet) outdate() (old []*process) {
	for s := range f.starting {
		s.void = true
		if s.born != nil {
			s.born.leaving.Store(true)
			s.born.kill("outdated")
		}
	}
	for _, p := range f.current {
		p.leaving.Store(true)
	}
	old, f.current = f.current, nil
	clear(f.starting)
	clear(f.failures) // of other code
	return old
}

// free is the lowest number that no process goes by. Under the mutex.
func (f *Fleet) free(steady []*process) (number int) {
	taken := func(n int) bool {
		for s := range f.starting {
			if s.number == n {
				return true
			}
		}
		return slices.ContainsFunc(steady, func(p *process) bool { return p.number == n })
	}
	for number = 1; taken(number); number++ {
	}
	return number
}

// needed tells whether the start has still to be done, and forgets it if not: a reload has come in
// between, or there should be fewer processes by now. Under the mutex.
func (f *Fleet) needed(s *start) bool {
	if !f.starting[s] || f.closing {
		return false
	}
	if len(f.steady())+len(f.starting) > f.target {
		delete(f.starting, s)
		return false
	}
	return true
}

// The waits between failures in a row: starts that come to nothing, and processes that end soon without work.
const (
	firstWait = 250 * time.Millisecond
	lastWait  = 30 * time.Second
)

// backoff is the wait before the next start. One failure may have had a cause of its own: there is none.
func backoff(failures int) time.Duration {
	if failures <= 1 {
		return 0
	}
	return min(firstWait<<min(failures-2, 10), lastWait)
}

// replace starts the process that was ordered, until one is ready, or none is needed.
func (f *Fleet) replace(s *start) {
	for {
		f.mu.Lock()
		needed, wait := f.needed(s), backoff(f.failures[s.number])
		f.mu.Unlock()
		if !needed {
			return
		}
		if wait > 0 {
			f.down()
			select {
			case <-time.After(wait):
			case <-f.end:
				return
			}
		}
		if f.attempt(s) {
			return
		}
	}
}

// attempt starts a process once. Done: nothing is left to be tried.
func (f *Fleet) attempt(s *start) (done bool) {
	p, err := f.launch(s)
	if err == nil {
		err = <-p.ready
	}
	if done, err = f.admit(s, p, err); err == nil {
		return done
	}
	if p != nil {
		p.leaving.Store(true)
		p.kill("start failed")
	}
	if !done {
		f.mu.Lock()
		wait := backoff(f.failures[s.number])
		f.mu.Unlock()
		f.complain("a worker process can't be started; it is tried again", err, "next_try_s", wait.Seconds())
	}
	return done
}

var errNotNeeded = errors.New("the process is not needed any more")

// admit has p, which is ready unless there was an error, take requests. Done: nothing is left to be tried.
func (f *Fleet) admit(s *start, p *process, err error) (done bool, _ error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if !f.needed(s) {
		return true, errNotNeeded
	}
	if err == nil {
		err = f.join([]*process{p})
	}
	if err != nil {
		f.failures[s.number] = max(f.failures[s.number], 1) + 1
		return false, err
	}
	delete(f.starting, s)
	if !p.over {
		f.log.Info("a worker process is ready", "worker", p.number, "pid", p.pid(), "import_ms", p.about.ImportMS)
	}
	f.adjust()
	return true, nil
}
