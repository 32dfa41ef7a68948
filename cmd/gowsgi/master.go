package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/gowsgi/gowsgi/bridge"
	"github.com/gowsgi/gowsgi/internal/link"
	"github.com/gowsgi/gowsgi/internal/touch"
	"github.com/gowsgi/gowsgi/internal/workers"
	"github.com/gowsgi/gowsgi/pyhost"
)

// master is the shape with worker processes: this one has the sockets, the queue and the logs, and no
// Python.
type master struct {
	*site
	loop  *loop // follows the app's files; nil: nobody does
	edits edits
}

// newMaster makes the master of a site. dir is the directory that the program was started in.
func newMaster(s *site, dir string) (*master, error) {
	forWorkers := *s.config
	if forWorkers.Dir != "" && dir != "" {
		// A worker goes there anew, as the path may lead elsewhere after an update. From where the program was
		// started it can't go anywhere if --uid's user may not be there.
		if !filepath.IsAbs(forWorkers.Dir) {
			forWorkers.Dir = from(dir, forWorkers.Dir)
		}
		dir = "/"
	}
	text, err := json.Marshal(&forWorkers)
	if err != nil {
		return nil, err
	}
	inherited, err := workers.Memory("configuration", text)
	if err != nil {
		return nil, err
	}
	m := &master{site: s, edits: newEdits(s.config.Files)}
	config := workers.Config{
		Pool:    s.pool,
		Log:     s.log,
		Count:   s.config.Workers(),
		Threads: s.config.Threads,
		Size:    link.Size{Slots: s.config.Threads, Request: bridge.RequestMax(int(s.config.LimitHead))},
		Path:    "/proc/self/exe",
		Args:    os.Args,
		Inherit: inherited,
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
		Cheaper: workers.Cheaper{
			Least:   s.config.Cheaper,
			Initial: s.config.CheaperInitial,
			Step:    s.config.CheaperStep,
			Idle:    s.config.CheaperIdle,
		},
	}
	if s.config.ProcName { // a worker's own name: then there is room for it
		config.Name = func(number int) string { return workerName(s.config, number) }
	}
	if s.config.UWSGIModule {
		if config.Locks, err = workers.Memory("locks", nil); err != nil {
			return nil, err
		}
		config.Figures = s.workerFigures
	}
	if s.config.Reloads() {
		m.loop = newLoop(m)
		config.Loaded = m.loop.loaded
	}
	s.fleet = workers.New(config)
	return m, nil
}

// from is where a relative path leads from a directory, as the system sees it: behind a link, .. is not the link's
// parent. Leading ones are taken off, so that the directory itself need not be entered for them.
func from(dir, path string) string {
	for path == ".." || strings.HasPrefix(path, "../") {
		if resolved, err := filepath.EvalSymlinks(dir); err == nil {
			dir = resolved
		}
		dir, path = filepath.Dir(dir), strings.TrimLeft(strings.TrimPrefix(path, ".."), "/")
	}
	return dir + "/" + path
}

// serve runs until a signal ends it.
func (m *master) serve() error {
	m.server.Overdue = func(o *bridge.Overdue) { m.fleet.Harakiri(o, m.config.HarakiriGrace) }
	if err := m.server.Open(); err != nil {
		return err
	}
	m.watchSignals(true)
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	if err := m.whileLoading(m.begin(ctx)); err != nil {
		return err
	}
	m.figures.show(m.site)
	failed := m.serveEntrances()
	if err := m.announce(); err != nil {
		return err
	}
	touched := make(chan string, 1)
	if len(m.config.TouchReload) > 0 {
		go touch.Watch(m.config.TouchReload, touched)
	}
	return m.control(failed, touched, m.watchLog())
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
	m.app = &pyhost.App{Name: about.App, RouteCount: about.Routes}
	m.imported.Store(about.ImportMS * int64(time.Millisecond))
	m.venv = about.Venv
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
			switch m.signals.act(sig) {
			case actReopen:
				m.reopenLog(sig.String())
			case actRotate:
				m.rotateLog(sig.String())
			case actStacks: // an import that hangs is when one wants to see them
				go m.printStacks()
			case actDrain, actExit:
				m.log.Info("exiting while the app is being imported", "signal", sig.String())
				m.kill()
				m.close()
				os.Exit(0)
			}
		}
	}
}

func (m *master) notLoaded(f *workers.LoadError) error {
	if f.Code == exitNotLoaded {
		return m.site.notLoaded(&pyhost.LoadError{Own: f.Traceback != "", Message: f.Message, Traceback: f.Traceback})
	}
	return cli.Exit(f.Message, f.Code)
}

// exit is an error that has been reported.
func exit(code int) error { return cli.Exit("", code) }

// control waits for signals and acts on them, until the process is to end.
func (m *master) control(failed <-chan error, touched, rotated <-chan string) error {
	for {
		select {
		case err := <-failed:
			if err != nil {
				m.drain(0)
				return err
			}
		case file := <-touched:
			m.reload(m.fleet.Reload, "touched", file)
		case file := <-rotated:
			m.reopenLog(file)
		case sig := <-m.signals.arrived:
			switch m.signals.act(sig) {
			case actReload:
				m.reload(m.fleet.Reload, "signal", sig.String())
			case actReloadNow:
				m.reload(m.fleet.ReloadNow, "signal", sig.String())
			case actStacks:
				go m.printStacks()
			case actFigures:
				m.logFigures()
			case actReopen:
				m.reopenLog(sig.String())
			case actRotate:
				m.rotateLog(sig.String())
			case actMore:
				m.resize(1, sig)
			case actFewer:
				m.resize(-1, sig)
			case actDrain:
				m.log.Info("draining", "signal", sig.String(), "timeout_s", m.config.DrainTimeout.Seconds())
				go m.signals.exitOnSecond(m.site, m.printStacks)
				m.drain(int(number(sig)))
				return nil
			case actExit:
				m.kill()
				m.exitNow(sig)
			}
		}
	}
}

// kill ends the processes at once.
func (m *master) kill() {
	ctx, cancel := context.WithTimeout(context.Background(), 0)
	defer cancel()
	m.fleet.Close(ctx, 0)
}

func (m *master) reload(exchange func() error, why, by string) {
	m.log.Info("reloading", why, by)
	for _, file := range m.edits.edited() {
		m.log.Warn("a configuration file has changed: a reload loads the app anew, and options take effect at a restart", "file", file)
	}
	if m.loop == nil {
		go func() { _ = exchange() }() // it has said what is wrong
		return
	}
	select {
	case m.loop.orders <- struct{}{}:
	default: // one is under way
	}
}

// resize changes the number of worker processes by so many.
func (m *master) resize(by int, sig os.Signal) {
	before := m.fleet.Target()
	now := m.fleet.Resize(by)
	if now == before {
		least, most := m.fleet.Range()
		m.log.Warn("the number of worker processes stays: it is as far as it goes", "signal", sig.String(), "processes", now, "least", least, "most", most)
		return
	}
	m.log.Info("the number of worker processes changes", "signal", sig.String(), "processes", now)
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
