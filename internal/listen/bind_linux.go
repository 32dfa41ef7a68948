package listen

import (
	"context"
	"fmt"
	"io/fs"
	"net"
	"os"
	"syscall"

	"golang.org/x/sys/unix"
)

// bindUnix makes the socket with no wider a mode than asked, from its first
// moment; nil leaves it to the umask. Linux takes the mode of the file that bind creates from the socket
// itself (less the umask), so it is set before; a chmod after bind would leave
// a gap, and a changed umask would be seen by every thread of the process.
func bindUnix(path string, mode *fs.FileMode) (*net.UnixListener, error) {
	var lc net.ListenConfig
	if mode != nil {
		lc.Control = func(_, _ string, c syscall.RawConn) error {
			var chmodErr error
			if err := c.Control(func(fd uintptr) { chmodErr = syscall.Fchmod(int(fd), uint32(mode.Perm())) }); err != nil {
				return err
			}
			return os.NewSyscallError("fchmod", chmodErr)
		}
	}
	l, err := lc.Listen(context.Background(), "unix", path)
	if err != nil {
		return nil, err
	}
	return l.(*net.UnixListener), nil
}

// finish gives the socket's file the owner and mode. It finds the file by its
// name once, and goes by what it has found: whoever may write to the directory
// can exchange the file, for a link, say, to one that must not be theirs. first
// is the mode that it was made with.
func finish(path string, first, mode fs.FileMode, owner *Owner) (fs.FileInfo, error) {
	fd, err := unix.Open(path, unix.O_PATH|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil, err
	}
	defer unix.Close(fd)
	var st unix.Stat_t
	if err := unix.Fstat(fd, &st); err != nil {
		return nil, err
	}
	if st.Mode&unix.S_IFMT != unix.S_IFSOCK || fs.FileMode(st.Mode)&0o777&^first != 0 || st.Nlink != 1 {
		return nil, syscall.EADDRINUSE
	}
	if owner != nil {
		if err := unix.Fchownat(fd, "", owner.UID, owner.GID, unix.AT_EMPTY_PATH); err != nil {
			return nil, &ownerError{err}
		}
	}
	// The only way to change the mode of what is open like that, before Linux 6.6.
	self := fmt.Sprintf("/proc/self/fd/%d", fd)
	if err := os.Chmod(self, mode); err != nil {
		return nil, err
	}
	return os.Stat(self)
}
