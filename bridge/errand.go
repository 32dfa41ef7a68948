package bridge

import (
	"errors"
	"log/slog"
	"runtime/debug"
	"sync"

	"github.com/gowsgi/gowsgi/internal/link"
)

// Station is a worker process's end of its link: the [Source] of the queue that its Python threads
// work for. Requests come from the front, and their answers go there.
type Station struct {
	link  *link.Worker
	queue *Queue
	log   *slog.Logger
	// sendFile gives the front a descriptor for the slot's request.
	sendFile func(slot, fd int) error
}

// NewStation attaches the link to a queue that has no source yet. sendFile gives the front a
// descriptor for a slot's request; it is called by one goroutine at a time for each slot.
func NewStation(l *link.Worker, q *Queue, log *slog.Logger, sendFile func(slot, fd int) error) *Station {
	st := &Station{link: l, queue: q, log: log, sendFile: sendFile}
	q.attach(st)
	return st
}

// Wait implements [Source].
func (st *Station) Wait(block bool) {
	if block {
		st.link.Wait()
	}
}

// Dispatch implements [Source].
func (st *Station) Dispatch() {
	for slot, ok := st.link.Next(); ok; slot, ok = st.link.Next() {
		e := errands.Get().(*errand)
		*e = errand{st: st, slot: slot}
		if st.queue.push(e) != nil { // the front has stopped offering before it closed the queue
			errands.Put(e)
		}
	}
}

// Interrupt implements [Source].
func (st *Station) Interrupt() { st.link.Interrupt() }

// errand is a request that lies in a slot of the link, in a worker process. It is the queue's, and
// then the thread's until the last answer is posted.
type errand struct {
	ticket
	st   *Station
	slot int

	// posting is held from an answer to the front's verdict: write() may be called by another
	// thread of the app.
	posting sync.Mutex
	reading sync.Mutex
	posted  bool  // an answer is, and the verdict on it not known; likewise
	refused error // why the front wants no more; under posting
	fault   error // why the answer can't be given; likewise
}

var errands = sync.Pool{New: func() any { return new(errand) }}

// Environ implements [Request].
func (e *errand) Environ() []byte { return e.st.link.Environ(e.slot) }

// Body implements [Request].
func (e *errand) Body() ([]byte, bool) { return e.st.link.Body(e.slot) }

// ReadBody implements [Request].
func (e *errand) ReadBody(p []byte) (int, error) {
	e.reading.Lock()
	defer e.reading.Unlock()
	n, reason := e.st.link.Read(e.slot, p)
	if reason == 0 {
		return n, nil
	}
	for err, r := range readErrors {
		if r == reason {
			return 0, err
		}
	}
	return 0, errGone
}

// InterruptRead implements [Request].
func (e *errand) InterruptRead() { e.st.link.StopRead(e.slot) }

// InterruptWrite implements [Request].
func (e *errand) InterruptWrite() { e.st.link.StopWrite(e.slot) }

// LogErrors implements [Request].
func (e *errand) LogErrors(text []byte) {
	e.st.log.Warn("wsgi.errors", "request", e.requestLine(), "text", string(text))
}

func (e *errand) requestLine() string {
	var method, uri string
	for key, value := range packedPairs(e.Environ()[countHeader:]) {
		switch string(key) {
		case "REQUEST_METHOD":
			method = string(value)
		case "REQUEST_URI":
			uri = string(value)
		}
	}
	return method + " " + uri
}

// run takes the request, if the front has not had it back, and posts what comes of it.
func (e *errand) run(s *seat, w Worker) {
	defer errands.Put(e)
	w.Attach() // first: while somebody else keeps the GIL, the front can have the request back
	if !e.st.link.Take(e.slot) {
		return
	}
	s.mu.Lock()
	s.call = e
	s.runs++
	s.mu.Unlock()
	open := false // the app is between two answers
	defer func() {
		if p := recover(); p != nil { // ours: it must not take the process along
			e.st.log.Error("panic in a request: please report this", "request", e.requestLine(), "panic", p, "traceback", string(debug.Stack()))
			if open {
				w.Abort()
			}
			e.fault = errPanic
			e.conclude(s, EventError, w)
		}
	}()
	event := w.Begin(e)
	for open = event == EventChunk || event == EventFile; open; open = event == EventChunk || event == EventFile {
		if e.pass(event, w.Reply(), w.Detach) != nil {
			open = false
			w.Abort()
			event = EventDone
			break
		}
		event = w.Next()
	}
	e.conclude(s, event, w)
}

var errPanic = errors.New("gowsgi has failed; its log says more")

