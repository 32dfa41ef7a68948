// Chaos does to gowsgi what happens to servers, under load, and prints a table of what came of it. It is run by
// scripts/chaos.sh. Linux only.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"
)

// judgedFrom is the shortest time to judge times and sizes by.
const judgedFrom = 30 * time.Second

func main() {
	var s setup
	flag.StringVar(&s.binary, "gowsgi", "bin/gowsgi", "the program")
	flag.StringVar(&s.venv, "venv", ".venv", "a virtual environment with Flask")
	flag.StringVar(&s.app, "app", "testdata/apps/chaos", "the folder of the app")
	flag.StringVar(&s.work, "work", "build/chaos", "a folder for logs")
	flag.DurationVar(&s.time, "time", time.Minute, "of each fault")
	flag.Parse()
	s.short = s.time < judgedFrom
	holds, err := s.table(flag.Args())
	if err != nil {
		fmt.Fprintln(os.Stderr, "chaos:", err)
		os.Exit(1)
	}
	if !holds {
		fmt.Fprintln(os.Stderr, "chaos: a claim does not hold")
		os.Exit(1)
	}
}

// table prints a row for each claim of the faults that are named, or of all.
func (s *setup) table(names []string) (holds bool, err error) {
	ctx, cancel := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer cancel()
	for _, path := range []*string{&s.binary, &s.venv, &s.app, &s.work} {
		if *path, err = filepath.Abs(*path); err != nil {
			return false, err
		}
	}
	chosen, err := choose(names)
	if err != nil {
		return false, err
	}
	fmt.Println("| fault | requests | that failed | claim | seen | holds |\n|---|---:|---|---|---|---|")
	holds = true
	for i := range chosen {
		f := &chosen[i]
		r := &run{setup: s, Context: ctx, fault: f, tally: map[outcome]int{}, failed: map[int64]outcome{}}
		fmt.Fprintf(os.Stderr, "%s: %s ...\n", f.name, f.what)
		if err := r.clear(); err != nil {
			return false, err
		}
		if err := f.do(r); err != nil {
			return false, fmt.Errorf("%s: %w", f.name, err)
		}
		holds = r.rows() && holds
	}
	return holds, nil
}

// clear makes the folder, without what an earlier run has left.
func (r *run) clear() error {
	old, err := filepath.Glob(filepath.Join(r.work, r.fault.name+".*"))
	if err != nil {
		return err
	}
	for _, file := range old {
		if err := os.Remove(file); err != nil {
			return err
		}
	}
	return os.MkdirAll(r.work, 0o700)
}

// rows prints what was seen, a row for each claim. It tells whether all hold.
func (r *run) rows() bool {
	what := fmt.Sprintf("**%s**: %s; `%s` | %d | %s", r.fault.name, r.fault.what, r.fault.args, r.requests, r.failures())
	all := true
	for _, c := range r.fault.claims {
		figure, holds := c.check(r)
		word := "yes"
		switch {
		case c.timed && r.short:
			word = "not judged"
		case !holds:
			word, all = "**no**", false
		}
		fmt.Printf("| %s | %s | %s | %s |\n", what, c.text, figure, word)
		what = " | | "
	}
	return all
}

// choose is the part of the table that is named.
func choose(names []string) (chosen []fault, err error) {
	var known []string
	for _, f := range faults {
		known = append(known, f.name)
		if len(names) == 0 || slices.Contains(names, f.name) {
			chosen = append(chosen, f)
		}
	}
	for _, name := range names {
		if !slices.Contains(known, name) {
			return nil, fmt.Errorf("no fault %q; there are: %s", name, strings.Join(known, " "))
		}
	}
	return chosen, nil
}
