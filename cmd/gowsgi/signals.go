package main

import (
	"log/slog"
	"os"
	"os/signal"
	"slices"
	"syscall"
	"time"

	"github.com/gowsgi/gowsgi/pyhost"
)

// action is what a signal makes the program do.
type action int

const (
	actNothing   action = iota
	actDrain            // end in order; the app's own handler runs too
	actStacks           // print every Python thread's stack
	actReload           // have new worker processes take over
	actReloadNow        // likewise, and kill the old ones
	actFigures          // log what has been served
	actReopen           // open --logto's file anew
	actRotate           // rename it before
	actMore             // one worker process more
	actFewer            // one less
	actExit             // end at once
)

// actions are the signals that Go handles (docs: README, "Signals"). Where there is nothing to do they do no harm.
var actions = map[os.Signal]action{
	syscall.SIGTERM: actDrain,
	syscall.SIGINT:  actDrain,
	syscall.SIGQUIT: actStacks,
	syscall.SIGHUP:  actReload,
	syscall.SIGUSR1: actFigures,
	syscall.SIGUSR2: actReopen,
	syscall.SIGTTIN: actMore,
	syscall.SIGTTOU: actFewer,
}

// ofTerminal are those that keys of a terminal, or its end, send to all of its foreground processes.
var ofTerminal = map[os.Signal]bool{syscall.SIGINT: true, syscall.SIGQUIT: true, syscall.SIGHUP: true}

// isFronts tells that a worker process gets a signal which the terminal has sent to the front as well: that acts on
// it. Only with --dev are they in one process group.
func (s *site) isFronts(sig os.Signal) bool { return s.self != nil && s.config.Dev && ofTerminal[sig] }

// owned are the actions that an app in this process can't have the signals of: its handlers for those run besides.
// The other signals are the app's if it sets a handler.
var owned = []action{actDrain, actStacks}

// fronts are the actions that only a front without Python has.
var fronts = []action{actMore, actFewer}

// signals receives what the process is sent.
type signals struct {
	arrived chan os.Signal
}

// watchSignals takes the signals over, before Python can, and the orders of FIFOs.
func (s *site) watchSignals(front bool) {
	s.signals = watchSignals(front)
	s.takeOrders()
}

func watchSignals(front bool) *signals {
	s := &signals{arrived: make(chan os.Signal, 16)}
	for sig, act := range actions {
		if !front && slices.Contains(fronts, act) {
			signal.Ignore(sig) // TTIN and TTOU would stop the process
			continue
		}
		signal.Notify(s.arrived, sig)
	}
	return s
}

// act is what a signal, or an order, is to do.
func (s *signals) act(sig os.Signal) action {
	if o, ok := sig.(order); ok {
		return orders[o]
	}
	return actions[sig]
}

// reclaim takes back the signals that the app has set handlers for while it was
// imported.
func (s *signals) reclaim(log *slog.Logger) {
	var ours []os.Signal
	for sig, act := range actions {
		if slices.Contains(owned, act) {
			ours = append(ours, sig)
		}
	}
	for _, sig := range pyhost.ReclaimSignals(ours) {
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
			switch s.act(sig) {
			case actExit:
				site.exitNow(sig)
			case actDrain:
				site.log.Info("exiting while the app is being imported", "signal", sig.String())
				site.close()
				os.Exit(0)
			case actStacks:
				site.printStacks()
			case actReopen:
				site.reopenLog(sig.String())
			case actRotate:
				site.rotateLog(sig.String())
			}
		}
	}
}

// sameOrder is how long after the first TERM or INT another one is the same order: timeout(1) signals its child and
// then the whole process group, and supervisors that do likewise reach a process twice. No one means to cut requests
// off that soon.
const sameOrder = 250 * time.Millisecond

// exitOnSecond ends the process at once at the next TERM or INT. The first has just come.
func (s *signals) exitOnSecond(site *site, printStacks func()) {
	first := time.Now()
	for sig := range s.arrived {
		switch s.act(sig) {
		case actStacks:
			printStacks() // of a drain that hangs
		case actReopen:
			site.reopenLog(sig.String())
		case actExit:
			site.exitNow(sig)
		case actDrain:
			if time.Since(first) < sameOrder {
				continue
			}
			site.log.Warn("a second signal: exiting at once", "signal", sig.String())
			site.close()
			os.Exit(exitFailure)
		}
	}
}
