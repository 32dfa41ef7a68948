package http1

import (
	"bytes"
	"strconv"
	"strings"
	"testing"
)

// decode feeds wire to a decoder as pieces that end at ends, and tells what came of
// it: body, what was left over, and the error or "more".
func decode(t *testing.T, wire string, ends ...int) (body, rest, end string) {
	t.Helper()
	var d ChunkedDecoder
	var buf []byte
	at := 0
	for _, e := range append(ends, len(wire)) {
		buf = append(buf[:len(buf):len(buf)], wire[at:e]...)
		at = e
		for {
			data, consumed, done, err := d.Next(buf)
			if err != nil {
				checkSticky(t, &d, err)
				return body, "", err.Error()
			}
			if consumed < len(data) || consumed > len(buf) || data != nil && len(data) == 0 {
				t.Fatalf("Next(%q): data %q, consumed %d", buf, data, consumed)
			}
			body += string(data)
			buf = buf[consumed:]
			if done {
				return body, string(buf) + wire[e:], "done"
			}
			if data == nil && len(buf) > 0 {
				t.Fatalf("neither data nor progress with %q", buf)
			}
			if data == nil {
				break
			}
		}
	}
	return body, "", "more"
}

func checkSticky(t *testing.T, d *ChunkedDecoder, want error) {
	t.Helper()
	if data, consumed, done, err := d.Next([]byte("0\r\n\r\n")); data != nil || consumed != 0 || done || err != want {
		t.Errorf("after %v: %q, %d, %v, %v", want, data, consumed, done, err)
	}
}

func TestChunked(t *testing.T) {
	long := strings.Repeat("0123456789abcdef", 1<<12)
	tests := []struct{ name, wire, body string }{
		{"empty", "0\r\n\r\n", ""},
		{"sixteen zeros", "0000000000000000\r\n\r\n", ""},
		{"one", "5\r\nhello\r\n0\r\n\r\n", "hello"},
		{"digits of both cases", "00a\r\n0123456789\r\n00A\r\n0123456789\r\n0\r\n\r\n", "01234567890123456789"},
		{"data of CRLFs", "6\r\n\r\n0\r\n\r\r\n0\r\n\r\n", "\r\n0\r\n\r"},
		{"64 KiB", "10000\r\n" + long + "\r\n0\r\n\r\n", long},
		{"extensions", "1;\r\na\r\n1;x=\"\t;\xff \"\r\nb\r\n0; y\r\n\r\n", "ab"},
		{"longest extension", "1;" + strings.Repeat("x", maxChunkExt) + "\r\na\r\n0\r\n\r\n", "a"},
		{"trailers", "0\r\nX:\r\nY: \tz \xe4 \r\n\r\n", ""},
		{"longest trailers", "0\r\nX: " + strings.Repeat("x", maxTrailers-7) + "\r\n\r\n", ""},
		{"extensions up to the limit", strings.Repeat("1;"+strings.Repeat("x", maxChunkExt)+"\r\na\r\n", 66) + "0\r\n\r\n", strings.Repeat("a", 66)},
		{"byte by byte with small extensions", strings.Repeat("1;x=y\r\na\r\n", 5000) + "0\r\n\r\n", strings.Repeat("a", 5000)},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			body, rest, end := decode(t, tt.wire+"GET")
			if body != tt.body || rest != "GET" || end != "done" {
				t.Errorf("got %.60q, rest %q, %s", body, rest, end)
			}
			compareBody(t, tt.wire+"GET", body, rest)
		})
	}
}

// What is malformed stands in the smuggling table; here are the limits.
func TestChunkedLimits(t *testing.T) {
	tests := []struct {
		name, wire string
		want       *Error
	}{
		{"trailers too long", "0\r\nX: " + strings.Repeat("x", maxTrailers-6) + "\r\n\r\n", errTrailersLong},
		{"many trailers", "0\r\n" + strings.Repeat("X: y\r\n", maxTrailers/6+1) + "\r\n", errTrailersLong},
		{"endless trailer name", "0\r\n" + strings.Repeat("X", maxTrailers+1), errTrailersLong},
		{"endless extension", "5;" + strings.Repeat("x", maxChunkExt+1), errChunkExtLong},
		{"endless zeros", strings.Repeat("0", 17), errChunkSize},
		{"mostly extensions", strings.Repeat("1;"+strings.Repeat("x", maxChunkExt)+"\r\na\r\n", 68), errChunkExcess},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if _, _, end := decode(t, tt.wire); end != tt.want.Error() {
				t.Errorf("got %q, want %v", end, tt.want)
			}
		})
	}
}

