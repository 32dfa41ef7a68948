package pyhost

import (
	"bytes"
	"fmt"
	"sync"
	"time"

	"golang.org/x/sys/unix"
)

// runState tells whether an OS thread runs or sleeps, by its line in /proc.
type runState struct {
	clock int32 // of the thread's CPU time

	mu sync.Mutex // close against runnable
	fd int        // of /proc/self/task/TID/stat; -1: not to be had
}

// thisThread is the calling OS thread's.
func thisThread() *runState {
	tid := unix.Gettid()
	fd, err := unix.Open(fmt.Sprintf("/proc/self/task/%d/stat", tid), unix.O_RDONLY|unix.O_CLOEXEC, 0)
	if err != nil {
		fd = -1
	}
	return &runState{fd: fd, clock: ^int32(tid)<<3 | cpuClock}
}

// cpuClock is a clock of one thread that the kernel's scheduler keeps (linux/posix-timers.h:
// CPUCLOCK_PERTHREAD_MASK | CPUCLOCK_SCHED), with the thread's number above.
const cpuClock = 4 | 2

// cpu is the time that the thread has computed. False once it has ended.
func (r *runState) cpu() (time.Duration, bool) {
	var t unix.Timespec
	if unix.ClockGettime(r.clock, &t) != nil {
		return 0, false
	}
	return time.Duration(t.Nano()), true
}

// runnable: the state after the name, which may hold anything, is R.
func (r *runState) runnable() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.fd < 0 {
		return false
	}
	var line [96]byte
	n, err := unix.Pread(r.fd, line[:], 0)
	if err != nil {
		return false
	}
	end := bytes.LastIndexByte(line[:n], ')')
	return end >= 0 && end+2 < n && line[end+2] == 'R'
}

func (r *runState) close() {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.fd >= 0 {
		_ = unix.Close(r.fd)
		r.fd = -1
	}
}
