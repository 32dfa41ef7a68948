package http1

import "strconv"

// Error is a request that is refused: the status to answer, and why. Reason is
// one line of fixed text without any byte of the request, so that it can be logged
// and sent back as it is. After an Error the connection must be closed.
type Error struct {
	Status int
	Reason string
}

// Error gives status and reason in one line.
func (e *Error) Error() string {
	return strconv.Itoa(e.Status) + " " + StatusText(e.Status) + ": " + e.Reason
}

// ErrHeadTooLarge is for the caller, who owns the buffer and so the limit on a
// head's size: the buffer is full and Parse still wants more (RFC 6585, section 5).
var ErrHeadTooLarge = &Error{431, "request line and header fields are larger than this server's limit"}

// The refusals of Parse. They are values, not made on the spot, so that a flood of
// bad requests allocates nothing.
var (
	errTLS    = &Error{400, "TLS was sent to a plain HTTP port; use http:// in place of https://"}
	errBareLF = &Error{400, "line ends with a bare LF, not CRLF"}
	errBareCR = &Error{400, "CR without LF"}

	errEmptyLines  = &Error{400, "more than one empty line before the request line"}
	errMethod      = &Error{400, "method is not a token"}
	errMethodLong  = &Error{501, "method is longer than any this server knows"}
	errRequestLine = &Error{400, "request line is not method, target and version with single spaces between"}
	errHTTP09      = &Error{400, "request line has no HTTP version"}
	errProto       = &Error{400, "malformed HTTP version"}
	errVersion     = &Error{505, "only HTTP/1.0 and HTTP/1.1 are spoken here"}

	errTargetChar = &Error{400, "target contains a control character or '#'"}
	errTargetForm = &Error{400, "target is neither a path nor an http:// or https:// URL"}
	errAsterisk   = &Error{400, "target * is for OPTIONS only"}
	errAuthority  = &Error{400, "malformed host in the target"}
	errConnect    = &Error{501, "CONNECT is not supported: this is no proxy"}

	errFieldFold     = &Error{400, "field line starts with whitespace (obs-fold)"}
	errFieldColon    = &Error{400, "field line without a colon"}
	errFieldNoName   = &Error{400, "field without a name"}
	errFieldSpace    = &Error{400, "whitespace between field name and colon"}
	errFieldName     = &Error{400, "field name is not a token"}
	errFieldValue    = &Error{400, "control character in a field value"}
	errFieldsTooMany = &Error{431, "too many header fields"}

	errLength      = &Error{400, "Content-Length is not a plain decimal number below 2^63"}
	errLengthTwice = &Error{400, "more than one Content-Length"}
	errCodingEmpty = &Error{400, "empty Transfer-Encoding"}
	errCodingTwice = &Error{400, "more than one Transfer-Encoding"}
	errCoding10    = &Error{400, "Transfer-Encoding in an HTTP/1.0 request"}
	errCoding      = &Error{501, "the only Transfer-Encoding supported is chunked"}
	errHostMissing = &Error{400, "HTTP/1.1 request without Host"}
	errHostTwice   = &Error{400, "more than one Host"}
	errHost        = &Error{400, "malformed Host"}
	errExpect      = &Error{417, "the only expectation supported is 100-continue"}
)

// The refusals of ChunkedDecoder.
var (
	errChunkSize    = &Error{400, "chunk size is not a hexadecimal number below 2^63"}
	errChunkLine    = &Error{400, "chunk size is not followed by CRLF or an extension"}
	errChunkExt     = &Error{400, "control character in a chunk extension"}
	errChunkExtLong = &Error{400, "chunk extension is too long"}
	errChunkExcess  = &Error{400, "chunked body is mostly extensions"}
	errChunkEnd     = &Error{400, "chunk data is not followed by CRLF"}
	errTrailersLong = &Error{400, "trailer section is too long"}
)
