package blackbox

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
)

// Clause: "--stop/--reload by pidfile".
func TestStopAndReload(t *testing.T) {
	run(t, []string{"app"}, func(t *testing.T, v variant) {
		dir := folder(t, "app.py", sleepy)
		s := v.start(t, launch{Bare: true, Dir: dir, Args: []string{"--http", "127.0.0.1:0", "-w", "app:app", "--pidfile", "pid"}})
		quiet := func(args ...string) {
			t.Helper()
			if e := command(t, t.TempDir(), nil, args...); e != (ended{}) { // neither app nor configuration is needed
				t.Errorf("gowsgi %q: %+v", args, e)
			}
		}
		quiet("--reload", filepath.Join(dir, "pid"))
		if v.name == "master" {
			s.log.wait(t, "INFO reloading signal=hangup", "INFO reloaded")
		} else {
			s.log.wait(t, "WARN a reload needs worker processes: give --master")
		}
		s.get(t, "/").wantStatus(t, 200)
		quiet("--stop", filepath.Join(dir, "pid"))
		s.wantExit(t)
		s.log.wait(t, "INFO draining signal=terminated")
		command(t, dir, nil, "--stop", "pid").wantLine(t, 1, "pidfile pid: no such file or directory")
	})
}

// A process that is no gowsgi is left alone, whatever the file says.
func TestStopNobodyElse(t *testing.T) {
	t.Parallel()
	other := exec.Command("sleep", "600")
	if err := other.Start(); err != nil {
		t.Fatal(err)
	}
	gone := make(chan error, 1)
	go func() { gone <- other.Wait() }()
	defer func() {
		_ = other.Process.Kill()
		if err := <-gone; err == nil {
			t.Error("the other process was not there to be killed")
		}
	}()
	dir := folder(t, "text", "not a number\n", "stale", fmt.Sprintln(other.Process.Pid), "app.py", bare("app", "x"))
	for _, option := range []string{"--stop", "--reload"} {
		command(t, dir, nil, option, "text").wantLine(t, 1, "pidfile text holds no process id")
		command(t, dir, nil, option, "none").wantLine(t, 1, "pidfile none: no such file or directory")
		command(t, dir, nil, option, "stale").wantLine(t, 1, "pidfile stale is not that of a gowsgi that runs", fmt.Sprintf("process %d is left alone", other.Process.Pid))
	}
	// The pidfile of a server that was killed, whose number another process has since.
	s := variant{shapes[0], "app"}.start(t, launch{Bare: true, Dir: dir, Args: []string{"--http", "127.0.0.1:0", "-w", "app:app", "--pidfile", "pid"}, MayNotDrain: true})
	s.signal(t, syscall.SIGKILL)
	s.wantEnd(t, patience())
	command(t, dir, nil, "--stop", "pid").wantLine(t, 1, "is not that of a gowsgi that runs")
	// One that runs, with the number of another in its file.
	s = variant{shapes[0], "app"}.start(t, launch{Bare: true, Dir: dir, Args: []string{"--http", "127.0.0.1:0", "-w", "app:app", "--pidfile", "pid"}})
	file, err := os.OpenFile(filepath.Join(dir, "pid"), os.O_WRONLY|os.O_TRUNC, 0)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := fmt.Fprintln(file, other.Process.Pid); err != nil {
		t.Fatal(err)
	}
	file.Close()
	command(t, dir, nil, "--stop", "pid").wantLine(t, 1, fmt.Sprintf("but not as process %d here", other.Process.Pid))
	if syscall.Kill(other.Process.Pid, 0) != nil || stateOf(other.Process.Pid) == "Z" {
		t.Error("the other process is gone")
	}
	if !s.alive() {
		t.Error("the server is gone")
	}
}
