package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"time"

	"github.com/gowsgi/gowsgi/bridge"
	"github.com/gowsgi/gowsgi/internal/accesslog"
	"github.com/gowsgi/gowsgi/internal/daemon"
	"github.com/gowsgi/gowsgi/internal/fifo"
	"github.com/gowsgi/gowsgi/internal/listen"
	"github.com/gowsgi/gowsgi/internal/logfile"
	"github.com/gowsgi/gowsgi/internal/options"
	"github.com/gowsgi/gowsgi/internal/privilege"
	"github.com/gowsgi/gowsgi/internal/smoke"
	"github.com/gowsgi/gowsgi/internal/workers"
	"github.com/gowsgi/gowsgi/pyhost"
)

// site is one app with what it is served by: the single shape. Each part is made
// once, in the order of the fields, and closed in the other.
type site struct {
	config *options.Config

	logfile   *logfile.File     // that stdout and stderr lead to; nil: they are as they were
	out       *accesslog.Writer // both logs, to stderr
	log       *slog.Logger
	pidfile   *listen.Pidfile
	announcer *listen.Announcer
	identity  *privilege.Identity // that the process becomes; nil: it stays
	entrances []listen.Entrance
	fifos     []*fifo.FIFO
	daemon    *daemon.Self // this process is in the background; else nil
	figures   figures
	signals   *signals

	host     *pyhost.Host
	booted   chan struct{} // closed once host is there
	app      *pyhost.App
	imported atomic.Int64 // how long the import took, in nanoseconds
	venv     string       // the virtual environment's directory; "": none

	server *bridge.Server
	queue  *bridge.Queue  // that of this process's Python threads
	self   *workers.Self  // this process is a worker; else nil
	probe  *smoke.Self    // this process serves for gowsgi smoke; else nil
	routes bool           // the app's URL map is wanted
	pool   *bridge.Pool   // that of worker processes, in place of all of Python's; nil: there are none
	fleet  *workers.Fleet // likewise
}

// newSite does what can fail before Python is there: a mistake in an option costs no
// import.
func newSite(config *options.Config) (*site, error) {
	s := &site{config: config, booted: make(chan struct{})}
	if err := s.openLogs(); err != nil {
		return nil, s.failed(err)
	}
	if err := s.prepare(); err != nil {
		s.close()
		return nil, s.failed(err)
	}
	return s, nil
}

func (s *site) prepare() (err error) {
	config := s.config
	if err := s.identify(); err != nil {
		return err
	}
	if err := s.enter(); err != nil {
		return err
	}
	if err := s.openLog(); err != nil {
		return err
	}
	if config.ShowConfig {
		_, _ = io.WriteString(s.out, shown(config))
	}
	for _, warning := range config.Warnings {
		s.log.Warn(warning)
	}
	if config.File != "" {
		if _, err := os.Stat(config.File); err != nil {
			return fmt.Errorf("--wsgi-file %s: %w", config.File, cause(err))
		}
	}
	if s.server, err = s.newServer(); err != nil {
		return err
	}
	if !config.Check {
		if err := s.bind(); err != nil {
			return err
		}
	}
	return s.drop()
}

// enter goes to the directory, and sets the environment, that the app is to have.
func (s *site) enter() error {
	config := s.config
	if config.Dir != "" {
		if err := os.Chdir(config.Dir); err != nil {
			return fmt.Errorf("--chdir %s: %w", config.Dir, cause(err))
		}
	}
	for _, pair := range config.Env {
		name, value, _ := strings.Cut(pair, "=")
		if err := os.Setenv(name, value); err != nil {
			return fmt.Errorf("--env %s: %w", pair, err)
		}
	}
	for _, name := range config.Unenv {
		_ = os.Unsetenv(name)
	}
	return nil
}

// path is --pythonpath with its patterns replaced by what they match, as in uWSGI.
func (s *site) path() (dirs []string) {
	for _, dir := range s.config.PythonPath {
		matches, err := filepath.Glob(dir)
		if err != nil || len(matches) == 0 {
			matches = []string{dir}
		}
		dirs = append(dirs, matches...)
	}
	return dirs
}

// cause leaves out what the caller names anyway: the call and the path.
func cause(err error) error {
	if p := (*os.PathError)(nil); errors.As(err, &p) {
		return p.Err
	}
	return err
}

// backlog makes the queue of the shape that is asked for.
func (s *site) backlog() bridge.Backlog {
	if s.config.Workers() > 0 && !s.config.Check {
		s.pool = &bridge.Pool{Limit: s.config.Queue, Outgrown: s.outgrown}
		return s.pool
	}
	s.queue = &bridge.Queue{Limit: s.config.Queue, Outgrown: s.outgrown}
	return s.queue
}

