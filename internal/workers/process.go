package workers

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"slices"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/gowsgi/gowsgi/bridge"
	"github.com/gowsgi/gowsgi/internal/link"
)

// process is one worker process, from its start to its end.
type process struct {
	fleet   *Fleet
	number  int // from 1; the one that takes its place has the same
	cmd     *exec.Cmd
	front   *link.Front // the pool's after Join
	control *control
	begun   time.Time

	ready  chan error // holds one: nil once the app is loaded, or why it isn't
	about  Ready
	heard  chan struct{} // closed when there is nothing more to hear
	exited chan struct{} // closed when it has been waited for

	member    atomic.Pointer[bridge.Member] // once it has joined the pool
	leaving   atomic.Bool                   // its end is wanted
	reason    atomic.Value                  // string: why it was killed
	stacks    *question[string]
	stack     *question[string]
	figures   *question[Figures]
	doomed    overdue     // requests that harakiri has ended, and whose threads have not come back
	replaced  atomic.Bool // somebody sees to its replacement: the first who wants it
	counted   atomic.Bool // among the restarts: each process is once
	succeeded atomic.Bool // its replacement is ordered: its end needs no other one
	wedged    atomic.Bool // one of its threads keeps the GIL
	counting  atomic.Bool // it is about to be told the figures of all processes
	limit     uint64      // requests that it is to serve; 0: any number
	over      bool        // it is no more; under the fleet's mutex
}

// start runs a new worker process.
func (f *Fleet) start(number int) (*process, error) {
	front, err := link.NewFront(f.config.Size)
	if err != nil {
		return nil, err
	}
	ours, theirs, err := controlPair()
	if err != nil {
		front.Close()
		return nil, err
	}
	defer theirs.Close()
	p := &process{
		fleet: f, number: number, front: front, control: ours, begun: time.Now(),
		limit: f.requestLimit(), ready: make(chan error, 1), heard: make(chan struct{}), exited: make(chan struct{}),
		stacks: newQuestion[string](), stack: newQuestion[string](), figures: newQuestion[Figures](),
	}
	args := slices.Clone(f.config.Args)
	if f.config.Name != nil {
		args[0] = f.config.Name(number)
	}
	text, err := json.Marshal(inheritance{Size: f.config.Size, Number: number, Several: f.target > 1 || f.config.Cheaper.Least > 0, Config: f.config.Inherit != nil, Locks: f.config.Locks != nil})
	if err == nil {
		p.cmd = &exec.Cmd{
			Path:        f.config.Path,
			Args:        args,
			Dir:         f.config.Dir,
			Env:         append(os.Environ(), Variable+"="+string(text)),
			Stdout:      os.Stdout,
			Stderr:      os.Stderr,
			ExtraFiles:  append([]*os.File{theirs}, front.Files()...),
			SysProcAttr: attributes(f.config.Terminal),
		}
		for _, file := range []*os.File{f.config.Inherit, f.config.Locks} {
			if file != nil {
				p.cmd.ExtraFiles = append(p.cmd.ExtraFiles, file)
			}
		}
		if f.config.Terminal {
			p.cmd.Stdin = os.Stdin
		}
		err = f.onStarter(p.cmd.Start)
	}
	if err != nil {
		ours.conn.Close()
		front.Close()
		return nil, fmt.Errorf("cannot start a worker process: %w", err)
	}
	go p.listen()
	go p.reap()
	return p, nil
}

// starter starts all processes from one OS thread, which stays: they are to be killed when their
// parent is no more, and for the kernel that is the thread that has started them.
func (f *Fleet) starter() {
	runtime.LockOSThread()
	for start := range f.starts {
		start()
	}
}

func (f *Fleet) onStarter(start func() error) error {
	started := make(chan error)
	f.starts <- func() { started <- start() }
	return <-started
}

// say sends the worker a message, with fd beside it unless that is negative. One that does not listen, because
// it is stopped, say, holds nobody up.
func (p *process) say(m message, fd int) error {
	_ = p.control.conn.SetWriteDeadline(time.Now().Add(lastWords))
	return p.control.send(m, fd)
}

func (p *process) pid() int { return p.cmd.Process.Pid }

