package listen

import (
	"context"
	"io/fs"
	"net"
	"os"
	"syscall"
)

// bindUnix makes the socket with no wider a mode than asked, from its first
// moment. Linux takes the mode of the file that bind creates from the socket
// itself (less the umask), so it is set before; a chmod after bind would leave
// a gap, and a changed umask would be seen by every thread of the process.
func bindUnix(path string, mode fs.FileMode) (*net.UnixListener, error) {
	var lc net.ListenConfig
	if mode != 0 {
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
