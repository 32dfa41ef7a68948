package blackbox

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/kballard/go-shellquote"
)

// rights is an app that tells whose process it is in, and tries to be root again.
const rights = `import json, os
at_import = [os.getresuid(), os.getresgid(), os.getgroups()]
def app(environ, start_response):
    now = [os.getresuid(), os.getresgid(), os.getgroups()]
    try:
        os.setuid(0)
        root = True
    except OSError:
        root = False
    start_response('200 OK', [('Content-Type', 'application/json')])
    return [json.dumps({'now': str(now), 'at import': str(at_import), 'root': root, 'pid': os.getpid()}).encode()]
`

// nobody is whom the tests become. The numbers are Debian's, and most systems'.
var nobody = []string{"--uid", "nobody", "--gid", "daemon", "--add-gid", "bin"}

const nobodyIs = "[(65534, 65534, 65534), (1, 1, 1), [2]]"

// public makes a folder with files that every user may read.
func public(t *testing.T, files ...string) string {
	t.Helper()
	dir := socketDir(t)
	if err := os.Chmod(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	for i := 0; i < len(files); i += 2 {
		if err := os.WriteFile(filepath.Join(dir, files[i]), []byte(files[i+1]), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// forAll is a command that starts a server in a place where every user may read what it needs: where a directory
// above the Python, the program or the tests is its owner's alone, as /root is, there is another one in a mount
// namespace of its own, with nothing in it but those. On the machine nothing changes. The test is skipped without root.
func forAll(t *testing.T) []string {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("needs root")
	}
	var script strings.Builder
	keep := socketDir(t)
	line := func(words ...string) { script.WriteString(shellquote.Join(words...) + "\n") }
	line("set", "-e")
	line("mount", "-t", "tmpfs", "-o", "mode=755", "none", keep)
	barriers := map[string][]string{}
	for i, path := range subjectDirs(t) {
		if at := closed(path); at != "" {
			barriers[at] = append(barriers[at], path)
			hold := filepath.Join(keep, fmt.Sprint(i))
			line("mkdir", hold)
			line("mount", "--bind", path, hold)
		}
	}
	if len(barriers) == 0 {
		return nil
	}
	for at := range barriers {
		line("mount", "-t", "tmpfs", "-o", "mode=755", "none", at)
	}
	for i, path := range subjectDirs(t) {
		if at := closed(path); at != "" {
			line("mkdir", "-p", path)
			line("mount", "--bind", filepath.Join(keep, fmt.Sprint(i)), path)
		}
	}
	script.WriteString(`exec "$@"` + "\n")
	if out, err := exec.Command("unshare", "-m", "mount", "-t", "tmpfs", "none", keep).CombinedOutput(); err != nil {
		t.Skipf("%v are not for every user, and there are no mount namespaces here: %v: %s", barriers, err, out)
	}
	return []string{"unshare", "-m", "sh", "-c", script.String(), "sh"}
}

// subjectDirs are the directories that a server needs.
func subjectDirs(t *testing.T) []string {
	t.Helper()
	dirs := []string{repo, filepath.Dir(binary), venv}
	python, err := filepath.EvalSymlinks(filepath.Join(venv, "bin", "python"))
	if err != nil {
		t.Fatal(err)
	}
	// The Python's prefix, where its library and modules are. /usr is nobody's alone.
	return append(dirs, filepath.Dir(filepath.Dir(python)))
}

// closed is the outermost directory above path that others may not enter.
func closed(path string) string {
	found := ""
	for at := path; at != "/"; at = filepath.Dir(at) {
		if info, err := os.Stat(at); err == nil && info.Mode()&0o001 == 0 {
			found = at
		}
	}
	return found
}

// owner is "uid gid mode" of a file.
func owner(t *testing.T, path string) string {
	t.Helper()
	info, err := os.Lstat(path)
	if err != nil {
		t.Fatal(err)
	}
	st := info.Sys().(*syscall.Stat_t)
	return fmt.Sprintf("%d %d %o", st.Uid, st.Gid, info.Mode().Perm())
}

// wantNobody asserts that no thread of a process has anybody else's rights.
func wantNobody(t *testing.T, pid int) {
	t.Helper()
	tasks, _ := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/status", pid))
	seen := 0
	for _, task := range tasks {
		text, err := os.ReadFile(task)
		if err != nil {
			continue // it has ended
		}
		seen++
		for _, want := range []string{"Uid:\t65534\t65534\t65534\t65534\n", "Gid:\t1\t1\t1\t1\n", "Groups:\t2 \n", "CapPrm:\t0000000000000000\n", "CapEff:\t0000000000000000\n"} {
			if !strings.Contains(string(text), want) {
				t.Errorf("%s lacks %q:\n%s", task, want, text)
			}
		}
	}
	if seen < 2 {
		t.Errorf("%d threads of process %d were looked at", seen, pid)
	}
}

// wantRights asserts who the app is, and returns its process.
func (s *server) wantRights(t *testing.T) (pid int) {
	t.Helper()
	var r struct {
		Now      string `json:"now"`
		AtImport string `json:"at import"`
		Root     bool   `json:"root"`
		PID      int    `json:"pid"`
	}
	answer := s.get(t, "/")
	if err := json.Unmarshal(answer.Body, &r); err != nil {
		t.Fatal(err)
	}
	if r.Now != nobodyIs || r.AtImport != nobodyIs || r.Root {
		t.Errorf("the app is %+v, want %s", r, nobodyIs)
	}
	return r.PID
}

// Clause: "--uid, --gid: dropped after bind, before import; the front, too".
func TestUID(t *testing.T) {
	run(t, []string{"app"}, func(t *testing.T, v variant) {
		under := forAll(t)
		dir := public(t, "app.py", rights)
		args := append([]string{
			"--http", "127.0.0.1:0", "--http", "unix:sock", "--chown-socket", "bin:sys", "--chmod-socket=640", "--stats", "unix:stats",
			"--master-fifo", "fifo", "--pidfile", "pid", "--logto", "log", "-w", "app:app", "--auto-procname",
		}, nobody...)
		s := v.start(t, launch{Bare: true, Dir: dir, Under: under, Args: args})
		// All of them in a directory that is root's.
		for file, want := range map[string]string{
			"sock": "2 3 640", "stats": "65534 1 600", "fifo": "65534 1 600", "pid": "0 0 644", "log": "65534 1 640",
		} {
			if got := owner(t, filepath.Join(dir, file)); got != want {
				t.Errorf("%s is %s, want %s", file, got, want)
			}
		}
		pid := s.wantRights(t)
		wantNobody(t, s.pid())
		wantNobody(t, pid)
		wantName(t, s.pid(), map[string]string{"single": "gowsgi", "master": "gowsgi master"}[v.name], map[string]string{"single": "gowsgi", "master": "gowsgi master"}[v.name])
		log := filepath.Join(dir, "log")
		wantLogged(t, log, `INFO the process is this user's from now on user=nobody uid=65534 groups="[1 2]"`)
		if v.name == "master" {
			s.signal(t, syscall.SIGHUP) // the program can be run again
			wantLogged(t, log, "INFO reloaded")
			if now := s.wantRights(t); now == pid {
				t.Error("the process is the one from before")
			} else {
				wantNobody(t, now)
			}
		}
		// The new log would be in root's directory.
		if err := os.Rename(log, log+".1"); err != nil {
			t.Fatal(err)
		}
		s.signal(t, syscall.SIGUSR2)
		wantLogged(t, log+".1", "the old file goes on", "permission denied")
		s.wantRights(t)
		s.stop(t)
		// Nor can what is in there be removed: that is told, and no failure. The next start makes room.
		wantLogged(t, log+".1", "cannot remove the socket "+dir+"/sock: permission denied", "cannot remove the socket "+dir+"/stats", "cannot remove the FIFO",
			"cannot remove pidfile")
		next := v.start(t, launch{Bare: true, Dir: dir, Under: under, Args: args})
		next.wantRights(t)
	})
}

// Nobody's processes are killed with nobody's front, as root's are with root's.
func TestUIDOrphans(t *testing.T) {
	t.Parallel()
	under := forAll(t)
	c := startCrew(t, launch{
		Bare: true, Dir: public(t, "app.py", rights), Under: under,
		Args: append([]string{"--http", "127.0.0.1:0", "-w", "app:app", "-p", "2"}, nobody...),
	})
	c.wantWorkers(t, 2)
	c.signal(t, syscall.SIGHUP)
	c.log.wait(t, "INFO reloaded")
	before := c.workers()
	for _, p := range before {
		wantNobody(t, p.pid)
		kill(t, p.pid, syscall.SIGSTOP) // so that it is the kernel who kills it
	}
	c.signal(t, syscall.SIGKILL)
	c.wantEnd(t, patience())
	c.nothingLeft(t, c.known)
}

// What is in the user's own directory is removed at the end.
func TestUIDRemoves(t *testing.T) {
	run(t, []string{"app"}, func(t *testing.T, v variant) {
		under := forAll(t)
		dir := public(t, "app.py", rights)
		own := filepath.Join(dir, "own")
		if err := os.Mkdir(own, 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.Chown(own, 65534, 1); err != nil {
			t.Fatal(err)
		}
		s := v.start(t, launch{Bare: true, Dir: dir, Under: under, Args: append([]string{
			"--http", "127.0.0.1:0", "--http", "unix:own/sock", "--stats", "unix:own/stats", "--master-fifo", "own/fifo", "--pidfile", "own/pid",
			"--ready-file", "own/ready", "-w", "app:app",
		}, nobody...)})
		s.wantRights(t)
		s.stop(t)
		if left, err := os.ReadDir(own); len(left) > 0 || err != nil {
			t.Errorf("left behind: %v, %v; stderr:\n%s", left, err, s.log)
		}
		if strings.Contains(s.log.String(), "left behind") {
			t.Errorf("stderr:\n%s", s.log)
		}
	})
}

// The program may be started where its user may not be.
func TestUIDFromElsewhere(t *testing.T) {
	run(t, []string{"app"}, func(t *testing.T, v variant) {
		under := forAll(t)
		dir := public(t, "app.py", rights)
		if err := os.Mkdir(filepath.Join(dir, "closed"), 0o700); err != nil {
			t.Fatal(err)
		}
		for _, to := range []string{"..", dir} {
			s := v.start(t, launch{Bare: true, Dir: filepath.Join(dir, "closed"), Under: under, Args: append([]string{
				"--http", "127.0.0.1:0", "--chdir", to, "-w", "app:app",
			}, nobody...)})
			s.wantRights(t)
		}
		e := runUnder(t, under, filepath.Join(dir, "closed"), slices.Concat([]string{
			"--http", "127.0.0.1:0", "--virtualenv", venv, "--pythonpath", dir, "-w", "app:app",
		}, nobody, v.args)...)
		e.wantLine(t, 1, "the working directory "+dir+"/closed: user nobody may not read "+dir+"/closed ")
	})
}

// run runs gowsgi by a command until it ends.
func runUnder(t *testing.T, under []string, dir string, args ...string) ended {
	t.Helper()
	var stdout, stderr strings.Builder
	line := append(append(slices.Clone(under), binary), args...)
	cmd := exec.Command(line[0], line[1:]...)
	cmd.Dir, cmd.Env, cmd.Stdout, cmd.Stderr = dir, environ(dir), &stdout, &stderr
	err := cmd.Run()
	if exit := (*exec.ExitError)(nil); err != nil && !errors.As(err, &exit) {
		t.Fatal(err)
	}
	return ended{cmd.ProcessState.ExitCode(), stdout.String(), stderr.String()}
}

// What the user may not read, and who is no user, is told before Python starts.
func TestUIDRefused(t *testing.T) {
	t.Parallel()
	under := forAll(t)
	dir := public(t, "app.py", rights, "secret.py", rights)
	if err := os.Chmod(filepath.Join(dir, "secret.py"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"closed", "closed/app", "closed/venv", "closed/venv/bin"} {
		if err := os.Mkdir(filepath.Join(dir, name), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Chmod(filepath.Join(dir, "closed"), 0o700); err != nil {
		t.Fatal(err)
	}
	base := []string{"--http", "127.0.0.1:0", "--virtualenv", venv, "-w", "app:app"}
	for _, s := range shapes {
		for _, test := range []struct {
			args  []string
			words string
		}{
			{[]string{"--uid", "no one"}, "--uid no one: there is no such user"},
			{[]string{"--gid", "no group"}, "--gid no group: there is no such group"},
			{[]string{"--uid", "54321"}, "give --gid, too"},
			{[]string{"--uid", "nobody", "--chdir", "closed/app"}, "user nobody may not enter " + dir + "/closed "},
			{[]string{"--uid", "nobody", "--virtualenv", "closed/venv"}, "user nobody may not enter " + dir + "/closed "},
			{[]string{"--uid", "nobody", "--ready-file", "ready"}, "as user nobody: cannot write ready-file " + dir + "/ready: permission denied"},
			{[]string{"--chown-socket", "no one"}, "--chown-socket no one: there is no such user"},
		} {
			e := runUnder(t, under, dir, slices.Concat(base, s.args, test.args)...)
			e.wantLine(t, 1, test.words)
		}
		for missing, call := range map[string]string{"-setuid": "setuid", "-setgid": "setgroups"} {
			without := append(slices.Clone(under), "setpriv", "--bounding-set="+missing)
			e := runUnder(t, without, dir, slices.Concat(base, s.args, nobody)...)
			e.wantLine(t, 1, "cannot become user nobody with group 1: "+call+": operation not permitted")
		}
		e := runUnder(t, under, dir, append([]string{"--http", "127.0.0.1:0", "--virtualenv", venv, "--wsgi-file", "secret.py", "--uid", "nobody"}, s.args...)...)
		e.wantLine(t, 1, "--wsgi-file "+dir+"/secret.py: user nobody may not read "+dir+"/secret.py")
		if len(under) > 0 { // as the machine is, without the namespace
			e := runUnder(t, nil, dir, slices.Concat(base, s.args, []string{"--uid", "nobody"})...)
			e.wantLine(t, 1, "user nobody may not enter ")
		}
	}
}

// Who is not root can be itself and nobody else.
func TestUIDWithoutRoot(t *testing.T) {
	run(t, []string{"app"}, func(t *testing.T, v variant) {
		under := append(forAll(t), "setpriv", "--reuid=65534", "--regid=1", "--groups=2")
		dir := public(t, "app.py", rights)
		base := append([]string{"--http", "127.0.0.1:0", "-w", "app:app"}, v.args...)
		for _, args := range [][]string{{"--uid", "daemon"}, {"--uid", "root"}, {"--gid", "sys"}, {"--add-gid", "sys"}} {
			e := runUnder(t, under, dir, slices.Concat(base, []string{"--virtualenv", venv}, args)...)
			e.wantLine(t, 1, "can't become", "start gowsgi as root, or leave "+args[0]+" out")
		}
		for _, who := range [][]string{nobody, {"--uid", "nobody"}} { // whose own group is another one
			s := v.start(t, launch{Bare: true, Dir: dir, Under: under, Args: append([]string{"--http", "127.0.0.1:0", "-w", "app:app"}, who...)})
			s.wantRights(t)
		}
		e := runUnder(t, under, dir, append(base, "--virtualenv", venv, "--http", "unix:sock", "--chown-socket", "root")...)
		e.wantLine(t, 1, "cannot listen on")
	})
}

// A configuration of uWSGI's that is root's alone: it is read once.
func TestUIDConfiguration(t *testing.T) {
	run(t, []string{"app"}, func(t *testing.T, v variant) {
		under := forAll(t)
		dir := public(t, "app.py", rights)
		ini := `[uwsgi]
http-socket = 127.0.0.1:0
socket = app.sock
chmod-socket = 660
chown-socket = nobody:sys
module = app:app
uid = nobody
gid = daemon
add-gid = bin
umask = 077
vacuum = true
die-on-term = true
safe-pidfile = %d%n.pid
master-fifo = orders
`
		if err := os.WriteFile(filepath.Join(dir, "uwsgi.ini"), []byte(ini), 0o600); err != nil {
			t.Fatal(err)
		}
		s := v.start(t, launch{Bare: true, Dir: dir, Under: under, Args: []string{"uwsgi.ini"}})
		for file, want := range map[string]string{"app.sock": "65534 3 660", "uwsgi.pid": "0 0 644", "orders": "65534 1 600"} {
			if got := owner(t, filepath.Join(dir, file)); got != want {
				t.Errorf("%s is %s, want %s", file, got, want)
			}
		}
		before := s.wantRights(t)
		if v.name == "master" {
			command(t, dir, nil, "--reload", "uwsgi.pid").want(t, 0)
			s.log.wait(t, "INFO reloaded")
			if now := s.wantRights(t); now == before {
				t.Error("the process is the one from before")
			}
		}
		command(t, dir, nil, "--stop", "uwsgi.pid").want(t, 0)
		s.wantExit(t)
	})
}

// --check imports the app as its user, too, and as the one who checks where that can't be.
func TestUIDCheck(t *testing.T) {
	t.Parallel()
	under := forAll(t)
	dir := public(t, "app.py", "import os\nassert os.getuid() == 65534, os.getuid()\n"+bare("app", "x"))
	args := []string{"--check", "--virtualenv", venv, "-w", "app:app"}
	runUnder(t, under, dir, append(args, nobody...)...).want(t, 0, "the app loads")
	runUnder(t, under, dir, args...).want(t, 22, "AssertionError: 0")
	as := append(slices.Clone(under), "setpriv", "--reuid=65534", "--regid=1", "--groups=2")
	runUnder(t, as, dir, append(args, "--uid", "daemon")...).want(t, 0, "WARN --uid, --gid and --add-gid need root", "the app loads")
}

// Threads that wait are seen, though much of /proc/self is root's after the change.
func TestUIDThreads(t *testing.T) {
	run(t, []string{"app"}, func(t *testing.T, v variant) {
		under := forAll(t)
		dir := public(t, "app.py", `import os, subprocess, sys, threading
met = threading.Barrier(4)
def app(environ, start_response):
    if environ['PATH_INFO'] == '/meet':
        met.wait(60)
        said = b'met'
    else:
        said = subprocess.check_output([sys.executable, '-c', 'import os; print(os.getuid(), len(os.listdir("/proc/self/fd")) < 6)'])
    start_response('200 OK', [('Content-Type', 'text/plain')])
    return [said]
`)
		s := v.start(t, launch{Bare: true, Dir: dir, Under: under, Args: append([]string{"--http", "127.0.0.1:0", "-w", "app:app", "--threads", "4"}, nobody...)})
		var all []*conn
		for range 4 {
			c := s.dial(t)
			c.send(request("GET", "/meet", ""))
			all = append(all, c)
		}
		for _, c := range all {
			c.response("GET").want(t, 200, "met")
		}
		s.get(t, "/subprocess").want(t, 200, "65534 True\n")
	})
}

// Clause: "--umask": of sockets, and of what the app makes.
func TestUmask(t *testing.T) {
	run(t, []string{"app"}, func(t *testing.T, v variant) {
		dir := public(t, "app.py", "import os\nopen('made', 'w').close()\n"+bare("app", "here"))
		s := v.start(t, launch{Bare: true, Dir: dir, Args: []string{"--http", "127.0.0.1:0", "--http", "unix:sock", "--umask", "027", "-w", "app:app"}})
		s.get(t, "/").want(t, 200, "here")
		for name, want := range map[string]fs.FileMode{"sock": 0o750, "made": 0o640} {
			info, err := os.Lstat(filepath.Join(dir, name))
			if err != nil || info.Mode().Perm() != want {
				t.Errorf("%s: %v, %v, want %o", name, info.Mode(), err, want)
			}
		}
	})
}
