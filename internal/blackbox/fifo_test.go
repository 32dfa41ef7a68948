package blackbox

import (
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"time"
)

// sleepy is an app whose /slow takes longer than any test, and which says that it has begun.
const sleepy = `import os, time
def app(environ, start_response):
    if environ['PATH_INFO'] == '/slow':
        open('slow', 'w').close()
        time.sleep(600)
    start_response('200 OK', [('Content-Type', 'text/plain')])
    return [str(os.getpid()).encode()]
`

// ordered serves that app with a FIFO.
func ordered(t *testing.T, v variant, args ...string) (s *server, dir string) {
	t.Helper()
	dir = folder(t, "app.py", sleepy)
	args = append([]string{"--http", "127.0.0.1:0", "-w", "app:app", "--threads", "2", "--master-fifo", "fifo"}, args...)
	return v.start(t, launch{Bare: true, Dir: dir, Args: args}), dir
}

// order writes to the FIFO, as echo does.
func order(t *testing.T, dir, letters string) {
	t.Helper()
	w, err := os.OpenFile(filepath.Join(dir, "fifo"), os.O_WRONLY|syscall.O_NONBLOCK, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer w.Close()
	if _, err := w.WriteString(letters + "\n"); err != nil {
		t.Fatal(err)
	}
}

// slowly has a request under way that does not end by itself.
func (s *server) slowly(t *testing.T, dir string) *conn {
	t.Helper()
	c := s.dial(t)
	c.send(request("GET", "/slow", ""))
	eventually(t, "the request runs", func() bool {
		_, err := os.Stat(filepath.Join(dir, "slow"))
		return err == nil
	})
	return c
}

// Clause: "master-fifo's r R q Q", in both shapes as far as they have them.
func TestMasterFIFO(t *testing.T) {
	run(t, []string{"app"}, func(t *testing.T, v variant) {
		s, dir := ordered(t, v, "--logto", "log", "--worker-reload-mercy", "100")
		log := filepath.Join(dir, "log")
		info, err := os.Lstat(filepath.Join(dir, "fifo"))
		if err != nil || info.Mode() != fs.ModeNamedPipe|0o600 {
			t.Fatalf("%v, %v", info.Mode(), err)
		}
		before := string(s.get(t, "/").Body)
		for _, c := range [][2]string{
			{"s", "INFO stats requests="},
			{"l", `INFO the log has been opened anew reason="l from --master-fifo"`},
			{"p", `letter='p' reason="there is no pause`},
			{"1", `letter='1' reason="not needed: every --master-fifo is read at once"`},
			{"E", `letter='E' reason="there is no emperor here"`},
			{"z", `letter='z' reason="there are r R q Q + - l L s"`},
		} {
			order(t, dir, c[0])
			wantLogged(t, log, c[1])
		}
		order(t, dir, "L")
		eventually(t, "the old log is renamed", func() bool {
			old, _ := filepath.Glob(log + ".[0-9]*")
			return len(old) == 1
		})
		wantLogged(t, log, `the log has been opened anew reason="L from --master-fifo"`)
		for _, letter := range []string{"+", "r"} {
			order(t, dir, letter)
			switch {
			case v.name == "single":
				wantLogged(t, log, "WARN an order needs worker processes: give --master letter='"+letter+"'")
			case letter == "+":
				wantLogged(t, log, "processes=2", "INFO a worker process is ready")
				order(t, dir, "-")
				wantLogged(t, log, "processes=1")
			default:
				wantLogged(t, log, `INFO reloading signal="r from --master-fifo"`, "INFO reloaded")
			}
		}
		if after := string(s.get(t, "/").Body); (after == before) != (v.name == "single") {
			t.Errorf("process %s before, %s after", before, after)
		}
		s.closeConns()
		order(t, dir, "q")
		s.wantEnd(t, patience(), 0)
		wantLogged(t, log, `INFO draining signal="q from --master-fifo"`)
		if _, err := os.Lstat(filepath.Join(dir, "fifo")); err == nil {
			t.Error("the FIFO is left")
		}
	})
}

// Clause: "R": the old processes end with what they are at.
func TestMasterFIFOReloadNow(t *testing.T) {
	t.Parallel()
	s, dir := ordered(t, variant{shapes[1], "app"}, "--worker-reload-mercy", "600")
	old := s.python(t)
	c := s.slowly(t, dir)
	order(t, dir, "R")
	s.log.wait(t, "INFO reloaded")
	eventually(t, "the old process is gone", func() bool { return syscall.Kill(old, 0) != nil })
	if r, err := c.tryResponse("GET"); err == nil && r.Status != 502 {
		t.Errorf("the request got %d", r.Status)
	}
	s.get(t, "/").wantStatus(t, 200)
}

// Clause: "Q": at once; "q": what runs ends first, and Q does not wait for it.
func TestMasterFIFOExit(t *testing.T) {
	run(t, []string{"app"}, func(t *testing.T, v variant) {
		for _, letters := range []string{"Q", "q, then Q"} {
			s, dir := ordered(t, v, "--drain-timeout", "600")
			family := descendants(s.pid())
			s.slowly(t, dir)
			if letters != "Q" {
				order(t, dir, "q")
				s.log.wait(t, "draining")
				s.refuses(t)
			}
			order(t, dir, "Q")
			s.wantEnd(t, 10*time.Second, 0)
			s.nothingLeft(t, family)
			if _, err := os.Lstat(filepath.Join(dir, "fifo")); err == nil {
				t.Error("the FIFO is left")
			}
		}
	})
}

// While the app is being imported there are orders, too.
func TestMasterFIFOWhileLoading(t *testing.T) {
	run(t, []string{"app"}, func(t *testing.T, v variant) {
		for _, letter := range []string{"q", "Q"} {
			dir := folder(t, "app.py", "import time\nopen('begun', 'w').close()\ntime.sleep(600)\n")
			s := v.launch(t, launch{Bare: true, Dir: dir, Args: []string{"--http", "127.0.0.1:0", "-w", "app:app", "--master-fifo", "fifo"}})
			eventually(t, "the import has begun", func() bool {
				_, err := os.Stat(filepath.Join(dir, "begun"))
				return err == nil
			})
			order(t, dir, letter)
			s.wantEnd(t, 10*time.Second, 0)
		}
	})
}

func TestMasterFIFORefused(t *testing.T) {
	t.Parallel()
	s, dir := ordered(t, variant{shapes[0], "app"}, "--master-fifo", "second")
	if _, err := os.Lstat(filepath.Join(dir, "second")); err != nil {
		t.Error(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "file"), []byte("text"), 0o600); err != nil {
		t.Fatal(err)
	}
	base := []string{"--http", "127.0.0.1:0", "--virtualenv", venv, "-w", "app:app", "--master-fifo"}
	for path, words := range map[string]string{
		"file":      "--master-fifo file: something that is no FIFO is there",
		"fifo":      "--master-fifo fifo: another process reads this FIFO",
		"none/fifo": "--master-fifo none/fifo: no such file or directory",
	} {
		command(t, dir, nil, append(base, path)...).wantLine(t, 1, words)
	}
	if text, err := os.ReadFile(filepath.Join(dir, "file")); err != nil || string(text) != "text" {
		t.Errorf("%q, %v", text, err)
	}
	order(t, dir, "s") // it has its FIFO still
	s.log.wait(t, "INFO stats")
}
