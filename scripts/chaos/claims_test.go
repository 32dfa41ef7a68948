package main

import (
	"testing"
	"time"
)

// sample is a run of three requests in which nothing went wrong.
func sample() *run {
	r := &run{
		setup:    &setup{},
		requests: 3,
		tally:    map[outcome]int{ok: 3},
		failed:   map[int64]outcome{},
		times:    map[int64]int{1: 1, 2: 1, 3: 1},
		done:     1,
		without:  []time.Duration{1, 2, 9},
		with:     []time.Duration{9, 3, 4},
	}
	r.ids.Store(3)
	return r
}

// fails makes a request of the sample fail.
func (r *run) fails(id int64, o outcome) {
	r.tally[ok]--
	r.tally[o]++
	r.failed[id] = o
}

// Each claim holds for a run in which nothing went wrong, and not after that.
func TestClaims(t *testing.T) {
	died := entry{Level: "ERROR", Message: workerDied, Requests: []string{"GET /echo/2"}}
	for name, test := range map[string]struct {
		claim  claim
		breaks func(*run)
		holds  bool // all the same
	}{
		"failure":           {noFailure, func(r *run) { r.fails(2, "502") }, false},
		"no request":        {noFailure, func(r *run) { r.requests, r.tally[ok] = 0, 0 }, false},
		"502":               {only502, func(r *run) { r.fails(2, "502") }, true},
		"reset":             {only502, func(r *run) { r.fails(2, reset) }, false},
		"named":             {namedInLog, func(r *run) { r.fails(2, "502"); r.log = []entry{died} }, true},
		"not named":         {namedInLog, func(r *run) { r.fails(1, "502"); r.log = []entry{died} }, false},
		"twice":             {once, func(r *run) { r.times[3] = 2 }, false},
		"502, and twice":    {once, func(r *run) { r.fails(3, "502"); r.times[3] = 2 }, false},
		"answered, not run": {once, func(r *run) { delete(r.times, 3) }, false},
		"502, not run":      {once, func(r *run) { r.fails(3, "502"); delete(r.times, 3) }, true},
		"expected error":    {sound(workerDied), func(r *run) { r.log = []entry{died} }, true},
		"error":             {sound(workerUnborn), func(r *run) { r.log = []entry{died} }, false},
		"memory":            {bounded, func(r *run) { r.peak = 2*rssLimit + 1 }, false},
		"none replaced":     {bounded, func(r *run) { r.done = 0 }, false},
		"worker left":       {noneLeft, func(r *run) { r.left = 1 }, false},
		"worker stays long": {noneLeft, func(r *run) { r.longest = orphanTime + 1 }, false},
		"others wait":       {othersServe, func(r *run) { r.stuck = stopThreads + 1 }, false},
		"slower":            {notSlower, func(r *run) { r.with[0], r.with[1] = 5, 6 }, false},
	} {
		t.Run(name, func(t *testing.T) {
			r := sample()
			if figure, holds := test.claim.check(r); !holds {
				t.Errorf("does not hold for a good run: %s", figure)
			}
			test.breaks(r)
			if figure, holds := test.claim.check(r); holds != test.holds {
				t.Errorf("holds: %v, want %v: %s", holds, test.holds, figure)
			}
		})
	}
}
