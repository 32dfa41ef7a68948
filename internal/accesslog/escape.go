package accesslog

import (
	"strconv"
	"unicode/utf8"
)

// maxValue bounds one value in a line. A URI may be 64 KiB long, and escaping
// can take six bytes for one.
const maxValue = 4096

// cut marks a value that was longer than maxValue.
const cut = "..."

// plain are the ASCII characters that stand for themselves inside a JSON
// string and inside quotes.
var plain = func() (t [utf8.RuneSelf]bool) {
	for c := byte(' '); c < 0x7f; c++ {
		t[c] = c != '"' && c != '\\'
	}
	return t
}()

// appendEscaped appends s so that it stays inside the quotes around it, in a
// JSON string as in the default line, and shows as what it is on a terminal.
// All escapes are JSON's. A byte that is not UTF-8 becomes \u00XX, as WSGI,
// which reads the wire as latin-1, would have it.
func appendEscaped(dst []byte, s string) []byte {
	long := len(s) > maxValue
	if long {
		s = s[:maxValue]
		for i := 0; i < utf8.UTFMax-1 && !utf8.RuneStart(s[len(s)-1]); i++ {
			s = s[:len(s)-1]
		}
		if s[len(s)-1] >= utf8.RuneSelf {
			s = s[:len(s)-1]
		}
	}
	start := 0 // of what is not yet copied
	for i := 0; i < len(s); {
		c := s[i]
		if c < utf8.RuneSelf && plain[c] {
			i++
			continue
		}
		r, size := utf8.DecodeRuneInString(s[i:])
		if r != utf8.RuneError && c >= utf8.RuneSelf && strconv.IsPrint(r) {
			i += size
			continue
		}
		dst = append(dst, s[start:i]...)
		dst = appendEscape(dst, c, r, size)
		i += size
		start = i
	}
	dst = append(dst, s[start:]...)
	if long {
		dst = append(dst, cut...)
	}
	return dst
}

// appendEscape appends the escape for one rune, or for the byte c where r is
// no rune (size 1 and RuneError).
func appendEscape(dst []byte, c byte, r rune, size int) []byte {
	switch {
	case c == '"' || c == '\\':
		return append(dst, '\\', c)
	case size == 1:
		return appendU(dst, uint16(c))
	case r > 0xffff:
		r -= 0x10000
		dst = appendU(dst, uint16(0xd800+r>>10))
		return appendU(dst, uint16(0xdc00+r&0x3ff))
	}
	return appendU(dst, uint16(r))
}

func appendU(dst []byte, v uint16) []byte {
	const hex = "0123456789abcdef"
	return append(dst, '\\', 'u', hex[v>>12], hex[v>>8&0xf], hex[v>>4&0xf], hex[v&0xf])
}
