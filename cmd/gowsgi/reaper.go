package main

import (
	"os"
	"os/signal"
	"syscall"

	"golang.org/x/sys/unix"
)

// The first process of a PID namespace, as a container's program is without an init, inherits every
// orphan in there, and the kernel spares it what ends others. So it does nothing but be that one: the
// server is its child.

// own are the signals that are about this process, not the server.
var own = map[os.Signal]bool{
	syscall.SIGCHLD: true,
	syscall.SIGPIPE: true,
	syscall.SIGTSTP: true,
	syscall.SIGURG:  true, // Go's
}

// reap runs this program again, gives it the signals that come, and reaps what ends, until it does
// itself: with the code to exit with.
func reap() (code int, err error) {
	arrived := make(chan os.Signal, 64)
	signal.Notify(arrived)
	pid, err := again()
	if err != nil {
		return 0, err
	}
	go func() {
		for sig := range arrived {
			if !own[sig] {
				_ = syscall.Kill(pid, sig.(syscall.Signal))
			}
		}
	}()
	for {
		var status syscall.WaitStatus
		ended, err := syscall.Wait4(-1, &status, 0, nil)
		switch {
		case err == syscall.EINTR:
		case err != nil:
			return 0, err
		case ended != pid || status.Stopped() || status.Continued():
		case status.Signaled():
			return 128 + int(status.Signal()), nil // as a shell says it
		default:
			return status.ExitStatus(), nil
		}
	}
}

// again starts the program with all that this process has: arguments, environment, descriptors, and the
// terminal, whose signals come once then.
func again() (pid int, err error) {
	attr := &syscall.ProcAttr{
		Env:   os.Environ(),
		Files: []uintptr{0, 1, 2}, // others that were inherited are open there, too
		Sys:   &syscall.SysProcAttr{Setpgid: true},
	}
	if group, err := unix.IoctlGetInt(0, unix.TIOCGPGRP); err == nil && group == syscall.Getpgrp() {
		attr.Sys = &syscall.SysProcAttr{Foreground: true, Ctty: 0}
	}
	program, err := os.Executable()
	if err != nil {
		return 0, err
	}
	return syscall.ForkExec(program, os.Args, attr)
}
