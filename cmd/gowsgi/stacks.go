package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"strings"
	"time"
)

// tellApp runs the handler that the app has set for a signal that Go has taken.
func (s *site) tellApp(sig os.Signal) {
	ctx, cancel := context.WithTimeout(context.Background(), tellTimeout)
	defer cancel()
	s.host.SignalPython(ctx, number(sig))
}

const (
	tellTimeout  = 2 * time.Second
	stackTimeout = 2 * time.Second
)

// printStacks writes what every Python thread does to stderr.
func (s *site) printStacks() {
	var text strings.Builder
	fmt.Fprintf(&text, "--- stacks of all Python threads, pid %d ---\n", os.Getpid())
	s.stacks(&text)
	text.WriteString("--- end of stacks ---\n")
	_, _ = io.WriteString(s.out, text.String())
}

// stacks writes what every Python thread does, also while the app is being imported.
func (s *site) stacks(w io.Writer) {
	<-s.booted
	ctx, cancel := context.WithTimeout(context.Background(), stackTimeout)
	defer cancel()
	if err := s.host.Stacks(ctx, w, s.queue.Running()); err != nil {
		fmt.Fprintf(w, "%v\n", err)
	}
}
