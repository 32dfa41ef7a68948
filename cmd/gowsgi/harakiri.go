package main

import (
	"context"
	"time"

	"github.com/gowsgi/gowsgi/bridge"
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
	client := "cut off"
	if o.Answered {
		client = "504"
	}
	args := []any{"request", o.Line, "remote", o.Remote, "age_s", o.Age.Seconds(), "thread", o.Worker + 1, "client", client}
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
	if !o.Ended() {
		s.log.Error("harakiri: the thread has not come back and is lost for now; a restart brings it back",
			"request", o.Line, "thread", o.Worker+1, "threads", s.config.Threads, "raised", raised)
	}
}

func (s *site) raise(o *bridge.Overdue, closingToo bool) (stack string, raised bool, err error) {
	ctx, cancel := context.WithTimeout(context.Background(), stackTimeout)
	defer cancel()
	return s.host.Raise(ctx, o, closingToo)
}
