package blackbox

import (
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// workshop is a folder with an app in it that is being written, and gowsgi --dev.
type workshop struct {
	*crew
	dir string
}

// devApp answers with what is in its module text.py, which changes, and its pid.
const devApp = `import os, text
def app(environ, start_response):
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [("%s %d" % (text.TEXT, os.getpid())).encode()]
`

// develop serves a folder's app:app with --dev.
func develop(t *testing.T, args []string, files ...string) *workshop {
	t.Helper()
	w := launchDev(t, args, files...)
	w.awaitReady(t)
	w.workers()
	return w
}

func launchDev(t *testing.T, args []string, files ...string) *workshop {
	t.Helper()
	dir := folder(t, files...)
	args = append([]string{"--http", "127.0.0.1:0", "app:app"}, args...)
	return &workshop{launchCrew(t, launch{Bare: true, Dir: dir, Args: args}), dir}
}

var dev = []string{"--dev"}

// browser keeps no connection open.
func (w *workshop) browser(t *testing.T) *browser {
	t.Helper()
	b := w.crew.browser(t)
	b.client.Transport = &http.Transport{DisableKeepAlives: true}
	return b
}

// save writes a file as simple editors do.
func (w *workshop) save(t *testing.T, name, text string) {
	t.Helper()
	path := filepath.Join(w.dir, name)
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

// shows waits until the app answers with a text.
func (w *workshop) shows(t *testing.T, path, text string) page {
	t.Helper()
	b := w.browser(t)
	var p page
	if !soon(patience(), func() bool { p = b.get(path); return p.StatusCode == 200 && strings.Contains(p.body, text) }) {
		t.Fatalf("GET %s never has %q; last: %d %q", path, text, p.StatusCode, p.body)
	}
	return p
}

// fails waits until the app is answered for with the page of one that can't be loaded.
func (w *workshop) fails(t *testing.T, words ...string) {
	t.Helper()
	b := w.browser(t)
	var p page
	has := func(body string, words []string) bool {
		for _, word := range words {
			if !strings.Contains(body, word) {
				return false
			}
		}
		return true
	}
	if !soon(patience(), func() bool { p = b.get("/"); return p.StatusCode == 500 && has(p.body, words) }) {
		t.Fatalf("the page never has %q; last: %d %q", words, p.StatusCode, p.body)
	}
	if !strings.HasPrefix(p.Header.Get("Content-Type"), "text/plain") || p.Header.Get("Cache-Control") != "no-store" {
		t.Errorf("headers %v", p.Header)
	}
}

// Clause: "edit -> new response", by another process, and "the log names the file".
func TestDevEdit(t *testing.T) {
	t.Parallel()
	w := develop(t, dev, "app.py", devApp, "text.py", "TEXT = 'one'\n")
	old := w.shows(t, "/", "one").body
	n := w.log.len()
	w.save(t, "text.py", "TEXT = 'two'\n")
	if p := w.shows(t, "/", "two"); strings.Fields(p.body)[1] == strings.Fields(old)[1] {
		t.Errorf("the old process has new code: %q, %q", old, p.body)
	}
	w.log.waitSince(t, n, "INFO reloading", "changed=text.py")
	w.save(t, "app.py", strings.Replace(devApp, "%s", "<%s>", 1))
	w.shows(t, "/", "<two>")
	w.finish(t)
}

// Clause: all the failures, at a reload and at the first start: "leaves the server up", and "the next save that helps
// brings the app back".
func TestDevFailures(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		broken string
		words  []string
	}{
		"syntax":    {"TEXT = (\n", []string{"SyntaxError", "text.py", "> 1  TEXT = ("}},
		"name":      {"a = 1\nTEXT = missing_name\n", []string{"NameError: name 'missing_name' is not defined", "text.py", "> 2  TEXT = missing_name"}},
		"module":    {"import no_such_module_here\n", []string{"ModuleNotFoundError", "no_such_module_here"}},
		"sys.exit":  {"import sys\nsys.exit(3)\n", []string{"it called sys.exit(3)"}},
		"os._exit":  {"import os\nos._exit(7)\n", []string{"the worker process ended before the app was loaded: exit code 7"}},
		"crash":     {"import os\nos.kill(os.getpid(), 9)\n", []string{"the worker process ended before the app was loaded: SIGKILL"}},
		"attribute": {},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if name == "attribute" { // the callable, which app.py lacks
				w := develop(t, dev, "app.py", "application2 = 1\n")
				w.fails(t, `app has no "app"`)
				w.save(t, "app.py", bare("app", "there"))
				w.shows(t, "/", "there")
				w.finishWith(t, 1)
				return
			}
			w := develop(t, dev, "app.py", devApp, "text.py", test.broken)
			w.fails(t, test.words...)
			w.log.wait(t, "ERROR the app can't be loaded")
			for _, good := range []string{"first", "second"} {
				w.save(t, "text.py", "TEXT = '"+good+"'\n")
				w.shows(t, "/", good)
				n := w.log.len()
				w.save(t, "text.py", test.broken)
				w.fails(t, test.words...)
				w.log.waitSince(t, n, "ERROR the app can't be loaded")
			}
			w.save(t, "text.py", "TEXT = 'last'\n")
			w.shows(t, "/", "last")
			w.finishWith(t, 1)
		})
	}
}

