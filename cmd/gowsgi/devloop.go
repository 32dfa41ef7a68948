package main

import (
	"context"
	"errors"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/gowsgi/gowsgi/internal/devloop"
	"github.com/gowsgi/gowsgi/internal/watch"
	"github.com/gowsgi/gowsgi/internal/workers"
	"github.com/gowsgi/gowsgi/pyhost"
)

// loop has a master's processes follow the app's files. With --dev, old code does not answer any more from the moment
// that a change is seen: requests wait for the new one. Without, reloads are those of production.
type loop struct {
	*master
	watcher *watch.Watcher
	site    *devloop.Site // nil: not --dev
	dir     string

	mu    sync.Mutex
	made  workers.Loaded // of what the app is made that was loaded last, or is being
	good  workers.Loaded // of the last one that could be loaded
	busy  bool           // it is being loaded
	self  map[string]int // how often files changed in loads that came to nothing for that
	began time.Time      // when the change was seen that is being acted on
	first chan error     // gets what the first load came to; nil: it has

	orders chan struct{} // to reload
}

// newLoop makes the loop of a master whose options ask for it.
func newLoop(m *master) *loop {
	dir := workingDir()
	l := &loop{master: m, dir: dir, self: map[string]int{}, orders: make(chan struct{}, 1)}
	if m.config.Dev {
		l.site = devloop.New(m.config.DevRemote)
		m.server.Dev = l.site.Dev()
	}
	return l
}

// loaded is told what a process is made of. It is not believed more than that.
func (l *loop) loaded(_ int, more workers.Loaded) {
	more = workers.Loaded{Files: absolute(more.Files), Folders: absolute(more.Folders)}
	l.mu.Lock()
	l.made.Files = append(l.made.Files, more.Files...)
	l.made.Folders = append(l.made.Folders, more.Folders...)
	busy := l.busy
	l.mu.Unlock()
	if !busy {
		l.watcher.Add(setOf(more))
	}
}

func absolute(paths []string) (absolute []string) {
	for _, p := range paths {
		if filepath.IsAbs(p) && !strings.ContainsRune(p, 0) {
			absolute = append(absolute, filepath.Clean(p))
		}
	}
	return absolute
}

// always are files that matter whatever the app is made of.
var always = []string{".env", ".flaskenv", "pyproject.toml"}

func setOf(l workers.Loaded) (s watch.Set) {
	s.Files = l.Files
	for _, folder := range l.Folders {
		s.Patterns = append(s.Patterns, watch.Pattern{Dir: folder, Glob: "**"})
	}
	return s
}

// set is what is to be watched for an app that is made of parts. all: nobody knows yet all that it is made of.
func (l *loop) set(all bool, parts ...workers.Loaded) (s watch.Set) {
	for _, name := range always {
		s.Files = append(s.Files, filepath.Join(l.dir, name))
	}
	for _, part := range parts {
		more := setOf(part)
		s.Files = append(s.Files, more.Files...)
		s.Patterns = append(s.Patterns, more.Patterns...)
	}
	if all {
		s.Patterns = append(s.Patterns, watch.Pattern{Dir: l.dir, Glob: "**/*.py"})
	}
	for _, glob := range l.config.Watch {
		s.Patterns = append(s.Patterns, watch.NewPattern(l.dir, glob))
	}
	return s
}

// run loads the app, again and again, until ctx ends.
func (l *loop) run(ctx context.Context) {
	l.watcher = watch.New(watch.Config{Dir: l.dir, Poll: l.config.Poll(), Log: l.log})
	defer l.watcher.Close()
	l.watcher.Watch(l.set(true))
	for again := true; again; {
		loading, cancel := context.WithCancel(ctx)
		over := l.load(loading)
		again = l.await(ctx, cancel)
		cancel()
		<-over
	}
}

// load starts to load the app. The channel is closed when that is over.
func (l *loop) load(ctx context.Context) (over chan struct{}) {
	over = make(chan struct{})
	l.mu.Lock()
	l.busy, l.made = true, workers.Loaded{}
	renew := l.site != nil || l.first != nil
	l.mu.Unlock()
	go func() {
		defer close(over)
		if renew {
			ready, err := l.fleet.Renew(ctx)
			l.result(ctx, ready, err)
		} else {
			l.result(ctx, workers.Ready{}, l.fleet.Reload()) // it has said what came of it
		}
	}()
	return over
}

