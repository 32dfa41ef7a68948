package pyhost

/*
#include <stdlib.h>
#include "ph.h"
*/
import "C"

import (
	"errors"
	"fmt"
	"runtime"
	"sync/atomic"
	"time"
	"unsafe"

	"github.com/gowsgi/gowsgi/bridge"
)

// thread is one Python thread: a goroutine locked to an OS thread for life, so that
// thread-locals, connections kept in them, and extensions' own state stay.
type thread struct {
	host  *Host
	index int
	ident uint64 // threading.get_ident()

	c     *C.ph_thread
	state *runState   // of the OS thread
	raw   *C.ph_reply // in C memory: C writes it, and Go pointers must not be in reach
	reply bridge.Reply

	attached bool // it has the GIL between two calls

	// call is what runs, for the callbacks of seam.go: they come while C holds the
	// request, on this thread or on one that the app has made.
	call atomic.Value // a bridge.Request, of one type for life
}

// seat is the thread's number at the queue: threads are started in order.
func (t *thread) seat() int { return t.index }

// work is the thread's life.
func (t *thread) work(q *bridge.Queue, started chan<- error) {
	defer t.host.running.Done()
	runtime.LockOSThread() // never unlocked: the OS thread ends with the goroutine
	name := C.CString(fmt.Sprintf("gowsgi-%d", t.index+1))
	t.raw = (*C.ph_reply)(C.calloc(1, C.sizeof_ph_reply))
	t.c = C.ph_thread_new(C.int(t.index), name)
	C.free(unsafe.Pointer(name))
	if t.c == nil {
		started <- errors.New("a Python thread could not be made")
		return
	}
	t.ident = uint64(C.ph_thread_ident())
	t.state = thisThread()
	defer t.state.close()
	register(t)
	q.Work(t, func() { started <- nil })
}

// Begin implements [bridge.Worker].
func (t *thread) Begin(c bridge.Request) bridge.Event {
	t.call.Store(c)
	environ := c.Environ()
	body, streams := c.Body()
	event := C.ph_begin(t.c,
		(*C.char)(unsafe.Pointer(unsafe.SliceData(environ))), C.size_t(len(environ)),
		(*C.char)(unsafe.Pointer(unsafe.SliceData(body))), C.size_t(len(body)), cBool(streams), t.raw)
	return t.reached(event)
}

// Next implements [bridge.Worker].
func (t *thread) Next() bridge.Event { return t.reached(C.ph_next(t.c, t.raw)) }

// Abort implements [bridge.Worker].
func (t *thread) Abort() bridge.Event { return t.reached(C.ph_abort(t.c, t.raw)) }

// Reply implements [bridge.Worker].
func (t *thread) Reply() *bridge.Reply { return &t.reply }

// Attach implements [bridge.Worker].
func (t *thread) Attach() {
	if !t.attached { // as a rule it is, and a call of C saved
		C.ph_attach(t.c)
		t.attached = true
	}
}

// Detach implements [bridge.Worker].
func (t *thread) Detach() {
	t.attached = false
	C.ph_detach(t.c)
}

// Idle implements [bridge.Worker].
func (t *thread) Idle() {
	t.attached = false
	C.ph_idle(t.c)
}

// Park implements [bridge.Worker]. It sleeps in C: Go would need a second thread, and two
// more wake-ups, to bring a goroutine back that is locked to its thread.
func (t *thread) Park() {
	t.attached = false
	C.ph_park(t.c)
}

// Wake implements [bridge.Worker].
func (t *thread) Wake() { C.ph_wake(t.c) }

// raise raises HarakiriError in the app's code that the thread is at, if it is; in close() only if
// closingToo. With the GIL, on any thread.
func (t *thread) raise(closingToo bool) bool { return C.ph_raise(t.c, cBool(closingToo)) != 0 }

// Runnable implements [bridge.Worker].
func (t *thread) Runnable() bool { return t.state.runnable() }

// CPU implements [bridge.Worker].
func (t *thread) CPU() (time.Duration, bool) { return t.state.cpu() }

// GILWait implements [bridge.Worker].
func (t *thread) GILWait() time.Duration { return time.Duration(C.ph_gil_wait(t.c)) }

func (t *thread) reached(event C.ph_event) bridge.Event {
	t.attached = true
	readReply(&t.reply, t.raw)
	return bridge.Event(event)
}

// readReply makes Go slices of C's pointers: valid as long as those.
func readReply(reply *bridge.Reply, raw *C.ph_reply) {
	*reply = bridge.Reply{
		Head:    raw.head != 0,
		Status:  cBytes(raw.status, raw.status_len),
		Headers: cBytes(raw.headers, raw.headers_len),
		Body:    cBytes(raw.body, raw.body_len),
		Total:   int64(raw.total),
		FD:      int(raw.fd),
		Offset:  int64(raw.offset),
		Length:  int64(raw.length),
		OSError: raw.os_error != 0,
		Error:   cBytes(raw.error, raw.error_len),
	}
}

func cBytes(p *C.char, n C.size_t) []byte {
	return unsafe.Slice((*byte)(unsafe.Pointer(p)), int(n))
}
