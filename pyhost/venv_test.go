package pyhost

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// tree makes files below a new folder: path, text, path, text, … A text that begins with #!
// is a program. It returns the folder as the system names it.
func tree(t *testing.T, files ...string) string {
	t.Helper()
	dir, err := filepath.EvalSymlinks(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i < len(files); i += 2 {
		path, mode := filepath.Join(dir, files[i]), os.FileMode(0o644)
		if strings.HasPrefix(files[i+1], "#!") {
			mode = 0o755
		}
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(files[i+1]), mode); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

const program = "#!/bin/sh\n"

func TestVirtualenvOfThisVersion(t *testing.T) {
	for name, config := range map[string]string{
		"venv":       "home = /usr/bin\ninclude-system-site-packages = false\nversion = 3.11.2\n",
		"virtualenv": "home=/usr/bin\nimplementation=CPython\nversion_info=3.11.9.final.0\n",
		"uv":         "home = /usr/bin\nuv = 0.5\nversion_info = 3.11\nversion-like = 3.12\n",
		"no version": "home = /usr/bin\n",
		"CRLF":       "home = /usr/bin\r\nVersion = 3.11.2\r\n",
	} {
		dir := tree(t, "v/pyvenv.cfg", config, "v/bin/python", program)
		want := filepath.Join(dir, "v", "bin", "python")
		got, err := FindExecutable(filepath.Join(dir, "v"), "--virtualenv", "/nonexistent", "3.11.2")
		if err != nil || got != want {
			t.Errorf("%s: %s, %v; want %s", name, got, err, want)
		}
		t.Chdir(dir) // it is named as users do, and becomes absolute
		if got, err := FindExecutable("v/", "--virtualenv", "", "3.11.0rc1"); err != nil || got != want {
			t.Errorf("%s, relative: %s, %v; want %s", name, got, err, want)
		}
	}
}

// Its python is a link as a rule, and stays one: where the link stands tells Python which
// environment it is in (PEP 405).
func TestVirtualenvWithLinks(t *testing.T) {
	dir := tree(t, "base/python3.11", program, "v/pyvenv.cfg", "version = 3.11.2\n", "v/bin/activate", "")
	link := filepath.Join(dir, "v", "bin", "python")
	if err := os.Symlink(filepath.Join(dir, "base", "python3.11"), link); err != nil {
		t.Fatal(err)
	}
	if got, err := FindExecutable(filepath.Join(dir, "v"), "--virtualenv", "", "3.11.2"); err != nil || got != link {
		t.Errorf("%s, %v; want %s", got, err, link)
	}
}

// One clear line, which says where the name came from and what to do.
func TestVirtualenvThatCannotBe(t *testing.T) {
	dir := tree(t,
		"file", "",
		"plain/bin/python", program,
		"other/pyvenv.cfg", "version = 3.12.1\n", "other/bin/python", program,
		"other-virtualenv/pyvenv.cfg", "version_info = 3.9.2.final.0\n", "other-virtualenv/bin/python", program,
		"empty/pyvenv.cfg", "version = 3.11.2\n",
		"unrunnable/pyvenv.cfg", "version = 3.11.2\n", "unrunnable/bin/python", "no program",
		"folder/pyvenv.cfg", "version = 3.11.2\n", "folder/bin/python/x", "",
		"dangling/pyvenv.cfg", "version = 3.11.2\n", "dangling/bin/activate", "",
	)
	if err := os.Symlink(filepath.Join(dir, "gone"), filepath.Join(dir, "dangling", "bin", "python")); err != nil {
		t.Fatal(err)
	}
	const missing = ": there is no such directory"
	const noVenv = " is not a virtual environment: it has no pyvenv.cfg"
	const removed = " has no bin/python that runs; was the Python it was made with removed?"
	built := func(has, name string) string {
		return " is for Python " + has + ", but this gowsgi was built for 3.11; build one with PYTHON=" +
			filepath.Join(dir, name, "bin", "python") + " ./scripts/build.sh"
	}
	for name, problem := range map[string]string{
		"absent":           missing,
		"file":             " is a file, not the directory of a virtual environment",
		"plain":            noVenv,
		"other":            built("3.12", "other"),
		"other-virtualenv": built("3.9", "other-virtualenv"),
		"empty":            removed,
		"unrunnable":       removed,
		"folder":           removed,
		"dangling":         removed,
	} {
		for _, named := range []string{"--virtualenv", "VIRTUAL_ENV"} {
			path := filepath.Join(dir, name)
			got, err := FindExecutable(path, named, filepath.Join(dir, "plain/bin/python"), "3.11.2")
			if want := named + " " + path + problem; err == nil || err.Error() != want {
				t.Errorf("%s gives %q,\n got %v\nwant %s", name, got, err, want)
			}
		}
	}
}

// Without a virtual environment it is the interpreter of the build, and on another machine
// one of its version on PATH before any other.
func TestExecutableWithoutVirtualenv(t *testing.T) {
	dir := tree(t,
		"build/python3", program,
		"both/python3", program, "both/python3.11", program,
		"one/python3", program,
		"none/python3.11", "no program", "none/python3.12", program,
	)
	for _, c := range []struct{ fallback, path, want string }{
		{"build/python3", "both", "build/python3"},
		{"", "both", "both/python3.11"},
		{"build/gone", "both", "both/python3.11"},
		{"build", "one:both", "both/python3.11"},
		{"", "one", "one/python3"},
		{"", "none", ""},
		{"", "gone", ""},
	} {
		var path []string
		for name := range strings.SplitSeq(c.path, ":") {
			path = append(path, filepath.Join(dir, name))
		}
		t.Setenv("PATH", strings.Join(path, string(filepath.ListSeparator)))
		fallback := c.fallback
		if fallback != "" {
			fallback = filepath.Join(dir, fallback)
		}
		got, err := FindExecutable("", "--virtualenv", fallback, "3.11.2")
		if c.want == "" {
			const want = "no python3.11 found on PATH; install it, or name a virtual environment with --virtualenv"
			if err == nil || err.Error() != want {
				t.Errorf("%+v gives %q, %v; want %s", c, got, err, want)
			}
			continue
		}
		if want := filepath.Join(dir, c.want); err != nil || got != want {
			t.Errorf("%+v gives %q, %v; want %s", c, got, err, want)
		}
	}
}

func TestMinor(t *testing.T) {
	for version, want := range map[string]string{
		"3.11.2": "3.11", "3.13.0rc1": "3.13", "3.9.2.final.0": "3.9", "3.14": "3.14", "3": "", "": "",
	} {
		if got := minor(version); got != want {
			t.Errorf("minor(%q) is %q, want %q", version, got, want)
		}
	}
}
