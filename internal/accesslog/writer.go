package accesslog

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"sync"
	"time"
)

// Limits of a Writer. They are about one sink of one process and need no
// option.
const (
	// maxQueued is how much may wait for a sink that does not keep up; what
	// comes then is dropped and counted.
	maxQueued = 4 << 20
	// appReserve is the part of it that access lines leave to the
	// application's own, so that a flood of requests doesn't cost a traceback.
	appReserve = 1 << 20
	// batchDelay is how old a line gets at most while batches are collected,
	// batchBytes how much a batch waits for, and also how much one write(2) gets.
	batchDelay = 20 * time.Millisecond
	batchBytes = 64 << 10
	// flushWait and closeWait bound Flush and Close when the sink is blocked.
	flushWait = 250 * time.Millisecond
	closeWait = 2 * time.Second
	// closeRounds ends Close although lines keep coming.
	closeRounds = 100
	// keepBytes is the largest buffer that is kept for the next batch.
	keepBytes = 256 << 10
)

// ErrStalled is what Flush and Close return when the sink takes no more data:
// a pipe whose reader has stopped, a terminal that is held.
var ErrStalled = errors.New("the log is blocked: its reader takes no more lines")

// Writer takes whole lines from any number of goroutines and writes them in
// that order, in batches, from one goroutine of its own. No caller of Append or
// Write ever waits for the sink.
//
// A line goes out at once if nothing was written in the last 20 ms, else with
// the next batch.
type Writer struct {
	// JSON makes the line that reports dropped lines a JSON object. Set it
	// before the first line.
	JSON bool
	// Date writes that line's time, if it is none. Set it likewise.
	Date *Date

	out  io.Writer     // the flusher's until done is closed, then lateMu's
	wake chan struct{} // one token: look at the state
	done chan struct{} // closed when the flusher has ended
	torn bool          // the last write ended within a line; the flusher's

	lateMu sync.Mutex

	mu sync.Mutex
	// buf holds the lines to come, spare the empty buffer of the last batch.
	buf, spare []byte
	inflight   int       // bytes of the batch being written
	busySince  time.Time // when the current write(2) began; zero between writes
	queued     uint64    // bytes ever taken into buf
	written    uint64    // bytes of those that out has had (or refused)
	moved      chan struct{}
	urgent     bool   // somebody waits in Flush
	dropped    uint64 // lines, since the last report
	lost       uint64 // lines, ever
	closing    bool
	ended      bool // the flusher takes no more batches
}

// NewWriter starts a Writer. The caller must Close it; out stays open.
func NewWriter(out io.Writer) *Writer {
	w := &Writer{
		out:  out,
		wake: make(chan struct{}, 1),
		done: make(chan struct{}),
	}
	go w.flusher()
	return w
}

// lineBuffers are where Append renders a line before it takes the lock.
var lineBuffers = sync.Pool{New: func() any { b := make([]byte, 0, 512); return &b }}

// Append renders r with f and queues the line.
func (w *Writer) Append(f *Format, r *Record) {
	b := lineBuffers.Get().(*[]byte)
	*b = f.Append((*b)[:0], r)
	w.enqueue(*b, maxQueued-appReserve)
	if cap(*b) <= batchBytes {
		lineBuffers.Put(b)
	}
}

// Write queues p, which should be one or more whole lines; a missing newline
// is added. It always reports success: a log has nobody to tell.
func (w *Writer) Write(p []byte) (int, error) {
	if len(p) > 0 {
		w.enqueue(p, maxQueued)
	}
	return len(p), nil
}

// enqueue copies lines into the buffer if no more than limit bytes wait then.
func (w *Writer) enqueue(lines []byte, limit int) {
	w.mu.Lock()
	if w.ended {
		w.mu.Unlock()
		w.writeLate(lines)
		return
	}
	if len(w.buf)+w.inflight+len(lines) > limit {
		w.drop(countLines(lines))
		w.mu.Unlock()
		return
	}
	before := len(w.buf)
	w.buf = append(w.buf, lines...)
	if lines[len(lines)-1] != '\n' {
		w.buf = append(w.buf, '\n')
	}
	after := len(w.buf)
	w.queued += uint64(after - before)
	w.mu.Unlock()
	// The flusher needs to hear of the first line, and of a full batch.
	if before == 0 || before < batchBytes && after >= batchBytes {
		w.poke()
	}
}

// writeLate writes lines that come after Close, an atexit handler's, say.
func (w *Writer) writeLate(lines []byte) {
	<-w.done // the flusher has nothing left to do but to close it
	w.lateMu.Lock()
	defer w.lateMu.Unlock()
	if lines[len(lines)-1] != '\n' {
		lines = append(bytes.Clone(lines), '\n')
	}
	_, _ = w.out.Write(lines)
}

func (w *Writer) poke() {
	select {
	case w.wake <- struct{}{}:
	default:
	}
}

// drop counts lines that nobody will see. Called with mu held.
func (w *Writer) drop(lines uint64) {
	w.dropped += lines
	w.lost += lines
}

// Dropped is the number of lines lost so far, because the sink was blocked or
// failed.
func (w *Writer) Dropped() uint64 {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.lost
}

// Flush returns when all lines queued before it are written, or, with
// ErrStalled, when the sink doesn't take them.
func (w *Writer) Flush() error {
	timer := time.NewTimer(flushWait)
	defer timer.Stop()
	w.mu.Lock()
	target := w.queued
	for w.written < target {
		w.urgent = true
		if !w.busySince.IsZero() && time.Since(w.busySince) > flushWait {
			w.mu.Unlock() // known to be blocked: don't wait each time anew
			return ErrStalled
		}
		if w.moved == nil {
			w.moved = make(chan struct{})
		}
		moved := w.moved
		w.mu.Unlock()
		w.poke()
		select {
		case <-moved:
		case <-timer.C:
			return ErrStalled
		}
		w.mu.Lock()
	}
	w.mu.Unlock()
	return nil
}

// Close writes all that is queued and ends the goroutine. If the sink takes
// nothing for two seconds it gives up with ErrStalled; the goroutine then stays
// in its write until the process ends. Lines that come after Close are written
// directly. Close may be called more than once.
func (w *Writer) Close() error {
	w.mu.Lock()
	w.closing = true
	w.mu.Unlock()
	w.poke()
	start := time.Now() // a sink that was blocked until now gets its time too
	tick := time.NewTicker(closeWait / 20)
	defer tick.Stop()
	for {
		select {
		case <-w.done:
			return nil
		case <-tick.C:
			w.mu.Lock()
			stalled := !w.busySince.IsZero() && time.Since(w.busySince) > closeWait && time.Since(start) > closeWait
			w.mu.Unlock()
			if stalled {
				return ErrStalled
			}
		}
	}
}

// countLines counts a last line without a newline too.
func countLines(b []byte) uint64 {
	n := bytes.Count(b, []byte{'\n'})
	if len(b) > 0 && b[len(b)-1] != '\n' {
		n++
	}
	return uint64(n)
}

// appendReport tells of n dropped lines.
func (w *Writer) appendReport(dst []byte, n uint64) []byte {
	now := time.Now()
	if w.JSON {
		return fmt.Appendf(dst, `{"time":%q,"level":"WARN","msg":"log lines dropped: the log is not read fast enough","lines":%d}`+"\n", now.Format(isoLayout), n)
	}
	dst = w.Date.Append(dst, now)
	return fmt.Appendf(dst, " WARN log lines dropped: the log is not read fast enough lines=%d\n", n)
}