// TestChunkedExcessIsPaidOff wants data to make up for extensions, and a huge size not to overflow.
func TestChunkedExcessIsPaidOff(t *testing.T) {
	ext := strings.Repeat("1;"+strings.Repeat("x", maxChunkExt)+"\r\na\r\n", 60)
	data := "4000\r\n" + strings.Repeat("d", 0x4000) + "\r\n"
	if _, _, end := decode(t, ext+data+ext+"5fffffffffffffff\r\nx"); end != "more" {
		t.Errorf("got %q", end)
	}
}

func TestChunkedSplits(t *testing.T) {
	wires := []string{"5;x\r\nhello\r\n0b\r\n\r\n0\r\n\r\nwor\r\n\r\n0;y\r\nX: y\r\nZ:\r\n\r\nGET"}
	for _, s := range smuggling {
		if _, wire, ok := strings.Cut(s.wire, "Transfer-Encoding: chunked\r\n\r\n"); ok {
			wires = append(wires, wire)
		}
	}
	for _, wire := range wires {
		body, rest, end := decode(t, wire)
		bytewise := make([]int, len(wire))
		for i := range wire {
			bytewise[i] = i
			if b, r, e := decode(t, wire, i); b != body || r != rest || e != end {
				t.Errorf("%q cut at %d: got %q, %q, %s, want %q, %q, %s", wire, i, b, r, e, body, rest, end)
			}
		}
		if b, r, e := decode(t, wire, bytewise...); b != body || r != rest || e != end {
			t.Errorf("%q byte by byte: got %q, %q, %s, want %q, %q, %s", wire, b, r, e, body, rest, end)
		}
	}
}

// TestChunkedSlices wants data to be the caller's bytes, not to grow into those behind.
func TestChunkedSlices(t *testing.T) {
	var d ChunkedDecoder
	src := []byte("5\r\nhello\r\n0\r\n\r\nGET")
	data, consumed, _, err := d.Next(src)
	if err != nil || &data[0] != &src[3] || cap(data) != 5 || consumed != 8 {
		t.Fatalf("got %q (cap %d), %d, %v", data, cap(data), consumed, err)
	}
	if data, consumed, done, err := d.Next(src[8:]); data != nil || consumed != 7 || !done || err != nil {
		t.Fatalf("got %q, %d, %v, %v", data, consumed, done, err)
	}
	if data, consumed, done, err := d.Next(src[15:]); data != nil || consumed != 0 || !done || err != nil {
		t.Fatalf("when done: got %q, %d, %v, %v", data, consumed, done, err)
	}
}

func TestChunkedAllocatesNothing(t *testing.T) {
	wire := []byte(strings.Repeat("5;x\r\nhello\r\n", 100) + "0\r\nX: y\r\n\r\n")
	allocs := testing.AllocsPerRun(100, func() {
		var d ChunkedDecoder
		for src := wire; len(src) > 0; {
			_, n, _, err := d.Next(src)
			if err != nil {
				t.Fatal(err)
			}
			src = src[n:]
		}
	})
	if allocs != 0 {
		t.Errorf("%v allocations", allocs)
	}
}

// chunkUp encodes body in chunks of size bytes.
func chunkUp(body []byte, size int) []byte {
	var wire []byte
	for len(body) > 0 {
		n := min(size, len(body))
		wire = strconv.AppendInt(wire, int64(n), 16)
		wire = append(wire, "\r\n"...)
		wire = append(wire, body[:n]...)
		wire = append(wire, "\r\n"...)
		body = body[n:]
	}
	return append(wire, "0\r\n\r\n"...)
}

// TestChunkedSmallBuffer reads a body through a buffer smaller than its chunks.
func TestChunkedSmallBuffer(t *testing.T) {
	body := bytes.Repeat([]byte("0123456789"), 10_000)
	for _, size := range []int{1, 7, 4096, 5000, 100_000} {
		var d ChunkedDecoder
		var got []byte
		wire := bytes.NewReader(chunkUp(body, size))
		buf := make([]byte, 4096)
		for done := false; !done; {
			n, err := wire.Read(buf)
			if err != nil {
				t.Fatalf("chunks of %d: %v", size, err)
			}
			for src := buf[:n]; len(src) > 0 && !done; {
				var data []byte
				if data, n, done, err = d.Next(src); err != nil {
					t.Fatalf("chunks of %d: %v", size, err)
				}
				got, src = append(got, data...), src[n:]
			}
		}
		if !bytes.Equal(got, body) {
			t.Errorf("chunks of %d: body differs", size)
		}
	}
}
