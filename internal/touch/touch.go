// Package touch notices files that change, for --touch-reload and its like.
package touch

import (
	"os"
	"time"
)

// interval is how often the files are looked at; uWSGI's.
const interval = time.Second

// Watch tells of each change of the files, and does not return.
func Watch(files []string, touched chan<- string) {
	w := newWatch(files)
	for range time.Tick(interval) {
		for _, file := range w.changed() {
			touched <- file
		}
	}
}

// watch is what was seen of the files.
type watch struct {
	files []string
	seen  []stamp
}

// stamp is what a change is told by; zero: the file is missing.
type stamp struct {
	at   time.Time
	size int64
}

func newWatch(files []string) *watch {
	w := &watch{files: files, seen: make([]stamp, len(files))}
	w.changed()
	return w
}

// changed are the files that are not as they were at the last look. One that is missing comes to be a change, too,
// and one that goes is none: what follows is the change.
func (w *watch) changed() (changed []string) {
	for i, file := range w.files {
		now := look(file)
		if now != w.seen[i] && now != (stamp{}) {
			changed = append(changed, file)
		}
		w.seen[i] = now
	}
	return changed
}

func look(file string) (s stamp) {
	if info, err := os.Stat(file); err == nil {
		s = stamp{info.ModTime(), info.Size()}
	}
	return s
}
