package smoke

import (
	"os"
	"os/signal"
	"syscall"

	"golang.org/x/sys/unix"
)

// apart puts a process into a group of its own, which ends with this process, also when that is killed. Its caller's
// thread must live as long as this process: the kernel watches that.
func apart() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
}

// atTerminal is apart for a command that a person may talk to: it gets the terminal, if there is one, and with it
// Ctrl-C. giveBack takes it back.
func atTerminal() (attributes *syscall.SysProcAttr, giveBack func()) {
	attributes = apart()
	fd := int(os.Stdin.Fd())
	foreground, err := unix.IoctlGetInt(fd, unix.TIOCGPGRP)
	if err != nil || foreground != unix.Getpgrp() {
		return attributes, func() {} // no terminal, or another's turn
	}
	attributes.Foreground, attributes.Ctty = true, fd
	return attributes, func() {
		signal.Ignore(syscall.SIGTTOU) // who is in the background may take nothing else
		_ = unix.IoctlSetPointerInt(fd, unix.TIOCSPGRP, foreground)
	}
}
