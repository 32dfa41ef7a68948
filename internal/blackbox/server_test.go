package blackbox

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// launch says what to start. App is all that most tests give.
type launch struct {
	App  string   // folder in testdata/apps; its app.py is served and is the working directory
	Args []string // further options
	Env  []string // further variables, K=V

	// Under is a command that starts the server, with its arguments.
	Under []string
	// Bare leaves out --module, --callable and --http, for tests of those.
	Bare bool
	// Dir is the working directory in place of the app's folder.
	Dir string
	// KeepFDs is how many descriptors the app itself keeps open after its requests.
	KeepFDs int
	// KeepThreads is how many threads the app itself keeps.
	KeepThreads int
	// KeepChildren is how many processes the app keeps until the server's end.
	KeepChildren int
	// Stderr takes the server's stderr in place of its log.
	Stderr *os.File
	// MayNotDrain is set by a test whose app can't be drained: any exit code will do.
	MayNotDrain bool
}

// ready is the line that --ready-fd and --ready-file get.
type ready struct {
	URL      string   `json:"url"`
	PID      int      `json:"pid"`
	Python   string   `json:"python"`
	App      string   `json:"app"`
	ImportMS *float64 `json:"import_ms"`
	Stats    string   `json:"stats"`
	Metrics  string   `json:"metrics"`
}

// server is a running gowsgi. It is stopped and checked at its test's end.
type server struct {
	launch
	ready   ready
	addr    string // host:port of the first listener
	scratch string // folder for gates, events and what the app writes
	log     *logged

	shape     shape
	nginx     *nginx // stands in front, if the shape has it
	socket    string // what listens for nginx by the uwsgi protocol
	cmd       *exec.Cmd
	readyLine chan []byte
	base      census        // taken when the server was ready
	exited    chan struct{} // closed when the process is gone
	stopped   bool

	mu    sync.Mutex
	conns []net.Conn // the test's own, closed before hygiene is asserted
}

// start serves an app and returns once the server says that it is ready.
func (v variant) start(t *testing.T, l launch) *server {
	t.Helper()
	s := v.launch(t, l)
	s.awaitReady(t)
	return s
}

// launch starts the process and returns while it is still importing.
func (v variant) launch(t *testing.T, l launch) *server {
	t.Helper()
	s := &server{launch: l, shape: v.shape, scratch: t.TempDir(), log: newLogged(), exited: make(chan struct{})}
	t.Cleanup(func() { s.cleanup(t) })
	s.spawn(t, v)
	return s
}

// awaitReady waits for the ready line and takes the address from it.
func (s *server) awaitReady(t *testing.T) {
	t.Helper()
	select {
	case line, ok := <-s.readyLine:
		if !ok {
			t.Fatalf("server ended or closed its ready fd before it was ready; stderr:\n%s", s.log)
		}
		if err := json.Unmarshal(line, &s.ready); err != nil {
			t.Fatalf("ready line %q: %v", line, err)
		}
	case <-time.After(within(60 * time.Second)):
		t.Fatalf("server not ready in time; stderr:\n%s", s.log)
	}
	if u, err := url.Parse(s.ready.URL); err == nil && u.Host != "" {
		s.addr = u.Host
	} else if !s.Bare {
		t.Fatalf("ready line has no usable url: %+v", s.ready)
	}
	s.base = takeCensus(s.pid())
	if s.shape.nginx != "" {
		s.putBehindNginx(t)
	}
}

// spawn starts the process in a group of its own. readyLine will yield the ready line, or
// be closed without one.
func (s *server) spawn(t *testing.T, v variant) {
	t.Helper()
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	line := append(append(slices.Clone(s.Under), binary), s.options(t, v)...)
	s.cmd = exec.Command(line[0], line[1:]...)
	s.cmd.Dir = s.Dir
	if s.cmd.Dir == "" {
		s.cmd.Dir = appDir(s.App)
	}
	s.cmd.Env = append(environ(s.scratch), s.Env...)
	s.cmd.Stdout, s.cmd.Stderr = s.log, s.log
	if s.Stderr != nil {
		s.cmd.Stderr = s.Stderr
	}
	s.cmd.ExtraFiles = []*os.File{w} // becomes fd 3
	s.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	// A grandchild that holds stderr open must not keep Wait from returning.
	s.cmd.WaitDelay = time.Second
	err = s.cmd.Start()
	w.Close()
	if err != nil {
		r.Close()
		t.Fatal(err)
	}
	go func() { _ = s.cmd.Wait(); close(s.exited) }()
	s.readyLine = make(chan []byte, 1)
	go func() {
		defer r.Close()
		if b, err := bufio.NewReader(r).ReadBytes('\n'); err == nil {
			s.readyLine <- b
		}
		close(s.readyLine)
	}()
}

func (s *server) options(t *testing.T, v variant) []string {
	opts := []string{"--ready-fd", "3", "--virtualenv", venv}
	if !s.Bare {
		opts = append(opts, "--http", "127.0.0.1:0", "--module", "app", "--callable", v.attr,
			"--pythonpath", appDir("common"))
	}
	opts = append(opts, v.args...)
	opts = append(opts, s.forNginx(t)...)
	return append(opts, s.Args...)
}

