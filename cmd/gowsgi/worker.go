package main

import (
	"context"
	"errors"
	"os"
	"syscall"
	"time"

	"github.com/gowsgi/gowsgi/bridge"
	"github.com/gowsgi/gowsgi/internal/logfile"
	"github.com/gowsgi/gowsgi/internal/options"
	"github.com/gowsgi/gowsgi/internal/workers"
	"github.com/gowsgi/gowsgi/pyhost"
)

// work is the life of a worker process: Python, and no socket but the front's.
func work(config *options.Config, self *workers.Self) error {
	s := &site{config: config, self: self, booted: make(chan struct{}), queue: &bridge.Queue{}}
	if err := s.openLogs(); err != nil {
		return failed(self, err)
	}
	defer s.close()
	orders := make(chan int, 1)
	go self.Obey(workers.Orders{
		Stop: func(signal int) {
			select {
			case orders <- signal:
			default:
			}
		},
		Stacks:   s.stacks,
		Stack:    func(r bridge.Running) string { return s.stack(context.Background(), r) },
		Harakiri: s.harakiri,
		Log: func(file *os.File) {
			if err := logfile.Redirect(file); err != nil {
				s.log.Error("the log can't be opened anew; the old file goes on", "error", err)
			}
		},
		Orphaned: func() { os.Exit(exitFailure) }, // nobody is left to answer to
	})
	err := s.enter()
	if err == nil {
		err = s.boot()
	}
	if err != nil {
		return failed(self, err)
	}
	self.Attach(s.queue, s.log)
	if err := s.host.Start(s.queue); err != nil {
		return failed(self, err)
	}
	s.signals.reclaim(s.log)
	main, endMain := context.WithCancel(context.Background())
	go func() {
		s.obey(orders)
		endMain()
	}()
	if config.Reloads() && s.tellLoaded(s.app.Loaded) == nil {
		go s.followImports()
	}
	err = self.Ready(workers.Ready{
		App:      s.app.Name,
		Python:   pyhost.PythonVersion(),
		ImportMS: s.importTime().Milliseconds(),
		Routes:   s.app.RouteCount,
		Venv:     s.venv,
	})
	if err != nil {
		return nil // the front is gone, which Obey sees, too
	}
	go s.watchGIL()
	s.host.Main(main)
	return nil
}

// failed tells the front why there is no app to serve.
func failed(self *workers.Self, err error) error {
	f := workers.LoadError{Message: err.Error(), Code: exitCode(err)}
	if l := (*pyhost.LoadError)(nil); errors.As(err, &l) {
		f.Message, f.Traceback, f.Code = l.Message, l.Traceback, exitNotLoaded
	}
	if self.Fail(f) == nil {
		return exit(f.Code) // the front says it
	}
	return err
}

// obey waits for the front's order to end, and ends the app.
func (s *site) obey(orders <-chan int) {
	for {
		select {
		case sig := <-s.signals.arrived:
			if s.isFronts(sig) {
				continue
			}
			switch s.signals.act(sig) {
			case actStacks:
				s.printStacks()
			case actDrain: // a supervisor may send it to all of its processes: the front knows whether this one is meant
				s.self.Leave()
			}
		case signal := <-orders:
			if signal != 0 {
				s.tellApp(syscall.Signal(signal))
			}
			s.queue.Close()
			s.end(time.Now(), 0)
			return
		}
	}
}
