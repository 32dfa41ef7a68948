package watch

import (
	"log/slog"
	"maps"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"github.com/fsnotify/fsnotify"
)

// Config says how to watch.
type Config struct {
	// Dir is where people are: names of files are given relative to it.
	Dir string
	// Poll is the time between two looks at all files; 0: the system tells of changes, where it can.
	Poll time.Duration
	Log  *slog.Logger

	// Quiet is how long nothing must have changed for a change to be complete, and Most how long that may take.
	// 0: the package's own times.
	Quiet, Most time.Duration
	real        string // Dir without links

	// Spare is the time between looks that make up for what the system does not tell; 0: the package's own.
	Spare time.Duration
}

const (
	quietTime = 50 * time.Millisecond
	mostTime  = 500 * time.Millisecond
	// pollTime is for where the system tells nothing.
	pollTime  = time.Second
	spareTime = 5 * time.Second
)

// Change is files that changed.
type Change struct {
	Files []string // relative to Config.Dir where they lie below it
	// Complete: nothing has changed any more for a while. It comes once after the changes that are not.
	Complete bool
}

// Watcher watches a set. Its methods may be called from anywhere.
type Watcher struct {
	config  Config
	events  *fsnotify.Watcher // nil: looks only
	changes chan Change
	orders  chan order
	end     chan struct{}
	ended   sync.WaitGroup
}

// order changes the set.
type order struct {
	change func(*Set)
	done   chan struct{} // closed when it is watched
}

// New starts a watcher of nothing.
func New(config Config) *Watcher {
	config.real = config.Dir
	if target, err := filepath.EvalSymlinks(config.Dir); err == nil {
		config.real = target
	}
	if config.Quiet == 0 {
		config.Quiet, config.Most = quietTime, mostTime
	}
	if config.Spare == 0 {
		config.Spare = spareTime
	}
	w := &Watcher{config: config, changes: make(chan Change), orders: make(chan order), end: make(chan struct{})}
	switch events, err := fsnotify.NewWatcher(); {
	case config.Poll > 0:
		if err == nil {
			_ = events.Close()
		}
	case err != nil:
		w.poll("the system does not tell of changes", err)
	case remote(config.Dir):
		_ = events.Close()
		w.poll("the files are on a file system that does not tell of all changes", nil)
	default:
		w.events = events
	}
	w.ended.Go(w.run)
	return w
}

// poll has the watcher look by itself from now on.
func (w *Watcher) poll(why string, err error) {
	w.config.Poll = pollTime
	args := []any{"every_s", pollTime.Seconds()}
	if err != nil {
		args = append(args, "error", err)
	}
	w.config.Log.Info(why+": they are looked at from time to time", args...)
}

// Watch has set watched in place of what was, from its return on. What was watched before and is still, is compared
// to what it was then; what is new, to what it is now.
func (w *Watcher) Watch(set Set) { w.order(func(s *Set) { *s = set }) }

// Add has more watched.
func (w *Watcher) Add(more Set) {
	w.order(func(s *Set) {
		s.Files = append(slices.Clip(s.Files), more.Files...)
		s.Patterns = append(slices.Clip(s.Patterns), more.Patterns...)
	})
}

func (w *Watcher) order(change func(*Set)) {
	o := order{change, make(chan struct{})}
	select {
	case w.orders <- o:
		<-o.done
	case <-w.end:
	}
}

// Changes are what has changed.
func (w *Watcher) Changes() <-chan Change { return w.changes }

// Close ends the watch.
func (w *Watcher) Close() {
	close(w.end)
	w.ended.Wait()
}

// state is what run knows.
type state struct {
	*Watcher
	set     Set
	seen    *look
	watched map[string]bool // directories that the system tells of
	told    []string        // changes that nobody has taken yet
	pending []string        // all changes since the last complete one
	since   time.Time       // when the first of those was seen
	last    time.Time       // when something changed last
	unsure  bool            // something has come or gone since the last look
	capped  bool            // the log knows
	ticker  *time.Ticker    // of looks that nobody asks for
}

func (w *Watcher) run() {
	s := &state{Watcher: w, seen: (&Set{}).look(), watched: map[string]bool{}, ticker: time.NewTicker(w.interval())}
	defer s.close()
	quiet := time.NewTimer(time.Hour)
	quiet.Stop()
	for {
		var out chan Change
		var change Change
		if complete := s.complete(); complete || len(s.told) > 0 {
			out, change = w.changes, Change{Files: s.told, Complete: complete}
			if complete {
				change.Files = s.pending
			}
		} else if len(s.pending) > 0 {
			quiet.Reset(s.wait())
		} else if s.unsure {
			quiet.Reset(gatherTime)
		}
		select {
		case <-w.end:
			return
		case out <- change:
			s.told = nil
			if change.Complete {
				s.pending = nil
			}
		case o := <-w.orders:
			before := s.set
			o.change(&s.set)
			s.watch(&before)
			close(o.done)
		case event := <-s.hints():
			s.hint(event)
		case err := <-s.errors():
			s.config.Log.Debug("events of files were lost", "error", err)
			s.lookAgain()
		case <-s.ticker.C:
			s.lookAgain()
		case <-quiet.C:
			s.lookAgain()
		}
	}
}

