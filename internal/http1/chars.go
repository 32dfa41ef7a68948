package http1

import "encoding/binary"

// What a byte may be part of.
const (
	charToken  = 1 << iota // tchar: methods, field names (RFC 9110, section 5.6.2)
	charValue              // field values: VCHAR, SP, HTAB, obs-text (section 5.5)
	charTarget             // targets: printable, not '#', or from 0x80 up (see the package comment)
	charHost               // reg-name, except '%': unreserved and sub-delims (RFC 3986, section 3.2.2)
)

// chars tells the classes of each byte.
var chars = func() (t [256]uint8) {
	for c := range t {
		if c == '\t' || c >= ' ' && c != 0x7f {
			t[c] |= charValue
		}
		if c > ' ' && c != 0x7f && c != '#' {
			t[c] |= charTarget
		}
		if isAlnum(byte(c)) {
			t[c] |= charToken | charHost
		}
	}
	for _, c := range "!#$%&'*+-.^_`|~" {
		t[c] |= charToken
	}
	for _, c := range "-._~!$&'()*+,;=" {
		t[c] |= charHost
	}
	return t
}()

func isAlnum(c byte) bool {
	return '0' <= c && c <= '9' || 'a' <= c|0x20 && c|0x20 <= 'z'
}

func isToken(c byte) bool  { return chars[c]&charToken != 0 }
func isValue(c byte) bool  { return chars[c]&charValue != 0 }
func isTarget(c byte) bool { return chars[c]&charTarget != 0 }
func isHost(c byte) bool   { return chars[c]&charHost != 0 }
func isDigit(c byte) bool  { return '0' <= c && c <= '9' }

// hexDigit gives the value of a hexadecimal digit, or -1.
func hexDigit(c byte) int64 {
	switch {
	case isDigit(c):
		return int64(c - '0')
	case 'a' <= c|0x20 && c|0x20 <= 'f':
		return int64(c|0x20-'a') + 10
	}
	return -1
}

// validValue reports whether all of v may stand in a field value. Values are most
// of a head's bytes (cookies, user agents), so eight are looked at together; a HTAB,
// which is rare, sends the rest through the table.
func validValue(v []byte) bool {
	const ones, tops = 0x0101010101010101, 0x8080808080808080
	for ; len(v) >= 8; v = v[8:] {
		x := binary.LittleEndian.Uint64(v)
		del := x ^ 0x7f*ones
		// Each half has a top bit set if, and only if, some byte of x is below
		// 0x20, respectively is 0x7f.
		if ((x-0x20*ones)&^x|(del-ones)&^del)&tops != 0 {
			break
		}
	}
	for _, c := range v {
		if !isValue(c) {
			return false
		}
	}
	return true
}

// trimOWS cuts optional whitespace off both ends (RFC 9110, section 5.6.3).
func trimOWS(v []byte) []byte {
	for len(v) > 0 && (v[0] == ' ' || v[0] == '\t') {
		v = v[1:]
	}
	for len(v) > 0 && (v[len(v)-1] == ' ' || v[len(v)-1] == '\t') {
		v = v[:len(v)-1]
	}
	return v
}

// equalFold reports whether s is lower in any ASCII case. lower must be in lower case.
func equalFold(s []byte, lower string) bool {
	if len(s) != len(lower) {
		return false
	}
	for i, c := range s {
		if 'A' <= c && c <= 'Z' {
			c |= 0x20
		}
		if c != lower[i] {
			return false
		}
	}
	return true
}
