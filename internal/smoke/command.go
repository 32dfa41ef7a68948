package smoke

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"syscall"
	"time"

	"github.com/gowsgi/gowsgi/internal/options"
)

// A shell's codes for a command that can't be run, and that is not there.
const (
	exitNotRunnable = 126
	exitNotFound    = 127
)

// command serves the app as it is, and runs a command that finds it by $GOWSGI_URL. Its code is ours.
func (s *Smoke) command(arrived <-chan os.Signal) (code int, err error) {
	if len(s.Config.Get) > 0 || s.Config.Checks != "" || s.Config.JUnit != "" || s.Config.JSON != "" {
		return 0, options.UsageError("checks and a command are two runs; keep --get, --checks, --junit and --json, or what follows --")
	}
	path, err := exec.LookPath(s.Command[0])
	if errors.Is(err, exec.ErrNotFound) || errors.Is(err, os.ErrNotExist) {
		s.note("%s: command not found", s.Command[0])
		return exitNotFound, nil
	}
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	started := make(chan struct{})
	early := make(chan os.Signal, 1)
	go func() { // until the server is there
		select {
		case sig := <-arrived:
			early <- sig
			cancel()
		case <-started:
		}
	}()
	server, err := (&Program{Path: s.Path, Config: s.Config, LoadLimit: LoadLimit, Log: s.Stderr}).Start(ctx)
	close(started)
	select {
	case sig := <-early:
		if err == nil {
			server.End(0)
		}
		return interrupted(sig), nil
	default:
	}
	if err != nil {
		return s.notLoaded(err)
	}
	defer server.End(endGrace)

	attributes, giveBack := atTerminal()
	defer giveBack()
	g, err := start(&exec.Cmd{
		Path: path, Args: s.Command, Env: append(os.Environ(), options.URLVariable+"="+server.URL),
		Stdin: os.Stdin, Stdout: s.Stdout, Stderr: s.Stderr, SysProcAttr: attributes,
	})
	if err != nil {
		s.note("%s: %v", s.Command[0], errors.Unwrap(err))
		return exitNotRunnable, nil
	}
	return s.await(g, server, arrived), nil
}

// await passes signals on to the command until it has ended, and then ends what it has left.
func (s *Smoke) await(g *group, server *Server, arrived <-chan os.Signal) (code int) {
	defer g.end(0)
	var late <-chan time.Time
	died := server.group.exited
	for {
		select {
		case <-g.exited:
			return exitOf(g.cmd.ProcessState)
		case sig := <-arrived:
			number, _ := sig.(syscall.Signal)
			_ = syscall.Kill(-g.cmd.Process.Pid, number)
			late = time.After(endGrace)
		case <-late:
			g.end(0)
		case <-died:
			s.note("the server has ended: %v", server.group.cmd.ProcessState)
			died = nil
		}
	}
}

// exitOf is a process's code as a shell has it.
func exitOf(state *os.ProcessState) int {
	if status, ok := state.Sys().(syscall.WaitStatus); ok && status.Signaled() {
		return exitInterrupted + int(status.Signal())
	}
	return state.ExitCode()
}
