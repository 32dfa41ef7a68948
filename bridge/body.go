package bridge

import (
	"errors"
	"io"
	"sync"
	"sync/atomic"
	"time"

	"github.com/gowsgi/gowsgi/internal/http1"
)

var (
	// ErrBodyTooLarge: a body without a length grew beyond Limits.Body.
	ErrBodyTooLarge = errors.New("the request body is larger than allowed")
	// ErrBodyTimeout: nothing of the body came for Limits.BodyIdle.
	ErrBodyTimeout = errors.New("the request body came too slowly")
	// ErrBodyMalformed: the chunked encoding is broken.
	ErrBodyMalformed = errors.New("the request body's chunked encoding is malformed")
)

var continueLine = []byte("HTTP/1.1 100 Continue\r\n\r\n")

// body is a request body that the app reads from the wire, by the worker's thread.
// The zero value is a body that has ended. A nil *body is one that never was.
type body struct {
	// mu is held by Read: another thread of the app may send the head meanwhile.
	mu sync.Mutex

	in      *reader
	timeout time.Duration

	left    int64 // of a body with a length
	chunks  *http1.ChunkedDecoder
	pending []byte // decoded bytes, in in's buffer
	room    int64  // what a chunked body may still grow by; -1: no limit

	// proceed asks the client for the body (Expect: 100-continue); nil once it has
	// been asked, or answered.
	proceed func() error

	taken atomic.Int64 // bytes the app has read
	err   error        // for ever
}

// Read fills p with what comes next (one piece, not all of p). io.EOF at the end.
func (b *body) Read(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.err != nil || len(p) == 0 {
		return 0, b.err
	}
	n, err := b.next(p)
	b.taken.Add(int64(n))
	if err != nil {
		b.err = bodyError(err)
		return n, b.err
	}
	return n, nil
}

// bodyError is what the app's read is told.
func bodyError(err error) error {
	var refusal *http1.Error
	switch {
	case errors.Is(err, errTimeout):
		return ErrBodyTimeout
	case errors.As(err, &refusal):
		return ErrBodyMalformed
	case err == io.EOF, errors.Is(err, ErrBodyTooLarge):
		return err
	}
	return errGone
}

func (b *body) next(p []byte) (int, error) {
	if b.chunks != nil {
		return b.nextChunk(p)
	}
	if b.left == 0 {
		return 0, io.EOF
	}
	n, err := b.nextPlain(p[:min(int64(len(p)), b.left)])
	b.left -= int64(n)
	return n, err
}

func (b *body) nextPlain(p []byte) (int, error) {
	if b.in.empty() {
		if err := b.invite(); err != nil {
			return 0, err
		}
		n, err := b.in.read(p, b.timeout)
		return n, broken(err)
	}
	n := copy(p, b.in.bytes())
	b.in.skip(n)
	return n, nil
}

// broken: an end of the connection inside the body is not its end.
func broken(err error) error {
	if err == io.EOF {
		return errGone
	}
	return err
}

func (b *body) nextChunk(p []byte) (int, error) {
	for len(b.pending) == 0 {
		data, used, done, err := b.chunks.Next(b.in.bytes())
		if err != nil {
			return 0, err
		}
		b.in.skip(used)
		if done {
			return 0, io.EOF
		}
		if len(data) == 0 {
			if used > 0 {
				continue
			}
			if err := b.more(); err != nil {
				return 0, err
			}
			continue
		}
		if b.room >= 0 {
			if b.room -= int64(len(data)); b.room < 0 {
				return 0, ErrBodyTooLarge
			}
		}
		b.pending = data
	}
	n := copy(p, b.pending)
	b.pending = b.pending[n:]
	return n, nil
}

// more reads more of a chunked body into in's buffer.
func (b *body) more() error {
	if err := b.invite(); err != nil {
		return err
	}
	if b.in.empty() {
		b.in.makeRoom(bodyBuffer)
	}
	return broken(b.in.fill(b.timeout))
}

// invite sends "100 Continue" when the client waits for it, once.
func (b *body) invite() error {
	if b.proceed == nil {
		return nil
	}
	proceed := b.proceed
	b.proceed = nil
	return proceed()
}

// complete tells that all of it has been read.
func (b *body) complete() bool {
	if b == nil || b.err == io.EOF {
		return true
	}
	return b.err == nil && b.chunks == nil && b.left == 0
}

// short tells that what is left, if anything, is little enough to be thrown away. ended
// tells that the app reads no more: before that, nothing may be thrown away, and what
// the app will leave of a chunked body can't be known.
func (b *body) short(ended bool) bool {
	if b == nil {
		return true
	}
	if !b.mu.TryLock() {
		return false // a thread of the app reads: what it will leave can't be known
	}
	defer b.mu.Unlock()
	if b.complete() {
		return true
	}
	// A client that was never asked may send the body, or not: nobody can tell what
	// its next bytes are.
	if b.err != nil || b.proceed != nil {
		return false
	}
	if b.chunks == nil {
		return b.left <= drainLimit
	}
	return !ended || b.discardBuffered()
}

// discardBuffered throws away what is here of a chunked body, and tells whether that was
// the rest: how much more is to come, nobody knows.
func (b *body) discardBuffered() bool {
	b.pending = nil
	for {
		data, used, done, err := b.chunks.Next(b.in.bytes())
		b.in.skip(used)
		switch {
		case err != nil:
			b.err = ErrBodyMalformed
			return false
		case done:
			b.err = io.EOF
			return true
		case len(data) == 0:
			return false
		}
	}
}

// drain reads what the app left, so that the next request can be found. False
// when that is too much or fails.
func (b *body) drain() bool {
	if b.complete() {
		return true
	}
	if !b.short(false) {
		return false
	}
	var scrap [4096]byte
	for total := 0; total <= drainLimit; {
		n, err := b.Read(scrap[:])
		if err != nil {
			return err == io.EOF
		}
		total += n
		if b.complete() {
			return true
		}
	}
	return false
}

// read is the number of bytes that were read of it, inline ones included.
func (b *body) read(inline int64) int64 {
	if b == nil {
		return inline
	}
	return inline + b.taken.Load()
}
