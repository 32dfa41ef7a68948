package fifo

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// taking opens a FIFO in a folder and has its letters sent to a channel, which is closed at its end.
func taking(t *testing.T) (f *FIFO, path string, letters chan byte) {
	t.Helper()
	path = filepath.Join(t.TempDir(), "fifo")
	f, err := Open(path, -1, -1)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = f.Close() })
	letters = make(chan byte, 64)
	go func() {
		f.Take(func(letter byte) { letters <- letter })
		close(letters)
	}()
	return f, path, letters
}

func write(t *testing.T, path, text string) {
	t.Helper()
	w, err := os.OpenFile(path, os.O_WRONLY|unix.O_NONBLOCK, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer w.Close()
	if _, err := w.WriteString(text); err != nil {
		t.Fatal(err)
	}
}

func want(t *testing.T, letters <-chan byte, text string) {
	t.Helper()
	for i := range len(text) {
		select {
		case got := <-letters:
			if got != text[i] {
				t.Fatalf("letter %d is %q, want those of %q", i, got, text)
			}
		case <-time.After(10 * time.Second):
			t.Fatalf("%d letters of %q have come", i, text)
		}
	}
}

// Writers come and go; newlines are for people.
func TestTake(t *testing.T) {
	f, path, letters := taking(t)
	for range 3 {
		write(t, path, "r\n")
		write(t, path, " q+\r\n\t-")
		want(t, letters, "rq+-")
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	select {
	case letter, ok := <-letters:
		if ok {
			t.Errorf("letter %q", letter)
		}
	case <-time.After(10 * time.Second):
		t.Error("Take goes on after Close")
	}
	if _, err := os.Lstat(path); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("the file is left: %v", err)
	}
}

func TestMode(t *testing.T) {
	path := filepath.Join(t.TempDir(), "fifo")
	old := syscall.Umask(0)
	f, err := Open(path, -1, -1)
	syscall.Umask(old)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	info, err := os.Lstat(path)
	if err != nil || info.Mode() != fs.ModeNamedPipe|0o600 {
		t.Errorf("%v, %v", info.Mode(), err)
	}
}

func TestOwner(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("needs root")
	}
	f, err := Open(filepath.Join(t.TempDir(), "fifo"), 1, 2)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	info, err := os.Lstat(f.path)
	if err != nil {
		t.Fatal(err)
	}
	if st := info.Sys().(*syscall.Stat_t); st.Uid != 1 || st.Gid != 2 || info.Mode().Perm() != 0o600 {
		t.Errorf("it is %d's and %d's, with mode %v", st.Uid, st.Gid, info.Mode())
	}
}

// What a dead server has left is made anew: whoever made it may have given it to others.
func TestStale(t *testing.T) {
	path := filepath.Join(t.TempDir(), "fifo")
	if err := unix.Mkfifo(path, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(path, 0o666); err != nil {
		t.Fatal(err)
	}
	before, err := os.OpenFile(path, os.O_RDONLY|unix.O_NONBLOCK, 0) // keeps the inode from being given out again
	if err != nil {
		t.Fatal(err)
	}
	defer before.Close()
	if _, err := Open(path, -1, -1); !errors.Is(err, errInUse) {
		t.Fatalf("with a reader: %v", err)
	}
	before.Close()
	f, err := Open(path, -1, -1)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if info, err := os.Lstat(path); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("%v, %v", info.Mode(), err)
	}
}

func TestRefused(t *testing.T) {
	_, used, _ := taking(t)
	dir := t.TempDir()
	for name, err := range map[string]error{
		"file": os.WriteFile(filepath.Join(dir, "file"), []byte("text"), 0o600),
		"link": os.Symlink(used, filepath.Join(dir, "link")),
		"dir":  os.Mkdir(filepath.Join(dir, "dir"), 0o700),
	} {
		if err != nil {
			t.Fatal(err)
		}
		path := filepath.Join(dir, name)
		if _, err := Open(path, -1, -1); !errors.Is(err, errNotFIFO) {
			t.Errorf("a %s: %v", name, err)
		}
		if _, err := os.Lstat(path); err != nil {
			t.Errorf("the %s is gone: %v", name, err)
		}
	}
	if _, err := Open(used, -1, -1); !errors.Is(err, errInUse) {
		t.Errorf("one that is read: %v", err)
	}
	if _, err := Open(filepath.Join(dir, "missing", "fifo"), -1, -1); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("no directory: %v", err)
	}
}

// A file that another process has put in its place is not removed.
func TestCloseLeavesAnother(t *testing.T) {
	f, path, _ := taking(t)
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte("another"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := f.Close(); err != nil {
		t.Error(err)
	}
	if text, err := os.ReadFile(path); err != nil || !strings.Contains(string(text), "another") {
		t.Errorf("%q, %v", text, err)
	}
	if err := (*FIFO)(nil).Close(); err != nil {
		t.Error(err)
	}
}
