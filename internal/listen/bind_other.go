//go:build !linux

package listen

import (
	"io/fs"
	"net"
	"os"
	"sync"
	"syscall"
)

// umaskMu: the umask belongs to the whole process.
var umaskMu sync.Mutex

// bindUnix makes the socket with no wider a mode than asked, from its first
// moment; nil leaves it to the umask. Outside Linux only the umask can do that; a file that another thread
// creates meanwhile gets a narrower mode than it asked for, never a wider one.
func bindUnix(path string, mode *fs.FileMode) (*net.UnixListener, error) {
	if mode != nil {
		umaskMu.Lock()
		defer umaskMu.Unlock()
		old := syscall.Umask(0)
		syscall.Umask(old | int(0o777&^mode.Perm()))
		defer syscall.Umask(old)
	}
	return net.ListenUnix("unix", &net.UnixAddr{Name: path, Net: "unix"})
}

// finish gives the socket's file the owner and mode. Elsewhere than on Linux
// that goes by its name.
func finish(path string, _, mode fs.FileMode, owner *Owner) (fs.FileInfo, error) {
	if owner != nil {
		if err := os.Lchown(path, owner.UID, owner.GID); err != nil {
			return nil, &ownerError{err}
		}
	}
	if err := os.Chmod(path, mode); err != nil {
		return nil, err
	}
	return os.Lstat(path)
}
