// Package workers runs the worker processes of the master shape: it starts them, waits until they
// are ready, replaces those that end, and exchanges all of them for a reload.
package workers

import (
	"context"
	"errors"
	"log/slog"
	"os"
	"slices"
	"sync"
	"time"

	"github.com/gowsgi/gowsgi/bridge"
	"github.com/gowsgi/gowsgi/internal/link"
)

// Config is what a fleet is made of.
type Config struct {
	Pool    *bridge.Pool
	Log     *slog.Logger
	Count   int // processes; with Cheaper: at most
	Threads int // of each
	Size    link.Size

	// What a worker runs: this program, with the arguments and in the directory it was started with.
	Path string
	Args []string
	Dir  string
	// Inherit is a file with the configuration that workers find in Self: they do not read files and variables anew, which may
	// have changed since, or may not be theirs to read. nil: there is none.
	Inherit *os.File
	// Terminal leaves the workers in the front's process group, with its standard input: for pdb. They get the
	// terminal's signals, too, and must let them pass.
	Terminal bool
	Name     func(number int) string // in place of the first argument; nil: none

	Recycling Recycling
	Cheaper   Cheaper

	// Mercy is how long a process may take to end its requests and leave.
	Mercy time.Duration

	// Loaded is told what the app is made of: what a process says first, before it is ready, and what it loads
	// later. nil: nobody is.
	Loaded func(pid int, l Loaded)

	// Locks is a file for POSIX record locks that all processes get; nil: none.
	Locks *os.File
	// Figures are what a process is told that asks for those of all: JSON. nil: nothing.
	Figures func() ([]byte, error)
}

// Fleet is the worker processes that there should be.
type Fleet struct {
	config Config
	log    *slog.Logger

	mu       sync.Mutex
	current  []*process // those that take requests, or will
	all      map[*process]bool
	target   int             // how many processes there should be
	starting map[*start]bool // the starts that are to join this generation
	failures map[int]int     // by number: in a row, starts that came to nothing and processes that ended soon without work
	holds    int             // how often Hold was called
	closing  bool
	end      chan struct{} // closed by Close

	starts chan func() // for starter

	reloading sync.Mutex
	supersede context.CancelCauseFunc // ends the last reload, if that is not ready; nil: there was none
	begun     sync.Once               // starter runs
	held      bool                    // nobody but Renew starts a process
	restarts  map[string]uint64       // by reason
}

// New makes a fleet without processes.
func New(config Config) *Fleet {
	f := &Fleet{
		config: config, log: config.Log, target: config.Count, all: map[*process]bool{}, starting: map[*start]bool{},
		failures: map[int]int{}, end: make(chan struct{}), starts: make(chan func()), restarts: map[string]uint64{},
	}
	if config.Cheaper.Least > 0 {
		f.target = config.Cheaper.Initial
	}
	for _, why := range reasons {
		f.restarts[why] = 0
	}
	return f
}

// Start starts the processes, and returns when all are ready: what the first of them tells. The error
// is a *LoadError when the app can't be loaded. Then no process is left.
func (f *Fleet) Start() (Ready, error) {
	f.begun.Do(func() { go f.starter() })
	generation, err := f.generation(context.Background())
	if err != nil {
		return Ready{}, err
	}
	f.mu.Lock()
	err = f.join(generation)
	f.adjust()
	f.mu.Unlock()
	go f.watch()
	if f.config.Cheaper.Least > 0 {
		go f.follow()
	}
	return generation[0].about, err
}

// generation starts as many processes as there should be, and waits until all are ready. On an error,
// also when ctx ends before, none is left.
func (f *Fleet) generation(ctx context.Context) ([]*process, error) {
	var started []*process
	var failed error
	for i := range f.Target() {
		if failed = context.Cause(ctx); failed != nil {
			break
		}
		p, err := f.launch(&start{number: i + 1})
		if err != nil {
			failed = err
			break
		}
		started = append(started, p)
	}
	for _, p := range started {
		if failed != nil {
			break
		}
		select {
		case failed = <-p.ready:
		case <-f.end:
			failed = errClosing
		case <-ctx.Done():
			failed = context.Cause(ctx)
		}
	}
	if failed == nil {
		return started, nil
	}
	select {
	case <-f.end: // which may have come to the process first
		failed = errClosing
	default:
	}
	for _, p := range started {
		p.leaving.Store(true)
		p.kill("start failed")
		<-p.exited
	}
	return nil, failed
}

var errClosing = errors.New("the server is shutting down")

// launch starts a process that the fleet knows of.
func (f *Fleet) launch(s *start) (*process, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	switch {
	case f.closing:
		return nil, errClosing
	case s.void:
		return nil, errNotNeeded
	}
	p, err := f.start(s.number)
	if err == nil {
		f.all[p] = true
		s.born = p
	}
	return p, err
}

// join gives processes that are ready to the pool. Under the mutex.
func (f *Fleet) join(processes []*process) error {
	for _, p := range processes {
		if p.over { // so soon
			f.failures[p.number]++
			if !p.leaving.Load() {
				go f.report(p, nil, backoff(f.failures[p.number])) // ended did not know of it yet; it takes the mutex
			}
			continue
		}
		m, err := f.config.Pool.Join(p.front, bridge.Process{
			Number: p.number, PID: p.pid(), Spawned: p.begun, Threads: f.config.Threads,
			Spoilt: func(err error) {
				f.log.Error("a worker process is killed", "pid", p.pid(), "error", err)
				p.kill("broken")
			},
		})
		if err != nil {
			return err
		}
		p.member.Store(m)
		f.current = append(f.current, p)
		f.config.Pool.Down(false)
	}
	return nil
}

