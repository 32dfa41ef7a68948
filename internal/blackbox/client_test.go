package blackbox

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"testing"
	"time"
)

// conn is a raw connection to a server. Its reads never go beyond what was asked for.
type conn struct {
	net.Conn
	t *testing.T
	r *bufio.Reader
}

// dial connects to the server's first address.
func (s *server) dial(t *testing.T) *conn {
	t.Helper()
	applies(t, s.shape)
	return s.dialTo(t, "tcp", s.addr)
}

func (s *server) dialTo(t *testing.T, network, addr string) *conn {
	t.Helper()
	c, err := net.DialTimeout(network, addr, patience())
	if err != nil {
		t.Fatal(err)
	}
	_ = c.SetDeadline(time.Now().Add(within(60 * time.Second)))
	s.mu.Lock()
	s.conns = append(s.conns, c)
	s.mu.Unlock()
	k := newConn(c)
	k.t = t
	return k
}

// newConn is a connection for a goroutine, which can't end the test.
func newConn(c net.Conn) *conn { return &conn{Conn: c, r: bufio.NewReaderSize(c, 64<<10)} }

// send writes text as it is.
func (c *conn) send(text string) {
	c.t.Helper()
	if _, err := io.WriteString(c.Conn, text); err != nil {
		c.t.Fatalf("send %.80q: %v", text, err)
	}
}

// trySend is send to a server that may have hung up already.
func (c *conn) trySend(text string) { _, _ = io.WriteString(c.Conn, text) }

// head reads the next response's head, with its blank line.
func (c *conn) head() string {
	c.t.Helper()
	head, err := c.tryHead()
	if err != nil {
		c.t.Fatalf("no response: %v, after %q", err, head)
	}
	return head
}

func (c *conn) tryHead() (string, error) {
	var head strings.Builder
	for {
		line, err := c.r.ReadString('\n')
		head.WriteString(line)
		if err != nil || line == "\r\n" {
			return head.String(), err
		}
	}
}

// tryResponse is response for goroutines, which can't end the test.
func (c *conn) tryResponse(method string) (*response, error) {
	head, err := c.tryHead()
	if err != nil {
		return nil, err
	}
	r, err := parseHead(head, method)
	if err != nil {
		return nil, err
	}
	c.body(r)
	return r, r.Err
}

// response reads one response to a request with the given method.
func (c *conn) response(method string) *response {
	c.t.Helper()
	r := c.responseHead(method)
	c.body(r)
	return r
}

// body reads what follows a head. A broken body is noted in r.Err.
func (c *conn) body(r *response) {
	switch r.Framing {
	case "length":
		r.Body, r.Err = readFull(c.r, r.length)
	case "close":
		r.Body, r.Err = io.ReadAll(c.r)
	case "chunked":
		for r.Err == nil {
			var chunk []byte
			if chunk, r.Err = c.chunk(); len(chunk) == 0 {
				break
			}
			r.Body = append(r.Body, chunk...)
			r.Chunks++
		}
	}
}

// responseHead reads a response's head and leaves its body on the connection.
func (c *conn) responseHead(method string) *response {
	c.t.Helper()
	r, err := parseHead(c.head(), method)
	if err != nil {
		c.t.Fatal(err)
	}
	return r
}

// chunk reads one chunk of a chunked body, strictly. The last one is empty.
func (c *conn) chunk() ([]byte, error) {
	line, err := c.r.ReadString('\n')
	if err != nil {
		return nil, unexpected(err)
	}
	size, ok := strings.CutSuffix(line, "\r\n")
	n, err := strconv.ParseUint(size, 16, 31)
	if !ok || err != nil {
		return nil, fmt.Errorf("bad chunk size line %q", line)
	}
	chunk, err := readFull(c.r, int64(n))
	if err != nil {
		return chunk, err
	}
	end, err := readFull(c.r, 2)
	if err != nil || string(end) != "\r\n" {
		return chunk, fmt.Errorf("chunk ends in %q: %w", end, unexpected(err))
	}
	return chunk, nil
}

