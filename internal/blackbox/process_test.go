package blackbox

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// inside is how apps/process sees the process.
type inside struct {
	CWD        string
	Argv       []string
	Prefix     string
	Base       string
	Executable string
	Flask      string
	Env        *string
	Path       []string
	Filesystem string
	Stdout     string
	HasMain    bool   `json:"has main"`
	Streams    []bool `json:"standard streams"`
}

func (s *server) inside(t *testing.T, env string) (p inside) {
	t.Helper()
	s.get(t, query("/process", "env", env)).json(t, &p)
	return p
}

// Clause: "--virtualenv": its packages, its prefix, and a sys.executable that is a python
// (design 7: else multiprocessing starts gowsgi again).
func TestVirtualenv(t *testing.T) {
	t.Parallel()
	for _, option := range []string{"--virtualenv", "--venv", "--home", "-H"} {
		s := single.start(t, launch{App: "process", Args: []string{option, venv}})
		p := s.inside(t, "")
		real, _ := filepath.EvalSymlinks(venv)
		if p.Prefix != venv && p.Prefix != real {
			t.Errorf("%s: sys.prefix is %s, want %s", option, p.Prefix, venv)
		}
		if p.Base == p.Prefix {
			t.Errorf("%s: sys.base_prefix is the venv: Python takes itself for no venv", option)
		}
		if dir, name := filepath.Split(p.Executable); !strings.HasPrefix(name, "python") || filepath.Clean(dir) != filepath.Join(p.Prefix, "bin") {
			t.Errorf("%s: sys.executable is %s", option, p.Executable)
		}
		if !strings.HasPrefix(p.Flask, p.Prefix) {
			t.Errorf("%s: flask comes from %s", option, p.Flask)
		}
		s.stop(t)
	}
}

// What a program that Python runs finds: streams, encodings, a __main__.
func TestInterpreter(t *testing.T) {
	t.Parallel()
	s := single.start(t, launch{App: "process", Env: []string{"LC_ALL=C.UTF-8"}})
	p := s.inside(t, "")
	if p.Filesystem != "utf-8" || !strings.EqualFold(p.Stdout, "utf-8") || !p.HasMain {
		t.Errorf("%+v", p)
	}
	if !slices.Equal(p.Streams, []bool{true, true, true}) {
		t.Errorf("sys.stdin, stdout, stderr are there: %v", p.Streams)
	}
}

// Clause: "--chdir".
func TestChdir(t *testing.T) {
	t.Parallel()
	elsewhere := t.TempDir()
	s := single.start(t, launch{App: "process", Dir: elsewhere, Args: []string{"--chdir", appDir("process")}})
	p := s.inside(t, "")
	if p.CWD != appDir("process") {
		t.Errorf("cwd is %s", p.CWD)
	}
}

// Clause: "--pythonpath/--pp", repeatable, before the site's packages and in order.
func TestPythonpath(t *testing.T) {
	t.Parallel()
	a, b := folder(t, "which.py", "NAME = 'a'\n"), folder(t, "which.py", "NAME = 'b'\n", "flask.py", "")
	s := single.start(t, launch{App: "process", Args: []string{"--pythonpath", a, "--pp", b}})
	s.get(t, "/").want(t, 200, "index")
	s.stop(t)
	app := "import which\n" + strings.ReplaceAll(bare("application", "NAME"), "b'NAME'", "which.NAME.encode()")
	s = single.start(t, launch{Bare: true, Dir: folder(t, "app.py", app), Args: []string{
		"--http", "127.0.0.1:0", "--pythonpath", a, "--pp", b, "app",
	}})
	s.get(t, "/").want(t, 200, "a")
}

// Clauses: "--env K=V", there at import; "--pyargv".
func TestEnvAndArgv(t *testing.T) {
	t.Parallel()
	s := single.start(t, launch{App: "process", Env: []string{"BB_OLD=old", "BB_NEW=old"}, Args: []string{
		"--env", "BB_NEW=new=x y", "--env", "BB_SECOND=2", "--pyargv", "one 'two three' --four=4",
	}})
	for name, want := range map[string]string{"BB_NEW": "new=x y", "BB_SECOND": "2", "BB_OLD": "old"} {
		if p := s.inside(t, name); p.Env == nil || *p.Env != want {
			t.Errorf("%s is not %q", name, want)
		}
	}
	p := s.inside(t, "BB_ABSENT")
	if p.Env != nil {
		t.Errorf("BB_ABSENT is %q", *p.Env)
	}
	if want := []string{"one", "two three", "--four=4"}; !slices.Equal(p.Argv, want) {
		t.Errorf("sys.argv[1:] is %q, want %q", p.Argv, want)
	}
}

// The app's folder gets no new files but what Python itself writes.
func TestNoLitter(t *testing.T) {
	t.Parallel()
	dir := folder(t, "app.py", bare("application", "clean"))
	s := single.start(t, launch{Bare: true, Dir: dir, Args: []string{"--http", "127.0.0.1:0"}})
	s.get(t, "/").want(t, 200, "clean")
	s.stop(t)
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		if e.Name() != "app.py" && e.Name() != "__pycache__" {
			t.Errorf("left in the app's folder: %s", e.Name())
		}
	}
}
