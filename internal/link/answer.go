package link

import "errors"

// Event says what a worker's message is about.
type Event uint32

// The events.
const (
	// Posted: an answer lies in the slot. What follows waits for a verdict on it; the last of a
	// request gets none.
	Posted Event = iota
	// Wants: the app reads the body.
	Wants
	// StopRead: nobody waits for the read any more. StopWrite: nor for the answer.
	StopRead
	StopWrite
	// Closed: the request has ended without another answer.
	Closed
	eventKinds
)

// Answer is what a thread of the worker has to say. In the front its slices are the shared memory:
// the bytes may change at any time, the lengths can't.
type Answer struct {
	Kind    uint32 // the bridge's event
	Head    bool
	OSError bool
	Last    bool // the request has ended in the worker
	Through bool // the app has, and this is a piece of what it gave
	Status  []byte
	Headers []byte
	Body    []byte
	Error   []byte
	Total   int64
	Offset  int64
	Length  int64
}

// A message in the ring to the front: the slot, what it is about, and the lowest bits of the number of
// the slot's request: one that comes late is not taken for the next request's.
func pack(i int, run uint32, event Event) uint32 {
	return run<<runShift | uint32(i)<<slotShift | uint32(event)
}

func unpack(v uint32) (i int, run uint32, event Event) {
	return int(v>>slotShift) & (1<<(runShift-slotShift) - 1), v >> runShift, Event(v & (1<<slotShift - 1))
}

const (
	slotShift = 8
	runShift  = 19
	runMask   = 1<<(32-runShift) - 1
)

const (
	flagHead = 1 << iota
	flagOSError
	flagLast
	flagThrough
)

// ReadError is why a body can't be read on: a negative length.
type ReadError int32

// The reasons, as pyhost's seam has them, and the end.
const (
	ReadEnd ReadError = -1 - iota
	ReadGone
	ReadTimeout
	ReadTooLarge
	ReadMalformed
)

var (
	// ErrBroken: the worker's messages can't be.
	ErrBroken = errors.New("link: the worker wrote nonsense into the shared memory")
	// ErrAnswerSize: status and headers are too large.
	ErrAnswerSize = errors.New("the response's status and headers are larger than 1.9 MiB")
	// ErrGivenUp: the front wants no more of the response.
	ErrGivenUp = errors.New("link: the front has given the request up")
	// ErrGone is ErrGivenUp since the client has left.
	ErrGone = errors.New("link: the client has left")
)

// HeadMax is what status and headers may take of an answer.
const HeadMax = AnswerSize - PieceSize/2

// Room is what body and traceback may take beside the status and headers of a.
func (a *Answer) Room() int {
	return min(PieceSize, AnswerSize-len(a.Status)-len(a.Headers))
}

// write puts a into the slot. It fits.
func (s *slot) write(a *Answer) {
	at := s.answer
	for _, part := range [][]byte{a.Status, a.Headers, a.Body, a.Error} {
		at = at[copy(at, part):]
	}
	s.statusLen.Store(uint32(len(a.Status)))
	s.headerLen.Store(uint32(len(a.Headers)))
	s.chunkLen.Store(uint32(len(a.Body)))
	s.errorLen.Store(uint32(len(a.Error)))
	s.total.Store(a.Total)
	s.offset.Store(a.Offset)
	s.length.Store(a.Length)
	s.event.Store(a.Kind)
	flags := uint32(0)
	if a.Head {
		flags |= flagHead
	}
	if a.OSError {
		flags |= flagOSError
	}
	if a.Last {
		flags |= flagLast
	}
	if a.Through {
		flags |= flagThrough
	}
	s.flags.Store(flags)
}

// answered is the answer that lies in the slot, every number read once and checked.
func (s *slot) answered() (Answer, error) {
	flags := s.flags.Load()
	a := Answer{
		Kind:    s.event.Load(),
		Head:    flags&flagHead != 0,
		OSError: flags&flagOSError != 0,
		Last:    flags&flagLast != 0,
		Through: flags&flagThrough != 0,
		Total:   s.total.Load(),
		Offset:  s.offset.Load(),
		Length:  s.length.Load(),
	}
	rest := s.answer
	for _, part := range []struct {
		to  *[]byte
		len uint32
	}{{&a.Status, s.statusLen.Load()}, {&a.Headers, s.headerLen.Load()}, {&a.Body, s.chunkLen.Load()}, {&a.Error, s.errorLen.Load()}} {
		if uint64(part.len) > uint64(len(rest)) {
			return Answer{}, ErrBroken
		}
		*part.to, rest = rest[:part.len:part.len], rest[part.len:]
	}
	if a.Total < -1 || a.Offset < 0 || a.Length < 0 {
		return Answer{}, ErrBroken
	}
	return a, nil
}
