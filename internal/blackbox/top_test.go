package blackbox

import (
	"fmt"
	"net"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// inTerminal runs a program in a terminal of its own, waits for what matches PATTERN=KEY,… in turn, presses
// the key after each, and ends with the program's exit code.
const inTerminal = `
import os, pty, re, select, sys, time
words, command = sys.argv[1].split(","), sys.argv[2:]
pid, tty = pty.fork()
if pid == 0:
    os.environ.update(TERM="xterm", LINES="40", COLUMNS="200")
    os.execv(command[0], command)
end = time.monotonic() + 20
for word, key in (pair.rsplit("=", 1) for pair in words):
    seen = b""
    while not re.search(word.encode(), seen, re.S):
        if not select.select([tty], [], [], max(end - time.monotonic(), 0))[0]:
            sys.exit(f"no {word!r} in {seen!r}")
        try:
            seen += os.read(tty, 65536)
        except OSError:
            sys.exit(f"it ended without {word!r}: {seen!r}")
    os.write(tty, key.encode())
try:
    while os.read(tty, 65536):
        pass
except OSError:
    pass
sys.exit(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
`

// terminal runs a program in a terminal: see inTerminal.
func terminal(t *testing.T, words string, command ...string) {
	t.Helper()
	cmd := exec.Command(filepath.Join(venv, "bin", "python"), append([]string{"-c", inTerminal, words}, command...)...)
	cmd.Env = environ(t.TempDir())
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Errorf("%q: %v: %s", command, err, out)
	}
}

// uwsgitop is uWSGI's own view of stats.
func uwsgitop(t *testing.T, words, address string) {
	t.Helper()
	terminal(t, words, filepath.Join(venv, "bin", "python"), filepath.Join(venv, "bin", "uwsgitop"), address)
}

// Clause: "uwsgitop reads this": each of its three views shows the requests.
func TestUwsgitop(t *testing.T) {
	t.Parallel()
	for _, args := range [][]string{{"--stats", "127.0.0.1:0"}, {"--stats", filepath.Join(socketDir(t), "s")}, {"--stats", "127.0.0.1:0", "--stats-http"}} {
		s := single.start(t, launch{App: "limits", Args: append(args, "--threads", "1")})
		for range 7 {
			s.get(t, "/").want(t, 200, "index")
		}
		address := strings.TrimPrefix(s.ready.Stats, "unix:")
		if len(args) == 3 {
			address = "http://" + address
		}
		uwsgitop(t, "req: 7 =a,1:0[^0-9]=a,[^1]:0[^0-9]=q", address)
		s.stop(t)
	}
}

// With worker processes it shows each of them, with its pid, its requests and its respawns.
func TestUwsgitopOfWorkers(t *testing.T) {
	t.Parallel()
	c := startCrew(t, launch{Args: []string{"-p", "2", "--threads", "1", "--stats", "127.0.0.1:0"}})
	a, b := c.hold(t, "a", "/gate"), c.hold(t, "b", "/gate") // one in each process
	for i := range 3 {
		a.letGo(t)
		a = c.hold(t, fmt.Sprintf("a%d", i), "/gate")
	}
	var d statsDoc
	eventually(t, "the requests are counted", func() bool {
		d = c.statsOfAll(t)
		return d.Workers[0].Requests+d.Workers[1].Requests == 3
	})
	words := "req: 3 "
	for _, w := range d.Workers {
		words = fmt.Sprintf("(?=.*%d[^0-9]+%d[^0-9].*busy)", w.PID, w.Requests) + words
	}
	uwsgitop(t, words+"=q", c.ready.Stats)
	a.letGo(t)
	b.letGo(t)
	c.finish(t)
}

// gowsgi top shows a request that runs and, when asked, its Python stack, in both shapes and by every kind
// of address; what a client has sent does not reach the terminal as it is.
func TestTop(t *testing.T) {
	run(t, plain, func(t *testing.T, v variant) {
		for _, args := range [][]string{{"--stats", "127.0.0.1:0"}, {"--stats", filepath.Join(socketDir(t), "s")}, {"--stats", "127.0.0.1:0", "--stats-http"}} {
			s := v.start(t, launch{App: "limits", Args: append(args, "--threads", "2")})
			s.get(t, "/").want(t, 200, "index")
			g := s.gate(t, "held")
			c := s.dial(t)
			c.send(request("GET", "/gate?name=held", ""))
			g.reached(t)
			address := s.ready.Stats
			if len(args) == 3 {
				address = "http://" + address
			}
			terminal(t, fmt.Sprintf("%d +busy.*AGE.*127.0.0.1 +GET +/gate.name.held=s,stack of worker 1.*probe.py.*in gate=q", s.python(t)), binary, "top", address)
			e := command(t, t.TempDir(), nil, "top", address)
			for _, word := range []string{fmt.Sprintf("pid %d: ", s.pid()), "WORKER", "busy", "/gate?name=held"} {
				if e.code != 0 || !strings.Contains(e.stdout, word) {
					t.Errorf("without a terminal, exit code %d, no %q in: %s%s", e.code, word, e.stdout, e.stderr)
				}
			}
			g.open(t)
			c.response("GET").want(t, 200, "held")
			s.stop(t)
		}
	})
}

// Clause: "Errors that tell people what to do".
func TestTopRefused(t *testing.T) {
	t.Parallel()
	s := single.start(t, launch{App: "limits", Args: []string{"--stats", "127.0.0.1:0"}})
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	nobody := l.Addr().String()
	l.Close()
	file := filepath.Join(folder(t, "file", ""), "file") // no socket
	for _, test := range []struct {
		code  int
		args  []string
		words []string
	}{
		{1, []string{nobody}, []string{"nothing listens at " + nobody, "--stats " + nobody}},
		{1, []string{"/nonexistent/s"}, []string{"no socket /nonexistent/s", "--stats"}},
		{1, []string{file}, []string{file}},
		{1, []string{"http://" + s.addr}, []string{s.addr, "no stats server"}},
		{1, []string{s.addr}, []string{s.addr, "does not answer as a stats server does"}},
		{2, []string{"9191"}, []string{"9191", "host:port"}},
		{2, []string{"https://127.0.0.1:1"}, []string{"http://host:port"}},
		{2, nil, []string{"one address"}},
		{2, []string{"a:1", "b:2"}, []string{"one address"}},
		{2, []string{"--twice", "a:1"}, []string{"twice"}},
	} {
		command(t, t.TempDir(), nil, append([]string{"top"}, test.args...)...).wantLine(t, test.code, test.words...)
	}
	e := command(t, t.TempDir(), nil, "top", "--help")
	if e.code != 0 || !strings.HasPrefix(e.stdout, "Usage: gowsgi top") {
		t.Errorf("--help: %d, %s%s", e.code, e.stdout, e.stderr)
	}
	for _, args := range [][]string{{"--once", s.ready.Stats}, {s.ready.Stats, "--once"}} {
		if e := command(t, t.TempDir(), nil, append([]string{"top"}, args...)...); e.code != 0 || !strings.Contains(e.stdout, "WORKER") {
			t.Errorf("%q: %d, %s%s", args, e.code, e.stdout, e.stderr)
		}
	}
}
