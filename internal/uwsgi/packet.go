// Package uwsgi reads requests of the uwsgi protocol out of a byte buffer: a header of four bytes, and variables. It does no I/O
// and owns no buffer; every slice that it returns points into the caller's. What is malformed is refused, and never repaired.
//
//	modifier1 u8 | datasize u16 | modifier2 u8 | { keylen u16 | key | vallen u16 | value }...
//
// Numbers are little-endian. The body follows, CONTENT_LENGTH bytes, and the answer is an HTTP response. There is one request a
// connection.
package uwsgi

import "encoding/binary"

// Modifiers of requests for Python.
const (
	WSGI       = 0  // a request
	ScriptName = 30 // one whose PATH_INFO begins with its SCRIPT_NAME, which is to be taken off
)

const (
	headerSize = 4
	// MaxSize is the most that the format has for the variables, in bytes.
	MaxSize = 1<<16 - 1
	// MaxVars is the most variables a request may have; nginx sends 20 and one for each header field.
	MaxVars = 1000
	// firstVars is the room for them made at first use.
	firstVars = 48
)

// Var is one variable. Its slices point into the buffer given to Parse.
type Var struct{ Key, Value []byte }

// Packet is one request's variables. The zero value is ready for Parse; it is meant to be reused, for Vars keeps its room.
type Packet struct {
	Modifier1, Modifier2 byte
	Size                 int   // of the variables, in bytes, as the header says; 0 until that has come
	Vars                 []Var // in the order received; of two with the same key the later one counts
}

// Error is a packet that is refused. Its text is fixed: no byte of the packet is in it.
type Error string

func (e Error) Error() string { return string(e) }

// The refusals of Parse.
const (
	ErrHTTP     Error = "HTTP was sent to a socket of the uwsgi protocol; use uwsgi_pass in nginx, or serve HTTP there with --http"
	ErrTLS      Error = "TLS was sent to a socket of the uwsgi protocol"
	ErrEmpty    Error = "the packet has no variables"
	ErrModifier Error = "the packet's modifier1 is neither 0 nor 30: gowsgi serves WSGI alone"
	ErrLarge    Error = "the packet's variables are larger than this server's limit (--limit-head)"
	ErrKey      Error = "a variable has no key"
	ErrVars     Error = "the packet has too many variables"
	ErrCut      Error = "a variable goes beyond the packet's end"
)

// Parse reads one packet from the start of buf. n is its length, header included; n == 0 without an error means that more bytes are
// needed. limit is the most bytes that its variables may take. After an error, which is an Error, the connection must be closed.
func (p *Packet) Parse(buf []byte, limit int) (n int, err error) {
	if p.Vars == nil {
		p.Vars = make([]Var, 0, firstVars)
	}
	p.Vars, p.Size = p.Vars[:0], 0
	if len(buf) < headerSize {
		return 0, nil
	}
	size := int(binary.LittleEndian.Uint16(buf[1:]))
	p.Size = size
	p.Modifier1, p.Modifier2 = buf[0], buf[3]
	switch {
	case looksLikeHTTP(buf):
		return 0, ErrHTTP
	case buf[0] == 0x16 && buf[1] == 3: // a handshake record (RFC 8446, section 5.1)
		return 0, ErrTLS
	case p.Modifier1 != WSGI && p.Modifier1 != ScriptName:
		return 0, ErrModifier
	case size == 0:
		return 0, ErrEmpty
	case size > limit:
		return 0, ErrLarge
	case len(buf) < headerSize+size:
		return 0, nil
	}
	n = headerSize + size
	if err := p.vars(buf[headerSize:n:n]); err != nil {
		return 0, err
	}
	return n, nil
}

func (p *Packet) vars(data []byte) error {
	for len(data) > 0 {
		key, rest, ok := text(data)
		if !ok {
			return ErrCut
		}
		if len(key) == 0 {
			return ErrKey
		}
		value, rest, ok := text(rest)
		if !ok {
			return ErrCut
		}
		if len(p.Vars) == MaxVars {
			return ErrVars
		}
		p.Vars = append(p.Vars, Var{key, value})
		data = rest
	}
	return nil
}

// text cuts a text with its length off data.
func text(data []byte) (text, rest []byte, ok bool) {
	if len(data) < 2 {
		return nil, nil, false
	}
	n := 2 + int(binary.LittleEndian.Uint16(data))
	if len(data) < n {
		return nil, nil, false
	}
	return data[2:n:n], data[n:], true
}

// looksLikeHTTP spots a request line: capitals where a packet has modifier1, size and modifier2.
func looksLikeHTTP(buf []byte) bool {
	switch string(buf[:headerSize]) {
	case "GET ", "POST", "HEAD", "PUT ", "DELE", "OPTI", "PATC", "CONN", "TRAC", "PRI ":
		return true
	}
	return false
}

// Get is the value of the last variable of that key; nil: there is none. An empty value is not nil.
func (p *Packet) Get(key string) []byte {
	for i := len(p.Vars) - 1; i >= 0; i-- {
		if string(p.Vars[i].Key) == key {
			return p.Vars[i].Value
		}
	}
	return nil
}
