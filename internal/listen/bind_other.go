//go:build !linux

package listen

import (
	"io/fs"
	"net"
	"sync"
	"syscall"
)

// umaskMu: the umask belongs to the whole process.
var umaskMu sync.Mutex

// bindUnix makes the socket with no wider a mode than asked, from its first
// moment. Outside Linux only the umask can do that; a file that another thread
// creates meanwhile gets a narrower mode than it asked for, never a wider one.
func bindUnix(path string, mode fs.FileMode) (*net.UnixListener, error) {
	if mode != 0 {
		umaskMu.Lock()
		defer umaskMu.Unlock()
		old := syscall.Umask(0)
		syscall.Umask(old | int(0o777&^mode.Perm()))
		defer syscall.Umask(old)
	}
	return net.ListenUnix("unix", &net.UnixAddr{Name: path, Net: "unix"})
}
