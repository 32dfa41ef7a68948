package listen

import (
	"bytes"
	"fmt"
	"os"
	"strconv"
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
