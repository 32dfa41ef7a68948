package main

import (
	"context"
	"fmt"
	"maps"
	"path"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"time"
)

// run is one fault, done to a server of its own under load, and what was seen.
type run struct {
	*setup
	context.Context
	fault  *fault
	server *server
	ids    atomic.Int64

	requests int
	tally    map[outcome]int
	failed   map[int64]outcome
	times    map[int64]int // that the app ran each request
	log      []entry

	done    int           // times that the fault was done
	peak    int           // MiB, the most that a worker had
	longest time.Duration // until the workers of a front that was killed were gone
	left    int           // workers that never went
	stuck   int           // the most requests that waited for a stopped worker
	without []time.Duration
	with    []time.Duration
	cuts    int64
}

// serve starts the server, and ends it after f. What it says, and did, is the run's then.
func (r *run) serve(f func() error) error {
	if err := r.start(); err != nil {
		return err
	}
	err := f()
	if stopped := r.server.stop(); err == nil {
		err = stopped
	}
	if err != nil {
		return err
	}
	return r.collect()
}

func (r *run) start() (err error) {
	r.server, err = r.launch(r.Context, r.fault.name, strings.Fields(r.fault.args))
	return err
}

// collect reads what the servers of the run have left.
func (r *run) collect() (err error) {
	if r.times, err = r.server.executions(); err == nil {
		r.log, err = r.server.entries()
	}
	return err
}

// begin starts a load.
func (r *run) begin(l load) *traffic { return l.begin(r.server.address, &r.ids) }

// end ends it and adds what was seen.
func (r *run) end(t *traffic) {
	t.end()
	for o, n := range t.tally {
		r.tally[o] += n
		r.requests += n
	}
	maps.Copy(r.failed, t.failed)
}

// sleep waits; false: the run is to be given up.
func (r *run) sleep(d time.Duration) bool {
	select {
	case <-r.Done():
		return false
	case <-time.After(d):
		return true
	}
}

// meantime does something again and again under load: for the run's time, and until it has come to something.
func (r *run) meantime(interval time.Duration, do func() error) error {
	t := r.begin(r.fault.load)
	defer r.end(t)
	begun := time.Now()
	for r.sleep(interval) {
		if err := do(); err != nil {
			return err
		}
		age := time.Since(begun)
		if age >= r.time && (r.done > 0 || age >= r.time+startTime) {
			return nil
		}
	}
	return r.Err()
}

// replaced counts the log's lines that tell of a worker that is replaced for this reason.
func (r *run) replaced(reason string) (int, error) {
	log, err := r.server.entries()
	n := 0
	for _, e := range log {
		if e.Message == "a worker process is replaced" && e.Reason == reason {
			n++
		}
	}
	return n, err
}

// failures are the requests that failed, by kind.
func (r *run) failures() string {
	var kinds []string
	for _, o := range slices.Sorted(maps.Keys(r.tally)) {
		if o != ok {
			kinds = append(kinds, fmt.Sprintf("%s × %d", o, r.tally[o]))
		}
	}
	if len(kinds) == 0 {
		return "none"
	}
	return strings.Join(kinds, ", ")
}

// diedWith are the requests that were in workers that have died, by the front's log.
func (r *run) diedWith() map[int64]bool {
	ids := map[int64]bool{}
	for _, e := range r.log {
		if e.Message != workerDied {
			continue
		}
		for _, line := range e.Requests {
			if id, err := strconv.ParseInt(path.Base(line), 10, 64); err == nil {
				ids[id] = true
			}
		}
	}
	return ids
}

// What the front's log says of workers that die.
const (
	workerDied   = "a worker process has died; it is replaced"
	workerUnborn = "a worker process can't be started; it is tried again"
)
