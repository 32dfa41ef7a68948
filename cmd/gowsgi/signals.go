package main

import (
	"log/slog"
	"os"
	"os/signal"
	"slices"
	"syscall"

	"github.com/gowsgi/gowsgi/pyhost"
)

// action is what a signal makes the program do.
type action int

const (
	actDrain  action = iota // end in order; the app's own handler runs too
	actStacks               // print every Python thread's stack
	actTell                 // the app's own handler only
)

// actions are the signals that Go owns (docs: README, "Signals"). An app's handler for
// one of them does not replace what gowsgi does; it runs besides.
var actions = map[os.Signal]action{
	syscall.SIGTERM: actDrain,
	syscall.SIGINT:  actDrain,
	syscall.SIGQUIT: actStacks,
	syscall.SIGHUP:  actTell,
	syscall.SIGUSR1: actTell,
	syscall.SIGUSR2: actTell,
}

// signals receives what the process is sent.
type signals struct {
	arrived chan os.Signal
}

// watchSignals takes the signals over, before Python can.
func watchSignals() *signals {
	s := &signals{arrived: make(chan os.Signal, 16)}
	signal.Notify(s.arrived, owned()...)
	return s
}

func owned() (list []os.Signal) {
	for s := range actions {
		list = append(list, s)
	}
	return list
}

func (s *signals) act(sig os.Signal) action { return actions[sig] }

// reclaim takes back the signals that the app has set handlers for while it was
// imported.
func (s *signals) reclaim(log *slog.Logger) {
	for _, sig := range pyhost.ReclaimSignals(owned()) {
		log.Info("the app handles a signal that gowsgi owns: its handler runs besides", "signal", sig.String())
	}
}

// exitOnSecond ends the process at once at the next TERM or INT.
func (s *signals) exitOnSecond(site *site) {
	ending := []os.Signal{syscall.SIGTERM, syscall.SIGINT}
	for sig := range s.arrived {
		if slices.Contains(ending, sig) {
			site.log.Warn("a second signal: exiting at once", "signal", sig.String())
			site.close()
			os.Exit(exitFailure)
		}
	}
}
