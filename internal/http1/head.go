package http1

import "bytes"

// MaxFields is the number of header fields a head may have. It bounds the memory
// that a head full of two-byte fields takes: a [Field] is 48 bytes.
const MaxFields = 1000

// firstFields is the room for fields made at first use: a browser sends about 20.
const firstFields = 24

// maxMethod is the longest method, as against an attack on logs: the registered ones
// end at 17 bytes (UPDATEREDIRECTREF).
const maxMethod = 32

// Field is one header field as sent. Its slices point into the buffer given to Parse.
type Field struct {
	Name  []byte // a token, in the client's spelling
	Value []byte // without the whitespace around it; may be empty
}

// Head is the head of one request: request line and header fields. The zero value is
// ready for Parse. Its slices point into the buffer given to Parse and are valid
// until that is reused; a Head itself is meant to be reused, for Fields keeps its room.
type Head struct {
	Method []byte // a token of at most 32 bytes
	Target []byte // the request target as sent

	// Path and Query are the target's path, still percent-encoded, and what stands
	// after the first '?' (nil without a '?'). Path begins with '/', or is "*".
	// For a target in absolute form (http://host/p?q) scheme and authority are left out.
	Path, Query []byte

	// Authority is host[:port] of a target in absolute form, else nil. It overrides
	// the Host field (RFC 9112, section 3.2.2).
	Authority []byte

	Proto []byte // "HTTP/1.1" or "HTTP/1.0"
	Minor int    // 1 or 0

	Fields []Field // in the order received
	Host   []byte  // the Host field's value; nil if there is none, which HTTP/1.0 allows

	// ContentLength is the body's length in bytes, -1 if none was given and also if
	// Chunked: Transfer-Encoding overrides Content-Length (RFC 9112, section 6.3).
	// The field then still stands in Fields; who passes fields on must leave it out.
	ContentLength int64
	Chunked       bool // the body is in chunks; read it with a ChunkedDecoder

	// KeepAlive tells that the connection may serve another request after the answer:
	// the client agrees, and the framing leaves no doubt where that one would begin.
	KeepAlive bool
	Expect100 bool // the client waits for "100 Continue" (never for HTTP/1.0)
	Upgrade   bool // "Connection: upgrade" was sent

	seen marks
}

// marks is what Parse notes of fields for the verdict at the head's end.
type marks struct {
	coding    bool // Transfer-Encoding
	close     bool // Connection: close
	keepAlive bool // Connection: keep-alive
}

// Parse reads one head from the start of buf. n is the head's length up to and with
// the empty line that ends it; n == 0 without an error means that more bytes are
// needed: call again with the same start and more behind it; h is empty then. An error
// is always an [*Error]; after one, Method, Target and Proto are good for the log, as far
// as they were read, and the rest is meaningless.
//
// from is how many bytes of buf an earlier call has seen: 0 at first. It makes clients
// that send byte by byte cost linear time: with from > 0 only the new bytes are searched,
// and parsed is when the request line is complete, and when the head is. Once a
// head has come to its end, the outcome doesn't depend on how its bytes arrived.
func (h *Head) Parse(buf []byte, from int) (n int, err error) {
	if from <= 0 || ripe(buf, from) {
		n, e := h.parse(buf)
		if e != nil {
			return 0, e // not a nil *Error in a non-nil error
		}
		if n > 0 {
			return n, nil
		}
	}
	h.reset() // the caller is about to move, or replace, what the slices point to
	return 0, nil
}

// ripe reports whether parse can say more about buf than it could about buf[:from]:
// whether the request line has ended since (who doesn't speak HTTP may never send more),
// or the head, with an empty line or with a bare LF, which parse refuses.
func ripe(buf []byte, from int) bool {
	first := true
	for i := from; i < len(buf); i++ {
		lf := bytes.IndexByte(buf[i:], '\n')
		if lf < 0 {
			return false
		}
		i += lf
		switch {
		case i == 0 || buf[i-1] != '\r': // bare LF
			return true
		case i == 1: // the empty line that lineStart skips
			continue
		case buf[i-2] == '\n': // empty line
			return true
		case first && bytes.IndexByte(buf[2:i], '\n') < 0: // request line
			return true
		}
		first = false
	}
	return false
}

