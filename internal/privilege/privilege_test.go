package privilege

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"
)

// assumed is what a process that has become somebody else says of itself.
type assumed struct {
	Error    string
	Status   []string // Uid, Gid and Groups of every thread
	Root     bool     // it could be root again
	Barred   string
	ReadAll  string
	Another  string // the error of becoming yet another user
	Same     string
	MoreRoot string // of becoming a member of root's group
}

const child = "GOWSGI_TEST_ASSUME"

func TestMain(m *testing.M) {
	if dir := os.Getenv(child); dir != "" {
		_ = json.NewEncoder(os.Stdout).Encode(assume(dir))
		os.Exit(0)
	}
	os.Exit(m.Run())
}

// assume becomes nobody, in a process with several threads.
func assume(dir string) (a assumed) {
	for range 4 {
		ready := make(chan bool)
		go func() {
			runtime.LockOSThread()
			ready <- true
			time.Sleep(time.Hour) // the process ends before
		}()
		<-ready
	}
	id := &Identity{Name: "nobody", UID: 65534, GID: 65533, Groups: []int{1, 2}}
	if err := id.Assume(); err != nil {
		a.Error = err.Error()
		return a
	}
	tasks, _ := filepath.Glob("/proc/self/task/*/status")
	for _, task := range tasks {
		text, _ := os.ReadFile(task)
		var of []string
		for line := range strings.Lines(string(text)) {
			if name, value, _ := strings.Cut(line, ":"); name == "Uid" || name == "Gid" || name == "Groups" {
				of = append(of, strings.Join(strings.Fields(value), " "))
			}
		}
		a.Status = append(a.Status, strings.Join(of, "|"))
	}
	a.Root = syscall.Setuid(0) == nil || syscall.Setgid(0) == nil || syscall.Seteuid(0) == nil
	a.Barred = Barred(filepath.Join(dir, "closed", "file"))
	a.ReadAll = Barred(filepath.Join(dir, "open"))
	text := func(err error) string {
		if err == nil {
			return ""
		}
		return err.Error()
	}
	a.Same = text((&Identity{Name: "nobody", UID: 65534, GID: 65533, Groups: []int{2}}).Assume())
	a.Another = text((&Identity{Name: "daemon", UID: 1, GID: 65533}).Assume())
	a.MoreRoot = text((&Identity{Name: "nobody", UID: 65534, GID: 65533, Groups: []int{0}}).Assume())
	return a
}

func TestAssume(t *testing.T) {
	if os.Geteuid() != 0 || runtime.GOOS != "linux" {
		t.Skip("needs root, and /proc")
	}
	dir := t.TempDir()
	for at := dir; at != os.TempDir() && at != "/"; at = filepath.Dir(at) {
		if err := os.Chmod(at, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	for _, name := range []string{"open", "closed"} {
		if err := os.Mkdir(filepath.Join(dir, name), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.WriteFile(filepath.Join(dir, "closed", "file"), nil, 0o644); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(filepath.Join(dir, "closed"), 0o700); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command("/proc/self/exe")
	cmd.Env = append(os.Environ(), child+"="+dir)
	cmd.Stderr = os.Stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatal(err)
	}
	var a assumed
	if err := json.Unmarshal(out, &a); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	if a.Error != "" || a.Root {
		t.Fatalf("error %q; root again: %t", a.Error, a.Root)
	}
	if len(a.Status) < 4 {
		t.Errorf("only %d threads were looked at", len(a.Status))
	}
	for _, s := range a.Status {
		if s != "65534 65534 65534 65534|65533 65533 65533 65533|1 2" {
			t.Errorf("a thread is %s", s)
		}
	}
	if want := filepath.Join(dir, "closed"); a.Barred != want || a.ReadAll != "" {
		t.Errorf("barred by %q and %q, want %q and nothing", a.Barred, a.ReadAll, want)
	}
	if a.Same != "" || !strings.Contains(a.Another, "can't become user daemon; start gowsgi as root") ||
		!strings.Contains(a.MoreRoot, "can't become a member of group 0") {
		t.Errorf("then: %q, %q, %q", a.Same, a.Another, a.MoreRoot)
	}
}

func TestFind(t *testing.T) {
	for _, test := range []struct {
		user, group string
		more        []string
		want        string // uid gid groups, or the error
	}{
		{"root", "", nil, "0 0 []"},
		{"0", "7", []string{"8", "root"}, "0 7 [8 0]"},
		{"", "7", nil, fmt.Sprintf("%d 7 []", os.Geteuid())},
		{"", "", []string{"8"}, fmt.Sprintf("%d %d [8]", os.Geteuid(), os.Getegid())},
		{"54321", "7", nil, "54321 7 []"},
		{"54321", "", nil, "--uid 54321: no user has this number, so that its group is not known; give --gid, too"},
		{"no one", "", nil, "--uid no one: there is no such user"},
		{"4294967295", "", nil, "--uid 4294967295: there is no such user"},
		{"-1", "", nil, "--uid -1: there is no such user"},
		{"root", "no group", nil, "--gid no group: there is no such group"},
		{"root", "", []string{"1", "no group"}, "--add-gid no group: there is no such group"},
	} {
		id, err := Find(test.user, test.group, test.more)
		got := fmt.Sprint(err)
		if err == nil {
			got = fmt.Sprint(id.UID, id.GID, id.Groups)
		}
		if got != test.want {
			t.Errorf("%q %q %q: %s, want %s", test.user, test.group, test.more, got, test.want)
		}
	}
	if id, err := Find("root", "", nil); err != nil || id.Name != "root" {
		t.Errorf("root is called %+v, %v", id, err)
	}
}

func TestOwner(t *testing.T) {
	for _, test := range []struct{ text, want string }{
		{"root", "0 -1"},
		{"root:7", "0 7"},
		{"root:", "0 -1"},
		{":root", "-1 0"},
		{"5:6", "5 6"},
		{"", "want a user, user:group or :group"},
		{":", "want a user, user:group or :group"},
		{"no one:1", "there is no such user"},
		{"root:no group", "there is no such group"},
		{"4294967295", "there is no such user"}, // it would mean "stays"
	} {
		uid, gid, err := Owner(test.text)
		got := fmt.Sprint(err)
		if err == nil {
			got = fmt.Sprint(uid, gid)
		}
		if got != test.want {
			t.Errorf("%q: %s, want %s", test.text, got, test.want)
		}
	}
}
