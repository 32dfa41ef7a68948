package bridge

import (
	"cmp"
	"errors"
	"io"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"github.com/gowsgi/gowsgi/internal/link"
)

// remote is a slot of a worker process, and what runs there as a [Runner]. It is its request's from
// the offer to the end; the fields that the pool reads, too, are under the pool's mutex.
type remote struct {
	pool *Pool
	m    *Member
	slot int
	seat *seat
	run  uint32 // the request's number in the slot; it changes while the seat has none

	call    *Call // under the pool's mutex; nil: the slot is free
	talking bool  // likewise: somebody waits for events, or is about to
	missing bool  // likewise: the process died before it had an answer
	deaf    bool  // likewise: the request has ended but for its slot, so the app reads no more

	// leads tells that the conversation's goroutine is the pool's loop: it must not wait.
	leads  bool
	events chan link.Event // Posted and Closed; holds one of each
	files  chan *os.File   // descriptors that the worker has sent; holds one
	reply  Reply
	head   []byte   // a private copy of status, headers and traceback
	file   *os.File // the one that reply names

	reading atomic.Bool // a read is being served
	reads   tenants     // its goroutine, which uses the slot
}

// Begin implements [Runner]: the first answer is there.
func (r *remote) Begin(Request) Event {
	if r.missing {
		return r.nothing()
	}
	return r.event()
}

func (r *remote) nothing() Event {
	if r.call.conn.body != nil {
		r.endReads(r.call)
	}
	r.reply = Reply{Total: -1, FD: -1}
	return EventLost
}

// Next implements [Runner].
func (r *remote) Next() Event {
	r.closeFile()
	if r.m.front.Closed(r.slot) {
		return r.done()
	}
	r.m.front.Resume(r.slot)
	return r.await()
}

// Abort implements [Runner].
func (r *remote) Abort() Event {
	for {
		r.closeFile()
		if r.m.front.Closed(r.slot) {
			return r.done()
		}
		r.m.front.GiveUp(r.slot, r.call.response.torn())
		switch event := r.await(); event {
		case EventChunk, EventFile: // it had more under way
		case EventError:
			if r.call.response.torn() { // what a write() without a client raised
				r.reply.Error = nil
			}
			return event
		default:
			return event
		}
	}
}

// Reply implements [Runner].
func (r *remote) Reply() *Reply { return &r.reply }

// Detach implements [Runner]: before anything that waits, somebody else becomes the loop.
func (r *remote) Detach() {
	if r.leads {
		r.leads = false
		go r.pool.lead()
	}
}

// await waits for the next answer.
func (r *remote) await() Event {
	r.Detach()
	select {
	case what := <-r.events:
		return r.take(what)
	case <-r.m.dead:
	}
	select {
	case what := <-r.events: // it was faster than the end
		return r.take(what)
	default:
		return r.nothing()
	}
}

// take is the answer that a message is about.
func (r *remote) take(what link.Event) Event {
	if what == link.Closed {
		return r.done()
	}
	return r.event()
}

// done is the end of a request that has no other answer any more.
func (r *remote) done() Event {
	if !r.reading.Load() {
		r.reads.wait() // what became of the body is known then
	}
	r.reply = Reply{Total: -1, FD: -1}
	return EventDone
}

// event takes in what was posted, or EventLost when nothing is to come.
func (r *remote) event() Event {
	r.reply = Reply{Total: -1, FD: -1}
	answer, err := r.m.front.Answer(r.slot)
	event := Event(answer.Kind)
	if err == nil && (event > EventError || event < 0 || answer.Last != (event == EventDone || event == EventError)) {
		err = link.ErrBroken
	}
	if err != nil {
		r.m.spoilt(err)
		return EventLost
	}
	if answer.Last && !r.reading.Load() {
		r.reads.wait() // what became of the body is known then
	}
	// A copy: what is looked at more than once must not change meanwhile.
	r.head = append(append(append(r.head[:0], answer.Status...), answer.Headers...), answer.Error...)
	status, headers := r.head[:len(answer.Status)], r.head[len(answer.Status):][:len(answer.Headers)]
	if answer.Head && !validHead(status, headers) {
		r.m.spoilt(link.ErrBroken)
		return EventLost
	}
	r.reply = Reply{
		Head:    answer.Head,
		Status:  status,
		Headers: headers,
		Body:    answer.Body,
		Total:   answer.Total,
		FD:      -1,
		Offset:  answer.Offset,
		Length:  answer.Length,
		OSError: answer.OSError,
		Through: answer.Through,
		Error:   r.head[len(answer.Status)+len(answer.Headers):],
	}
	if event == EventChunk && r.m.front.Closed(r.slot) {
		if !r.reading.Load() {
			r.reads.wait()
		}
		return EventDone // it goes out in one piece
	}
	if event == EventFile && !r.takeFile() {
		return EventLost
	}
	return event
}

// fileTime is how long a descriptor may take that was sent before the answer that names it.
const fileTime = 10 * time.Second

