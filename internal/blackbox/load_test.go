package blackbox

import (
	"path/filepath"
	"strings"
	"testing"
)

const factory = `
def create_app(name="plain", debug=False):
    def app(environ, start_response):
        start_response("200 OK", [("Content-Type", "text/plain")])
        return [("%s %s" % (name, debug)).encode()]
    return app
`

// Clause: "These must work as printed", and how a callable is found when none is named.
var loads = []struct {
	name  string
	files []string
	args  []string
	body  string
	log   string // what the log says was taken
}{
	{"file with application", []string{"app.py", bare("application", "file")}, []string{"--wsgi-file", "app.py"}, "file", "application"},
	{"module and callable", []string{"app.py", flask("app", "module")}, []string{"--module", "app", "--callable", "app"}, "module", ""},
	{"file and callable", []string{"app.py", flask("app", "both")}, []string{"--wsgi-file", "app.py", "--callable", "app"}, "both", ""},
	{"-w", []string{"app.py", flask("app", "w")}, []string{"-w", "app:app"}, "w", ""},
	{"-w call", []string{"app.py", factory}, []string{"-w", "app:create_app()"}, "plain False", ""},
	{"-w call with literals", []string{"app.py", factory}, []string{"-w", `app:create_app("test", debug=True)`}, "test True", ""},
	{"-w call with literals of many kinds", []string{"app.py", factory}, []string{"-w", `app:create_app({"k": [1, -2.5, None, (True,)]})`}, "{'k': [1, -2.5, None, (True,)]} False", ""},
	{"callable is a call", []string{"app.py", factory}, []string{"--module", "app", "--callable", "create_app('c')"}, "c False", ""},
	{"positional module", []string{"app.py", flask("app", "positional")}, []string{"app:app"}, "positional", ""},
	{"positional file", []string{"app.py", flask("app", "file")}, []string{"app.py"}, "file", "app"},
	{"positional bare module", []string{"app.py", flask("app", "bare")}, []string{"app"}, "bare", "app"},
	{"file elsewhere", []string{"sub/other.py", bare("application", "elsewhere")}, []string{"--wsgi-file", "sub/other.py"}, "elsewhere", ""},
	{"file with a dash", []string{"my-app.py", bare("application", "dash")}, []string{"--wsgi-file", "my-app.py"}, "dash", ""},
	{"file with another suffix", []string{"app.wsgi", bare("application", "suffix")}, []string{"--wsgi-file", "app.wsgi"}, "suffix", ""},
	{"file imports a neighbour", []string{"app.py", "from neighbour import application\n", "neighbour.py", bare("application", "neighbour")}, []string{"--wsgi-file", "app.py"}, "neighbour", ""},
	{"file knows itself", []string{"app.py", "import os\n__import__('neighbour')\n" + bare("application", "self") + "assert os.path.basename(__file__) == 'app.py', __file__\nassert __name__ != '__main__'\n", "neighbour.py", ""}, []string{"--wsgi-file", "app.py"}, "self", ""},

	{"bare: wsgi.py first", []string{"wsgi.py", bare("application", "wsgi"), "app.py", bare("application", "app")}, nil, "wsgi", "wsgi"},
	{"bare: app.py", []string{"app.py", bare("app", "app")}, nil, "app", "app"},
	{"bare: Flask", []string{"app.py", flask("app", "flask")}, nil, "flask", "app"},
	{"bare: create_app", []string{"app.py", factory}, nil, "plain False", "create_app"},
	{"bare: make_app", []string{"wsgi.py", strings.ReplaceAll(factory, "create_app", "make_app")}, nil, "plain False", "make_app"},
	{"bare: package", []string{"app/__init__.py", flask("app", "package")}, nil, "package", "app"},

	{"application before app", []string{"app.py", bare("app", "app") + bare("application", "application")}, []string{"-w", "app"}, "application", "application"},
	{"app before a Flask instance", []string{"app.py", flask("web", "web") + bare("app", "app")}, []string{"-w", "app"}, "app", "app"},
	{"single Flask instance", []string{"app.py", flask("web", "web") + "x = 5\ndef helper(a): pass\n"}, []string{"-w", "app"}, "web", "web"},
	{"instance before factory", []string{"app.py", factory + flask("web", "web")}, []string{"-w", "app"}, "web", "web"},
	{"Flask factory", []string{"app.py", "from flask import Flask\ndef create_app():\n    a = Flask('f')\n    a.add_url_rule('/', view_func=lambda: 'made')\n    return a\n"}, []string{"-w", "app"}, "made", "create_app"},

	{"dotted module", []string{"pkg/__init__.py", "", "pkg/sub/__init__.py", "", "pkg/sub/web.py", bare("application", "dotted")}, []string{"-w", "pkg.sub.web"}, "dotted", ""},
	{"package", []string{"pkg/__init__.py", bare("application", "package")}, []string{"-w", "pkg:application"}, "package", ""},
	{"namespace package", []string{"ns/web.py", bare("application", "namespace")}, []string{"-w", "ns.web:application"}, "namespace", ""},
	{"dotted attribute", []string{"app.py", "class A:\n    class b: pass\n" + bare("f", "attribute") + "A.b.c = staticmethod(f)\n"}, []string{"-w", "app:A.b.c"}, "attribute", ""},
	{"class as callable", []string{"app.py", "class App:\n    def __init__(self, e, s):\n        s('200 OK', [('Content-Type', 'text/plain')])\n    def __iter__(self):\n        yield b'class'\n"}, []string{"-w", "app:App"}, "class", ""},
	{"instance with __call__", []string{"app.py", "class A:\n    def __call__(self, e, s):\n        s('200 OK', [('Content-Type', 'text/plain')])\n        return [b'instance']\napplication = A()\n"}, []string{"-w", "app"}, "instance", ""},
	{"lazy attribute", []string{"app.py", bare("f", "lazy") + "def __getattr__(name):\n    if name == 'late': return f\n    raise AttributeError(name)\n"}, []string{"-w", "app:late"}, "lazy", ""},
}