// conclude posts the last answer, or ends the request without one where the last but one has said
// it all. The slot is the front's afterwards.
func (e *errand) conclude(s *seat, event Event, w Worker) {
	reply := w.Reply()
	e.lock(w.Detach)
	defer e.posting.Unlock()
	a := answerOf(event, reply)
	a.Last = true
	a.Error = a.Error[:min(len(a.Error), errorMax)]
	if err := e.fits(&a); err != nil {
		e.fault = err
	}
	if e.fault != nil {
		a = link.Answer{Kind: uint32(EventError), Total: -1, Last: true, Error: []byte(e.fault.Error() + "\n")}
	}
	if a.Kind == uint32(EventDone) && e.posted && !a.Head && len(a.Headers) == 0 && len(a.Body) == 0 && len(a.Error) == 0 {
		if e.over(s) {
			e.st.link.Close(e.slot)
		}
		return
	}
	_ = e.settle(w.Detach)
	for e.refused == nil && len(a.Body)+len(a.Error) > a.Room() {
		if e.piece(&a, w.Detach) != nil || e.settle(w.Detach) != nil {
			a.Body = nil
		}
	}
	if e.refused != nil {
		a.Body = nil
	}
	if e.over(s) {
		e.st.link.Post(e.slot, &a)
	}
}

// over takes the request off the seat, once: a panic may come late.
func (e *errand) over(s *seat) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	first := s.call != nil
	s.call = nil
	return first
}

// errorMax is how much of a traceback the front gets.
const errorMax = 60 << 10

// pass posts an answer that is not the last. The front sends it while the app makes the next one
// (PEP 3333, "Buffering and Streaming"); what follows waits for its verdict.
func (e *errand) pass(event Event, reply *Reply, detach func()) error {
	e.lock(detach)
	defer e.posting.Unlock()
	if err := e.settle(detach); err != nil {
		return err
	}
	a := answerOf(event, reply)
	if err := e.fits(&a); err != nil {
		e.fault, e.refused = err, err
		return err
	}
	if event == EventFile {
		detach()
		if err := e.st.sendFile(e.slot, reply.FD); err != nil {
			e.fault, e.refused = err, err
			return err
		}
	}
	for len(a.Body) > a.Room() {
		if err := e.piece(&a, detach); err != nil {
			return err
		}
	}
	if err := e.post(&a, detach); err != nil || event != EventFile {
		return err
	}
	return e.settle(detach) // the app may close the file then
}

// piece posts as much of a's body as fits. What is left of a has no head.
func (e *errand) piece(a *link.Answer, detach func()) error {
	part := *a
	part.Through = a.Last
	part.Kind, part.Last, part.Error = uint32(EventChunk), false, nil
	part.Body = a.Body[:min(len(a.Body), a.Room())]
	if err := e.post(&part, detach); err != nil {
		return err
	}
	a.Head, a.Status, a.Headers = false, nil, nil
	a.Body = a.Body[len(part.Body):]
	return nil
}

// post posts an answer, after the verdict on the one before.
func (e *errand) post(a *link.Answer, detach func()) error {
	if err := e.settle(detach); err != nil {
		return err
	}
	e.st.link.Post(e.slot, a)
	e.posted = true
	return nil
}

// settle waits for the verdict on what was posted, if anything. The error is why the front wants no
// more, for good.
func (e *errand) settle(detach func()) error {
	if e.posted {
		detach()
		e.refused = e.st.link.Verdict(e.slot)
		e.posted = false
	}
	return e.refused
}

// fits tells whether the head does.
func (e *errand) fits(a *link.Answer) error {
	if len(a.Status)+len(a.Headers) > link.HeadMax {
		return link.ErrAnswerSize
	}
	return nil
}

func (e *errand) lock(detach func()) {
	if !e.posting.TryLock() {
		detach()
		e.posting.Lock()
	}
}

// Write implements [Request].
func (e *errand) Write(reply *Reply) error {
	err := e.pass(EventChunk, reply, func() {})
	if err == nil {
		e.posting.Lock()
		err = e.settle(func() {})
		e.posting.Unlock()
	}
	if err == link.ErrGivenUp { // as without a process between: what is too much is not said here
		return nil
	}
	return err
}

func answerOf(event Event, r *Reply) link.Answer {
	return link.Answer{
		Kind:    uint32(event),
		Head:    r.Head,
		OSError: r.OSError,
		Status:  r.Status,
		Headers: r.Headers,
		Body:    r.Body,
		Error:   r.Error,
		Total:   r.Total,
		Offset:  r.Offset,
		Length:  r.Length,
	}
}

// Running is the request that the front has in a slot, as a thread of this process has it, and its number
// there. False: none has.
func (st *Station) Running(slot int) (r Running, run uint32, ok bool) {
	for _, s := range st.queue.places() {
		s.mu.Lock()
		e, _ := s.call.(*errand)
		if e != nil && e.slot == slot {
			defer s.mu.Unlock()
			return s.running(e), st.link.Run(slot), true
		}
		s.mu.Unlock()
	}
	return Running{}, 0, false
}

// Stats tells the state of the queue that the Python threads work for.
func (st *Station) Stats() Stats { return st.queue.Stats() }
