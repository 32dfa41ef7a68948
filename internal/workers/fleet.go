// Package workers runs the worker processes of the master shape: it starts them, waits until they
// are ready, replaces those that end, and exchanges all of them for a reload.
package workers

import (
	"context"
	"errors"
	"log/slog"
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
	Count   int // processes
	Threads int // of each
	Size    link.Size

	// What a worker runs: this program, with the arguments and in the directory it was started with.
	Path string
	Args []string
	Dir  string
	// Terminal leaves the workers in the front's process group, with its standard input: for pdb. They get the
	// terminal's signals, too, and must let them pass.
	Terminal bool

	Recycling Recycling

	// Mercy is how long a process may take to end its requests and leave.
	Mercy time.Duration

	// Loaded is told what the app is made of: what a process says first, before it is ready, and what it loads
	// later. nil: nobody is.
	Loaded func(pid int, l Loaded)
}

// Fleet is the worker processes that there should be.
type Fleet struct {
	config Config
	log    *slog.Logger

	mu          sync.Mutex
	current     []*process // those that take requests, or will
	all         map[*process]bool
	generations int // started by Reload
	failing     int // starts in a row that came to nothing
	closing     bool
	end         chan struct{} // closed by Close

	reloading sync.Mutex
	watching  sync.Once         // watch runs; Renew's
	restarts  map[string]uint64 // by reason
}

// New makes a fleet without processes.
func New(config Config) *Fleet {
	return &Fleet{config: config, log: config.Log, all: map[*process]bool{}, end: make(chan struct{}), restarts: map[string]uint64{}}
}

// Start starts the processes, and returns when all are ready: what the first of them tells. The error
// is a *LoadError when the app can't be loaded. Then no process is left.
func (f *Fleet) Start() (Ready, error) {
	generation, err := f.generation(context.Background())
	if err != nil {
		return Ready{}, err
	}
	go f.watch()
	return generation[0].about, f.join(generation)
}

// generation starts as many processes as there should be, and waits until all are ready. On an error,
// also when ctx ends before, none is left.
func (f *Fleet) generation(ctx context.Context) ([]*process, error) {
	var started []*process
	var failed error
	for i := range f.config.Count {
		p, err := f.launch(i + 1)
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
			failed = ctx.Err()
		}
	}
	if failed == nil {
		return started, nil
	}
	for _, p := range started {
		p.leaving.Store(true)
		p.kill("start failed")
		<-p.exited
	}
	return nil, failed
}

var errOutdated = errors.New("a reload has come in between")

var errClosing = errors.New("the server is shutting down")

// launch starts a process that the fleet knows of.
func (f *Fleet) launch(number int) (*process, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.closing {
		return nil, errClosing
	}
	p, err := f.start(number)
	if err == nil {
		p.generation = f.generations
		f.all[p] = true
	}
	return p, err
}

// join gives processes that are ready to the pool.
func (f *Fleet) join(processes []*process) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, p := range processes {
		if p.generation != f.generations {
			return errOutdated
		}
		if p.over { // so soon
			go f.replace(0, 0)
			continue
		}
		m, err := f.config.Pool.Join(p.front, f.config.Threads, func(err error) {
			f.log.Error("a worker process is killed", "pid", p.pid(), "error", err)
			p.kill("broken")
		})
		if err != nil {
			return err
		}
		p.member.Store(m)
		f.current = append(f.current, p)
		f.failing = 0
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
	had := slices.Contains(f.current, p)
	f.current = slices.DeleteFunc(f.current, func(o *process) bool { return o == p })
	closing := f.closing
	f.mu.Unlock()
	if m == nil {
		p.front.Close()
		return
	}
	if !p.leaving.Load() {
		f.report(p, m)
	}
	m.Lost()
	if had && !closing && !p.leaving.Load() && !p.succeeded.Load() {
		f.replace(m.Number, time.Since(p.begun))
	}
}

// report says how a process ended that should not have.
func (f *Fleet) report(p *process, m *bridge.Member) {
	why := ending(p.cmd.ProcessState)
	if reason, ok := p.reason.Load().(string); ok {
		why += ", " + reason
	}
	args := []any{"worker", m.Number, "pid", p.pid(), "end", why, "age_s", time.Since(p.begun).Seconds()}
	var lines []string
	for _, r := range m.Running() {
		lines = append(lines, r.Line)
	}
	if len(lines) > 0 {
		args = append(args, "requests", lines)
	}
	f.log.Error("a worker process has died; it is replaced", args...)
	f.count("died")
}

