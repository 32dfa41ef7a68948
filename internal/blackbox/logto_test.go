package blackbox

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"syscall"
	"testing"
)

// talkative is an app that says what it is asked, on stdout by Python and on stderr by a write of its own.
const talkative = `import os, sys
def app(environ, start_response):
    said = environ['PATH_INFO'][1:]
    sys.stdout.write('stdout ' + said + ' ' + 'x' * 300 + ' end\n')
    os.write(2, ('stderr ' + said + ' ' + 'x' * 300 + ' end\n').encode())
    start_response('200 OK', [('Content-Type', 'text/plain')])
    return [said.encode()]
`

// logsTo serves such an app, which logs to a file.
func logsTo(t *testing.T, v variant, args ...string) (s *server, dir, file string) {
	t.Helper()
	dir = folder(t, "app.py", talkative, "log/keep", "")
	file = filepath.Join(dir, "log", "app.log")
	args = append([]string{"--http", "127.0.0.1:0", "-w", "app:app", "--threads", "1", "--logto", "log/app.log"}, args...)
	return v.start(t, launch{Bare: true, Dir: dir, Args: args}), dir, file
}

// logged waits until the file has the words.
func wantLogged(t *testing.T, file string, words ...string) {
	t.Helper()
	var text []byte
	ok := soon(patience(), func() bool {
		text, _ = os.ReadFile(file)
		for _, w := range words {
			if !strings.Contains(string(text), w) {
				return false
			}
		}
		return true
	})
	if !ok {
		t.Fatalf("%s lacks one of %q; it has:\n%s", file, words, text)
	}
}

// Clause: "--logto": both logs and what the app prints.
func TestLogTo(t *testing.T) {
	run(t, []string{"app"}, func(t *testing.T, v variant) {
		s, _, file := logsTo(t, v)
		s.get(t, "/first").want(t, 200, "first")
		wantLogged(t, file, "INFO serving", "GET /first", "stdout first", "stderr first")
		info, err := os.Stat(file)
		if err != nil || info.Mode()&^0o640 != 0 {
			t.Errorf("%v, %v: it is for others, too", info.Mode(), err)
		}
		s.stop(t)
		wantLogged(t, file, "INFO draining")
		if text := s.log.String(); text != "" {
			t.Errorf("the terminal has %q", text)
		}
		// The next start appends.
		next := v.start(t, launch{Bare: true, Dir: s.Dir, Args: s.Args})
		next.get(t, "/second").want(t, 200, "second")
		wantLogged(t, file, "stdout first", "stdout second")
	})
}

// Clause: "SIGUSR2 opens it anew": however often, nothing is lost, and no line is in two pieces.
func TestLogReopen(t *testing.T) {
	run(t, []string{"app"}, func(t *testing.T, v variant) {
		const clients, rounds = 3, 12
		s, dir, file := logsTo(t, v)
		if v.name == "master" {
			s.signal(t, syscall.SIGTTIN) // descriptors go to each of them
			eventually(t, "there are two", func() bool { return len(descendants(s.pid())) == 2 })
			wantLogged(t, file, "a worker process is ready")
			s.base = takeCensus(s.pid())
		}
		var said [clients]int
		end := make(chan struct{})
		var done sync.WaitGroup
		for i := range clients {
			done.Go(func() {
				c := s.dial(t)
				for {
					select {
					case <-end:
						return
					default:
					}
					c.trySend(request("GET", fmt.Sprintf("/%d-%d-", i, said[i]), ""))
					if _, err := c.tryResponse("GET"); err != nil {
						t.Error(err)
						return
					}
					said[i]++
				}
			})
		}
		for round := range rounds {
			if err := os.Rename(file, filepath.Join(dir, "log", fmt.Sprintf("%02d.old", round))); err != nil {
				t.Fatal(err)
			}
			s.signal(t, syscall.SIGUSR2)
			wantLogged(t, file, "the log has been opened anew", "stdout ", "stderr ", "GET /")
		}
		close(end)
		done.Wait()
		s.stop(t)

		all := readLogs(t, filepath.Join(dir, "log"))
		whole := regexp.MustCompile(`^(std(out|err) \d+-\d+- x{300} end|\d{4}-\d\d-\d\dT\S+ (INFO .+|127\.0\.0\.1 "GET /\d+-\d+- HTTP/1\.1" 200 \d+ \S+ms( queued=\S+)?))$`)
		seen := map[string]int{}
		requested := regexp.MustCompile(`GET /\d+-\d+-`)
		for _, line := range all {
			if !whole.MatchString(line) {
				t.Fatalf("a line is %q", line)
			}
			seen[strings.TrimSuffix(line, strings.Repeat("x", 300)+" end")]++
			seen[requested.FindString(line)]++
		}
		for i, n := range said {
			if n == 0 {
				t.Errorf("client %d has said nothing", i)
			}
			for k := range n {
				for _, line := range []string{"stdout %d-%d- ", "stderr %d-%d- ", "GET /%d-%d-"} {
					if line = fmt.Sprintf(line, i, k); seen[line] != 1 {
						t.Fatalf("%q is in the log %d times", line, seen[line])
					}
				}
			}
		}
	})
}

