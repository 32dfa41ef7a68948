package main

import (
	"fmt"
	"slices"
	"time"
)

// claim is what is said to hold for a fault.
type claim struct {
	text  string
	check func(*run) (figure string, holds bool)
	timed bool // not judged in a run that is too short for it
}

var noFailure = claim{text: "no request fails", check: func(r *run) (string, bool) {
	failed := r.requests - r.tally[ok]
	return fmt.Sprint(failed), failed == 0 && r.requests > 0
}}

var only502 = claim{text: "connections stay: what fails is answered 502", check: func(r *run) (string, bool) {
	others := r.requests - r.tally[ok] - r.tally["502"]
	return fmt.Sprintf("%d other failures", others), others == 0 && r.requests > 0
}}

// The log may name more: those that were there but not begun, and those whose answer was on its way.
var namedInLog = claim{text: "502 is only for requests that the log says were in a worker that died", check: func(r *run) (string, bool) {
	there, strangers := r.diedWith(), 0
	for id, o := range r.failed {
		if o == "502" && !there[id] {
			strangers++
		}
	}
	return fmt.Sprintf("%d of the %d that were there, %d others", r.tally["502"]-strangers, len(there), strangers), strangers == 0
}}

// once is checked by the app's own journal.
var once = claim{text: "no request runs twice, none is answered that has not run", check: func(r *run) (string, bool) {
	twice, never := 0, 0
	for id := int64(1); id <= r.ids.Load(); id++ {
		switch n := r.times[id]; {
		case n > 1:
			twice++
		case n == 0 && r.failed[id] == "":
			never++
		}
	}
	return fmt.Sprintf("%d, %d", twice, never), twice+never == 0
}}

// sound: the log has no errors but these.
func sound(expected ...string) claim {
	return claim{text: "the log has no other errors", check: func(r *run) (string, bool) {
		var first string
		n := 0
		for _, e := range r.log {
			if e.Level == "ERROR" && !slices.Contains(expected, e.Message) {
				if n++; n == 1 {
					first = ": " + e.Message
				}
			}
		}
		return fmt.Sprintf("%d%s", n, first), n == 0
	}}
}

// A worker is replaced once it is seen above the limit, and goes on until the other one is ready.
var bounded = claim{text: fmt.Sprintf("with `--reload-on-rss %d`, no worker has more than twice that", rssLimit), timed: true, check: func(r *run) (string, bool) {
	return fmt.Sprintf("%d MiB at most; %d replaced", r.peak, r.done), r.peak <= 2*rssLimit && r.done > 0
}}

const orphanTime = 2 * time.Second

var noneLeft = claim{text: "no worker is left after 2 seconds", check: func(r *run) (string, bool) {
	return fmt.Sprintf("%d left; all gone after %d ms at most; %d fronts killed", r.left, r.longest.Milliseconds(), r.done),
		r.left == 0 && (r.longest <= orphanTime || r.short)
}}

var othersServe = claim{text: fmt.Sprintf("only what a stopped worker has begun waits for it: %d requests at most", stopThreads), check: func(r *run) (string, bool) {
	return fmt.Sprintf("%d at most, in %d stops", r.stuck, r.done), r.stuck <= stopThreads && r.done > 0
}}

var notSlower = claim{text: "p99 of fast requests is at most twice that without slow clients", timed: true, check: func(r *run) (string, bool) {
	without, with := median(r.without), median(r.with)
	return fmt.Sprintf("%s without, %s with them: × %.2f", ms(without), ms(with), float64(with)/float64(without)), with <= 2*without
}}

func median(all []time.Duration) time.Duration {
	sorted := slices.Sorted(slices.Values(all))
	return sorted[len(sorted)/2]
}

func ms(d time.Duration) string { return fmt.Sprintf("%.1f ms", float64(d.Microseconds())/1000) }
