package workers

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"github.com/gowsgi/gowsgi/bridge"
	"github.com/gowsgi/gowsgi/internal/link"
)

// Variable is the environment variable by which a process knows that it is a worker.
const Variable = "GOWSGI_WORKER_PROCESS"

// inheritance is the variable's value.
type inheritance struct {
	Size    link.Size `json:"size"`
	Number  int       `json:"number"`
	Several bool      `json:"several"`
	Config  bool      `json:"config"` // there is a file of the front's configuration
	Locks   bool      `json:"locks"`  // and one of locks
}

// The descriptors that a worker inherits: the control socket, then the link's, then those of the configuration and of the locks,
// as far as there are some.
const (
	firstFD = 3
	moreFD  = firstFD + 3
)

// Self is a worker process's own end.
type Self struct {
	Number  int
	Several bool // there are others beside it
	// Config is Config.Inherit's content.
	Config []byte
	// Locks is the file in which all workers have their locks; nil: there is none.
	Locks *os.File

	asking  sync.Mutex           // held by who waits for workers
	workers chan json.RawMessage // holds one

	link    *link.Worker
	control *control
	station atomic.Pointer[bridge.Station]
}

// Inherit is what the front has left for this process; nil: it is no worker. The variable is
// removed, so that the app's children don't take themselves for workers.
func Inherit() (*Self, error) {
	text, ok := os.LookupEnv(Variable)
	if !ok {
		return nil, nil
	}
	_ = os.Unsetenv(Variable)
	var in inheritance
	if err := json.Unmarshal([]byte(text), &in); err != nil {
		return nil, fmt.Errorf("%s is for gowsgi's own use: %w", Variable, err)
	}
	var files []*os.File
	for i := range 3 {
		closeOnExec(firstFD + i)
		files = append(files, os.NewFile(uintptr(firstFD+i), "inherited"))
	}
	c, err := openControl(files[0])
	if err != nil {
		return nil, err
	}
	l, err := link.Join(in.Size, files[1:])
	if err != nil {
		return nil, err
	}
	self := &Self{Number: in.Number, Several: in.Several, workers: make(chan json.RawMessage, 1), link: l, control: c}
	next := moreFD
	if in.Config {
		file := os.NewFile(uintptr(next), "configuration")
		next++
		defer file.Close()
		// Not Read: all workers have one offset.
		if self.Config, err = io.ReadAll(io.NewSectionReader(file, 0, math.MaxInt64)); err != nil {
			return nil, err
		}
	}
	if in.Locks {
		closeOnExec(next)
		self.Locks = os.NewFile(uintptr(next), "locks")
	}
	return self, nil
}

// Orders are what the front wants of the worker.
type Orders struct {
	// Stop ends the process in order; signal is what the app's handler is to see, or 0.
	Stop func(signal int)
	// Stacks writes all Python threads' stacks.
	Stacks func(io.Writer)
	// Stack is the stack of the thread that is at a request.
	Stack func(bridge.Running) string
	// Harakiri is told of a request that the front has ended.
	Harakiri func(Harakiri, *bridge.Overdue) // nil when the app has come back since
	// Log has stdout and stderr lead to the file.
	Log func(*os.File)
	// Orphaned: the front is no more.
	Orphaned func()
}

// Obey carries the front's orders out, one after the other, until it is gone.
func (s *Self) Obey(orders Orders) {
	buffer := make([]byte, packetMax)
	for {
		m, file, err := s.control.receive(buffer)
		if err != nil {
			orders.Orphaned()
			return
		}
		switch {
		case file != nil:
			if m.Log {
				orders.Log(file)
			}
			file.Close()
		case m.Stop != nil:
			go orders.Stop(*m.Stop)
		case m.Harakiri != nil && s.station.Load() != nil:
			var o *bridge.Overdue
			if r, run, ok := s.station.Load().Running(m.Harakiri.Slot); ok && run == m.Harakiri.Run {
				o = &bridge.Overdue{Running: r, Remote: m.Harakiri.Remote, Answered: m.Harakiri.Answered}
			}
			go orders.Harakiri(*m.Harakiri, o)
		case m.WantStacks:
			go func() {
				var text textWriter
				orders.Stacks(&text)
				_ = s.control.send(message{Stacks: cut(string(text), textMax)}, -1)
			}()
		case m.WantStack != nil && s.station.Load() != nil:
			go func() {
				text := noThread
				if r, _, ok := s.station.Load().Running(*m.WantStack); ok {
					text = orders.Stack(r)
				}
				_ = s.control.send(message{Stack: cut(text, textMax)}, -1)
			}()
		case m.Workers != nil:
			select {
			case s.workers <- m.Workers:
			default: // nobody waits for it any more
			}
		case m.WantFigures && s.station.Load() != nil:
			st := s.station.Load().Stats()
			_ = s.control.send(message{Figures: &Figures{Active: st.Active, Blocked: st.Blocked, GILWait: st.GILWait}}, -1)
		}
	}
}

type textWriter []byte

func (t *textWriter) Write(p []byte) (int, error) {
	*t = append(*t, p...)
	return len(p), nil
}

// Attach makes the link the source of q's requests.
func (s *Self) Attach(q *bridge.Queue, log *slog.Logger) {
	s.station.Store(bridge.NewStation(s.link, q, log, func(slot, fd int) error { return s.control.send(message{File: &slot}, fd) }))
}

// Ready tells the front that requests may come.
func (s *Self) Ready(r Ready) error {
	r.App = cut(r.App, messageMax)
	return s.control.send(message{Ready: &r}, -1)
}

// Leave asks the front to replace this process.
func (s *Self) Leave() { _ = s.control.send(message{Leave: true}, -1) }

// workersTime is how long the front may take to tell what all processes are at.
const workersTime = 2 * time.Second

// Workers asks the front for the figures of all worker processes, as its Config.Figures has them.
func (s *Self) Workers() ([]byte, error) {
	s.asking.Lock()
	defer s.asking.Unlock()
	select {
	case <-s.workers: // an answer that came too late
	default:
	}
	if err := s.control.send(message{WantWorkers: true}, -1); err != nil {
		return nil, err
	}
	late := time.NewTimer(workersTime)
	defer late.Stop()
	select {
	case text := <-s.workers:
		return text, nil
	case <-late.C:
		return nil, errNoFigures
	}
}

var errNoFigures = errors.New("the master does not tell the figures of its worker processes")

// Wedged tells the front that one thread keeps the GIL, or does no longer.
func (s *Self) Wedged(is bool) { _ = s.control.send(message{Wedged: &is}, -1) }

// Fail tells the front why there will be none.
func (s *Self) Fail(f LoadError) error {
	f.Message, f.Traceback = cut(f.Message, messageMax), cut(f.Traceback, textMax)
	return s.control.send(message{Failed: &f}, -1)
}
