package uwsgi

import "encoding/binary"

const (
	// HeaderSize is that of a packet's header.
	HeaderSize = 4
	// MaxSize is the most that a packet can have behind its header.
	MaxSize = 1<<16 - 1
	// MaxVars is the number of variables that a packet may have. uWSGI takes 64 as a rule;
	// nginx sends about 20 of its own, and one for each header field.
	MaxVars = 1000
	// firstVars is the room for variables made at first use.
	firstVars = 48
)

// The modifiers that are Python's.
const (
	Python     = 0
	ScriptName = 30 // Python, and SCRIPT_NAME is to be taken off PATH_INFO
)

// Var is one variable as sent. Its slices point into the buffer given to Parse.
type Var struct {
	Name  []byte // not empty
	Value []byte // may be empty
}

// Packet is one request without its body. The zero value is ready for Parse. Its slices are valid
// until the buffer given to Parse is reused; a Packet itself is meant to be reused, for Vars keeps
// its room.
type Packet struct {
	Modifier1, Modifier2 byte
	// Size is that of what stands behind the header; 0 until that has come.
	Size int
	Vars []Var // in the order received; a name may stand there more than once
}

// Parse reads the packet that buf begins with: n is its length with the header. 0 and no error:
// there is more to come. With Size not 0 it is known how much. limit bounds Size; 0 does not.
//
// What is wrong with a header is told at once. The error is an [*Error].
func (p *Packet) Parse(buf []byte, limit int) (n int, err error) {
	if n, e := p.parse(buf, limit); e != nil {
		return 0, e // not a nil *Error in a non-nil error
	} else if n > 0 {
		return n, nil
	}
	p.Vars = p.Vars[:0] // the caller is about to move what the slices point to
	return 0, nil
}

func (p *Packet) parse(buf []byte, limit int) (n int, err *Error) {
	*p = Packet{Vars: p.Vars[:0]}
	if len(buf) < HeaderSize {
		return 0, nil
	}
	p.Modifier1, p.Modifier2 = buf[0], buf[3]
	if p.Modifier1 != Python && p.Modifier1 != ScriptName {
		if e := stranger(buf); e != nil {
			return 0, e
		}
		return 0, ErrModifier
	}
	p.Size = int(binary.LittleEndian.Uint16(buf[1:]))
	switch {
	case p.Size == 0:
		return 0, ErrEmpty
	case limit > 0 && p.Size > limit:
		return 0, ErrTooLarge
	}
	n = HeaderSize + p.Size
	if len(buf) < n {
		return 0, nil
	}
	return n, p.vars(buf[HeaderSize:n])
}

// vars reads the pairs of a whole packet.
func (p *Packet) vars(block []byte) *Error {
	if p.Vars == nil {
		p.Vars = make([]Var, 0, firstVars)
	}
	for len(block) > 0 {
		name, rest, ok := cut(block)
		if !ok {
			return ErrLengths
		}
		value, rest, ok := cut(rest)
		switch {
		case !ok:
			return ErrLengths
		case len(name) == 0:
			return ErrNoName
		case len(p.Vars) == MaxVars:
			return ErrTooMany
		}
		p.Vars = append(p.Vars, Var{name, value})
		block = rest
	}
	return nil
}

// cut takes one string with its length off block.
func cut(block []byte) (text, rest []byte, ok bool) {
	if len(block) < 2 {
		return nil, nil, false
	}
	n := 2 + int(binary.LittleEndian.Uint16(block))
	if len(block) < n {
		return nil, nil, false
	}
	return block[2:n:n], block[n:], true
}
