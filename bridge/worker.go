package bridge

import "time"

// Event says what a [Worker] has reached in a request.
type Event int

// The events; the order is pyhost's ph_event.
const (
	// EventDone: the response is complete and the app_iter is closed.
	EventDone Event = iota
	// EventChunk: the reply holds a chunk; it must be on the wire before Next.
	EventChunk
	// EventFile: the reply names a part of an open file to send before Next.
	EventFile
	// EventError: the app raised; the app_iter is closed. A reply that has a head, or goes on with a body, is
	// the page to answer with (--dev).
	EventError
	// EventLost: the worker process has died. No worker says so itself.
	EventLost
)

// Reply is what a worker has to say at an event. Its slices belong to the worker
// and are valid until the next call of one of its methods, [Worker.Detach] aside.
type Reply struct {
	// Head is true once a request: Status and Headers are set and go out first.
	Head bool
	// Status is "200 OK", validated: three digits, a space, no control character.
	Status []byte
	// Headers holds the packed pairs (see [packedPairs]), validated likewise.
	Headers []byte
	// Body is the bytes to send; may be empty.
	Body []byte
	// Total is the length of the whole body where it is known, else -1.
	Total int64
	// FD, Offset and Length name what to send at EventFile. The app owns FD.
	FD     int
	Offset int64
	Length int64
	// Through tells at EventChunk that the app is: what is left is to send the rest.
	Through bool
	// OSError tells at EventError that the exception is one: reading a body raises those.
	OSError bool
	// Error is a traceback. At EventDone it is that of close().
	Error []byte
}

// Request is what a [Worker] runs, and what its app's objects call while it does.
type Request interface {
	// Environ is the packed environ: see pyhost's ph.h. Valid until the response's end.
	Environ() []byte
	// Body is the inline body, and whether more follows by ReadBody.
	Body() (inline []byte, streams bool)
	// ReadBody reads the next piece of a streamed body. io.EOF is its end; other errors are
	// for the app. It blocks: detach first.
	ReadBody(p []byte) (int, error)
	// InterruptRead makes a ReadBody that another thread of the app has under way end: the
	// request is over. InterruptWrite is the same for Write: the response is torn.
	InterruptRead()
	InterruptWrite()
	// Write is the app's write() (PEP 3333): it returns once the kernel has the bytes. The GIL
	// is not held. The reply's memory may go when it returns.
	Write(reply *Reply) error
	// LogErrors logs what the app wrote to wsgi.errors: one or more lines.
	LogErrors(text []byte)
}

// Runner takes one request at a time through the app. Begin, Next and Abort return attached
// (holding the GIL), where there is one.
type Runner interface {
	// Begin runs the app for r until there is something to send.
	Begin(r Request) Event
	// Next continues after EventChunk and EventFile.
	Next() Event
	// Abort ends the request after EventChunk or EventFile: the client is gone.
	Abort() Event
	// Reply is what the last of these calls had to say.
	Reply() *Reply
	// Detach gives up the GIL for a wait; the reply stays valid.
	Detach()
}

// Worker is one Python thread. Its methods are called on that thread only, by
// [Queue.Work], but for Wake, Runnable and GILWait.
type Worker interface {
	Runner
	// Attach takes the GIL, unless the thread has it.
	Attach()
	// Idle gives up the GIL, and what the reply pointed to: there is no work.
	Idle()
	// Park is Idle and then sleep, until Wake. A Wake that came before ends it at once.
	Park()
	// Wake ends the Park under way, or the next one. From any goroutine; never twice
	// for one Park.
	Wake()

	// Runnable tells, from any goroutine, whether the thread runs at this moment or
	// would if it had a CPU; false: it sleeps in the kernel. Where that can't be told,
	// false.
	Runnable() bool
	// CPU is the time that the thread has computed in all. From any goroutine; false where it can't
	// be told.
	CPU() (time.Duration, bool)
	// GILWait is how long the thread has waited for the GIL in all, at the start of
	// requests and after Detach. From any goroutine.
	GILWait() time.Duration
}
