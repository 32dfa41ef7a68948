package blackbox

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// inBackground runs gowsgi until the process that was called ends, and all that has its stdout or stderr: what is in
// the background lets go of them.
func inBackground(t *testing.T, under []string, dir string, args ...string) ended {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), within(60*time.Second))
	defer cancel()
	line := append(append(slices.Clone(under), binary), append(args, "--http", "127.0.0.1:0", "--virtualenv", venv)...)
	cmd := exec.CommandContext(ctx, line[0], line[1:]...)
	var stdout, stderr strings.Builder
	cmd.Dir, cmd.Env, cmd.Stdout, cmd.Stderr = dir, environ(dir), &stdout, &stderr
	err := cmd.Run() // it waits for the ends of both
	if exit := (*exec.ExitError)(nil); err != nil && !errors.As(err, &exit) || ctx.Err() != nil {
		t.Fatalf("%v; stderr:\n%s", err, stderr.String())
	}
	return ended{cmd.ProcessState.ExitCode(), stdout.String(), stderr.String()}
}

// daemonized is a server in the background.
type daemonized struct {
	pid int
	url string
}

var inBackgroundLine = regexp.MustCompile(`^gowsgi: process (\d+) serves in the background; its log is (\S+)\n$`)

// wantServes asserts that a server runs in the background. It is killed at the test's end.
func (e ended) wantServes(t *testing.T, ready, log string) (s daemonized) {
	t.Helper()
	found := inBackgroundLine.FindStringSubmatch(e.stdout)
	if e.code != 0 || found == nil || e.stderr != "" {
		t.Fatalf("exit code %d, stdout %q, stderr %q", e.code, e.stdout, e.stderr)
	}
	s.pid, _ = strconv.Atoi(found[1])
	family := append(descendants(s.pid), process{pid: s.pid})
	t.Cleanup(func() {
		for _, p := range family {
			_ = syscall.Kill(p.pid, syscall.SIGKILL)
		}
	})
	if found[2] != log {
		t.Errorf("the log is said to be %s, want %s", found[2], log)
	}
	text, err := os.ReadFile(ready)
	if err != nil {
		t.Fatal(err)
	}
	var line struct {
		URL string `json:"url"`
		PID int    `json:"pid"`
	}
	if err := json.Unmarshal(text, &line); err != nil || line.PID != s.pid {
		t.Errorf("the ready file has %s, %v; want pid %d", text, err, s.pid)
	}
	s.url = line.URL
	return s
}

