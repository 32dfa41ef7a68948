package main

import (
	"log/slog"
	"os"
	"os/signal"
	"syscall"

	"github.com/gowsgi/gowsgi/pyhost"
)

// action is what a signal makes the program do.
type action int

const (
	actNothing action = iota
	actDrain          // end in order; the app's own handler runs too
	actStacks         // print every Python thread's stack
)

// actions are the signals that Go handles (docs: README, "Signals"). With actNothing they
// are the app's if it wants them, and do no harm if it does not. The others stay Go's: an
// app's handler for one of those runs besides.
var actions = map[os.Signal]action{
	syscall.SIGTERM: actDrain,
	syscall.SIGINT:  actDrain,
	syscall.SIGQUIT: actStacks,
	syscall.SIGHUP:  actNothing,
	syscall.SIGUSR1: actNothing,
	syscall.SIGUSR2: actNothing,
}

// ofTerminal are those that keys of a terminal, or its end, send to all of its foreground processes.
var ofTerminal = map[os.Signal]bool{syscall.SIGINT: true, syscall.SIGQUIT: true, syscall.SIGHUP: true}

// isFronts tells that a worker process gets a signal which the terminal has sent to the front as well: that acts on
// it. Only with --dev are they in one process group.
func (s *site) isFronts(sig os.Signal) bool { return s.self != nil && s.config.Dev && ofTerminal[sig] }

// signals receives what the process is sent.
type signals struct {
	arrived chan os.Signal
}

// watchSignals takes the signals over, before Python can.
func watchSignals() *signals {
	s := &signals{arrived: make(chan os.Signal, 16)}
	for sig := range actions {
		signal.Notify(s.arrived, sig)
	}
	return s
}

func (s *signals) act(sig os.Signal) action { return actions[sig] }

// reclaim takes back the signals that the app has set handlers for while it was
// imported.
func (s *signals) reclaim(log *slog.Logger) {
	var owned []os.Signal
	for sig, act := range actions {
		if act != actNothing {
			owned = append(owned, sig)
		}
	}
	for _, sig := range pyhost.ReclaimSignals(owned) {
		log.Info("the app handles a signal that gowsgi owns: its handler runs besides", "signal", sig.String())
	}
}

// whileLoading acts on signals as long as Python's main thread is in the app's import,
// which may hang: until loaded is closed.
func (s *signals) whileLoading(site *site, loaded <-chan struct{}) {
	for {
		select {
		case <-loaded:
			return
		case sig := <-s.arrived:
			if site.isFronts(sig) {
				continue
			}
			switch actions[sig] {
			case actDrain:
				site.log.Info("exiting while the app is being imported", "signal", sig.String())
				site.close()
				os.Exit(0)
			case actStacks:
				site.printStacks()
			}
		}
	}
}

// exitOnSecond ends the process at once at the next TERM or INT.
func (s *signals) exitOnSecond(site *site, printStacks func()) {
	for sig := range s.arrived {
		if actions[sig] == actStacks {
			printStacks() // of a drain that hangs
		}
		if actions[sig] == actDrain {
			site.log.Warn("a second signal: exiting at once", "signal", sig.String())
			site.close()
			os.Exit(exitFailure)
		}
	}
}
