package blackbox

import (
	"fmt"
	"os"
	"runtime"
	"strings"
	"testing"
)

// nameOf is what ps shows of a process, and its comm.
func nameOf(t *testing.T, pid int) (line, comm string) {
	t.Helper()
	read := func(file string) string {
		text, err := os.ReadFile(fmt.Sprintf("/proc/%d/%s", pid, file))
		if err != nil {
			t.Fatal(err)
		}
		return string(text)
	}
	return strings.TrimRight(read("cmdline"), "\x00"), strings.TrimSuffix(read("comm"), "\n")
}

func wantName(t *testing.T, pid int, line, comm string) {
	t.Helper()
	if l, c := nameOf(t, pid); l != line || c != comm {
		t.Errorf("process %d is %q, %q; want %q, %q", pid, l, c, line, comm)
	}
}

// Clause: "--auto-procname". The options are read all the same, and the app's environment is whole.
func TestAutoProcname(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("needs Linux")
	}
	run(t, plain, func(t *testing.T, v variant) {
		s := v.start(t, launch{App: "signals", Args: []string{"--auto-procname", "--script-name", "/here"}})
		s.get(t, "/here/").want(t, 200, "index")
		if v.name == "single" {
			wantName(t, s.pid(), "gowsgi", "gowsgi")
			return
		}
		wantName(t, s.pid(), "gowsgi master", "gowsgi master")
		wantName(t, s.python(t), "gowsgi worker 1", "gowsgi worker 1")
	})
}

// A process that takes another one's place takes its name.
func TestMasterProcname(t *testing.T) {
	t.Parallel()
	c := startCrew(t, launch{Args: []string{"-p", "2", "--procname-prefix-spaced", "shop", "--max-requests", "1"}, Env: []string{"GOWSGI_AUTO_PROCNAME=1"}})
	names := func() map[string]bool {
		found := map[string]bool{}
		for _, p := range c.workers() {
			line, _ := nameOf(t, p.pid)
			found[line] = true
		}
		return found
	}
	wantName(t, c.pid(), "shop gowsgi master", "shop gowsgi mas")
	for range 4 {
		old := c.who(t).PID
		c.wantWorkers(t, 2, old)
		if found := names(); len(found) != 2 || !found["shop gowsgi worker 1"] || !found["shop gowsgi worker 2"] {
			t.Errorf("the workers are %v", found)
		}
	}
	c.stop(t)
}

// Without the option ps shows what was typed.
func TestNoProcname(t *testing.T) {
	run(t, plain, func(t *testing.T, v variant) {
		s := v.start(t, launch{App: "signals"})
		typed := strings.Join(s.cmd.Args, "\x00")
		for _, pid := range []int{s.pid(), s.python(t)} {
			if line, _ := nameOf(t, pid); line != typed {
				t.Errorf("process %d is %q, want %q", pid, line, typed)
			}
		}
	})
}
