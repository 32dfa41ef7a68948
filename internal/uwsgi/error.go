package uwsgi

import "bytes"

// Error is a packet that is refused. Reason is one line of fixed text without any byte of the
// packet, for the log. They are values, not made on the spot, so that a flood of bad packets
// allocates nothing.
type Error struct{ Reason string }

// Error gives the reason.
func (e *Error) Error() string { return e.Reason }

// The refusals of [Packet.Parse]. With the middle three, the sender is somebody else than it should be.
var (
	ErrTooLarge = &Error{"the packet is larger than the limit on request heads; raise --limit-head (buffer-size), or send fewer headers"}
	ErrEmpty    = &Error{"the packet is empty: it has no variables"}
	ErrLengths  = &Error{"a length in the packet leads beyond its end"}
	ErrNoName   = &Error{"a variable has no name"}
	ErrTooMany  = &Error{"the packet has too many variables"}
	ErrModifier = &Error{"modifier1 is neither 0 nor 30: there is nothing but Python here; see the sender's uwsgi_modifier1"}

	ErrHTTP  = &Error{"this is HTTP, sent to a socket of the uwsgi protocol; use uwsgi_pass in place of proxy_pass, or serve HTTP here (--http, or --protocol http)"}
	ErrTLS   = &Error{"this is TLS, sent to a socket of the uwsgi protocol"}
	ErrProxy = &Error{"this is the PROXY protocol, which is not expected from this peer; name it with --proxy-protocol"}
)

// methods are how HTTP requests begin, as far as a packet's header goes: "PRI " is HTTP/2.
var methods = []string{"GET ", "HEAD", "POST", "PUT ", "DELE", "OPTI", "PATC", "TRAC", "CONN", "PROP", "PRI "}

// stranger tells what begins as buf, if that is no packet but something well known.
func stranger(buf []byte) *Error {
	head := buf[:HeaderSize]
	switch {
	case string(head) == "PROX", string(head) == "\r\n\r\n":
		return ErrProxy
	case head[0] == 0x16 && head[1] == 3: // handshake record (RFC 8446, section 5.1)
		return ErrTLS
	}
	for _, m := range methods {
		if bytes.EqualFold(head, []byte(m)) {
			return ErrHTTP
		}
	}
	return nil
}

// ModifierName tells what a modifier1 means, "" if that is nothing known.
func ModifierName(modifier1 byte) string { return modifierNames[modifier1] }

var modifierNames = map[byte]string{
	5: "Perl (PSGI)", 6: "Lua", 7: "Ruby (Rack)", 8: "JVM", 9: "CGI", 14: "PHP", 15: "Mono", 17: "the spooler",
	18: "C symbols", 22: "code from the sender", 23: "XSLT", 24: "V8", 25: "GridFS", 26: "GlusterFS",
	100: "ping", 103: "a signal", 111: "the cache", 173: "RPC",
}
