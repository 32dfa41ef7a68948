package bridge

import (
	"bytes"
	"io"
	"net/http"
	"net/url"
	"os"
	"slices"
	"strconv"
	"time"

	"github.com/gowsgi/gowsgi/internal/accesslog"
)

// Static serves files without Python. Its methods are called from any goroutine.
type Static interface {
	// Match tells whether there may be a file for a path that has no percent-escapes. It does not wait: not for
	// the disk either.
	Match(path []byte) bool
	// Serve answers a GET or HEAD if there is a file for it: URL.Path has no percent-escapes, and Header has only what
	// makes a request conditional or one for a range. False: there is none, and w has not been touched.
	Serve(w http.ResponseWriter, r *http.Request) bool
}

// forStatic tells whether a file may be the answer.
func (c *Call) forStatic() bool { return c.conn.s.Static != nil && c.mayBeStatic() }

func (c *Call) mayBeStatic() bool {
	if string(c.head.Method) != "GET" && string(c.head.Method) != "HEAD" {
		return false
	}
	return c.conn.s.Static.Match(c.plainPath(c.environ.buf[:0])) // nothing is packed there yet
}

// plainPath is the path without percent-escapes; dst is room for it.
func (c *Call) plainPath(dst []byte) []byte {
	if c.conn.uwsgi || bytes.IndexByte(c.head.Path, '%') < 0 {
		return c.head.Path
	}
	return unescapePath(dst, c.head.Path)
}

// answerStatic answers with a file. served is false if there is none: the request is the app's. goOn tells whether
// the connection does. It is for the connection's goroutine: it waits for the disk and the client.
func (c *conn) answerStatic(call *Call) (served, goOn bool) {
	begun := time.Now()
	head := &call.head
	bodiless := head.ContentLength <= 0 && !head.Chunked
	w := &fileWriter{
		out:   &c.out,
		bare:  string(head.Method) == "HEAD",
		keep:  head.KeepAlive && bodiless && !c.s.draining.Load(),
		old:   head.Minor == 0,
		uwsgi: c.uwsgi,
		add:   &c.s.Added,
	}
	c.out.begin(c.s.Limits.Send)
	r := &http.Request{
		Method: string(head.Method), RequestURI: string(head.Target), Header: call.conditions(),
		URL: &url.URL{Path: string(call.plainPath(nil))},
	}
	if !c.s.Static.Serve(w, r) {
		return false, false
	}
	err := w.finish()
	c.s.countUnserved(w.status, w.headBytes+int(w.sent))
	call.logStatic(w, begun, err)
	if err == io.ErrUnexpectedEOF {
		c.s.Log.Error("a file became shorter while it was sent; the connection is closed", "path", r.URL.Path, "missing", w.left)
	}
	c.polite = !head.KeepAlive
	if err == nil && w.keep {
		return true, true
	}
	if !bodiless || !c.mayClose() {
		c.linger()
	}
	return true, false
}

// conditionNames are what [Static.Serve] is told of a request.
var conditionNames = []struct{ name, key string }{
	{"Range", "HTTP_RANGE"},
	{"If-Range", "HTTP_IF_RANGE"},
	{"If-Match", "HTTP_IF_MATCH"},
	{"If-None-Match", "HTTP_IF_NONE_MATCH"},
	{"If-Modified-Since", "HTTP_IF_MODIFIED_SINCE"},
	{"If-Unmodified-Since", "HTTP_IF_UNMODIFIED_SINCE"},
}

// conditions copies those fields.
func (c *Call) conditions() http.Header {
	header := http.Header{}
	for _, known := range conditionNames {
		if c.conn.uwsgi {
			if value := c.packet.Get(known.key); value != nil {
				header.Set(known.name, string(value))
			}
			continue
		}
		for _, f := range c.head.Fields {
			if !equalFold(f.Name, known.name) {
				continue
			}
			value := string(f.Value)
			if before := header.Get(known.name); before != "" {
				value = before + ", " + value // RFC 9110, section 5.3
			}
			header.Set(known.name, value)
		}
	}
	return header
}

// fileWriter is the http.ResponseWriter of one static answer. The head goes out with the first of the body, and an
// answer without a length (an error's) is held back until its end.
type fileWriter struct {
	out   *writer
	bare  bool // HEAD
	keep  bool
	old   bool // HTTP/1.0
	uwsgi bool // the uwsgi protocol
	add   *Added

	header    http.Header
	status    int
	held      []byte // the head, and the body of an answer without a length
	wait      bool   // for the answer's end
	left      int64  // of the body
	headBytes int
	fields    int
	sent      int64
	failed    error
}

// Header implements [http.ResponseWriter].
func (w *fileWriter) Header() http.Header {
	if w.header == nil {
		w.header = http.Header{}
	}
	return w.header
}

// WriteHeader implements [http.ResponseWriter].
func (w *fileWriter) WriteHeader(status int) {
	if w.status != 0 {
		return
	}
	w.status = status
	if status >= 400 {
		w.header.Del("Expires")
		w.header.Del("Cache-Control")
	}
	if status == http.StatusNotModified || status == http.StatusNoContent {
		w.bare = true
		w.header.Del("Content-Length")
		w.begin()
		return
	}
	length, err := strconv.ParseInt(w.Header().Get("Content-Length"), 10, 64)
	if w.wait = err != nil; !w.wait {
		w.left = length
		w.begin()
	}
}

