package smoke

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// program is a shell script in place of gowsgi.
func program(t *testing.T, script string) *Program {
	t.Helper()
	path := filepath.Join(t.TempDir(), "gowsgi")
	if err := os.WriteFile(path, []byte("#!/bin/sh\n"+script+"\n"), 0o700); err != nil {
		t.Fatal(err)
	}
	return &Program{Path: path, Probed: true, LoadLimit: time.Minute}
}

const announce = `echo '{"url":"http://127.0.0.1:1"}' >&3; echo '{"routes":null}' >&4; `

func gone(t *testing.T, pid int) {
	t.Helper()
	for end := time.Now().Add(10 * time.Second); syscall.Kill(-pid, 0) == nil; time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("group %d is still there", pid)
		}
	}
}

// TestEnd: in order if it wants to, by force if not, and with what it has started.
func TestEnd(t *testing.T) {
	t.Parallel()
	for script, want := range map[string]string{
		`trap 'exit 5' TERM; ` + announce + `while :; do sleep 0.01; done`:              "exit status 5",
		`trap '' TERM; ` + announce + `while :; do sleep 0.01; done`:                    "signal: killed",
		`sleep 1000 & trap 'exit 6' TERM; ` + announce + `while :; do sleep 0.01; done`: "exit status 6",
		`(trap '' TERM; sleep 1000) & ` + announce + `exec sleep 1000`:                  "signal: terminated",
		announce + `exec 2>&-; exec sleep 1000`:                                         "signal: terminated",
	} {
		s, err := program(t, script).Start(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		s.End(500 * time.Millisecond)
		if got := s.group.cmd.ProcessState.String(); got != want {
			t.Errorf("%s: %s, want %s", script, got, want)
		}
		gone(t, s.group.cmd.Process.Pid)
	}
}

// TestNotReady: an end, a hang and an interrupt before the ready line.
func TestNotReady(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		script string
		limit  time.Duration
		code   int
		log    string
	}{
		{"echo why >&2; exit 22", time.Minute, 22, "why\n"},
		{"exit 2", time.Minute, 2, ""},
		{"exit 0", time.Minute, 22, "gowsgi: the app ended the process: exit status 0\n"},
		{"kill -KILL $$", time.Minute, 22, "gowsgi: the app ended the process: signal: killed\n"},
		{
			"trap 'echo \"--- stacks of all Python threads, pid 1 ---\nit hangs\n--- end of stacks ---\" >&2' QUIT; " +
				"while :; do sleep 0.01; done",
			200 * time.Millisecond, 22,
			"--- stacks of all Python threads, pid 1 ---\nit hangs\n--- end of stacks ---\ngowsgi: the app is not loaded after 200ms\n",
		},
	} {
		p := program(t, test.script)
		p.LoadLimit = test.limit
		_, err := p.Start(t.Context())
		var failed *NotLoadedError
		if !errors.As(err, &failed) || failed.Code != test.code || failed.Log != test.log {
			t.Errorf("%s: %+v, want %d %q", test.script, failed, test.code, test.log)
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := program(t, "exec sleep 1000").Start(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("interrupted: %v", err)
	}
	p := program(t, "")
	p.Path += ".absent"
	if _, err := p.Start(t.Context()); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("no program: %v", err)
	}
}

// TestStack: asked by many at the same time, of a server that answers each SIGQUIT, and of one that has ended.
func TestStack(t *testing.T) {
	t.Parallel()
	s, err := program(t, `trap 'printf "%s\nThread a (0x5)\n  one\nThread b (0x6)\n  two\n--- end of stacks ---\n" "--- stacks of all Python threads, pid 1 ---" >&2' QUIT
`+announce+`while :; do sleep 0.01; done`).Start(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer s.End(0)
	got := make(chan string)
	for i := range 10 {
		go func() { got <- fmt.Sprint(5+i%2, s.Stack(&account{thread: uint64(5 + i%2)})) }()
	}
	for range 10 {
		if text := <-got; text != "5Thread a (0x5)\n  one\n" && text != "6Thread b (0x6)\n  two\n" {
			t.Errorf("%q", text)
		}
	}
	if text := s.Stack(&account{}); !strings.HasPrefix(text, "no thread has begun the request\nThread a") {
		t.Errorf("%q", text)
	}
	s.group.end(0)
	if text := s.Stack(&account{thread: 5}); text != "its stack could not be had\n" {
		t.Errorf("%q", text)
	}
}
