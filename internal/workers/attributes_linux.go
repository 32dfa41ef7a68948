package workers

import "syscall"

// attributes are those of a worker process: a terminal's signals are the front's, and none outlives
// it, also when it is stopped or keeps the GIL.
func attributes() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
}
