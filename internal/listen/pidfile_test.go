package listen

import (
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

func TestPidfile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "pid")
	if err := os.WriteFile(path, []byte("1\n"), 0o600); err != nil { // left by a server that crashed
		t.Fatal(err)
	}
	p, err := WritePidfile(path)
	if err != nil {
		t.Fatal(err)
	}
	if got, _ := os.ReadFile(path); string(got) != strconv.Itoa(os.Getpid())+"\n" {
		t.Errorf("pidfile %q", got)
	}
	for range 2 {
		if err := p.Remove(); err != nil {
			t.Error(err)
		}
	}
	if left, _ := os.ReadDir(filepath.Dir(path)); len(left) != 0 {
		t.Errorf("left behind: %v", left)
	}
}

func TestPidfileOfAnother(t *testing.T) {
	path := filepath.Join(t.TempDir(), "pid")
	p, err := WritePidfile(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte("1\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := p.Remove(); err != nil || !exists(path) {
		t.Errorf("Remove: %v; file exists: %v", err, exists(path))
	}
}

// TestPidfileInUse: who comes second neither gets the file nor harms it; it is free again once the first is gone.
func TestPidfileInUse(t *testing.T) {
	path := filepath.Join(t.TempDir(), "pid")
	ours := strconv.Itoa(os.Getpid())
	first, err := WritePidfile(path)
	if err != nil {
		t.Fatal(err)
	}
	want := "pidfile " + path + " is that of a server that runs, process " + ours + " (stop it, or choose another path)"
	second, err := WritePidfile(path)
	if err == nil || err.Error() != want {
		t.Errorf("error %v\nwant  %s", err, want)
	}
	if err := second.Remove(); err != nil {
		t.Error(err)
	}
	if got, _ := os.ReadFile(path); string(got) != ours+"\n" {
		t.Errorf("pidfile %q", got)
	}
	first.note.release() // as a crash would: the file stays
	third, err := WritePidfile(path)
	if err != nil {
		t.Fatalf("a file left behind: %v", err)
	}
	if err := third.Remove(); err != nil || exists(path) {
		t.Errorf("Remove: %v; file exists: %v", err, exists(path))
	}
}

func TestPidfileErrors(t *testing.T) {
	dir := t.TempDir()
	tests := []struct{ path, want string }{
		{dir, "pidfile " + dir + " exists and is not a regular file (choose another path)"},
		{dir + "/none/pid", "cannot write pidfile " + dir + "/none/pid: the directory " + dir + "/none does not exist"},
	}
	for _, tt := range tests {
		if _, err := WritePidfile(tt.path); err == nil || err.Error() != tt.want {
			t.Errorf("error %v\nwant  %s", err, tt.want)
		}
	}
	if err := (*Pidfile)(nil).Remove(); err != nil {
		t.Error(err)
	}
}

// The pid of a pidfile is told only while its server has the file.
func TestReadPidfile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "pid")
	wantError := func(words string) {
		t.Helper()
		if pid, err := ReadPidfile(path); err == nil || !strings.Contains(err.Error(), words) {
			t.Errorf("%d, %v; want %q", pid, err, words)
		}
	}
	wantError("no such file or directory")
	for _, text := range []string{"", "abc\n", "0\n", "-1\n", "12 13\n", strings.Repeat("1", 100)} {
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		wantError("holds no process id")
	}
	if err := os.WriteFile(path, []byte("1\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	wantError("process 1 is left alone")
	p, err := WritePidfile(path)
	if err != nil {
		t.Fatal(err)
	}
	if pid, err := ReadPidfile(path); err != nil || pid != os.Getpid() {
		t.Errorf("%d, %v", pid, err)
	}
	// Locked, but the process of that number does not have it: that of another PID namespace, say.
	if err := os.WriteFile(path, []byte(strconv.Itoa(os.Getppid())+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat("/proc/self/fd"); err == nil {
		wantError("but not as process")
	}
	p.note.release()
	wantError("is left alone")
}
