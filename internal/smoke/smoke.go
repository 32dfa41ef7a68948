package smoke

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"github.com/gowsgi/gowsgi/internal/options"
)

// Exit codes of gowsgi smoke beside 0, 2 (a usage error) and 22 (the app can't be loaded).
const (
	exitFailed      = 1
	exitInterrupted = 128 // plus the signal
)

// Smoke is a run of gowsgi smoke.
type Smoke struct {
	Config  options.Config
	Command []string // to run in place of checks
	Path    string   // this program
	Stdout  io.Writer
	Stderr  *os.File
}

// Run does it and returns the exit code. Nothing that it has started is left running.
func (s *Smoke) Run() (code int, err error) {
	arrived := make(chan os.Signal, 4)
	signal.Notify(arrived, syscall.SIGINT, syscall.SIGTERM, syscall.SIGHUP)
	defer signal.Stop(arrived)
	if len(s.Command) > 0 {
		return s.command(arrived)
	}
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	caught := make(chan os.Signal, 1)
	go func() {
		select {
		case sig := <-arrived:
			caught <- sig
			cancel()
		case <-ctx.Done():
		}
	}()
	code, err = s.try(ctx)
	select {
	case sig := <-caught:
		return interrupted(sig), nil
	default:
		return code, err
	}
}

func interrupted(sig os.Signal) int {
	number, _ := sig.(syscall.Signal)
	return exitInterrupted + int(number)
}

// try runs the checks and writes the reports.
func (s *Smoke) try(ctx context.Context) (code int, err error) {
	var scenarios [][]Check
	for _, text := range s.Config.Get {
		scenarios = append(scenarios, []Check{given(text)})
	}
	if s.Config.Checks != "" {
		checks, err := Read(s.Config.Checks, os.LookupEnv)
		if err != nil {
			return 0, err
		}
		scenarios = append(scenarios, checks)
	}
	fleet := &fleet{program: &Program{Path: s.Path, Config: s.Config, Probed: true, LoadLimit: LoadLimit}}
	defer fleet.end()
	server, err := fleet.acquire(ctx) // an app that can't be loaded is no check that failed
	if err != nil {
		return s.notLoaded(err)
	}
	if scenarios == nil {
		scenarios = s.discover(server)
	}
	fleet.release(server, false)
	if scenarios == nil {
		return 0, options.UsageError("there is no route to try; say what to ask for with --get or --checks")
	}
	started, progress := time.Now(), s.progress(scenarios)
	r := &runner{
		fleet: fleet, scenarios: scenarios, repeat: s.Config.Repeat, concurrency: s.Config.Concurrency,
		maxMS: s.Config.MaxMS, timeout: s.Config.Timeout, failFast: s.Config.FailFast,
		environ: os.LookupEnv, finished: progress.finished,
	}
	report := newReport(s.app(), started, r.run(ctx))
	progress.clear()
	if ctx.Err() != nil {
		return exitFailed, nil
	}
	if err := s.report(report); err != nil {
		return 0, err
	}
	if report.Failed > 0 {
		return exitFailed, nil
	}
	return 0, nil
}

// notLoaded passes on what the server said, its traceback last.
func (s *Smoke) notLoaded(err error) (int, error) {
	failed := (*NotLoadedError)(nil)
	if !errors.As(err, &failed) {
		return 0, err
	}
	fmt.Fprint(s.Stderr, failed.Log)
	return failed.Code, nil
}

// discover is a scenario for each route that can be asked for as it stands.
func (s *Smoke) discover(server *Server) (scenarios [][]Check) {
	select {
	case <-server.accounts.loaded:
	case <-server.accounts.ended:
	}
	routes := server.accounts.routes
	if routes == nil {
		routes = s.roots()
		s.note("the app has no URL map that gowsgi can read (Flask's it can): asking for %s only; see --get and --checks", paths(routes))
	}
	checks, unused := discovered(routes, s.Config.Exclude)
	for _, pattern := range unused {
		s.note("--exclude %s excludes nothing", pattern)
	}
	for _, c := range checks {
		scenarios = append(scenarios, []Check{c})
	}
	return scenarios
}

// roots are where the apps are.
func (s *Smoke) roots() (roots []Route) {
	if s.named() || len(s.Config.Mounts) == 0 {
		roots = append(roots, Route{Path: s.Config.ScriptName + "/"})
	}
	for _, mount := range s.Config.Mounts {
		prefix, _, _ := strings.Cut(mount, "=")
		roots = append(roots, Route{Path: strings.TrimRight(prefix, "/") + "/"})
	}
	return roots
}

func paths(routes []Route) string {
	var paths []string
	for i := range routes {
		paths = append(paths, routes[i].Path)
	}
	return strings.Join(paths, " ")
}

// named tells whether there is an app beside those of --mount.
func (s *Smoke) named() bool { return s.Config.Module+s.Config.File != "" }

func (s *Smoke) note(format string, args ...any) {
	fmt.Fprintf(s.Stderr, "gowsgi smoke: "+format+"\n", args...)
}

// app names the app for reports.
func (s *Smoke) app() string {
	c := &s.Config
	name := c.Module + c.File
	if c.Callable != "" {
		name += ":" + c.Callable
	}
	if len(c.Mounts) == 0 {
		return name
	}
	var names []string
	if s.named() {
		names = append(names, name)
	}
	return strings.Join(append(names, c.Mounts...), ", ")
}

func (s *Smoke) progress(scenarios [][]Check) *progress {
	p := &progress{}
	for _, checks := range scenarios {
		p.all += len(checks) * s.Config.Repeat
	}
	if _, err := unix.IoctlGetWinsize(int(s.Stderr.Fd()), unix.TIOCGWINSZ); err == nil {
		p.out = s.Stderr
	}
	return p
}

// report writes all reports that are wanted.
func (s *Smoke) report(r *Report) error {
	if err := r.write(s.Stdout); err != nil {
		return err
	}
	if os.Getenv("GITHUB_ACTIONS") == "true" {
		dir, _ := os.Getwd() // without one, annotations have no place
		if err := r.annotate(s.Stdout, dir); err != nil {
			return err
		}
	}
	if err := writeFile("--junit", s.Config.JUnit, r.writeJUnit); err != nil {
		return err
	}
	return writeFile("--json", s.Config.JSON, func(w io.Writer) error {
		e := json.NewEncoder(w)
		e.SetIndent("", "  ")
		e.SetEscapeHTML(false)
		return e.Encode(r)
	})
}

func writeFile(option, path string, write func(io.Writer) error) error {
	if path == "" {
		return nil
	}
	f, err := os.Create(path)
	if err == nil {
		err = errors.Join(write(f), f.Close())
	}
	if err != nil {
		return fmt.Errorf("%s: %w", option, err)
	}
	return nil
}
