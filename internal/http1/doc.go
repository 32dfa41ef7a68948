// Package http1 reads HTTP/1.0 and HTTP/1.1 requests out of a byte buffer:
// the head ([Head.Parse]) and chunked bodies ([ChunkedDecoder]). It does no I/O
// and owns no buffer; every slice it returns points into the caller's.
//
// It is strict, because a server that reads a message differently from the
// proxy before it can be made to see a request that the proxy never saw
// (RFC 9112, section 11.2). What is malformed is refused, never repaired; the
// connection must then be closed, for nobody knows where the next request begins.
//
// Stricter than RFC 9112 asks, on purpose:
//
//   - a bare LF or CR never ends a line (section 2.2 lets a server accept LF),
//     and one empty line before the request line is all that is skipped;
//   - several Content-Length fields are refused even if they agree (section 6.3
//     lets a server take equal ones as one);
//   - "chunked" is the only transfer coding, spelled once, in one field;
//   - whitespace after a chunk size is refused (section 7.1.1 calls it bad
//     whitespace), and so are chunk extensions out of all proportion;
//   - '#' in a target is refused: intermediaries disagree on whether to cut there.
//
// More lenient, on purpose: bytes from 0x80 up pass in targets, because clients
// send UTF-8 paths raw, and so do the printable characters RFC 3986 wants
// encoded, such as '|' and '"'. The target is passed on as it came.
package http1
