package main

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"syscall"
	"time"
)

// fault is a row of the table.
type fault struct {
	name   string
	what   string
	args   string // of gowsgi
	load   load
	do     func(*run) error
	claims []claim
}

// busy is as many clients as keep all threads busy, with some requests that wait.
const busy = 16

var faults = []fault{
	{
		name: "kill", what: "`kill -9` of a random worker every second",
		args: "-p 3 --threads 4", load: load{clients: busy, mix: whole}, do: killWorkers,
		claims: []claim{only502, namedInLog, once, sound(workerDied, workerUnborn)},
	},
	{
		name: "reload", what: "HUP every 2 seconds",
		args: "-p 2 --threads 4", load: load{clients: busy, mix: all}, do: reload,
		claims: []claim{noFailure, once, sound()},
	},
	{
		name: "recycle", what: "each worker is replaced after 50 to 100 requests",
		args: "-p 3 --threads 4 --max-requests 50 --max-requests-delta 50", load: load{clients: busy, mix: all}, do: replacement("max-requests"),
		claims: []claim{noFailure, once, sound()},
	},
	{
		name: "leak", what: "the app leaks 1 MB a request",
		args: fmt.Sprintf("-p 2 --threads 4 --reload-on-rss %d", rssLimit), load: load{clients: 4, pause: 40 * time.Millisecond, mix: leaks}, do: replacement("reload-on-rss"),
		claims: []claim{noFailure, bounded, once, sound()},
	},
	{
		name: "front", what: "`kill -9` of the front, again and again",
		args: "-p 3 --threads 4", load: load{clients: busy, mix: all}, do: killFront,
		claims: []claim{noneLeft, once, sound()},
	},
	{
		name: "stop", what: "a random worker is stopped for a second, and goes on (STOP, CONT)",
		args: fmt.Sprintf("-p 3 --threads %d", stopThreads), load: load{clients: busy, mix: all}, do: stopWorkers,
		claims: []claim{noFailure, othersServe, once, sound()},
	},
	{
		name: "slow-readers", what: "1,000 clients read 256 bytes of a response of 1 MB each second",
		args: "-p 2 --threads 4", load: few, do: slowClients(1000, slowReader(1<<20)),
		claims: []claim{noFailure, notSlower, once, sound()},
	},
	{
		name: "slow-writers", what: "500 clients send a head, 500 a body, a byte each second",
		args: "-p 2 --threads 4", load: few, do: slowClients(500, slowHead, slowBody),
		claims: []claim{noFailure, notSlower, once, sound()},
	},
}

// few clients leave the CPU idle at times, so that a wait is somebody's fault.
var few = load{clients: 2, pause: 2 * time.Millisecond, mix: fast}

// killWorkers kills those that start, too.
func killWorkers(r *run) error {
	return r.serve(func() error {
		return r.meantime(time.Second, func() error {
			return r.signalOne(syscall.SIGKILL)
		})
	})
}

// signalOne sends a signal to a random worker.
func (r *run) signalOne(s syscall.Signal) error {
	workers := children(r.server.pid())
	if len(workers) == 0 {
		return nil // for now
	}
	r.done++
	return syscall.Kill(workers[rand.IntN(len(workers))].pid, s)
}

func reload(r *run) error {
	return r.serve(func() error {
		return r.meantime(2*time.Second, func() error {
			r.done++
			return syscall.Kill(r.server.pid(), syscall.SIGHUP)
		})
	})
}

// rssLimit is in MiB.
const rssLimit = 200

// replacement lets the front replace workers for a reason.
func replacement(reason string) func(*run) error {
	return func(r *run) error {
		return r.serve(func() error {
			return r.meantime(50*time.Millisecond, func() (err error) {
				for _, w := range children(r.server.pid()) {
					r.peak = max(r.peak, w.peak())
				}
				r.done, err = r.replaced(reason)
				return err
			})
		})
	}
}

// killFront does it to one server after the other.
func killFront(r *run) error {
	for begun := time.Now(); r.done == 0 || time.Since(begun) < r.time; r.done++ {
		if err := r.start(); err != nil {
			return err
		}
		t := r.begin(r.fault.load)
		first := r.ids.Load()
		within(startTime, func() bool { return r.ids.Load() > first+500 })
		workers := children(r.server.pid())
		killed := time.Now()
		r.server.kill()
		within(startTime, func() bool {
			workers = slices.DeleteFunc(workers, func(w process) bool { return !w.lives() })
			return len(workers) == 0
		})
		r.longest = max(r.longest, time.Since(killed))
		r.left += len(workers)
		r.end(t)
		for _, w := range workers {
			_ = syscall.Kill(w.pid, syscall.SIGKILL)
		}
		if err := r.Err(); err != nil {
			return err
		}
	}
	return r.collect()
}

const (
	stopThreads = 4
	stopTime    = time.Second
)

// stopWorkers stops one, and waits until no request waits any more that is not there.
func stopWorkers(r *run) error {
	return r.serve(func() error {
		t := r.begin(r.fault.load)
		defer r.end(t)
		for begun := time.Now(); r.done == 0 || time.Since(begun) < r.time; r.done++ {
			workers := children(r.server.pid())
			if len(workers) == 0 {
				return fmt.Errorf("all workers are gone")
			}
			stopped := workers[rand.IntN(len(workers))]
			if err := syscall.Kill(stopped.pid, syscall.SIGSTOP); err != nil {
				return err
			}
			r.sleep(stopTime / 2)
			then := t.waiting()
			r.sleep(stopTime / 2)
			within(patience/2, func() bool { return t.still(then) <= stopThreads })
			r.stuck = max(r.stuck, t.still(then))
			if err := syscall.Kill(stopped.pid, syscall.SIGCONT); err != nil {
				return err
			}
			within(patience, func() bool { return t.still(then) == 0 })
			if !r.sleep(stopTime / 2) {
				return r.Err()
			}
		}
		return nil
	})
}

// rounds is how often fast clients are alone, and then among slow ones.
const rounds = 3

// slowClients has n clients of each way.
func slowClients(n int, ways ...slowness) func(*run) error {
	return func(r *run) error {
		return r.serve(func() error {
			for range rounds {
				r.without = append(r.without, r.window())
				var crowds []*crowd
				for _, way := range ways {
					crowds = append(crowds, gather(r.server.address, n, way))
				}
				r.with = append(r.with, r.window())
				for _, c := range crowds {
					c.leave()
					r.cuts += c.cuts.Load()
				}
				r.done++
				if err := r.Err(); err != nil {
					return err
				}
			}
			return nil
		})
	}
}

// window is the 99th percentile of the load's times, for a part of the run.
func (r *run) window() time.Duration {
	t := r.begin(r.fault.load)
	r.sleep(r.time / (2 * rounds))
	r.end(t)
	return t.percentile(0.99)
}
