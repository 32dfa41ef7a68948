package bridge

import (
	"os"
	"syscall"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// tcpKeepIdle is the option for the idle time before keepalive probes.
const tcpKeepIdle = unix.TCP_KEEPIDLE

// poller tells which of many sockets can be read or written, by edge-triggered epoll: each
// change is told once, so a socket needs no system call to be waited for again.
type poller struct {
	epoll  *os.File // closed with the poller, by the garbage collector
	alarm  *os.File // an eventfd; each write is an edge, nobody reads it
	fd     int      // epoll's
	bell   int      // alarm's
	events [pollBatch]unix.EpollEvent
}

func newPoller() (*poller, error) {
	fd, err := unix.EpollCreate1(unix.EPOLL_CLOEXEC)
	if err != nil {
		return nil, os.NewSyscallError("epoll_create1", err)
	}
	p := &poller{fd: fd, epoll: os.NewFile(uintptr(fd), "epoll")}
	alarm, err := unix.Eventfd(0, unix.EFD_CLOEXEC)
	if err != nil {
		return nil, os.NewSyscallError("eventfd", err)
	}
	p.alarm, p.bell = os.NewFile(uintptr(alarm), "eventfd"), alarm
	return p, p.add(alarm)
}

// add watches fd until it is closed or removed. What it has to tell already is told.
func (p *poller) add(fd int) error {
	return p.watch(fd, unix.EPOLLIN|unix.EPOLLOUT|unix.EPOLLRDHUP|unix.EPOLLET)
}

// addDoor watches a listening socket: it is told again while connections wait.
func (p *poller) addDoor(fd int) error { return p.watch(fd, unix.EPOLLIN) }

func (p *poller) watch(fd int, events uint32) error {
	ev := unix.EpollEvent{Events: events, Fd: int32(fd)}
	return os.NewSyscallError("epoll_ctl", unix.EpollCtl(p.fd, unix.EPOLL_CTL_ADD, fd, &ev))
}

// remove ends the watch also where a forked child keeps the socket open.
func (p *poller) remove(fd int) { _ = unix.EpollCtl(p.fd, unix.EPOLL_CTL_DEL, fd, nil) }

// wait fills ready with what has changed, and gives their number. block: until something has,
// or interrupt was called. By one caller at a time.
func (p *poller) wait(ready *[pollBatch]change, block bool) int {
	n := 0
	if block {
		var err error
		if n, err = unix.EpollWait(p.fd, p.events[:], -1); err != nil && err != unix.EINTR {
			time.Sleep(sweepInterval) // the app has closed our descriptor: don't burn the CPU for that
		}
	} else {
		// It does not wait, so Go's scheduler need not hear of it.
		r, _, errno := syscall.RawSyscall6(unix.SYS_EPOLL_PWAIT, uintptr(p.fd), uintptr(unsafe.Pointer(&p.events)), pollBatch, 0, 0, 0)
		if errno == 0 {
			n = int(r)
		}
	}
	return p.changes(ready, n)
}

// doze is wait with block, for d at most. False: the kernel has no such call (Linux 5.11). Go's scheduler
// does not hear of it: one of its threads is gone for d, which costs less than handing its work over.
func (p *poller) doze(ready *[pollBatch]change, d time.Duration) (int, bool) {
	// Without this the kernel adds 50 µs. It holds for the thread, which may be any of Go's.
	_, _, _ = syscall.RawSyscall(unix.SYS_PRCTL, unix.PR_SET_TIMERSLACK, 1, 0)
	limit := unix.NsecToTimespec(int64(d))
	n, _, errno := syscall.RawSyscall6(unix.SYS_EPOLL_PWAIT2, uintptr(p.fd), uintptr(unsafe.Pointer(&p.events)), pollBatch,
		uintptr(unsafe.Pointer(&limit)), 0, 0)
	switch errno {
	case 0:
		return p.changes(ready, int(n)), true
	case unix.ENOSYS, unix.EPERM: // or a sandbox does not know it
		return 0, false
	}
	return 0, true
}

// changes are the first n events.
func (p *poller) changes(ready *[pollBatch]change, n int) int {
	found := 0
	for i := range max(n, 0) {
		ev := &p.events[i]
		ready[found] = change{fd: int(ev.Fd), hup: ev.Events&(unix.EPOLLRDHUP|unix.EPOLLHUP|unix.EPOLLERR) != 0}
		found++
	}
	return found
}

// interrupt makes the wait under way, or the next one, return. From any goroutine.
func (p *poller) interrupt() {
	one := [8]byte{1}
	_, _ = unix.Write(p.bell, one[:])
}

func readNow(fd int, p []byte) (int, error)  { return copyNow(syscall.SYS_READ, fd, p) }
func writeNow(fd int, p []byte) (int, error) { return copyNow(syscall.SYS_WRITE, fd, p) }

// copyNow is read(2) or write(2) on a socket that does not block: as long as a copy takes, so
// Go's scheduler need not hear of it.
func copyNow(call uintptr, fd int, p []byte) (int, error) {
	if len(p) == 0 {
		return 0, nil
	}
	n, _, errno := syscall.RawSyscall(call, uintptr(fd), uintptr(unsafe.Pointer(&p[0])), uintptr(len(p)))
	if errno != 0 {
		return 0, errno
	}
	return int(n), nil
}

func acceptNow(listener int) (int, unix.Sockaddr, error) {
	return unix.Accept4(listener, unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK)
}

// peerClosed tells whether the client has closed its side, also when bytes of it
// are still unread.
func peerClosed(fd int) bool {
	fds := []unix.PollFd{{Fd: int32(fd), Events: unix.POLLRDHUP}}
	n, err := unix.Poll(fds, 0)
	return err == nil && n > 0
}
