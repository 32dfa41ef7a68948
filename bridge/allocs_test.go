package bridge

import (
	"testing"

	"github.com/gowsgi/gowsgi/internal/accesslog"
)

// TestSteadyPathAllocates: a request on a connection that stays makes no garbage, from its head in the
// buffer to its line in the access log.
func TestSteadyPathAllocates(t *testing.T) {
	if raceEnabled {
		t.Skip("the race detector makes pools forget")
	}
	for name, access := range map[string]func(*accesslog.Record){"silent": nil, "logged": func(*accesslog.Record) {}} {
		s, w, place := &Server{Limits: lenient, Access: access}, newSteady(), new(seat)
		c := receiver(t, s, newSink(t), here, false, browserHead)
		n := testing.AllocsPerRun(1000, func() {
			c.in.r, c.in.w = 0, len(browserHead)
			call := newCall(c)
			if err := c.readHead(&call.head); err != nil {
				t.Fatal(err)
			}
			if err := call.prepare(); err != nil {
				t.Fatal(err)
			}
			c.done.begin()
			call.run(place, w)
		})
		if n != 0 {
			t.Errorf("%s: %v allocations", name, n)
		}
	}
}
