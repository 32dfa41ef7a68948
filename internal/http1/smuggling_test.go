package http1

import (
	"fmt"
	"strings"
	"testing"
)

// converse reads wire as a connection would: request after request, until one is
// refused, one ends the connection, or bytes are missing. Each request is told as
// "METHOD target [body]", the end as the reason for it.
func converse(wire string) string {
	var told []string
	var h Head
	buf := []byte(wire)
	for len(buf) > 0 {
		n, err := h.Parse(buf, 0)
		if err != nil {
			return strings.Join(append(told, err.Error()), "\n")
		}
		if n == 0 {
			return strings.Join(append(told, "incomplete head"), "\n")
		}
		body, rest, err := readBody(&h, buf[n:])
		if err != nil {
			return strings.Join(append(told, err.Error()), "\n")
		}
		told = append(told, fmt.Sprintf("%s %s [%s]", h.Method, h.Target, body))
		if !h.KeepAlive {
			return strings.Join(append(told, "closed"), "\n")
		}
		buf = rest
	}
	return strings.Join(told, "\n")
}

var errIncomplete = fmt.Errorf("incomplete body")

func readBody(h *Head, buf []byte) (body, rest []byte, err error) {
	if h.Chunked {
		var d ChunkedDecoder
		return readChunks(&d, buf)
	}
	if h.ContentLength < 0 {
		return nil, buf, nil
	}
	if h.ContentLength > int64(len(buf)) {
		return nil, nil, errIncomplete
	}
	return buf[:h.ContentLength], buf[h.ContentLength:], nil
}

func readChunks(d *ChunkedDecoder, buf []byte) (body, rest []byte, err error) {
	for {
		data, consumed, done, err := d.Next(buf)
		if err != nil {
			return nil, nil, err
		}
		body, buf = append(body, data...), buf[consumed:]
		if done {
			return body, buf, nil
		}
		if data == nil && len(buf) == 0 {
			return nil, nil, errIncomplete
		}
	}
}

