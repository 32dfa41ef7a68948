package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// setup is what all faults have in common.
type setup struct {
	binary, venv, app string
	work              string // where logs and journals go
	time              time.Duration
	short             bool // too short to judge times and sizes by
}

// server is a running gowsgi.
type server struct {
	cmd     *exec.Cmd
	address string
	log     string // file
	journal string // file: a line for each time that the app ran a request
	exited  chan struct{}
}

// startTime is how long gowsgi may take until it serves, and to end.
const startTime = time.Minute

// launch runs gowsgi and waits until it serves. The log is added to what earlier ones of that name have left.
func (s *setup) launch(ctx context.Context, name string, args []string) (*server, error) {
	base := filepath.Join(s.work, name)
	ready := base + ".ready"
	_ = os.Remove(ready)
	v := &server{log: base + ".log", journal: base + ".journal", exited: make(chan struct{})}
	log, err := os.OpenFile(v.log, os.O_WRONLY|os.O_APPEND|os.O_CREATE, 0o600)
	if err != nil {
		return nil, err
	}
	defer log.Close()
	v.cmd = exec.CommandContext(ctx, s.binary, append([]string{
		"--http", "127.0.0.1:0", "--virtualenv", s.venv, "--chdir", s.app, "--ready-file", ready,
		"--disable-logging", "--log-json", "app:app",
	}, args...)...)
	v.cmd.Env = append(os.Environ(), "CHAOS_JOURNAL="+v.journal)
	v.cmd.Stdout, v.cmd.Stderr = log, log
	v.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} // ^C is for us
	if err := v.cmd.Start(); err != nil {
		return nil, err
	}
	go func() {
		_ = v.cmd.Wait() // ProcessState says more
		close(v.exited)
	}()
	if !within(startTime, func() bool { v.address = addressIn(ready); return v.address != "" || v.gone() }) || v.gone() {
		v.kill()
		return nil, fmt.Errorf("gowsgi does not serve; see %s", v.log)
	}
	return v, nil
}

// addressIn reads a ready file; "" until it is there.
func addressIn(file string) string {
	text, _ := os.ReadFile(file)
	var ready struct {
		URL string `json:"url"`
	}
	_ = json.Unmarshal(text, &ready)
	return strings.TrimPrefix(ready.URL, "http://")
}

func (v *server) pid() int { return v.cmd.Process.Pid }

func (v *server) gone() bool {
	select {
	case <-v.exited:
		return true
	default:
		return false
	}
}

// kill ends it at once.
func (v *server) kill() {
	_ = v.cmd.Process.Kill()
	<-v.exited
}

// stop ends it in order. The error tells what was not so.
func (v *server) stop() error {
	workers := children(v.pid())
	_ = v.cmd.Process.Signal(syscall.SIGTERM)
	if !within(startTime, v.gone) {
		v.kill()
		return fmt.Errorf("gowsgi did not end at SIGTERM; see %s", v.log)
	}
	if code := v.cmd.ProcessState.ExitCode(); code != 0 {
		return fmt.Errorf("gowsgi ended with exit code %d; see %s", code, v.log)
	}
	for _, w := range workers {
		if w.lives() {
			return fmt.Errorf("worker process %d has outlived the front", w.pid)
		}
	}
	return nil
}

// entry is a line of gowsgi's log.
type entry struct {
	Level    string   `json:"level"`
	Message  string   `json:"msg"`
	Reason   string   `json:"reason"`
	Requests []string `json:"requests"`
}

// entries reads the log. Lines that are no JSON, such as a crash's, are errors.
func (v *server) entries() (all []entry, err error) {
	text, err := os.ReadFile(v.log)
	if err != nil {
		return nil, err
	}
	for line := range bytes.Lines(text) {
		var e entry
		if json.Unmarshal(line, &e) != nil {
			e = entry{Level: "ERROR", Message: string(bytes.TrimSpace(line))}
		}
		all = append(all, e)
	}
	return all, nil
}

// executions tells how often the app ran each request.
func (v *server) executions() (map[int64]int, error) {
	file, err := os.Open(v.journal)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	times := map[int64]int{}
	lines := bufio.NewScanner(file)
	for lines.Scan() {
		id, err := strconv.ParseInt(lines.Text(), 10, 64)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", v.journal, err)
		}
		times[id]++
	}
	return times, lines.Err()
}

// within waits until a condition holds; false: it didn't for that long.
func within(limit time.Duration, holds func() bool) bool {
	for end := time.Now().Add(limit); !holds(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(end) {
			return false
		}
	}
	return true
}