func (s *site) newServer() (*bridge.Server, error) {
	c := s.config
	proxies, err := bridge.ParseProxies(c.TrustedProxies)
	if err != nil {
		return nil, err
	}
	announced, err := announcers(c)
	if err != nil {
		return nil, err
	}
	apps, err := appSpecs(c)
	if err != nil {
		return nil, err
	}
	if c.ScriptName != "" && apps[0].Mounted != "" {
		s.log.Warn("--script-name is for the main app, and there is none: those of --mount say themselves where they are")
	}
	server := &bridge.Server{
		Queue: s.backlog(),
		Limits: bridge.Limits{
			Head:     int(c.LimitHead),
			Body:     c.LimitPost,
			Header:   c.HeaderTimeout,
			BodyIdle: c.BodyTimeout,
			Send:     c.SendTimeout,
			Idle:     c.IdleTimeout,
			Wait:     c.QueueTimeout,
			Harakiri: c.Harakiri,
		},
		Log:           s.log,
		Health:        c.HealthPath,
		Mounts:        mountsOf(apps),
		Proxies:       proxies,
		ProxyProtocol: announced,
		Overdue:       s.overdue,
		LogVars:       c.UWSGIModule,
	}
	if server.Added, err = s.added(); err != nil {
		return nil, err
	}
	if server.Static, err = s.static(); err != nil {
		return nil, err
	}
	if c.Metrics != "" {
		server.Access = s.figures.measure(s, server)
	}
	return server, s.logRequests(server)
}

// outgrown speaks up when requests wait because every thread is taken.
func (s *site) outgrown(q bridge.Stats) {
	s.log.Warn("requests wait: every thread is taken; more --threads help if the app waits for others",
		"waiting", q.Waiting, "threads", q.Threads, "blocked", q.Blocked, "active", q.Active)
}

// bind opens the sockets, so that a port in use is known before a long import.
func (s *site) bind() (err error) {
	fd := -1 // none
	if s.config.ReadyFD != 0 {
		fd = s.config.ReadyFD
	}
	if s.announcer, err = listen.NewAnnouncer(s.config.ReadyFile, fd); err != nil {
		return err
	}
	if err := s.openEntrances(); err != nil {
		return err
	}
	if err := s.figures.bind(s.config, s.ownOwner()); err != nil {
		return err
	}
	if err := s.openFIFOs(); err != nil {
		return err
	}
	if s.config.PIDFile != "" {
		s.pidfile, err = listen.WritePidfile(s.config.PIDFile)
	}
	return err
}

// boot starts Python and loads the app, on the main thread. The error is a *pyhost.LoadError if that
// is what fails.
func (s *site) boot() error {
	if s.config.Dev {
		if err := s.readDotenv(); err != nil {
			return err
		}
	}
	venv, named := s.config.Virtualenv, "--virtualenv"
	if venv == "" {
		venv, named = os.Getenv("VIRTUAL_ENV"), "VIRTUAL_ENV"
	}
	s.venv = venv
	executable, err := pyhost.FindExecutable(venv, named, pythonExecutable, pyhost.PythonVersion())
	if err != nil {
		return err
	}
	if !s.config.Check {
		s.watchSignals(false)
	}
	s.host, err = pyhost.Boot(pyhost.Config{
		Executable:   executable,
		Argv:         append([]string{"gowsgi"}, s.config.Argv...),
		Path:         s.path(),
		Threads:      s.config.Threads,
		Multiprocess: s.self != nil && s.self.Several,
		Pages:        s.pages(),
		LineBuffered: s.config.LogTo != "",
		Software:     "gowsgi/" + version,
		Reloads:      s.config.Reloads(),
		UWSGI:        s.uwsgiModule(),
		Log:          s.log,
	})
	if err != nil {
		return err
	}
	close(s.booted)
	loaded := make(chan struct{})
	if s.signals != nil {
		go s.signals.whileLoading(s, loaded)
	}
	begun := time.Now()
	s.app, err = s.loadApps()
	s.imported.Store(int64(time.Since(begun)))
	close(loaded)
	if err != nil {
		return err
	}
	for _, warning := range s.app.Warnings {
		s.log.Warn(warning)
	}
	if s.app.Note != "" {
		s.log.Info(s.app.Note)
	}
	if s.config.Dir2 != "" {
		if err := os.Chdir(s.config.Dir2); err != nil {
			return fmt.Errorf("--chdir2 %s: %w", s.config.Dir2, cause(err))
		}
	}
	if s.probe != nil && s.probe.Probed {
		return s.probe.Loaded(s.app.Routes)
	}
	return nil
}

// loadApps loads the apps that are asked for, with what is to stand around them.
func (s *site) loadApps() (*pyhost.App, error) {
	apps, err := appSpecs(s.config)
	if err != nil {
		return nil, err
	}
	spec := pyhost.SiteSpec{Apps: apps, Routes: s.routes}
	if s.probe != nil && s.probe.Probed {
		spec.Routes = true
		spec.Probe = &pyhost.Probe{FD: s.probe.ProbeFD(), Validate: s.probe.Validate}
	}
	return s.host.Load(spec)
}

