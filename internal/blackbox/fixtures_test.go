package blackbox

import (
	"fmt"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
)

// fixture is a way in which uWSGI is started in the wild, with the files that it takes: a folder
// in testdata/uwsgi. {PORT} in its words is a free port, which $(PORT) is, too.
type fixture struct {
	dir    string
	words  string // what follows uwsgi, or gowsgi, on the command line
	socket string // where to ask by the uwsgi protocol; without it by HTTP on the port
	paths  []string
	root   bool // needs the right to become another user
	daemon bool // leaves the terminal; its pidfile is uwsgi.pid

	// unlike is what the two answer differently, and why: path, uWSGI, gowsgi, reason.
	unlike [][4]string
	// check looks at what else the fixture asks for, in the scratch copy, while the program runs.
	check func(t *testing.T, f *running)
}

// Clause: "the ten fixture shapes of uwsgi.md §1c as files in testdata, each started by both".
var fixtures = []fixture{
	{dir: "01-quickstart", words: "--http :{PORT} --wsgi-file app.py --callable app --master --processes 4 --threads 2 --stats {STATS}", check: statsOf(4)},
	{dir: "02-tutorial", words: "myproject.ini", socket: "myproject.sock", check: modeOf("myproject.sock", 0o660)},
	{dir: "02-tutorial", words: "--ini myproject.ini", socket: "myproject.sock"},
	{dir: "02-tutorial", words: "--ini myproject.ini:uwsgi", socket: "myproject.sock"},
	{dir: "03-heroku", words: "uwsgi.ini"},
	{dir: "03-heroku", words: "commented.ini", unlike: [][4]string{
		{"*", "500 Internal Server Error", "200 heroku", "uWSGI keeps the comment in the value and finds no callable of that name"},
	}},
	{dir: "04-panel", words: "uwsgi.ini", root: true, daemon: true, check: userIsPanels},
	{dir: "05-placeholders", words: "--ini uwsgi.ini", check: logged05},
	{dir: "06-dev-server", words: "--socket 0.0.0.0:{PORT} --protocol http -w run:app --py-autoreload=1 --worker-reload-mercy=1"},
	{
		dir: "07-mount", words: "-s myapp.sock --manage-script-name --mount /yourapplication=myapp:app", socket: "myapp.sock",
		paths: []string{"/yourapplication", "/yourapplication/", "/yourapplication/a/b", "/yourapplicationx", "/"},
		unlike: [][4]string{
			{"/yourapplicationx", "200 myapp GET /yourapplicationx at ", "404", "uWSGI gives the first mounted app all other paths, too"},
			{"/", "200 myapp GET / at ", "404", "uWSGI gives the first mounted app all other paths, too"},
		},
	},
	{dir: "08-strict", words: "--ini uwsgi.ini"},
	{dir: "09-conditions", words: "uwsgi.ini"},
	{dir: "10-broken", words: "conflict.ini"},
	{dir: "10-broken", words: "typos.ini"},
	{dir: "10-broken", words: "uwsgi.ini"},
}

// running is a fixture that one of the two programs serves.
type running struct {
	dir   string // the scratch copy
	port  string
	stats string
	pid   int

	ours bool // it is gowsgi
}

// Each fixture is started by uWSGI and by gowsgi with the same words, and answers the same.
func TestFixtures(t *testing.T) {
	if testing.Short() {
		t.Skip("compared once, in the full run")
	}
	t.Parallel()
	uwsgi := peer(t, "GOWSGI_UWSGI", "uWSGI")
	for _, f := range fixtures {
		t.Run(f.dir+" "+f.words, func(t *testing.T) {
			if f.root && os.Getuid() != 0 {
				t.Skip("only root can become another user")
			}
			u, g := f.serve(t, uwsgi), f.serve(t, binary)
			for i, path := range f.asked() {
				f.compare(t, path, u[i], g[i])
			}
		})
	}
}

// asked are the paths that are asked for.
func (f fixture) asked() []string {
	if f.paths == nil {
		return []string{"/", "/some/path?a=b"}
	}
	return f.paths
}

