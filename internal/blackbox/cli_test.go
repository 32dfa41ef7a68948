package blackbox

import (
	"encoding/json"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// single is the variant for tests that are about the command line and not about serving.
var single = variant{shape: shapes[0], attr: "application"}

// Clause: "Unknown option: exit 2 with "did you mean"".
func TestUnknownOption(t *testing.T) {
	t.Parallel()
	for given, meant := range map[string]string{
		"--thread": "--threads", "--modul": "--module", "--htpp": "--http", "--wsgifile": "--wsgi-file",
		"--drain-time": "--drain-timeout", "--virtual-env": "--virtualenv",
	} {
		e := command(t, t.TempDir(), nil, given, "1")
		e.want(t, 2, given, "did you mean", meant)
		if !strings.HasPrefix(e.stderr, "gowsgi: ") {
			t.Errorf("stderr begins %.80q", e.stderr)
		}
	}
	// Nothing is like this one: no wild guess, still exit 2.
	e := command(t, t.TempDir(), nil, "--qqqqqqqqqqqq")
	e.want(t, 2, "--qqqqqqqqqqqq")
	if strings.Contains(e.stderr, "did you mean") {
		t.Errorf("a wild guess: %s", e.stderr)
	}
	command(t, t.TempDir(), nil, "-Z").want(t, 2, "-Z")
}

// Values that can't be. Whether that is usage (2) or configuration (1), it is one line
// that names the option.
func TestBadValues(t *testing.T) {
	t.Parallel()
	dir := folder(t, "app.py", bare("application", "x"))
	for _, args := range [][]string{
		{"--threads", "x"},
		{"--threads", "0"},
		{"--threads", "-1"},
		{"--threads", "1.5"},
		{"--queue", "x"},
		{"--queue", "-1"},
		{"--header-timeout", "x"},
		{"--idle-timeout", "-5"},
		{"--drain-timeout", "5 parsecs"},
		{"--limit-post", "many"},
		{"--limit-head", "-1"},
		{"--trusted-proxy", "10.0.0.0/99"},
		{"--trusted-proxy", "x"},
		{"--env", "NOEQUALS"},
		{"--chmod-socket=999"},
		{"--script-name", "relative"},
		{"--health", "relative"},
		{"--ready-fd", "x"},
		{"--ready-fd", "99"},
	} {
		e := command(t, dir, nil, append([]string{"--http", "127.0.0.1:0", "--wsgi-file", "app.py", "--virtualenv", venv}, args...)...)
		if e.code != 1 && e.code != 2 {
			t.Errorf("%q: exit code %d; %s", args, e.code, e.stderr)
			continue
		}
		name, _, _ := strings.Cut(strings.TrimPrefix(args[0], "--"), "=")
		e.wantLine(t, e.code, name)
	}
	e := command(t, dir, nil, "--threads")
	e.want(t, 2, "--threads")
	e = command(t, dir, []string{"GOWSGI_THREADS=many"}, "--http", "127.0.0.1:0", "--wsgi-file", "app.py")
	if e.code != 1 && e.code != 2 || !strings.Contains(e.stderr, "GOWSGI_THREADS") {
		t.Errorf("a bad variable: exit code %d, %s", e.code, e.stderr)
	}
}

// Clause: "Port in use, bad address, missing venv, venv of another Python version, missing
// file: one clear line, exit 1".
func TestOneClearLine(t *testing.T) {
	t.Parallel()
	dir := folder(t, "app.py", bare("application", "x"))
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	taken := l.Addr().String()
	served := []string{"--wsgi-file", "app.py", "--virtualenv", venv}
	for _, c := range []struct {
		name  string
		args  []string
		words []string
	}{
		{"port in use", append([]string{"--http", taken}, served...), []string{taken, "in use"}},
		{"second port in use", append([]string{"--http", "127.0.0.1:0", "--http", taken}, served...), []string{taken, "in use"}},
		{"no port", append([]string{"--http", "127.0.0.1"}, served...), []string{"127.0.0.1"}},
		{"bad port", append([]string{"--http", "127.0.0.1:x"}, served...), []string{"127.0.0.1:x"}},
		{"port too large", append([]string{"--http", "127.0.0.1:70000"}, served...), []string{"70000"}},
		{"bad ipv6", append([]string{"--http", "::1:80"}, served...), []string{"::1:80"}},
		{"foreign address", append([]string{"--http", "192.0.2.1:0"}, served...), []string{"192.0.2.1"}},
		{"socket in no folder", append([]string{"--http", "/nonexistent/x.sock"}, served...), []string{"/nonexistent/x.sock"}},
		{"missing venv", []string{"--http", "127.0.0.1:0", "--wsgi-file", "app.py", "--virtualenv", "/nonexistent/venv"}, []string{"/nonexistent/venv"}},
		{"venv is a file", []string{"--http", "127.0.0.1:0", "--wsgi-file", "app.py", "--virtualenv", "app.py"}, []string{"app.py"}},
		{"venv is no venv", []string{"--http", "127.0.0.1:0", "--wsgi-file", "app.py", "--virtualenv", "."}, []string{"pyvenv.cfg"}},
		{"missing file", []string{"--http", "127.0.0.1:0", "--wsgi-file", "nowhere.py", "--virtualenv", venv}, []string{"nowhere.py"}},
		{"missing folder", []string{"--http", "127.0.0.1:0", "--wsgi-file", "app.py", "--virtualenv", venv, "--chdir", "nowhere"}, []string{"nowhere"}},
		{"missing positional file", []string{"--http", "127.0.0.1:0", "--virtualenv", venv, "nowhere.py"}, []string{"nowhere.py"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			pidfile := filepath.Join(t.TempDir(), "pid")
			ready := filepath.Join(t.TempDir(), "ready")
			command(t, dir, nil, append(c.args, "--pidfile", pidfile, "--ready-file", ready)...).wantLine(t, 1, c.words...)
			// Clause: "Nothing half-started stays behind".
			for _, path := range []string{pidfile, ready} {
				if _, err := os.Stat(path); err == nil {
					t.Errorf("%s stays behind", path)
				}
			}
		})
	}
}

// Clause: "venv of another Python version": one of another interpreter here, else a made-up one.
func TestVenvOfAnotherPython(t *testing.T) {
	t.Parallel()
	dir := folder(t, "app.py", bare("application", "x"))
	ours := pythonVersion(t)
	try := func(t *testing.T, path, version string) {
		t.Helper()
		e := command(t, dir, nil, "--http", "127.0.0.1:0", "--wsgi-file", "app.py", "--virtualenv", path)
		e.wantLine(t, 1, path, ours, version)
	}
	t.Run("made up", func(t *testing.T) {
		fake := folder(t, "pyvenv.cfg", "home = /usr/bin\ninclude-system-site-packages = false\nversion = 3.4.1\n",
			"lib/python3.4/site-packages/x.py", "", "bin/python", "#!/bin/sh\necho never run me >&2; exit 9\n")
		_ = os.Chmod(filepath.Join(fake, "bin", "python"), 0o700)
		try(t, fake, "3.4")
	})
	t.Run("real", func(t *testing.T) {
		other, version := otherPython(ours)
		if other == "" {
			t.Skip("no other Python here; the made-up venv was tried")
		}
		path := filepath.Join(t.TempDir(), "venv")
		if out, err := exec.Command(other, "-m", "venv", "--without-pip", path).CombinedOutput(); err != nil {
			t.Skipf("%s makes no venv: %v %s", other, err, out)
		}
		try(t, path, version)
	})
}

// pythonVersion is the X.Y that the binary was built for, by its own --version.
func pythonVersion(t *testing.T) string {
	t.Helper()
	e := command(t, t.TempDir(), nil, "--version")
	e.want(t, 0)
	m := regexp.MustCompile(`(?i)python:? *(3\.\d+)`).FindStringSubmatch(e.stdout + e.stderr)
	if m == nil {
		t.Fatalf("--version names no Python: %q", e.stdout+e.stderr)
	}
	return m[1]
}

// otherPython finds an interpreter of another version than X.Y.
func otherPython(not string) (path, version string) {
	home, _ := os.UserHomeDir()
	var candidates []string
	for _, glob := range []string{"/usr/bin/python3.*", "/usr/local/bin/python3.*", filepath.Join(home, ".pyenv/versions/3.*/bin/python3")} {
		found, _ := filepath.Glob(glob)
		candidates = append(candidates, found...)
	}
	for _, c := range candidates {
		out, err := exec.Command(c, "-c", "import sys, venv; print('%d.%d' % sys.version_info[:2])").Output()
		v := strings.TrimSpace(string(out))
		if minor, _ := strconv.Atoi(strings.TrimPrefix(v, "3.")); err == nil && v != not && minor >= 6 {
			return c, v
		}
	}
	return "", ""
}

// Clause: "--version (also Python's and the build's)".
func TestVersion(t *testing.T) {
	t.Parallel()
	e := command(t, t.TempDir(), nil, "--version")
	e.want(t, 0)
	if !regexp.MustCompile(`^gowsgi `).MatchString(e.stdout) || !strings.Contains(e.stdout, "go1.") {
		t.Errorf("--version prints %q", e.stdout)
	}
	pythonVersion(t)
}

// Clause: "--help grouped by topic"; each option of the issue is in it.
func TestHelp(t *testing.T) {
	t.Parallel()
	e := command(t, t.TempDir(), nil, "--help")
	e.want(t, 0)
	for _, option := range []string{
		"--http", "--module", "-w", "--wsgi-file", "--callable", "--chdir", "--pythonpath", "--virtualenv", "--env", "--pyargv",
		"--threads", "--pidfile", "--drain-timeout", "--check", "--version", "--health", "--disable-logging", "--log-json",
		"--log-format", "--chmod-socket", "--ready-file", "--ready-fd", "--queue", "--queue-timeout", "--limit-post",
		"--limit-head", "--header-timeout", "--idle-timeout", "--body-timeout", "--trusted-proxy", "--script-name", "GOWSGI_",
	} {
		if !strings.Contains(e.stdout, option) {
			t.Errorf("--help lacks %s", option)
		}
	}
	if short := command(t, t.TempDir(), nil, "-h"); short.stdout != e.stdout || short.code != 0 {
		t.Errorf("-h differs from --help: exit code %d", short.code)
	}
}

// Clause: "--check (import, resolve, exit)". It listens nowhere.
func TestCheck(t *testing.T) {
	t.Parallel()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	dir := folder(t, "app.py", bare("application", "x"), "bad.py", "raise ValueError('boom')\n", "empty.py", "")
	args := []string{"--check", "--http", l.Addr().String(), "--virtualenv", venv}
	command(t, dir, nil, append(args, "app")...).want(t, 0)
	command(t, dir, nil, append(args, "--wsgi-file", "app.py")...).want(t, 0)
	if e := command(t, dir, nil, append(args, "bad:app")...); e.code != 22 || e.lastLine() != "ValueError: boom" {
		t.Errorf("exit code %d, stderr:\n%s", e.code, e.stderr)
	}
	if e := command(t, dir, nil, append(args, "empty")...); e.code == 0 {
		t.Errorf("--check takes a module without an app; stderr:\n%s", e.stderr)
	}
	command(t, dir, nil, append(args, "--wsgi-file", "nowhere.py")...).want(t, 1)
}

// Clause: "Priority: command line > environment".
func TestPriority(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		env, args []string
		want      string
	}{
		{[]string{"GOWSGI_THREADS=1"}, nil, "bool:False"},
		{[]string{"GOWSGI_THREADS=1"}, []string{"--threads", "2"}, "bool:True"},
		{[]string{"GOWSGI_THREADS=2"}, []string{"--threads=1"}, "bool:False"},
		{nil, nil, "bool:True"},
	} {
		s := single.start(t, launch{App: "environ", Env: c.env, Args: c.args})
		s.environ(t, request("GET", "/", "")).want(t, "wsgi.multithread", c.want)
		s.stop(t)
	}
}

