package main

import (
	"encoding/json"
	"os"

	"github.com/gowsgi/gowsgi/internal/stats"
	"github.com/gowsgi/gowsgi/pyhost"
)

// uwsgiModule is what the app's "import uwsgi" is about; nil: --uwsgi-module was not given.
func (s *site) uwsgiModule() *pyhost.UWSGI {
	c := s.config
	if !c.UWSGIModule {
		return nil
	}
	u := &pyhost.UWSGI{
		Worker: 1, Workers: max(c.Workers(), 1), Master: os.Getpid(), Locks: c.Locks,
		Log: func(text string, isError bool) {
			if isError {
				s.log.Error(text)
			} else {
				s.log.Info(text)
			}
		},
		Figures: s.workerFigures,
	}
	for _, o := range c.UWSGIOpt {
		u.Options = append(u.Options, pyhost.UWSGIOption{Key: o.Key, Value: o.Value, Bare: o.Bare})
	}
	if s.self != nil {
		u.Worker, u.Master, u.Reloads, u.File, u.Figures = s.self.Number, os.Getppid(), true, s.self.Locks, s.self.Workers
	}
	return u
}

// workerFigures are those of the stats' document that uwsgi.workers() has, as JSON.
func (s *site) workerFigures() ([]byte, error) {
	snapshot := s.snapshot(s.server)
	about := stats.Process{Import: s.importTime(), Mounts: prefixes(s.server.Mounts)}
	workers := about.Workers(&snapshot)
	for i := range workers {
		workers[i].Cores = nil // of many threads they would be too much for the control socket
	}
	return json.Marshal(workers)
}
