package workers

import (
	"context"
	"errors"
	"sync"
	"time"
)

// While code is written, a reload is not that of production: what is old must not answer any more from the moment
// that it is known to be, and an app that can't be loaded is nothing that old processes should hide.

// Loaded is files that a process has of its app, as far as somebody may edit them: absolute paths.
type Loaded struct {
	Files   []string `json:"files,omitempty"`
	Folders []string `json:"folders,omitempty"` // of templates
}

// Hold has the processes end their requests and leave. Requests wait for those that Renew starts.
func (f *Fleet) Hold() {
	f.mu.Lock()
	old := f.outdate()
	f.holds++
	f.held = true
	f.mu.Unlock()
	f.config.Pool.Down(false)
	for _, p := range old {
		f.count(p, "reload")
		p.member.Load().Retire() // before Hold returns
		go p.retire(f.config.Mercy, 0)
	}
}

var errOutdated = errors.New("there is newer code")

// Renew starts a generation of processes, first or after Hold, and returns when it takes requests: what the first
// process tells. When ctx ends before, they are killed. After an error none is left, and requests wait on; it is a
// *LoadError when the app can't be loaded.
func (f *Fleet) Renew(ctx context.Context) (Ready, error) {
	f.reloading.Lock()
	defer f.reloading.Unlock()
	f.begun.Do(func() {
		go f.starter()
		go f.watch()
		if f.config.Cheaper.Least > 0 {
			go f.follow()
		}
	})
	f.mu.Lock()
	f.held = true
	holds := f.holds
	f.mu.Unlock()
	generation, err := f.generation(ctx)
	if err != nil {
		return Ready{}, err
	}
	f.mu.Lock()
	if f.holds != holds {
		err = errOutdated
	} else if err = f.join(generation); err == nil {
		f.held = false
		f.adjust() // the number may have changed since
	}
	f.mu.Unlock()
	if err != nil {
		f.discard(generation)
		return Ready{}, err
	}
	return generation[0].about, nil
}

// discard ends processes that are not to take requests.
func (f *Fleet) discard(processes []*process) {
	var gone sync.WaitGroup
	for _, p := range processes {
		p.leaving.Store(true)
		p.kill("outdated")
		gone.Go(func() { <-p.exited })
	}
	gone.Wait()
}

// pathsMax is how much of paths goes into one message.
const pathsMax = 32 << 10

// Loaded tells the front what the app is made of.
func (s *Self) Loaded(l Loaded) error {
	for len(l.Files) > 0 || len(l.Folders) > 0 {
		var part Loaded
		size := 0
		part.Files, l.Files, size = take(l.Files, size)
		part.Folders, l.Folders, _ = take(l.Folders, size)
		if err := s.control.send(message{Loaded: &part}, -1); err != nil {
			return err
		}
	}
	return nil
}

// take splits off what goes into a message that holds size bytes already.
func take(paths []string, size int) (part, rest []string, all int) {
	n := 0
	for n < len(paths) && size < pathsMax {
		size += len(paths[n])
		n++
	}
	return paths[:n], paths[n:], size
}

// LoadedInterval is how often a worker looks for more.
const LoadedInterval = 500 * time.Millisecond
