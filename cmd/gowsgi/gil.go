package main

import (
	"math"
	"os"
	"strings"
	"time"
)

// gilInterval is how often it is looked whether the GIL can be had, if --gil-timeout is not shorter.
const gilInterval = time.Second

// watchGIL notices that one thread keeps the GIL for --gil-timeout: C code that hangs, and everything else
// of Python with it. While requests run, Python's main thread takes the GIL once a second.
func (s *site) watchGIL() {
	limit := s.config.GILTimeout
	if limit <= 0 {
		return
	}
	interval := min(gilInterval, limit/2)
	// Looks are counted, not time: a process that was stopped meanwhile is not to blame.
	most, starved := int(math.Ceil(float64(limit)/float64(interval))), 0
	for range time.Tick(interval) {
		switch {
		case s.host.Starved():
			if starved++; starved == most {
				s.wedged(limit)
			}
			continue
		case starved >= most:
			s.log.Warn("the GIL can be had again", "pid", os.Getpid())
			if s.self != nil {
				s.self.Wedged(false)
			}
		}
		starved = 0
		if s.queue.Stats().Waiting > 0 || len(s.queue.Running()) > 0 {
			s.host.Probe()
		}
	}
}

// wedged says what holds up all of Python. The front replaces a worker process then.
func (s *site) wedged(limit time.Duration) {
	var stacks strings.Builder
	running := s.queue.Running()
	if err := s.host.StacksWithoutGIL(&stacks, running); err != nil {
		stacks.WriteString(err.Error())
	}
	s.log.Error("one thread keeps the GIL, and nothing else of Python can run", "pid", os.Getpid(),
		"timeout_s", limit.Seconds(), "running", len(running), "stacks", stacks.String())
	if s.self != nil {
		s.self.Wedged(true)
	}
}
