package blackbox

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/goccy/go-yaml"
)

// smokes tests a documented command as it is printed, in a shell: its exit code and what it prints.
func smokes(code int, words string) func(*testing.T, string) {
	const app = `
from flask import Flask, redirect
app = Flask(__name__)
app.get("/")(lambda: "front page")
app.get("/login", endpoint="login")(lambda: "log in")
app.get("/admin", endpoint="admin")(lambda: redirect("/login"))
`
	return func(t *testing.T, command string) {
		dir := folder(t, "app.py", app, "smoke.yaml", "- path: /\n- path: /login\n",
			"bin/pytest", "#!/bin/sh\npython3 -c 'import sys, urllib.request as r; print(r.urlopen(sys.argv[1]).read().decode(), end=\", \")' \"$GOWSGI_URL\"\necho $1\nexit 5\n")
		if err := os.Chmod(filepath.Join(dir, "bin", "pytest"), 0o700); err != nil {
			t.Fatal(err)
		}
		e := shell(t, dir, nil, command)
		if e.code != code || !strings.Contains(e.stdout, words) {
			t.Errorf("exit %d, want %d and %q\nstdout:\n%s\nstderr:\n%s", e.code, code, words, e.stdout, e.stderr)
		}
		if _, err := os.Stat(filepath.Join(dir, "report.xml")); strings.Contains(command, "--junit") && err != nil {
			t.Error(err)
		}
	}
}

// shell runs a script in a folder as CI does: gowsgi is on the PATH, and what is in the folder's bin.
func shell(t *testing.T, dir string, env []string, script string) ended {
	t.Helper()
	path := t.TempDir()
	if err := os.Symlink(binary, filepath.Join(path, "gowsgi")); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command("sh", "-e", "-c", script)
	cmd.Dir = dir
	paths := []string{path, filepath.Join(dir, "bin"), os.Getenv("PATH")}
	cmd.Env = append(environ(t.TempDir()), "GOWSGI_VIRTUALENV="+venv, "PATH="+strings.Join(paths, string(filepath.ListSeparator)), "GITHUB_ACTIONS=")
	cmd.Env = append(cmd.Env, env...)
	var stdout strings.Builder
	cmd.Stdout = &stdout
	p := spawn(t, cmd)
	select {
	case <-p.exited:
	case <-after(60):
		t.Fatalf("%s does not end", script)
	}
	if left := survivors(p.Process.Pid, nil); len(left) > 0 {
		t.Errorf("%s left behind: %v", script, left)
	}
	return ended{p.ProcessState.ExitCode(), stdout.String(), p.log.String()}
}

// ciScripts are the lines that the snippets for CI in docs/smoke.md run.
func ciScripts(t *testing.T) (github, gitlab []string) {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(repo, "docs", "smoke.md"))
	if err != nil {
		t.Fatal(err)
	}
	for _, block := range strings.Split(string(text), "```yaml\n")[1:] {
		block, _, _ = strings.Cut(block, "```")
		var pipeline struct {
			Jobs  map[string]struct{ Steps []struct{ Run string } }
			Smoke struct{ Script []string }
		}
		if err := yaml.Unmarshal([]byte(block), &pipeline); err != nil {
			continue // a list: checks
		}
		for _, step := range pipeline.Jobs["smoke"].Steps {
			if step.Run != "" {
				github = append(github, step.Run)
			}
		}
		gitlab = append(gitlab, pipeline.Smoke.Script...)
	}
	return github, gitlab
}

// Clause: "a GitHub Actions and a GitLab CI snippet, each run locally as a script by a test": with a good app, and with
// one that is broken.
func TestSmokeSnippets(t *testing.T) {
	t.Parallel()
	github, gitlab := ciScripts(t)
	if len(github) != 1 || len(gitlab) != 2 {
		t.Fatalf("scripts in docs/smoke.md: %q, %q", github, gitlab)
	}
	for _, ci := range []struct {
		script []string
		env    []string
		want   string // of the broken app
	}{
		{github, []string{"GITHUB_ACTIONS=true", "CI=true"}, "::error file=app.py,line=11,title=gowsgi smoke%3A front page::status: 500, want 200%0A"},
		{gitlab, []string{"GITLAB_CI=true", "CI=true"}, "FAIL  500"},
	} {
		dir := t.TempDir()
		if err := os.CopyFS(dir, os.DirFS(filepath.Join(repo, "examples", "flask_hello"))); err != nil {
			t.Fatal(err)
		}
		script := strings.Join(ci.script, "\n")
		e := shell(t, dir, ci.env, script)
		if e.code != 0 || !strings.Contains(e.stdout, "4 passed, 0 failed") || strings.Contains(e.stdout, "::error") {
			t.Errorf("%s\nexit %d\n%s\n%s", script, e.code, e.stdout, e.stderr)
		}
		wantJUnit(t, filepath.Join(dir, "report.xml"), 4, 0)

		app := filepath.Join(dir, "app.py")
		text, err := os.ReadFile(app)
		if err != nil {
			t.Fatal(err)
		}
		broken := strings.Replace(string(text), `return "<p>Hello, World!</p>\n"`, "return 1 / 0", 1)
		if err := os.WriteFile(app, []byte(broken), 0o600); err != nil {
			t.Fatal(err)
		}
		e = shell(t, dir, ci.env, script)
		if e.code != 1 || !strings.Contains(e.stdout, ci.want) {
			t.Errorf("%s\nwith a broken app: exit %d\n%s\n%s", script, e.code, e.stdout, e.stderr)
		}
		wantJUnit(t, filepath.Join(dir, "report.xml"), 4, 1)
	}
}

// TestSmokeDocumentedChecks: the checks file in docs/smoke.md is one.
func TestSmokeDocumentedChecks(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile(filepath.Join(repo, "docs", "smoke.md"))
	if err != nil {
		t.Fatal(err)
	}
	_, checks, _ := strings.Cut(string(text), "```yaml\n# yaml-language-server")
	checks, _, _ = strings.Cut(checks, "```")
	dir := folder(t, "smoke.yaml", "#"+checks)
	args := []string{"smoke", "--chdir", appDir("smoke"), "--virtualenv", venv, "app:app", "--checks", filepath.Join(dir, "smoke.yaml")}
	e := command(t, dir, []string{"PASSWORD=x"}, args...)
	// The app of the tests has no /api: what the file says is what is asked for.
	e.want(t, 1)
	for _, row := range []string{"ok    200", "ok    302", "FAIL  404", "POST /api/items", "${id} is not there: the check that saves it has failed"} {
		if !strings.Contains(e.stdout, row) {
			t.Errorf("stdout lacks %q:\n%s", row, e.stdout)
		}
	}
	command(t, dir, nil, args...).want(t, 2, "smoke.yaml:7: ${PASSWORD} is neither saved by an earlier check nor set in the environment")
}