// A module that is missing, comes.
func TestDevMissingModule(t *testing.T) {
	t.Parallel()
	w := develop(t, dev, "app.py", devApp)
	w.fails(t, "No module named 'text'")
	w.save(t, "text.py", "TEXT = 'there'\n")
	w.shows(t, "/", "there")
	w.save(t, "text.py", "TEXT = 'and watched'\n")
	w.shows(t, "/", "and watched")
	w.finishWith(t, 1)
}

// finishWith is finish for a server that had no process when it was ready, and has n now.
func (w *workshop) finishWith(t *testing.T, n int) {
	t.Helper()
	w.wantWorkers(t, n)
	w.base = takeCensus(w.pid())
	w.finish(t)
}

// Clause: "the browser gets a page (status 500, no-store, HTML-escaped, no external resources, CSP nonce) …, curl gets
// text, JSON clients get JSON"; "Only to loopback peers (others get a plain 503)".
func TestDevFailurePage(t *testing.T) {
	t.Parallel()
	w := develop(t, dev, "app.py", "raise ValueError('<b>bold</b> & \"quoted\"')\n")
	b := w.browser(t)
	p := b.get("/some/path", "Accept", "text/html,application/xhtml+xml,*/*;q=0.8")
	p.want(t, 500, "&lt;b&gt;bold&lt;/b&gt; &amp; &#34;quoted&#34;", "app.py", `class="here"`, `src="/__gowsgi__/reload.js?`)
	if policy := p.Header.Get("Content-Security-Policy"); !strings.Contains(policy, "default-src 'none'") || !strings.Contains(policy, "script-src 'nonce-") {
		t.Errorf("Content-Security-Policy %q", policy)
	}
	if strings.Contains(p.body, "<b>") || strings.Contains(p.body, "http://") || strings.Contains(p.body, "https://") {
		t.Errorf("not escaped, or something external: %q", p.body)
	}
	if p.Header.Get("Cache-Control") != "no-store" || !strings.HasPrefix(p.Header.Get("Content-Type"), "text/html") {
		t.Errorf("headers %v", p.Header)
	}
	if p := b.form("/", "a", "b"); p.StatusCode != 500 || strings.Contains(p.body, "reload.js") {
		t.Errorf("POST: %d %q", p.StatusCode, p.body)
	}
	p = b.get("/", "Accept", "application/json")
	p.want(t, 500, `"traceback": "Traceback (most recent call last):`, `"message"`)
	if !strings.HasPrefix(p.Header.Get("Content-Type"), "application/json") {
		t.Errorf("headers %v", p.Header)
	}
	for _, headers := range [][]string{{"X-Forwarded-For", "192.0.2.1"}, {"Forwarded", "for=192.0.2.1"}} {
		if p := b.get("/", headers...); p.StatusCode != 503 || strings.Contains(p.body, "bold") {
			t.Errorf("%q: %d %q", headers, p.StatusCode, p.body)
		}
		if p := b.get("/__gowsgi__/events", headers...); p.StatusCode != 404 {
			t.Errorf("%q: events: %d", headers, p.StatusCode)
		}
	}
	req, err := http.NewRequest("GET", b.base+"/", nil)
	req.Host = "evil.example"
	if p := b.do(req, err); p.StatusCode != 503 || strings.Contains(p.body, "bold") {
		t.Errorf("another site's name: %d %q", p.StatusCode, p.body)
	}
	w.finish(t)

	w = develop(t, []string{"--dev", "--dev-remote"}, "app.py", "raise ValueError('bold')\n")
	w.browser(t).get("/", "X-Forwarded-For", "192.0.2.1").want(t, 500, "bold")
	w.finish(t)
}

