package smoke

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"slices"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/gowsgi/gowsgi/internal/listen"
	"github.com/gowsgi/gowsgi/internal/options"
)

const (
	drainTimeout = 2 * time.Second // of a server: no request is under way when it is to end
	endGrace     = 8 * time.Second // from SIGTERM to SIGKILL: draining, and the app's own end
)

// LoadLimit is how long an app may take to load, in CI above all, where nobody looks.
const LoadLimit = 5 * time.Minute

// exitNotLoaded is gowsgi's code for an app that can't be loaded.
const exitNotLoaded = 22

// Program is how to start this program as a server.
type Program struct {
	Path   string
	Config options.Config
	// Probed puts the probe around the app, with wsgiref.validate unless Config says otherwise.
	Probed bool
	// LoadLimit is how long the app may take to load.
	LoadLimit time.Duration
	// Log gets the server's stderr at once; nil: it is kept for what goes wrong.
	Log io.Writer
}

// NotLoadedError is a server that ended before it was ready.
type NotLoadedError struct {
	Code int    // its exit code, or 22 for one that had to be killed
	Log  string // its stderr, "" if it was seen
}

func (e *NotLoadedError) Error() string {
	lines := strings.Split(strings.TrimSpace(e.Log), "\n")
	return fmt.Sprintf("the server ended with code %d before it was ready: %s", e.Code, lines[len(lines)-1])
}

// Server serves the app, in a process of its own.
type Server struct {
	URL string

	group    *group
	stderr   *stderr
	accounts *accounts
	pipes    []*os.File // to be closed at its end
	asking   sync.Mutex // for stacks

	// Of the fleet, under its mutex.
	users int
	spent bool
}

// Start starts a server and waits until it is ready.
func (p *Program) Start(ctx context.Context) (*Server, error) {
	s := &Server{stderr: newStderr(p.Log), accounts: newAccounts()}
	text, err := json.Marshal(Self{Config: serving(p.Config), Probed: p.Probed, Validate: !p.Config.NoValidate})
	if err != nil {
		return nil, err
	}
	cmd := &exec.Cmd{
		Path: p.Path, Args: []string{"gowsgi"}, Env: append(os.Environ(), Variable+"="+string(text)), Stdout: os.Stderr,
		SysProcAttr: apart(),
	}
	var theirs []*os.File
	for range 3 {
		r, w, err := os.Pipe()
		if err != nil {
			return nil, err
		}
		s.pipes, theirs = append(s.pipes, r), append(theirs, w)
	}
	cmd.ExtraFiles, cmd.Stderr = theirs[:2], theirs[2]
	s.group, err = start(cmd)
	for _, f := range theirs {
		f.Close()
	}
	if err != nil {
		s.close()
		return nil, err
	}
	go s.accounts.read(s.pipes[1])
	go s.stderr.read(s.pipes[2])
	if err := s.awaitReady(ctx, p.LoadLimit); err != nil {
		return nil, err
	}
	return s, nil
}

// awaitReady waits for the ready line, until limit.
func (s *Server) awaitReady(ctx context.Context, limit time.Duration) error {
	ready := make(chan listen.Ready, 1)
	go func() {
		var line listen.Ready
		if json.NewDecoder(s.pipes[0]).Decode(&line) == nil {
			ready <- line
		}
		close(ready)
	}()
	var line listen.Ready
	select {
	case line = <-ready:
	case <-ctx.Done():
		s.End(0)
		return ctx.Err()
	case <-time.After(limit):
		s.stderr.nextStacks(func() { _ = s.group.cmd.Process.Signal(syscall.SIGQUIT) }, s.group.exited)
		s.End(0)
		return &NotLoadedError{Code: exitNotLoaded, Log: s.log() + fmt.Sprintf("gowsgi: the app is not loaded after %v\n", limit)}
	}
	if line.URL != "" {
		s.URL = line.URL
		return nil
	}
	select {
	case <-s.group.exited:
	case <-time.After(endGrace): // it has closed the pipe, and stays
	}
	s.End(0)
	state := s.group.cmd.ProcessState
	if state.Exited() && state.ExitCode() != 0 {
		return &NotLoadedError{Code: state.ExitCode(), Log: s.log()}
	}
	return &NotLoadedError{Code: exitNotLoaded, Log: s.log() + fmt.Sprintf("gowsgi: the app ended the process: %v\n", state)}
}

// log is what the server has said, unless that was seen.
func (s *Server) log() string {
	if s.stderr.through != nil {
		return ""
	}
	return s.stderr.String()
}

// Stack is where the thread of a request is.
func (s *Server) Stack(of *account) string {
	s.asking.Lock()
	defer s.asking.Unlock()
	ident := of.at()
	text := s.stderr.nextStacks(func() { _ = s.group.cmd.Process.Signal(syscall.SIGQUIT) }, s.group.exited)
	switch {
	case text == "":
		return "its stack could not be had\n"
	case ident == 0:
		return "no thread has begun the request\n" + text
	}
	return stackOf(text, ident)
}

// died says how the process has ended, if it has within a moment, and what it said since the mark.
func (s *Server) died(mark int) (how, log string) {
	select {
	case <-s.group.exited:
	case <-time.After(momentToDie):
		return "", ""
	}
	select {
	case <-s.stderr.ended:
	case <-time.After(momentToDie): // somebody else holds it open
	}
	return s.group.cmd.ProcessState.String(), lastWords(s.stderr.since(mark))
}

// momentToDie is from a connection that the kernel has closed to the end of its process.
const momentToDie = 2 * time.Second

// lastWords are the lines of a dying server that tell of the app: Go's own, after a crash, come behind the Python stacks.
func lastWords(text string) string {
	lines := strings.SplitAfter(text, "\n")
	if at := slices.IndexFunc(lines, func(l string) bool { return strings.HasPrefix(l, crashEnd) }); at >= 0 {
		lines = lines[:at]
	}
	return strings.Join(lines[:min(len(lines), wordsMax)], "")
}

const (
	crashEnd = "gowsgi: end of the Python stacks" // pyhost/ph_crash.c writes it
	wordsMax = 100
)

// End ends the process and what it has started: in order within grace, and then at once.
func (s *Server) End(grace time.Duration) {
	s.group.end(grace)
	select {
	case <-s.stderr.ended:
	case <-time.After(momentToDie):
	}
	s.close()
}

func (s *Server) close() {
	for _, f := range s.pipes {
		f.Close()
	}
}
