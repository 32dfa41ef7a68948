package http1

import (
	"strconv"
	"time"
)

// statusTexts holds the statuses that the server gives by itself.
var statusTexts = map[int]string{
	400: "Bad Request",
	403: "Forbidden",
	404: "Not Found",
	405: "Method Not Allowed",
	408: "Request Timeout",
	413: "Content Too Large",
	417: "Expectation Failed",
	431: "Request Header Fields Too Large",
	500: "Internal Server Error",
	501: "Not Implemented",
	502: "Bad Gateway",
	503: "Service Unavailable",
	504: "Gateway Timeout",
	505: "HTTP Version Not Supported",
}

// StatusText is the reason phrase of a status that the server gives by itself, ""
// for any other: an app sends its own.
func StatusText(status int) string { return statusTexts[status] }

// AppendDate appends t as a Date field wants it (RFC 9110, section 5.6.7).
func AppendDate(dst []byte, t time.Time) []byte {
	return t.UTC().AppendFormat(dst, "Mon, 02 Jan 2006 15:04:05 GMT")
}

// AppendError appends the whole answer to a request that is refused: e's status, and
// as text its reason if it has one. It says that the connection closes. Each of fields is a
// further line like "Retry-After: 1", without CRLF, and never of a client's making.
func AppendError(dst []byte, e *Error, now time.Time, fields ...string) []byte {
	dst = AppendErrorHead(dst, e, now, fields...)
	return appendErrorText(dst, e)
}

// AppendErrorHead is [AppendError] without the text: the answer to a HEAD request.
func AppendErrorHead(dst []byte, e *Error, now time.Time, fields ...string) []byte {
	var text [256]byte // fits all of this package's; longer ones are allocated
	dst = append(dst, "HTTP/1.1 "...)
	dst = appendStatus(dst, e.Status)
	dst = append(dst, "\r\nDate: "...)
	dst = AppendDate(dst, now)
	dst = append(dst, "\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Length: "...)
	dst = strconv.AppendInt(dst, int64(len(appendErrorText(text[:0], e))), 10)
	dst = append(dst, "\r\nConnection: close\r\n"...)
	for _, f := range fields {
		dst = append(dst, f...)
		dst = append(dst, "\r\n"...)
	}
	return append(dst, "\r\n"...)
}

// appendErrorText appends "400 Bad Request: reason\n".
func appendErrorText(dst []byte, e *Error) []byte {
	dst = appendStatus(dst, e.Status)
	if e.Reason != "" {
		dst = append(dst, ": "...)
		dst = append(dst, e.Reason...)
	}
	return append(dst, '\n')
}

func appendStatus(dst []byte, status int) []byte {
	dst = strconv.AppendInt(dst, int64(status), 10)
	dst = append(dst, ' ')
	return append(dst, StatusText(status)...)
}
