package listen

import (
	"net"
	"syscall"

	"golang.org/x/sys/unix"
)

// Backlog tells how many connections wait in the kernel to be accepted, and how many may.
// Zeros where that can't be told: for UNIX sockets and closed ones, and on other systems
// than Linux.
func Backlog(l net.Listener) (waiting, limit int) {
	socket, ok := l.(syscall.Conn)
	if !ok {
		return 0, 0
	}
	raw, err := socket.SyscallConn()
	if err != nil {
		return 0, 0
	}
	_ = raw.Control(func(fd uintptr) { // an error leaves the zeros
		// For a socket that listens, these two fields have a meaning of their own (tcp(7) is silent on it).
		if info, err := unix.GetsockoptTCPInfo(int(fd), unix.IPPROTO_TCP, unix.TCP_INFO); err == nil {
			waiting, limit = int(info.Unacked), int(info.Sacked)
		}
	})
	return waiting, limit
}