func TestLoad(t *testing.T) {
	t.Parallel()
	for _, c := range loads {
		t.Run(c.name, func(t *testing.T) {
			dir := folder(t, c.files...)
			s := single.start(t, launch{Bare: true, Dir: dir, Args: append([]string{"--http", "127.0.0.1:0"}, c.args...)})
			s.get(t, "/").want(t, 200, c.body)
			if c.log != "" {
				s.log.wait(t, c.log)
			}
			s.stop(t)
		})
	}
}

// The same without a word on the command line.
func TestLoadByEnvironment(t *testing.T) {
	t.Parallel()
	s := single.start(t, launch{Bare: true, Dir: folder(t, "web.py", factory), Env: []string{
		"GOWSGI_HTTP=127.0.0.1:0", `GOWSGI_MODULE=web:create_app("env")`,
	}})
	s.get(t, "/").want(t, 200, "env False")
}

// Clause: "App fails to import: its own traceback last on stderr, exit 22".
func TestImportFails(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ name, text, arg, last string }{
		{"exception", "x = 1\nraise ValueError('boom')\n", "app:app", "ValueError: boom"},
		{"deep", "def f():\n    {}['missing']\nf()\n", "app:app", "KeyError: 'missing'"},
		{"syntax", "def (:\n", "app:app", "SyntaxError: invalid syntax"},
		{"missing import", "import no_such_module_anywhere\n", "app:app", "ModuleNotFoundError: No module named 'no_such_module_anywhere'"},
		{"exit", "raise SystemExit(0)\n", "app:app", "SystemExit: 0"},
		{"factory", "def create_app():\n    raise RuntimeError('not today')\n", "app:create_app()", "RuntimeError: not today"},
		{"interrupt", "raise KeyboardInterrupt\n", "app:app", "KeyboardInterrupt"},
		{"unprintable", "class E(Exception):\n    def __str__(self): raise self\nraise E()\n", "app:app", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			dir := folder(t, "app.py", c.text)
			sock := filepath.Join(dir, "s")
			e := command(t, dir, nil, "--http", "unix:"+sock, "--virtualenv", venv, "-w", c.arg)
			e.want(t, 22)
			// A syntax error has no frames of its own, only a place.
			if !strings.Contains(e.stderr, "Traceback (most recent call last)") && c.name != "syntax" {
				t.Errorf("no traceback:\n%s", e.stderr)
			}
			if last := e.lastLine(); !strings.HasPrefix(last, c.last) {
				t.Errorf("last line %q, want %q; stderr:\n%s", last, c.last, e.stderr)
			}
			if c.name == "deep" && (!strings.Contains(e.stderr, "line 2, in f") || !strings.Contains(e.stderr, filepath.Join(dir, "app.py"))) {
				t.Errorf("the traceback doesn't show the app's own lines:\n%s", e.stderr)
			}
			if strings.Contains(e.stderr, "Fatal Python error") {
				t.Errorf("stderr:\n%s", e.stderr)
			}
			if left, _ := filepath.Glob(sock); left != nil {
				t.Errorf("stays behind: %v", left)
			}
		})
	}
}

