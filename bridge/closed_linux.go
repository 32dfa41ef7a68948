package bridge

import "golang.org/x/sys/unix"

// peerClosed tells whether the client has closed its side, also when bytes of it
// are still unread.
func (c *conn) peerClosed() bool {
	closed := false
	_ = c.out.raw.Control(func(fd uintptr) {
		fds := []unix.PollFd{{Fd: int32(fd), Events: unix.POLLRDHUP}}
		n, err := unix.Poll(fds, 0)
		closed = err == nil && n > 0
	})
	return closed
}