func (h *Head) parse(buf []byte) (n int, err *Error) {
	h.reset()
	pos, err := lineStart(buf)
	if err != nil || pos == len(buf) {
		return 0, err
	}
	line, pos, err := cutLine(buf, pos)
	if err != nil || pos == 0 {
		return 0, err
	}
	if err := h.requestLine(line); err != nil {
		return 0, err
	}
	for {
		line, pos, err = cutLine(buf, pos)
		if err != nil || pos == 0 {
			return 0, err
		}
		if len(line) == 0 {
			return pos, h.finish()
		}
		if err := h.fieldLine(line); err != nil {
			return 0, err
		}
	}
}

func (h *Head) reset() {
	fields := h.Fields[:0]
	if fields == nil {
		fields = make([]Field, 0, firstFields)
	}
	*h = Head{Fields: fields, ContentLength: -1}
}

// lineStart gives the offset of the request line, len(buf) if that is not there yet.
// One empty line before it is skipped (RFC 9112, section 2.2), for old clients end a
// body with a CRLF that its length doesn't count. A first byte that can't begin a
// method is refused at once: who speaks another protocol may never send a CRLF.
func lineStart(buf []byte) (pos int, err *Error) {
	if len(buf) > 0 && buf[0] == '\r' {
		if len(buf) == 1 {
			return 1, nil
		}
		if buf[1] != '\n' {
			return 0, errBareCR
		}
		pos = 2
	}
	if pos == len(buf) || isToken(buf[pos]) {
		return pos, nil
	}
	switch c := buf[pos]; {
	case c == 0x16 && pos == 0: // handshake record (RFC 8446, section 5.1)
		return 0, errTLS
	case c == '\n':
		return 0, errBareLF
	case c == '\r':
		return 0, errEmptyLines
	}
	return 0, errMethod
}

// cutLine gives the line that begins at buf[pos], without its CRLF, and the offset of
// the next line: 0 if the line is not complete.
func cutLine(buf []byte, pos int) (line []byte, next int, err *Error) {
	lf := bytes.IndexByte(buf[pos:], '\n')
	if lf < 0 {
		return nil, 0, nil
	}
	if lf == 0 || buf[pos+lf-1] != '\r' {
		return nil, 0, errBareLF
	}
	end := pos + lf - 1
	return buf[pos:end:end], end + 2, nil
}

// requestLine parses "METHOD target HTTP/1.x" (RFC 9112, section 3). The version is
// judged before the target's form, so that the HTTP/2 preface gets a 505.
func (h *Head) requestLine(line []byte) *Error {
	i := 0
	for i < len(line) && isToken(line[i]) {
		i++
	}
	switch {
	case i == len(line):
		return errRequestLine
	case line[i] != ' ':
		return badLine(line, errMethod)
	case i > maxMethod:
		return errMethodLong
	}
	h.Method, line = line[:i:i], line[i+1:]

	switch i = bytes.IndexByte(line, ' '); i {
	case -1:
		return badLine(line, errHTTP09)
	case 0:
		return badLine(line, errRequestLine)
	}
	h.Target, h.Proto = line[:i:i], line[i+1:]
	switch string(h.Proto) {
	case "HTTP/1.1":
		h.Minor = 1
	case "HTTP/1.0":
	default:
		return badProto(h.Proto)
	}
	return h.target()
}

// badProto says what is wrong with a version that is neither HTTP/1.1 nor HTTP/1.0.
func badProto(proto []byte) *Error {
	switch {
	case len(proto) == 8 && string(proto[:5]) == "HTTP/" && isDigit(proto[5]) && proto[6] == '.' && isDigit(proto[7]):
		return errVersion
	case bytes.IndexByte(proto, ' ') >= 0:
		return badLine(proto, errRequestLine)
	}
	return badLine(proto, errProto)
}

// badLine names a bare CR as such, whatever rule it has broken.
func badLine(line []byte, err *Error) *Error {
	if bytes.IndexByte(line, '\r') >= 0 {
		return errBareCR
	}
	return err
}

// finish gives the verdicts that need all fields.
func (h *Head) finish() *Error {
	if h.Host == nil && h.Minor == 1 {
		return errHostMissing // RFC 9112, section 3.2
	}
	h.KeepAlive = !h.seen.close && (h.Minor == 1 || h.seen.keepAlive)
	if h.Chunked && h.ContentLength >= 0 {
		// Likely an attempt at smuggling: Transfer-Encoding wins, and nothing after
		// this request is read (RFC 9112, section 6.3, item 3).
		h.ContentLength = -1
		h.KeepAlive = false
	}
	if h.Minor == 0 {
		h.Expect100 = false // to be ignored in HTTP/1.0 (RFC 9110, section 10.1.1)
	}
	return nil
}