// An option that is wrong is no failure of the app: no save of its files helps.
func TestDevSetUp(t *testing.T) {
	t.Parallel()
	e := command(t, folder(t, "app.py", bare("app", "x")), nil, "--dev", "--http", "127.0.0.1:0", "--virtualenv", "/no/such", "app:app")
	e.want(t, 1, "/no/such")
}

// Clause: "new ones as they get imported later".
func TestDevImportedLater(t *testing.T) {
	t.Parallel()
	w := develop(t, dev, "app.py", "def app(environ, start_response):\n    import deep.later\n"+
		"    start_response('200 OK', [])\n    return [deep.later.TEXT.encode()]\n", "deep/__init__.py", "", "deep/later.py", "TEXT = 'one'\n")
	w.shows(t, "/", "one")
	// When the front knows of it can't be seen from outside: the file is saved until it does.
	i := 0
	eventually(t, "a module that was imported later is watched", func() bool {
		i++
		w.save(t, "deep/later.py", fmt.Sprintf("TEXT = 'two'\n%s", strings.Repeat("#", i)))
		return soon(time.Second/4, func() bool { return strings.Contains(w.log.String(), "changed=deep/later.py") })
	})
	w.shows(t, "/", "two")
	w.finish(t)
}

// Clause: "template change", also of a new one.
func TestDevTemplates(t *testing.T) {
	t.Parallel()
	w := develop(t, dev, "app.py", "from flask import Flask, Blueprint, render_template\n"+
		"b = Blueprint('b', __name__, template_folder='other')\n@b.get('/b')\ndef b1():\n    return render_template('b.html')\n"+
		"def create():\n    app = Flask(__name__)\n    app.register_blueprint(b)\n    app.add_url_rule('/', 'i', lambda: render_template('i.html'))\n"+
		"    return app\napp = create()\n", "templates/i.html", "one", "other/b.html", "b one")
	w.shows(t, "/", "one")
	w.shows(t, "/b", "b one")
	w.save(t, "templates/i.html", "two {% include 'sub/new.html' ignore missing %}")
	w.shows(t, "/", "two")
	w.save(t, "templates/sub/new.html", "three")
	w.shows(t, "/", "two three")
	w.save(t, "other/b.html", "b two")
	w.shows(t, "/b", "b two")
	w.finish(t)
}