// listen takes in what the worker says.
func (p *process) listen() {
	defer close(p.heard)
	buffer := make([]byte, packetMax)
	ready := false
	for {
		m, file, err := p.control.receive(buffer)
		if err != nil {
			return // reap says why
		}
		switch {
		case m.File != nil && file != nil && p.member.Load() != nil:
			p.member.Load().Deliver(*m.File, file)
			continue
		case m.Ready != nil && !ready: // others may read it from now on
			ready = true
			p.about = *m.Ready
			p.tell(nil)
		case m.Failed != nil:
			p.tell(m.Failed)
		case m.Loaded != nil:
			if p.fleet.config.Loaded != nil {
				p.fleet.config.Loaded(p.pid(), *m.Loaded)
			}
		case m.Leave:
			go p.fleet.recycle(p, "told")
		case m.Wedged != nil:
			p.wedged.Store(*m.Wedged)
			if *m.Wedged {
				go p.fleet.unwedge(p)
			}
		case m.Stacks != "":
			p.stacks.answered(m.Stacks)
		case m.Stack != "":
			p.stack.answered(m.Stack)
		case m.Figures != nil:
			p.figures.answered(*m.Figures)
		case m.WantWorkers:
			p.tellWorkers()
		}
		if file != nil {
			file.Close()
		}
	}
}

// tellWorkers gives the process the figures of all. It has one question under way.
func (p *process) tellWorkers() {
	if p.fleet.config.Figures == nil || p.counting.Swap(true) {
		return
	}
	go func() { // the figures are asked of this process, too
		defer p.counting.Store(false)
		text, err := p.fleet.config.Figures()
		if err == nil {
			err = p.say(message{Workers: text}, -1)
		}
		if err != nil && !p.leaving.Load() {
			p.fleet.log.Warn("uwsgi.workers() can't be answered", "worker", p.number, "pid", p.pid(), "error", err)
		}
	}()
}

func (p *process) tell(err error) {
	select {
	case p.ready <- err:
	default: // it has been said
	}
}

// lastWords is how long the front listens to a process that is no more, and waits for one that does not listen.
const lastWords = time.Second

// reap waits for the process's end.
func (p *process) reap() {
	_ = p.cmd.Wait() // ProcessState says more
	if p.member.Load() == nil {
		// Its last words may lie in the socket still, which a child of the app may keep open.
		_ = p.control.conn.SetReadDeadline(time.Now().Add(lastWords))
		<-p.heard
	}
	p.tell(fmt.Errorf("the worker process ended before the app was loaded: %s", ending(p.cmd.ProcessState)))
	close(p.exited)
	p.fleet.ended(p)
	p.control.conn.Close()
}

// ending tells how a process ended, as people say it.
func ending(state *os.ProcessState) string {
	status, ok := state.Sys().(syscall.WaitStatus)
	switch {
	case !ok:
		return state.String()
	case status.Signaled() && status.CoreDump():
		return fmt.Sprintf("%s, core dumped", signalName(status.Signal()))
	case status.Signaled():
		return signalName(status.Signal())
	}
	return fmt.Sprintf("exit code %d", status.ExitStatus())
}

// kill ends it at once.
func (p *process) kill(reason string) {
	p.reason.CompareAndSwap(nil, reason)
	_ = p.cmd.Process.Kill()
}

// retire has the process end its requests and leave. mercy is how long that may take. One that has never taken
// requests has nothing to end, and may hang in its import.
func (p *process) retire(mercy time.Duration, signal int) {
	p.leaving.Store(true)
	m := p.member.Load()
	if m == nil {
		p.kill("not ready")
		<-p.exited
		return
	}
	limit := time.NewTimer(mercy)
	defer limit.Stop()
	select {
	case <-m.Retire():
	case <-p.exited:
		return
	case <-limit.C:
		p.fleet.log.Warn("a worker process did not end its requests in time and is killed", "worker", p.number, "pid", p.pid())
		p.kill("mercy")
		<-p.exited
		return
	}
	_ = p.say(message{Stop: &signal}, -1)
	select {
	case <-p.exited:
	case <-limit.C:
		p.fleet.log.Warn("a worker process did not leave in time and is killed: its threads or atexit functions hang", "pid", p.pid())
		p.kill("mercy")
		<-p.exited
	}
}
