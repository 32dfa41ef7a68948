package listen

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"
)

// noteFile is a small file by which this process tells others of itself: the
// ready file, the pidfile. It appears complete or not at all.
type noteFile struct {
	option string // "ready-file" or "pidfile", for errors
	path   string // absolute: --chdir and the app change the directory
	lock   bool   // the file is locked for as long as it is ours: others see that this process lives
	data   []byte // what write wrote; nil before
	held   *os.File
}

// newNoteFile checks, before anything is started, that the file can be
// written later.
func newNoteFile(option, path string) (*noteFile, error) {
	abs, err := filepath.Abs(path)
	if err != nil {
		return nil, fmt.Errorf("%s %s: %w", option, path, err)
	}
	n := &noteFile{option: option, path: abs}
	if fi, err := os.Lstat(abs); err == nil && !fi.Mode().IsRegular() {
		// It would be replaced by a file, be it a device, a pipe or a symlink.
		return nil, fmt.Errorf("%s %s exists and is not a regular file (choose another path)", option, path)
	}
	tmp, err := n.temp()
	if err != nil {
		return nil, err
	}
	_ = tmp.Close()
	_ = os.Remove(tmp.Name())
	return n, nil
}

// temp makes an empty file beside the real one, so that a rename suffices.
func (n *noteFile) temp() (*os.File, error) {
	f, err := os.CreateTemp(filepath.Dir(n.path), "."+filepath.Base(n.path)+".*")
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, fmt.Errorf("cannot write %s %s: the directory %s does not exist", n.option, n.path, filepath.Dir(n.path))
	case err != nil:
		return nil, fmt.Errorf("cannot write %s %s: %s", n.option, n.path, cause(err))
	}
	return f, nil
}

func (n *noteFile) write(data []byte) error {
	f, err := n.temp()
	if err != nil {
		return err
	}
	_, err = f.Write(data)
	// Others shall read it; CreateTemp gives 0600.
	err = cmp.Or(err, f.Chmod(0o644))
	if n.lock {
		// A file system without locks is no reason not to serve.
		_ = unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB)
		n.held = f
	} else {
		err = cmp.Or(err, f.Close())
	}
	if err == nil {
		err = os.Rename(f.Name(), n.path)
	}
	if err != nil {
		_ = os.Remove(f.Name())
		n.release()
		return fmt.Errorf("cannot write %s %s: %s", n.option, n.path, cause(err))
	}
	n.data = data
	return nil
}

// heldByAnother tells whether the file is there and locked.
func (n *noteFile) heldByAnother() bool {
	f, err := os.Open(n.path)
	if err != nil {
		return false
	}
	defer f.Close()
	return errors.Is(unix.Flock(int(f.Fd()), unix.LOCK_SH|unix.LOCK_NB), unix.EWOULDBLOCK)
}

// release gives the lock up.
func (n *noteFile) release() {
	if n.held != nil {
		_ = n.held.Close()
		n.held = nil
	}
}

// removeOwn removes the file if it still says what we wrote; a later process
// may have written its own meanwhile. (Its inode number tells nothing: file
// systems give it out again at once.)
func (n *noteFile) removeOwn() error {
	if n.data == nil {
		return nil
	}
	defer n.release()
	now, err := os.ReadFile(n.path)
	if err != nil || !bytes.Equal(now, n.data) {
		return nil
	}
	n.data = nil
	if err := os.Remove(n.path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("cannot remove %s %s: %s", n.option, n.path, cause(err))
	}
	return nil
}
