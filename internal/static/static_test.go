package static

import (
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// tree makes the files that the tests look for.
//
//	root/      what is served
//	outside/   what is not, and holds "secret"
//	safe/      what is not, if static-safe doesn't say so
func tree(t testing.TB) string {
	t.Helper()
	dir, err := filepath.EvalSymlinks(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	for name, content := range map[string]string{
		"root/a.css": "css", "root/b.txt": "text", "root/x.php": "php", "root/noext": "bytes", "root/.dot": "dot",
		"root/sub/index.html": "index", "root/sub/c.js": "js", "root/empty/.keep": "", "root/s p+%41.txt": "odd",
		"root2/assets/d.css": "kept", "root2/e.css": "second", "root/none.qqq": "unknown",
		"outside/secret": "secret", "safe/f.txt": "safe", "safe/dir/index.html": "safe index", "root-2/near": "secret",
	} {
		name = filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(name, []byte(content), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	for link, to := range map[string]string{
		"in.css": "a.css", "in-abs.css": filepath.Join(dir, "root/a.css"), "in-dir": "sub", "up.css": "sub/../a.css",
		"out": "../outside/secret", "out-abs": filepath.Join(dir, "outside/secret"), "out-dir": "../outside",
		"out-root": "/", "near": "../root-2/near", "loop": "loop", "dangling": "nothing",
		"safe": "../safe/f.txt", "safe-abs": filepath.Join(dir, "safe/f.txt"), "safe-dir": "../safe", "hidden.txt": "x.php",
		"php.php": "b.txt",
	} {
		if err := os.Symlink(to, filepath.Join(dir, "root", link)); err != nil {
			t.Fatal(err)
		}
	}
	if err := syscall.Mkfifo(filepath.Join(dir, "root/fifo"), 0o600); err != nil {
		t.Fatal(err)
	}
	if l, err := net.Listen("unix", filepath.Join(dir, "root/sock")); err == nil { // where names are short enough
		t.Cleanup(func() { _ = l.Close() })
	}
	return dir
}

// newFiles is New for a config that is right.
func newFiles(t testing.TB, c Config) *Files {
	t.Helper()
	f, err := New(c)
	if err != nil {
		t.Fatal(err)
	}
	return f
}

// look is what there is for a path; "MISS" for nothing.
func look(t testing.TB, f *Files, path string) string {
	t.Helper()
	file := f.find(path)
	if file == nil {
		return "MISS"
	}
	defer file.Close()
	if !f.Match([]byte(path)) {
		t.Errorf("%q has a file but does not match", path)
	}
	b, err := io.ReadAll(file)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func TestFind(t *testing.T) {
	dir := tree(t)
	f := newFiles(t, Config{
		Maps: []string{
			"/s=" + dir + "/root", "/s=" + dir + "/root2", "/slash/=" + dir + "/root", "/one.css=" + dir + "/root/a.css",
			"/link.css=" + dir + "/root/in-abs.css", "/later=" + dir + "/later",
		},
		Maps2: []string{"/assets=" + dir + "/root2"},
		Index: []string{"missing.html", "index.html"}, SkipExt: []string{".php"},
	})
	for path, want := range map[string]string{
		"/s/a.css": "css", "/s/noext": "bytes", "/s/.dot": "dot", "/s/sub/c.js": "js", "/slash/a.css": "css", "/s/s p+%41.txt": "odd",
		"/s/e.css": "second", // the second directory of the mount
		"/one.css": "css", "/link.css": "css", "/assets/d.css": "kept",
		"/s//a.css": "css", "/s/./a.css": "css", "/s/sub//": "index",
		"/s/sub": "index", "/s/sub/": "index", "/s/in-dir/": "index", "/s/in-dir/c.js": "js",
		"/s/in.css": "css", "/s/in-abs.css": "css", "/s/up.css": "css",

		"": "MISS", "/": "MISS", "*": "MISS", "/s": "MISS", "/s/": "MISS", "s/a.css": "MISS", "/a.css": "MISS",
		"/sa.css": "MISS", "/s-2/near": "MISS", // a mount ends with a segment
		"/s/nothing": "MISS", "/s/a.css/": "MISS", "/s/a.css/x": "MISS", "/one.css/": "MISS", "/one.css/x": "MISS",
		"/s/empty": "MISS", "/s/empty/": "MISS", "/assets/e.css": "MISS", "/later/x": "MISS",
		"/s/x.php": "MISS", "/s/hidden.txt": "MISS", "/s/X.PHP": "MISS", "/s/php.php": "MISS",
		"/s/a.css\x00": "MISS", "/s/\x00": "MISS", "/s/" + strings.Repeat("x", 5000): "MISS",
		"/s/..": "MISS", "/s/../root/a.css": "MISS", "/s/sub/../a.css": "MISS", "/s/../../../../../../etc/passwd": "MISS",
		"/s//etc/passwd": "MISS", "/s/..\\outside": "MISS",
		"/s/out": "MISS", "/s/out-abs": "MISS", "/s/out-dir/secret": "MISS", "/s/out-root/etc/passwd": "MISS", "/s/near": "MISS",
		"/s/loop": "MISS", "/s/dangling": "MISS", "/s/safe": "MISS", "/s/safe-abs": "MISS", "/s/safe-dir/f.txt": "MISS",
		"/s/fifo": "MISS", "/s/sock": "MISS", "/s/fifo/": "MISS",
	} {
		if got := look(t, f, path); got != want {
			t.Errorf("%q: %q, want %q", path, got, want)
		}
	}
}

func TestSafe(t *testing.T) {
	dir := tree(t)
	f := newFiles(t, Config{Maps: []string{"/s=" + dir + "/root"}, Safe: []string{dir + "/nothing", dir + "/safe"}, Index: []string{"index.html"}})
	for path, want := range map[string]string{
		"/s/safe": "safe", "/s/safe-abs": "safe", "/s/safe-dir/f.txt": "safe", "/s/safe-dir/dir/": "safe index", "/s/safe-dir/dir": "safe index",
		"/s/safe-dir/f.txt/": "MISS", "/s/safe-dir/../safe/f.txt": "MISS", "/s/safe-dir/none": "MISS",
		"/s/out": "MISS", "/s/out-abs": "MISS", "/s/out-dir/secret": "MISS", "/s/out-root/etc/passwd": "MISS", "/s/near": "MISS",
	} {
		if got := look(t, f, path); got != want {
			t.Errorf("%q: %q, want %q", path, got, want)
		}
	}
}

// uWSGI's order: check-static, the maps as they stand, then the maps of the other kind.
func TestOrder(t *testing.T) {
	dir := t.TempDir()
	for _, name := range []string{"check", "map", "map-b", "map2"} {
		for _, at := range []string{name, name + "/s"} {
			if err := os.MkdirAll(filepath.Join(dir, at), 0o755); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(filepath.Join(dir, at, "f"), []byte(name), 0o644); err != nil {
				t.Fatal(err)
			}
		}
	}
	f := newFiles(t, Config{Maps: []string{"/s=" + dir + "/map", "/s=" + dir + "/map-b"}, Maps2: []string{"/s=" + dir + "/map2"}, Check: []string{dir + "/check"}})
	for _, want := range []string{"check", "map", "map-b", "map2", "MISS"} {
		if got := look(t, f, "/s/f"); got != want {
			t.Errorf("%q, want %q", got, want)
		}
		_ = os.RemoveAll(filepath.Join(dir, want))
	}
}

// A directory that is replaced, as by a deployment, is found anew.
func TestDirectoryIsReplaced(t *testing.T) {
	dir := t.TempDir()
	current := filepath.Join(dir, "current")
	f := newFiles(t, Config{Check: []string{current}})
	if len(f.Warnings) != 1 || look(t, f, "/f") != "MISS" {
		t.Errorf("warnings %q", f.Warnings)
	}
	for _, name := range []string{"one", "two"} {
		if err := os.MkdirAll(filepath.Join(dir, name), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, name, "f"), []byte(name), 0o644); err != nil {
			t.Fatal(err)
		}
		_ = os.Remove(current)
		if err := os.Symlink(name, current); err != nil {
			t.Fatal(err)
		}
		if got := look(t, f, "/f"); got != name {
			t.Errorf("%q, want %q", got, name)
		}
	}
}

func TestServe(t *testing.T) {
	dir := tree(t)
	types := filepath.Join(dir, "types")
	if err := os.WriteFile(types, []byte("# a comment\ntext/x-own  qqq CSS # and another\nbroken\nnot-a-type zzz\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	when := time.Date(2026, 11, 1, 12, 0, 0, 0, time.UTC)
	if err := os.Chtimes(filepath.Join(dir, "root/b.txt"), when, when); err != nil {
		t.Fatal(err)
	}
	f := newFiles(t, Config{
		Maps: []string{"/s=" + dir + "/root"}, MimeFiles: []string{types},
		Expires:     []string{`a\.css$ 100`, `with space$ 1`},
		ExpiresURI:  []string{`^/s/sub/ 200`},
		ExpiresType: []string{"text/plain=300"},
	})
	tests := []struct {
		path, kind, cache string
	}{
		{"/s/a.css", "text/x-own", "max-age=100"},
		{"/s/none.qqq", "text/x-own", ""},
		{"/s/sub/c.js", "", "max-age=200"}, // its type is the system's
		{"/s/b.txt", "text/plain", "max-age=300"},
		{"/s/noext", "none", ""},
	}
	for _, test := range tests {
		w := httptest.NewRecorder()
		if !f.Serve(w, httptest.NewRequest("GET", test.path, nil)) {
			t.Errorf("%s: not served", test.path)
			continue
		}
		kinds, given := w.Header()["Content-Type"]
		switch {
		case test.kind == "none" && len(kinds) > 0:
			t.Errorf("%s: type %q, want none", test.path, kinds)
		case test.kind == "" && (!given || len(kinds) != 1 || !strings.Contains(kinds[0], "javascript")):
			t.Errorf("%s: type %q", test.path, kinds)
		case test.kind != "" && test.kind != "none" && w.Header().Get("Content-Type") != test.kind && !strings.HasPrefix(w.Header().Get("Content-Type"), test.kind+";"):
			t.Errorf("%s: type %q, want %s", test.path, kinds, test.kind)
		}
		if got := w.Header().Get("Cache-Control"); got != test.cache || (w.Header().Get("Expires") == "") != (test.cache == "") {
			t.Errorf("%s: Cache-Control %q, Expires %q, want %q", test.path, got, w.Header().Get("Expires"), test.cache)
		}
		if w.Header().Get("Etag") == "" || w.Header().Get("Last-Modified") == "" || w.Code != http.StatusOK {
			t.Errorf("%s: %d %v", test.path, w.Code, w.Header())
		}
	}
	r := httptest.NewRequest("GET", "/s/b.txt", nil)
	w := httptest.NewRecorder()
	f.Serve(w, r)
	if got := w.Header().Get("Last-Modified"); got != "Sun, 01 Nov 2026 12:00:00 GMT" {
		t.Errorf("Last-Modified %q", got)
	}
	r.Header.Set("If-None-Match", w.Header().Get("Etag"))
	if w = httptest.NewRecorder(); !f.Serve(w, r) || w.Code != http.StatusNotModified {
		t.Errorf("with its ETag: %d", w.Code)
	}
	if f.Serve(httptest.NewRecorder(), httptest.NewRequest("GET", "/s/none", nil)) {
		t.Error("a file that is not there was served")
	}
}

func TestMistakes(t *testing.T) {
	dir := tree(t)
	tests := []struct {
		name   string
		config Config
		want   string
	}{
		{"no mount", Config{Maps: []string{dir}}, "--static-map " + dir + ": want a path that starts with / and a directory or file"},
		{"no slash", Config{Maps: []string{"s=" + dir}}, "want a path that starts with /"},
		{"no directory", Config{Maps2: []string{"/s="}}, "--static-map2 /s=: want a path"},
		{"dots", Config{Maps: []string{"/s/../t=" + dir}}, "which no request matches"},
		{"device", Config{Maps: []string{"/n=/dev/null"}}, "--static-map /dev/null: want a directory or a regular file"},
		{"map2 of a file", Config{Maps2: []string{"/s=" + dir + "/root/a.css"}}, "want a directory"},
		{"check a file", Config{Check: []string{dir + "/root/a.css"}}, "--check-static " + dir + "/root/a.css: want a directory"},
		{"check nothing", Config{Check: []string{""}}, "--check-static: want a directory"},
		{"index path", Config{Index: []string{"a/b"}}, "--static-index a/b: want the name of a file"},
		{"index up", Config{Index: []string{".."}}, "--static-index ..: want the name of a file"},
		{"expires word", Config{Expires: []string{"css"}}, "--static-expires css: want a regular expression and seconds"},
		{"expires number", Config{Expires: []string{"css x"}}, "x is no number of seconds"},
		{"expires long", Config{Expires: []string{"css 4000000000"}}, "4000000000 is no number of seconds"},
		{"expires regex", Config{ExpiresURI: []string{"( 1"}}, "--static-expires-uri ( 1: error parsing regexp: missing closing )"},
		{"expires type", Config{ExpiresType: []string{"css=1"}}, "--static-expires-type css=1: want a type and seconds"},
		{"expires negative", Config{ExpiresType: []string{"text/css=-1"}}, "want a type and seconds"},
		{"types", Config{MimeFiles: []string{dir + "/none"}}, "--mime-file " + dir + "/none: no such file or directory"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			if _, err := New(test.config); err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("error %v, want %q in it", err, test.want)
			}
		})
	}
}

func TestMatchAllocatesNothing(t *testing.T) {
	dir := tree(t)
	f := newFiles(t, Config{Maps: []string{"/s=" + dir + "/root", "/t=" + dir + "/root"}})
	path := []byte("/app/page")
	if n := testing.AllocsPerRun(100, func() { f.Match(path) }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

// FuzzResolve: whatever is asked for, what is opened is a regular file of the directory, by its real path.
func FuzzResolve(f *testing.F) {
	for _, seed := range []string{
		"/s/a.css", "/s/../outside/secret", "/s/out", "/s/out-dir/secret", "/s/in-dir/../../outside/secret", "/s/out-root/etc/passwd",
		"/s//", "/s/\x00", "/s/sub/.", "/s/safe-dir/dir", "/s/in-abs.css", "/k/assets/d.css", "/s/fifo", "/s/./out-abs", "/one/../..",
	} {
		f.Add(seed)
	}
	dir := tree(f)
	files := newFiles(f, Config{
		Maps: []string{"/s=" + dir + "/root"}, Maps2: []string{"/assets=" + dir + "/root2"}, Check: []string{dir + "/root2"},
		Index: []string{"index.html", "secret", "passwd"},
	})
	f.Fuzz(func(t *testing.T, path string) {
		file := files.find(path)
		if file == nil {
			return
		}
		defer file.Close()
		if !files.Match([]byte(path)) {
			t.Errorf("%q has a file but does not match", path)
		}
		real, err := filepath.EvalSymlinks(file.name)
		if err != nil {
			t.Fatal(err)
		}
		info, err := os.Stat(real)
		if err != nil || !os.SameFile(info, file.info) || !info.Mode().IsRegular() {
			t.Errorf("%q opened something else than %s", path, real)
		}
		if !strings.HasPrefix(real, dir+"/root/") && !strings.HasPrefix(real, dir+"/root2/") {
			t.Errorf("%q opened %s", path, real)
		}
	})
}
