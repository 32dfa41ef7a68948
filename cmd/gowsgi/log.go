package main

import (
	"fmt"
	"time"

	"github.com/gowsgi/gowsgi/internal/logfile"
	"github.com/gowsgi/gowsgi/internal/touch"
)

// openLog has stdout and stderr lead to --logto's file.
func (s *site) openLog() (err error) {
	if s.config.LogTo == "" || s.config.Check {
		return nil // who checks an app looks at the terminal
	}
	if s.logfile, err = logfile.Open(s.config.LogTo); err != nil {
		option, file := "--logto", s.config.LogTo
		if s.config.Daemonize != "" {
			option, file = "--daemonize", s.config.Daemonize
		}
		return fmt.Errorf("%s %s: %w", option, file, cause(err))
	}
	return nil
}

// reopenLog opens the file anew: it has been renamed. why is a signal or a file.
func (s *site) reopenLog(why string) {
	if s.logfile == nil {
		return
	}
	file, err := s.logfile.Reopen()
	if err != nil {
		s.log.Error("the log can't be opened anew; the old file goes on", "reason", why, "error", err)
		return
	}
	defer file.Close()
	if s.fleet != nil {
		s.fleet.Redirect(file)
	}
	s.log.Info("the log has been opened anew", "reason", why)
}

// rotateLog renames the file, with the time behind its name as uWSGI does, and opens a new one.
func (s *site) rotateLog(why string) {
	if s.logfile == nil {
		return
	}
	if err := s.logfile.Rotate(time.Now()); err != nil {
		s.log.Error("the log can't be renamed; it goes on", "reason", why, "error", err)
		return
	}
	s.reopenLog(why)
}

// watchLog tells of changes of --touch-logreopen's files.
func (s *site) watchLog() <-chan string {
	touched := make(chan string, 1)
	if s.logfile != nil && len(s.config.TouchLogReopen) > 0 {
		go touch.Watch(s.config.TouchLogReopen, touched)
	}
	return touched
}

// failed tells an error of the start to the terminal, too, if stderr leads elsewhere. The error is returned.
func (s *site) failed(err error) error {
	if err != nil && err.Error() != "" {
		fmt.Fprintf(s.logfile.Terminal(), "gowsgi: %v\n", err)
	}
	s.logfile.Started()
	return err
}

// logFigures writes what has been served to the log, and by which processes: SIGUSR1.
func (s *site) logFigures() {
	snapshot := s.snapshot(s.server)
	served := snapshot.Served()
	s.log.Info("stats", "requests", served.Requests, "exceptions", served.Exceptions, "harakiris", served.Harakiris,
		"unserved", snapshot.Unserved.Requests, "running", snapshot.Queue.Active+snapshot.Queue.Blocked, "waiting", snapshot.Queue.Waiting,
		"connections", snapshot.Connections)
	if s.fleet == nil {
		return
	}
	for i := range snapshot.Crews {
		c := &snapshot.Crews[i]
		if c.PID == 0 {
			continue
		}
		served := c.Served()
		s.log.Info("worker stats", "worker", c.Number, "pid", c.PID, "requests", served.Requests, "exceptions", served.Exceptions,
			"harakiris", served.Harakiris, "status", c.Status(), "age_s", int(time.Since(c.Spawned).Seconds()))
	}
}
