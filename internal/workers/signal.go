package workers

import (
	"syscall"

	"golang.org/x/sys/unix"
)

func closeOnExec(fd int) { unix.CloseOnExec(fd) }

// signalName is "SIGSEGV (segmentation fault)".
func signalName(s syscall.Signal) string { return unix.SignalName(s) + " (" + s.String() + ")" }