// result is told what a load has come to. If ctx has ended, that is of no interest any more.
func (l *loop) result(ctx context.Context, ready workers.Ready, err error) {
	failure := failureOf(err)
	l.mu.Lock()
	l.busy = false
	if ctx.Err() != nil && l.site != nil {
		l.mu.Unlock()
		return
	}
	clear(l.self)
	first := l.first
	l.first = nil
	var s watch.Set
	if err == nil {
		l.good = l.made
		s = l.set(false, l.made)
	} else {
		s = l.set(true, l.made, l.good, workers.Loaded{Files: absolute(failure.Files())})
	}
	if l.site != nil {
		l.show(ready, err, failure, first == nil)
	}
	l.mu.Unlock()
	l.watcher.Watch(s)
	if first != nil {
		l.master.loaded(ready)
		if err != nil && l.site != nil && !fatal(err) {
			l.app.Name, err = "none that can be loaded", nil
		}
		first <- err
	}
}

// show has clients and people see what a load has come to. again: it was not the first.
func (l *loop) show(ready workers.Ready, err error, failure *devloop.Failure, again bool) {
	switch {
	case err == nil:
		l.site.Loaded()
		if again {
			l.log.Info("reloaded", "app", ready.App, "import_ms", ready.ImportMS, "ms", time.Since(l.began).Milliseconds())
		}
	case again || !fatal(err):
		l.site.Failed(failure)
		l.pool.Down(true)
		l.complain(failure)
	}
}

// fatal tells whether no save of the app's files can help: the set-up is wrong.
func fatal(err error) bool {
	failed := (*workers.LoadError)(nil)
	return errors.As(err, &failed) && failed.Code != exitNotLoaded
}

func (l *loop) complain(f *devloop.Failure) {
	args := []any{"error", f.Message}
	if f.Traceback != "" {
		args = append(args, "traceback", f.Traceback)
	}
	l.log.Error("the app can't be loaded; it is tried again at the next save", args...)
}

// failureOf is an error for people; an empty one for none.
func failureOf(err error) *devloop.Failure {
	if err == nil {
		return &devloop.Failure{}
	}
	if failed := (*workers.LoadError)(nil); errors.As(err, &failed) {
		return devloop.NewFailure(failed.Message, failed.Traceback)
	}
	return devloop.NewFailure(err.Error(), "")
}

// await waits for a reason to load the app again. What is being loaded is ended then. False: ctx has ended.
func (l *loop) await(ctx context.Context, cancel func()) bool {
	held := false
	for {
		select {
		case <-ctx.Done():
			return false
		case <-l.orders:
			l.hold(cancel)
			return true
		case c := <-l.watcher.Changes():
			if !held && l.ownDoing(c) {
				continue
			}
			if !held {
				l.hold(cancel)
				held = true
			}
			if c.Complete {
				l.log.Info("reloading", "changed", strings.Join(c.Files[:min(len(c.Files), namesMax)], " "), "files", len(c.Files))
				return true
			}
		}
	}
}

// namesMax is how many files the log names.
const namesMax = 5

// hold has requests wait, with --dev: what there is, is old.
func (l *loop) hold(cancel func()) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.began = time.Now()
	if l.site != nil {
		cancel()
		l.fleet.Hold()
	}
}

// selfMost is how often in a row a file may change while the app is being loaded, until that is the app's own doing.
const selfMost = 3

// ownDoing tells of files that change at each load: the app writes them itself.
func (l *loop) ownDoing(c watch.Change) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	own := l.busy
	for _, file := range c.Files {
		if l.busy && !c.Complete {
			l.self[file]++
		}
		if l.self[file] == selfMost && !c.Complete {
			l.log.Warn("a file changes each time that the app is loaded: that is no reason to load it again", "file", file)
		}
		own = own && l.self[file] >= selfMost
	}
	return own
}

// tellLoaded tells the front what the app is made of.
func (s *site) tellLoaded(l pyhost.Loaded) error {
	return s.self.Loaded(workers.Loaded{Files: l.Files, Folders: l.Folders})
}

// followImports tells the front of what the app loads later, until the process ends.
func (s *site) followImports() {
	for range time.Tick(workers.LoadedInterval) {
		more, err := s.host.Loaded(context.Background())
		if err != nil || s.tellLoaded(more) != nil {
			return
		}
	}
}
