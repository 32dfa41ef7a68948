package listen

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"

	"golang.org/x/sys/unix"
)

// Pidfile holds this process's pid for as long as it runs (--pidfile).
type Pidfile struct{ note *noteFile }

// WritePidfile writes the pid and a newline to path, at once or not at all, and
// keeps the file locked. A file that a living process holds is refused; one left
// by an earlier process is replaced, whatever pid it holds: a pid that lives again
// proves nothing, least of all in a container, while a lock ends with its process.
func WritePidfile(path string) (*Pidfile, error) {
	note, err := newNoteFile("pidfile", path)
	if err != nil {
		return nil, err
	}
	if note.heldByAnother() {
		text, _ := os.ReadFile(note.path)
		pid, _ := strconv.Atoi(string(bytes.TrimSpace(text)))
		return nil, fmt.Errorf("pidfile %s is that of a server that runs, process %d (stop it, or choose another path)", path, pid)
	}
	note.lock = true
	if err := note.write([]byte(strconv.Itoa(os.Getpid()) + "\n")); err != nil {
		return nil, err
	}
	return &Pidfile{note: note}, nil
}

// Remove deletes the file if it still holds this process's pid. It may be
// called on nil and more than once.
func (p *Pidfile) Remove() error {
	if p == nil {
		return nil
	}
	return p.note.removeOwn()
}

// ReadPidfile gives the pid in the pidfile of a gowsgi that runs, and no other's:
// the lock tells that one does, and the process it names has the file open, as
// far as this user may look.
func ReadPidfile(path string) (pid int, err error) {
	f, err := os.Open(path)
	if err != nil {
		return 0, fmt.Errorf("pidfile %s: %s", path, cause(err))
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, pidMax))
	if err != nil {
		return 0, fmt.Errorf("pidfile %s: %s", path, cause(err))
	}
	pid, err = strconv.Atoi(string(bytes.TrimSpace(text)))
	if err != nil || pid <= 0 {
		return 0, fmt.Errorf("pidfile %s holds no process id", path)
	}
	if err := unix.Flock(int(f.Fd()), unix.LOCK_SH|unix.LOCK_NB); !errors.Is(err, unix.EWOULDBLOCK) {
		return 0, fmt.Errorf("pidfile %s is not that of a gowsgi that runs: its server has ended, or is another program (process %d is left alone)", path, pid)
	}
	if !mayHold(pid, f) {
		return 0, fmt.Errorf("pidfile %s is that of a gowsgi that runs, but not as process %d here (in a container? signal it there)", path, pid)
	}
	return pid, nil
}

// pidMax is more than a pid takes.
const pidMax = 64

// mayHold is false where it is seen that the process does not have the file.
func mayHold(pid int, f *os.File) bool {
	wanted, err := f.Stat()
	if err != nil {
		return true
	}
	dir := fmt.Sprintf("/proc/%d/fd", pid)
	if _, err := os.Stat("/proc/self/fd"); err != nil {
		return true // no /proc, as on macOS
	}
	entries, err := os.ReadDir(dir)
	if err != nil {
		return !errors.Is(err, fs.ErrNotExist)
	}
	for _, e := range entries {
		if info, err := os.Stat(filepath.Join(dir, e.Name())); err == nil && os.SameFile(info, wanted) {
			return true
		}
	}
	return false
}
