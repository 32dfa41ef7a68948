package http1

import "math"

// Limits on what a chunked body carries besides data. Nothing but attacks comes near.
const (
	maxChunkExt = 256     // bytes of extension on one size line
	maxTrailers = 8 << 10 // bytes of trailer section

	// maxChunkExcess bounds the size lines' bytes beyond a fair share, which is
	// 16 per chunk and two per byte of data (as net/http has it), so that a
	// sender can't make the server read much to get little.
	maxChunkExcess = 16 << 10
)

// ChunkedDecoder takes a body out of the chunked transfer coding (RFC 9112, section 7.1).
// It is a pull parser over the caller's buffer: it holds no bytes, so any split of the
// input, down to single bytes, works with a buffer of any size. The zero value
// stands before the first chunk; assign it to start anew.
//
// Extensions are skipped. Trailer fields are checked and dropped: WSGI has no place for
// them, and merging them into the head is how framing fields are smuggled (section 7.1.2).
type ChunkedDecoder struct {
	state  chunkState
	size   int64 // of the chunk while its size is read, then what is left of its data
	line   int   // bytes of the size line, then of the trailer section
	ext    int   // bytes of the extension
	excess int64 // see maxChunkExcess
	err    *Error
}

// chunkState says what the next byte is.
type chunkState uint8

const (
	chunkSize     chunkState = iota // first hex digit
	chunkSizeMore                   // a further one, or what follows the size
	chunkExt                        // in the extension
	chunkSizeLF                     // the LF after a size line
	chunkData                       // data
	chunkDataCR                     // the CRLF after data
	chunkDataLF
	trailerStart // a field name, or the CR of the empty line
	trailerName
	trailerValue
	trailerLF // after a trailer field
	chunkEndLF
	chunkDone
)

// Next consumes bytes from the start of src. data is body, a part of src; consumed
// counts the bytes that are dealt with, data among them: call again with what follows
// them. done says that the body is at its end, trailers included; what follows belongs to
// the next request. If neither data nor done is returned, all of src is consumed
// and more is needed. The error is an [*Error] with status 400, for good.
func (d *ChunkedDecoder) Next(src []byte) (data []byte, consumed int, done bool, err error) {
	if d.err != nil {
		return nil, 0, false, d.err
	}
	for consumed < len(src) && d.state != chunkDone {
		if d.state == chunkData {
			n := int(min(d.size, int64(len(src)-consumed)))
			if d.size -= int64(n); d.size == 0 {
				d.state = chunkDataCR
			}
			end := consumed + n
			return src[consumed:end:end], end, false, nil
		}
		if d.err = d.step(src[consumed]); d.err != nil {
			return nil, consumed, false, d.err
		}
		consumed++
	}
	return nil, consumed, d.state == chunkDone, nil
}

// step takes one byte that is not data.
func (d *ChunkedDecoder) step(c byte) *Error {
	switch d.state {
	case chunkSize, chunkSizeMore, chunkExt, chunkSizeLF:
		return d.sizeLine(c)
	case chunkDataCR:
		return d.want(c, '\r', chunkDataLF, errChunkEnd)
	case chunkDataLF:
		return d.want(c, '\n', chunkSize, errChunkEnd)
	}
	return d.trailer(c)
}

// want moves on to the state next if c is the one byte allowed here.
func (d *ChunkedDecoder) want(c, allowed byte, next chunkState, err *Error) *Error {
	if c != allowed {
		return err
	}
	d.state = next
	return nil
}

// sizeLine takes a byte of "1*HEXDIG [ext] CRLF". An extension is anything printable after
// a ';': its grammar matters to nobody, but no CR or LF may hide in it.
func (d *ChunkedDecoder) sizeLine(c byte) *Error {
	d.line++
	switch d.state {
	case chunkSize:
		digit := hexDigit(c)
		if digit < 0 {
			return lineError(c, errChunkSize)
		}
		d.size, d.line, d.ext = digit, 1, 0
		d.state = chunkSizeMore
	case chunkSizeMore:
		return d.afterDigit(c)
	case chunkExt:
		switch d.ext++; {
		case c == '\r':
			d.state = chunkSizeLF
		case !isValue(c):
			return lineError(c, errChunkExt)
		case d.ext > maxChunkExt:
			return errChunkExtLong
		}
	case chunkSizeLF:
		if c != '\n' {
			return errBareCR
		}
		return d.beginChunk()
	}
	return nil
}

// afterDigit takes a further digit of the size, or the byte that ends it. Sixteen digits
// are enough for any size, zeros in front included.
func (d *ChunkedDecoder) afterDigit(c byte) *Error {
	digit := hexDigit(c)
	switch {
	case digit >= 0 && d.line <= 16 && d.size <= math.MaxInt64>>4:
		d.size = d.size<<4 | digit
	case digit >= 0:
		return errChunkSize
	case c == '\r':
		d.state = chunkSizeLF
	case c == ';':
		d.state = chunkExt
	default:
		return lineError(c, errChunkLine)
	}
	return nil
}

// beginChunk decides what a complete size line leads to.
func (d *ChunkedDecoder) beginChunk() *Error {
	// The share for data is capped, against overflow, far above what it has to offset.
	d.excess += int64(d.line) - 16 - 2*min(d.size, maxChunkExcess)
	if d.excess = max(d.excess, 0); d.excess > maxChunkExcess {
		return errChunkExcess
	}
	d.state = chunkData
	if d.size == 0 {
		d.state, d.line = trailerStart, 0
	}
	return nil
}

// trailer takes a byte of "*( field-line CRLF ) CRLF", by the rules for fields in heads.
func (d *ChunkedDecoder) trailer(c byte) *Error {
	if d.line++; d.line > maxTrailers {
		return errTrailersLong
	}
	switch d.state {
	case trailerStart:
		return d.trailerLine(c)
	case trailerName:
		switch {
		case c == ':':
			d.state = trailerValue
		case c == ' ' || c == '\t':
			return errFieldSpace
		case c == '\r':
			return errFieldColon
		case !isToken(c):
			return lineError(c, errFieldName)
		}
	case trailerValue:
		switch {
		case c == '\r':
			d.state = trailerLF
		case !isValue(c):
			return lineError(c, errFieldValue)
		}
	case trailerLF:
		return d.want(c, '\n', trailerStart, errBareCR)
	case chunkEndLF:
		return d.want(c, '\n', chunkDone, errBareCR)
	}
	return nil
}

// trailerLine takes the first byte of a line of the trailer section.
func (d *ChunkedDecoder) trailerLine(c byte) *Error {
	switch {
	case c == '\r':
		d.state = chunkEndLF
	case isToken(c):
		d.state = trailerName
	case c == ':':
		return errFieldNoName
	case c == ' ' || c == '\t':
		return errFieldFold
	default:
		return lineError(c, errFieldName)
	}
	return nil
}

// lineError names a bare LF as such, whatever rule it has broken.
func lineError(c byte, err *Error) *Error {
	if c == '\n' {
		return errBareLF
	}
	return err
}
