package bridge

import (
	"testing"
	"time"
)

// The front of worker processes sleeps without being rung only where that is for several messages, and no process
// runs out of requests.
func TestPaceRest(t *testing.T) {
	const us = time.Microsecond
	for _, test := range []struct {
		name     string
		messages int // in the last millisecond
		out      []int
		want     time.Duration
	}{
		{"nobody is there", 100, nil, 0},
		{"nothing runs", 100, []int{0, 0}, 0},
		{"one request at a time", 10, []int{1}, 0},
		{"a client or two", 10, []int{2, 2}, 0},
		{"a process has nothing to do", 10, []int{8, 0}, 0},
		{"it has one request left", 10, []int{8, 1}, 0},
		{"few messages", 2, []int{8, 8}, 0},
		{"one process under load", 7, []int{8}, restMost},
		{"two under load", 10, []int{8, 8}, restMost},
		{"less for short requests", 50, []int{8, 8}, 7 * 2 * 20 * us / 2},
		{"the process with least counts", 50, []int{8, 4}, 3 * 2 * 20 * us / 2},
		{"no messages at all", 0, []int{8, 8}, 0},
	} {
		t.Run(test.name, func(t *testing.T) {
			now := time.Now()
			p := pace{since: now}
			var members []*Member
			for _, n := range test.out {
				members = append(members, &Member{out: n})
			}
			p.rest(now, members)
			p.messages += uint64(test.messages)
			if got := p.rest(now.Add(pacePeriod), members); got != test.want {
				t.Errorf("%v, want %v", got, test.want)
			}
		})
	}
}