// compare asserts that two answers are the same, or differ as it is written down.
func (f fixture) compare(t *testing.T, path, uwsgi, gowsgi string) {
	t.Helper()
	for _, u := range f.unlike {
		if u[0] == path || u[0] == "*" {
			if !strings.HasPrefix(uwsgi, u[1]) || !strings.HasPrefix(gowsgi, u[2]) {
				t.Errorf("%s: uWSGI answers %q, gowsgi %q; expected are %q and %q, since %s", path, uwsgi, gowsgi, u[1], u[2], u[3])
			}
			return
		}
	}
	if uwsgi != gowsgi || !strings.HasPrefix(uwsgi, "200 ") {
		t.Errorf("%s: uWSGI answers %q, gowsgi %q", path, uwsgi, gowsgi)
	}
}

// serve starts a program on a copy of the fixture, asks for all paths, and ends it.
func (f fixture) serve(t *testing.T, program string) (answers []string) {
	t.Helper()
	r := &running{dir: f.copy(t), ours: program == binary}
	_, r.port, _ = strings.Cut(ownAddress(), ":")
	r.stats = ownAddress()
	words := strings.NewReplacer("{PORT}", r.port, "{STATS}", r.stats).Replace(f.words)
	cmd := exec.Command(program, strings.Fields(words)...)
	cmd.Dir = r.dir
	cmd.Env = append(environ(t.TempDir()), "PORT="+r.port, "VIRTUAL_ENV="+venv, "PANEL_USER="+panelUser(t))
	p := spawn(t, cmd)
	addr := "127.0.0.1:" + r.port
	if f.socket != "" {
		addr = filepath.Join(r.dir, f.socket)
	}
	if f.daemon {
		r.pid = r.daemon(t, p, addr)
	} else {
		p.answers(t, addr)
		r.pid = p.Process.Pid
	}
	for _, path := range f.asked() {
		answers = append(answers, f.ask(t, addr, path))
	}
	if f.check != nil {
		f.check(t, r)
	}
	if f.daemon {
		r.stop(t, program)
		return answers
	}
	if program != binary {
		return answers // uWSGI is killed at the test's end: its own end is not under test
	}
	p.end(t)
	if f.socket != "" {
		if _, err := os.Stat(addr); err == nil {
			t.Errorf("%s stays behind", addr)
		}
	}
	return answers
}

// copy copies the fixture to where another user can read it.
func (f fixture) copy(t *testing.T) string {
	t.Helper()
	dir := socketDir(t)
	if err := os.CopyFS(dir, os.DirFS(filepath.Join(repo, "testdata", "uwsgi", f.dir))); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(dir, 0o777); err != nil { //nolint:gosec // another user writes there
		t.Fatal(err)
	}
	if err := os.Symlink(venv, filepath.Join(dir, "venv")); err != nil {
		t.Fatal(err)
	}
	return dir
}

// ask is the answer to a GET: its status and body, or only the status if that is no success.
func (f fixture) ask(t *testing.T, addr, path string) string {
	t.Helper()
	c := dialPeer(t, addr)
	defer c.Close()
	raw := "GET " + path + " HTTP/1.1\r\nHost: fixture\r\n\r\n"
	if f.socket != "" {
		raw = string(packetOf(raw).bytes())
	}
	c.send(raw)
	r, err := c.tryResponse("GET")
	if err != nil {
		return noAnswer
	}
	if r.Status != 200 {
		return fmt.Sprintf("%d %s", r.Status, r.Reason)
	}
	return "200 " + string(r.Body)
}

