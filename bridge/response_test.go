package bridge

import (
	"bytes"
	"errors"
	"io"
	"net/http"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"
)

// fate is what becomes of the connection after a response.
type fate int

const (
	keeps fate = iota
	closes
	resets // nothing else shows that the body broke off
)

const own = "Server: gowsgi\nDate: now\n"

var big = strings.Repeat("0123456789abcdef", 4<<10) // 64 KiB: not copied behind the head

var responses = []struct {
	name    string
	request string // its line, then fields, separated by |
	app     app
	want    string // with plain line ends in the head; Date's value is "now"
	fate    fate
	aborted bool
	log     string
}{
	// The frame: HTTP/1.1.
	{
		name: "known length", request: "GET /", app: script(EventDone, start("200 OK", "X: y").whole("hello")),
		want: "HTTP/1.1 200 OK\nX: y\n" + own + "Content-Length: 5\n\nhello",
	},
	{
		name: "empty", request: "GET /", app: script(EventDone, start("200 OK").whole("")),
		want: "HTTP/1.1 200 OK\n" + own + "Content-Length: 0\n\n",
	},
	{
		name: "the app's length", request: "GET /", app: script(EventDone, start("200 OK", "content-length: 5", "X: y").whole("hello")),
		want: "HTTP/1.1 200 OK\ncontent-length: 5\nX: y\n" + own + "\nhello",
	},
	{
		name: "large", request: "GET /", app: script(EventDone, start("200 OK").whole(big)),
		want: "HTTP/1.1 200 OK\n" + own + "Content-Length: 65536\n\n" + big,
	},
	{
		name: "chunks", request: "GET /", app: script(EventChunk, start("200 OK").with("hello"), EventChunk, chunk("0123456789abcdef")),
		want: "HTTP/1.1 200 OK\n" + own + "Transfer-Encoding: chunked\n\n5\r\nhello\r\n10\r\n0123456789abcdef\r\n0\r\n\r\n",
	},
	{
		name: "large chunks", request: "GET /", app: script(EventChunk, start("200 OK").with(big), EventChunk, chunk(big)),
		want: "HTTP/1.1 200 OK\n" + own + "Transfer-Encoding: chunked\n\n10000\r\n" + big + "\r\n10000\r\n" + big + "\r\n0\r\n\r\n",
	},
	{
		name: "an empty chunk is not the end", request: "GET /", app: script(EventChunk, start("200 OK"), EventChunk, chunk("a"), EventChunk, chunk(""), EventChunk, chunk("b")),
		want: "HTTP/1.1 200 OK\n" + own + "Transfer-Encoding: chunked\n\n1\r\na\r\n1\r\nb\r\n0\r\n\r\n",
	},
	{
		name: "a last chunk with the end", request: "GET /", app: script(EventChunk, start("200 OK").with("a"), EventDone, chunk("b")),
		want: "HTTP/1.1 200 OK\n" + own + "Transfer-Encoding: chunked\n\n1\r\na\r\n1\r\nb\r\n0\r\n\r\n",
	},
	{
		name: "chunks of the app's length", request: "GET /", app: script(EventChunk, start("200 OK", "Content-Length: 5").with("he"), EventChunk, chunk("llo")),
		want: "HTTP/1.1 200 OK\nContent-Length: 5\n" + own + "\nhello",
	},
	{
		name: "Connection: close", request: "GET /|Connection: close", app: script(EventDone, start("200 OK").whole("a")),
		want: "HTTP/1.1 200 OK\n" + own + "Content-Length: 1\nConnection: close\n\na", fate: closes,
	},
	{
		name: "Connection: close, chunks", request: "GET /|Connection: close", app: script(EventChunk, start("200 OK").with("a")),
		want: "HTTP/1.1 200 OK\n" + own + "Transfer-Encoding: chunked\nConnection: close\n\n1\r\na\r\n0\r\n\r\n", fate: closes,
	},

	// HTTP/1.0.
	{
		name: "1.0", request: "GET / HTTP/1.0", app: script(EventDone, start("200 OK").whole("a")),
		want: "HTTP/1.1 200 OK\n" + own + "Content-Length: 1\nConnection: close\n\na", fate: closes,
	},
	{
		name: "1.0 keep-alive", request: "GET / HTTP/1.0|Connection: keep-alive", app: script(EventDone, start("200 OK").whole("a")),
		want: "HTTP/1.1 200 OK\n" + own + "Content-Length: 1\nConnection: keep-alive\n\na",
	},
	{
		name: "1.0 chunks", request: "GET / HTTP/1.0", app: script(EventChunk, start("200 OK").with("a"), EventChunk, chunk("b")),
		want: "HTTP/1.1 200 OK\n" + own + "Connection: close\n\nab", fate: closes,
	},
	{
		name: "1.0 keep-alive, chunks", request: "GET / HTTP/1.0|Connection: keep-alive", app: script(EventChunk, start("200 OK").with("a"), EventChunk, chunk("b")),
		want: "HTTP/1.1 200 OK\n" + own + "Connection: close\n\nab", fate: closes,
	},
	{
		name: "1.0 keep-alive, chunks of the app's length", request: "GET / HTTP/1.0|Connection: keep-alive", app: script(EventChunk, start("200 OK", "Content-Length: 2").with("a"), EventChunk, chunk("b")),
		want: "HTTP/1.1 200 OK\nContent-Length: 2\n" + own + "Connection: keep-alive\n\nab",
	},

	// Responses without a body.
	{
		name: "HEAD", request: "HEAD /", app: script(EventDone, start("200 OK").whole("hello")),
		want: "HTTP/1.1 200 OK\n" + own + "Content-Length: 5\n\n",
	},
	{
		name: "HEAD, the app's length", request: "HEAD /", app: script(EventDone, start("200 OK", "Content-Length: 9").whole("")),
		want: "HTTP/1.1 200 OK\nContent-Length: 9\n" + own + "\n",
	},
	{
		name: "HEAD, chunks", request: "HEAD /", app: script(EventChunk, start("200 OK").with("a"), EventChunk, chunk("b")),
		want: "HTTP/1.1 200 OK\n" + own + "\n", aborted: true,
	},
	{
		name: "HEAD 1.0, chunks", request: "HEAD / HTTP/1.0|Connection: keep-alive", app: script(EventChunk, start("200 OK").with("a")),
		want: "HTTP/1.1 200 OK\n" + own + "Connection: keep-alive\n\n", aborted: true,
	},
	{
		name: "204", request: "GET /", app: script(EventDone, start("204 No Content", "X: y").whole("")),
		want: "HTTP/1.1 204 No Content\nX: y\n" + own + "\n",
	},
	{
		name: "204 with a length", request: "GET /", app: script(EventDone, start("204 No Content", "Content-Length: 0").whole("")),
		want: "HTTP/1.1 204 No Content\n" + own + "\n",
	},
	{
		name: "204 with a body", request: "GET /", app: script(EventDone, start("204 No Content", "Content-Length: 5").whole("hello")),
		want: "HTTP/1.1 204 No Content\n" + own + "\n",
	},
	{
		name: "204 with chunks", request: "GET /", app: script(EventChunk, start("204 No Content").with("a"), EventChunk, chunk("b")),
		want: "HTTP/1.1 204 No Content\n" + own + "\n", aborted: true,
	},
	{
		name: "304", request: "GET /", app: script(EventDone, start("304 Not Modified", `ETag: "1"`).whole("")),
		want: "HTTP/1.1 304 Not Modified\nETag: \"1\"\n" + own + "\n",
	},
	{
		name: "304 with the length of a 200", request: "GET /", app: script(EventDone, start("304 Not Modified", "Content-Length: 5").whole("")),
		want: "HTTP/1.1 304 Not Modified\nContent-Length: 5\n" + own + "\n",
	},
	{
		name: "304 with a body", request: "GET / HTTP/1.0|Connection: keep-alive", app: script(EventChunk, start("304 Not Modified").with("a")),
		want: "HTTP/1.1 304 Not Modified\n" + own + "Connection: keep-alive\n\n", aborted: true,
	},

	// Bodies that don't fit their Content-Length.
	{
		name: "overlong", request: "GET /", app: script(EventDone, start("200 OK", "Content-Length: 5").whole("hello world")),
		want: "HTTP/1.1 200 OK\nContent-Length: 5\n" + own + "\nhello", log: "more bytes than its Content-Length",
	},
	{
		name: "overlong chunks", request: "GET /", app: script(EventChunk, start("200 OK", "Content-Length: 5").with("hel"), EventChunk, chunk("lo wor"), EventChunk, chunk("ld")),
		want: "HTTP/1.1 200 OK\nContent-Length: 5\n" + own + "\nhello", log: "more bytes than its Content-Length", aborted: true,
	},
	{
		name: "overlong by a chunk", request: "GET /", app: script(EventChunk, start("200 OK", "Content-Length: 3").with("abc"), EventChunk, chunk("d"), EventChunk, chunk("e")),
		want: "HTTP/1.1 200 OK\nContent-Length: 3\n" + own + "\nabc", log: "more bytes than its Content-Length", aborted: true,
	},
	{
		name: "short", request: "GET /", app: script(EventDone, start("200 OK", "Content-Length: 9").whole("hello")),
		want: "HTTP/1.1 200 OK\nContent-Length: 9\n" + own + "\nhello", fate: closes, log: "fewer bytes than its Content-Length",
	},
	{
		name: "short chunks", request: "GET /", app: script(EventChunk, start("200 OK", "Content-Length: 9").with("hello")),
		want: "HTTP/1.1 200 OK\nContent-Length: 9\n" + own + "\nhello", fate: closes, log: "missing=4",
	},

	// The head.
	{
		name: "the app's Server and Date", request: "GET /", app: script(EventDone, start("200 OK", "date: then", "SERVER: mine").whole("")),
		want: "HTTP/1.1 200 OK\ndate: then\nSERVER: mine\nContent-Length: 0\n\n",
	},
	{
		name: "repeated, in order", request: "GET /", app: script(EventDone, start("200 OK", "Set-Cookie: a=1", "X: y", "Set-Cookie: b=2").whole("")),
		want: "HTTP/1.1 200 OK\nSet-Cookie: a=1\nX: y\nSet-Cookie: b=2\n" + own + "Content-Length: 0\n\n",
	},
	{
		name: "latin-1", request: "GET /", app: script(EventDone, start("200 caf\xe9", "X: \xff", "Y: ").whole("")),
		want: "HTTP/1.1 200 caf\xe9\nX: \xff\nY: \n" + own + "Content-Length: 0\n\n",
	},
	{
		name: "status without a reason", request: "GET /", app: script(EventDone, start("799 ").whole("")),
		want: "HTTP/1.1 799 \n" + own + "Content-Length: 0\n\n",
	},

	// Exceptions.
	{
		name: "exception", request: "GET /x", app: script(EventError, failure("Traceback: boom")),
		want: "HTTP/1.1 500 Internal Server Error\nContent-Type: text/plain; charset=utf-8\n" + own + "Content-Length: 22\n\nInternal Server Error\n", log: `request="GET /x" remote=127.0.0.1 traceback="Traceback: boom"`,
	},
	{
		name: "exception, HEAD", request: "HEAD /", app: script(EventError, failure("boom")),
		want: "HTTP/1.1 500 Internal Server Error\nContent-Type: text/plain; charset=utf-8\n" + own + "Content-Length: 22\n\n", log: "boom",
	},
	{
		name: "exception after the head", request: "GET /", app: script(EventChunk, start("200 OK", "Content-Length: 5").with("he"), EventError, failure("boom")),
		want: "HTTP/1.1 200 OK\nContent-Length: 5\n" + own + "\nhe", fate: closes, log: "boom",
	},
	{
		name: "exception between chunks", request: "GET /", app: script(EventChunk, start("200 OK").with("a"), EventError, failure("boom")),
		want: "HTTP/1.1 200 OK\n" + own + "Transfer-Encoding: chunked\n\n1\r\na\r\n", fate: closes, log: "boom",
	},
	{
		name: "exception in a body that only the end delimits", request: "GET / HTTP/1.0", app: script(EventChunk, start("200 OK").with("a"), EventError, failure("boom")),
		fate: resets, log: "boom",
	},
	{
		name: "exception with a page", request: "GET /x", app: script(EventError, page("the page", "X: y")),
		want: "HTTP/1.1 500 Internal Server Error\nX: y\n" + own + "Content-Length: 8\n\nthe page", log: `request="GET /x" remote=127.0.0.1 traceback=boom`,
	},
	{
		name: "exception with a page, HEAD", request: "HEAD /x", app: script(EventError, page("the page")),
		want: "HTTP/1.1 500 Internal Server Error\n" + own + "Content-Length: 8\n\n", log: "boom",
	},
	{
		name: "exception with a page in pieces", request: "GET /x",
		app:  script(EventChunk, pieceOf("the page", "the "), EventError, Reply{Body: []byte("page"), Total: -1, Error: []byte("boom")}),
		want: "HTTP/1.1 500 Internal Server Error\n" + own + "Content-Length: 8\n\nthe page", log: "boom",
	},
	{
		name: "close() raises", request: "GET /", app: script(EventDone, Reply{Head: true, Status: []byte("200 OK"), Body: []byte("a"), Total: 1, Error: []byte("boom")}),
		want: "HTTP/1.1 200 OK\n" + own + "Content-Length: 1\n\na", log: "close() raised",
	},

	// write().
	{
		name: "write()", request: "GET /", app: writes(script(), start("200 OK").with("ab"), chunk("c")),
		want: "HTTP/1.1 200 OK\n" + own + "Transfer-Encoding: chunked\n\n2\r\nab\r\n1\r\nc\r\n0\r\n\r\n",
	},
	{
		name: "write() of the app's length", request: "GET /", app: writes(script(), start("200 OK", "Content-Length: 3").with("ab"), chunk("c")),
		want: "HTTP/1.1 200 OK\nContent-Length: 3\n" + own + "\nabc",
	},
	{
		name: "write() too much", request: "GET /", app: writes(script(), start("200 OK", "Content-Length: 3").with("ab"), chunk("cd")),
		want: "HTTP/1.1 200 OK\nContent-Length: 3\n" + own + "\nabc", log: "more bytes than its Content-Length",
	},
	{
		name: "write() too little", request: "GET /", app: writes(script(), start("200 OK", "Content-Length: 3").with("ab")),
		want: "HTTP/1.1 200 OK\nContent-Length: 3\n" + own + "\nab", fate: closes, log: "missing=1",
	},
	{
		name: "write(), HEAD", request: "HEAD /", app: writes(script(), start("200 OK").with("ab"), chunk("c")),
		want: "HTTP/1.1 200 OK\n" + own + "\n",
	},
	{
		name: "write() and chunks", request: "GET /", app: writes(script(EventChunk, chunk("b"), EventChunk, chunk("c")), start("200 OK").with("a")),
		want: "HTTP/1.1 200 OK\n" + own + "Transfer-Encoding: chunked\n\n1\r\na\r\n1\r\nb\r\n1\r\nc\r\n0\r\n\r\n",
	},
	{
		name: "write() and a list", request: "GET /", app: writes(script(EventDone, chunk("bc")), start("200 OK").with("a")),
		want: "HTTP/1.1 200 OK\n" + own + "Transfer-Encoding: chunked\n\n1\r\na\r\n2\r\nbc\r\n0\r\n\r\n",
	},
	{
		name: "write() and an exception", request: "GET /", app: writes(script(EventError, failure("boom")), start("200 OK").with("a")),
		want: "HTTP/1.1 200 OK\n" + own + "Transfer-Encoding: chunked\n\n1\r\na\r\n", fate: closes, log: "boom",
	},
}

