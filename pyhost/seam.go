package pyhost

/*
#include "ph.h"
*/
import "C"

import (
	"errors"
	"io"
	"runtime/debug"
	"sync/atomic"
	"unsafe"

	"github.com/gowsgi/gowsgi/bridge"
)

// C calls back with a thread's number: Go pointers don't cross. The table only
// grows, while the threads are started.
var threads atomic.Pointer[[]*thread]

func register(t *thread) {
	var table []*thread
	if old := threads.Load(); old != nil {
		table = append(table, *old...)
	}
	table = append(table, t)
	threads.Store(&table)
}

func callOf(index C.int) (*thread, bridge.Request) {
	t := (*threads.Load())[index]
	return t, t.call.Load().(bridge.Request)
}

// caught keeps a panic of ours from unwinding through C's frames, which would end the
// process.
func caught(t *thread, failed func()) {
	if p := recover(); p != nil {
		t.host.config.Log.Error("panic in a callback from Python: please report this", "panic", p, "traceback", string(debug.Stack()))
		failed()
	}
}

// The results of phRead, ph_internal.h's PH_READ_*.
const (
	readGone     = -1
	readTimeout  = -2
	readTooLarge = -3
	readBad      = -4
)

//export phRead
func phRead(index C.int, buffer *C.char, size C.size_t) (n C.long) {
	t, call := callOf(index)
	defer caught(t, func() { n = readGone })
	got, err := call.ReadBody(unsafe.Slice((*byte)(unsafe.Pointer(buffer)), int(size)))
	switch {
	case err == nil:
		return C.long(got)
	case err == io.EOF:
		return 0
	case errors.Is(err, bridge.ErrBodyTimeout):
		return readTimeout
	case errors.Is(err, bridge.ErrBodyTooLarge):
		return readTooLarge
	case errors.Is(err, bridge.ErrBodyMalformed):
		return readBad
	}
	return readGone
}

//export phWrite
func phWrite(index C.int, raw *C.ph_reply) (rc C.int) {
	t, call := callOf(index)
	defer caught(t, func() { rc = -1 })
	var reply bridge.Reply
	readReply(&reply, raw)
	if call.Write(&reply) != nil {
		return -1
	}
	return 0
}

//export phInterrupt
func phInterrupt(index, writing C.int) {
	t, call := callOf(index)
	defer caught(t, func() {})
	if writing != 0 {
		call.InterruptWrite()
	} else {
		call.InterruptRead()
	}
}

//export phErrors
func phErrors(index C.int, text *C.char, size C.size_t) {
	t, call := callOf(index)
	defer caught(t, func() {})
	call.LogErrors(cBytes(text, size))
}

//export phLog
func phLog(text *C.char, size C.size_t, isError C.int) {
	caller.Load().Log(string(cBytes(text, size)), isError != 0)
}

//export phWorkers
func phWorkers(text **C.char) {
	*text = cString(caller.Load().figures())
}
