package blackbox

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// ended is what a gowsgi that ends by itself left behind.
type ended struct {
	code           int
	stdout, stderr string
}

// command runs gowsgi in a folder until it ends. It must do so by itself.
func command(t *testing.T, dir string, env []string, args ...string) ended {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), within(30*time.Second))
	defer cancel()
	cmd := exec.CommandContext(ctx, binary, args...)
	var stdout, stderr strings.Builder
	cmd.Dir, cmd.Stdout, cmd.Stderr = dir, &stdout, &stderr
	cmd.Env = append(environ(t.TempDir()), env...)
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
	cmd.WaitDelay = time.Second
	_ = cmd.Run()
	if ctx.Err() != nil {
		t.Fatalf("gowsgi %q does not end; stderr:\n%s", args, stderr.String())
	}
	if left := survivors(cmd.Process.Pid, nil); len(left) > 0 {
		t.Errorf("gowsgi %q left processes behind: %v", args, left)
	}
	return ended{cmd.ProcessState.ExitCode(), stdout.String(), stderr.String()}
}

// want asserts the exit code and that stderr has all of the words.
func (e ended) want(t *testing.T, code int, words ...string) {
	t.Helper()
	if e.code != code {
		t.Errorf("exit code %d, want %d; stderr:\n%s", e.code, code, e.stderr)
	}
	for _, w := range words {
		if !strings.Contains(e.stderr, w) {
			t.Errorf("stderr lacks %q:\n%s", w, e.stderr)
		}
	}
}

// wantLine asserts one clear line on stderr and nothing else.
func (e ended) wantLine(t *testing.T, code int, words ...string) {
	t.Helper()
	e.want(t, code, words...)
	text := strings.TrimSuffix(e.stderr, "\n")
	if strings.Contains(text, "\n") || !strings.HasPrefix(text, "gowsgi: ") {
		t.Errorf("want one line that begins \"gowsgi: \", have:\n%s", text)
	}
}

// lastLine is the last line of stderr.
func (e ended) lastLine() string {
	lines := strings.Split(strings.TrimSpace(e.stderr), "\n")
	return strings.TrimSpace(lines[len(lines)-1])
}

// folder makes a folder with the given files: path, text, path, text, …
func folder(t *testing.T, files ...string) string {
	t.Helper()
	dir := t.TempDir()
	put(t, dir, files...)
	return dir
}

// put writes files into a folder: path, text, path, text, …
func put(t *testing.T, dir string, files ...string) {
	t.Helper()
	for i := 0; i < len(files); i += 2 {
		path := filepath.Join(dir, files[i])
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(files[i+1]), 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

// bare is a WSGI function that answers with a text.
func bare(name, text string) string {
	return "def " + name + "(environ, start_response):\n" +
		"    start_response('200 OK', [('Content-Type', 'text/plain')])\n" +
		"    return [b'" + text + "']\n"
}

// flask is a Flask app in a variable that answers with a text.
func flask(name, text string) string {
	return "from flask import Flask\n" + name + " = Flask(__name__)\n" +
		"@" + name + ".get('/')\ndef index():\n    return '" + text + "'\n"
}
