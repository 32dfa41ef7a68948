package link

import (
	"os"
	"sync/atomic"
	"unsafe"

	"golang.org/x/sys/unix"
)

// anonymous is a file without a name, in memory.
func anonymous(size int) (*os.File, error) {
	fd, err := unix.MemfdCreate("gowsgi", unix.MFD_CLOEXEC|unix.MFD_ALLOW_SEALING)
	if err != nil {
		return nil, os.NewSyscallError("memfd_create", err)
	}
	file := os.NewFile(uintptr(fd), "memfd")
	if err := file.Truncate(int64(size)); err != nil {
		file.Close()
		return nil, err
	}
	// A worker that made it shorter would end the front by SIGBUS.
	if _, err := unix.FcntlInt(uintptr(fd), unix.F_ADD_SEALS, unix.F_SEAL_SHRINK|unix.F_SEAL_GROW|unix.F_SEAL_SEAL); err != nil {
		file.Close()
		return nil, os.NewSyscallError("fcntl F_ADD_SEALS", err)
	}
	return file, nil
}

// newBell is an eventfd.
func newBell() (*os.File, error) {
	fd, err := unix.Eventfd(0, unix.EFD_CLOEXEC)
	if err != nil {
		return nil, os.NewSyscallError("eventfd", err)
	}
	return os.NewFile(uintptr(fd), "eventfd"), nil
}

// strike rings a bell.
func strike(bell *os.File) {
	one := uint64(1)
	_, _ = unix.Write(int(bell.Fd()), (*[8]byte)(unsafe.Pointer(&one))[:])
}

// futexWait sleeps while word is value; it may return without a reason. The word is shared with
// another process.
func futexWait(word *atomic.Uint32, value uint32) {
	_, _, _ = unix.Syscall6(unix.SYS_FUTEX, uintptr(unsafe.Pointer(word)), futexWaitOp, uintptr(value), 0, 0, 0)
}

func futexWake(word *atomic.Uint32) {
	_, _, _ = unix.Syscall6(unix.SYS_FUTEX, uintptr(unsafe.Pointer(word)), futexWakeOp, 1, 0, 0, 0)
}

const (
	futexWaitOp = 0
	futexWakeOp = 1
)
