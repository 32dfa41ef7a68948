// Package pyhost hosts one CPython interpreter in this process: it boots it, loads
// the app, and runs requests on Python threads of its own.
//
// The control side (boot, import, stacks) goes through cpy3. The request's path is a
// C seam, ph.h, with one call for a request and its small response. "C" is imported
// by boot.go, thread.go and seam.go alone.
//
// There is one interpreter a process, and it can't be unloaded: Boot works once.
package pyhost

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"sync"
	"sync/atomic"
	"time"

	python "github.com/go-python/cpy3"

	"github.com/gowsgi/gowsgi/bridge"
)

// Config is what an interpreter starts with.
type Config struct {
	// Executable is the python that sys.executable names. Its place decides which
	// virtual environment is used.
	Executable string
	// Argv is sys.argv.
	Argv []string
	// Path lists more directories for sys.path, behind the working directory.
	Path []string
	// Threads is the number of request threads.
	Threads int
	// Multiprocess is wsgi.multiprocess: other processes serve the app too.
	Multiprocess bool
	// Pages has exceptions answered with a page about them: for writing code.
	Pages Pages
	// Software is SERVER_SOFTWARE.
	Software string
	// UWSGI has "import uwsgi" work in the app; nil: there is no such module.
	UWSGI *UWSGI
	// Reloads: the app's files change, and it is loaded anew then, in another process.
	Reloads bool
	// LineBuffered has sys.stdout write whole lines, for a file that may be exchanged between two of them. Without
	// it Python decides: to anything but a terminal, it writes a few KiB at a time.
	LineBuffered bool
	Log          *slog.Logger
}

// Pages says who gets a page about an exception.
type Pages int

// Nobody does, as a rule.
const (
	NoPages Pages = iota
	LocalPages
	RemotePages
)

// Host is the interpreter. Boot, Load and Main belong to the process's main thread,
// which is Python's main thread; everything else may be called from anywhere.
type Host struct {
	config Config
	tasks  chan task   // for the main thread
	wants  atomic.Bool // the main thread waits for the GIL
	ended  chan struct{}

	stacks *python.PyObject // module _gowsgi_stacks
	uwsgi  *python.PyObject // module uwsgi; nil: not Config.UWSGI
	dev    *python.PyObject // module _gowsgi_dev; nil: not Config.Reloads

	mu      sync.Mutex
	threads []*thread
	running sync.WaitGroup // threads in Queue.Work
}

// task runs on the main thread, with the GIL.
type task struct {
	run  func()
	done chan struct{}
}

// ErrMainEnded: the main thread takes no more work.
var ErrMainEnded = errors.New("pyhost: the main thread has left its loop")

// Start makes the request threads, one after the other (making thread states in parallel
// deadlocks some CPythons), and lets them work for q. Load must have come before.
// On the main thread, if there is Config.UWSGI.
func (h *Host) Start(q *bridge.Queue) error {
	h.startUWSGI()
	for i := range h.config.Threads {
		t := &thread{host: h, index: i}
		h.mu.Lock()
		h.threads = append(h.threads, t)
		h.mu.Unlock()
		started := make(chan error)
		h.running.Add(1)
		go t.work(q, started)
		if err := <-started; err != nil {
			return err
		}
	}
	return nil
}

// Main is the main thread's loop until ctx ends: Python's signal handlers run here, and
// what Do brings. It is called, and returns, detached.
func (h *Host) Main(ctx context.Context) {
	defer close(h.ended)
	for {
		select {
		case t := <-h.tasks:
			h.wants.Store(true)
			mainAttach()
			h.wants.Store(false)
			t.run()
			mainDetach()
			close(t.done)
		case <-ctx.Done():
			return
		}
	}
}

// Do runs f on Python's main thread with the GIL, and waits until it has, or until ctx
// ends: then f may still run later.
func (h *Host) Do(ctx context.Context, f func()) error {
	t := task{run: f, done: make(chan struct{})}
	select {
	case h.tasks <- t:
	case <-h.ended:
		return ErrMainEnded
	case <-ctx.Done():
		return ctx.Err()
	}
	select {
	case <-t.done:
		return nil
	case <-h.ended:
		return ErrMainEnded
	case <-ctx.Done():
		return ctx.Err()
	}
}

// Probe has the main thread take the GIL and give it up again, unless it has something else to do. It
// does not wait for that.
func (h *Host) Probe() {
	select {
	case h.tasks <- task{run: func() {}, done: make(chan struct{})}:
	default:
	}
}

// Starved tells whether the main thread waits for the GIL at this moment.
func (h *Host) Starved() bool { return h.wants.Load() }

// Stacks writes every Python thread's stack, each request thread's with what it runs. When
// the GIL can't be had until ctx ends, it writes what can be read without.
func (h *Host) Stacks(ctx context.Context, w io.Writer, running []bridge.Running) error {
	labels := h.labels(running)
	var text string
	err := h.Do(ctx, func() { text = h.dump(labels) })
	if err == nil {
		_, err = io.WriteString(w, text)
		return err
	}
	fmt.Fprintf(w, "the GIL could not be had (%v); stacks as they stand, innermost call first:\n", err)
	return h.StacksWithoutGIL(w, running)
}

// StacksWithoutGIL is Stacks for when it is known that the GIL can't be had.
func (h *Host) StacksWithoutGIL(w io.Writer, running []bridge.Running) error {
	for _, l := range h.labels(running) {
		if l.text != "" {
			fmt.Fprintf(w, "Thread 0x%016x is at %s\n", l.ident, l.text)
		}
	}
	return dumpWithoutGIL(w)
}

// label is what a thread is at.
type label struct {
	ident uint64
	text  string
}

func (h *Host) labels(running []bridge.Running) []label {
	h.mu.Lock()
	defer h.mu.Unlock()
	labels := make([]label, 0, len(h.threads))
	for _, t := range h.threads {
		l := label{ident: t.ident}
		for _, r := range running {
			if r.Worker == t.seat() {
				l.text = fmt.Sprintf("%s, %.1f s", r.Line, r.Age.Seconds())
			}
		}
		labels = append(labels, l)
	}
	return labels
}

// Shutdown waits for the request threads (their queue must be closed), then ends the app
// as the end of a script would: its threads, atexit, flush. It gives up when ctx ends.
// The interpreter is never finalized: the process is to exit.
func (h *Host) Shutdown(ctx context.Context) error {
	idle := make(chan struct{})
	go func() {
		h.running.Wait()
		close(idle)
	}()
	patience := time.NewTimer(threadsGrace)
	defer patience.Stop()
	select {
	case <-idle:
	case <-patience.C: // one hangs in the app; atexit functions run all the same
	}
	return h.Do(ctx, h.shutdown)
}

// threadsGrace is how long Shutdown waits for request threads, which were told to end
// before.
const threadsGrace = 500 * time.Millisecond

// dumpWithoutGIL writes the stacks through a pipe, for w need not be a file.
func dumpWithoutGIL(w io.Writer) error {
	r, pw, err := os.Pipe()
	if err != nil {
		return err
	}
	defer r.Close()
	go func() {
		dumpStacks(int(pw.Fd()))
		pw.Close()
	}()
	_, err = io.Copy(w, r)
	return err
}
