package link

import (
	"errors"
	"os"
	"sync"
	"sync/atomic"
	"time"
)

// Worker is the worker's side of a link. Wait, and Next with it, is for one caller at a time;
// everything else belongs to who runs the slot's request.
type Worker struct {
	*memory
	news   *os.File
	called atomic.Bool // by Interrupt

	mu sync.Mutex // guards out

	// runs are the numbers of the requests that were taken: what stands in the memory, the app may
	// have overwritten.
	runs []atomic.Uint32
}

// Join maps the memory that the front has made: files are those of Front.Files.
func Join(size Size, files []*os.File) (*Worker, error) {
	m, err := mapMemory(files[0], size)
	if err != nil {
		return nil, err
	}
	return &Worker{memory: m, news: files[1], runs: make([]atomic.Uint32, size.Slots)}, nil
}

// Wait sleeps until there is a request, or until Interrupt.
func (w *Worker) Wait() {
	w.nap.Store(1)
	if w.in.empty() && !w.called.Load() {
		futexWait(w.nap, 1) // it may return without a reason, and so may Wait
	}
	w.nap.Store(0)
	w.called.Store(false)
}

// Interrupt ends the Wait under way, or the next one. From any goroutine.
func (w *Worker) Interrupt() {
	w.called.Store(true)
	w.nap.Store(0)
	futexWake(w.nap)
}

// Next is the slot of the next request that is offered. It may be taken back until Take.
func (w *Worker) Next() (int, bool) {
	v, ok, _ := w.in.get()
	return int(v), ok && int(v) < len(w.slots)
}

// Take takes the slot's request. False: the front has it back.
func (w *Worker) Take(i int) bool {
	s := &w.slots[i]
	if !s.state.CompareAndSwap(slotOffered, slotTaken) {
		return false
	}
	w.runs[i].Store(s.run.Load())
	s.taken.Store(time.Now().UnixNano())
	return true
}

// Run is the request's number: what Offer gave.
func (w *Worker) Run(i int) uint32 { return w.runs[i].Load() }

// Environ is the packed environ. It stays until the last answer.
func (w *Worker) Environ(i int) []byte {
	s := &w.slots[i]
	return s.request[:s.environLen.Load()]
}

// Body is the inline body, and whether there is more to read.
func (w *Worker) Body(i int) ([]byte, bool) {
	s := &w.slots[i]
	from := s.environLen.Load()
	return s.request[from : from+s.bodyLen.Load()], s.streams.Load() != 0
}

// Post gives an answer to the front. The next one must wait for Verdict; the last gets none. It fits (see Answer.Room).
func (w *Worker) Post(i int, a *Answer) {
	s := &w.slots[i]
	s.verdict.Store(pending)
	s.write(a)
	w.send(i, Posted)
}

// Verdict waits for the front's word on the answer. The error is ErrGivenUp or ErrGone.
func (w *Worker) Verdict(i int) error {
	switch wait(&w.slots[i].verdict) {
	case giveUp:
		return ErrGivenUp
	case hungUp:
		return ErrGone
	}
	return nil
}

// Close ends the request after the answer that was posted, whatever the verdict on it will be. The slot
// is the front's.
func (w *Worker) Close(i int) {
	s := &w.slots[i]
	run := w.runs[i].Load() & runMask
	s.closed.Store(1)
	w.sendOf(i, run, Closed) // the front may have seen it already, and put another request there
}

// Read asks the front for bytes of the body, and waits for them.
func (w *Worker) Read(i int, p []byte) (int, ReadError) {
	s := &w.slots[i]
	want := min(len(p), ReadSize)
	s.readMax.Store(uint32(want))
	s.granted.Store(pending)
	w.send(i, Wants)
	if wait(&s.granted) == giveUp {
		return 0, ReadGone
	}
	n := s.readLen.Load()
	if n < 0 {
		return 0, ReadError(n)
	}
	return copy(p[:min(int(n), want)], s.read), 0
}

// StopRead tells the front to end the Read under way. StopWrite does so for Verdict.
func (w *Worker) StopRead(i int) { w.send(i, StopRead) }

// StopWrite is StopRead for Verdict.
func (w *Worker) StopWrite(i int) { w.send(i, StopWrite) }

func (w *Worker) send(i int, event Event) { w.sendOf(i, w.runs[i].Load()&runMask, event) }

func (w *Worker) sendOf(i int, run uint32, event Event) {
	w.mu.Lock()
	w.out.put(pack(i, run, event))
	w.mu.Unlock()
	if w.frontNap.Load() != 0 && w.frontNap.CompareAndSwap(1, 0) {
		strike(w.news)
	}
}

// wait sleeps until the front has said something.
func wait(word *atomic.Uint32) uint32 {
	for {
		if v := word.Load(); v != pending {
			return v
		}
		futexWait(word, pending)
	}
}

// Leave ends the mapping. Nobody may use a slot any more.
func (w *Worker) Leave() error { return errors.Join(w.news.Close(), w.memory.close()) }