// Clause: "Not callable, not found, ambiguous: an error that lists what the module does have".
func TestCallableErrors(t *testing.T) {
	t.Parallel()
	two := flask("first", "x") + flask("second", "y")
	for _, c := range []struct {
		name, text string
		args       []string
		words      []string
	}{
		{"not found", bare("serve", "x") + flask("web", "x"), []string{"-w", "app:missing"}, []string{"missing", "web"}},
		{"not found, similar", bare("application", "x"), []string{"-w", "app:aplication"}, []string{"aplication", "application"}},
		{"not callable", "app = 5\n" + bare("serve", "x"), []string{"-w", "app:app"}, []string{"not callable", "int", "serve"}},
		{"ambiguous", two, []string{"-w", "app"}, []string{"first", "second"}},
		{"nothing there", "x = 5\n", []string{"-w", "app"}, []string{"app"}},
		{"dotted not found", "class A: pass\n", []string{"-w", "app:A.b"}, []string{"A", "b"}},
		{"factory returns no app", "def create_app():\n    return 5\n", []string{"-w", "app:create_app()"}, []string{"create_app", "int"}},
		{"factory returns None", "def create_app():\n    pass\n", []string{"-w", "app:create_app()"}, []string{"create_app", "None"}},
		{"arguments are no literals", factory, []string{"-w", "app:create_app(__import__('os').getpid())"}, []string{"create_app", "literal"}},
		{"wrong arguments", factory, []string{"-w", "app:create_app(1, 2, 3)"}, []string{"create_app(1, 2, 3)", "takes"}},
		{"no such module", "", []string{"-w", "nowhere:app"}, []string{"nowhere", "app"}},
		{"unclosed call", factory, []string{"-w", "app:create_app("}, []string{"create_app("}},
		{"empty callable", factory, []string{"-w", "app:"}, []string{"app:"}},
		{"discovery finds nothing", "", []string{}, []string{"wsgi.py", "app.py"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			dir := folder(t, "app.py", c.text)
			if c.name == "discovery finds nothing" {
				dir = t.TempDir()
			}
			e := command(t, dir, nil, append([]string{"--http", "127.0.0.1:0", "--virtualenv", venv}, c.args...)...)
			if e.code != 1 && e.code != 2 && e.code != 22 {
				t.Errorf("exit code %d", e.code)
			}
			e.want(t, e.code, c.words...)
			if !strings.HasPrefix(e.lastLine(), "gowsgi: ") && !strings.Contains(e.stderr, "gowsgi: ") {
				t.Errorf("no line of ours:\n%s", e.stderr)
			}
			if strings.Contains(e.stderr, "panic") || strings.Contains(e.stderr, "goroutine") {
				t.Errorf("stderr:\n%s", e.stderr)
			}
		})
	}
}

// Two names for one Flask instance, or an app imported from elsewhere, are not ambiguous.
func TestOneInstanceTwoNames(t *testing.T) {
	t.Parallel()
	s := single.start(t, launch{Bare: true, Dir: folder(t, "app.py", flask("web", "one")+"site = web\n"), Args: []string{"--http", "127.0.0.1:0", "-w", "app"}})
	s.get(t, "/").want(t, 200, "one")
}
