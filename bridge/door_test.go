package bridge

import (
	"fmt"
	"os"
	"strings"
	"testing"
	"time"
)

// The door: what tests use of the package's inside, besides the functions they are about.

// sink is the descriptor of a connection without a peer: what is written vanishes, what is
// read is at its end.
type sink int

func newSink(t testing.TB) sink {
	null, err := os.OpenFile(os.DevNull, os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { null.Close() })
	return sink(null.Fd())
}

// here is the endpoint of connections in tests.
var here = endpoint{
	serverName: "node", serverPort: "5000", remoteAddr: "192.0.2.7", remotePort: "4321", scheme: "http",
}

// receiver is a connection by which raw has come. It is never put in the pool of calls.
func receiver(t testing.TB, s *Server, nc sink, at endpoint, unix bool, raw string) *conn {
	c := s.newConn(int(nc), at, unix)
	c.waits = true
	c.in.buf, c.in.w = []byte(raw), len(raw)
	return c
}

// prepared is the way of a request up to the queue, as its connection's goroutine goes it.
func (c *conn) prepared() (*Call, error) {
	call := &Call{conn: c}
	if err := c.readHead(&call.head); err != nil {
		return nil, err
	}
	return call, call.prepare()
}

// queueable is a request for path that came at pushed and is ready for a queue.
func queueable(t testing.TB, s *Server, nc sink, path string, pushed time.Time) *Call {
	call, err := receiver(t, s, nc, here, false, head("GET "+path)).prepared()
	if err != nil {
		t.Fatal(err)
	}
	call.pushed = pushed
	call.conn.done.begin()
	return call
}

// pairs unpacks a packed environ, as "KEY=value".
func pairs(packed []byte, count func([]byte) uint32) ([]string, error) {
	if len(packed) < countHeader {
		return nil, fmt.Errorf("%d bytes hold no count", len(packed))
	}
	var got []string
	for p := packed[countHeader:]; len(p) > 0; {
		name, value, rest, err := nextPair(p)
		if err != nil {
			return got, fmt.Errorf("after %d pairs: %w", len(got), err)
		}
		got = append(got, string(name)+"="+string(value))
		p = rest
	}
	if n := count(packed); int(n) != len(got) {
		return got, fmt.Errorf("the count is %d, the pairs are %d", n, len(got))
	}
	return got, nil
}

// crlf makes a wire form of a head that is written with plain line ends.
func crlf(text string) string { return strings.ReplaceAll(text, "\n", "\r\n") }
