package accesslog

import (
	"strconv"
	"time"
)

// Terminal is the line for somebody who writes the app:
//
//	11:08:13 200 GET     /path                                       3.2ms     1234
//
// with colours for the status, and for a request that was slow.
func Terminal(coloured bool) *Format {
	t := terminal{}
	if coloured {
		t = colours
	}
	return &Format{ops: []op{{put: t.put}}}
}

// terminal is the escape codes of one line; "" writes none.
type terminal struct {
	status [6]string // by its first digit; 0: the client left
	dim    string
	slow   string
	end    string
}

var colours = terminal{
	status: [6]string{"\x1b[35m", "\x1b[36m", "\x1b[32m", "\x1b[36m", "\x1b[33m", "\x1b[1;31m"},
	dim:    "\x1b[2m",
	slow:   "\x1b[1;33m",
	end:    "\x1b[0m",
}

// slow is the time from which on people notice that they wait.
const slow = 500 * time.Millisecond

// Columns, as long as what stands in them fits.
const (
	methodWidth = 8
	uriWidth    = 44
	msWidth     = 9
	bytesWidth  = 8
)

func (t *terminal) put(dst []byte, f *Format, r *Record, _ string) []byte {
	dst = append(dst, t.dim...)
	dst = append(dst, f.clock.at(r.end()).iso[len("2006-01-02T"):len("2006-01-02T15:04:05")]...)
	dst = append(dst, t.end...)
	dst = append(dst, ' ')
	dst = append(dst, t.status[min(max(r.Status/100, 0), len(t.status)-1)]...)
	at := len(dst)
	dst = strconv.AppendInt(dst, int64(r.Status), 10)
	dst = pad(dst, at, len("500 "))
	at = len(dst)
	dst = appendText(dst, r.Method)
	dst = pad(dst, at, methodWidth)
	at = len(dst)
	dst = appendText(dst, r.URI)
	dst = append(dst, t.end...)
	dst = pad(dst, at, uriWidth+len(t.end))
	var number [32]byte
	colour := t.dim
	if r.Duration >= slow {
		colour = t.slow
	}
	dst = append(dst, colour...)
	dst = right(dst, append(appendMS(number[:0], r.Duration, 1), "ms"...), msWidth)
	dst = append(dst, t.end...)
	dst = append(dst, ' ')
	dst = right(dst, strconv.AppendInt(number[:0], r.BodyBytes, 10), bytesWidth)
	dst = appendCount(dst, " werr=", r.WriteErrors)
	return appendCount(dst, " rerr=", r.ReadErrors)
}

// pad fills what stands from at on up to width, and a blank at least.
func pad(dst []byte, at, width int) []byte {
	dst = append(dst, ' ')
	for len(dst)-at < width {
		dst = append(dst, ' ')
	}
	return dst
}

// right appends text at a column's right edge.
func right(dst, text []byte, width int) []byte {
	for n := len(text); n < width; n++ {
		dst = append(dst, ' ')
	}
	return append(dst, text...)
}