// Clause: "editors' rename-saves", "symlinks resolved", "`.env`", "`--watch GLOB`".
func TestDevWatched(t *testing.T) {
	t.Parallel()
	read := "import glob\nTEXT = '|'.join(open(f).read() for f in sorted(glob.glob('conf/*/*.yaml')))\n" +
		"try: TEXT += open('.env').read()\nexcept OSError: pass\n"
	w := develop(t, []string{"--dev", "--watch", "conf/**/*.yaml"}, "app.py", devApp, "real/text.py", "TEXT = 'one'\n", "conf/a/a.yaml", "yaml one")
	w.fails(t, "No module named 'text'")
	if err := os.Symlink("real/text.py", filepath.Join(w.dir, "text.py")); err != nil {
		t.Fatal(err)
	}
	w.shows(t, "/", "one")
	w.save(t, "real/text.py", "TEXT = 'behind a link'\n")
	w.shows(t, "/", "behind a link")

	w.save(t, "real/.text.py.swp", read)
	if err := os.Rename(filepath.Join(w.dir, "real/.text.py.swp"), filepath.Join(w.dir, "real/text.py")); err != nil {
		t.Fatal(err)
	}
	w.shows(t, "/", "yaml one")
	before := w.log.len()
	w.save(t, "conf/a/a.yaml", "yaml two")
	w.shows(t, "/", "yaml two")
	w.log.waitSince(t, before, "INFO reloaded")
	w.save(t, "conf/b/new.yaml", "yaml new")
	w.shows(t, "/", "yaml two|yaml new")
	w.save(t, ".env", "A=env")
	w.shows(t, "/", "A=env")
	n := w.log.len()
	w.save(t, "pyproject.toml", "")
	w.log.waitSince(t, n, "changed=pyproject.toml")
	w.finishWith(t, 1)
}

// Python would take bytecode of a source of the same second and size.
func TestDevStaleBytecode(t *testing.T) {
	t.Parallel()
	dir := folder(t, "app.py", devApp, "text.py", "TEXT = 'old'\n")
	text := filepath.Join(dir, "text.py")
	second := time.Now().Truncate(time.Second)
	stamp := func(at time.Time) {
		t.Helper()
		if err := os.Chtimes(text, at, at); err != nil {
			t.Fatal(err)
		}
	}
	stamp(second.Add(100 * time.Millisecond))
	compile := exec.Command(filepath.Join(venv, "bin", "python"), "-m", "compileall", "-q", ".")
	compile.Dir = dir
	if out, err := compile.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	if err := os.WriteFile(text, []byte("TEXT = 'new'\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	stamp(second.Add(900 * time.Millisecond))
	plain := exec.Command(filepath.Join(venv, "bin", "python"), "-c", "import text; print(text.TEXT)")
	plain.Dir = dir
	if out, err := plain.CombinedOutput(); err != nil || string(out) != "old\n" {
		t.Fatalf("the trap is no trap: %v, %q", err, out)
	}
	c := startCrew(t, launch{Bare: true, Dir: dir, Args: []string{"--http", "127.0.0.1:0", "app:app", "--dev"}})
	(&workshop{c, dir}).browser(t).get("/").want(t, 200, "new")
	c.finish(t)
}

// Clause: "`--py-autoreload[=N]` alone turns reloading on in the master shape": as at SIGHUP, the old ones go on.
func TestAutoreload(t *testing.T) {
	t.Parallel()
	for _, option := range []string{"--py-autoreload", "--python-auto-reload=0.1"} {
		t.Run(option, func(t *testing.T) {
			t.Parallel()
			w := develop(t, []string{option}, "app.py", devApp, "text.py", "TEXT = 'one'\n")
			w.shows(t, "/", "one")
			n := w.log.len()
			w.save(t, "text.py", "TEXT = (\n")
			w.log.waitSince(t, n, "the reload has failed")
			w.browser(t).get("/").want(t, 200, "one")
			w.save(t, "text.py", "TEXT = 'two'\n")
			w.shows(t, "/", "two")
			if p := w.browser(t).get("/__gowsgi__/reload.js"); !strings.Contains(p.body, "two") {
				t.Errorf("without --dev a path is not the app's: %d %q", p.StatusCode, p.body)
			}
			w.finish(t)
		})
	}
}

// readAll is a response's body; what can't be read of it is missed by who looks at it.
func readAll(resp *http.Response) string {
	defer resp.Body.Close()
	var body strings.Builder
	_, _ = io.Copy(&body, resp.Body)
	return body.String()
}
