package bridge

import (
	"errors"
	"io"
	"net"
	"os"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
)

var (
	errTimeout = errors.New("the client was too slow")
	errGone    = errors.New("the client left")
	errClosing = errors.New("nothing came before the connection was closed")
)

// aLongTimeAgo is a deadline that ends what is under way.
var aLongTimeAgo = time.Unix(1, 0)

const headBuffer = 4 << 10 // what a connection reads into at first

var headBuffers = sync.Pool{New: func() any { return new([headBuffer]byte) }}

// watch bounds a read or write in time without a timer of its own: the server's
// sweeper looks at by and ends what is late.
type watch struct {
	by  atomic.Int64 // Unix nanoseconds; 0: no limit, or nothing is under way
	end func(time.Time) error
}

// sweep ends a read or write that is late at now.
func (w *watch) sweep(now int64) {
	if by := w.by.Load(); by != 0 && by < now {
		_ = w.end(aLongTimeAgo)
	}
}

// late turns an ended wait into errTimeout, or nil when a sweep came for the one
// before: then the wait starts again.
func (w *watch) late(err error) error {
	if !errors.Is(err, os.ErrDeadlineExceeded) {
		return err
	}
	by := w.by.Load()
	if by != 0 && by < time.Now().UnixNano() {
		return errTimeout
	}
	return w.end(time.Time{})
}

// reader is the reading side of a connection and its buffer. buf[r:w] waits to be
// used; buf is nil while nothing does: an idle connection holds no buffer.
type reader struct {
	watch
	raw  syscall.RawConn
	buf  []byte
	r, w int

	// interrupted ends every read from now on: the request is over.
	interrupted atomic.Bool
	// closing makes a wait between two requests end, with what is there already or errClosing.
	closing atomic.Bool
	idle    bool // of the wait under way: closing ends it
	// last ends every wait from now on, at a time in Unix nanoseconds; 0: not set.
	last atomic.Int64

	// Between read and try: where to, nil for buf, and what came of it.
	to  []byte
	n   int
	err error
	try func(fd uintptr) bool
}

func (r *reader) init(nc net.Conn, raw syscall.RawConn) {
	r.raw = raw
	r.end = nc.SetReadDeadline
	r.try = r.attempt
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
	if len(r.buf) == headBuffer {
		headBuffers.Put((*[headBuffer]byte)(r.buf))
	}
	r.buf, r.r, r.w = nil, 0, 0
}

// grow makes room behind the bytes that wait.
func (r *reader) grow() {
	if r.r > 0 {
		r.w = copy(r.buf, r.buf[r.r:r.w])
		r.r = 0
	}
	if r.w < len(r.buf) {
		return
	}
	larger := make([]byte, max(2*len(r.buf), headBuffer))
	copy(larger, r.buf[:r.w])
	w := r.w
	r.release()
	r.buf, r.w = larger, w
}

// fill reads into the buffer, waiting at most d; 0 is no limit.
func (r *reader) fill(d time.Duration) error { return r.fillBy(deadline(d)) }

// fillIdle is fill between two requests: close ends it.
func (r *reader) fillIdle(d time.Duration) error {
	r.idle = true
	defer func() { r.idle = false }()
	return r.fill(d)
}

func (r *reader) fillBy(by int64) error {
	n, err := r.readBy(nil, by)
	r.w += n
	return err
}

// read reads into p, waiting at most d; 0 is no limit.
func (r *reader) read(p []byte, d time.Duration) (int, error) { return r.readBy(p, deadline(d)) }

func (r *reader) readBy(p []byte, by int64) (int, error) {
	r.by.Store(by)
	if last := r.last.Load(); last != 0 {
		r.by.Store(last)
	}
	defer r.by.Store(0)
	for {
		if r.interrupted.Load() {
			return 0, errGone
		}
		r.to = p
		err := r.raw.Read(r.try)
		if err == nil {
			err = r.err
		} else if err = r.late(err); err == nil {
			continue
		}
		if err == nil && r.n == 0 {
			err = io.EOF
		}
		if err != nil {
			return 0, err
		}
		return r.n, nil
	}
}

// attempt is one read that does not wait.
func (r *reader) attempt(fd uintptr) bool {
	to := r.to
	if to == nil {
		if r.buf == nil {
			r.buf = headBuffers.Get().(*[headBuffer]byte)[:]
		}
		to = r.buf[r.w:]
	}
	for {
		r.n, r.err = syscall.Read(int(fd), to)
		switch {
		case r.err == syscall.EINTR:
		case r.err == syscall.EAGAIN:
			// A read to elsewhere leaves the buffer: the request's head is still in it.
			if r.to == nil && r.empty() {
				r.release()
			}
			if r.idle && r.closing.Load() {
				r.err = errClosing
				return true
			}
			return false
		default:
			r.n = max(r.n, 0)
			return true
		}
	}
}

