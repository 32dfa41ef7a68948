package logfile

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// childVariable makes the test binary a process whose stdout and stderr are taken away: it holds what to do.
const childVariable = "GOWSGI_TEST_LOGFILE"

func TestMain(m *testing.M) {
	if what, ok := os.LookupEnv(childVariable); ok {
		child(what)
		os.Exit(0)
	}
	os.Exit(m.Run())
}

func check(err error) {
	if err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
}

func child(what string) {
	terminal := lead(2)
	f, err := Open("log")
	check(err)
	fmt.Println("out 1")
	fmt.Fprintln(f.Terminal(), "for the terminal")
	switch what {
	case "reopen": // from another directory
		check(os.Rename("log", "log.1"))
		check(os.Mkdir("elsewhere", 0o700))
		check(os.Chdir("elsewhere"))
		opened, err := f.Reopen()
		check(err)
		opened.Close()
	case "rotate":
		now := time.Unix(1700000000, 0)
		check(f.Rotate(now))
		opened, err := f.Reopen()
		check(err)
		opened.Close()
		if f.Rotate(now) == nil {
			fmt.Println("an older file was replaced")
		}
	case "give":
		check(f.Give(65534, 65534))
	case "fail":
		check(os.Rename("log", "log.1"))
		check(os.Mkdir("log", 0o700))
		if _, err := f.Reopen(); err == nil {
			fmt.Println("a directory was opened")
		}
	case "fifo":
		check(os.Rename("log", "log.1"))
		check(unix.Mkfifo("log", 0o600))
		if _, err := f.Reopen(); err == nil {
			fmt.Println("a FIFO without a reader was opened")
		}
	}
	f.Started()
	f.Started()
	fmt.Fprintln(f.Terminal(), "too late")
	fmt.Println(count(lead(1)), "here,", count(terminal), "there")
	cmd := exec.Command("/bin/sh", "-c", "echo child; echo child >&2")
	cmd.Stdout, cmd.Stderr = os.Stdout, os.Stderr
	check(cmd.Run())
	fmt.Fprintln(os.Stderr, "err 2")
}

// lead is where a descriptor leads to.
func lead(fd int) string {
	target, err := os.Readlink(fmt.Sprintf("/proc/self/fd/%d", fd))
	check(err)
	return target
}

// count is how many descriptors lead there.
func count(target string) (n int) {
	links, _ := filepath.Glob("/proc/self/fd/*")
	for _, l := range links {
		if t, err := os.Readlink(l); err == nil && t == target {
			n++
		}
	}
	return n
}

func TestFile(t *testing.T) {
	const before, after = "out 1\n", "2 here, 0 there\nchild\nchild\nerr 2\n"
	if runtime.GOOS != "linux" {
		t.Skip("needs /proc")
	}
	for _, test := range []struct {
		what  string
		files map[string]string
	}{
		{"open", map[string]string{"log": before + after}},
		{"reopen", map[string]string{"log.1": before, "log": after}},
		{"rotate", map[string]string{"log.1700000000": before, "log": after}},
		{"fail", map[string]string{"log.1": before + after}},
		{"fifo", map[string]string{"log.1": before + after}},
	} {
		t.Run(test.what, func(t *testing.T) {
			var terminal bytes.Buffer
			cmd := exec.Command(os.Args[0])
			cmd.Dir, cmd.Env = t.TempDir(), append(os.Environ(), childVariable+"="+test.what)
			cmd.Stdout, cmd.Stderr = &terminal, &terminal
			if err := cmd.Run(); err != nil {
				t.Errorf("%v: %s", err, terminal.String())
			}
			if got := terminal.String(); got != "for the terminal\n" {
				t.Errorf("the terminal has %q", got)
			}
			for name, want := range test.files {
				path := filepath.Join(cmd.Dir, name)
				text, err := os.ReadFile(path)
				if string(text) != want {
					t.Errorf("%s has %q, %v; want %q", name, text, err, want)
				}
				if info, err := os.Stat(path); err != nil || info.Mode()&^mode != 0 {
					t.Errorf("%s is %v, %v", name, info.Mode(), err)
				}
			}
		})
	}
}

func TestOpenFails(t *testing.T) {
	if f, err := Open(filepath.Join(t.TempDir(), "missing", "log")); err == nil || f != nil || !strings.Contains(err.Error(), "no such file") {
		t.Errorf("got %v, %v", f, err)
	}
}

// Without --logto there is no terminal beside stderr.
func TestNone(t *testing.T) {
	var f *File
	fmt.Fprintln(f.Terminal(), "nowhere")
	f.Started()
}

// TestGive: a file that was made is the new user's, one that was there stays whose it is.
func TestGive(t *testing.T) {
	if os.Getuid() != 0 {
		t.Skip("needs root")
	}
	for _, there := range []bool{false, true} {
		dir := t.TempDir()
		log := filepath.Join(dir, "log")
		want := uint32(65534)
		if there {
			want = 0
			if err := os.WriteFile(log, nil, 0o600); err != nil {
				t.Fatal(err)
			}
		}
		cmd := exec.Command(os.Args[0])
		cmd.Dir, cmd.Env = dir, append(os.Environ(), childVariable+"=give")
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("%v\n%s", err, out)
		}
		var info unix.Stat_t
		if err := unix.Stat(log, &info); err != nil || info.Uid != want || info.Gid != want {
			t.Errorf("there before: %v; owner %d:%d, %v", there, info.Uid, info.Gid, err)
		}
	}
}
