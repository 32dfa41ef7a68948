package link

import (
	"errors"
	"fmt"
	"os"
	"sync/atomic"
	"unsafe"

	"golang.org/x/sys/unix"
)

// Size is what both sides must agree on. The front makes it, the worker is told.
type Size struct {
	Slots   int `json:"slots"`   // requests at once
	Request int `json:"request"` // bytes of a packed environ with its inline body
}

const (
	headerSize = 4096
	// ringSize is a power of two. Of one slot there are at most so many numbers in a ring that
	// 512 threads' fit.
	ringSize = 8192
	// MaxSlots is the most slots that a link may have.
	MaxSlots = ringSize / int(eventKinds)
	slotHead = 256
	// AnswerSize is the most bytes of one posted answer: status, headers, a piece of the body,
	// traceback.
	AnswerSize = 2 << 20
	// PieceSize is the most bytes of a body in it: what was once used stays in memory.
	PieceSize = 256 << 10
	// ReadSize is the most bytes of a request body that one read gets.
	ReadSize = 64 << 10

	ringBytes = ringSize * 4
	pageSize  = 4096
)

var errSize = errors.New("link: impossible size")

// offsets in the header: each counter on a cache line of its own.
const (
	atInTail   = 0
	atInHead   = 64
	atOutTail  = 128
	atOutHead  = 192
	atFrontNap = 256 // the front sleeps, or is about to
	atNap      = 320 // the worker does: a futex
)

func (s Size) valid() bool {
	return s.Slots > 0 && s.Slots <= MaxSlots && s.Request >= pageSize && s.Request%pageSize == 0 && s.Request <= 1<<30
}

func (s Size) stride() int { return slotHead + s.Request + ReadSize + AnswerSize }
func (s Size) total() int  { return headerSize + 2*ringBytes + s.Slots*s.stride() }

// Fit rounds the size of a slot's request up to what a link can have.
func Fit(bytes int) int { return (bytes + pageSize - 1) / pageSize * pageSize }

// memory is the mapping, seen by either side.
type memory struct {
	size Size
	all  []byte
	file *os.File

	in, out  ring
	frontNap *atomic.Uint32
	nap      *atomic.Uint32
	slots    []slot
}

// slot is a view of one slot. The slices are parts of the mapping.
type slot struct {
	*slotFields
	request []byte
	read    []byte
	answer  []byte
}

// slotFields lie in the shared memory. All are atomic: the other side may write at any time, and
// a number must not be read twice by the compiler's choice.
type slotFields struct {
	state   atomic.Uint32 // Free, Offered, Taken
	verdict atomic.Uint32 // of the front on the answer that was posted
	granted atomic.Uint32 // of the front on the read that was asked for

	run    atomic.Uint32 // the number of the request in it, counted by the front
	closed atomic.Uint32 // there is no answer after the one that was posted

	environLen atomic.Uint32
	bodyLen    atomic.Uint32
	streams    atomic.Uint32

	readMax atomic.Uint32
	readLen atomic.Int32 // or a ReadError

	event     atomic.Uint32
	flags     atomic.Uint32
	statusLen atomic.Uint32
	headerLen atomic.Uint32
	chunkLen  atomic.Uint32
	errorLen  atomic.Uint32
	taken     atomic.Int64 // Unix nanoseconds
	total     atomic.Int64
	offset    atomic.Int64
	length    atomic.Int64
}

// The states of a slot.
const (
	slotFree uint32 = iota
	slotOffered
	slotTaken
)

// What the front says to an answer, and to a read.
const (
	pending uint32 = iota
	goOn
	giveUp
	hungUp
)

func mapMemory(file *os.File, size Size) (*memory, error) {
	if !size.valid() || unsafe.Sizeof(slotFields{}) > slotHead {
		return nil, errSize
	}
	all, err := unix.Mmap(int(file.Fd()), 0, size.total(), unix.PROT_READ|unix.PROT_WRITE, unix.MAP_SHARED)
	if err != nil {
		return nil, fmt.Errorf("link: map %d bytes: %w", size.total(), err)
	}
	m := &memory{size: size, all: all, file: file}
	m.in = ring{tail: word(all, atInTail), head: word(all, atInHead), entries: all[headerSize:][:ringBytes]}
	m.out = ring{tail: word(all, atOutTail), head: word(all, atOutHead), entries: all[headerSize+ringBytes:][:ringBytes]}
	m.frontNap, m.nap = word(all, atFrontNap), word(all, atNap)
	m.slots = make([]slot, size.Slots)
	for i := range m.slots {
		at := all[headerSize+2*ringBytes+i*size.stride():][:size.stride()]
		s := &m.slots[i]
		s.slotFields = (*slotFields)(unsafe.Pointer(&at[0]))
		at = at[slotHead:]
		s.request, at = at[:size.Request:size.Request], at[size.Request:]
		s.read, s.answer = at[:ReadSize:ReadSize], at[ReadSize:]
	}
	return m, nil
}

func word(all []byte, at int) *atomic.Uint32 { return (*atomic.Uint32)(unsafe.Pointer(&all[at])) }

func (m *memory) close() error {
	err := unix.Munmap(m.all)
	m.all, m.slots = nil, nil
	return errors.Join(err, m.file.Close())
}

// ring holds slot numbers and events on their way to the other side. One side puts, the other one
// gets; each keeps its own count and only tells it to the other.
type ring struct {
	tail, head *atomic.Uint32
	entries    []byte
	own        uint32 // the tail of who puts, the head of who gets
}

func (r *ring) entry(i uint32) *atomic.Uint32 {
	return (*atomic.Uint32)(unsafe.Pointer(&r.entries[i%ringSize*4]))
}

// put is never called more often than there is room: a slot is in a ring once for each event.
func (r *ring) put(v uint32) {
	r.entry(r.own).Store(v)
	r.own++
	r.tail.Store(r.own)
}

// get takes the oldest. broken: the other side's count can't be.
func (r *ring) get() (v uint32, ok, broken bool) {
	n := r.tail.Load() - r.own
	if n == 0 {
		return 0, false, false
	}
	if n > ringSize {
		return 0, false, true
	}
	v = r.entry(r.own).Load()
	r.own++
	r.head.Store(r.own)
	return v, true, false
}

func (r *ring) empty() bool { return r.tail.Load() == r.own }
