// Command gowsgi serves a WSGI application: a Go HTTP front with CPython inside.
package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"runtime"
	"syscall"

	"github.com/urfave/cli/v2"

	"github.com/gowsgi/gowsgi/internal/daemon"
	"github.com/gowsgi/gowsgi/internal/options"
	"github.com/gowsgi/gowsgi/internal/procname"
	"github.com/gowsgi/gowsgi/internal/smoke"
	"github.com/gowsgi/gowsgi/internal/workers"
	"github.com/gowsgi/gowsgi/pyhost"
)

// Set by scripts/build.sh.
var (
	version          = "dev"
	commit           = "unknown"
	pythonExecutable = "" // the interpreter that the program was built with
)

func init() {
	// The main goroutine stays on the process's main thread, which becomes Python's:
	// threading.main_thread() and signal.signal() want that.
	runtime.LockOSThread()
	spareProcs()
}

// spareProcs gives Go more Ps than there are CPUs. A Python thread keeps its P while it
// computes in C, and one that comes back and finds no P idle must sleep, with the GIL in
// its hands. $GOMAXPROCS has the last word.
func spareProcs() {
	if os.Getenv("GOMAXPROCS") == "" {
		runtime.GOMAXPROCS(runtime.GOMAXPROCS(0) + procsForPython)
	}
}

const procsForPython = 2

func main() {
	// A log whose reader has left must not end the server: Go lets SIGPIPE on stdout
	// and stderr kill the process unless somebody listens.
	signal.Ignore(syscall.SIGPIPE)
	line := procname.Take()
	self, err := workers.Inherit()
	if self != nil || err != nil {
		os.Exit(report(os.Stderr, workAs(self, line, err)))
	}
	background, err := daemon.Inherit()
	if err != nil {
		os.Exit(report(os.Stderr, err))
	}
	serve := func(c *options.Config) error { return run(c, line, background) }
	os.Exit(execute(newApp(os.Environ(), runs{serve: serve, smoke: runSmoke, routes: printRoutes}), os.Args))
}

// workAs is the life of a worker process: its options are the front's. err is why it can't be one.
func workAs(self *workers.Self, line *procname.Line, err error) error {
	if err != nil {
		return err
	}
	var config options.Config
	if err := json.Unmarshal(self.Config, &config); err != nil {
		return fmt.Errorf("%s is for gowsgi's own use: %w", workers.Variable, err)
	}
	name(&config, line, workerName(&config, self.Number))
	return work(&config, self)
}

// exitNotLoaded: the app can't be loaded; uWSGI's code with need-app.
const exitNotLoaded = 22

// run does what the options ask for, on the main thread. line is the process's command line; background is nil unless
// the process runs there.
func run(config *options.Config, line *procname.Line, background *daemon.Self) error {
	if config.Version {
		fmt.Printf("gowsgi %s (%s), Python %s, %s\n", version, commit, pyhost.PythonVersion(), runtime.Version())
		return nil
	}
	if config.Stop != "" || config.Reload != "" {
		return signalPidfile(config)
	}
	probe, err := smoke.Inherit()
	if err != nil {
		return err
	}
	if probe != nil {
		config = probe.Config
	}
	if config.Daemonize != "" && !config.Check {
		if background == nil {
			return startInBackground(config)
		}
		if err := logInBackground(config); err != nil {
			return err
		}
	}
	if os.Getpid() == 1 {
		code, err := reap()
		if err != nil {
			return fmt.Errorf("as process 1: %w", err)
		}
		return exit(code)
	}
	start := workingDir()
	s, err := newSite(config)
	if err != nil {
		return err
	}
	s.probe, s.daemon = probe, background
	defer s.close()
	if s.pool != nil {
		name(config, line, prefix(config)+"gowsgi master")
		m, err := newMaster(s, start)
		if err != nil {
			return err
		}
		return s.failed(m.serve())
	}
	name(config, line, prefix(config)+"gowsgi")
	return s.failed(s.alone())
}

// alone is the life of the single process.
func (s *site) alone() error {
	if err := s.load(); err != nil {
		return err
	}
	if s.config.Check {
		s.log.Info("the app loads", "app", s.app.Name, "import_ms", s.importTime().Milliseconds())
		return nil
	}
	return s.serve()
}

// name is --auto-procname.
func name(config *options.Config, line *procname.Line, text string) {
	if config.ProcName {
		line.Set(text)
	}
}

func workerName(config *options.Config, number int) string {
	return fmt.Sprintf("%sgowsgi worker %d", prefix(config), number)
}

func prefix(config *options.Config) string {
	if config.ProcNameSpaced != "" {
		return config.ProcNameSpaced + " "
	}
	return config.ProcNamePrefix
}

// load is boot, with the end of a start whose app can't be loaded.
func (s *site) load() error {
	err := s.boot()
	if failed := (*pyhost.LoadError)(nil); errors.As(err, &failed) {
		s.close() // the log goes out first
		return s.notLoaded(failed)
	}
	return err
}

// workingDir is where the program was started; "" when that can't be told.
func workingDir() string {
	dir, _ := os.Getwd()
	return dir
}

// notLoaded is the end of a start whose app can't be loaded: its traceback stands last
// on stderr, where CI logs and people look.
func (s *site) notLoaded(e *pyhost.LoadError) error {
	if e.Own {
		fmt.Fprintf(io.MultiWriter(os.Stderr, s.logfile.Terminal()), "gowsgi: the app failed to load: %s\n%s", e.Message, e.Traceback)
		return cli.Exit("", exitNotLoaded)
	}
	return cli.Exit(e.Message, exitNotLoaded)
}