// ended is told of each process that is no more.
func (f *Fleet) ended(p *process) {
	f.mu.Lock()
	delete(f.all, p)
	p.over = true
	m := p.member.Load()
	f.current = slices.DeleteFunc(f.current, func(o *process) bool { return o == p })
	f.mu.Unlock()
	if m == nil {
		p.front.Close()
		return
	}
	at := m.Running()
	wait := f.judge(p.number, time.Since(p.begun), m.Served() > 0 || len(at) > 0, p.leaving.Load())
	if !p.leaving.Load() {
		f.report(p, at, wait)
	}
	m.Lost()
	f.mu.Lock()
	defer f.mu.Unlock()
	f.adjust()
}

// judge takes down how a process of that number has ended, and returns the wait before the next one. worked: it had
// requests. Then a request may have killed it that no process survives: others should not wait for that, and while
// there is such work, a wait would only turn it away.
func (f *Fleet) judge(number int, age time.Duration, worked, wanted bool) (wait time.Duration) {
	f.mu.Lock()
	defer f.mu.Unlock()
	switch {
	case worked || age >= soon:
		delete(f.failures, number)
	case !wanted:
		f.failures[number]++
	}
	return backoff(f.failures[number])
}

// report says how a process ended that should not have, and what it was at.
func (f *Fleet) report(p *process, at []bridge.Running, wait time.Duration) {
	why := ending(p.cmd.ProcessState)
	if reason, ok := p.reason.Load().(string); ok {
		why += ", " + reason
	}
	args := []any{"worker", p.number, "pid", p.pid(), "end", why, "age_s", time.Since(p.begun).Seconds()}
	var lines []string
	for _, r := range at {
		lines = append(lines, r.Line)
	}
	if len(lines) > 0 {
		args = append(args, "requests", lines)
	}
	if wait > 0 {
		args = append(args, "next_try_s", wait.Seconds())
	}
	f.log.Error("a worker process has died; it is replaced", args...)
	f.count(p, "died")
}

// soon is the age up to which a process that ends without having had a request has come to nothing.
const soon = time.Second

// down has requests refused when no process is left, and none to come soon.
func (f *Fleet) down() {
	f.mu.Lock()
	defer f.mu.Unlock()
	if len(f.current) == 0 {
		f.config.Pool.Down(true)
	}
}

func (f *Fleet) complain(message string, err error, args ...any) {
	args = append([]any{"error", err}, args...)
	if failed := (*LoadError)(nil); errors.As(err, &failed) && failed.Traceback != "" {
		args = append(args, "traceback", failed.Traceback)
	}
	f.log.Error(message, args...)
}

var errSuperseded = errors.New("a newer reload has come")

// Reload starts a new generation of processes, and when all of it is ready, has it take over. The old
// ones end their requests. After an error the old ones go on. A newer reload ends one that is not ready: the
// code that hangs, say, has been mended since.
func (f *Fleet) Reload() error { return f.reload(f.config.Mercy) }

// ReloadNow is Reload that kills the old ones with what they are at.
func (f *Fleet) ReloadNow() error { return f.reload(0) }

func (f *Fleet) reload(mercy time.Duration) error {
	ctx, cancel := context.WithCancelCause(context.Background())
	defer cancel(nil)
	f.mu.Lock()
	if f.supersede != nil {
		f.supersede(errSuperseded)
	}
	f.supersede = cancel
	f.mu.Unlock()
	f.reloading.Lock()
	defer f.reloading.Unlock()
	begun := time.Now()
	generation, err := f.generation(ctx)
	switch {
	case err == nil:
	case errors.Is(err, errClosing):
		return err
	case errors.Is(err, errSuperseded):
		f.log.Warn("a newer reload has come; this one, which is not ready, is given up", "ms", time.Since(begun).Milliseconds())
		return err
	default:
		f.complain("the reload has failed; the processes from before go on", err)
		return err
	}
	f.mu.Lock()
	old := f.outdate()
	err = f.join(generation)
	f.adjust() // the number may have changed since
	f.mu.Unlock()
	if err != nil {
		return err
	}
	f.log.Info("reloaded", "app", generation[0].about.App, "processes", len(generation), "ms", time.Since(begun).Milliseconds())
	for _, p := range old {
		f.count(p, "reload")
		go p.retire(mercy, 0)
	}
	return nil
}

// Redirect has the processes' stdout and stderr lead to file, as this one's do already: those that are started
// from now on inherit it.
func (f *Fleet) Redirect(file *os.File) {
	each(f.living(), func(p *process) { // who does not listen holds up nobody else
		if err := p.say(message{Log: true}, int(file.Fd())); errors.Is(err, os.ErrDeadlineExceeded) {
			f.log.Warn("a worker process goes on with the old log: it does not listen", "worker", p.number, "pid", p.pid())
		}
	})
}

// Close ends all processes: their requests first, as far as ctx lets them. The app's handler for signal
// runs, if it has one. No process is left when it returns.
func (f *Fleet) Close(ctx context.Context, signal int) {
	f.mu.Lock()
	first := !f.closing
	if first {
		f.closing = true
		close(f.end)
	}
	all := make([]*process, 0, len(f.all))
	for p := range f.all {
		all = append(all, p)
	}
	f.mu.Unlock()
	mercy := lastWait
	if by, ok := ctx.Deadline(); ok {
		mercy = max(time.Until(by), 0)
	}
	var gone sync.WaitGroup
	for _, p := range all {
		p.leaving.Store(true)
		gone.Add(1)
		go func() {
			defer gone.Done()
			p.retire(mercy, signal)
		}()
	}
	gone.Wait()
	if first {
		close(f.starts) // launch sends nothing more: the starter ends
	}
}