// Clause: "--ready-file F and --ready-fd N get one JSON line {url, pid, python, app, import_ms}".
func TestReadyLine(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "ready")
	s := single.start(t, launch{App: "signals", Args: []string{"--ready-file", path}})
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err) // the file is there when the descriptor has its line, or this is a race
	}
	if strings.Count(string(b), "\n") != 1 || !strings.HasSuffix(string(b), "\n") {
		t.Errorf("not one line: %q", b)
	}
	var fromFile ready
	if err := json.Unmarshal(b, &fromFile); err != nil {
		t.Fatal(err)
	}
	for name, r := range map[string]ready{"file": fromFile, "fd": s.ready} {
		if r.URL != "http://"+s.addr || r.PID != s.pid() || !strings.HasPrefix(r.Python, pythonVersion(t)+".") ||
			!strings.Contains(r.App, "app:application") {
			t.Errorf("%s: %+v", name, r)
		}
		if r.ImportMS == nil || *r.ImportMS < 0 || *r.ImportMS > 60000 {
			t.Errorf("%s: import_ms %v", name, r.ImportMS)
		}
	}
	if _, port, _ := net.SplitHostPort(s.addr); port == "0" {
		t.Error("the url has port 0")
	}
	s.get(t, "/").want(t, 200, "index")
}

