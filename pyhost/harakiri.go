package pyhost

import (
	"context"
	"fmt"
	"strings"

	"github.com/gowsgi/gowsgi/bridge"
)

// Raise raises gowsgi.HarakiriError in the app's code that o is at, once for each request, and
// tells where that was: the thread's Python stack. raised is false when the thread is not in the app:
// it waits for the GIL, sends what the app gave, or has come back. An app_iter's close() is spared,
// unless closingToo; then it may be the second one that the request gets. An error tells that the GIL
// could not be had before ctx ended: the exception may be raised later, or not.
func (h *Host) Raise(ctx context.Context, o *bridge.Overdue, closingToo bool) (stack string, raised bool, err error) {
	t := h.thread(o.Worker)
	var outcome struct { // not the results: the task may run when they are long returned
		stack  string
		raised bool
	}
	err = h.Do(ctx, func() {
		outcome.stack = h.stackOf(t.ident)
		// The GIL is kept from here on, so what Ended says is true in raise, too: the end of
		// a request and the begin of the next one need the GIL.
		outcome.raised = !o.Ended() && t.raise(closingToo)
	})
	if err != nil {
		return "", false, err
	}
	return outcome.stack, outcome.raised, nil
}

// Stack is the Python stack of the request thread that is at r, as text. When the GIL can't be had until
// ctx ends, it is what can be read without.
func (h *Host) Stack(ctx context.Context, r bridge.Running) string {
	var outcome struct{ stack string } // not a result: the task may run when that is long returned
	err := h.Do(ctx, func() {
		if !r.Ended() {
			outcome.stack = h.stackOf(h.thread(r.Worker).ident)
		}
	})
	head := fmt.Sprintf("%s, %.1f s\n", r.Line, r.Age.Seconds())
	switch {
	case err != nil:
		return head + fmt.Sprintf("the GIL could not be had (%v); the stack as it stands, innermost call first:\n", err) + h.StackWithoutGIL(r.Worker)
	case outcome.stack == "":
		return head + "the request has just ended\n"
	}
	return head + outcome.stack
}

// StackWithoutGIL is the stack of a request thread, by its number at the queue, for when the GIL
// can't be had.
func (h *Host) StackWithoutGIL(seat int) string {
	var all strings.Builder
	if err := dumpWithoutGIL(&all); err != nil {
		return err.Error() + "\n"
	}
	name := fmt.Sprintf("Thread 0x%016x", h.thread(seat).ident)
	_, rest, found := strings.Cut(all.String(), name)
	if !found {
		return all.String()
	}
	lines, _, _ := strings.Cut(rest, "\n\n")
	return name + strings.TrimRight(lines, "\n") + "\n"
}

// thread is the one that sits at that number at the queue.
func (h *Host) thread(seat int) *thread {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.threads[seat]
}
