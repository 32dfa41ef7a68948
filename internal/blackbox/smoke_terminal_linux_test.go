package blackbox

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/creack/pty"
)

// Clause: "progress on a TTY": one line that is gone at the end; none where stderr is no terminal.
func TestSmokeProgress(t *testing.T) {
	t.Parallel()
	main, terminal := terminals(t)
	cmd := exec.Command(binary, "smoke", "app:app", "--virtualenv", venv, "--get", "/", "--get", "/absent", "--get", "/login")
	cmd.Dir, cmd.Env, cmd.Stderr = appDir("smoke"), environ(t.TempDir()), terminal
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	terminal.Close()
	var shown strings.Builder
	buffer := make([]byte, 4096)
	for {
		n, err := main.Read(buffer)
		shown.Write(buffer[:n])
		if err != nil {
			break
		}
	}
	_ = cmd.Wait()
	const want = "\r\x1b[K1/3  GET /\r\x1b[K2/3, 1 failed  GET /absent\r\x1b[K3/3, 1 failed  GET /login\r\x1b[K"
	if code := cmd.ProcessState.ExitCode(); code != 1 || shown.String() != want {
		t.Errorf("exit %d, on the terminal %q, want %q", code, shown.String(), want)
	}
	if e := smoke(t, "smoke", nil, "app:app", "--get", "/"); e.stderr != "" {
		t.Errorf("without a terminal: %q", e.stderr)
	}
}

// terminals is a terminal and its other side.
func terminals(t *testing.T) (main, terminal *os.File) {
	t.Helper()
	main, terminal, err := pty.Open()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { main.Close() })
	return main, terminal
}

// A command gets the terminal, so that pytest --pdb works, and Ctrl-C, and the shell gets it back.
func TestSmokeTerminal(t *testing.T) {
	t.Parallel()
	main, terminal := terminals(t)
	dir := folder(t, "app.py", bare("app", "x"))
	const inner = `trap 'exit 9' INT; read line; echo "read $line"; touch begun; while :; do sleep 0.02; done`
	const outer = `trap : INT; "$0" smoke app:app --virtualenv "$1" -- sh -c "$2"; code=$?; read line; echo "code $code, then $line"`
	cmd := exec.Command("sh", "-c", outer, binary, venv, inner)
	var stdout strings.Builder
	cmd.Dir, cmd.Env, cmd.Stdin, cmd.Stdout = dir, environ(dir), terminal, &stdout
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Setctty: true}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	exited := make(chan struct{})
	go func() { _ = cmd.Wait(); close(exited) }()
	defer func() {
		_ = syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL)
		<-exited
	}()
	keys := func(text string) {
		if _, err := main.WriteString(text); err != nil {
			t.Fatal(err)
		}
	}
	keys("typed\n")
	eventually(t, "the command has read from the terminal", func() bool { _, err := os.Stat(filepath.Join(dir, "begun")); return err == nil })
	family := descendants(cmd.Process.Pid)
	keys("\x03")
	keys("back\n")
	select {
	case <-exited:
	case <-after(30):
		t.Fatal("it does not end")
	}
	if want := "read typed\ncode 9, then back\n"; stdout.String() != want {
		t.Errorf("stdout %q, want %q", stdout.String(), want)
	}
	if left := survivors(cmd.Process.Pid, family); len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
}