// page is an exception with what is to be said of it.
func page(text string, headers ...string) Reply {
	reply := start("500 Internal Server Error", headers...).whole(text)
	reply.Error = []byte("boom")
	return reply
}

// pieceOf is a page's head with its beginning, as a worker process sends one that is large.
func pieceOf(text, beginning string) Reply {
	reply := page(text)
	reply.Body, reply.Error, reply.Through = []byte(beginning), nil, true
	return reply
}

func TestResponse(t *testing.T) {
	for _, test := range responses {
		t.Run(test.name, func(t *testing.T) {
			checkResponse(t, test.request, test.app, test.want, test.fate, test.aborted, test.log)
		})
	}
}

// TestResponseListAfterWrite: what the app returns follows what it wrote, also where no chunk has to
// be closed. pyhost gives a list whose head is out as EventDone with a body.
func TestResponseListAfterWrite(t *testing.T) {
	list := script(EventDone, chunk("bc"))
	t.Run("the app's length", func(t *testing.T) {
		checkResponse(t, "GET /", writes(list, start("200 OK", "Content-Length: 3").with("a")),
			"HTTP/1.1 200 OK\nContent-Length: 3\n"+own+"\nabc", keeps, false, "")
	})
	t.Run("HTTP/1.0", func(t *testing.T) {
		checkResponse(t, "GET / HTTP/1.0", writes(list, start("200 OK").with("a")),
			"HTTP/1.1 200 OK\n"+own+"Connection: close\n\nabc", closes, false, "")
	})
	t.Run("too much", func(t *testing.T) {
		checkResponse(t, "GET /", writes(list, start("200 OK", "Content-Length: 2").with("a")),
			"HTTP/1.1 200 OK\nContent-Length: 2\n"+own+"\nab", keeps, false, "more bytes than its Content-Length")
	})
}