func (s daemonized) get(t *testing.T, path string) string {
	t.Helper()
	r, err := http.Get(s.url + path)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Body.Close()
	text, err := io.ReadAll(r.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func (s daemonized) wantGone(t *testing.T) {
	t.Helper()
	eventually(t, "the server in the background is gone", func() bool {
		p, ok := readStat(fmt.Sprintf("/proc/%d/stat", s.pid))
		return !ok || p.state == "Z" // whose child it is now need not be one that waits
	})
}

// Clause: "daemonize": a session of its own, the log in the file, and an end of the command once requests are served.
func TestDaemonize(t *testing.T) {
	run(t, []string{"app"}, func(t *testing.T, v variant) {
		dir := folder(t, "app/app.py", talkative, "log/keep", "")
		args := append([]string{
			"--chdir", "app", "-w", "app:app", "--daemonize", "log/server", "--pidfile", "pid", "--ready-file", "ready", "--master-fifo", "fifo",
			"--logto", "other",
		}, v.args...)
		e := inBackground(t, nil, dir, args...)
		s := e.wantServes(t, filepath.Join(dir, "app", "ready"), "log/server")
		log := filepath.Join(dir, "log", "server") // from where it was started
		if got := s.get(t, "/first"); got != "first" {
			t.Errorf("got %q", got)
		}
		wantLogged(t, log, "INFO serving", "stdout first", "stderr first", "--logto has no effect with --daemonize")
		if _, err := os.Stat(filepath.Join(dir, "app", "other")); err == nil {
			t.Error("--logto's file is there, too")
		}
		if text, err := os.ReadFile(filepath.Join(dir, "app", "pid")); err != nil || string(text) != fmt.Sprintln(s.pid) {
			t.Errorf("pidfile: %q, %v; want %d", text, err, s.pid)
		}
		if session, err := unix.Getsid(s.pid); err != nil || session != s.pid {
			t.Errorf("its session is %d, %v", session, err)
		}
		for fd, want := range []string{"/dev/null", log, log} {
			if to, err := os.Readlink(fmt.Sprintf("/proc/%d/fd/%d", s.pid, fd)); err != nil || to != want {
				t.Errorf("descriptor %d leads to %s, %v", fd, to, err)
			}
		}
		// A log that is renamed.
		if err := os.Rename(log, log+".1"); err != nil {
			t.Fatal(err)
		}
		_ = syscall.Kill(s.pid, syscall.SIGUSR2)
		wantLogged(t, log, "the log has been opened anew")
		if v.name == "master" {
			_ = syscall.Kill(s.pid, syscall.SIGHUP)
			wantLogged(t, log, "INFO reloaded")
		}
		s.get(t, "/second")
		wantLogged(t, log, "stdout second")
		_ = syscall.Kill(s.pid, syscall.SIGTERM)
		s.wantGone(t)
		if left, _ := os.ReadDir(filepath.Join(dir, "app")); len(left) > 2 { // the app, and __pycache__ perhaps
			t.Errorf("left behind: %v", left)
		}
	})
}

// Why there is no server is told where it was to be started, with the exit code.
func TestDaemonizeFails(t *testing.T) {
	run(t, []string{"app"}, func(t *testing.T, v variant) {
		dir := folder(t, "app.py", "raise ValueError('boom')\n", "dies.py", "import os\nos.kill(os.getpid(), 9)\n", "sub/keep", "")
		for _, test := range []struct {
			args  []string
			code  int
			words string
		}{
			{[]string{"-w", "app:app", "--daemonize", "log"}, 22, "ValueError: boom"},
			{[]string{"-w", "app:app", "--daemonize", "none/log"}, 1, "gowsgi: --daemonize none/log: no such file or directory"},
			{[]string{"-w", "app:app", "--daemonize", "sub"}, 1, "gowsgi: --daemonize sub: is a directory"},
			{[]string{"-w", "app:app", "--daemonize", "log", "--pidfile", "none/pid"}, 1, "gowsgi: cannot write pidfile"},
			{[]string{"-w", "app:app", "--daemonize", "log", "--ready-file", "none/ready"}, 1, "gowsgi: cannot write ready-file"},
			{[]string{"-w", "app:app", "--daemonize", "log", "--threads", "x"}, 2, "gowsgi: --threads x"},
			{[]string{"-w", "dies:app", "--daemonize", "log"}, 1, "SIGKILL"},
		} {
			e := inBackground(t, nil, dir, append(test.args, v.args...)...)
			e.want(t, test.code, test.words)
			if e.stdout != "" {
				t.Errorf("%v: stdout %q", test.args, e.stdout)
			}
			if test.words != "ValueError: boom" {
				e.wantLine(t, test.code)
			} else if e.lastLine() != "ValueError: boom" || strings.Count(e.stderr, "Traceback") != 1 {
				t.Errorf("stderr:\n%s", e.stderr)
			}
		}
		wantLogged(t, filepath.Join(dir, "log"), "ValueError: boom", "cannot write pidfile")
		noneRunsIn(t, dir)
	})
}

// Who waits passes signals on: Ctrl-C ends a start that hangs.
func TestDaemonizeInterrupted(t *testing.T) {
	run(t, []string{"app"}, func(t *testing.T, v variant) {
		dir := folder(t, "app.py", "import time\nopen('begun', 'w').close()\ntime.sleep(600)\n")
		cmd := exec.Command(binary, append([]string{"--http", "127.0.0.1:0", "--virtualenv", venv, "-w", "app:app", "--daemonize", "log"}, v.args...)...)
		cmd.Dir, cmd.Env = dir, environ(dir)
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		eventually(t, "the import has begun", func() bool {
			_, err := os.Stat(filepath.Join(dir, "begun"))
			return err == nil
		})
		if err := cmd.Process.Signal(syscall.SIGINT); err != nil {
			t.Fatal(err)
		}
		if err := cmd.Wait(); err != nil {
			t.Errorf("it ended with %v", err)
		}
		wantLogged(t, filepath.Join(dir, "log"), "exiting while the app is being imported")
		noneRunsIn(t, dir)
	})
}

// With --uid the log is opened before.
func TestDaemonizeUID(t *testing.T) {
	run(t, []string{"app"}, func(t *testing.T, v variant) {
		under := forAll(t)
		dir := public(t, "app.py", rights)
		if err := os.Mkdir(filepath.Join(dir, "own"), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.Chown(filepath.Join(dir, "own"), 65534, 1); err != nil {
			t.Fatal(err)
		}
		e := inBackground(t, under, dir, slices.Concat([]string{"-w", "app:app", "--daemonize", "log", "--pidfile", "pid", "--ready-file", "own/ready"}, nobody, v.args)...)
		s := e.wantServes(t, filepath.Join(dir, "own", "ready"), "log")
		if text := s.get(t, "/"); !strings.Contains(text, nobodyIs) {
			t.Errorf("the app is %s", text)
		}
		wantNobody(t, s.pid)
		if e := command(t, dir, nil, "--stop", "pid"); e.code != 0 || e.stderr != "" {
			t.Errorf("--stop: %+v", e)
		}
		s.wantGone(t)
	})
}

// The container would end with its process 1.
func TestDaemonizeFirstProcess(t *testing.T) {
	t.Parallel()
	if out, err := exec.Command(inContainer[0], append(inContainer[1:], "true")...).CombinedOutput(); err != nil {
		t.Skipf("PID namespaces are not to be had here: %v: %s", err, out)
	}
	e := inBackground(t, inContainer, folder(t, "app.py", bare("app", "x")), "-w", "app:app", "--daemonize", "log")
	e.wantLine(t, 1, "--daemonize: this is process 1")
}
