package bridge

import (
	"io"
	"iter"
	"math/rand/v2"
	"strings"
	"sync/atomic"
	"time"
)

// app is a scripted WSGI app: it yields what a Python thread would reach. The sequence
// ends as the app_iter does; yield returns false when the request is aborted.
type app func(c Request) iter.Seq2[Event, Reply]

// resting is the part of a [Worker] that has nothing to do with requests. What it says of itself is
// made up: requests must not depend on it.
type resting struct{ parker }

func (r *resting) Park()                { r.sleep() }
func (*resting) Detach()                {}
func (*resting) Attach()                {}
func (*resting) Idle()                  {}
func (*resting) Runnable() bool         { return rand.IntN(2) == 0 }
func (*resting) GILWait() time.Duration { return 0 }

func (*resting) CPU() (time.Duration, bool) {
	return time.Duration(rand.IntN(int(time.Second))), rand.IntN(2) == 0
}

// thread is a [Worker] that runs an app in Go. It keeps the contract as strictly as it may:
// what a reply pointed to is overwritten at the next call of a method.
type thread struct {
	resting

	app  app
	next func() (Event, Reply, bool)
	stop func()

	reply    Reply
	attached atomic.Bool
	begun    atomic.Int64
	aborted  atomic.Int64
}

func (w *thread) Begin(r Request) Event {
	w.begun.Add(1)
	w.next, w.stop = iter.Pull2(w.app(r))
	return w.advance()
}

func (w *thread) Next() Event { return w.advance() }

func (w *thread) Abort() Event {
	w.spoil()
	w.attached.Store(true)
	w.aborted.Add(1)
	w.stop()
	return EventDone
}

func (w *thread) Reply() *Reply { return &w.reply }
func (w *thread) Attach()       { w.attached.Store(true) }
func (w *thread) Detach()       { w.attached.Store(false) }

func (w *thread) Idle() {
	w.spoil()
	w.attached.Store(false)
}

func (w *thread) Park() {
	w.Idle()
	w.sleep()
}

func (w *thread) advance() Event {
	w.spoil()
	w.attached.Store(true)
	event, reply, more := w.next()
	if !more {
		return EventDone
	}
	if event == EventDone || event == EventError {
		w.stop()
	}
	w.reply = reply
	w.reply.Status = []byte(string(reply.Status))
	w.reply.Headers = []byte(string(reply.Headers))
	w.reply.Body = []byte(string(reply.Body))
	return event
}

func (w *thread) spoil() {
	for _, p := range [][]byte{w.reply.Status, w.reply.Headers, w.reply.Body} {
		for i := range p {
			p[i] = 0xdd
		}
	}
	w.reply = Reply{Total: -1, FD: -1}
}

// start is a reply with a head. Headers are "Name: value".
func start(status string, headers ...string) Reply {
	r := Reply{Head: true, Status: []byte(status), Total: -1, FD: -1}
	for _, h := range headers {
		name, value, _ := strings.Cut(h, ": ")
		r.Headers = appendPair(r.Headers, name, value)
	}
	return r
}

// with adds a body, as a chunk.
func (r Reply) with(body string) Reply {
	r.Body = []byte(body)
	return r
}

// whole adds a body of known length.
func (r Reply) whole(body string) Reply {
	r.Total = int64(len(body))
	return r.with(body)
}

// chunk is one more piece of a body.
func chunk(body string) Reply { return Reply{Total: -1, FD: -1}.with(body) }

// part is a range of an open file.
func (r Reply) part(fd uintptr, offset, length int64) Reply {
	r.FD, r.Offset, r.Length = int(fd), offset, length
	return r
}

// failure is an exception of the app.
func failure(traceback string) Reply {
	return Reply{Total: -1, FD: -1, Error: []byte(traceback)}
}

// answers is an app whose answer f computes at once.
func answers(f func(c Request) Reply) app {
	return func(c Request) iter.Seq2[Event, Reply] {
		return func(yield func(Event, Reply) bool) { yield(EventDone, f(c)) }
	}
}

// echo answers with the request's line and inline body.
var echo = answers(func(c Request) Reply {
	body, _ := c.Body()
	return start("200 OK").whole(value(c, "REQUEST_METHOD") + " " + value(c, "PATH_INFO") + " " + string(body))
})

// value is an entry of a request's environ, as the app sees it.
func value(c Request, key string) string {
	for name, v := range packedPairs(c.Environ()[countHeader:]) {
		if string(name) == key {
			return string(v)
		}
	}
	return ""
}

// readAll reads a request's body to its end, which is io.EOF, or to another error.
func readAll(c Request) (string, error) {
	inline, streams := c.Body()
	all := append([]byte(nil), inline...)
	if !streams {
		return string(all), io.EOF
	}
	buf := make([]byte, 32<<10)
	for {
		n, err := c.ReadBody(buf)
		all = append(all, buf[:n]...)
		if err != nil {
			return string(all), err
		}
	}
}

// script is an app that yields the same for every request: events and their replies, in turn.
func script(steps ...any) app {
	return func(Request) iter.Seq2[Event, Reply] {
		return func(yield func(Event, Reply) bool) {
			for i := 0; i < len(steps); i += 2 {
				if !yield(steps[i].(Event), steps[i+1].(Reply)) {
					return
				}
			}
		}
	}
}

// writes is an app that sends by write() (PEP 3333), then goes on as next does.
func writes(next app, pieces ...Reply) app {
	return func(c Request) iter.Seq2[Event, Reply] {
		return func(yield func(Event, Reply) bool) {
			for i := range pieces {
				if err := c.Write(&pieces[i]); err != nil {
					yield(EventError, failure("write(): "+err.Error()))
					return
				}
			}
			next(c)(yield)
		}
	}
}