func checkResponse(t *testing.T, request string, a app, want string, fate fate, aborted bool, log string) {
	t.Helper()
	f := serve(t, new(Server), a)
	c := f.dial()
	lines := strings.Split(request, "|")
	c.request(lines[0], lines[1:]...)
	got, err := c.all(f, fate == keeps)
	if fate == resets {
		if !errors.Is(err, syscall.ECONNRESET) {
			t.Errorf("%q, then %v; want a reset", got, err)
		}
	} else if err != nil || got != want {
		t.Errorf("%v\n got %q\nwant %q", err, short(got), short(want))
	}
	until(t, "the access log", func() bool { return len(f.logged()) == 1 })
	checkRecord(t, f, want, fate)
	// In a worker process the app may be one chunk ahead, and through.
	if got := f.workers[0].aborted.Load() == 1; got != aborted && !(pooled() && aborted) {
		t.Errorf("aborted: %v, want %v", !aborted, aborted)
	}
	if text := f.log.String(); !strings.Contains(text, log) || log == "" && text != "" {
		t.Errorf("log %q, want %q", text, log)
	}
}

// all is everything that comes, in the form of the tables. A connection that is kept is
// ended by shutting the server down, once all is sent.
func (c *client) all(f *front, kept bool) (string, error) {
	c.t.Helper()
	if kept {
		until(c.t, "the request is over", func() bool { return len(f.logged()) == 1 })
		if n := f.Connections(); n != 1 {
			c.t.Errorf("%d connections, want the one kept", n)
		}
		f.shutdown()
	}
	all, err := io.ReadAll(c.r)
	head, body, _ := bytes.Cut(all, []byte("\r\n\r\n"))
	text := strings.ReplaceAll(string(head), "\r\n", "\n") + "\n\n" + string(body)
	return dates.ReplaceAllString(text, "Date: now"), err
}