// readLogs are the lines of all files in a folder.
func readLogs(t *testing.T, dir string) (lines []string) {
	t.Helper()
	files, _ := filepath.Glob(filepath.Join(dir, "*"))
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if len(text) > 0 {
			lines = append(lines, strings.Split(strings.TrimSuffix(string(text), "\n"), "\n")...)
		}
	}
	return lines
}

// A file that can't be opened anew costs nothing: the old one goes on.
func TestLogReopenFails(t *testing.T) {
	run(t, []string{"app"}, func(t *testing.T, v variant) {
		s, _, file := logsTo(t, v)
		old := file + ".1"
		if err := os.Rename(file, old); err != nil {
			t.Fatal(err)
		}
		if err := os.Mkdir(file, 0o700); err != nil {
			t.Fatal(err)
		}
		s.signal(t, syscall.SIGUSR2)
		wantLogged(t, old, "the old file goes on", "is a directory")
		s.get(t, "/after").want(t, 200, "after")
		wantLogged(t, old, "stdout after", "stderr after", "GET /after")
		if err := os.Remove(file); err != nil {
			t.Fatal(err)
		}
		s.signal(t, syscall.SIGUSR2)
		wantLogged(t, file, "the log has been opened anew")
		s.get(t, "/again").want(t, 200, "again")
		wantLogged(t, file, "stdout again", "stderr again", "GET /again")
	})
}

// Clause: "--touch-logreopen".
func TestTouchLogReopen(t *testing.T) {
	run(t, []string{"app"}, func(t *testing.T, v variant) {
		s, dir, file := logsTo(t, v, "--touch-logreopen", "touched")
		if err := os.Rename(file, file+".1"); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, "touched"), nil, 0o600); err != nil {
			t.Fatal(err)
		}
		wantLogged(t, file, "the log has been opened anew", "reason=touched")
		s.get(t, "/after").want(t, 200, "after")
		wantLogged(t, file, "stdout after", "GET /after")
	})
}

// A start that fails says so where people look, and in the file.
func TestLogToStartFails(t *testing.T) {
	t.Parallel()
	for _, s := range shapes {
		t.Run(s.name, func(t *testing.T) {
			dir := folder(t, "app.py", "raise ValueError('boom')\n")
			args := append([]string{"--http", "unix:s", "--virtualenv", venv, "-w", "app:app"}, s.args...)
			e := command(t, dir, nil, append(args, "--logto", "log")...)
			e.want(t, 22, "the app failed to load", "Traceback (most recent call last)")
			if e.lastLine() != "ValueError: boom" || strings.Count(e.stderr, "Traceback") != 1 {
				t.Errorf("stderr:\n%s", e.stderr)
			}
			wantLogged(t, filepath.Join(dir, "log"), "Traceback (most recent call last)", "ValueError: boom")

			e = command(t, dir, nil, append(args, "--logto", "log", "--pidfile", "missing/pid")...)
			e.wantLine(t, 1, "pidfile")
			wantLogged(t, filepath.Join(dir, "log"), strings.TrimSpace(e.stderr))

			e = command(t, dir, nil, append(args, "--logto", "missing/log")...)
			e.wantLine(t, 1, "--logto missing/log: no such file or directory")
			e = command(t, dir, nil, append(args, "--logto", ".")...)
			e.wantLine(t, 1, "--logto .: is a directory")
			e = command(t, dir, nil, append(args, "--logto", "udp:127.0.0.1:514")...)
			e.wantLine(t, 2, "--logto udp:127.0.0.1:514: want a file")
		})
	}
}

// Clause: "USR1": what has been served, to the log.
func TestFiguresInLog(t *testing.T) {
	run(t, plain, func(t *testing.T, v variant) {
		s := v.start(t, launch{App: "errors"})
		s.get(t, "/raise").wantStatus(t, 500)
		s.get(t, "/missing").wantStatus(t, 404)
		// A request is among the figures a moment after its answer.
		wanted := []string{`INFO stats requests=2 exceptions=1 `}
		if v.name == "master" {
			wanted = append(wanted, fmt.Sprintf(`INFO worker stats worker=1 pid=%d requests=2 exceptions=1 `, s.python(t)))
		}
		eventually(t, "the log has the figures", func() bool {
			n := s.log.len()
			s.signal(t, syscall.SIGUSR1)
			return soon(within(patience()/20), func() bool {
				text := s.log.since(n)
				for _, w := range wanted {
					if !strings.Contains(text, w) {
						return false
					}
				}
				return true
			})
		})
	})
}
