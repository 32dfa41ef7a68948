package http1

import "bytes"

// target splits h.Target into path, query and authority (RFC 9112, section 3.2).
// CONNECT, and with it the authority form, gets a 501: it asks for a tunnel, which
// an origin server doesn't offer.
func (h *Head) target() *Error {
	t := h.Target
	for _, c := range t {
		if !isTarget(c) {
			return badLine(t, errTargetChar)
		}
	}
	switch {
	case string(h.Method) == "CONNECT":
		return errConnect
	case t[0] == '/':
	case len(t) == 1 && t[0] == '*':
		if string(h.Method) != "OPTIONS" {
			return errAsterisk
		}
	default:
		return h.absoluteForm()
	}
	h.Path = t
	h.cutQuery()
	return nil
}

// cutQuery moves what follows the first '?' of Path to Query.
func (h *Head) cutQuery() {
	if i := bytes.IndexByte(h.Path, '?'); i >= 0 {
		h.Path, h.Query = h.Path[:i:i], h.Path[i+1:]
	}
}

// absoluteForm parses http://authority/path?query. Clients send it to proxies, but a
// server must take it too (RFC 9112, section 3.2.2). Userinfo is refused, as
// section 4.2.4 of RFC 9110 advises.
func (h *Head) absoluteForm() *Error {
	t := h.Target
	i := bytes.IndexByte(t, ':') + 1
	if i == 0 || !equalFold(t[:i], "http:") && !equalFold(t[:i], "https:") || !bytes.HasPrefix(t[i:], []byte("//")) {
		return errTargetForm
	}
	slash, rest := t[i:i+1:i+1], t[i+2:]
	end := bytes.IndexAny(rest, "/?")
	if end < 0 {
		end = len(rest)
	}
	h.Authority, h.Path = rest[:end:end], rest[end:]
	if end == 0 || !validHost(h.Authority) {
		return errAuthority
	}
	h.cutQuery()
	if len(h.Path) == 0 {
		// An empty path means "/" (RFC 9110, section 4.2.3). One of the scheme's
		// slashes stands in for it: all slices stay in the caller's buffer.
		h.Path = slash
	}
	return nil
}

// validHost reports whether v is empty or host[:port] (RFC 3986, sections 3.2.2
// and 3.2.3), the host being a name, an IPv4 address or an IP literal in brackets.
func validHost(v []byte) bool {
	if len(v) == 0 {
		return true
	}
	i := 0
	if v[0] == '[' {
		i = literalLen(v)
	} else {
		i = nameLen(v)
	}
	if i == 0 {
		return false
	}
	if i == len(v) {
		return true
	}
	if v[i] != ':' {
		return false
	}
	for _, c := range v[i+1:] {
		if !isDigit(c) {
			return false
		}
	}
	return true
}

// nameLen is the length of the reg-name that v begins with: 0 if there is none.
func nameLen(v []byte) int {
	i := 0
	for i < len(v) {
		switch {
		case isHost(v[i]):
			i++
		case v[i] == '%' && i+2 < len(v) && hexDigit(v[i+1]) >= 0 && hexDigit(v[i+2]) >= 0:
			i += 3
		default:
			return i
		}
	}
	return i
}

// literalLen is the length of the IP literal "[...]" that v begins with, 0 if it is
// malformed. Only the characters are checked, not that the IPv6 address makes sense.
// Refused are IPvFuture, which nobody has defined, and zone identifiers, which mean
// something on the client's machine only (RFC 6874, section 4).
func literalLen(v []byte) int {
	end := bytes.IndexByte(v, ']')
	if end < 2 {
		return 0
	}
	for _, c := range v[1:end] {
		if c != ':' && c != '.' && hexDigit(c) < 0 {
			return 0
		}
	}
	return end + 1
}
