package main

import (
	"bytes"
	"fmt"
	"os"
	"strconv"
	"strings"
)

// process is one that can't be taken for another that gets its number later.
type process struct {
	pid   int
	begun string // in ticks since the machine was started
}

// stat is what /proc tells of a process; false: there is none, or a zombie.
func stat(pid int) (p process, parent int, there bool) {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return process{}, 0, false
	}
	fields := strings.Fields(string(text[bytes.LastIndexByte(text, ')')+1:]))
	if len(fields) < 20 || fields[0] == "Z" || fields[0] == "X" {
		return process{}, 0, false
	}
	parent, _ = strconv.Atoi(fields[1])
	return process{pid, fields[19]}, parent, true
}

// children are the processes of a parent.
func children(parent int) (all []process) {
	entries, _ := os.ReadDir("/proc")
	for _, e := range entries {
		pid, err := strconv.Atoi(e.Name())
		if err != nil {
			continue
		}
		if p, of, there := stat(pid); there && of == parent {
			all = append(all, p)
		}
	}
	return all
}

// lives tells whether a process is there still.
func (p process) lives() bool {
	now, _, there := stat(p.pid)
	return there && now == p
}

// peak is the most memory that a process has had, in MiB.
func (p process) peak() int {
	text, _ := os.ReadFile(fmt.Sprintf("/proc/%d/status", p.pid))
	_, after, _ := bytes.Cut(text, []byte("VmHWM:"))
	fields := bytes.Fields(after)
	if len(fields) == 0 {
		return 0
	}
	kib, _ := strconv.Atoi(string(fields[0]))
	return kib >> 10
}