// nextChunk is chunk for a test that can't go on without it.
func (c *conn) nextChunk() string {
	c.t.Helper()
	b, err := c.chunk()
	if err != nil {
		c.t.Fatalf("next chunk: %v", err)
	}
	return string(b)
}

// rest reads until the server ends the connection, by FIN or RST.
func (c *conn) rest() string {
	c.t.Helper()
	b, err := io.ReadAll(c.r)
	if isTimeout(err) {
		c.t.Fatalf("the server keeps the connection open, after %.200q", b)
	}
	return string(b)
}

// ended asserts that the server ends the connection and sends nothing more.
func (c *conn) ended() {
	c.t.Helper()
	if rest := c.rest(); rest != "" {
		c.t.Fatalf("the server sent more: %.300q", rest)
	}
}

// silent asserts that nothing arrives for a moment. It can miss a fault, never invent one.
func (c *conn) silent() {
	c.t.Helper()
	_ = c.SetReadDeadline(time.Now().Add(50 * time.Millisecond))
	b, err := c.r.Peek(1)
	if !isTimeout(err) {
		c.t.Fatalf("expected silence, got %q, %v", b, err)
	}
	_ = c.SetReadDeadline(time.Now().Add(within(60 * time.Second)))
}

// reset closes with RST, as a crashed client's kernel does.
func (c *conn) reset() {
	if tcp, ok := c.Conn.(*net.TCPConn); ok {
		_ = tcp.SetLinger(0)
	}
	c.Close()
}

func isTimeout(err error) bool {
	var ne net.Error
	return errors.As(err, &ne) && ne.Timeout()
}

func readFull(r io.Reader, n int64) ([]byte, error) {
	b, err := io.ReadAll(io.LimitReader(r, n))
	if err == nil && int64(len(b)) < n {
		err = io.ErrUnexpectedEOF
	}
	return b, err
}

func unexpected(err error) error {
	if err == io.EOF {
		return io.ErrUnexpectedEOF
	}
	return err
}

// response is what came back, close to the wire.
type response struct {
	Proto  string
	Status int
	Reason string
	Head   string      // raw
	Fields [][2]string // in wire order
	Body   []byte
	Chunks int   // data chunks, when chunked
	Err    error // the body ended early or was malformed
	// Framing is how the body's end is told: none, length, chunked or close.
	Framing string

	length int64
}

// parseHead is strict: what a picky client would refuse is an error here.
func parseHead(head, method string) (*response, error) {
	lines := strings.Split(strings.TrimSuffix(head, "\r\n\r\n"), "\r\n")
	r := &response{Head: head}
	proto, rest, _ := strings.Cut(lines[0], " ")
	code, reason, _ := strings.Cut(rest, " ")
	var err error
	if r.Status, err = strconv.Atoi(code); err != nil || len(code) != 3 {
		return nil, fmt.Errorf("status line %q", lines[0])
	}
	r.Proto, r.Reason = proto, reason
	for _, line := range lines[1:] {
		name, value, ok := strings.Cut(line, ":")
		if !ok || name == "" || strings.ContainsAny(name, " \t\r\n") {
			return nil, fmt.Errorf("header line %q", line)
		}
		r.Fields = append(r.Fields, [2]string{name, strings.Trim(value, " \t")})
	}
	// A second opinion on the whole head.
	if _, err := http.ReadResponse(bufio.NewReader(strings.NewReader(head)), &http.Request{Method: "HEAD"}); err != nil {
		return nil, fmt.Errorf("net/http can't read %q: %w", head, err)
	}
	return r, r.frame(method)
}

