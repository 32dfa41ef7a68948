package listen

import (
	"encoding/json"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

var exampleReady = Ready{URL: "http://127.0.0.1:5000", PID: 7, Python: "3.11.2", App: "app:create_app('<x>')", ImportMS: 42}

const exampleLine = `{"url":"http://127.0.0.1:5000","pid":7,"python":"3.11.2","app":"app:create_app('<x>')","import_ms":42}` + "\n"

// inheritablePipe is open across exec, as a parent process would pass it.
func inheritablePipe(t *testing.T) (r *os.File, w int) {
	t.Helper()
	var p [2]int
	if err := syscall.Pipe(p[:]); err != nil {
		t.Fatal(err)
	}
	r = os.NewFile(uintptr(p[0]), "pipe")
	t.Cleanup(func() { _ = r.Close() })
	return r, p[1]
}

func TestReadyFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "ready")
	if err := os.WriteFile(path, []byte("old"), 0o600); err != nil {
		t.Fatal(err)
	}
	a, err := NewAnnouncer(path, -1)
	if err != nil {
		t.Fatal(err)
	}
	if exists(path) {
		t.Fatal("the old file is still there before Announce")
	}
	if err := a.Announce(exampleReady); err != nil {
		t.Fatal(err)
	}
	got, err := os.ReadFile(path)
	if err != nil || string(got) != exampleLine {
		t.Fatalf("file %q, %v; want %q", got, err, exampleLine)
	}
	var back Ready
	if err := json.Unmarshal(got, &back); err != nil || back.App != exampleReady.App {
		t.Errorf("reads back as %+v, %v", back, err)
	}
	if m := modeOf(t, path); m != 0o644 {
		t.Errorf("mode %o, want 644", m)
	}
	for range 2 {
		if err := a.Close(); err != nil {
			t.Error(err)
		}
	}
	if left, _ := os.ReadDir(filepath.Dir(path)); len(left) != 0 {
		t.Errorf("left behind: %v", left)
	}
}

func TestReadyFileOfAnother(t *testing.T) {
	path := filepath.Join(t.TempDir(), "ready")
	a, err := NewAnnouncer(path, -1)
	if err != nil {
		t.Fatal(err)
	}
	if err := a.Announce(exampleReady); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte("a later server's"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := a.Close(); err != nil || !exists(path) {
		t.Errorf("Close: %v; file exists: %v", err, exists(path))
	}
}

func TestReadyFD(t *testing.T) {
	r, w := inheritablePipe(t)
	a, err := NewAnnouncer("", w)
	if err != nil {
		t.Fatal(err)
	}
	if flags, err := fcntl(w, syscall.F_GETFD); err != nil || flags&syscall.FD_CLOEXEC == 0 {
		t.Error("the app's subprocesses would inherit the descriptor")
	}
	if err := a.Announce(exampleReady); err != nil {
		t.Fatal(err)
	}
	// ReadAll ends only if the descriptor was closed.
	if got, err := io.ReadAll(r); err != nil || string(got) != exampleLine {
		t.Errorf("read %q, %v", got, err)
	}
	if err := a.Close(); err != nil {
		t.Error(err)
	}
}

// A server that fails to load its app says so by closing the descriptor.
func TestReadyFDNeverWritten(t *testing.T) {
	r, w := inheritablePipe(t)
	a, err := NewAnnouncer("", w)
	if err != nil {
		t.Fatal(err)
	}
	if err := a.Close(); err != nil {
		t.Error(err)
	}
	if got, err := io.ReadAll(r); err != nil || len(got) != 0 {
		t.Errorf("read %q, %v", got, err)
	}
}

func TestReadyFDReaderGone(t *testing.T) {
	r, w := inheritablePipe(t)
	a, err := NewAnnouncer("", w)
	if err != nil {
		t.Fatal(err)
	}
	_ = r.Close()
	if err := a.Announce(exampleReady); err == nil || err.Error() != "cannot write to ready-fd: broken pipe" {
		t.Errorf("error %v", err)
	}
}

func TestReadyStandardStreamStaysOpen(t *testing.T) {
	a, err := NewAnnouncer("", 1)
	if err != nil {
		t.Skip("no stdout here:", err)
	}
	if err := a.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := fcntl(1, syscall.F_GETFD); err != nil {
		t.Error("stdout was closed")
	}
}

func TestReadyErrors(t *testing.T) {
	dir := t.TempDir()
	fifo := filepath.Join(dir, "fifo")
	if err := syscall.Mkfifo(fifo, 0o600); err != nil {
		t.Fatal(err)
	}
	readEnd, writeEnd := inheritablePipe(t)
	defer syscall.Close(writeEnd)
	own, err := os.Create(filepath.Join(dir, "own")) // close-on-exec, as all Go's
	if err != nil {
		t.Fatal(err)
	}
	defer own.Close()

	tests := []struct {
		name, file string
		fd         int
		want       string
	}{
		{"not open", "", 999, "ready-fd 999 is not open (the parent process must pass it, as in a shell: 999>ready)"},
		{"this process's own", "", int(own.Fd()), "is not open (the parent process must pass it"},
		{"read end", "", int(readEnd.Fd()), "is open for reading only"},
		{"missing directory", dir + "/none/ready", -1, "cannot write ready-file " + dir + "/none/ready: the directory " + dir + "/none does not exist"},
		{"directory", dir, -1, "ready-file " + dir + " exists and is not a regular file (choose another path)"},
		{"fifo", fifo, -1, "ready-file " + fifo + " exists and is not a regular file (choose another path)"},
	}
	for _, tt := range tests {
		a, err := NewAnnouncer(tt.file, tt.fd)
		if err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: %v, error %v\nwant %s", tt.name, a, err, tt.want)
		}
	}
	if !exists(fifo) {
		t.Error("the fifo was removed")
	}
}

func TestNilAnnouncer(t *testing.T) {
	var a *Announcer
	if err := errors.Join(a.Announce(exampleReady), a.Close()); err != nil {
		t.Error(err)
	}
}