func (w *Watcher) interval() time.Duration {
	if w.config.Poll > 0 {
		return w.config.Poll
	}
	return w.config.Spare
}

// complete tells whether what changed has come to rest.
func (s *state) complete() bool { return len(s.pending) > 0 && s.wait() <= 0 }

// wait is how long that takes at least.
func (s *state) wait() time.Duration {
	return min(s.config.Quiet-time.Since(s.last), s.config.Most-time.Since(s.since))
}

func (s *state) hints() <-chan fsnotify.Event {
	if s.events == nil {
		return nil
	}
	return s.events.Events
}

func (s *state) errors() <-chan error {
	if s.events == nil {
		return nil
	}
	return s.events.Errors
}

// hint looks where the system says that something has changed.
func (s *state) hint(event fsnotify.Event) {
	name := event.Name
	before, known := s.seen.stamps[name]
	switch {
	case event.Op == fsnotify.Chmod || passing(filepath.Base(name)):
	case known && !event.Has(fsnotify.Remove) && !event.Has(fsnotify.Rename):
		if now := stampOf(name); now != before {
			s.seen.stamps[name] = now
			s.note([]string{name})
		}
	case event.Op == fsnotify.Write && !s.seen.targets[name]: // somebody's log
	default: // something has come or gone, a link or a directory perhaps: soon, since there may be many of them
		s.unsure = true
	}
}

// gatherTime is how long a look waits for more of what it is about.
const gatherTime = 10 * time.Millisecond

// lookAgain looks at all, and notes what has changed.
func (s *state) lookAgain() {
	s.unsure = false
	now := s.set.look()
	files := now.changed(s.seen)
	s.take(now)
	if len(files) > 0 {
		s.note(files)
	}
}

// note remembers changes, by the names that people know the files by.
func (s *state) note(files []string) {
	now := time.Now()
	if len(s.pending) == 0 {
		s.since = now
	}
	s.last = now
	for _, file := range files {
		file = s.short(file)
		if !slices.Contains(s.pending, file) {
			s.pending = append(s.pending, file)
			s.told = append(s.told, file)
		}
	}
	slices.Sort(s.pending)
	slices.Sort(s.told)
}

// short is a file's name as people say it who are in the directory.
func (s *state) short(file string) string {
	for _, dir := range []string{s.config.Dir, s.config.real} {
		if below, err := filepath.Rel(dir, file); err == nil && filepath.IsLocal(below) {
			return below
		}
	}
	return file
}

// watch begins to watch a set in place of the one before. That is looked at once more, and last: what has come to it
// since then would else be taken for a part of the new one that has always been there.
func (s *state) watch(before *Set) {
	s.unsure = false
	now := s.set.look()
	files := before.look().changed(s.seen)
	s.take(now)
	if len(files) > 0 {
		s.note(files)
	}
}

// take makes now what was seen last, and has the system tell of its directories.
func (s *state) take(now *look) {
	s.seen = now
	if now.capped && !s.capped {
		s.capped = true
		s.config.Log.Warn("there are too many files to watch: not all are", "files", len(now.stamps), "directories", len(now.dirs))
	}
	if s.events == nil {
		return
	}
	clear(s.watched)
	for _, dir := range s.events.WatchList() { // a directory that went has taken its watch along
		if s.watched[dir] = now.dirs[dir]; !now.dirs[dir] {
			_ = s.events.Remove(dir)
		}
	}
	for _, dir := range slices.Sorted(maps.Keys(now.dirs)) {
		if s.watched[dir] {
			continue
		}
		if err := s.events.Add(dir); err != nil {
			if isLimit(err) {
				s.giveUp(err)
				return
			}
			continue // it is gone again
		}
		s.watched[dir] = true
		s.unsure = true // it may have changed between the look and now
	}
}

// giveUp does without the system's help.
func (s *state) giveUp(err error) {
	_ = s.events.Close()
	s.events, s.watched = nil, map[string]bool{}
	s.ticker.Reset(pollTime)
	s.poll("the system tells of no more directories (fs.inotify.max_user_watches)", err)
}

func (s *state) close() {
	s.ticker.Stop()
	if s.events != nil {
		_ = s.events.Close()
	}
}
