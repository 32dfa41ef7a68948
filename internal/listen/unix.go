package listen

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"sync"
	"syscall"
	"time"
)

// probeTimeout bounds the question whether anybody listens on a socket that is
// already there. Locally the kernel answers at once.
const probeTimeout = time.Second

// unixListener removes its socket's file on Close, but only its own: another
// process may have put a new one in its place, and package net, which unlinks
// by name, would take that away.
type unixListener struct {
	*net.UnixListener
	path string      // absolute, for the app may change the directory
	file fs.FileInfo // of the socket's file as bound
	once sync.Once
	err  error
}

func (l *unixListener) Close() error {
	l.once.Do(func() {
		// Before the socket is closed: as long as it is open its inode can't
		// be given to another file, so that equal means ours.
		left := l.removeOwn()
		l.err = cmp.Or(l.UnixListener.Close(), left)
	})
	return l.err
}

// removeOwn fails where the process may not write to the directory any more,
// which happens after --uid.
func (l *unixListener) removeOwn() error {
	unlock := lockDir(filepath.Dir(l.path))
	defer unlock()
	if now, err := os.Lstat(l.path); err == nil && os.SameFile(now, l.file) {
		if err := os.Remove(l.path); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("cannot remove the socket %s: %s", l.path, cause(err))
		}
	}
	return nil
}

func listenUnix(a Address, o Options) (net.Listener, error) {
	path, err := filepath.Abs(a.Path)
	if err != nil {
		return nil, err
	}
	// Two servers that start at once both find the same dead socket; without
	// the lock the slower one removes the live socket of the faster.
	unlock := lockDir(filepath.Dir(path))
	defer unlock()
	if err := removeStale(a); err != nil {
		return nil, err
	}
	l, err := bindUnix(a.Path, o.first())
	if err != nil {
		return nil, err
	}
	l.SetUnlinkOnClose(false)
	u := &unixListener{UnixListener: l, path: path}
	if u.file, err = o.finish(a.Path); err != nil {
		_ = l.Close()
		_ = os.Remove(path)
		return nil, err
	}
	return u, nil
}

// first is the mode that the file is made with. One that is to have another
// owner is nobody's until then: the mode is about that owner's group.
func (o Options) first() *fs.FileMode {
	switch {
	case o.Owner != nil:
		return new(fs.FileMode)
	case o.Mode != 0:
		return &o.Mode
	}
	return nil
}

// finish gives the socket its owner, and the mode asked for to the bit (the
// umask has narrowed what bindUnix made; it never made more), and returns its
// identity.
func (o Options) finish(path string) (fs.FileInfo, error) {
	first := o.first()
	if first == nil {
		return os.Lstat(path)
	}
	mode := o.Mode
	if mode == 0 {
		mode = 0o777 &^ umask()
	}
	return finish(path, *first, mode, o.Owner)
}

// umask can only be read by setting it. What another thread makes meanwhile
// gets a narrower mode than it should, never a wider one.
func umask() fs.FileMode {
	old := syscall.Umask(0o777)
	syscall.Umask(old)
	return fs.FileMode(old)
}

// ownerError is that of a change of owner.
type ownerError struct{ error }

func (e *ownerError) Unwrap() error { return e.error }

// removeStale makes room where a dead server left its socket. It deletes
// nothing but a socket nobody listens on.
func removeStale(a Address) error {
	fi, err := os.Lstat(a.Path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil // a missing directory shows up in bind
	}
	if err != nil {
		return err
	}
	if fi.Mode().Type() != fs.ModeSocket {
		return &Error{Address: a, Reason: "the path exists and is not a socket (remove it or choose another path)", Err: syscall.EADDRINUSE}
	}
	ctx, cancel := context.WithTimeout(context.Background(), probeTimeout)
	defer cancel()
	conn, err := new(net.Dialer).DialContext(ctx, "unix", a.Path)
	switch {
	case err == nil:
		_ = conn.Close()
		return inUse(a)
	case errors.Is(err, syscall.ECONNREFUSED):
		return os.Remove(a.Path)
	case errors.Is(err, fs.ErrNotExist):
		return nil
	case errors.Is(err, syscall.EACCES):
		return &Error{Address: a, Reason: "there is a socket which this user may not connect to, so whether it is in use can't be known (remove it or choose another path)", Err: err}
	}
	// EAGAIN is a full backlog, EPROTOTYPE a datagram socket: somebody's.
	return inUse(a)
}

func inUse(a Address) error {
	return &Error{Address: a, Reason: "in use: another process is listening on it (stop that one or choose another path)", Err: syscall.EADDRINUSE}
}

// unixReason words what bind, chmod or unlink said.
func unixReason(a Address, err error) string {
	dir := filepath.Dir(a.Path)
	var owner *ownerError
	switch {
	case errors.As(err, &owner):
		return fmt.Sprintf("its owner can't be changed: %s (that needs root, or a group of this user's)", cause(owner.error))
	case errors.Is(err, fs.ErrNotExist):
		return fmt.Sprintf("the directory %s does not exist (create it or choose another path)", dir)
	case errors.Is(err, syscall.ENOTDIR):
		return fmt.Sprintf("%s is not a directory", dir)
	case errors.Is(err, syscall.EADDRINUSE):
		return "something else was created at that path just now"
	case errors.Is(err, fs.ErrPermission):
		return fmt.Sprintf("permission denied (this user may not write to the directory %s)", dir)
	}
	return cause(err)
}

// lockWait is how long lockDir waits for another starting server.
const lockWait = time.Second

// lockDir keeps other gowsgi processes from changing sockets in dir until the
// returned function is called. The lock is the directory's own, so that no
// lock file is left behind. It is a courtesy among ourselves: where it can't be
// had (no such directory, a file system without locks), we go on without.
func lockDir(dir string) (unlock func()) {
	f, err := os.Open(dir)
	if err != nil {
		return func() {}
	}
	deadline := time.Now().Add(lockWait)
	for syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB) == syscall.EWOULDBLOCK && time.Now().Before(deadline) {
		time.Sleep(2 * time.Millisecond)
	}
	return func() { _ = f.Close() } // which gives the lock back
}