var dates = regexp.MustCompile(`Date: [A-Z][a-z]{2}, \d\d [A-Z][a-z]{2} \d{4} \d\d:\d\d:\d\d GMT`)

// checkRecord: the access log counts what was sent.
func checkRecord(t *testing.T, f *front, want string, fate fate) {
	t.Helper()
	r := f.logged()[0]
	if r.RemoteAddr != "127.0.0.1" || r.Thread != 1 || r.Duration < r.QueueWait || r.QueueWait < 0 {
		t.Errorf("record %+v", r)
	}
	if fate == resets {
		return
	}
	head, _, _ := strings.Cut(want, "\n\n")
	sent := int64(len(dates.ReplaceAllString(head, "")) + strings.Count(head, "\n") + 4)
	if strings.Contains(head, "Date: now") {
		sent += int64(len(http.TimeFormat) - len("now"))
	}
	if r.HeaderBytes != sent {
		t.Errorf("%d bytes of head logged, want %d", r.HeaderBytes, sent)
	}
}

// TestDate: the Date line is today's, in the one format.
func TestDate(t *testing.T) {
	before := time.Now().Truncate(time.Second)
	r := serve(t, new(Server), echo).get("/")
	date, err := http.ParseTime(r.Header.Get("Date"))
	if err != nil || date.Before(before) || date.After(time.Now()) {
		t.Errorf("Date %q: %v", r.Header.Get("Date"), err)
	}
}

// FuzzPackedPairs: packed pairs come from C and go there. No bytes make their reader panic, and what
// it reads is what was packed.
func FuzzPackedPairs(f *testing.F) {
	f.Add([]byte(nil))
	f.Add(appendPair(appendPair(nil, "Content-Length", "5"), "X", ""))
	f.Add(appendPair(nil, strings.Repeat("n", 1<<16-1), big)[:100])
	f.Add(bytes.Repeat([]byte{0xff}, 20))
	f.Fuzz(func(t *testing.T, packed []byte) {
		var again []byte
		for name, value := range packedPairs(packed) {
			again = appendPair(again, name, value)
		}
		if !bytes.HasPrefix(packed, again) {
			t.Errorf("%q became %q", packed, again)
		}
		if rest := packed[len(again):]; len(rest) > 0 {
			if _, _, _, err := nextPair(rest); err == nil {
				t.Errorf("the iteration ended before %q", rest)
			}
		}
		if head, f := appendFields(nil, packed, false); len(head) > 0 && f.fields == 0 {
			t.Errorf("%q from no field", head)
		}
	})
}
