package procname

import (
	"os"
	"strings"
	"unsafe"

	"golang.org/x/sys/unix"
)

// commMax is the kernel's limit; the rest is cut off.
const commMax = 15

// comm is a name that tells workers from each other also where it is short of room.
func comm(name string) string {
	if len(name) > commMax {
		return strings.Replace(name, "gowsgi worker ", "gowsgi w", 1)
	}
	return name
}

// setComm names the process's first thread, which gives the process its comm. Threads that come later from other ones
// keep their names. It is for the looks: an error is not one of the program's.
func setComm(name string) {
	// After a change of user, /proc/self is root's, and only the thread itself can do it.
	if text, err := unix.BytePtrFromString(comm(name)); err == nil && unix.Gettid() == os.Getpid() {
		_ = unix.Prctl(unix.PR_SET_NAME, uintptr(unsafe.Pointer(text)), 0, 0, 0)
		return
	}
	_ = os.WriteFile("/proc/self/comm", []byte(comm(name)), 0)
}
