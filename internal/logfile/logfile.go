// Package logfile has descriptors 1 and 2 lead to a file (--logto), so that the logs, what the app prints and
// what C code writes all go there, and to another one once that is renamed.
package logfile

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"sync"
	"time"

	"golang.org/x/sys/unix"
)

// mode is the file's, less the umask: logs are not for the machine's other users.
const mode = 0o640

// File is the file that stdout and stderr lead to.
type File struct {
	path string // absolute: the app may change the directory
	made bool   // it was not there before

	mu       sync.Mutex
	terminal *os.File // where stderr led to before; nil: the start is over
}

// Open opens the file, and has stdout and stderr lead there.
func Open(path string) (*File, error) {
	path, err := filepath.Abs(path)
	if err != nil {
		return nil, err
	}
	terminal, err := unix.FcntlInt(2, unix.F_DUPFD_CLOEXEC, 3)
	if err != nil {
		return nil, os.NewSyscallError("fcntl", err)
	}
	f := &File{path: path, terminal: os.NewFile(uintptr(terminal), "stderr")}
	opened, err := f.Reopen()
	if err != nil {
		f.Started()
		return nil, err
	}
	return f, opened.Close()
}

// Reopen opens the file of that name anew, and has stdout and stderr lead there. The file is the caller's, who may
// have other processes lead theirs there. After an error the old one stays.
func (f *File) Reopen() (*os.File, error) {
	// Not blocking: a FIFO that nobody reads would stop the program.
	const flags = os.O_WRONLY | os.O_APPEND | os.O_CREATE | unix.O_NONBLOCK | unix.O_NOCTTY
	file, err := os.OpenFile(f.path, flags|os.O_EXCL, mode)
	f.made = err == nil
	if errors.Is(err, os.ErrExist) {
		file, err = os.OpenFile(f.path, flags, mode)
	}
	if err != nil {
		return nil, err
	}
	if err := Redirect(file); err != nil {
		file.Close()
		return nil, err
	}
	return file, nil
}

// Give makes the file another user's, if it was not there before: who becomes that user can open it anew then. It may be
// called on nil.
func (f *File) Give(uid, gid int) error {
	if f == nil || !f.made {
		return nil
	}
	return os.NewSyscallError("fchown", unix.Fchown(2, uid, gid)) // stderr leads there
}

// Rotate renames the file: the time, in seconds, stands behind its name. Reopen makes the next one. A file of that
// name stays.
func (f *File) Rotate(now time.Time) error {
	old := f.path + "." + strconv.FormatInt(now.Unix(), 10)
	if _, err := os.Lstat(old); err == nil {
		return &os.PathError{Op: "rename", Path: old, Err: os.ErrExist}
	}
	return os.Rename(f.path, old)
}

// Redirect has stdout and stderr lead to file. What is being written goes whole to the one or to the other.
func Redirect(file *os.File) error {
	fd := int(file.Fd())
	if err := unix.SetNonblock(fd, false); err != nil {
		return os.NewSyscallError("fcntl", err)
	}
	for _, standard := range []int{1, 2} {
		if err := unix.Dup2(fd, standard); err != nil {
			return fmt.Errorf("descriptor %d: %w", standard, os.NewSyscallError("dup2", err))
		}
	}
	return nil
}

// Terminal is where stderr led to before, as long as the program starts: its mistakes are told there, too.
// It may be called on nil.
func (f *File) Terminal() io.Writer {
	if f == nil {
		return io.Discard
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.terminal == nil {
		return io.Discard
	}
	return f.terminal
}

// Started lets go of the terminal. It may be called on nil, and more than once.
func (f *File) Started() {
	if f == nil {
		return
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.terminal != nil {
		_ = f.terminal.Close()
		f.terminal = nil
	}
}
