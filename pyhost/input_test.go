package pyhost

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net"
	"net/url"
	"reflect"
	"strconv"
	"strings"
	"testing"
)

// stream is wsgi.input as PEP 3333 and the file protocol describe it ("Input and Error
// Streams"), over a body that is there as a whole.
type stream struct{ rest []byte }

func (s *stream) take(n int) []byte {
	b := s.rest[:n]
	s.rest = s.rest[n:]
	return b
}

// read: no size, None and negative ones read all.
func (s *stream) read(size int) []byte {
	if size < 0 || size > len(s.rest) {
		size = len(s.rest)
	}
	return s.take(size)
}

// readline: the newline belongs to the line; the size cuts it.
func (s *stream) readline(size int) []byte {
	n := bytes.IndexByte(s.rest, '\n') + 1
	if n == 0 {
		n = len(s.rest)
	}
	if size >= 0 {
		n = min(n, size)
	}
	return s.take(n)
}

// readlines stops behind the line that reaches the hint; 0 is no hint.
func (s *stream) readlines(hint int) []string {
	lines := []string{}
	for total := 0; len(s.rest) > 0 && (hint <= 0 || total < hint); {
		line := s.readline(-1)
		total += len(line)
		lines = append(lines, string(line))
	}
	return lines
}

// call is one call in the words of testdata/app.py, r5 for read(5): what it must give, nil
// for the end of an iteration.
func (s *stream) call(text string) []string {
	size := -1
	if n, err := strconv.Atoi(text[1:]); err == nil {
		size = n
	}
	switch text[0] {
	case 'r':
		return []string{string(s.read(size))}
	case 'l':
		return []string{string(s.readline(size))}
	case 'h':
		return s.readlines(size)
	}
	if line := s.readline(-1); len(line) > 0 {
		return []string{string(line)}
	}
	return nil
}

// input is one case: a body, the way it is sent, and the calls of the app.
type input struct {
	body  string
	calls []string
	// chunk is the size of the chunks, 0 for a body with a length. piece is how many bytes
	// the client gives to the kernel at once, 0 for all.
	chunk, piece int
	expect       bool
}

// head and rest of the request.
func (in *input) request() (head, body string) {
	var b strings.Builder
	fmt.Fprintf(&b, "POST /read-by?calls=%s HTTP/1.1\r\nHost: t\r\nConnection: close\r\n", url.QueryEscape(strings.Join(in.calls, ".")))
	if in.expect {
		b.WriteString("Expect: 100-continue\r\n")
	}
	if in.chunk == 0 {
		fmt.Fprintf(&b, "Content-Length: %d\r\n\r\n", len(in.body))
		return b.String(), in.body
	}
	b.WriteString("Transfer-Encoding: chunked\r\n\r\n")
	var chunks strings.Builder
	for rest := in.body; len(rest) > 0; {
		n := min(in.chunk, len(rest))
		fmt.Fprintf(&chunks, "%x\r\n%s\r\n", n, rest[:n])
		rest = rest[n:]
	}
	return b.String(), chunks.String() + "0\r\n\r\n"
}

// run sends the request and compares what every call gave with the model.
func (in *input) run(t *testing.T) {
	t.Helper()
	c := dial(t, site.unix)
	defer c.Close()
	head, body := in.request()
	sent := make(chan struct{})
	go func() {
		defer close(sent)
		sendPieces(c, head, len(head)) // the interim answer needs no waiting for
		piece := len(body)
		if in.piece > 0 {
			piece = in.piece
		}
		sendPieces(c, body, piece)
	}()
	text := response(t, c).of200(t)
	<-sent
	var got [][]string
	if err := json.Unmarshal([]byte(text), &got); err != nil || len(got) != len(in.calls) {
		t.Fatalf("%v: %.200q is no answer to %d calls", err, text, len(in.calls))
	}
	model := stream{[]byte(in.body)}
	for i, call := range in.calls {
		for j, line := range got[i] {
			got[i][j], _ = latin1(line)
		}
		if want := model.call(call); !reflect.DeepEqual(got[i], want) {
			t.Fatalf("%d bytes, %+v: call %d, %s:\n got %.200q\nwant %.200q", len(in.body), in.shape(), i, call, got[i], want)
		}
	}
}

