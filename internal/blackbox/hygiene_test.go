package blackbox

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// threadSlack is for the Go runtime, which starts OS threads as it sees fit and never
// ends them. A thread leaked per request or connection exceeds it in the busier tests.
const threadSlack = 12

// census counts what a process holds. All of it is read from /proc; where there is none
// (macOS) it is empty and asserts nothing.
type census struct {
	fds      []string // what each descriptor refers to
	threads  int
	children int
}

func takeCensus(pid int) census {
	dir := filepath.Join("/proc", strconv.Itoa(pid))
	var c census
	entries, _ := os.ReadDir(filepath.Join(dir, "fd"))
	for _, e := range entries {
		if target, err := os.Readlink(filepath.Join(dir, "fd", e.Name())); err == nil {
			c.fds = append(c.fds, target)
		}
	}
	slices.Sort(c.fds)
	tasks, _ := os.ReadDir(filepath.Join(dir, "task"))
	c.threads = len(tasks)
	c.children = len(descendants(pid))
	return c
}

// within tells whether c is no more than base and what the app is known to keep.
func (c census) within(base census, l launch) bool {
	return len(c.fds) <= len(base.fds)+l.KeepFDs &&
		c.threads <= base.threads+l.KeepThreads+threadSlack &&
		c.children <= base.children+l.KeepChildren
}

func (c census) String() string {
	return fmt.Sprintf("%d descriptors, %d threads, %d children", len(c.fds), c.threads, c.children)
}

// difference lists the descriptors that base doesn't have.
func (c census) difference(base census) string {
	old := slices.Clone(base.fds)
	var more []string
	for _, fd := range c.fds {
		if i := slices.Index(old, fd); i >= 0 {
			old = slices.Delete(old, i, i+1)
		} else {
			more = append(more, fd)
		}
	}
	return "new descriptors: " + strings.Join(more, " ")
}

// process is one line of /proc/PID/stat. start tells a reused pid from the old one.
type process struct {
	pid, parent, group int
	state, start       string
	name               string
}

func processes() []process {
	var all []process
	stats, _ := filepath.Glob("/proc/[0-9]*/stat")
	for _, path := range stats {
		if p, ok := readStat(path); ok {
			all = append(all, p)
		}
	}
	return all
}

// readStat cuts at the last ")", as the name before it may hold anything.
func readStat(path string) (process, bool) {
	b, err := os.ReadFile(path)
	if err != nil {
		return process{}, false
	}
	text := string(b)
	left, right := strings.Index(text, "("), strings.LastIndex(text, ")")
	if left < 0 || right < 0 {
		return process{}, false
	}
	f := strings.Fields(text[right+1:])
	if len(f) < 20 {
		return process{}, false
	}
	p := process{name: text[left+1 : right], state: f[0], start: f[19]}
	p.pid, _ = strconv.Atoi(strings.TrimSpace(text[:left]))
	p.parent, _ = strconv.Atoi(f[1])
	p.group, _ = strconv.Atoi(f[2])
	return p, true
}

// descendants are the children of pid and theirs, without zombies.
func descendants(pid int) []process {
	all := processes()
	var family []process
	for parents := []int{pid}; len(parents) > 0; {
		var next []int
		for _, p := range all {
			if slices.Contains(parents, p.parent) {
				next = append(next, p.pid)
				if p.state != "Z" {
					family = append(family, p)
				}
			}
		}
		parents = next
	}
	return family
}

// survivors are the live members of the group, and of family even if they left the group.
func survivors(group int, family []process) []process {
	var left []process
	for _, p := range processes() {
		if p.state == "Z" {
			continue
		}
		known := slices.ContainsFunc(family, func(q process) bool { return q.pid == p.pid && q.start == p.start })
		if p.group == group || known {
			left = append(left, p)
		}
	}
	return left
}

// memory reads a figure in bytes, such as VmRSS or VmHWM, from /proc/PID/status.
func memory(t *testing.T, pid int, field string) int64 {
	t.Helper()
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		t.Skipf("no /proc here: %v", err)
	}
	for _, line := range strings.Split(string(b), "\n") {
		if rest, ok := strings.CutPrefix(line, field+":"); ok {
			kb, err := strconv.ParseInt(strings.Fields(rest)[0], 10, 64)
			if err != nil {
				t.Fatal(err)
			}
			return kb << 10
		}
	}
	t.Fatalf("/proc/%d/status has no %s", pid, field)
	return 0
}