// daemon waits for a server that has left the terminal, and is its pid.
func (r *running) daemon(t *testing.T, p *spawned, addr string) (pid int) {
	t.Helper()
	select {
	case <-p.exited:
	case <-after(30):
		t.Fatalf("%q stays in the foreground", p.Args)
	}
	if !p.ProcessState.Success() {
		t.Fatalf("%q: %v\n%s", p.Args, p.ProcessState, r.log())
	}
	eventually(t, "the daemon answers: "+r.log(), func() bool { return listens("tcp", addr) })
	text, err := os.ReadFile(filepath.Join(r.dir, "uwsgi.pid"))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := fmt.Sscan(string(text), &pid); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if pid > 1 && t.Failed() {
			for _, p := range descendants(pid) {
				_ = syscall.Kill(p.pid, syscall.SIGKILL)
			}
			_ = syscall.Kill(pid, syscall.SIGKILL)
			t.Logf("its log:\n%s", r.log())
		}
	})
	return pid
}

func (r *running) log() string {
	text, _ := os.ReadFile(filepath.Join(r.dir, "uwsgi.log"))
	return string(text)
}

// stop ends a daemon by its pidfile, and asserts that nothing of it is left.
func (r *running) stop(t *testing.T, program string) {
	t.Helper()
	family := descendants(r.pid)
	cmd := exec.Command(program, "--stop", filepath.Join(r.dir, "uwsgi.pid"))
	cmd.Env = environ(t.TempDir())
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("--stop: %v: %s", err, out)
	}
	var left []process
	ended := soon(patience(), func() bool { left = survivors(r.pid, family); return len(left) == 0 })
	if !r.ours {
		for _, p := range left {
			_ = syscall.Kill(p.pid, syscall.SIGKILL)
		}
		return
	}
	if !ended {
		t.Errorf("processes left behind: %v\n%s", left, r.log())
	}
	if _, err := os.Stat(filepath.Join(r.dir, "uwsgi.pid")); err == nil {
		t.Error("vacuum leaves the pidfile")
	}
}

// statsOf asserts that the stats have so many workers.
func statsOf(workers int) func(*testing.T, *running) {
	return func(t *testing.T, r *running) {
		t.Helper()
		var d statsDoc
		eventually(t, "all workers are in the stats", func() bool {
			text := dialPeer(t, r.stats).rest()
			return unmarshal([]byte(text), &d) == nil && len(d.Workers) == workers
		})
	}
}

// modeOf asserts a file's mode.
func modeOf(name string, mode os.FileMode) func(*testing.T, *running) {
	return func(t *testing.T, r *running) {
		t.Helper()
		info, err := os.Stat(filepath.Join(r.dir, name))
		if err != nil {
			t.Fatal(err)
		}
		if info.Mode().Perm() != mode {
			t.Errorf("%s has mode %v, want %v", name, info.Mode().Perm(), mode)
		}
	}
}

// panelUser is www-data, if a Python that it may read is under test, and else root.
func panelUser(t *testing.T) string {
	t.Helper()
	u, err := user.Lookup("www-data")
	if err != nil || os.Getuid() != 0 {
		return "root"
	}
	uid, _ := strconv.Atoi(u.Uid)
	gid, _ := strconv.Atoi(u.Gid)
	cmd := exec.Command(filepath.Join(venv, "bin", "python"), "-c", "")
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}} //nolint:gosec // they are ids
	if cmd.Run() != nil {
		return "root"
	}
	return u.Username
}

// userIsPanels asserts that no process of the server is another user's.
func userIsPanels(t *testing.T, r *running) {
	t.Helper()
	u, err := user.Lookup(panelUser(t))
	if err != nil {
		t.Fatal(err)
	}
	family := []int{r.pid}
	for _, p := range descendants(r.pid) {
		family = append(family, p.pid)
	}
	for _, pid := range family {
		text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
		if err != nil {
			continue // it has just ended
		}
		_, uids, _ := strings.Cut(string(text), "\nUid:")
		for _, uid := range strings.Fields(uids)[:4] {
			if uid != u.Uid {
				t.Errorf("process %d has uid %s, want %s (%s)", pid, uid, u.Uid, u.Username)
			}
		}
	}
}

// logged05 asserts that the log is where the placeholders say.
func logged05(t *testing.T, r *running) {
	t.Helper()
	eventually(t, "the request is in uwsgi.log", func() bool { return strings.Contains(r.log(), "/some/path") })
}