// smuggling holds messages that servers are known to have framed in different ways.
// What counts: GET /evil is never answered where a proxy may have seen a body.
var smuggling = []struct{ name, wire, want string }{
	// CL.TE and TE.CL: both fields. Transfer-Encoding wins, then the connection ends.
	{
		"CL.TE", "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 27\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\nGET /evil HTTP/1.1\r\nX: ",
		"POST / []\nclosed",
	},
	{
		"TE.CL", "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nContent-Length: 4\r\n\r\n" +
			"27\r\nGET /evil HTTP/1.1\r\nHost: a\r\nX: yyyyy\r\n\r\n0\r\n\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n",
		"POST / [GET /evil HTTP/1.1\r\nHost: a\r\nX: yyyyy\r\n]\nclosed",
	},
	{
		"CL.TE asked to keep alive", "POST / HTTP/1.1\r\nHost: a\r\nConnection: keep-alive\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\nGET /evil HTTP/1.1\r\nHost: a\r\n\r\n",
		"POST / []\nclosed",
	},
	{
		"CL.0 does not exist", "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 31\r\n\r\nGET /evil HTTP/1.1\r\nHost: a\r\n\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n",
		"POST / [GET /evil HTTP/1.1\r\nHost: a\r\n\r\n]\nGET / []",
	},
	{
		"body of a GET", "GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhelloGET /b HTTP/1.1\r\nHost: a\r\n\r\n",
		"GET / [hello]\nGET /b []",
	},

	// TE.TE: a Transfer-Encoding that one side doesn't recognise.
	te("xchunked", errCoding), te("x-chunked", errCoding), te("chunke", errCoding), te("chunkedd", errCoding),
	te("chunked,", errCoding), te(",chunked", errCoding), te("chunked, chunked", errCoding), te("chunked, identity", errCoding),
	te("identity, chunked", errCoding), te("identity", errCoding), te("gzip, chunked", errCoding), te("cow", errCoding),
	te("chunked;q=1", errCoding), te("\"chunked\"", errCoding), te("'chunked'", errCoding), te("chunked chunked", errCoding),
	te("chun\u212aed", errCoding), te("\xa0chunked", errCoding), te("chunked\xff", errCoding), te("", errCodingEmpty),
	te("\vchunked", errFieldValue), te("\fchunked", errFieldValue), te("chunked\x00", errFieldValue), te("\x7fchunked", errFieldValue),
	te("chunked\r", errBareCR), te("\rchunked", errBareCR), te("\nchunked", errBareLF), te("\r\n chunked", errCodingEmpty),
	te("chunked\r\nTransfer-Encoding: chunked", errCodingTwice), te("chunked\r\nTransfer-Encoding: cow", errCodingTwice),
	te("cow\r\nTransfer-Encoding: chunked", errCoding), te("chunked\r\ntransfer-encoding: identity", errCodingTwice),
	te("chunked\r\n ,identity", errFieldFold), te("chunked\n", errBareLF),
	field("Transfer-Encoding : chunked", errFieldSpace), field("Transfer-Encoding\t: chunked", errFieldSpace),
	field(" Transfer-Encoding: chunked", errFieldFold), field("\tTransfer-Encoding: chunked", errFieldFold),
	field("X: X\nTransfer-Encoding: chunked", errBareLF), field("X: X\rTransfer-Encoding: chunked", errBareCR),
	field("Transfer-Encoding\r\n: chunked", errFieldColon), field("Transfer-Encoding chunked", errFieldName),
	field("Transfer\x00-Encoding: chunked", errFieldName), field("\x00Transfer-Encoding: chunked", errFieldName),
	field("Transfer-Encoding\xa0: chunked", errFieldName), field("Transfer-Encoding\v: chunked", errFieldName),
	{
		// Not the field, and whoever takes '_' for '-' must not frame by it: see the bridge.
		"underscore", "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nTransfer_Encoding: chunked\r\n\r\n0\r\n\r\n", "POST / [0\r\n\r\n]",
	},
	{"TE in 1.0", "POST / HTTP/1.0\r\nConnection: keep-alive\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", errCoding10.Error()},
	{"TE and CL in 1.0", "POST / HTTP/1.0\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", errCoding10.Error()},

	// Content-Length.
	cl("+5", errLength), cl("-5", errLength), cl("-0", errLength), cl("5 5", errLength), cl("5,5", errLength), cl("5, 5", errLength), cl("5, 6", errLength),
	cl("0x5", errLength), cl("5.0", errLength), cl("5e0", errLength), cl("5_0", errLength), cl("", errLength), cl("abc", errLength), cl("5;", errLength),
	cl("\"5\"", errLength), cl("\u0665", errLength), cl("\xb2", errLength), cl("9223372036854775808", errLength), cl("18446744073709551621", errLength),
	cl("99999999999999999999999999999999", errLength), cl("5\x00", errFieldValue), cl("\v5", errFieldValue), cl("5\r", errBareCR), cl("5\n", errBareLF),
	cl("5\r\nContent-Length: 5", errLengthTwice), cl("5\r\ncontent-length: 0", errLengthTwice), cl("0\r\nContent-Length: 5", errLengthTwice),
	cl("5\r\n 5", errFieldFold), cl("5\r\nContent-Length : 0", errFieldSpace), cl("5\r\nContent-Length:", errLengthTwice),
	cl("x\r\nTransfer-Encoding: chunked", errLength),
	field("Content-Length : 5", errFieldSpace), field("Content-Length\t:5", errFieldSpace), field(" Content-Length: 5", errFieldFold),
	field("Content-Length: 5\r\nHost: b", errHostTwice), field("Host : b", errFieldSpace), field(" Host: b", errFieldFold),

	// Chunks.
	chunks("5\r\nhello\r\n0\r\n\r\n", "hello"),
	chunks("5;a=b\r\nhello\r\n00;c\r\nX: y\r\n\r\n", "hello"),
	chunks("5\r\nhello\r\n0\r\nContent-Length: 9\r\nTransfer-Encoding: chunked\r\nHost: b\r\n\r\n", "hello"), // trailers frame nothing
	badChunks("5\nhello\n0\n\n", errBareLF), badChunks("5\r\nhello\n0\r\n\r\n", errChunkEnd), badChunks("5\r\nhello\r0\r\n\r\n", errChunkEnd),
	badChunks("5\r\nhelloX\r\n0\r\n\r\n", errChunkEnd), badChunks("5\r\nhell\r\n0\r\n\r\n", errChunkEnd), badChunks("5\r\nhello0\r\n\r\n", errChunkEnd),
	badChunks("5\r\nhello\r\n0\n\r\n", errBareLF), badChunks("0\r\n\n", errBareLF), badChunks("0\r\n\rX", errBareCR), badChunks("0\r\rX", errBareCR),
	badChunks("0x5\r\nhello", errChunkLine), badChunks("+5\r\nhello", errChunkSize), badChunks("-5\r\nhello", errChunkSize), badChunks("\r\n", errChunkSize),
	badChunks("\n", errBareLF), badChunks(" 5\r\nhello", errChunkSize), badChunks("5 \r\nhello", errChunkLine), badChunks("5\t;a\r\nhello", errChunkLine),
	badChunks("5_0\r\nhello", errChunkLine), badChunks("5,5\r\nhello", errChunkLine), badChunks("g\r\n", errChunkSize), badChunks(";a\r\n", errChunkSize),
	badChunks("5\x00\r\nhello", errChunkLine), badChunks("\x00\r\n", errChunkSize), badChunks("\xb2\r\n", errChunkSize),
	badChunks("100000000000000000005\r\nhello", errChunkSize), badChunks("00000000000000005\r\nhello", errChunkSize), badChunks("8000000000000000\r\n", errChunkSize),
	badChunks("ffffffffffffffff\r\n", errChunkSize), badChunks("fffffffffffffffb\r\nhello", errChunkSize),
	badChunks("5;\n0\r\nhello", errBareLF), badChunks("5;a\rb\r\nhello", errBareCR), badChunks("5;a=\"\n\"\r\nhello", errBareLF), badChunks("5;a\x00\r\nhello", errChunkExt),
	badChunks("5;a\x7f\r\nhello", errChunkExt), badChunks("5\rX\nhello", errBareCR),
	badChunks("5;"+strings.Repeat("x", maxChunkExt+1)+"\r\nhello", errChunkExtLong),
	badChunks("0\r\n X: y\r\n\r\n", errFieldFold), badChunks("0\r\nX : y\r\n\r\n", errFieldSpace), badChunks("0\r\nX: y\n\r\n", errBareLF),
	badChunks("0\r\nX: y\rz\r\n\r\n", errBareCR), badChunks("0\r\nX\r\n\r\n", errFieldColon), badChunks("0\r\n: y\r\n\r\n", errFieldNoName),
	badChunks("0\r\nX\x00: y\r\n\r\n", errFieldName), badChunks("0\r\n\x00: y\r\n\r\n", errFieldName), badChunks("0\r\nX\n\r\n", errBareLF), badChunks("0\r\nX: \x00\r\n\r\n", errFieldValue),
	badChunks("0\r\nGET /evil HTTP/1.1\r\nHost: a\r\n\r\n", errFieldSpace),

	// Pipelines.
	{
		"pipeline", "GET /1 HTTP/1.1\r\nHost: a\r\n\r\nPOST /2 HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\nhi\r\nPOST /3 HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\n\r\nGET /4 HTTP/1.0\r\n\r\nGET /evil HTTP/1.1\r\nHost: a\r\n\r\n",
		"GET /1 []\nPOST /2 [hi]\nPOST /3 [hi]\nGET /4 []\nclosed",
	},
	{
		"nothing after close", "GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\nGET /evil HTTP/1.1\r\nHost: a\r\n\r\n",
		"GET / []\nclosed",
	},
	{
		"request in a request line", "GET /%20HTTP/1.1\r\nGET /evil HTTP/1.1\r\nHost: a\r\n\r\n", errHTTP09.Error(),
	},
}

type attack = struct{ name, wire, want string }

// field is a request with a line more, and a body that reads differently with and
// without it. It must be refused.
func field(line string, err *Error) attack {
	return attack{line, "POST / HTTP/1.1\r\nHost: a\r\n" + line + "\r\n\r\n0\r\n\r\nGET /evil HTTP/1.1\r\nHost: a\r\n\r\n", err.Error()}
}

func te(value string, err *Error) attack { return field("Transfer-Encoding: "+value, err) }

func cl(value string, err *Error) attack { return field("Content-Length: "+value, err) }

func chunks(wire, body string) attack {
	head := "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
	return attack{wire, head + wire + "GET /b HTTP/1.1\r\nHost: a\r\n\r\n", "POST / [" + body + "]\nGET /b []"}
}

func badChunks(wire string, err *Error) attack {
	a := chunks(wire, "")
	a.want = err.Error()
	return a
}

func TestSmuggling(t *testing.T) {
	for _, tt := range smuggling {
		t.Run(tt.name, func(t *testing.T) {
			if got := converse(tt.wire); got != tt.want {
				t.Errorf("%q\ngot  %q\nwant %q", tt.wire, got, tt.want)
			}
		})
	}
}
