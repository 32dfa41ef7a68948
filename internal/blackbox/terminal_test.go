package blackbox

import (
	"encoding/json"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/creack/pty"
)

// screen is a gowsgi on a terminal of its own, as a person has it.
type screen struct {
	*server
	keyboard *os.File
}

// terminal starts an app, and waits until it is served.
func (v variant) terminal(t *testing.T, l launch) *screen {
	t.Helper()
	term := v.openTerminal(t, l)
	file := filepath.Join(term.scratch, "ready.json")
	ok := soon(within(60*time.Second), func() bool {
		text, err := os.ReadFile(file)
		return err == nil && json.Unmarshal(text, &term.ready) == nil || !term.alive()
	})
	u, err := url.Parse(term.ready.URL)
	if !ok || err != nil || u.Host == "" {
		t.Fatalf("not ready in time:\n%s", term.log)
	}
	term.addr = u.Host
	return term
}

// openTerminal starts an app. What it prints is in its log.
func (v variant) openTerminal(t *testing.T, l launch) *screen {
	t.Helper()
	s := &server{launch: l, scratch: t.TempDir(), log: newLogged(), exited: make(chan struct{}), stopped: true}
	args := append([]string{"--ready-file", filepath.Join(s.scratch, "ready.json")}, s.options(t, v)[2:]...) // without --ready-fd
	s.cmd = exec.Command(binary, args...)
	s.cmd.Dir = l.Dir
	if s.cmd.Dir == "" {
		s.cmd.Dir = appDir(l.App)
	}
	s.cmd.Env = append(append(environ(s.scratch), "TERM=xterm"), l.Env...)
	keyboard, err := pty.Start(s.cmd) // a session of its own: killGroup reaches all of it
	if err != nil {
		t.Fatal(err)
	}
	read := make(chan struct{})
	go func() {
		defer close(read)
		buffer := make([]byte, 4096)
		for {
			n, err := keyboard.Read(buffer)
			_, _ = s.log.Write(buffer[:n])
			if err != nil { // the last process has closed its end
				return
			}
		}
	}()
	go func() { _ = s.cmd.Wait(); close(s.exited) }()
	t.Cleanup(func() {
		s.killGroup()
		<-s.exited
		keyboard.Close()
		<-read
		if t.Failed() {
			t.Logf("terminal %s %v:\n%s", l.App, l.Args, s.log.tail(40))
		}
	})
	return &screen{s, keyboard}
}

// types types a line.
func (term *screen) types(t *testing.T, text string) {
	t.Helper()
	if _, err := term.keyboard.WriteString(text); err != nil {
		t.Fatal(err)
	}
}

// leave types Ctrl-C, and asserts that everybody has left in order.
func (term *screen) leave(t *testing.T) {
	t.Helper()
	family := descendants(term.pid())
	term.closeConns()
	term.types(t, "\x03")
	term.wantExit(t)
	term.nothingLeft(t, family)
}
