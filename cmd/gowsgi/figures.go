package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"slices"

	"github.com/gowsgi/gowsgi/bridge"
	"github.com/gowsgi/gowsgi/internal/accesslog"
	"github.com/gowsgi/gowsgi/internal/listen"
	"github.com/gowsgi/gowsgi/internal/metrics"
	"github.com/gowsgi/gowsgi/internal/options"
	"github.com/gowsgi/gowsgi/internal/stats"
)

// figures are what a site shows of its work: --stats and --metrics. They answer until the
// process's end, also while it drains and while Python is stuck.
type figures struct {
	stats, metrics net.Listener // nil: not asked for
	measured       *metrics.Metrics
	shown          []io.Closer
}

// measure prepares the metrics of s's server, and returns what is to be told of each request.
func (f *figures) measure(s *site, server *bridge.Server) func(*accesslog.Record) {
	f.measured = metrics.New(func() bridge.Snapshot { return s.snapshot(server) }, s.restarts)
	return f.measured.Observe
}

// snapshot looks at the server, and at the worker processes.
func (s *site) snapshot(server *bridge.Server) bridge.Snapshot {
	if s.fleet != nil {
		s.fleet.Refresh()
	}
	return server.Snapshot()
}

// restarts are the worker processes that were replaced, by reason.
func (s *site) restarts() map[string]uint64 {
	if s.fleet == nil {
		return nil
	}
	return s.fleet.Restarts()
}

// noThread is said of a request that has ended since, or never was.
const noThread = "no thread has a request at this place any more\n"

// stackAt is the stack of the request that a process has at a place: a thread of this process, or a slot
// of a worker process.
func (s *site) stackAt(ctx context.Context, pid, core int) string {
	if s.fleet != nil {
		return s.fleet.Stack(ctx, pid, core)
	}
	for _, r := range s.queue.Running() {
		if pid == os.Getpid() && r.Worker == core {
			return s.stack(ctx, r)
		}
	}
	return noThread
}

// stack is that of the thread of this process that is at a request.
func (s *site) stack(ctx context.Context, r bridge.Running) string {
	ctx, cancel := context.WithTimeout(ctx, stackTimeout)
	defer cancel()
	return s.host.Stack(ctx, r)
}

// figuresMode is the mode of UNIX sockets: figures are not for the machine's other users.
const figuresMode = 0o600

// bind makes the sockets, for their owner; nil: it stays.
func (f *figures) bind(config *options.Config, owner *listen.Owner) error {
	for _, b := range []struct {
		option, address string
		listener        *net.Listener
	}{{"--stats", config.Stats, &f.stats}, {"--metrics", config.Metrics, &f.metrics}} {
		if b.address == "" {
			continue
		}
		address, err := listen.Parse(b.address)
		if err != nil {
			return fmt.Errorf("%s: %w", b.option, err)
		}
		l, err := listen.Listen(address, listen.Options{Mode: figuresMode, Owner: owner, Option: b.option})
		if err != nil {
			return err
		}
		*b.listener = l
		f.shown = append(f.shown, l)
	}
	return nil
}

// show begins to answer. The app is loaded.
func (f *figures) show(s *site) {
	if f.stats != nil {
		about := s.about()
		server := &stats.Server{
			HTTP: s.config.StatsHTTP,
			Document: func() ([]byte, error) {
				snapshot := s.snapshot(s.server)
				return about.Document(&snapshot)
			},
			Stack: s.stackAt,
		}
		f.shown = append(f.shown, server)
		go server.Serve(f.stats)
	}
	if f.metrics != nil {
		server := f.measured.Server(s.log)
		f.shown = append(f.shown, server)
		go func() {
			if err := server.Serve(f.metrics); !errors.Is(err, http.ErrServerClosed) {
				s.log.Error("metrics are no longer served", "error", err)
			}
		}()
	}
}

// about is what stats tell of the process.
func (s *site) about() *stats.Process {
	return &stats.Process{
		Version:   version,
		Import:    s.importTime(),
		Mounts:    prefixes(s.server.Mounts),
		Dir:       s.config.Dir,
		Entrances: slices.Clone(s.entrances),
	}
}

// announce says where they are.
func (f *figures) announce(log *slog.Logger, ready *listen.Ready) {
	if f.stats != nil {
		ready.Stats = listen.Name(f.stats)
		log.Info("serving stats", "address", ready.Stats)
	}
	if f.metrics != nil {
		ready.Metrics = listen.URL(f.metrics) + metrics.Path
		log.Info("serving metrics", "url", ready.Metrics)
	}
}

// close ends the answers and removes the sockets; the error is about those. It may be called twice.
func (f *figures) close() (err error) {
	for _, c := range slices.Backward(f.shown) {
		failed := c.Close()
		if _, ok := c.(net.Listener); ok {
			err = errors.Join(err, failed)
		}
	}
	f.shown = nil
	return err
}
