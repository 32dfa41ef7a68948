package blackbox

import (
	"encoding/json"
	"flag"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"testing"
)

var update = flag.Bool("update", false, "rewrite the report in docs/migrating-from-uwsgi.md")

var migrating = filepath.Join("docs", "migrating-from-uwsgi.md")

// migrationBlock is the fenced block below <!-- NAME --> in docs/migrating-from-uwsgi.md.
func migrationBlock(t *testing.T, name string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(repo, migrating))
	if err != nil {
		t.Fatal(err)
	}
	found := blockNamed(name).FindSubmatch(text)
	if found == nil {
		t.Fatalf("%s has no block <!-- %s -->", migrating, name)
	}
	return string(found[2])
}

func blockNamed(name string) *regexp.Regexp {
	return regexp.MustCompile("(<!-- " + regexp.QuoteMeta(name) + " -->\n```[a-z]+\n)((?s:.*?))```\n")
}

// migrated is a folder with the app and the uwsgi.ini of the document.
func migrated(t *testing.T) string {
	t.Helper()
	dir := socketDir(t)
	put(t, dir, "wsgi.py", bare("app", "migrated"), "uwsgi.ini", migrationBlock(t, "uwsgi.ini"))
	return dir
}

// checksIni tests a documented gowsgi check on the document's uwsgi.ini.
func checksIni(t *testing.T, command string) {
	e := shell(t, migrated(t), nil, command)
	if e.code != 0 || e.stderr != "" {
		t.Errorf("exit %d, want 0\nstdout:\n%s\nstderr:\n%s", e.code, e.stdout, e.stderr)
	}
	if strings.Contains(command, "--json") {
		var report struct{ Accepted bool }
		if err := json.Unmarshal([]byte(e.stdout), &report); err != nil || !report.Accepted {
			t.Errorf("%v: %s", err, e.stdout)
		}
	} else if !strings.Contains(e.stdout, "uwsgi.ini:2: module: honoured") {
		t.Errorf("stdout:\n%s", e.stdout)
	}
}

// servesIni tests a documented command that serves the document's uwsgi.ini, by the uwsgi protocol.
func servesIni(t *testing.T, command string) {
	dir := migrated(t)
	addr := filepath.Join(dir, "app.sock")
	cmd := exec.Command(binary, shellWords(t, command)...)
	cmd.Dir, cmd.Env = dir, append(environ(t.TempDir()), "VIRTUAL_ENV="+venv)
	p := spawn(t, cmd)
	p.answers(t, addr)
	c := dialPeer(t, addr)
	c.send(string(packetOf("GET / HTTP/1.1\r\nHost: t\r\n\r\n").bytes()))
	c.response("GET").want(t, 200, "migrated")
	p.end(t)
}

// The report in the document is the one that gowsgi check prints.
func TestMigrationReport(t *testing.T) {
	t.Parallel()
	got := command(t, migrated(t), nil, "check", "uwsgi.ini").stdout
	const name = "gowsgi check uwsgi.ini"
	if got == migrationBlock(t, name) {
		return
	}
	if !*update {
		t.Errorf("the report in %s is stale; run: go test ./internal/blackbox -run %s -update\nit is now:\n%s", migrating, t.Name(), got)
		return
	}
	file := filepath.Join(repo, migrating)
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	renewed := blockNamed(name).ReplaceAllString(string(text), "${1}"+strings.ReplaceAll(got, "$", "$$")+"```\n")
	if err := os.WriteFile(file, []byte(renewed), 0o644); err != nil { //nolint:gosec // a document
		t.Fatal(err)
	}
}

// Clause: "systemd unit": systemd finds no fault in the units of the document.
func TestSystemdUnits(t *testing.T) {
	t.Parallel()
	analyze, err := exec.LookPath("systemd-analyze")
	if err != nil {
		t.Skip("no systemd-analyze")
	}
	for name, instance := range map[string]string{"app.service": "app.service", "gowsgi@.service": "gowsgi@shop.service"} {
		unit := migrationBlock(t, name)
		const program = "/usr/local/bin/gowsgi"
		if !strings.Contains(unit, "ExecStart="+program+" ") {
			t.Fatalf("%s starts no %s", name, program)
		}
		dir := folder(t, name, strings.ReplaceAll(unit, program, binary))
		if instance != name {
			if err := os.Symlink(name, filepath.Join(dir, instance)); err != nil {
				t.Fatal(err)
			}
		}
		out, err := exec.Command(analyze, "verify", "--man=no", filepath.Join(dir, instance)).CombinedOutput()
		if err != nil || strings.Contains(string(out), name) {
			t.Errorf("%s: %v\n%s", name, err, out)
		}
	}
}

var dockerCommand = regexp.MustCompile(`(?m)^CMD (\[.*\])$`)

// Clause: "Docker entry point": the image's command as process 1 serves, and docker stop ends it in order.
func TestDockerCommand(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile(filepath.Join(repo, migrating))
	if err != nil {
		t.Fatal(err)
	}
	found := dockerCommand.FindSubmatch(text)
	var words []string
	if found == nil || json.Unmarshal(found[1], &words) != nil || words[0] != "gowsgi" {
		t.Fatalf("%s has no CMD that starts gowsgi", migrating)
	}
	if out, err := exec.Command(inContainer[0], append(inContainer[1:], "true")...).CombinedOutput(); err != nil {
		t.Skipf("PID namespaces are not to be had here: %v: %s", err, out)
	}
	dir := migrated(t)
	cmd := exec.Command(inContainer[0], slices.Concat(inContainer[1:], []string{binary}, words[1:])...)
	cmd.Dir, cmd.Env = dir, append(environ(t.TempDir()), "VIRTUAL_ENV="+venv)
	p := spawn(t, cmd)
	addr := filepath.Join(dir, "app.sock")
	p.answers(t, addr)
	c := dialPeer(t, addr)
	c.send(string(packetOf("GET / HTTP/1.1\r\nHost: t\r\n\r\n").bytes()))
	c.response("GET").want(t, 200, "migrated")
	for _, child := range descendants(p.Process.Pid) {
		if child.parent == p.Process.Pid {
			kill(t, child.pid, syscall.SIGTERM)
		}
	}
	p.wantEnd(t)
}