// frame works out the body's framing (RFC 9112, 6.3).
func (r *response) frame(method string) error {
	te, cl := r.values("Transfer-Encoding"), r.values("Content-Length")
	if len(te) > 1 || len(cl) > 1 || (len(te) == 1 && len(cl) == 1) {
		return fmt.Errorf("ambiguous framing: %q", r.Head)
	}
	switch {
	case method == "HEAD" || r.Status < 200 || r.Status == 204 || r.Status == 304:
		r.Framing = "none"
	case len(te) == 1 && te[0] == "chunked":
		r.Framing = "chunked"
	case len(te) == 1:
		return fmt.Errorf("transfer-encoding %q", te[0])
	case len(cl) == 1:
		n, err := strconv.ParseInt(cl[0], 10, 64)
		if err != nil || n < 0 {
			return fmt.Errorf("content-length %q", cl[0])
		}
		r.Framing, r.length = "length", n
	default:
		r.Framing = "close"
	}
	return nil
}

func (r *response) values(name string) []string {
	var v []string
	for _, f := range r.Fields {
		if strings.EqualFold(f[0], name) {
			v = append(v, f[1])
		}
	}
	return v
}

func (r *response) get(name string) string {
	if v := r.values(name); len(v) > 0 {
		return v[0]
	}
	return ""
}

// want asserts the status, a complete body, and the body's text.
func (r *response) want(t *testing.T, status int, body string) {
	t.Helper()
	r.wantStatus(t, status)
	if string(r.Body) != body {
		t.Fatalf("body %.300q, want %.300q", r.Body, body)
	}
}

// wantCrash asserts the answer to a request whose app failed: plain, and without details.
func (r *response) wantCrash(t *testing.T) {
	t.Helper()
	r.wantStatus(t, 500)
	if strings.TrimSuffix(string(r.Body), "\n") != "Internal Server Error" {
		t.Fatalf("body %.300q, want a plain Internal Server Error", r.Body)
	}
}

func (r *response) wantStatus(t *testing.T, status int) {
	t.Helper()
	if r.Status != status {
		t.Fatalf("status %d %s, want %d; body %.300q", r.Status, r.Reason, status, r.Body)
	}
	if r.Err != nil {
		t.Fatalf("incomplete body: %v", r.Err)
	}
}

func (r *response) json(t *testing.T, v any) {
	t.Helper()
	r.wantStatus(t, 200)
	if err := unmarshal(r.Body, v); err != nil {
		t.Fatal(err)
	}
}

func unmarshal(doc []byte, v any) error {
	if err := json.Unmarshal(doc, v); err != nil {
		return fmt.Errorf("not JSON: %w: %.300q", err, doc)
	}
	return nil
}

// query builds a target: a path and its parameters, in pairs.
func query(path string, pairs ...string) string {
	v := url.Values{}
	for i := 0; i < len(pairs); i += 2 {
		v.Set(pairs[i], pairs[i+1])
	}
	return path + "?" + v.Encode()
}

// request renders a request. Further header lines come without CRLF; a body gets its length.
func request(method, target, body string, lines ...string) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s %s HTTP/1.1\r\nHost: test\r\n", method, target)
	for _, l := range lines {
		b.WriteString(l + "\r\n")
	}
	if body != "" {
		fmt.Fprintf(&b, "Content-Length: %d\r\n", len(body))
	}
	b.WriteString("\r\n" + body)
	return b.String()
}

// chunkedBody renders data in chunks of the given size.
func chunkedBody(data string, size int) string {
	var b strings.Builder
	for len(data) > 0 {
		n := min(size, len(data))
		fmt.Fprintf(&b, "%x\r\n%s\r\n", n, data[:n])
		data = data[n:]
	}
	return b.String() + "0\r\n\r\n"
}

// do sends one raw request on a connection of its own and reads the answer.
func (s *server) do(t *testing.T, raw string) *response {
	t.Helper()
	c := s.dial(t)
	defer c.Close()
	c.send(raw)
	method, _, _ := strings.Cut(raw, " ")
	return c.response(method)
}

func (s *server) get(t *testing.T, target string, lines ...string) *response {
	t.Helper()
	return s.do(t, request("GET", target, "", lines...))
}

func (s *server) post(t *testing.T, target, body string, lines ...string) *response {
	t.Helper()
	return s.do(t, request("POST", target, body, lines...))
}