const (
	// soon is the age up to which a process that ends has never really worked.
	soon = time.Second
	// The waits between starts that come to nothing.
	firstWait = 250 * time.Millisecond
	lastWait  = 30 * time.Second
)

// replace starts a process in the place of one that has ended at that age, until one is ready.
func (f *Fleet) replace(number int, age time.Duration) {
	f.mu.Lock()
	if age < soon {
		f.failing++
	}
	failing := f.failing
	f.mu.Unlock()
	for {
		if failing > 0 {
			wait := min(firstWait<<min(failing-1, 10), lastWait)
			f.down()
			select {
			case <-time.After(wait):
			case <-f.end:
				return
			}
		}
		p, err := f.launch(number)
		if err == nil {
			if err = <-p.ready; err == nil {
				err = f.join([]*process{p})
			}
			if err == nil {
				if m := p.member.Load(); m != nil { // else it has died, and join has somebody else replace it
					f.log.Info("a worker process is ready", "worker", m.Number, "pid", p.pid(), "import_ms", p.about.ImportMS)
				}
				return
			}
			p.leaving.Store(true)
			p.kill("start failed")
		}
		if errors.Is(err, errClosing) || errors.Is(err, errOutdated) {
			return
		}
		f.mu.Lock()
		f.failing++
		failing = f.failing
		f.mu.Unlock()
		f.complain("a worker process can't be started; it is tried again", err)
	}
}

// down has requests refused when no process is left, and none to come soon.
func (f *Fleet) down() {
	f.mu.Lock()
	defer f.mu.Unlock()
	if len(f.current) == 0 {
		f.config.Pool.Down(true)
	}
}

func (f *Fleet) complain(message string, err error) {
	args := []any{"error", err}
	if failed := (*LoadError)(nil); errors.As(err, &failed) && failed.Traceback != "" {
		args = append(args, "traceback", failed.Traceback)
	}
	f.log.Error(message, args...)
}

// Reload starts a new generation of processes, and when all of it is ready, has it take over. The old
// ones end their requests. After an error the old ones go on.
func (f *Fleet) Reload() error {
	f.reloading.Lock()
	defer f.reloading.Unlock()
	begun := time.Now()
	generation, err := f.generation(context.Background())
	if err != nil {
		if !errors.Is(err, errClosing) {
			f.complain("the reload has failed; the processes from before go on", err)
		}
		return err
	}
	f.mu.Lock()
	old := f.current
	f.current = nil
	f.generations++
	for _, p := range generation {
		p.generation = f.generations
	}
	f.mu.Unlock()
	if err := f.join(generation); err != nil {
		return err
	}
	f.count("reload")
	f.log.Info("reloaded", "app", generation[0].about.App, "processes", len(generation), "ms", time.Since(begun).Milliseconds())
	for _, p := range old {
		p.leaving.Store(true)
		go p.retire(f.config.Mercy, 0)
	}
	return nil
}

// Stacks are those of all processes' Python threads.
func (f *Fleet) Stacks(ctx context.Context) (texts map[int]string) {
	f.mu.Lock()
	processes := slices.Clone(f.current)
	f.mu.Unlock()
	answers := make([]string, len(processes))
	var asked sync.WaitGroup
	for i, p := range processes { // all at once: who does not answer takes no time from the others
		asked.Go(func() { answers[i] = p.askStacks(ctx) })
	}
	asked.Wait()
	texts = map[int]string{}
	for i, p := range processes {
		if answers[i] != "" {
			texts[p.pid()] = answers[i]
		}
	}
	return texts
}

// Count is how many processes take requests.
func (f *Fleet) Count() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return len(f.current)
}

// Close ends all processes: their requests first, as far as ctx lets them. The app's handler for signal
// runs, if it has one. No process is left when it returns.
func (f *Fleet) Close(ctx context.Context, signal int) {
	f.mu.Lock()
	if !f.closing {
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
}
