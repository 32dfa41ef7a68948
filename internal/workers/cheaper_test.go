package workers

import (
	"testing"
	"time"

	"github.com/gowsgi/gowsgi/bridge"
)

// moment is some looks in a row that all see the same.
type moment struct {
	looks int
	load  bridge.Load
	want  int // after the last of them
}

func TestScale(t *testing.T) {
	const (
		grow = int(growAfter / lookInterval)
		idle = 40 // looks until one leaves
	)
	behind := func(n int) bridge.Load { return bridge.Load{Processes: n, Busy: n, Behind: true} }
	busy := func(n, of int) bridge.Load { return bridge.Load{Processes: of, Busy: n} }
	cheaper := Cheaper{Least: 1, Initial: 1, Step: 1, Idle: idle * lookInterval}
	two, three := cheaper, cheaper
	two.Least, three.Step = 2, 3
	for _, test := range []struct {
		name    string
		cheaper Cheaper
		from    int
		moments []moment
	}{
		{"off", Cheaper{}, 2, []moment{{10 * grow, behind(2), 2}, {10 * idle, busy(0, 2), 2}}},
		{"one more when all are behind", cheaper, 1, []moment{{grow, behind(1), 1}, {1, behind(1), 2}}},
		{"not for a short burst", cheaper, 1, []moment{{grow, behind(1), 1}, {1, busy(1, 1), 1}, {grow, behind(1), 1}}},
		{"not for one that is busy", cheaper, 1, []moment{{10 * grow, busy(1, 1), 1}}},
		{"the one that comes has its time first", cheaper, 1, []moment{
			{grow + 1, behind(1), 2},
			{10 * grow, behind(1), 2}, // it is imported
			{grow, behind(2), 2},
			{1, behind(2), 3},
		}},
		{"by steps", three, 1, []moment{{grow + 1, behind(1), 4}}},
		{"not more than there may be", three, 3, []moment{{grow + 1, behind(3), 4}, {10 * grow, behind(4), 4}}},
		{"one leaves that is idle", cheaper, 3, []moment{{idle, busy(2, 3), 3}, {1, busy(2, 3), 2}, {10 * idle, busy(2, 2), 2}}},
		{"one after the other", cheaper, 3, []moment{{idle + 1, busy(0, 3), 2}, {idle, busy(0, 2), 2}, {1, busy(0, 2), 1}}},
		{"not fewer than there must be", two, 3, []moment{{idle + 1, busy(0, 3), 2}, {10 * idle, busy(0, 2), 2}}},
		{"a moment in which all are busy keeps them", cheaper, 2, []moment{{idle, busy(1, 2), 2}, {1, busy(2, 2), 2}, {idle, busy(1, 2), 2}}},
		{"one that can't be started is given up", cheaper, 2, []moment{{idle + 1, busy(0, 1), 1}}},
		{"one that is awaited is not", cheaper, 2, []moment{{10 * idle, busy(1, 1), 2}, {10 * idle, behind(1), 2}}},
		{"a replaced one confuses nobody", cheaper, 2, []moment{{grow, behind(2), 2}, {1, behind(3), 2}, {grow, behind(2), 2}, {1, behind(2), 3}}},
	} {
		s := scale{Cheaper: test.cheaper, most: 4}
		now, n := time.Unix(1, 0), test.from
		for i, m := range test.moments {
			for range m.looks {
				now = now.Add(lookInterval)
				n = s.want(now, n, m.load)
			}
			if n != m.want {
				t.Errorf("%s: after moment %d there should be %d processes, want %d", test.name, i, n, m.want)
				break
			}
		}
	}
}

func TestBackoff(t *testing.T) {
	for _, test := range []struct {
		failures int
		want     time.Duration
	}{
		{0, 0},
		{1, 0}, // it may have been a request's
		{2, firstWait},
		{3, 2 * firstWait},
		{4, 4 * firstWait},
		{8, 16 * time.Second},
		{9, lastWait},
		{1000000, lastWait},
	} {
		if got := backoff(test.failures); got != test.want {
			t.Errorf("after %d failures: %v, want %v", test.failures, got, test.want)
		}
	}
}

func TestReason(t *testing.T) {
	const mib = 1 << 20
	for _, test := range []struct {
		name          string
		r             Recycling
		age           time.Duration
		served, limit uint64
		rss           int64
		want          string
		evil          bool
	}{
		{name: "nothing is asked for", age: time.Hour, served: 1 << 40, rss: 1 << 40},
		{name: "one request before", served: 9, limit: 10},
		{name: "requests", served: 10, limit: 10, want: "max-requests"},
		{name: "too young for its requests", r: Recycling{MinAge: time.Minute}, age: time.Minute - 1, served: 10, limit: 10},
		{name: "old enough for its requests", r: Recycling{MinAge: time.Minute}, age: time.Minute, served: 10, limit: 10, want: "max-requests"},
		{name: "younger", r: Recycling{MaxAge: time.Hour}, age: time.Hour - 1},
		{name: "age", r: Recycling{MaxAge: time.Hour}, age: time.Hour, want: "max-worker-lifetime"},
		{name: "smaller", r: Recycling{RSS: mib}, rss: mib - 1},
		{name: "memory", r: Recycling{RSS: mib}, rss: mib, want: "reload-on-rss"},
		{name: "unknown memory", r: Recycling{RSS: mib, EvilRSS: mib}, rss: 0},
		{name: "too young for its memory", r: Recycling{RSS: mib, MinAge: time.Minute}, rss: mib},
		{name: "evil, at any age", r: Recycling{EvilRSS: mib, MinAge: time.Minute}, rss: mib, want: "evil-reload-on-rss", evil: true},
		{name: "evil first", r: Recycling{RSS: mib, EvilRSS: 2 * mib}, rss: 2 * mib, want: "evil-reload-on-rss", evil: true},
		{name: "memory first", r: Recycling{RSS: mib, MaxAge: 1}, rss: mib, age: 1, served: 1, limit: 1, want: "reload-on-rss"},
	} {
		if why, evil := test.r.reason(test.age, test.served, test.limit, test.rss); why != test.want || evil != test.evil {
			t.Errorf("%s: got %q, %v; want %q, %v", test.name, why, evil, test.want, test.evil)
		}
	}
}

func TestRequestLimit(t *testing.T) {
	f := New(Config{})
	if n := f.requestLimit(); n != 0 {
		t.Errorf("without --max-requests the limit is %d", n)
	}
	f.config.Recycling = Recycling{Requests: 100, Delta: 2}
	seen := map[uint64]bool{}
	for range 1000 {
		seen[f.requestLimit()] = true
	}
	if len(seen) != 3 || !seen[100] || !seen[101] || !seen[102] {
		t.Errorf("100 requests and up to 2 more: %v", seen)
	}
}
