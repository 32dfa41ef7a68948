package workers

import (
	"os"

	"golang.org/x/sys/unix"
)

// NewLocks makes the file for Config.Locks: one without a name, in memory.
func NewLocks() (*os.File, error) {
	fd, err := unix.MemfdCreate("gowsgi locks", unix.MFD_CLOEXEC)
	if err != nil {
		return nil, os.NewSyscallError("memfd_create", err)
	}
	return os.NewFile(uintptr(fd), "locks"), nil
}
