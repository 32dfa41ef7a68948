package http1

import (
	"bytes"
	"math"
)

// fieldLine parses "Name: value" (RFC 9112, section 5) and appends it to h.Fields.
func (h *Head) fieldLine(line []byte) *Error {
	if len(h.Fields) == MaxFields {
		return errFieldsTooMany
	}
	i, err := nameEnd(line)
	if err != nil {
		return err
	}
	f := Field{Name: line[:i:i], Value: trimOWS(line[i+1:])}
	if !validValue(f.Value) {
		return badLine(f.Value, errFieldValue)
	}
	h.Fields = append(h.Fields, f)
	return h.apply(f)
}

// nameEnd gives the offset of the colon after the field name that line begins with.
func nameEnd(line []byte) (int, *Error) {
	i := 0
	for i < len(line) && isToken(line[i]) {
		i++
	}
	switch {
	case i < len(line) && line[i] == ':' && i > 0:
		return i, nil
	case i == len(line):
		return 0, errFieldColon
	case line[i] == ':':
		return 0, errFieldNoName
	case line[i] == '\r':
		return 0, errBareCR
	case line[i] != ' ' && line[i] != '\t':
		return 0, errFieldName
	case i == 0:
		return 0, errFieldFold
	}
	if rest := bytes.TrimLeft(line[i:], " \t"); len(rest) > 0 && rest[0] == ':' {
		return 0, errFieldSpace
	}
	return 0, errFieldName
}

// apply acts on the few fields that this package must understand. They are told
// apart by length first, which most fields don't share.
func (h *Head) apply(f Field) *Error {
	switch len(f.Name) {
	case len("host"):
		if equalFold(f.Name, "host") {
			return h.host(f.Value)
		}
	case len("expect"):
		if equalFold(f.Name, "expect") {
			return h.expect(f.Value)
		}
	case len("connection"):
		if equalFold(f.Name, "connection") {
			h.connection(f.Value)
		}
	case len("content-length"):
		if equalFold(f.Name, "content-length") {
			return h.contentLength(f.Value)
		}
	case len("transfer-encoding"):
		if equalFold(f.Name, "transfer-encoding") {
			return h.transferEncoding(f.Value)
		}
	}
	return nil
}

func (h *Head) host(v []byte) *Error {
	if h.Host != nil {
		return errHostTwice
	}
	if !validHost(v) {
		return errHost
	}
	h.Host = v
	return nil
}

// expect takes 100-continue, the only expectation there is (RFC 9110, section 10.1.1).
func (h *Head) expect(v []byte) *Error {
	if !equalFold(v, "100-continue") {
		return errExpect
	}
	h.Expect100 = true
	return nil
}

// connection reads a list of options (RFC 9110, section 7.6.1); unknown ones are
// header names for proxies, or extensions, and do no harm.
func (h *Head) connection(v []byte) {
	for len(v) > 0 {
		option := v
		if i := bytes.IndexByte(v, ','); i >= 0 {
			option, v = v[:i], v[i+1:]
		} else {
			v = nil
		}
		switch option = trimOWS(option); {
		case equalFold(option, "close"):
			h.seen.close = true
		case equalFold(option, "keep-alive"):
			h.seen.keepAlive = true
		case equalFold(option, "upgrade"):
			h.Upgrade = true
		}
	}
}

// contentLength takes 1*DIGIT, once (RFC 9110, section 8.6): no sign, no list.
func (h *Head) contentLength(v []byte) *Error {
	if h.ContentLength >= 0 {
		return errLengthTwice
	}
	if len(v) == 0 {
		return errLength
	}
	n := int64(0)
	for _, c := range v {
		d := int64(c - '0')
		if !isDigit(c) || n > (math.MaxInt64-d)/10 {
			return errLength
		}
		n = n*10 + d
	}
	h.ContentLength = n
	return nil
}

// transferEncoding takes "chunked", once. Any other coding gets the 501 of RFC 9112,
// section 6.1. HTTP/1.0 has no such field: a proxy that doesn't know it would frame the
// body differently (the same section).
func (h *Head) transferEncoding(v []byte) *Error {
	switch {
	case h.Minor == 0:
		return errCoding10
	case h.seen.coding:
		return errCodingTwice
	case len(v) == 0:
		return errCodingEmpty
	case !equalFold(v, "chunked"):
		return errCoding
	}
	h.seen.coding = true
	h.Chunked = true
	return nil
}
