//go:build !linux

package bridge

import "golang.org/x/sys/unix"

// peerClosed tells whether the client has closed its side. Unread bytes hide it
// here: there is no portable POLLRDHUP.
func (c *conn) peerClosed() bool {
	closed := false
	_ = c.out.raw.Control(func(fd uintptr) {
		var scrap [1]byte
		n, _, err := unix.Recvfrom(int(fd), scrap[:], unix.MSG_PEEK|unix.MSG_DONTWAIT)
		closed = n == 0 && err == nil || err == unix.ECONNRESET
	})
	return closed
}
