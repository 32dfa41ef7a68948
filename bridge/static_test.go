package bridge

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/gowsgi/gowsgi/internal/static"
)

// staticServer is a server with files below /s, which lie in dir.
func staticServer(t testing.TB) (s *Server, dir string) {
	t.Helper()
	dir = t.TempDir()
	for name, content := range map[string]string{"a.txt": "0123456789", "empty.txt": "", "e é": "escaped"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	files, err := static.New(static.Config{Maps: []string{"/s=" + dir}, ExpiresURI: []string{"^/s/a 60"}})
	if err != nil {
		t.Fatal(err)
	}
	added, err := ParseAdded([]string{"X-Added: 1", "x-more:two words "})
	if err != nil {
		t.Fatal(err)
	}
	return &Server{Static: files, Added: added}, dir
}

// TestStatic: one connection for all, and no thread for any of those with a file.
func TestStatic(t *testing.T) {
	s, _ := staticServer(t)
	f := serve(t, s, echo)
	c := f.dial()
	tag := func() string {
		c.request("GET /s/a.txt")
		r := c.expect("GET", 200, "0123456789")
		if r.Header.Get("Content-Type") != "text/plain" && !strings.HasPrefix(r.Header.Get("Content-Type"), "text/plain;") {
			t.Errorf("type %q", r.Header.Get("Content-Type"))
		}
		if r.Header.Get("X-Added") != "1" || r.Header.Get("X-More") != "two words" || r.Header.Get("Date") == "" || r.Header.Get("Server") != "gowsgi" {
			t.Errorf("headers %v", r.Header)
		}
		return r.Header.Get("Etag")
	}()
	tests := []struct {
		line   string
		fields []string
		status int
		body   string
	}{
		{"GET /s/a.txt", nil, 200, "0123456789"},
		{"GET /s/%61.txt?x=y", nil, 200, "0123456789"},
		{"GET /s/e%20%C3%A9", nil, 200, "escaped"},
		{"GET /s/empty.txt", nil, 200, ""},
		{"HEAD /s/a.txt", nil, 200, ""},
		{"GET http://a.example/s/a.txt", nil, 200, "0123456789"},
		{"GET /s/a.txt", []string{"Range: bytes=2-4"}, 206, "234"},
		{"GET /s/a.txt", []string{"Range: bytes=-2"}, 206, "89"},
		{"GET /s/a.txt", []string{"Range: bytes=8-100"}, 206, "89"},
		{"GET /s/a.txt", []string{"Range: lines=1-2"}, 200, "0123456789"},
		{"GET /s/a.txt", []string{"Range: bytes=-0"}, 200, "0123456789"},
		{"GET /s/empty.txt", []string{"Range: bytes=-1"}, 200, ""},
		{"GET /s/a.txt", []string{"Range: bytes=" + strings.Repeat("1-1,", 64) + "1-1"}, 200, "0123456789"},
		{"GET /s/a.txt", []string{"Range: bytes=99-"}, 416, "invalid range: failed to overlap\n"},
		{"HEAD /s/a.txt", []string{"Range: bytes=99-"}, 200, ""},
		{"GET /s/a.txt", []string{"Range: bytes=2-4", "If-Range: " + tag}, 206, "234"},
		{"GET /s/a.txt", []string{"Range: bytes=2-4", `If-Range: "other"`}, 200, "0123456789"},
		{"GET /s/a.txt", []string{"If-None-Match: " + tag}, 304, ""},
		{"GET /s/a.txt", []string{`If-None-Match: "x"`, "If-None-Match: " + tag}, 304, ""},
		{"GET /s/a.txt", []string{`If-None-Match: "x"`}, 200, "0123456789"},
		{"GET /s/a.txt", []string{"If-Modified-Since: Sat, 28 Nov 2099 04:00:00 GMT"}, 304, ""},
		{"GET /s/a.txt", []string{`If-Match: "x"`}, 412, ""},
		{"HEAD /s/a.txt", []string{`If-Match: "x"`}, 412, ""},
	}
	for _, test := range tests {
		method, _, _ := strings.Cut(test.line, " ")
		c.request(test.line, test.fields...)
		if r := c.response(method); r.StatusCode != test.status || r.body != test.body || r.Close {
			t.Fatalf("%s %q: %d %q, close %v; want %d %q", test.line, test.fields, r.StatusCode, r.body, r.Close, test.status, test.body)
		}
	}
	c.request("GET /s/a.txt", "Range: bytes=1-2,5-5")
	if r := c.response("GET"); r.StatusCode != 206 || !strings.Contains(r.body, "\r\n\r\n12\r\n") || !strings.Contains(r.body, "bytes 5-5/10") {
		t.Errorf("two ranges: %d %q", r.StatusCode, r.body)
	}
	if n := f.workers[0].begun.Load(); n != 0 {
		t.Errorf("%d requests were run by a thread", n)
	}
	until(t, "all are logged", func() bool { return len(f.logged()) == len(tests)+2 })
	records := f.logged()
	for i, test := range tests {
		if r := records[i+1]; r.Status != test.status || r.Thread != 0 || r.BodyBytes != int64(len(test.body)) || r.HeaderBytes < 50 || r.RemoteAddr != "127.0.0.1" {
			t.Errorf("record of %s %q: %+v", test.line, test.fields, r)
		}
	}
}

// TestStaticMiss: what has no file is the app's, in its turn on the connection.
func TestStaticMiss(t *testing.T) {
	s, _ := staticServer(t)
	f := serve(t, s, echo)
	c := f.dial()
	c.send(head("GET /s/a.txt") + head("GET /s/none") + head("POST /s/a.txt", "Content-Length: 2") + "hi" + head("GET /s/a.txt") +
		head("GET /sa.txt") + head("GET /s/../s/a.txt") + head("GET /s/%2e%2e/s/a.txt") + head("GET /s/a.txt%00") + head("GET /s/a.txt", "Connection: close"))
	c.expect("GET", 200, "0123456789")
	c.expect("GET", 200, "GET /s/none ")
	c.expect("POST", 200, "POST /s/a.txt hi")
	c.expect("GET", 200, "0123456789")
	c.expect("GET", 200, "GET /sa.txt ")
	for range 3 {
		if r := c.response("GET"); r.StatusCode != 200 || r.body == "0123456789" || r.Header.Get("X-Added") != "1" {
			t.Errorf("%d %q", r.StatusCode, r.body)
		}
	}
	if r := c.expect("GET", 200, "0123456789"); !r.Close {
		t.Error("the connection was to be closed")
	}
	c.ended()
}

// TestStaticCloses: when the connection ends after a file.
func TestStaticCloses(t *testing.T) {
	s, _ := staticServer(t)
	f := serve(t, s, echo)
	for _, raw := range []string{
		"GET /s/a.txt HTTP/1.0\r\n\r\n",
		head("GET /s/a.txt", "Connection: close"),
		head("GET /s/a.txt", "Content-Length: 3") + "abc",
		head("GET /s/a.txt", "Transfer-Encoding: chunked") + "3\r\nabc\r\n0\r\n\r\n",
	} {
		c := f.dial()
		c.send(raw)
		if r := c.expect("GET", 200, "0123456789"); !r.Close {
			t.Errorf("%q: the connection goes on", raw)
		}
		c.ended()
	}
	c := f.dial()
	c.send("GET /s/a.txt HTTP/1.0\r\nConnection: keep-alive\r\n\r\n")
	if r := c.expect("GET", 200, "0123456789"); r.Header.Get("Connection") != "keep-alive" {
		t.Errorf("HTTP/1.0: %v", r.Header)
	}
	c.send("GET /s/a.txt HTTP/1.0\r\n\r\n")
	c.expect("GET", 200, "0123456789")
	c.ended()
}

// large is more than the kernel takes for a client that reads nothing.
const large = 32 << 20

// halfway makes a large file, and reads the head of its answer: the rest has not been sent yet.
func halfway(t *testing.T) (*front, string, *client, *http.Response) {
	t.Helper()
	s, dir := staticServer(t)
	name := filepath.Join(dir, "big")
	if err := os.WriteFile(name, make([]byte, large), 0o600); err != nil {
		t.Fatal(err)
	}
	f := serve(t, s, echo)
	c := f.dial()
	c.request("GET /s/big")
	c.r = bufio.NewReaderSize(c.Conn, 1<<10)
	r, err := http.ReadResponse(c.r, nil)
	if err != nil || r.ContentLength != large {
		t.Fatalf("%v, %+v", err, r)
	}
	return f, name, c, r
}

func TestStaticFileShrinks(t *testing.T) {
	f, name, _, r := halfway(t)
	if err := os.Truncate(name, 1<<10); err != nil {
		t.Fatal(err)
	}
	n, err := io.Copy(io.Discard, r.Body)
	if !errors.Is(err, io.ErrUnexpectedEOF) || n >= large {
		t.Errorf("%d bytes, %v; want the connection's end", n, err)
	}
	until(t, "the log tells", func() bool { return strings.Contains(f.log.String(), "a file became shorter") })
}

func TestStaticFileGrows(t *testing.T) {
	_, name, c, r := halfway(t)
	file, err := os.OpenFile(name, os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	if _, err := file.WriteString(strings.Repeat("more", 10_000)); err != nil {
		t.Fatal(err)
	}
	if n, err := io.Copy(io.Discard, r.Body); n != large || err != nil {
		t.Errorf("%d bytes, %v", n, err)
	}
	c.request("GET /s/a.txt") // right behind it
	c.expect("GET", 200, "0123456789")
}

// TestStaticSlowReader: who does not read holds no thread, and a drain waits for it.
func TestStaticSlowReader(t *testing.T) {
	f, _, _, r := halfway(t)
	for i := range 3 {
		if a := f.get(fmt.Sprintf("/%d", i)); a.body != fmt.Sprintf("GET /%d ", i) {
			t.Errorf("%d %q", a.StatusCode, a.body)
		}
	}
	down := make(chan struct{})
	go func() {
		defer close(down)
		f.shutdown()
	}()
	if n, err := io.Copy(io.Discard, r.Body); n != large || err != nil {
		t.Errorf("%d bytes, %v", n, err)
	}
	receive(t, "the drain", down)
}

func TestStaticOfPackets(t *testing.T) {
	s, _ := staticServer(t)
	f := serveUWSGI(t, s, echo)
	for _, test := range []struct {
		packet string
		status int
		body   string
	}{
		{get("/s/a.txt"), 200, "0123456789"},
		{get("/s/a.txt", "HTTP_RANGE=bytes=1-3"), 206, "123"},
		{get("/s/a.txt", "HTTP_IF_MODIFIED_SINCE=Sat, 28 Nov 2099 04:00:00 GMT"), 304, ""},
		{get("/s/%61.txt"), 200, "GET /s/%61.txt "}, // it is decoded already
		{get("/s/none"), 200, "GET /s/none "},
	} {
		c := f.dial()
		c.send(test.packet)
		c.expect("GET", test.status, test.body)
		c.ended()
	}
	until(t, "the first is logged", func() bool { return len(f.logged()) > 0 })
	first := f.logged()[0]
	if first.RemoteAddr != "192.0.2.7" || first.URI != "/s/a.txt" || first.Status != 200 {
		t.Errorf("record %+v", first)
	}
}

func TestParseAdded(t *testing.T) {
	a, err := ParseAdded([]string{"X-A: b: c", "Date: never", "sErver:x", "X-Empty:"})
	if err != nil {
		t.Fatal(err)
	}
	if got, want := string(a.appendOwn(nil, false, false)), "X-A: b: c\r\nDate: never\r\nsErver: x\r\nX-Empty: \r\n"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
	for text, want := range map[string]string{
		"":                     "want a name and a value",
		"X-A":                  "want a name and a value",
		": x":                  "want a name and a value",
		"X A: x":               "want a name and a value",
		"X-\xc3\xa4: x":        "want a name and a value",
		"X-A : x":              "want a name and a value",
		"X-A: a\r\nX-B: c":     "no control characters",
		"X-A: a\x00":           "no control characters",
		"Content-Length: 0":    "Content-Length is the server's to send",
		"connection: close":    "connection is the server's to send",
		"Transfer-Encoding: x": "Transfer-Encoding is the server's to send",
	} {
		if _, err := ParseAdded([]string{text}); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: error %v, want %q in it", text, err, want)
		}
	}
}

// TestAddedToResponses: to the app's, and to the answer for one that failed; not to refusals.
func TestAddedToResponses(t *testing.T) {
	added, err := ParseAdded([]string{"Server: own", "X-A: added"})
	if err != nil {
		t.Fatal(err)
	}
	f := serve(t, &Server{Added: added}, answers(func(Request) Reply {
		return start("200 OK", "X-A: app").whole("hi")
	}))
	c := f.dial()
	c.request("GET /")
	r := c.expect("GET", 200, "hi")
	if got := r.Header.Values("X-A"); !slices.Equal(got, []string{"app", "added"}) {
		t.Errorf("X-A %q", got)
	}
	if got := r.Header.Values("Server"); !slices.Equal(got, []string{"own"}) {
		t.Errorf("Server %q", got)
	}
	until(t, "it is logged", func() bool { return len(f.logged()) > 0 })
	if n := f.logged()[0].Headers; n != 3 {
		t.Errorf("%d headers in the log", n)
	}
	c.send("NONSENSE\r\n\r\n")
	if r := c.refused("GET", 400); r.Header.Get("X-A") != "" {
		t.Errorf("a refusal has %v", r.Header)
	}
}
