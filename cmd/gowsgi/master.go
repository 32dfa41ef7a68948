package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"syscall"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/gowsgi/gowsgi/bridge"
	"github.com/gowsgi/gowsgi/internal/link"
	"github.com/gowsgi/gowsgi/internal/workers"
	"github.com/gowsgi/gowsgi/pyhost"
)

// master is the shape with worker processes: this one has the sockets, the queue and the logs, and no
// Python.
type master struct {
	*site
	fleet *workers.Fleet
	loop  *loop // follows the app's files; nil: nobody does
}

// newMaster makes the master of a site. dir is the directory that the program was started in.
func newMaster(s *site, dir string) *master {
	m := &master{site: s}
	config := workers.Config{
		Pool:    s.pool,
		Log:     s.log,
		Count:   s.config.Workers(),
		Threads: s.config.Threads,
		Size:    link.Size{Slots: s.config.Threads, Request: bridge.RequestMax(int(s.config.LimitHead))},
		Path:    "/proc/self/exe",
		Args:    os.Args,
		Dir:     dir,
		// pdb reads the terminal, which a background process group must not.
		Terminal: s.config.Dev,
		Mercy:    s.config.Mercy,
		Recycling: workers.Recycling{
			Requests: uint64(s.config.MaxRequests),
			Delta:    uint64(s.config.MaxRequestsDelta),
			MinAge:   s.config.MinLifetime,
			MaxAge:   s.config.MaxLifetime,
			RSS:      int64(s.config.ReloadRSS) << 20,
			EvilRSS:  int64(s.config.EvilReloadRSS) << 20,
		},
	}
	if s.config.Reloads() {
		m.loop = newLoop(m)
		config.Loaded = m.loop.loaded
	}
	m.fleet = workers.New(config)
	return m
}

// serve runs until a signal ends it.
func (m *master) serve() error {
	m.server.Overdue = func(o *bridge.Overdue) { m.fleet.Harakiri(o, m.config.HarakiriGrace) }
	if err := m.server.Open(); err != nil {
		return err
	}
	m.signals = watchSignals()
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	if err := m.whileLoading(m.begin(ctx)); err != nil {
		return err
	}
	m.figures.show(m.site)
	failed := make(chan error, len(m.listeners))
	for _, l := range m.listeners {
		go func() { failed <- m.server.Serve(l) }()
	}
	if err := m.announce(); err != nil {
		return err
	}
	touched := make(chan string, 1)
	if len(m.config.TouchReload) > 0 {
		go watchFiles(m.config.TouchReload, touched)
	}
	return m.control(failed, touched)
}

// begin starts the processes. The channel gets what that has come to. What follows the app's files ends with ctx.
func (m *master) begin(ctx context.Context) <-chan error {
	begun := make(chan error, 1)
	if m.loop != nil {
		m.loop.first = begun
		go m.loop.run(ctx)
		return begun
	}
	go func() {
		about, err := m.fleet.Start()
		m.loaded(about)
		begun <- err
	}()
	return begun
}

// loaded notes what the processes say of the app.
func (m *master) loaded(about workers.Ready) {
	m.app, m.imported = &pyhost.App{Name: about.App, Routes: about.Routes}, time.Duration(about.ImportMS)*time.Millisecond
	m.venv = about.Venv
}

// reload has new processes take over.
func (m *master) reload(why string) {
	if m.loop == nil {
		go func() { _ = m.fleet.Reload() }() // it has said what is wrong
		return
	}
	select {
	case m.loop.orders <- why:
	default: // one is under way
	}
}

// whileLoading waits until the processes are ready. Signals end the program before.
func (m *master) whileLoading(begun <-chan error) error {
	for {
		select {
		case err := <-begun:
			if failed := (*workers.LoadError)(nil); errors.As(err, &failed) {
				m.close() // the log goes out first
				return m.notLoaded(failed)
			}
			return err
		case sig := <-m.signals.arrived:
			if m.signals.act(sig) == actDrain {
				m.log.Info("exiting while the app is being imported", "signal", sig.String())
				ctx, cancel := context.WithTimeout(context.Background(), 0)
				m.fleet.Close(ctx, 0)
				cancel()
				m.close()
				os.Exit(0)
			}
		}
	}
}

func (m *master) notLoaded(f *workers.LoadError) error {
	if f.Code == exitNotLoaded {
		return notLoaded(&pyhost.LoadError{Own: f.Traceback != "", Message: f.Message, Traceback: f.Traceback})
	}
	return cli.Exit(f.Message, f.Code)
}

// exit is an error that has been reported.
func exit(code int) error { return cli.Exit("", code) }

// control waits for signals and acts on them, until the process is to end.
func (m *master) control(failed <-chan error, touched <-chan string) error {
	for {
		select {
		case err := <-failed:
			if err != nil {
				m.drain(0)
				return err
			}
		case file := <-touched:
			m.log.Info("reloading", "touched", file)
			m.reload("touched " + file)
		case sig := <-m.signals.arrived:
			switch {
			case sig == syscall.SIGHUP:
				m.log.Info("reloading", "signal", sig.String())
				m.reload(sig.String())
			case m.signals.act(sig) == actStacks:
				go m.printStacks()
			case m.signals.act(sig) == actDrain:
				m.log.Info("draining", "signal", sig.String(), "timeout_s", m.config.DrainTimeout.Seconds())
				go m.signals.exitOnSecond(m.site, m.printStacks)
				m.drain(int(sig.(syscall.Signal)))
				return nil
			}
		}
	}
}

// drain lets what runs end, then the processes.
func (m *master) drain(signal int) {
	begun := time.Now()
	ctx, cancel := context.WithTimeout(context.Background(), m.config.DrainTimeout)
	defer cancel()
	if err := m.server.Shutdown(ctx); err != nil {
		for _, r := range m.server.Queue.Running() {
			m.log.Warn("a request did not end in time and is cut", "request", r.Line, "age_s", r.Age.Seconds())
		}
		m.server.Abort()
	}
	end, cancelEnd := context.WithTimeout(context.Background(), max(m.config.DrainTimeout-time.Since(begun), exitGrace))
	defer cancelEnd()
	m.fleet.Close(end, signal)
	m.pool.Close()
}

// printStacks writes what every Python thread of every process does to stderr.
func (m *master) printStacks() {
	ctx, cancel := context.WithTimeout(context.Background(), stackTimeout+time.Second)
	defer cancel()
	for pid, text := range m.fleet.Stacks(ctx) {
		_, _ = io.WriteString(m.out, fmt.Sprintf("--- stacks of all Python threads, pid %d ---\n%s--- end of stacks ---\n", pid, text))
	}
}

// touchInterval is how often the files of --touch-reload are looked at; uWSGI's.
const touchInterval = time.Second

// watchFiles tells of files that change: their time or size. One that is missing comes to be a change,
// too.
func watchFiles(files []string, touched chan<- string) {
	type stamp struct {
		at   time.Time
		size int64
	}
	look := func(file string) (s stamp) {
		if info, err := os.Stat(file); err == nil {
			s = stamp{info.ModTime(), info.Size()}
		}
		return s
	}
	seen := make([]stamp, len(files))
	for i, file := range files {
		seen[i] = look(file)
	}
	for range time.Tick(touchInterval) {
		for i, file := range files {
			now := look(file)
			if now != seen[i] && now != (stamp{}) {
				touched <- file
			}
			seen[i] = now
		}
	}
}
