package bridge

import (
	"fmt"
	"net"
	"net/netip"
	"strconv"
	"sync"
	"syscall"
	"time"

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
	// uwsgi: the uwsgi protocol is spoken here, in place of HTTP.
	uwsgi bool

	mu     sync.Mutex // held from accept until the connection is among the server's
	closed bool
	failed chan error // holds one: why nothing more can be accepted, nil at the end

	// full is why nothing could be accepted, until the sweeper opens the door again. Guarded by
	// mu, as told (when the log was), and early: the kernel's queue has not been empty yet.
	full  error
	told  time.Time
	early bool
}

// toldPeriod is how often the log is told that no descriptor is left.
const toldPeriod = 10 * time.Second

const (
	// acceptBatch is the most that is accepted at once: the connections there are want to be
	// served, too.
	acceptBatch = 16
	// backlogMost bounds what is accepted at the end.
	backlogMost = 1 << 16
)

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
		s: s, l: l, raw: raw, unix: true, early: true, failed: make(chan error, 1),
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
			prepare(int(fd))
		}
	})
	if err != nil {
		return nil, fmt.Errorf("listen on %s: %w", l.Addr(), err)
	}
	return d, nil
}

// prepare sets what a TCP socket, or those that a listening one accepts, are to have: no waiting
// for more to send, and an end when the client's machine is gone.
func prepare(fd int) {
	_ = unix.SetsockoptInt(fd, unix.IPPROTO_TCP, unix.TCP_NODELAY, 1)
	_ = unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_KEEPALIVE, 1)
	_ = unix.SetsockoptInt(fd, unix.IPPROTO_TCP, tcpKeepIdle, 15) // seconds, as net's
	_ = unix.SetsockoptInt(fd, unix.IPPROTO_TCP, unix.TCP_KEEPINTVL, 15)
	_ = unix.SetsockoptInt(fd, unix.IPPROTO_TCP, unix.TCP_KEEPCNT, 9)
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
		if d.early && !d.unix {
			prepare(fd) // it came before the listener was prepared
		}
		d.s.admit(fd, d.endpoint(peer), d)
		return true
	case err == unix.ECONNABORTED || err == unix.EINTR: // the client was faster than we: it has left
		return true
	case err == unix.EAGAIN:
		d.early = false
	case err == unix.EMFILE || err == unix.ENFILE || err == unix.ENOBUFS || err == unix.ENOMEM:
		// Connections must end before one can come.
		d.s.poller.remove(d.fd)
		d.full = err
	default:
		d.closed = true
		d.s.poller.remove(d.fd)
		d.failed <- fmt.Errorf("accept on %s: %w", d.l.Addr(), err)
	}
	return false
}

// reopen tries again after descriptors had run out. False: the listener is no more.
func (d *door) reopen() bool {
	d.mu.Lock()
	why, tell, closed := d.full, false, d.closed
	d.full = nil
	if !closed && d.raw.Control(func(uintptr) {}) != nil { // its owner has closed it
		d.closed, closed = true, true
		d.failed <- nil
	}
	if why != nil && !closed {
		_ = d.s.poller.addDoor(d.fd)
		if now := time.Now(); now.Sub(d.told) >= toldPeriod {
			d.told, tell = now, true
		}
	}
	d.mu.Unlock()
	if tell { // without the mutex: the log may wait for its reader
		d.s.Log.Error("cannot accept connections: clients wait; raise the limit of open files (ulimit -n)", "error", why)
	}
	return !closed
}

// close ends the listening. Connections that wait in the kernel's queue are taken before:
// they would be reset, with requests in them perhaps. False: no descriptor is left for that,
// and the door stays open, unless by force.
func (d *door) close(force bool) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.closed {
		return true
	}
	d.full = nil
	for range backlogMost {
		if !d.accept() {
			break
		}
	}
	if d.closed {
		return true
	}
	if d.full != nil && !force {
		return false
	}
	d.closed = true
	d.s.poller.remove(d.fd)
	// Frees the port also when a child that the app forked has the descriptor.
	_ = d.raw.Control(func(fd uintptr) { _ = unix.Shutdown(int(fd), unix.SHUT_RDWR) })
	_ = d.l.Close()
	d.failed <- nil
	return true
}

// endpoint is that of a connection from peer.
func (d *door) endpoint(peer unix.Sockaddr) endpoint {
	at := d.at
	switch peer := peer.(type) {
	case *unix.SockaddrInet4:
		at.remoteAddr = netip.AddrFrom4(peer.Addr).String()
		at.remotePort = strconv.Itoa(peer.Port)
	case *unix.SockaddrInet6:
		at.remoteAddr = netip.AddrFrom16(peer.Addr).Unmap().WithZone(zone(peer.ZoneId)).String()
		at.remotePort = strconv.Itoa(peer.Port)
	}
	return at
}

// zone names the interface of a link-local address.
func zone(index uint32) string {
	if index == 0 {
		return ""
	}
	if i, err := net.InterfaceByIndex(int(index)); err == nil {
		return i.Name
	}
	return strconv.Itoa(int(index))
}