// serve runs until a signal ends it.
func (s *site) serve() error {
	if err := s.server.Open(); err != nil {
		return err
	}
	hooked := make(chan struct{})
	go s.signals.whileLoading(s, hooked) // the app's post_fork_hook may hang
	err := s.host.Start(s.queue)
	close(hooked)
	if err != nil {
		return err
	}
	s.figures.show(s)
	s.signals.reclaim(s.log)
	failed := s.serveEntrances()
	main, endMain := context.WithCancel(context.Background())
	result := make(chan error, 1)
	touched := s.watchLog()
	go func() {
		result <- s.control(failed, touched)
		endMain()
	}()
	if err := s.announce(); err != nil {
		return err
	}
	go s.watchGIL()
	s.host.Main(main) // Python's main thread stays here
	return <-result
}

// importTime is how long the app's import took.
func (s *site) importTime() time.Duration { return time.Duration(s.imported.Load()) }

func (s *site) announce() error {
	ready := listen.Ready{
		PID:      os.Getpid(),
		Python:   pyhost.PythonVersion(),
		App:      s.app.Name,
		ImportMS: s.importTime().Milliseconds(),
	}
	s.figures.announce(s.log, &ready)
	for _, e := range s.entrances {
		s.log.Info("serving", append([]any{
			"url", e.URL(), "app", s.app.Name, "python", ready.Python, "threads", s.config.Threads,
			"pid", ready.PID, "import_ms", ready.ImportMS,
		}, s.aboutDev()...)...)
		ready.URLs = append(ready.URLs, e.URL())
	}
	ready.URL = ready.URLs[0]
	if len(ready.URLs) == 1 {
		ready.URLs = nil
	}
	if s.config.Open {
		openBrowser(s.log, ready.URL)
	}
	if err := s.announcer.Announce(ready); err != nil {
		return err
	}
	s.logfile.Started()
	s.daemon.Ready()
	return nil
}

// control waits for signals and acts on them, until the process is to end.
func (s *site) control(failed <-chan error, touched <-chan string) error {
	for {
		select {
		case err := <-failed:
			if err != nil {
				s.drain(exitFailure)
				return err
			}
		case file := <-touched:
			s.reopenLog(file)
		case sig := <-s.signals.arrived:
			switch s.signals.act(sig) {
			case actStacks:
				s.printStacks()
			case actFigures:
				s.logFigures()
			case actReopen:
				s.reopenLog(sig.String())
			case actRotate:
				s.rotateLog(sig.String())
			case actReload:
				s.log.Warn("a reload needs worker processes: give --master", "signal", sig.String())
			case actExit:
				s.exitNow(sig)
			case actDrain:
				s.log.Info("draining", "signal", sig.String(), "timeout_s", s.config.DrainTimeout.Seconds())
				go s.signals.exitOnSecond(s, s.printStacks)
				s.tellApp(sig)
				s.drain(0)
				return nil
			}
		}
	}
}

// exitGrace is how long the app's own end may take, its threads and atexit functions,
// when requests have used the drain's time up.
const exitGrace = 2 * time.Second

// drain lets what runs end, then the app. code is for an app that does not end.
func (s *site) drain(code int) {
	begun := time.Now()
	ctx, cancel := context.WithTimeout(context.Background(), s.config.DrainTimeout)
	defer cancel()
	if err := s.server.Shutdown(ctx); err != nil {
		for _, r := range s.server.Queue.Running() {
			s.log.Warn("a request did not end in time and is cut", "request", r.Line, "age_s", r.Age.Seconds())
		}
		s.server.Abort()
	}
	s.queue.Close()
	s.end(begun, code)
}

// end ends the app, once nothing runs. begun is when that was wanted.
func (s *site) end(begun time.Time, code int) {
	end, cancelEnd := context.WithTimeout(context.Background(), max(s.config.DrainTimeout-time.Since(begun), exitGrace))
	defer cancelEnd()
	if err := s.host.Shutdown(end); err != nil {
		// Python's main thread hangs in the app: there is no way to return through it.
		s.log.Warn("the app did not end in time: its threads or atexit functions hang", "error", err)
		s.close()
		os.Exit(code)
	}
}

// close takes back what stands outside the process. It may be called twice.
func (s *site) close() {
	for _, e := range s.entrances {
		s.left(e.Close())
	}
	s.entrances = nil
	for _, f := range s.fifos {
		s.left(f.Close())
	}
	s.fifos = nil
	s.left(s.figures.close())
	s.left(s.announcer.Close())
	s.left(s.pidfile.Remove())
	_ = s.out.Close() // the terminal of a start that fails is open still: the error is told after this
}
