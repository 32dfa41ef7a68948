package bridge

import (
	"encoding/binary"
	"errors"
	"iter"
)

// The packed form carries names and values over the seam, both ways:
// u16 name length, u32 value length, name, value, in the machine's byte order.
// A request's environ is preceded by its count and the number of the app that it is for, both u32.
const (
	pairHeader  = 6
	countHeader = 8
)

var errPacked = errors.New("bridge: malformed packed pairs")

// appendPair appends one pair. len(name) must fit 16 bits, len(value) 32.
func appendPair[N, V ~string | ~[]byte](dst []byte, name N, value V) []byte {
	dst = binary.NativeEndian.AppendUint16(dst, uint16(len(name)))
	dst = binary.NativeEndian.AppendUint32(dst, uint32(len(value)))
	dst = append(dst, name...)
	return append(dst, value...)
}

// packedPairs iterates over packed pairs; the slices point into p. It trusts
// no length: a malformed rest ends the iteration.
func packedPairs(p []byte) iter.Seq2[[]byte, []byte] {
	return func(yield func(name, value []byte) bool) {
		for len(p) > 0 {
			name, value, rest, err := nextPair(p)
			if err != nil || !yield(name, value) {
				return
			}
			p = rest
		}
	}
}

func nextPair(p []byte) (name, value, rest []byte, err error) {
	if len(p) < pairHeader {
		return nil, nil, nil, errPacked
	}
	nameLen := uint64(binary.NativeEndian.Uint16(p))
	valueLen := uint64(binary.NativeEndian.Uint32(p[2:]))
	p = p[pairHeader:]
	if uint64(len(p)) < nameLen+valueLen {
		return nil, nil, nil, errPacked
	}
	return p[:nameLen:nameLen], p[nameLen : nameLen+valueLen : nameLen+valueLen], p[nameLen+valueLen:], nil
}