// appDir is a folder in testdata/apps.
func appDir(app string) string { return filepath.Join(repo, "testdata", "apps", app) }

// environ is the environment for a server: ours without what would steer gowsgi, Python
// or a proxy-aware library. PYTHONDEVMODE and PYTHONMALLOC stay, they are how CI hardens a run.
func environ(scratch string) []string {
	var env []string
	for _, kv := range os.Environ() {
		k, _, _ := strings.Cut(kv, "=")
		if strings.HasPrefix(k, "GOWSGI_") || strings.HasSuffix(strings.ToLower(k), "_proxy") || k == "VIRTUAL_ENV" {
			continue
		}
		if strings.HasPrefix(k, "PYTHON") && k != "PYTHONDEVMODE" && k != "PYTHONMALLOC" {
			continue
		}
		env = append(env, kv)
	}
	return append(env, "PYTHONDONTWRITEBYTECODE=1", "SCRATCH="+scratch)
}

// cleanup is the end of a server's test: stop it, check it, and show its log on failure.
func (s *server) cleanup(t *testing.T) {
	if s.cmd == nil || s.cmd.Process == nil {
		return
	}
	if !t.Failed() && !s.stopped {
		s.stop(t)
	}
	s.killGroup()
	<-s.exited
	if t.Failed() {
		t.Logf("server %s %v, its stderr:\n%s", s.App, s.Args, s.log.tail(30))
	}
}

// stop asserts hygiene while the server runs, sends SIGTERM, and asserts a clean end.
func (s *server) stop(t *testing.T) {
	t.Helper()
	s.closeConns()
	if s.nginx != nil {
		s.nginx.stop(t)
		s.nginx = nil
	}
	s.settled(t)
	family := descendants(s.pid())
	s.signal(t, syscall.SIGTERM)
	s.wantExit(t)
	s.nothingLeft(t, family)
}

// settled asserts that what requests took was given back.
func (s *server) settled(t *testing.T) {
	t.Helper()
	if s.nginx != nil {
		s.nginx.renew(t)
	}
	var now census
	ok := soon(patience(), func() bool {
		now = takeCensus(s.pid())
		return now.within(s.base, s.launch)
	})
	if !ok {
		t.Errorf("left after its requests: %v; at the start: %v\n%s", now, s.base, now.difference(s.base))
	}
}

// wantExit asserts that the process ends by itself, with exit code 0.
func (s *server) wantExit(t *testing.T) {
	t.Helper()
	s.stopped = true
	select {
	case <-s.exited:
	case <-time.After(within(12 * time.Second)):
		t.Errorf("server still runs after SIGTERM; stderr:\n%s", s.log.tail(20))
		s.killGroup()
		<-s.exited
		return
	}
	if code := s.cmd.ProcessState.ExitCode(); code != 0 && !s.MayNotDrain {
		t.Errorf("exit after SIGTERM: %v, want 0", s.cmd.ProcessState)
	}
	s.noCrash(t)
}

// nothingLeft asserts that no process of the server's group or family outlives it.
func (s *server) nothingLeft(t *testing.T, family []process) {
	t.Helper()
	var left []process
	if !soon(patience(), func() bool { left = survivors(s.pid(), family); return len(left) == 0 }) {
		t.Errorf("processes left behind: %v", left)
	}
}

// crashes are words that no healthy server writes.
var crashes = []string{
	"Fatal Python error", "SIGSEGV", "SIGABRT", "fatal error:", "panic:", "ERROR: AddressSanitizer",
	"WARNING: DATA RACE", "garbage collected without being closed", "goroutine 1 [",
}

func (s *server) noCrash(t *testing.T) {
	t.Helper()
	text := s.log.String()
	for _, c := range crashes {
		if strings.Contains(text, c) {
			t.Errorf("server's stderr has %q", c)
		}
	}
}

func (s *server) pid() int { return s.cmd.Process.Pid }

// python is the process that the app is in: the only child of a master.
func (s *server) python(t *testing.T) int {
	t.Helper()
	if !slices.Contains(s.cmd.Args, "--master") {
		return s.pid()
	}
	tasks, _ := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/children", s.pid()))
	for _, task := range tasks {
		if text, err := os.ReadFile(task); err == nil && len(strings.Fields(string(text))) > 0 {
			pid, err := strconv.Atoi(strings.Fields(string(text))[0])
			if err == nil {
				return pid
			}
		}
	}
	t.Fatal("the master has no child")
	return 0
}

func (s *server) signal(t *testing.T, sig syscall.Signal) {
	t.Helper()
	if err := s.cmd.Process.Signal(sig); err != nil && !errors.Is(err, os.ErrProcessDone) {
		t.Fatalf("signal %v: %v", sig, err)
	}
}

// alive tells whether the process still runs.
func (s *server) alive() bool {
	select {
	case <-s.exited:
		return false
	default:
		return true
	}
}

func (s *server) killGroup() { _ = syscall.Kill(-s.pid(), syscall.SIGKILL) }

func (s *server) closeConns() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, c := range s.conns {
		c.Close()
	}
	s.conns = nil
}
