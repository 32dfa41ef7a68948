package workers

import "syscall"

// attributes are those of a worker process: a terminal's signals are the front's, unless terminal lets
// the process have it, and none outlives
// it, also when it is stopped or keeps the GIL.
func attributes(terminal bool) *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: !terminal, Pdeathsig: syscall.SIGKILL}
}
