//go:build darwin || freebsd

package bridge

import (
	"os"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// poller tells which of many sockets can be read or written, by kqueue with EV_CLEAR: each
// change is told once.
type poller struct {
	queue  *os.File // closed with the poller, by the garbage collector
	fd     int
	events [pollBatch]unix.Kevent_t
}

func newPoller() (*poller, error) {
	fd, err := unix.Kqueue()
	if err != nil {
		return nil, os.NewSyscallError("kqueue", err)
	}
	unix.CloseOnExec(fd)
	p := &poller{fd: fd, queue: os.NewFile(uintptr(fd), "kqueue")}
	return p, p.change(0, unix.EVFILT_USER, unix.EV_ADD|unix.EV_CLEAR, 0)
}

func (p *poller) change(fd, filter, flags int, notes uint32) error {
	var ev unix.Kevent_t
	unix.SetKevent(&ev, fd, filter, flags)
	ev.Fflags = notes
	_, err := unix.Kevent(p.fd, []unix.Kevent_t{ev}, nil, nil)
	return os.NewSyscallError("kevent", err)
}

// add watches fd until it is closed or removed. What it has to tell already is told.
func (p *poller) add(fd int) error {
	if err := p.change(fd, unix.EVFILT_READ, unix.EV_ADD|unix.EV_CLEAR, 0); err != nil {
		return err
	}
	return p.change(fd, unix.EVFILT_WRITE, unix.EV_ADD|unix.EV_CLEAR, 0)
}

// addDoor watches a listening socket: it is told again while connections wait.
func (p *poller) addDoor(fd int) error { return p.change(fd, unix.EVFILT_READ, unix.EV_ADD, 0) }

// remove ends the watch also where a forked child keeps the socket open.
func (p *poller) remove(fd int) {
	_ = p.change(fd, unix.EVFILT_READ, unix.EV_DELETE, 0)
	_ = p.change(fd, unix.EVFILT_WRITE, unix.EV_DELETE, 0)
}

// wait fills ready with what has changed, and gives their number. block: until something has,
// or interrupt was called. By one caller at a time.
func (p *poller) wait(ready *[pollBatch]change, block bool) int {
	var at *unix.Timespec
	if !block {
		at = new(unix.Timespec)
	}
	n, err := unix.Kevent(p.fd, nil, p.events[:], at)
	if err != nil && err != unix.EINTR {
		time.Sleep(sweepInterval) // the app has closed our descriptor: don't burn the CPU for that
	}
	found := 0
	for i := range max(n, 0) {
		ev := &p.events[i]
		if ev.Filter == unix.EVFILT_USER {
			continue
		}
		ready[found] = change{fd: int(ev.Ident), hup: ev.Filter == unix.EVFILT_READ && ev.Flags&unix.EV_EOF != 0}
		found++
	}
	return found
}

// doze is of use with worker processes, which there are on Linux only.
func (p *poller) doze(*[pollBatch]change, time.Duration) (int, bool) { return 0, false }

// interrupt makes the wait under way, or the next one, return. From any goroutine.
func (p *poller) interrupt() { _ = p.change(0, unix.EVFILT_USER, 0, unix.NOTE_TRIGGER) }

func readNow(fd int, p []byte) (int, error)  { return unix.Read(fd, p) }
func writeNow(fd int, p []byte) (int, error) { return unix.Write(fd, p) }

func acceptNow(listener int) (int, unix.Sockaddr, error) {
	syscall.ForkLock.RLock()
	defer syscall.ForkLock.RUnlock()
	fd, peer, err := unix.Accept(listener)
	if err == nil {
		unix.CloseOnExec(fd)
		err = unix.SetNonblock(fd, true)
	}
	return fd, peer, err
}

// peerClosed tells whether the client has closed its side. Unread bytes hide it
// here: there is no portable POLLRDHUP.
func peerClosed(fd int) bool {
	var scrap [1]byte
	n, _, err := unix.Recvfrom(fd, scrap[:], unix.MSG_PEEK|unix.MSG_DONTWAIT)
	return n == 0 && err == nil || err == unix.ECONNRESET
}
