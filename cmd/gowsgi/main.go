// Command gowsgi serves a WSGI application: a Go HTTP front with CPython inside.
package main

import (
	"errors"
	"fmt"
	"os"
	"os/signal"
	"runtime"
	"syscall"

	"github.com/urfave/cli/v2"

	"github.com/gowsgi/gowsgi/internal/options"
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
	os.Exit(execute(newApp(os.Environ(), runs{serve: run, smoke: runSmoke, routes: printRoutes}), os.Args))
}

// exitNotLoaded: the app can't be loaded; uWSGI's code with need-app.
const exitNotLoaded = 22

// run does what the options ask for, on the main thread.
func run(config *options.Config) error {
	if config.Version {
		fmt.Printf("gowsgi %s (%s), Python %s, %s\n", version, commit, pyhost.PythonVersion(), runtime.Version())
		return nil
	}
	self, err := workers.Inherit()
	if err != nil {
		return err
	}
	if self != nil {
		return work(config, self)
	}
	start := workingDir()
	probe, err := smoke.Inherit()
	if err != nil {
		return err
	}
	if probe != nil {
		config = probe.Config
	}
	s, err := newSite(config)
	if err != nil {
		return err
	}
	s.probe = probe
	defer s.close()
	if s.pool != nil {
		return newMaster(s, start).serve()
	}
	if err := s.load(); err != nil {
		return err
	}
	if config.Check {
		s.log.Info("the app loads", "app", s.app.Name, "import_ms", s.imported.Milliseconds())
		return nil
	}
	return s.serve()
}

// load is boot, with the end of a start whose app can't be loaded.
func (s *site) load() error {
	err := s.boot()
	if failed := (*pyhost.LoadError)(nil); errors.As(err, &failed) {
		s.close() // the log goes out first
		return notLoaded(failed)
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
func notLoaded(e *pyhost.LoadError) error {
	if e.Own {
		fmt.Fprintf(os.Stderr, "gowsgi: the app failed to load: %s\n%s", e.Message, e.Traceback)
		return cli.Exit("", exitNotLoaded)
	}
	return cli.Exit(e.Message, exitNotLoaded)
}
