package blackbox

import (
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// startIni serves a folder by its uwsgi.ini, and waits until something listens at addr.
func startIni(t *testing.T, dir, addr string, words ...string) *spawned {
	t.Helper()
	cmd := exec.Command(binary, append(words, "uwsgi.ini")...)
	cmd.Dir, cmd.Env = dir, append(environ(t.TempDir()), "VIRTUAL_ENV="+venv)
	p := spawn(t, cmd)
	p.answers(t, addr)
	return p
}

// Clause: "uwsgitop and curl --unix-socket against it": a server of which uwsgi.ini says where it listens.
func TestUWSGITools(t *testing.T) {
	t.Parallel()
	dir := socketDir(t)
	put(t, dir, "app.py", bare("application", "over a socket"), "uwsgi.ini", `[uwsgi]
module = app
master = true
processes = 2
http-socket = %dhttp.sock
chmod-socket = 600
stats = %dstats.sock
vacuum = true
`)
	http, stats := filepath.Join(dir, "http.sock"), filepath.Join(dir, "stats.sock")
	p := startIni(t, dir, http)
	curl, err := exec.LookPath("curl")
	if err != nil {
		t.Skip("no curl")
	}
	for range 3 {
		out, err := exec.Command(curl, "--silent", "--show-error", "--fail", "--noproxy", "*", "--unix-socket", http, "http://localhost/x").CombinedOutput()
		if err != nil || string(out) != "over a socket" {
			t.Fatalf("curl: %v: %s", err, out)
		}
	}
	uwsgitop(t, "req: 3 =q", stats)
	p.end(t)
	for _, path := range []string{http, stats} {
		if listens("unix", path) {
			t.Errorf("something listens at %s", path)
		}
	}
	if left, _ := filepath.Glob(filepath.Join(dir, "*.sock")); len(left) > 0 {
		t.Errorf("left behind: %s", strings.Join(left, ", "))
	}
}