// shape is the case without its body, for messages.
func (in *input) shape() input {
	shape := *in
	shape.body = ""
	return shape
}

func TestInput(t *testing.T) {
	const lines = "one\ntwo\n\nfour without end"
	for _, calls := range []string{
		"r", "r.r", "r-1.r0", "rNone", "r0.r1.r2.r1000.r1", "l.l.l.l.l", "l-1", "lNone", "l0.l2.l2.l1000", "l4", "l3.l1.l1",
		"h", "h0", "hNone", "h-5", "h1.h1.h5.h", "h4.h", "n.n.n.n.n", "n.r2.l.h1.n", "r5.l.n", "l2.r.n.l.h",
	} {
		for _, in := range []input{{}, {piece: 1}, {chunk: 1}, {chunk: 5, piece: 3}, {expect: true}, {chunk: 1000, expect: true}} {
			in.body, in.calls = lines, strings.Split(calls, ".")
			in.run(t)
		}
	}
	for _, in := range []input{{}, {chunk: 1}} { // nothing to read
		in.calls = []string{"r", "r5", "l", "h", "n", "r0"}
		in.run(t)
	}
}

// Sizes around the buffers in between: 64 KiB in the seam and in the bridge, and the limit of
// bodies that are read before the app starts.
func TestInputAgainstModel(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	r := rand.New(rand.NewPCG(seed, 0))
	for range 150 {
		in := input{body: randomBody(r), expect: r.IntN(4) == 0}
		if r.IntN(2) == 0 {
			in.chunk = 1 + r.IntN(1+r.IntN(100_000))
		}
		if r.IntN(2) == 0 {
			in.piece = 1000 + r.IntN(100_000)
		}
		for range 1 + r.IntN(30) {
			in.calls = append(in.calls, randomCall(r))
		}
		in.calls = append(in.calls, "r")
		in.run(t)
	}
}

// One thread of the app may read while another writes, for a client that does both as well.
func TestReadWhileWriting(t *testing.T) {
	for _, chunk := range []int{0, 1000} {
		for range 10 {
			in := input{body: strings.Repeat("0123456789", 10_000), chunk: chunk}
			_, body := in.request()
			head := fmt.Sprintf("POST /duplex HTTP/1.1\r\nHost: t\r\nConnection: close\r\nContent-Length: %d\r\n\r\n", len(body))
			if chunk > 0 {
				head = "POST /duplex HTTP/1.1\r\nHost: t\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n"
			}
			c := dial(t, site.tcp)
			sent := make(chan struct{})
			go func() {
				defer close(sent)
				sendPieces(c, head+body, 1500)
			}()
			text := response(t, c).of200(t)
			<-sent
			if want := strings.Repeat("tick\n", 100) + strconv.Itoa(len(in.body)); text != want {
				t.Fatalf("%q, want %q", text, want)
			}
			c.Close()
		}
	}
}

// sendPieces gives the kernel so many bytes at once. A write that fails shows in the answer.
func sendPieces(c net.Conn, text string, piece int) {
	for ; len(text) > piece; text = text[piece:] {
		_, _ = c.Write([]byte(text[:piece]))
	}
	_, _ = c.Write([]byte(text))
}

func randomBody(r *rand.Rand) string {
	size := []int{r.IntN(100), 64<<10 - 2 + r.IntN(5), 128<<10 - 2 + r.IntN(5), r.IntN(300_000)}[r.IntN(4)]
	every := []int{5, 1000, 70_000, 1 << 30}[r.IntN(4)] // between two newlines
	b := make([]byte, size)
	for i := range b {
		b[i] = byte(' ' + r.IntN(224))
		if r.IntN(every) == 0 {
			b[i] = '\n'
		}
	}
	return string(b)
}

func randomCall(r *rand.Rand) string {
	size := strconv.Itoa([]int{r.IntN(10), r.IntN(2000), 64<<10 - 2 + r.IntN(5), r.IntN(200_000)}[r.IntN(4)])
	switch r.IntN(20) {
	case 0, 1:
		return "n"
	case 2, 3:
		return "l"
	case 4, 5, 6, 7, 8:
		return "l" + size
	case 9, 10, 11:
		return "h" + size
	}
	return "r" + size
}
