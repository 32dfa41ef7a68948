package blackbox

import (
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// The first start's failures are those of the single shape, and leave no process.
func TestMasterStartFails(t *testing.T) {
	t.Parallel()
	for _, f := range []struct{ name, text, last string }{
		{"exception", "def f():\n    raise ValueError('boom')\nf()\n", "ValueError: boom"},
		{"syntax", "def (:\n", "SyntaxError: invalid syntax"},
		{"missing", "import no_such_module_anywhere\n", "ModuleNotFoundError: No module named 'no_such_module_anywhere'"},
		{"long", "raise ValueError('x' * 300000)\n", "ValueError: xxx"},
		{"escapes", "raise ValueError('\\x01' * 300000)\n", "ValueError: \x01\x01"}, // JSON makes six bytes of each
	} {
		for _, shape := range [][]string{{"--master"}, {"-p", "3"}} {
			t.Run(f.name+strings.Join(shape, " "), func(t *testing.T) {
				dir := folder(t, "app.py", f.text)
				sock := filepath.Join(dir, "s")
				e := command(t, dir, nil, append(shape, "--http", "unix:"+sock, "--virtualenv", venv, "-w", "app:app")...)
				e.want(t, 22)
				last := e.lastLine()
				if f.name == "long" || f.name == "escapes" { // it is shortened somewhere
					last = e.stderr
					if !strings.Contains(last, f.last) {
						t.Errorf("no %q in %.1000s", f.last, e.stderr)
					}
				} else if last != f.last {
					t.Errorf("last line %q, want %q; stderr:\n%s", last, f.last, e.stderr)
				}
				if n := strings.Count(e.stderr, "Traceback (most recent call last)"); n > 1 {
					t.Errorf("%d tracebacks:\n%.3000s", n, e.stderr)
				}
				if _, err := os.Stat(sock); err == nil {
					t.Error("the socket stays behind")
				}
				noneRunsIn(t, dir)
			})
		}
	}
}

// noneRunsIn asserts that no process has the directory as its own: no worker was left behind.
func noneRunsIn(t *testing.T, dir string) {
	t.Helper()
	var left []string
	ok := soon(patience(), func() bool {
		left = nil
		links, _ := filepath.Glob("/proc/[0-9]*/cwd")
		for _, l := range links {
			if target, err := os.Readlink(l); err == nil && target == dir {
				left = append(left, l)
			}
		}
		return len(left) == 0
	})
	if !ok {
		t.Errorf("processes left behind: %v", left)
	}
}

// Clause: callable errors, in the other shape.
func TestMasterNoCallable(t *testing.T) {
	t.Parallel()
	dir := folder(t, "app.py", bare("serve", "x"))
	e := command(t, dir, nil, "-p", "2", "--http", "127.0.0.1:0", "--virtualenv", venv, "-w", "app:missing")
	e.want(t, 22, "missing", "serve")
	noneRunsIn(t, dir)
}

// A port in use is known before any process is started.
func TestMasterPortInUse(t *testing.T) {
	t.Parallel()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	dir := folder(t, "app.py", "open('imported', 'w').close()\n"+bare("application", "x"))
	e := command(t, dir, nil, "-p", "2", "--http", l.Addr().String(), "--virtualenv", venv)
	e.want(t, 1, "in use")
	if _, err := os.Stat(filepath.Join(dir, "imported")); err == nil {
		t.Error("the app was imported")
	}
}

// A process that ends while it imports, by itself or by a crash.
func TestMasterWorkerDiesAtImport(t *testing.T) {
	t.Parallel()
	for how, word := range map[string]string{
		"import os; os._exit(5)\n":                  "exit code 5",
		"import os; os.kill(os.getpid(), 9)\n":      "SIGKILL",
		"import ctypes; ctypes.string_at(0)\n":      "SIGSEGV",
		"import os; os._exit(0)\n":                  "exit code 0",
		"import sys, threading; sys.exit('over')\n": "SystemExit",
	} {
		dir := folder(t, "app.py", how)
		e := command(t, dir, nil, "-p", "2", "--http", "127.0.0.1:0", "--virtualenv", venv, "-w", "app:app")
		if e.code == 0 {
			t.Errorf("%s: exit code 0", how)
		}
		e.want(t, e.code, word)
		noneRunsIn(t, dir)
	}
}

// An app that can't be imported because the signal came: nothing is left.
func TestMasterEndsDuringImport(t *testing.T) {
	t.Parallel()
	for _, sig := range []syscall.Signal{syscall.SIGTERM, syscall.SIGINT, syscall.SIGKILL} {
		c := launchCrew(t, launch{Args: []string{"-p", "2"}, Env: []string{"WANTS=hold-second"}})
		eventually(t, "both import", func() bool { return c.countEvents(t, "importing ") == 2 })
		if n := len(c.workers()); n != 2 {
			t.Fatalf("%d processes", n)
		}
		c.signal(t, sig)
		c.wantEnd(t, 10*time.Second)
		c.nothingLeft(t, c.known)
		c.frontIsSound(t)
	}
}

// TERM lets what runs end in all processes, and the app's own end.
func TestMasterDrain(t *testing.T) {
	t.Parallel()
	for _, sig := range []syscall.Signal{syscall.SIGTERM, syscall.SIGINT} {
		t.Run(sig.String(), func(t *testing.T) {
			c := startCrew(t, launch{Args: []string{"-p", "2", "--threads", "2"}})
			var all []*held
			for i := range 4 {
				all = append(all, c.hold(t, fmt.Sprintf("held-%d", i), "/gate"))
			}
			queued := c.dial(t)
			queued.send(request("GET", "/", ""))
			// As a terminal does: to the whole group.
			if err := syscall.Kill(-c.pid(), sig); err != nil {
				t.Fatal(err)
			}
			c.refuses(t)
			n := c.log.len()
			if sig == syscall.SIGTERM {
				// The stacks of a drain that takes long are of interest, too.
				c.signal(t, syscall.SIGQUIT)
				c.log.waitSince(t, n, "/gate?name=held-0", "/gate?name=held-3")
			}
			if !c.alive() || len(c.workers()) != 2 {
				t.Fatal("the server ended with requests at work")
			}
			for _, h := range all {
				h.letGo(t)
			}
			queued.response("GET").want(t, 200, "index")
			c.wantEnd(t, 10*time.Second, 0)
			c.nothingLeft(t, c.known)
			for _, p := range c.known {
				c.wantEvents(t, fmt.Sprintf("atexit %d", p.pid))
			}
			c.noCrash(t)
		})
	}
}

// A supervisor that signals all processes does no harm.
func TestMasterSignalToAll(t *testing.T) {
	t.Parallel()
	for _, sig := range []syscall.Signal{syscall.SIGTERM, syscall.SIGINT} {
		c := startCrew(t, launch{Args: []string{"-p", "2"}})
		h := c.hold(t, "held", "/gate")
		for _, p := range c.workers() {
			kill(t, p.pid, sig)
		}
		c.signal(t, sig)
		c.refuses(t)
		h.letGo(t)
		c.wantEnd(t, 10*time.Second, 0)
		c.nothingLeft(t, c.known)
		for _, p := range c.known {
			c.wantEvents(t, fmt.Sprintf("atexit %d", p.pid))
		}
		c.noCrash(t)
	}
}

// A second signal ends everything at once, also what hangs.
func TestMasterSecondSignal(t *testing.T) {
	t.Parallel()
	c := startCrew(t, launch{Args: []string{"-p", "2"}})
	g, k := c.gate(t, "wedge"), c.dial(t)
	k.send(request("GET", "/wedge?name=wedge", ""))
	g.reached(t)
	c.hold(t, "held", "/gate")
	c.signal(t, syscall.SIGTERM)
	c.refuses(t)
	c.insist(t, syscall.SIGTERM)
	c.wantEnd(t, 5*time.Second, 1)
	c.nothingLeft(t, c.known)
}

// What does not end in the drain's time is ended.
func TestMasterDrainTimeout(t *testing.T) {
	t.Parallel()
	for _, path := range []string{"/gate", "/wedge"} {
		c := startCrew(t, launch{Args: []string{"-p", "2", "--drain-timeout", "300ms"}})
		g, k := c.gate(t, "held"), c.dial(t)
		k.send(request("GET", path+"?name=held", ""))
		g.reached(t)
		c.signal(t, syscall.SIGTERM)
		c.wantEnd(t, 15*time.Second)
		c.nothingLeft(t, c.known)
		c.frontIsSound(t)
	}
}

// A front that is killed leaves no process behind: not an idle one, none with a request, and none
// that keeps the GIL.
func TestMasterFrontIsKilled(t *testing.T) {
	t.Parallel()
	for _, state := range []string{"idle", "request", "wedged", "importing"} {
		t.Run(state, func(t *testing.T) {
			c := startCrew(t, launch{Args: []string{"-p", "2"}})
			switch state {
			case "request":
				c.hold(t, "held", "/gate")
			case "wedged":
				g, k := c.gate(t, "wedge"), c.dial(t)
				k.send(request("GET", "/wedge?name=wedge", ""))
				g.reached(t)
			case "importing":
				c.put(t, "hold-import", "")
				c.signal(t, syscall.SIGHUP)
				eventually(t, "a generation imports", func() bool { return c.countEvents(t, "importing ") == 4 })
			}
			c.workers()
			c.signal(t, syscall.SIGKILL)
			c.wantEnd(t, 5*time.Second)
			var left []process
			if !soon(within(2*time.Second), func() bool { left = survivors(c.pid(), c.known); return len(left) == 0 }) {
				t.Errorf("still there: %v", left)
			}
		})
	}
}

// QUIT prints the Python stacks of all processes, also when one of them can't be asked.
func TestMasterStacks(t *testing.T) {
	t.Parallel()
	c := startCrew(t, launch{Args: []string{"-p", "2", "--threads", "1"}})
	one, two := c.hold(t, "one", "/gate"), c.hold(t, "two", "/gate")
	n := c.log.len()
	c.signal(t, syscall.SIGQUIT)
	c.log.waitSince(t, n, fmt.Sprintf("pid %d ---", one.pid), fmt.Sprintf("pid %d ---", two.pid),
		"GET /gate?name=one", "GET /gate?name=two", "in at_gate", "app.py")
	if got := strings.Count(c.log.since(n), "in at_gate"); got != 2 {
		t.Errorf("%d stacks are in the app, want 2", got)
	}
	one.letGo(t)
	n = c.log.len()
	kill(t, one.pid, syscall.SIGSTOP)
	c.signal(t, syscall.SIGQUIT)
	c.log.waitSince(t, n, fmt.Sprintf("pid %d ---", one.pid), "does not answer", "GET /gate?name=two")
	kill(t, one.pid, syscall.SIGCONT)
	two.letGo(t)
	c.stop(t)
}

// QUIT shows where an import hangs, asked of the front or of the process itself, which bears it.
func TestMasterStacksWhileImporting(t *testing.T) {
	t.Parallel()
	c := launchCrew(t, launch{Args: []string{"-p", "2"}, Env: []string{"WANTS=hold-second"}})
	eventually(t, "both processes import", func() bool { return c.countEvents(t, "importing ") == 2 && c.countEvents(t, "imported ") == 1 })
	var stacks []string
	for _, p := range c.workers() {
		stacks = append(stacks, fmt.Sprintf("stacks of all Python threads, pid %d", p.pid))
	}
	c.signal(t, syscall.SIGQUIT)
	c.log.wait(t, stacks...)
	n := c.log.len()
	for _, p := range c.workers() {
		kill(t, p.pid, syscall.SIGQUIT)
	}
	c.log.waitSince(t, n, stacks...)
	eventually(t, "all stacks are written", func() bool { return strings.Count(c.log.String(), "end of stacks") == 4 })
	text := c.log.String()
	c.put(t, "go", "")
	c.awaitReady(t)
	if c.readsStacks() && strings.Count(text, "testdata/apps/workers/app.py\", line") < 2 {
		t.Errorf("where the import hangs is not said twice:\n%s", text)
	}
	c.wantWorkers(t, 2)
	c.stop(t)
}
