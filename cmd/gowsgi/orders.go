package main

import (
	"fmt"
	"os"
	"syscall"

	"github.com/gowsgi/gowsgi/internal/fifo"
)

// order is a letter that came through a --master-fifo. Orders are taken like signals, in one line with them.
type order byte

func (o order) Signal()        {}
func (o order) String() string { return fmt.Sprintf("%c from --master-fifo", byte(o)) }

// orders are the letters that are understood (docs: --master-fifo), as uWSGI has them.
var orders = map[order]action{
	'q': actDrain,
	'Q': actExit,
	'r': actReload,
	'w': actReload, // of workers: there is no other one here
	'c': actReload, // one after the other: all of them stand in for each other
	'R': actReloadNow,
	'W': actReloadNow,
	'+': actMore,
	'-': actFewer,
	'l': actReopen,
	'L': actRotate,
	's': actFigures,
}

// noOrders are uWSGI's other letters, with what to do instead.
var noOrders = map[order]string{
	'p': "there is no pause; take the server out of the proxy's list, or stop it",
	'P': "not needed: the pidfile is that of the process that has it",
	'f': "not needed: r exchanges all of the app's processes",
	'C': "the number of worker processes follows --cheaper; - takes one away",
	'B': "there is no emperor here",
	'E': "there is no emperor here",
	'S': "there are no subscriptions here",
}

// refusal says why an order is not carried out.
func refusal(o order) string {
	if text := noOrders[o]; text != "" {
		return text
	}
	if o >= '0' && o <= '9' {
		return "not needed: every --master-fifo is read at once"
	}
	return "there are r R q Q + - l L s"
}

// ofFleet are the actions that want worker processes.
var ofFleet = map[action]bool{actReload: true, actReloadNow: true, actMore: true, actFewer: true}

// openFIFOs makes the FIFOs.
func (s *site) openFIFOs() error {
	uid, gid := -1, -1
	if owner := s.ownOwner(); owner != nil {
		uid, gid = owner.UID, owner.GID
	}
	for _, path := range s.config.MasterFIFO {
		f, err := fifo.Open(path, uid, gid)
		if err != nil {
			return fmt.Errorf("--master-fifo %s: %w", path, cause(err))
		}
		s.fifos = append(s.fifos, f)
	}
	return nil
}

// takeOrders reads the FIFOs until they are closed. What is understood goes where signals go.
func (s *site) takeOrders() {
	for _, f := range s.fifos {
		go f.Take(func(letter byte) {
			o := order(letter)
			act, ok := orders[o]
			switch {
			case !ok:
				s.log.Warn("an order is not understood", "letter", fmt.Sprintf("%q", letter), "reason", refusal(o))
			case s.pool == nil && ofFleet[act]:
				s.log.Warn("an order needs worker processes: give --master", "letter", fmt.Sprintf("%q", letter))
			default:
				s.signals.arrived <- o
			}
		})
	}
}

// number is the signal that the app is to see for an order to end.
func number(sig os.Signal) syscall.Signal {
	if n, ok := sig.(syscall.Signal); ok {
		return n
	}
	return syscall.SIGTERM
}

// exitNow is Q: what runs is cut.
func (s *site) exitNow(sig os.Signal) {
	s.log.Warn("exiting at once", "signal", sig.String())
	s.close()
	os.Exit(0)
}
