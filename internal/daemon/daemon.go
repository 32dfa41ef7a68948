// Package daemon runs this program in the background (--daemonize): once more, in a session of its own. It is not
// forked: a fork of a program with threads has only one of them.
package daemon

import (
	"fmt"
	"os"
	"os/signal"
	"strconv"
	"syscall"

	"golang.org/x/sys/unix"
)

// Variable is the environment variable by which a process knows that it is in the background: the number of the
// descriptor on which it says that it serves.
const Variable = "GOWSGI_DAEMON_PROCESS"

// End is how a process in the background ended before it was ready.
type End struct{ syscall.WaitStatus }

// Start runs the program at path once more, with this one's arguments, and waits until it is ready, or has ended: then
// end is not nil, and it has said why, on this process's stderr, which it has until it is ready. Signals that would end
// this process go to it.
func Start(path string) (pid int, end *End, err error) {
	var pipe [2]int
	if err := unix.Pipe(pipe[:]); err != nil {
		return 0, nil, os.NewSyscallError("pipe", err)
	}
	ready := os.NewFile(uintptr(pipe[0]), "ready")
	defer ready.Close()
	unix.CloseOnExec(pipe[0])
	null, err := os.Open(os.DevNull)
	if err != nil {
		_ = unix.Close(pipe[1])
		return 0, nil, err
	}
	defer null.Close()
	// Before it is there: none is lost.
	arrived := make(chan os.Signal, 16)
	signal.Notify(arrived, syscall.SIGINT, syscall.SIGTERM, syscall.SIGHUP, syscall.SIGQUIT)
	defer signal.Stop(arrived)
	pid, err = syscall.ForkExec(path, os.Args, &syscall.ProcAttr{
		Env:   append(os.Environ(), Variable+"="+strconv.Itoa(pipe[1])),
		Files: []uintptr{null.Fd(), 1, 2}, // others that were inherited are open there, too
		Sys:   &syscall.SysProcAttr{Setsid: true},
	})
	_ = unix.Close(pipe[1])
	if err != nil {
		return 0, nil, err
	}
	go func() {
		for sig := range arrived {
			_ = syscall.Kill(pid, sig.(syscall.Signal))
		}
	}()
	if n, _ := ready.Read(make([]byte, 1)); n == 1 {
		return pid, nil, nil
	}
	end = &End{}
	for {
		if _, err = syscall.Wait4(pid, &end.WaitStatus, 0, nil); err != syscall.EINTR {
			return pid, end, os.NewSyscallError("wait", err)
		}
	}
}

// Code is what the process that has started it is to exit with.
func (e *End) Code() int {
	if e.Signaled() {
		return 128 + int(e.Signal()) // as a shell says it
	}
	return e.ExitStatus()
}

// Self is a process in the background.
type Self struct{ ready *os.File }

// Inherit is what the process that started this one has left for it; nil: it is in the foreground. The variable is
// removed, so that children don't take themselves for it.
func Inherit() (*Self, error) {
	text, ok := os.LookupEnv(Variable)
	if !ok {
		return nil, nil
	}
	_ = os.Unsetenv(Variable)
	fd, err := strconv.Atoi(text)
	if err == nil {
		_, err = unix.FcntlInt(uintptr(fd), unix.F_GETFD, 0)
	}
	if err != nil {
		return nil, fmt.Errorf("%s is for gowsgi's own use", Variable)
	}
	unix.CloseOnExec(fd)
	return &Self{ready: os.NewFile(uintptr(fd), "ready")}, nil
}

// Ready lets go of the process that has started this one. It may be called on nil, and more than once.
func (s *Self) Ready() {
	if s == nil || s.ready == nil {
		return
	}
	_, _ = s.ready.Write([]byte{'\n'}) // it may be gone
	_ = s.ready.Close()
	s.ready = nil
}
