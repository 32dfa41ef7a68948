package bridge

import (
	"errors"
	"io"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

var (
	errTimeout = errors.New("the client was too slow")
	errGone    = errors.New("the client left")
)

const (
	headBuffer = 4 << 10 // what a connection reads into at first
	// bodyBuffer holds a request with an inline body.
	bodyBuffer = headBuffer + inlineBody
)

var (
	headBuffers = sync.Pool{New: func() any { return new([headBuffer]byte) }}
	bodyBuffers = sync.Pool{New: func() any { return new([bodyBuffer]byte) }}
)

// bell wakes the goroutine that waits for a connection's socket. A ring that finds nobody is
// kept for the next one: waits begin with a look at the socket, so one too many does no harm.
type bell chan struct{}

func (b bell) ring() {
	select {
	case b <- struct{}{}:
	default:
	}
}

// waiting is how one side of a connection waits for its socket.
type waiting struct {
	fd   int
	bell bell
	// events is what poll(2) is to wait for.
	events int16
	// onThread: a Python thread waits, by poll(2). It is a thread that nobody needs meanwhile,
	// and one wake-up; a goroutine that is locked to its thread would need three.
	onThread bool
	// interrupted ends every wait from now on: the request is over.
	interrupted atomic.Bool
	// by is when the wait under way is over: Unix nanoseconds; 0: no limit, or nothing waits.
	by atomic.Int64
}

func (w *waiting) init(fd int, b bell, events int16) { w.fd, w.bell, w.events = fd, b, events }

// pollSlice is how soon a wait on a thread sees that it was interrupted.
const pollSlice = 50 * time.Millisecond

// wait returns nil when it is worth another try.
func (w *waiting) wait() error {
	switch by := w.by.Load(); {
	case w.interrupted.Load():
		return errGone
	case by != 0 && by <= time.Now().UnixNano():
		return errTimeout
	case w.onThread:
		fds := []unix.PollFd{{Fd: int32(w.fd), Events: w.events}}
		_, _ = unix.Poll(fds, int(pollSlice/time.Millisecond)) // any outcome: try again
	default:
		<-w.bell
	}
	return nil
}

// sweep wakes a goroutine whose wait is over at now.
func (w *waiting) sweep(now int64) {
	if by := w.by.Load(); by != 0 && by < now {
		w.bell.ring()
	}
}

// interrupt makes the wait under way, and every later one, end with errGone.
func (w *waiting) interrupt() {
	w.interrupted.Store(true)
	w.bell.ring()
}

// reader is the reading side of a connection and its buffer. buf[r:w] waits to be
// used; buf is nil while nothing does: an idle connection holds no buffer.
type reader struct {
	waiting
	buf  []byte
	r, w int

	// fresh tells that the socket may have something to read: it has changed since the last
	// read began, or that read took as much as it could.
	fresh atomic.Bool
	// ended tells that the client's end, or an error, is to be found behind the bytes.
	ended atomic.Bool
}

func (r *reader) bytes() []byte { return r.buf[r.r:r.w] }
func (r *reader) empty() bool   { return r.r == r.w }

// skip uses n bytes up.
func (r *reader) skip(n int) {
	r.r += n
	if r.r == r.w {
		r.r, r.w = 0, 0
	}
}

func (r *reader) reset() { r.r, r.w = 0, 0 }

// release gives the buffer back.
func (r *reader) release() {
	switch len(r.buf) {
	case headBuffer:
		headBuffers.Put((*[headBuffer]byte)(r.buf))
	case bodyBuffer:
		bodyBuffers.Put((*[bodyBuffer]byte)(r.buf))
	}
	r.buf, r.r, r.w = nil, 0, 0
}

// grow makes room behind the bytes that wait.
func (r *reader) grow() {
	if r.r > 0 {
		r.w = copy(r.buf, r.buf[r.r:r.w])
		r.r = 0
	}
	switch {
	case r.w < len(r.buf):
	case r.buf == nil:
		r.buf = headBuffers.Get().(*[headBuffer]byte)[:]
	default:
		r.move(make([]byte, 2*len(r.buf)))
	}
}

// makeRoom grows the buffer to hold n bytes in all, up to bodyBuffer.
func (r *reader) makeRoom(n int) {
	if n > len(r.buf) {
		r.move(bodyBuffers.Get().(*[bodyBuffer]byte)[:])
	}
}

// slim gives up a buffer that is much larger than what it holds.
func (r *reader) slim() {
	if len(r.buf) == bodyBuffer && len(r.bytes()) < headBuffer {
		r.move(headBuffers.Get().(*[headBuffer]byte)[:])
	}
}

// move changes buffers.
func (r *reader) move(to []byte) {
	w := copy(to, r.bytes())
	r.release()
	r.buf, r.w = to, w
}

// fill reads into the buffer, waiting at most d; 0 is no limit.
func (r *reader) fill(d time.Duration) error { return r.fillBy(deadline(d)) }

func (r *reader) fillBy(by int64) error {
	r.grow()
	n, err := r.readBy(r.buf[r.w:], by)
	r.w += n
	if err != nil && r.empty() {
		r.release()
	}
	return err
}

// fillNow reads into the buffer what is there: EAGAIN if nothing is.
func (r *reader) fillNow() error {
	r.grow()
	n, err := r.now(r.buf[r.w:])
	r.w += n
	if r.empty() {
		r.release()
	}
	return err
}

// read reads into p, waiting at most d; 0 is no limit.
func (r *reader) read(p []byte, d time.Duration) (int, error) { return r.readBy(p, deadline(d)) }

func (r *reader) readBy(p []byte, by int64) (int, error) {
	r.by.Store(by)
	defer r.by.Store(0)
	for {
		if r.interrupted.Load() {
			return 0, errGone
		}
		n, err := r.now(p)
		if err != syscall.EAGAIN {
			return n, err
		}
		if err := r.wait(); err != nil {
			return 0, err
		}
	}
}

// now is one read that does not wait.
func (r *reader) now(p []byte) (int, error) {
	for {
		r.fresh.Store(false) // first: a change during the read counts as one after it
		n, err := readNow(r.fd, p)
		switch {
		case err == syscall.EINTR:
			continue
		case err == syscall.EAGAIN:
			r.ended.Store(false) // not true, or told too early
		case err == nil && n == 0:
			err = io.EOF
		}
		if n == len(p) || r.ended.Load() {
			r.fresh.Store(true)
		}
		return n, err
	}
}

// writer is the writing side of a connection.
type writer struct {
	waiting
	timeout time.Duration // time without progress
}

// fileRange is a part of an open file.
type fileRange struct {
	fd     int
	offset int64
	length int64
}

// sendPiece is the most that one call gives to the kernel, so that progress shows.
const sendPiece = 1 << 20

func (w *writer) begin(timeout time.Duration) { w.timeout = timeout }

// now writes what goes without waiting. Fewer bytes than p and no error: the
// client must read first.
func (w *writer) now(p []byte) (int, error) {
	if w.interrupted.Load() {
		return 0, errGone
	}
	for {
		switch n, err := writeNow(w.fd, p); err {
		case syscall.EINTR:
		case syscall.EAGAIN:
			return 0, nil
		default:
			return n, err
		}
	}
}

// all writes p, waiting for the client as long as it reads at all.
func (w *writer) all(p []byte) error {
	for len(p) > 0 {
		n, err := w.some(func() (int, error) { return writeNow(w.fd, p[:min(len(p), sendPiece)]) })
		if err != nil {
			return err
		}
		p = p[n:]
	}
	return nil
}

// sendFile is all for a part of a file. It ends early with io.ErrUnexpectedEOF when
// the file does.
func (w *writer) sendFile(f fileRange) (sent int64, err error) {
	for sent < f.length {
		n, err := w.some(func() (int, error) {
			offset := f.offset + sent
			n, err := syscall.Sendfile(w.fd, f.fd, &offset, int(min(f.length-sent, sendPiece)))
			if n > 0 {
				err = nil // macOS tells both: part of it went
			}
			return n, err
		})
		if err != nil {
			return sent, err
		}
		if n <= 0 {
			return sent, io.ErrUnexpectedEOF
		}
		sent += int64(n)
	}
	return sent, nil
}

// some calls try until the socket takes something.
func (w *writer) some(try func() (int, error)) (int, error) {
	w.by.Store(deadline(w.timeout))
	defer w.by.Store(0)
	for {
		if w.interrupted.Load() {
			return 0, errGone
		}
		n, err := try()
		if err == syscall.EINTR {
			continue
		}
		if err != syscall.EAGAIN {
			return n, err
		}
		if err := w.wait(); err != nil {
			return 0, err
		}
	}
}