// takeFile waits for the descriptor, which comes another way.
func (r *remote) takeFile() bool {
	select {
	case r.file = <-r.files:
	default:
		r.Detach()
		late := time.NewTimer(cmp.Or(r.pool.fileTime, fileTime))
		defer late.Stop()
		select {
		case r.file = <-r.files:
		case <-r.m.dead:
			return false
		case <-late.C:
			r.m.spoilt(errNoFile)
			return false
		}
	}
	// Anything else might keep the front waiting for ever.
	if info, err := r.file.Stat(); err != nil || !info.Mode().IsRegular() {
		r.m.spoilt(link.ErrBroken)
		return false
	}
	r.reply.FD = int(r.file.Fd())
	return true
}

var errNoFile = errors.New("the process has announced a file and has not sent it")

func (r *remote) closeFile() {
	if r.file != nil {
		_ = r.file.Close()
		r.file = nil
	}
}

// validHead checks what the worker's seam has checked before: the app can write past that.
func validHead(status, headers []byte) (ok bool) {
	defer func() {
		if recover() != nil { // lengths that can't be
			ok = false
		}
	}()
	if len(status) < 4 || status[3] != ' ' || !printable(status) {
		return false
	}
	for _, c := range status[:3] {
		if c < '0' || c > '9' {
			return false
		}
	}
	for name, value := range packedPairs(headers) {
		if len(name) > 0 && name[0] == logVar {
			continue // the access log sees to its values
		}
		if len(name) == 0 || !printable(name) || !printable(value) {
			return false
		}
	}
	return true
}

// printable: no control character, a tab aside.
func printable(text []byte) bool {
	for _, c := range text {
		if c < ' ' && c != '\t' || c == 0x7f {
			return false
		}
	}
	return true
}

// converse is the way of the request from its first answer to its end. leads: the goroutine is the
// pool's loop. It tells whether it is so still.
func (r *remote) converse(leads bool) bool {
	r.leads = leads
	c := r.call // ours while we talk
	r.seat.mu.Lock()
	c.begun = r.begun(c, time.Now())
	r.seat.mu.Unlock()
	o := c.converse(r.seat, c.withScript(r))
	if c.conn.body != nil {
		r.endReads(c)
	}
	now := time.Now()
	c.leave(r.seat, now)
	r.closeFile()
	leads = r.leads
	r.pool.free(r) // the next request may have the slot from here on
	c.end(o, c.response.status, now)
	return leads
}

// begun is when a thread of the worker took c, as it says; c.begun if that can't be, or none has.
// The slot is c's.
func (r *remote) begun(c *Call, now time.Time) time.Time {
	if r.missing {
		return c.begun
	}
	at := r.m.front.TakenAt(r.slot)
	if at.Before(c.begun) || at.After(now) {
		return c.begun
	}
	return at
}

// endReads returns when no read is served any more, and none will be: the connection may go on to its next
// request, and the slot may be unmapped.
func (r *remote) endReads(c *Call) {
	r.pool.mu.Lock()
	r.deaf = true
	r.pool.mu.Unlock()
	if r.reading.Load() { // the worker has died, or lies
		c.conn.in.interrupt()
		r.Detach()
	}
	r.reads.wait() // a read that has been answered may have the slot still
}

// serveRead answers one read of the app.
func (r *remote) serveRead(c *Call) {
	defer r.reads.leave()
	n, err := c.ReadBody(r.m.front.ReadBuffer(r.slot))
	said := int32(n)
	if err != nil {
		reason, known := readErrors[err]
		if !known {
			reason = link.ReadGone
		}
		said = int32(reason)
	}
	r.reading.Store(false) // first: the app may ask for more at once
	r.m.front.Grant(r.slot, said)
}

// asked is told that the app wants to read. Under the pool's mutex.
func (r *remote) asked() {
	c := r.call
	if c.conn.body == nil || r.deaf || r.reading.Swap(true) {
		r.m.front.Grant(r.slot, int32(link.ReadEnd))
		return
	}
	r.reads.enter()
	go r.serveRead(c)
}

// tenants counts users of something. Unlike a sync.WaitGroup it bears any order of calls: a worker
// that lies must not make the front panic.
type tenants struct {
	mu    sync.Mutex
	n     int
	empty sync.Cond // with mu
}

func (t *tenants) enter() {
	t.mu.Lock()
	t.n++
	t.mu.Unlock()
}

func (t *tenants) leave() {
	t.mu.Lock()
	t.n--
	t.empty.L = &t.mu
	t.empty.Broadcast()
	t.mu.Unlock()
}

func (t *tenants) wait() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.empty.L = &t.mu
	for t.n > 0 {
		t.empty.Wait()
	}
}

// readErrors are the ends of a body, for both sides.
var readErrors = map[error]link.ReadError{
	io.EOF:           link.ReadEnd,
	errGone:          link.ReadGone,
	ErrBodyTimeout:   link.ReadTimeout,
	ErrBodyTooLarge:  link.ReadTooLarge,
	ErrBodyMalformed: link.ReadMalformed,
}
