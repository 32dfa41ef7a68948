package accesslog

import (
	"bytes"
	"io"
	"time"
)

// flusher is the goroutine that writes to out until Close.
func (w *Writer) flusher() {
	defer close(w.done)
	timer := time.NewTimer(batchDelay)
	defer timer.Stop()
	var last time.Time // the end of the last batch
	for rounds := 0; ; {
		<-w.wake
		w.collect(timer, batchDelay-time.Since(last))
		ok := w.writeBatch()
		last = time.Now()
		if w.isClosing() {
			if rounds++; w.end(!ok || rounds == closeRounds) {
				return
			}
			w.poke()
		}
	}
}

func (w *Writer) isClosing() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.closing
}

// end closes the queue if it is empty; with force, what is in it is lost.
func (w *Writer) end(force bool) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	if !force && (len(w.buf) > 0 || w.dropped > 0) {
		return false
	}
	w.drop(countLines(w.buf))
	w.buf, w.written, w.ended = nil, w.queued, true
	return true
}

// collect lets a batch grow for delay, until it is large or somebody waits.
func (w *Writer) collect(timer *time.Timer, delay time.Duration) {
	if delay <= 0 {
		return
	}
	timer.Reset(delay)
	for {
		w.mu.Lock()
		enough := len(w.buf) >= batchBytes || w.urgent || w.closing
		w.mu.Unlock()
		if enough {
			return
		}
		select {
		case <-w.wake:
		case <-timer.C:
			return
		}
	}
}

// writeBatch writes what has come since the last one, then how many lines did
// not fit behind it. After an error it gives the batch up: a full disk or a
// closed pipe would not take the rest either.
func (w *Writer) writeBatch() (ok bool) {
	w.mu.Lock()
	batch := w.buf
	w.buf, w.spare = w.spare[:0], nil
	w.inflight = len(batch)
	dropped := w.dropped
	w.urgent = false
	w.mu.Unlock()
	defer w.recycle(batch)

	for rest := batch; len(rest) > 0; {
		n, err := w.write(rest[:chunkLen(rest)])
		rest = rest[n:]
		if err != nil {
			w.settle(n+len(rest), countLines(rest))
			return false
		}
		w.settle(n, 0)
	}
	if dropped == 0 {
		return true
	}
	if _, err := w.write(w.appendReport(nil, dropped)); err != nil {
		return false
	}
	w.mu.Lock()
	w.dropped -= dropped
	w.mu.Unlock()
	return true
}

// write is one write(2), during which Flush and Close can tell a blocked sink
// from a slow one.
func (w *Writer) write(lines []byte) (n int, err error) {
	w.busy(time.Now())
	defer w.busy(time.Time{})
	if w.torn {
		if _, err := w.out.Write([]byte{'\n'}); err != nil {
			return 0, err
		}
		w.torn = false
	}
	n, err = w.out.Write(lines)
	if err == nil && n < len(lines) {
		err = io.ErrShortWrite
	}
	w.torn = n > 0 && lines[n-1] != '\n'
	return n, err
}

func (w *Writer) busy(since time.Time) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.busySince = since
}

// settle accounts for n bytes of the batch, lost lines among them, and wakes
// who waits for that.
func (w *Writer) settle(n int, lost uint64) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.inflight -= n
	w.written += uint64(n)
	w.drop(lost)
	if w.moved != nil {
		close(w.moved)
		w.moved = nil
	}
}

// recycle keeps the batch's buffer for the next one, unless a flood made it
// large.
func (w *Writer) recycle(batch []byte) {
	if cap(batch) > keepBytes {
		return
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.spare = batch[:0]
}

// chunkLen is how much of lines one write gets: whole lines, so that what
// other processes write to the same pipe comes between lines.
func chunkLen(lines []byte) int {
	if len(lines) <= batchBytes {
		return len(lines)
	}
	if i := bytes.LastIndexByte(lines[:batchBytes], '\n'); i >= 0 {
		return i + 1
	}
	return bytes.IndexByte(lines, '\n') + 1
}
