package pyhost

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"
)

// journal is the log, as far as tests look back.
type journal struct {
	mu    sync.Mutex
	total int // bytes written in all
	text  []byte
}

const journalKeep = 1 << 20

func (j *journal) Write(p []byte) (int, error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.total += len(p)
	if j.text = append(j.text, p...); len(j.text) > 2*journalKeep {
		j.text = append([]byte(nil), j.text[len(j.text)-journalKeep:]...)
	}
	return len(p), nil
}

// mark is a place for since.
func (j *journal) mark() int {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.total
}

// since is what was logged behind a mark.
func (j *journal) since(mark int) string {
	j.mu.Lock()
	defer j.mu.Unlock()
	return string(j.text[len(j.text)-min(j.total-mark, len(j.text)):])
}

// dial connects to one of the site's addresses.
func dial(t testing.TB, to net.Addr) net.Conn {
	t.Helper()
	c, err := net.DialTimeout(to.Network(), to.String(), patience)
	if err != nil {
		t.Fatal(err)
	}
	c.SetDeadline(time.Now().Add(patience))
	t.Cleanup(func() { c.Close() })
	return c
}

func send(t testing.TB, c net.Conn, text string) {
	t.Helper()
	if _, err := io.WriteString(c, text); err != nil {
		t.Fatal(err)
	}
}

// request is the text of a request on a connection that ends with its answer.
func request(method, target, body string) string {
	return fmt.Sprintf("%s %s HTTP/1.1\r\nHost: t\r\nConnection: close\r\nContent-Length: %d\r\n\r\n%s", method, target, len(body), body)
}

// answer is a response as it stood on the wire.
type answer struct {
	head string // with its blank line
	body string // with its framing
}

// exchange sends a request and reads the answer, to the connection's end.
func exchange(t testing.TB, to net.Addr, text string) answer {
	t.Helper()
	c := dial(t, to)
	defer c.Close()
	send(t, c, text)
	raw, err := io.ReadAll(c)
	if err != nil {
		t.Fatalf("after %.300q: %v", raw, err)
	}
	head, body, found := strings.Cut(string(raw), "\r\n\r\n")
	if !found {
		t.Fatalf("no response: %.300q", raw)
	}
	return answer{head + "\r\n\r\n", body}
}

// get is the body of the answer 200 to a request for target.
func get(t testing.TB, target string) string {
	t.Helper()
	return exchange(t, site.tcp, request("GET", target, "")).of200(t)
}

// of200 is the body, framing taken off, of an answer that must be 200.
func (a answer) of200(t testing.TB) string {
	t.Helper()
	r, err := http.ReadResponse(bufio.NewReader(strings.NewReader(a.head+a.body)), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Body.Close()
	body, err := io.ReadAll(r.Body)
	if err != nil || r.StatusCode != 200 {
		t.Fatalf("%q %.300q, %v; want 200", a.head, a.body, err)
	}
	return string(body)
}

// ownLine matches the lines that the server itself adds to a head.
var ownLine = regexp.MustCompile(
	`^(Server: gowsgi|Date: [A-Z][a-z]{2}, [0-9A-Za-z :]+ GMT|Content-Length: [0-9]+|Transfer-Encoding: chunked|Connection: close)$`)

// wantHead asserts that the head is these lines and then the server's own, to the byte.
func (a answer) wantHead(t testing.TB, lines ...string) {
	t.Helper()
	rest, ok := strings.CutPrefix(a.head, strings.Join(lines, "\r\n")+"\r\n")
	if !ok {
		t.Fatalf("head %q, want it to begin with %q", a.head, lines)
	}
	if rest, ok = strings.CutSuffix(rest, "\r\n\r\n"); !ok {
		t.Fatalf("the head does not end well: %q", a.head)
	}
	for _, line := range strings.Split(rest, "\r\n") {
		if !ownLine.MatchString(line) {
			t.Fatalf("head %q has line %q, which nobody gave", a.head, line)
		}
	}
	// A second opinion: what net/http can't read, some client can't either.
	r, err := http.ReadResponse(bufio.NewReader(strings.NewReader(a.head)), nil)
	if err != nil {
		t.Fatalf("net/http can't read %q: %v", a.head, err)
	}
	r.Body.Close()
}

// wantCrash asserts the answer that an app's exception gets: plain, nothing of the app's in it.
func (a answer) wantCrash(t testing.TB) {
	t.Helper()
	a.wantHead(t, "HTTP/1.1 500 Internal Server Error", "Content-Type: text/plain; charset=utf-8")
	if a.body != "Internal Server Error\n" {
		t.Fatalf("body %q of a crash", a.body)
	}
}

// response reads one answer from a connection that goes on, interim ones left out. Its framing
// is taken off.
func response(t testing.TB, c net.Conn) answer {
	t.Helper()
	r := bufio.NewReader(c)
	for {
		parsed, err := http.ReadResponse(r, nil)
		if err != nil {
			t.Fatal(err)
		}
		if parsed.StatusCode < 200 {
			continue
		}
		defer parsed.Body.Close()
		body, err := io.ReadAll(parsed.Body)
		if err != nil {
			t.Fatal(err)
		}
		return answer{fmt.Sprintf("HTTP/1.1 %s\r\nContent-Length: %d\r\n\r\n", parsed.Status, len(body)), string(body)}
	}
}

// wait waits for the connection's end, however long it takes.
func wait(t testing.TB, c net.Conn) {
	t.Helper()
	c.SetDeadline(time.Time{})
	if rest, err := io.ReadAll(c); err != nil || len(rest) > 0 {
		t.Fatalf("%q, %v; want the connection's end", rest, err)
	}
}