// Clause: "--pidfile": there while the server runs, gone with it.
func TestPidfile(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "pid")
	s := single.start(t, launch{App: "signals", Args: []string{"--pidfile", path}})
	b, err := os.ReadFile(path)
	if err != nil || strings.TrimSpace(string(b)) != strconv.Itoa(s.pid()) {
		t.Errorf("pidfile has %q, %v, want %d", b, err, s.pid())
	}
	s.stop(t)
	if _, err := os.Stat(path); err == nil {
		t.Error("the pidfile stays behind")
	}
}

// A second server does not take a running one's file; the file of one that was killed is taken.
func TestPidfileInUse(t *testing.T) {
	run(t, plain, func(t *testing.T, v variant) {
		path := filepath.Join(t.TempDir(), "pid")
		holds := func(s *server) {
			t.Helper()
			if b, err := os.ReadFile(path); err != nil || strings.TrimSpace(string(b)) != strconv.Itoa(s.pid()) {
				t.Errorf("pidfile has %q, %v, want %d", b, err, s.pid())
			}
		}
		first := v.start(t, launch{App: "signals", Args: []string{"--pidfile", path}})
		dir := folder(t, "app.py", bare("application", "x"))
		command(t, dir, nil, "--http", "127.0.0.1:0", "--virtualenv", venv, "--pidfile", path, "app").
			wantLine(t, 1, "pidfile "+path+" is that of a server that runs, process "+strconv.Itoa(first.pid())+" (")
		holds(first)
		first.signal(t, syscall.SIGKILL)
		first.wantEnd(t, 10*time.Second)
		holds(first)
		second := v.start(t, launch{App: "signals", Args: []string{"--pidfile", path}})
		holds(second)
	})
}

// --pidfile in a folder that isn't there is said before anything is served.
func TestPidfileNowhere(t *testing.T) {
	t.Parallel()
	dir := folder(t, "app.py", bare("application", "x"))
	command(t, dir, nil, "--http", "127.0.0.1:0", "--virtualenv", venv, "--pidfile", "/nonexistent/pid", "app").
		wantLine(t, 1, "/nonexistent/pid")
}

// A port can be had again at once after a stop with connections open.
func TestRestartOnTheSamePort(t *testing.T) {
	t.Parallel()
	s := single.start(t, launch{App: "signals"})
	addr := s.addr
	c := s.dial(t)
	c.send(request("GET", "/", ""))
	c.response("GET").want(t, 200, "index")
	s.signal(t, syscall.SIGTERM) // the server closes first: its side is in TIME_WAIT
	s.wantEnd(t, patience(), 0)
	c.ended()
	again := single.start(t, launch{App: "signals", Bare: true, Dir: appDir("signals"), Args: []string{
		"--http", addr, "--pythonpath", appDir("common"), "app",
	}})
	if again.addr != addr {
		t.Fatalf("serves %s, want %s", again.addr, addr)
	}
	again.get(t, "/").want(t, 200, "index")
}
