package workers

import (
	"os"

	"golang.org/x/sys/unix"
)

// Memory makes a file without a name, in memory, that holds data: for Config.Inherit and Config.Locks.
func Memory(name string, data []byte) (*os.File, error) {
	fd, err := unix.MemfdCreate("gowsgi "+name, unix.MFD_CLOEXEC)
	if err != nil {
		return nil, os.NewSyscallError("memfd_create", err)
	}
	file := os.NewFile(uintptr(fd), name)
	if _, err := file.WriteAt(data, 0); err != nil {
		file.Close()
		return nil, err
	}
	return file, nil
}
