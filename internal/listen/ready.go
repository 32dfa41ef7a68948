package listen

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"syscall"
)

// Ready is what --ready-file and --ready-fd tell: one JSON object on one line.
// It is written once the app is imported and the port listens.
type Ready struct {
	URL      string   `json:"url"`            // the first listener's, see URL
	URLs     []string `json:"urls,omitempty"` // all of them, if there are several
	PID      int      `json:"pid"`
	Python   string   `json:"python"`            // CPython's version, "3.11.2"
	App      string   `json:"app"`               // what was loaded, "app:app"
	ImportMS int64    `json:"import_ms"`         // how long the import took
	Stats    string   `json:"stats,omitempty"`   // the address of --stats, see Name
	Metrics  string   `json:"metrics,omitempty"` // the URL of --metrics, see URL
}

// Announcer writes Ready where the user asked for it. A nil *Announcer
// announces nothing.
type Announcer struct {
	note *noteFile
	fd   *os.File
}

// NewAnnouncer is called before the app is imported, so that a wrong option
// fails at once. file "" and a negative fd mean none. A file of an earlier run
// is removed here: whoever waits for the file must not read the old one.
func NewAnnouncer(file string, fd int) (*Announcer, error) {
	a := &Announcer{}
	if fd >= 0 {
		f, err := inheritedFD(fd)
		if err != nil {
			return nil, err
		}
		a.fd = f
	}
	if file == "" {
		return a, nil
	}
	var err error
	if a.note, err = newNoteFile("ready-file", file); err == nil {
		err = removeOld(a.note)
	}
	if err != nil {
		return nil, cmp.Or(err, a.closeFD())
	}
	return a, nil
}

// Check tells whether the file can be written still: once the process has become another user's.
func (a *Announcer) Check() error {
	if a == nil || a.note == nil {
		return nil
	}
	f, err := a.note.temp()
	if err != nil {
		return err
	}
	_ = f.Close()
	return os.Remove(f.Name())
}

func removeOld(n *noteFile) error {
	if err := os.Remove(n.path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("cannot remove the old %s %s: %s", n.option, n.path, cause(err))
	}
	return nil
}

// inheritedFD checks that the parent process passed fd open for writing, and
// keeps it from the app's subprocesses, which would hold the pipe open.
func inheritedFD(fd int) (*os.File, error) {
	flags, err := fcntl(fd, syscall.F_GETFD)
	// What this process opened for itself is close-on-exec (Go's poller has
	// a low number that a user may well name); what came through exec is not.
	if err != nil || flags&syscall.FD_CLOEXEC != 0 {
		return nil, fmt.Errorf("ready-fd %d is not open (the parent process must pass it, as in a shell: %d>ready)", fd, fd)
	}
	mode, err := fcntl(fd, syscall.F_GETFL)
	if err != nil || mode&syscall.O_ACCMODE == syscall.O_RDONLY {
		return nil, fmt.Errorf("ready-fd %d is open for reading only", fd)
	}
	switch fd {
	case 0, 1, 2:
		// The standard streams have their files already; a second one would
		// close the descriptor when it is collected.
		return [...]*os.File{os.Stdin, os.Stdout, os.Stderr}[fd], nil
	}
	syscall.CloseOnExec(fd)
	return os.NewFile(uintptr(fd), "ready-fd"), nil
}

func fcntl(fd, cmd int) (int, error) {
	n, _, errno := syscall.Syscall(syscall.SYS_FCNTL, uintptr(fd), uintptr(cmd), 0)
	if errno != 0 {
		return 0, errno
	}
	return int(n), nil
}

// Announce writes the line to the file and to the descriptor, and closes the
// descriptor, so that its reader sees the end. Both are tried; the first error
// is returned.
func (a *Announcer) Announce(r Ready) error {
	if a == nil {
		return nil
	}
	var line bytes.Buffer
	enc := json.NewEncoder(&line)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(r); err != nil {
		return err
	}
	var err error
	if a.note != nil {
		err = a.note.write(line.Bytes())
	}
	if a.fd != nil {
		if _, werr := a.fd.Write(line.Bytes()); werr != nil {
			err = cmp.Or(err, fmt.Errorf("cannot write to ready-fd: %s", cause(werr)))
		}
		err = cmp.Or(err, a.closeFD())
	}
	return err
}

// closeFD leaves the standard streams open; they are not ours alone.
func (a *Announcer) closeFD() error {
	f := a.fd
	a.fd = nil
	if f == nil || f == os.Stdin || f == os.Stdout || f == os.Stderr {
		return nil
	}
	return f.Close()
}

// Close is called at exit: the ready file goes, if it is still ours, and a
// descriptor that was never written to is closed. It may be called twice.
func (a *Announcer) Close() error {
	if a == nil {
		return nil
	}
	err := a.closeFD()
	if a.note != nil {
		err = cmp.Or(err, a.note.removeOwn())
	}
	return err
}
