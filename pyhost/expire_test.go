package pyhost

import (
	"bufio"
	"encoding/json"
	"io"
	"strings"
	"testing"
)

// expired is what each use of a request's objects must come to after its end.
func expired(name string) string {
	const after = " after its request had ended"
	switch {
	case strings.HasPrefix(name, "write"):
		return "RuntimeError: write() was called" + after
	case strings.HasPrefix(name, "start_response"):
		return "RuntimeError: start_response() was called" + after
	case strings.HasPrefix(name, "errors"):
		return "RuntimeError: wsgi.errors was used" + after + "; log to sys.stderr or by logging there"
	}
	return "RuntimeError: wsgi.input was used" + after
}

// What an app keeps from a request has expired with it, whether the body was read, in part or
// at all, or never came; and none of it reaches into the request that uses it.
func TestExpired(t *testing.T) {
	long := strings.Repeat("0123456789\n", 20_000)
	for _, r := range []string{
		request("GET", "/keep", ""),
		request("POST", "/keep", "short"),
		request("POST", "/keep?read=2", "short"),
		request("POST", "/keep?read=2", long),
		request("POST", "/keep?read=1000000", long),
		"POST /keep HTTP/1.1\r\nHost: t\r\nConnection: close\r\nContent-Length: 100000\r\n\r\nno more",
		"POST /keep?read=5 HTTP/1.1\r\nHost: t\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n8\r\nno more\n\r\n",
	} {
		if body := exchange(t, site.tcp, r).of200(t); body != "kept" {
			t.Fatalf("%.100q: %q", r, body)
		}
	}
	a := exchange(t, site.tcp, request("POST", "/use", "of another request"))
	a.wantHead(t, "HTTP/1.1 200 OK", "Content-Type: text/plain")
	var outcomes [][2]string
	if err := json.Unmarshal([]byte(a.body), &outcomes); err != nil {
		t.Fatal(err)
	}
	if len(outcomes) != 7*13 {
		t.Errorf("%d uses", len(outcomes))
	}
	for _, o := range outcomes {
		if want := expired(o[0]); o[1] != want {
			t.Errorf("%s: %s\nwant %s", o[0], o[1], want)
		}
	}
}

// A thread of the app that waits for the body does not keep the request from ending, and the
// end ends the wait. The answer goes out all the same.
func TestReaderLeftBehind(t *testing.T) {
	for _, call := range []string{"read", "readline", "readlines", "__next__"} {
		for _, blocked := range []string{"&blocked=1", ""} {
			// Of a body that comes in pieces, the reader waits for the second: the request may
			// end between the two, without any wait to interrupt.
			for _, sent := range []string{"", "no more", strings.Repeat("x", 70_000)} {
				for range 5 {
					leaveReader(t, "/leave-reader?call="+call+blocked, sent)
				}
			}
		}
	}
}

func leaveReader(t *testing.T, target, sent string) {
	t.Helper()
	c := dial(t, site.tcp)
	defer c.Close()
	send(t, c, "POST "+target+" HTTP/1.1\r\nHost: t\r\nContent-Length: 100000\r\n\r\n"+sent)
	if body := response(t, c).of200(t); body != "answered" {
		t.Fatalf("%s: body %q", target, body)
	}
	if o, want := get(t, "/outcome?of=reader"), expired("read"); o != want {
		t.Fatalf("%s, %d bytes sent: the reader: %s\nwant %s", target, len(sent), o, want)
	}
}

// The same for one that waits in write() for the client to read.
func TestWriterLeftBehind(t *testing.T) {
	c := dial(t, site.tcp)
	send(t, c, "GET /leave-writer HTTP/1.1\r\nHost: t\r\n\r\n")
	r := bufio.NewReader(c)
	if _, err := r.Peek(1); err != nil { // the writer has come so far
		t.Fatal(err)
	}
	if o := get(t, "/outcome?of=writer"); !strings.Contains(o, "Error: ") {
		t.Errorf("the writer: %s", o)
	}
	raw, err := io.ReadAll(r)
	if !strings.HasPrefix(string(raw), "HTTP/1.1 200 OK\r\n") || len(raw) >= 64<<20 || strings.HasSuffix(string(raw), "\r\n0\r\n\r\n") {
		t.Errorf("%d bytes, %.100q, %v; want a response that ends early, and shows it", len(raw), raw, err)
	}
}

// Threads that log to wsgi.errors while the request ends: each line is the request's, or
// raises. The race detector looks on.
func TestLoggersLeftBehind(t *testing.T) {
	for range 50 {
		mark := site.journal.mark()
		if body := get(t, "/leave-logger"); body != "answered" {
			t.Fatalf("body %q", body)
		}
		for _, of := range []string{"1", "2"} {
			if o, want := get(t, "/outcome?of=logger%20"+of), expired("errors"); o != want {
				t.Fatalf("logger %s: %s\nwant %s", of, o, want)
			}
		}
		for line := range strings.Lines(site.journal.since(mark)) {
			if !strings.Contains(line, `msg=wsgi.errors request="GET /leave-logger"`) {
				t.Fatalf("logged: %s", line)
			}
		}
	}
}

// The head is first on the wire, whichever of the app's threads gives it: where a client looks
// for a response, bytes of a body would be one.
func TestNoBodyBeforeHead(t *testing.T) {
	for range 20 {
		c := dial(t, site.tcp)
		send(t, c, "POST /overtake HTTP/1.1\r\nHost: t\r\nContent-Length: 100000\r\n\r\n")
		raw, err := io.ReadAll(c)
		if len(raw) > 0 && !strings.HasPrefix(string(raw), "HTTP/1.1 200 OK\r\n") {
			t.Fatalf("on the wire: %.300q, %v", raw, err)
		}
		for _, of := range []string{"reader", "writer"} {
			if o := get(t, "/outcome?of="+of); strings.Contains(o, "hangs") {
				t.Fatalf("the %s: %s", of, o)
			}
		}
	}
}
