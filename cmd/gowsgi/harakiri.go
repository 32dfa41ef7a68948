package main

import (
	"context"
	"time"

	"github.com/gowsgi/gowsgi/bridge"
	"github.com/gowsgi/gowsgi/internal/workers"
)

// raiseAgain is how often it is tried to raise HarakiriError in a thread, and whether it has come
// back.
const raiseAgain = 100 * time.Millisecond

// overdue is told of a request that --harakiri has ended: its client has been answered. What is left
// is the thread: the log gets where it is, and the app an exception. A worker process could be
// replaced when that does not help; here it can only be said.
func (s *site) overdue(o *bridge.Overdue) {
	begun := time.Now()
	stack, raised, err := s.raise(o, false)
	args := []any{"request", o.Line, "remote", o.Remote, "age_s", o.Age.Seconds(), "thread", o.Worker + 1, "client", told(o.Answered)}
	if err != nil {
		stack = s.host.StackWithoutGIL(o.Worker)
		args = append(args, "error", "the GIL could not be had: "+err.Error())
	}
	s.log.Error("harakiri: the app took too long for a request", append(args, "stack", stack)...)
	for !o.Ended() && time.Since(begun) < s.config.HarakiriGrace {
		time.Sleep(raiseAgain)
		// The cleaning up in close() has half of the time to itself.
		late := time.Since(begun) > s.config.HarakiriGrace/2
		if !raised || late {
			_, again, _ := s.raise(o, late)
			raised = raised || again
		}
	}
	if !o.Ended() && s.self == nil { // else the front replaces this process, and says so
		s.log.Error("harakiri: the thread has not come back and is lost for now; a restart brings it back",
			"request", o.Line, "thread", o.Worker+1, "threads", s.config.Threads, "raised", raised)
	}
}

// harakiri is overdue for what the front has ended. o is nil when the app has come back since.
func (s *site) harakiri(h workers.Harakiri, o *bridge.Overdue) {
	if o != nil {
		s.overdue(o)
		return
	}
	s.log.Error("harakiri: the app took too long for a request, and has come back since",
		"request", h.Line, "remote", h.Remote, "age_s", h.Age.Seconds(), "client", told(h.Answered))
}

// told is what a client got.
func told(answered bool) string {
	if answered {
		return "504"
	}
	return "cut off"
}

func (s *site) raise(o *bridge.Overdue, closingToo bool) (stack string, raised bool, err error) {
	ctx, cancel := context.WithTimeout(context.Background(), stackTimeout)
	defer cancel()
	return s.host.Raise(ctx, o, closingToo)
}
