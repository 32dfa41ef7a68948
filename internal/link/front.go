package link

import (
	"errors"
	"os"
	"time"
)

// Front is the front's side of a link. Its methods are called by one goroutine at a time, but for
// Answer, Resume, GiveUp, Grant and ReadBuffer, which belong to whoever has the slot's request.
type Front struct {
	*memory
	runs []uint32 // of the requests that are, or were, in the slots
	news *os.File // rung by the worker
}

// NewFront makes the shared memory, filled with nothing, and the worker's bell.
func NewFront(size Size) (*Front, error) {
	file, err := anonymous(size.total())
	if err != nil {
		return nil, err
	}
	m, err := mapMemory(file, size)
	if err != nil {
		file.Close()
		return nil, err
	}
	f := &Front{memory: m, runs: make([]uint32, size.Slots)}
	if f.news, err = newBell(); err != nil {
		_ = m.close()
		return nil, err
	}
	return f, nil
}

// Files are what the worker inherits, in the order that Join takes.
func (f *Front) Files() []*os.File { return []*os.File{f.file, f.news} }

// Close ends the mapping: nobody may use a slot any more.
func (f *Front) Close() error { return errors.Join(f.news.Close(), f.memory.close()) }

// Size is the link's.
func (f *Front) Size() Size { return f.size }

// News is the descriptor that becomes readable, by an edge, when the worker has something to say
// to a front that naps.
func (f *Front) News() int { return int(f.news.Fd()) }

// Full tells that the worker has not looked at what it was offered for long, so that nothing more
// can be.
func (f *Front) Full() bool { return f.in.own-f.in.head.Load() >= ringSize-1 }

// Offer puts a request, which fits, into a slot that nothing is in, and wakes the worker if it naps. run tells the request
// from others that have, or will have, the slot.
func (f *Front) Offer(i int, environ, body []byte, streams bool) (run uint32) {
	s := &f.slots[i]
	copy(s.request[copy(s.request, environ):], body)
	s.environLen.Store(uint32(len(environ)))
	s.bodyLen.Store(uint32(len(body)))
	s.streams.Store(0)
	if streams {
		s.streams.Store(1)
	}
	s.taken.Store(0)
	f.runs[i]++
	s.run.Store(f.runs[i])
	s.closed.Store(0)
	s.verdict.Store(pending)
	s.granted.Store(pending)
	s.state.Store(slotOffered)
	f.in.put(uint32(i))
	if f.nap.Load() != 0 { // whatever somebody has made of it
		f.Ring()
	}
	return f.runs[i]
}

// Ring wakes the worker whether it says that it naps or not. (By a futex: a write to a descriptor that the
// worker shares may block, if it wants that.)
func (f *Front) Ring() {
	f.nap.Store(0)
	futexWake(f.nap)
}

// Sane tells whether the worker's count of what it has looked at can be.
func (f *Front) Sane() bool { return f.in.own-f.in.head.Load() <= ringSize }

// SaneSlot tells whether the state of a slot can be that has a request in it.
func (f *Front) SaneSlot(i int) bool {
	state := f.slots[i].state.Load()
	return state == slotOffered || state == slotTaken
}

// Withdraw takes a request back that the worker has not taken. False: it has.
func (f *Front) Withdraw(i int) bool { return f.slots[i].state.CompareAndSwap(slotOffered, slotFree) }

// Release ends a slot's use.
func (f *Front) Release(i int) { f.slots[i].state.Store(slotFree) }

// Next is the worker's next message. current: it is about the request that is in the slot, and not an
// earlier one. The error is ErrBroken.
func (f *Front) Next() (i int, event Event, current, ok bool, err error) {
	v, ok, broken := f.out.get()
	i, run, event := unpack(v)
	if broken || ok && (i >= len(f.slots) || event >= eventKinds) {
		return 0, 0, false, false, ErrBroken
	}
	return i, event, ok && run == f.runs[i]&runMask, ok, nil
}

// Nap tells the worker that the front is about to sleep, and must be rung. False: there is
// something to be read first.
func (f *Front) Nap() bool {
	f.frontNap.Store(1)
	return f.out.empty()
}

// Awake ends a nap.
func (f *Front) Awake() { f.frontNap.Store(0) }

// TakenAt is when the worker took the request, by its own word; zero if it has not.
func (f *Front) TakenAt(i int) time.Time {
	if ns := f.slots[i].taken.Load(); ns != 0 {
		return time.Unix(0, ns)
	}
	return time.Time{}
}

// IsTaken tells whether the worker has taken the slot's request.
func (f *Front) IsTaken(i int) bool { return f.slots[i].state.Load() == slotTaken }

// Answer is the answer that was posted. Its memory is the worker's again after Resume or GiveUp.
func (f *Front) Answer(i int) (Answer, error) { return f.slots[i].answered() }

// Closed tells that no answer follows on the one that was posted: the worker has nothing more to do
// with the slot.
func (f *Front) Closed(i int) bool { return f.slots[i].closed.Load() != 0 }

// Resume lets the thread go on after its answer.
func (f *Front) Resume(i int) { f.say(i, goOn) }

// GiveUp tells it that nobody wants the rest; gone: since the client has left.
func (f *Front) GiveUp(i int, gone bool) {
	if gone {
		f.say(i, hungUp)
		return
	}
	f.say(i, giveUp)
}

func (f *Front) say(i int, what uint32) {
	s := &f.slots[i]
	s.verdict.Store(what)
	futexWake(&s.verdict)
}

// ReadBuffer is where the bytes go that the app wants to read.
func (f *Front) ReadBuffer(i int) []byte {
	s := &f.slots[i]
	return s.read[:min(int(s.readMax.Load()), ReadSize)]
}

// Grant ends a read: n bytes are in the buffer, or n is a ReadError.
func (f *Front) Grant(i int, n int32) {
	s := &f.slots[i]
	s.readLen.Store(n)
	s.granted.Store(goOn)
	futexWake(&s.granted)
}
