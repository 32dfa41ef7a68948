package listen

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/netip"
	"os"
	"runtime"
	"strconv"
	"syscall"
	"time"
)

// Options are what a listener can be told besides its address.
type Options struct {
	// Mode is the mode of a UNIX socket's file (--chmod-socket), permission
	// bits only; 0 leaves it to the umask.
	Mode fs.FileMode
	// Owner is the owner of a UNIX socket's file (--chown-socket); nil leaves it.
	Owner *Owner
	// Backlog is the length of the kernel's queue of connections not yet
	// accepted (uWSGI: --listen). 0 takes net.core.somaxconn, which is also the
	// kernel's ceiling for any other value.
	Backlog int
	// Option is what the address was given with, for advice; "" is --http.
	Option string
}

// Owner is a user and a group by number; -1 leaves the one or the other.
type Owner struct{ UID, GID int }

func (o Options) option() string { return cmp.Or(o.Option, "--http") }

// resolveTimeout bounds the look-up of a host name at start.
const resolveTimeout = 5 * time.Second

// Error says why an address can't be listened on and what to do about it.
type Error struct {
	Address Address
	Reason  string // for the user; holds the advice too
	Err     error  // the cause, for errors.Is; may be nil
}

func (e *Error) Error() string {
	return fmt.Sprintf("cannot listen on %s: %s", e.Address, e.Reason)
}

func (e *Error) Unwrap() error { return e.Err }

// Listen opens the socket. The caller owns the listener; closing that of a
// UNIX socket removes its file too, if the file is still this socket's.
// Errors are *Error.
func Listen(a Address, o Options) (net.Listener, error) {
	var l net.Listener
	var err error
	if a.Network == "unix" {
		l, err = listenUnix(a, o)
	} else {
		l, err = listenTCP(a)
	}
	if err != nil {
		return nil, explain(a, o, err)
	}
	if o.Backlog > 0 {
		if err := setBacklog(l, o.Backlog); err != nil {
			_ = l.Close() // the first error is the one to tell
			return nil, explain(a, o, err)
		}
	}
	return l, nil
}

func listenTCP(a Address) (net.Listener, error) {
	ctx, cancel := context.WithTimeout(context.Background(), resolveTimeout)
	defer cancel()
	var lc net.ListenConfig
	// Go listens with multipath TCP since 1.24; nothing here wants it.
	lc.SetMultipathTCP(false)
	addr := net.JoinHostPort(a.Host, strconv.Itoa(a.Port))
	l, err := lc.Listen(ctx, tcpNetwork(a.Host), addr)
	if err != nil && a.Host == "" && lacksIPv6(err) {
		return lc.Listen(ctx, "tcp4", addr)
	}
	return l, err
}

// tcpNetwork keeps an IPv4 address to IPv4: for 0.0.0.0, Go's "tcp" would open
// a socket that takes IPv6 as well.
func tcpNetwork(host string) string {
	if ip, err := netip.ParseAddr(host); err == nil && ip.Is4() {
		return "tcp4"
	}
	return "tcp"
}

// lacksIPv6 is about kernels that have IPv6 compiled in and switched off; Go
// itself notices only those without it.
func lacksIPv6(err error) bool {
	return errors.Is(err, syscall.EAFNOSUPPORT) || errors.Is(err, syscall.EADDRNOTAVAIL)
}

// setBacklog calls listen(2) again, which changes the length and nothing else;
// package net has no setting for it.
func setBacklog(l net.Listener, n int) error {
	s, ok := l.(syscall.Conn)
	if !ok {
		return errors.ErrUnsupported
	}
	raw, err := s.SyscallConn()
	if err != nil {
		return err
	}
	var listenErr error
	if err := raw.Control(func(fd uintptr) { listenErr = syscall.Listen(int(fd), n) }); err != nil {
		return err
	}
	return os.NewSyscallError("listen", listenErr)
}

// explain words a failure of the system for the user.
func explain(a Address, o Options, err error) error {
	var already *Error
	if errors.As(err, &already) {
		return err
	}
	e := &Error{Address: a, Err: err}
	var dns *net.DNSError
	switch {
	case errors.As(err, &dns):
		e.Reason = dnsReason(a.Host, dns)
	case errors.Is(err, context.DeadlineExceeded):
		e.Reason = fmt.Sprintf("host %q could not be looked up within %v", a.Host, resolveTimeout)
	case a.Network == "unix":
		e.Reason = unixReason(a, err)
	case errors.Is(err, syscall.EADDRINUSE):
		e.Reason = "address already in use (another server runs on that port; choose another with " + o.option() + ")" + airplayHint(a)
	case errors.Is(err, syscall.EACCES):
		e.Reason = "permission denied (low ports need root or CAP_NET_BIND_SERVICE; choose a higher one with " + o.option() + ")"
	case errors.Is(err, syscall.EADDRNOTAVAIL):
		e.Reason = fmt.Sprintf("this machine has no address %s (:%d listens on all it has)", a.Host, a.Port)
	default:
		e.Reason = cause(err)
	}
	return e
}

func dnsReason(host string, e *net.DNSError) string {
	if e.IsNotFound {
		return fmt.Sprintf("unknown host %q", host)
	}
	return fmt.Sprintf("host %q could not be looked up: %s", host, e.Err)
}

// airplayHint names the usual holder of Flask's port on a Mac.
func airplayHint(a Address) string {
	if runtime.GOOS == "darwin" && (a.Port == 5000 || a.Port == 7000) {
		return "; on macOS it may be the AirPlay receiver"
	}
	return ""
}

// cause strips package net's and os's wording down to the system's own.
func cause(err error) string {
	var errno syscall.Errno
	if errors.As(err, &errno) {
		return errno.Error()
	}
	return err.Error()
}