// expire makes the read under way, and every later one, end within d.
func (r *reader) expire(d time.Duration) {
	by := deadline(d)
	r.last.Store(by) // first: a read that begins now finds it
	r.by.Store(by)
}

// close makes the wait between two requests, this one or a later one, end at once: with
// bytes that have come already, or with errClosing.
func (r *reader) close() {
	r.closing.Store(true)
	_ = r.end(aLongTimeAgo)
}

// interrupt makes the read under way, and every later one, end with errGone.
func (r *reader) interrupt() {
	r.interrupted.Store(true)
	_ = r.end(aLongTimeAgo)
}

// writer is the writing side of a connection.
type writer struct {
	watch
	raw     syscall.RawConn
	timeout time.Duration // time without progress

	interrupted atomic.Bool

	// Between a call and try: what, whether to wait, and what came of it.
	from []byte
	file fileRange
	wait bool
	n    int
	err  error
	try  func(fd uintptr) bool
	send func(fd uintptr) bool
}

// fileRange is a part of an open file.
type fileRange struct {
	fd     int
	offset int64
	length int64
}

// sendPiece is the most that one call gives to the kernel, so that progress shows.
const sendPiece = 1 << 20

func (w *writer) init(nc net.Conn, raw syscall.RawConn) {
	w.raw = raw
	w.end = nc.SetWriteDeadline
	w.try = w.attempt
	w.send = w.attemptFile
}

func (w *writer) begin(timeout time.Duration) { w.timeout = timeout }

// now writes what goes without waiting. Fewer bytes than p and no error: the
// client must read first.
func (w *writer) now(p []byte) (int, error) {
	for {
		w.from, w.wait = p, false
		err := w.raw.Write(w.try)
		if err == nil {
			return w.n, w.err
		}
		if err = w.late(err); err != nil || w.interrupted.Load() {
			return 0, errGone
		}
	}
}

// all writes p, waiting for the client as long as it reads at all.
func (w *writer) all(p []byte) error {
	for len(p) > 0 {
		w.from, w.wait = p[:min(len(p), sendPiece)], true
		if err := w.some(w.try); err != nil {
			return err
		}
		p = p[w.n:]
	}
	return nil
}

// sendFile is all for a part of a file. It ends early with io.ErrUnexpectedEOF when
// the file does.
func (w *writer) sendFile(f fileRange) (sent int64, err error) {
	for sent < f.length {
		w.file = fileRange{f.fd, f.offset + sent, f.length - sent}
		if err := w.some(w.send); err != nil {
			return sent, err
		}
		if w.n == 0 {
			return sent, io.ErrUnexpectedEOF
		}
		sent += int64(w.n)
	}
	return sent, nil
}

// some makes one attempt that waits until the socket takes something.
func (w *writer) some(try func(fd uintptr) bool) error {
	w.by.Store(deadline(w.timeout))
	defer w.by.Store(0)
	for {
		if w.interrupted.Load() {
			return errGone
		}
		err := w.raw.Write(try)
		if err == nil {
			return w.err
		}
		if err = w.late(err); err != nil {
			return err
		}
	}
}

func (w *writer) attempt(fd uintptr) bool {
	for {
		w.n, w.err = syscall.Write(int(fd), w.from)
		if done, again := w.attempted(); !again {
			return done
		}
	}
}

func (w *writer) attemptFile(fd uintptr) bool {
	for {
		offset := w.file.offset
		w.n, w.err = syscall.Sendfile(int(fd), w.file.fd, &offset, int(min(w.file.length, sendPiece)))
		w.wait = true
		if w.n > 0 {
			w.err = nil // macOS tells both: part of it went
		}
		if done, again := w.attempted(); !again {
			return done
		}
	}
}

// attempted judges a system call: whether it is done, and whether to make it again
// at once.
func (w *writer) attempted() (done, again bool) {
	if w.err == nil {
		return true, false
	}
	w.n = max(w.n, 0)
	switch w.err {
	case syscall.EINTR:
		return false, true
	case syscall.EAGAIN:
		if w.wait {
			return false, false
		}
		w.err = nil
	}
	return true, false
}

// interrupt makes the write under way, and every later one, end with errGone.
func (w *writer) interrupt() {
	w.interrupted.Store(true)
	_ = w.end(aLongTimeAgo)
}