// begin renders the head.
func (w *fileWriter) begin() {
	names := make([]string, 0, len(w.header))
	for name := range w.header {
		names = append(names, name)
	}
	slices.Sort(names)
	dst := append(make([]byte, 0, 512), "HTTP/1.1 "...)
	dst = strconv.AppendInt(dst, int64(w.status), 10)
	dst = append(append(append(dst, ' '), http.StatusText(w.status)...), "\r\n"...)
	for _, name := range names {
		for _, value := range w.header[name] {
			dst = append(append(append(append(dst, name...), ": "...), value...), "\r\n"...)
			w.fields++
		}
	}
	dst = w.add.appendOwn(dst, false, false)
	switch {
	case w.uwsgi: // it has no such field: one request a connection
	case !w.keep:
		dst = append(dst, "Connection: close\r\n"...)
	case w.old:
		dst = append(dst, "Connection: keep-alive\r\n"...)
	}
	dst = append(dst, "\r\n"...)
	w.headBytes = len(dst)
	w.held = append(dst, w.held...)
}

// Write implements [io.Writer].
func (w *fileWriter) Write(p []byte) (int, error) {
	if w.status == 0 {
		w.WriteHeader(http.StatusOK)
	}
	switch {
	case w.failed != nil:
		return 0, w.failed
	case w.wait:
		w.held = append(w.held, p...)
		return len(p), nil
	case w.bare:
		return len(p), nil
	}
	if int64(len(p)) > w.left {
		return 0, http.ErrContentLength
	}
	if w.flush() == nil {
		if w.failed = w.out.all(p); w.failed == nil {
			w.left -= int64(len(p))
			w.sent += int64(len(p))
			return len(p), nil
		}
	}
	return 0, w.failed
}

// ReadFrom implements [io.ReaderFrom]: a file goes from kernel to kernel.
func (w *fileWriter) ReadFrom(r io.Reader) (int64, error) {
	limited, ok := r.(*io.LimitedReader)
	if !ok {
		return io.Copy(onlyWriter{w}, r)
	}
	file, ok := limited.R.(*os.File)
	if !ok || w.wait || w.bare || w.failed != nil || limited.N > w.left {
		return io.Copy(onlyWriter{w}, r)
	}
	offset, err := file.Seek(0, io.SeekCurrent)
	if err != nil {
		return 0, err
	}
	if w.flush() != nil {
		return 0, w.failed
	}
	sent, err := w.out.sendFile(fileRange{int(file.Fd()), offset, limited.N})
	limited.N -= sent
	w.left -= sent
	w.sent += sent
	w.failed = err
	return sent, err
}

// onlyWriter hides ReadFrom.
type onlyWriter struct{ io.Writer }

// flush sends the head.
func (w *fileWriter) flush() error {
	if len(w.held) > 0 && w.failed == nil {
		w.failed = w.out.all(w.held)
		w.held = nil
	}
	return w.failed
}

// finish sends what is held back. The error is why the answer is not complete.
func (w *fileWriter) finish() error {
	if w.status == 0 {
		w.WriteHeader(http.StatusOK)
	}
	if w.wait {
		w.header.Set("Content-Length", strconv.Itoa(len(w.held)))
		if w.bare {
			w.held = nil
		}
		w.sent = int64(len(w.held))
		w.begin()
	}
	if w.flush() == nil && !w.bare && w.left > 0 {
		w.failed = io.ErrUnexpectedEOF
	}
	return w.failed
}

// logStatic writes the access log's line.
func (c *Call) logStatic(w *fileWriter, begun time.Time, err error) {
	s := c.conn.s
	if s.Access == nil {
		return
	}
	c.at = c.conn.at
	if c.conn.uwsgi {
		c.forwarded()
	} else {
		s.Proxies.apply(&c.head, &c.at, c.conn.unix)
	}
	r := accesslog.Record{
		Start: begun, Duration: time.Since(begun),
		Method: string(c.head.Method), URI: string(c.head.Target), Proto: string(c.head.Proto), Host: string(c.head.Host),
		RemoteAddr: c.at.remoteAddr,
		Status:     w.status, HeaderBytes: int64(w.headBytes), BodyBytes: w.sent, Headers: w.fields,
		ContentLength: c.head.ContentLength,
		WorkerID:      1,
	}
	if err != nil {
		r.WriteErrors = 1
	}
	if c.conn.uwsgi {
		r.Host = string(c.packet.Get("HTTP_HOST"))
		r.UserAgent, r.Referer = string(c.packet.Get("HTTP_USER_AGENT")), string(c.packet.Get("HTTP_REFERER"))
		r.Modifier1, r.Modifier2 = int(c.packet.Modifier1), int(c.packet.Modifier2)
		r.PacketBytes = int64(c.packet.Size)
	}
	for _, f := range c.head.Fields {
		switch {
		case equalFold(f.Name, "User-Agent"):
			r.UserAgent = string(f.Value)
		case equalFold(f.Name, "Referer"):
			r.Referer = string(f.Value)
		}
	}
	s.Access(&r)
}
