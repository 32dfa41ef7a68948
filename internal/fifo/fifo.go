// Package fifo is a FIFO that takes orders, one letter each, from whoever may write to it (--master-fifo).
package fifo

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"
)

// mode is the FIFO's: who writes to it can stop the server.
const mode = 0o600

// FIFO is one that this process reads.
type FIFO struct {
	path string // absolute: the app may change the directory
	file *os.File
	info fs.FileInfo
}

// Open makes a FIFO at path for the given owner; -1 leaves its user or group. One that a dead server has left is made
// anew, so that it is nobody else's; anything else that is there is an error.
func Open(path string, uid, gid int) (*FIFO, error) {
	abs, err := filepath.Abs(path)
	if err != nil {
		return nil, err
	}
	if err := removeStale(abs); err != nil {
		return nil, err
	}
	if err := unix.Mkfifo(abs, mode); err != nil {
		return nil, err
	}
	// For writing, too: then there is always a writer, and no end of the file when the last one goes.
	fd, err := unix.Open(abs, unix.O_RDWR|unix.O_NONBLOCK|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0)
	if err != nil {
		_ = os.Remove(abs)
		return nil, err
	}
	f := &FIFO{path: abs, file: os.NewFile(uintptr(fd), abs)}
	f.info, err = f.file.Stat()
	switch {
	case err != nil:
	case f.info.Mode().Type() != fs.ModeNamedPipe: // somebody has put it there since
		err = errNotFIFO
	default:
		// By the descriptor, so that it is this one that gets them.
		if err = unix.Fchown(fd, uid, gid); err == nil {
			err = unix.Fchmod(fd, mode) // the umask has narrowed it
		}
	}
	if err != nil {
		_ = f.Close()
		return nil, err
	}
	return f, nil
}

var (
	errNotFIFO = errors.New("something that is no FIFO is there (remove it, or choose another path)")
	errInUse   = errors.New("another process reads this FIFO (stop it, or choose another path)")
)

// removeStale makes room where a dead server left its FIFO.
func removeStale(path string) error {
	info, err := os.Lstat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil
	case err != nil:
		return err
	case info.Mode().Type() != fs.ModeNamedPipe:
		return errNotFIFO
	}
	fd, err := unix.Open(path, unix.O_WRONLY|unix.O_NONBLOCK|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0)
	switch {
	case err == nil:
		_ = unix.Close(fd)
		return errInUse
	case errors.Is(err, unix.ENXIO): // nobody reads it
		return os.Remove(path)
	}
	return err
}

// Take hands each letter that comes to order, until Close. Space is for people: echo ends with a newline.
func (f *FIFO) Take(order func(letter byte)) {
	var buffer [64]byte
	for {
		n, err := f.file.Read(buffer[:])
		if err != nil {
			return
		}
		for _, letter := range buffer[:n] {
			switch letter {
			case ' ', '\t', '\r', '\n':
			default:
				order(letter)
			}
		}
	}
}

// Close ends Take and removes the file if it is still this one. It may be called on nil.
func (f *FIFO) Close() error {
	if f == nil {
		return nil
	}
	defer f.file.Close() // as long as it is open, its inode is not given to another one
	now, err := os.Lstat(f.path)
	if err != nil || !os.SameFile(now, f.info) {
		return nil
	}
	if err := os.Remove(f.path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("cannot remove the FIFO: %w", err)
	}
	return nil
}
