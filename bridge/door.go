package bridge

import (
	"fmt"
	"net"
	"net/netip"
	"strconv"
	"sync"
	"syscall"

	"golang.org/x/sys/unix"
)

// door is a listening socket.
type door struct {
	s    *Server
	l    net.Listener
	raw  syscall.RawConn
	fd   int      // for the poller: while the door is open
	at   endpoint // of its connections, but for the client's side
	unix bool

	mu     sync.Mutex // held from accept until the connection is among the server's
	closed bool
	failed chan error // holds one: why nothing more can be accepted, nil at the end

	// full: no descriptor was left. The sweeper opens the door again. Guarded by mu.
	full bool
}

// acceptBatch is the most that is accepted at once: the connections there are want to be
// served, too.
const acceptBatch = 64

// newDoor prepares l's socket. What is set here, its connections inherit.
func (s *Server) newDoor(l net.Listener) (*door, error) {
	socket, ok := l.(syscall.Conn)
	if !ok {
		return nil, fmt.Errorf("cannot accept on a %T: it is no socket", l)
	}
	raw, err := socket.SyscallConn()
	if err != nil {
		return nil, err
	}
	// PEP 3333 wants a SERVER_PORT also where there is none: plain HTTP's.
	d := &door{
		s: s, l: l, raw: raw, unix: true, failed: make(chan error, 1),
		at: endpoint{serverName: s.hostname, serverPort: "80", scheme: "http"},
	}
	local, ok := l.Addr().(*net.TCPAddr)
	if ok {
		d.unix = false
		d.at.serverPort = strconv.Itoa(local.Port)
	}
	err = raw.Control(func(fd uintptr) {
		d.fd = int(fd)
		if !d.unix {
			_ = unix.SetsockoptInt(int(fd), unix.IPPROTO_TCP, unix.TCP_NODELAY, 1)
			_ = unix.SetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_KEEPALIVE, 1)
		}
	})
	if err != nil {
		return nil, fmt.Errorf("listen on %s: %w", l.Addr(), err)
	}
	return d, nil
}

// event accepts connections.
func (d *door) event(change) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for range acceptBatch {
		if !d.accept() {
			return
		}
	}
}

// accept takes one connection, if one waits.
func (d *door) accept() bool {
	if d.closed {
		return false
	}
	fd, peer, err := -1, unix.Sockaddr(nil), error(nil)
	if failed := d.raw.Control(func(listener uintptr) { fd, peer, err = acceptNow(int(listener)) }); failed != nil {
		err = failed
	}
	switch {
	case err == nil:
		d.s.admit(fd, d.endpoint(peer), d.unix)
		return true
	case err == unix.ECONNABORTED || err == unix.EINTR: // the client was faster than we: it has left
		return true
	case err == unix.EAGAIN:
	case err == unix.EMFILE || err == unix.ENFILE || err == unix.ENOBUFS || err == unix.ENOMEM:
		// Connections must end before one can come.
		d.s.Log.Error("cannot accept a connection", "error", err)
		d.s.poller.remove(d.fd)
		d.full = true
	default:
		d.closed = true
		d.s.poller.remove(d.fd)
		d.failed <- fmt.Errorf("accept on %s: %w", d.l.Addr(), err)
	}
	return false
}

// reopen tries again after descriptors had run out.
func (d *door) reopen() {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.full && !d.closed {
		d.full = false
		_ = d.s.poller.addDoor(d.fd)
	}
}

// close ends the listening. Connections that wait in the kernel's queue are taken before:
// they would be reset, with requests in them perhaps.
func (d *door) close() {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.closed {
		return
	}
	for d.accept() {
	}
	d.closed = true
	d.s.poller.remove(d.fd)
	// Frees the port also when a child that the app forked has the descriptor.
	_ = d.raw.Control(func(fd uintptr) { _ = unix.Shutdown(int(fd), unix.SHUT_RDWR) })
	_ = d.l.Close()
	d.failed <- nil
}

// endpoint is that of a connection from peer.
func (d *door) endpoint(peer unix.Sockaddr) endpoint {
	at := d.at
	switch peer := peer.(type) {
	case *unix.SockaddrInet4:
		at.remoteAddr = netip.AddrFrom4(peer.Addr).String()
		at.remotePort = strconv.Itoa(peer.Port)
	case *unix.SockaddrInet6:
		at.remoteAddr = netip.AddrFrom16(peer.Addr).Unmap().String()
		at.remotePort = strconv.Itoa(peer.Port)
	}
	return at
}
