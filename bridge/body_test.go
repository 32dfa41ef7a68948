package bridge

import (
	"errors"
	"fmt"
	"io"
	"iter"
	"strings"
	"testing"
	"time"
)

// reads is an app that reads its whole body and answers with its size, or the error.
var reads = answers(func(c Request) Reply {
	body, err := readAll(c)
	if err != io.EOF {
		return start("200 OK").whole(fmt.Sprintf("%d bytes, then: %v", len(body), err))
	}
	return start("200 OK").whole(body)
})

// ignores is an app that leaves its body where it is.
var ignores = answers(func(Request) Reply { return start("200 OK").whole("ok") })

// chunked is a body in chunks of n bytes.
func chunked(body string, n int) string {
	var b strings.Builder
	for len(body) > 0 {
		n := min(n, len(body))
		fmt.Fprintf(&b, "%x\r\n%s\r\n", n, body[:n])
		body = body[n:]
	}
	return b.String() + "0\r\n\r\n"
}

// pattern is n bytes whose order can be told.
func pattern(n int) string {
	var b strings.Builder
	for i := 0; b.Len() < n; i++ {
		fmt.Fprintf(&b, "%d,", i)
	}
	return b.String()[:n]
}

func TestStreamedBody(t *testing.T) {
	f := serve(t, new(Server), reads)
	c := f.dial()
	requests := 0
	for _, n := range []int{0, 1, inlineBody, inlineBody + 1, 200_000, 1 << 20} {
		body := pattern(n)
		go io.WriteString(c, head("POST /", fmt.Sprintf("Content-Length: %d", n))+body)
		c.expect("POST", 200, body)
		requests++
		for _, size := range []int{1, 1000, 65535, 100_000} {
			if size == 1 && n > 1000 {
				continue
			}
			go io.WriteString(c, head("POST /", "Transfer-Encoding: chunked")+chunked(body, size))
			if r := c.expect("POST", 200, body); r.Close {
				t.Fatal("the connection closes")
			}
			requests++
		}
	}
	until(t, "the access log", func() bool { return len(f.logged()) == requests })
	for _, r := range f.logged() {
		if r.BodyBytes != r.RequestBytes || r.ContentLength >= 0 && r.ContentLength != r.RequestBytes {
			t.Errorf("%d bytes read of %d, %d answered", r.RequestBytes, r.ContentLength, r.BodyBytes)
		}
	}
}

// TestChunkedDetails: extensions and trailers are dropped, and the next request is found.
func TestChunkedDetails(t *testing.T) {
	f := serve(t, new(Server), reads)
	c := f.dial()
	raw := head("POST /", "Transfer-Encoding: chunked") + "3;a=b\r\nabc\r\n002\r\nde\r\n0;x\r\nX-Trailer: y\r\nContent-Length: 9\r\n\r\n"
	c.send(raw + raw)
	c.expect("POST", 200, "abcde")
	c.expect("POST", 200, "abcde")
	for _, b := range []byte(raw) {
		c.send(string(b))
	}
	c.expect("POST", 200, "abcde")
}

// TestReadPieces: a read gives what is there, and does not wait for more.
func TestReadPieces(t *testing.T) {
	pieces := make(chan string, 10)
	f := serve(t, new(Server), answers(func(c Request) Reply {
		buf := make([]byte, 1000)
		for {
			n, err := c.ReadBody(buf)
			if err != nil {
				return start("200 OK").whole(err.Error())
			}
			pieces <- string(buf[:n])
		}
	}))
	c := f.dial()
	c.send(head("POST /", "Content-Length: 100000"))
	for _, piece := range []string{"a", "bc"} {
		c.send(piece)
		if got := receive(t, "a piece", pieces); got != piece {
			t.Errorf("got %q", got)
		}
	}
	c.leave()
	r := c.response("POST")
	if r.body == io.EOF.Error() {
		t.Error("a broken body ended well")
	}
}

// TestReadAgain: the end and errors stay.
func TestReadAgain(t *testing.T) {
	f := serve(t, new(Server), answers(func(c Request) Reply {
		body, err := readAll(c)
		for range 3 {
			if n, again := c.ReadBody(make([]byte, 10)); n != 0 || again != err {
				return start("200 OK").whole(fmt.Sprintf("read again: %d, %v, not %v", n, again, err))
			}
		}
		return start("200 OK").whole(fmt.Sprint(len(body), " ", err))
	}))
	c := f.dial()
	c.send(head("POST /", "Transfer-Encoding: chunked") + chunked("abc", 2))
	c.expect("POST", 200, "3 EOF")
	c.send(head("POST /", "Transfer-Encoding: chunked") + "3\r\nabc\r\nX")
	c.expect("POST", 200, "3 "+ErrBodyMalformed.Error())
	c.ended()
}

// TestReadNothing: a read into no room is neither an end nor an error, and waits for nobody
// (io.Reader).
func TestReadNothing(t *testing.T) {
	read := make(chan string, 2)
	f := serve(t, new(Server), answers(func(c Request) Reply {
		for _, p := range [][]byte{nil, {}} {
			n, err := c.ReadBody(p)
			read <- fmt.Sprint(n, " ", err)
		}
		body, err := readAll(c)
		return start("200 OK").whole(fmt.Sprint(len(body), " ", err))
	}))
	c := f.dial()
	c.send(head("POST /", "Content-Length: 100000"))
	for range 2 {
		if got := receive(t, "the read returns", read); got != "0 <nil>" {
			t.Errorf("got %s", got)
		}
	}
	go io.WriteString(c, pattern(100_000))
	c.expect("POST", 200, "100000 EOF")
}

// TestExpectContinue: the client is asked for its body when the app first reads.
func TestExpectContinue(t *testing.T) {
	for _, framing := range []string{"Content-Length: 5", "Transfer-Encoding: chunked"} {
		g := newGate()
		f := serve(t, new(Server), g.before(reads))
		c := f.dial()
		c.request("POST /", "Expect: 100-Continue", framing)
		receive(t, "the app begins without the body", g.entered)
		if n := c.r.Buffered(); n > 0 {
			t.Errorf("%d bytes before the app has read", n)
		}
		g.open()
		if r := c.response("POST"); r.StatusCode != 100 || r.body != "" || len(r.Header) > 0 {
			t.Fatalf("interim: %d %v %q", r.StatusCode, r.Header, r.body)
		}
		if strings.HasPrefix(framing, "C") {
			c.send("hello")
		} else {
			c.send(chunked("hello", 2))
		}
		if r := c.expect("POST", 200, "hello"); r.Close {
			t.Error("the connection closes")
		}
		c.send(head("POST /", "Content-Length: 2") + "ok")
		c.expect("POST", 200, "ok")
	}
}

// TestExpectContinueUnread: without a read there is no interim answer, and since nobody knows
// whether the body comes, the connection ends.
func TestExpectContinueUnread(t *testing.T) {
	f := serve(t, new(Server), ignores)
	c := f.dial()
	c.request("POST /", "Expect: 100-continue", "Content-Length: 5")
	if r := c.expect("POST", 200, "ok"); !r.Close {
		t.Error("the connection goes on")
	}
	c.ended()
	c = f.dial()
	c.request("POST /", "Expect: 100-continue", "Content-Length: 0")
	if r := c.expect("POST", 200, "ok"); r.Close {
		t.Error("the connection of an empty body ends")
	}
}

// TestExpectContinueSent: a client that does not wait needs no asking.
func TestExpectContinueSent(t *testing.T) {
	f := serve(t, new(Server), reads)
	c := f.dial()
	c.send(head("POST /", "Expect: 100-continue", "Content-Length: 5") + "hello")
	c.expect("POST", 200, "hello")
	c.send(strings.Replace(head("POST / HTTP/1.0", "Expect: 100-continue", "Content-Length: 5"), "Host", "X", 1) + "hello")
	c.expect("POST", 200, "hello") // HTTP/1.0 has no interim answers (RFC 9110, section 10.1.1)
}

// TestExpectContinueAfterHead: once the answer is under way, an interim one would be part of it. A
// client that sends its body all the same is heard.
func TestExpectContinueAfterHead(t *testing.T) {
	f := serve(t, new(Server), func(c Request) iter.Seq2[Event, Reply] {
		return func(yield func(Event, Reply) bool) {
			if yield(EventChunk, start("200 OK").with("a,")) {
				body, err := readAll(c)
				yield(EventChunk, chunk(fmt.Sprint(body, " ", err)))
			}
		}
	})
	c := f.dial()
	c.request("POST /", "Expect: 100-continue", "Content-Length: 5")
	if _, err := c.r.Peek(1); err != nil {
		t.Fatal(err)
	}
	c.send("hello")
	if r := c.expect("POST", 200, "a,hello EOF"); !r.Close {
		t.Error("the connection goes on")
	}
}

// TestTruncatedBody: a client that leaves inside its body. The app is told, and not that the body
// has ended.
func TestTruncatedBody(t *testing.T) {
	for _, test := range []struct{ name, framing, sent, want string }{
		{"inline", "Content-Length: 10", "hello", "5 bytes, then: "},
		{"inline, nothing", "Content-Length: 10", "", "0 bytes, then: "},
		{"streamed", "Content-Length: 100000", "hello", "5 bytes, then: "},
		{"chunk", "Transfer-Encoding: chunked", "a\r\nhello", "5 bytes, then: "},
		{"between chunks", "Transfer-Encoding: chunked", "5\r\nhello\r\n", "5 bytes, then: "},
		{"before the last line", "Transfer-Encoding: chunked", "5\r\nhello\r\n0\r\n", "5 bytes, then: "},
	} {
		t.Run(test.name, func(t *testing.T) {
			f := serve(t, new(Server), reads)
			// A request that had to wait for its thread is not begun for a client that
			// has left: then it is tried again.
			for range 100 {
				c := f.dial()
				c.send(head("POST /", test.framing) + test.sent)
				c.leave()
				if all, _ := io.ReadAll(c.r); len(all) > 0 {
					if !strings.Contains(string(all), test.want+errGone.Error()) {
						t.Errorf("got %q", all)
					}
					return
				}
			}
			t.Error("the app was never called")
		})
	}
}

// TestUnreadBody: what the app leaves of its body is thrown away if it is little, so that the next
// request is found; else the connection ends.
func TestUnreadBody(t *testing.T) {
	f := serve(t, new(Server), ignores)
	for _, test := range []struct {
		name, framing, body string
		keeps, may          bool
	}{
		{"inline", "Content-Length: 5", "hello", true, false},
		{"streamed", "Content-Length: 100000", pattern(100_000), true, false},
		{"chunked, here already", "Transfer-Encoding: chunked", chunked("hello", 2), true, false},
		{"chunked, under way", "Transfer-Encoding: chunked", chunked(pattern(100_000), 999), false, true},
		{"empty, chunked", "Transfer-Encoding: chunked", "0\r\n\r\n", true, false},
		{"more than is thrown away", fmt.Sprintf("Content-Length: %d", drainLimit+1), "", false, false},
		{"never comes", "Content-Length: 9223372036854775807", "some", false, false},
	} {
		c := f.dial()
		go io.WriteString(c, head("POST /", test.framing)+test.body)
		r := c.expect("POST", 200, "ok")
		if r.Close == test.keeps && !test.may {
			t.Errorf("%s: close %v", test.name, r.Close)
		}
		if r.Close {
			c.ended()
			continue
		}
		c.request("GET /")
		c.expect("GET", 200, "ok")
	}
}

// TestUnreadChunks: of a chunked body it shows only later that it is too much. The connection ends
// then, and no part of the body is taken for a request.
func TestUnreadChunks(t *testing.T) {
	f := serve(t, new(Server), ignores)
	c := f.dial()
	body := strings.Repeat(head("GET /smuggled"), 2*drainLimit/40)
	go io.WriteString(c, head("POST /", "Transfer-Encoding: chunked")+chunked(body, 1<<20))
	c.expect("POST", 200, "ok")
	if rest, _ := io.ReadAll(c.r); len(rest) > 0 {
		t.Errorf("after the answer came %q", short(string(rest)))
	}
	until(t, "the access log", func() bool { return len(f.logged()) == 1 })
}

// TestBodyLimit: --limit-post. A length above it is refused before the app, a chunked body when it
// has grown too much.
func TestBodyLimit(t *testing.T) {
	limits := lenient
	limits.Body = 1000
	raises := func(c Request) iter.Seq2[Event, Reply] {
		return func(yield func(Event, Reply) bool) {
			body, err := readAll(c)
			if err != io.EOF {
				reply := page("no page for what the client has done")
				reply.OSError = true
				yield(EventError, reply)
				return
			}
			yield(EventDone, start("200 OK").whole(body))
		}
	}
	f := serve(t, &Server{Limits: limits}, raises)
	for _, size := range []int{1, 100, 1000} {
		c := f.dial()
		c.send(head("POST /", "Content-Length: 1000") + pattern(1000))
		c.expect("POST", 200, pattern(1000))
		c.send(head("POST /", "Transfer-Encoding: chunked") + chunked(pattern(1000), size))
		c.expect("POST", 200, pattern(1000))
		c.send(head("POST /", "Transfer-Encoding: chunked") + chunked(pattern(1001), size))
		c.refused("POST", 413)
	}
	begun := f.workers[0].begun.Load()
	for _, fields := range [][]string{{"Content-Length: 1001"}, {"Content-Length: 9223372036854775807", "Expect: 100-continue"}} {
		c := f.dial()
		c.request("POST /", fields...)
		c.refused("POST", 413)
	}
	if f.workers[0].begun.Load() != begun {
		t.Error("the app was called")
	}
}

// TestBodyTimeout: a small body that does not come costs no thread; of a large one the app is told.
func TestBodyTimeout(t *testing.T) {
	limits := lenient
	limits.BodyIdle = 200 * time.Millisecond
	f := serve(t, &Server{Limits: limits}, answers(func(c Request) Reply {
		body, err := readAll(c)
		return start("200 OK").whole(fmt.Sprint(len(body), " ", errors.Is(err, ErrBodyTimeout)))
	}))
	c := f.dial()
	c.send(head("POST /", "Content-Length: 10") + "hello")
	c.refused("POST", 408)
	if f.workers[0].begun.Load() > 0 {
		t.Error("the app was called")
	}
	for _, framing := range []string{"Content-Length: 100000", "Transfer-Encoding: chunked"} {
		c := f.dial()
		c.send(head("POST /", framing))
		if r := c.expect("POST", 200, "0 true"); !r.Close {
			t.Error("the connection goes on")
		}
		c.ended()
	}
}

// TestSmuggling: with Content-Length and Transfer-Encoding together, chunks count, and nothing
// after the one answer does (RFC 9112, section 6.3).
func TestSmuggling(t *testing.T) {
	f := serve(t, new(Server), reads)
	for _, fields := range [][]string{
		{"Content-Length: 3", "Transfer-Encoding: chunked"},
		{"Transfer-Encoding: chunked", "Content-Length: 3"},
		{"Content-Length: 50", "Transfer-Encoding: chunked", "Connection: keep-alive"},
	} {
		c := f.dial()
		c.send(head("POST /", fields...) + chunked("hello", 5) + head("GET /smuggled"))
		if r := c.expect("POST", 200, "hello"); !r.Close {
			t.Error("the answer does not say that the connection closes")
		}
		c.ended()
	}
	if n := f.workers[0].begun.Load(); n != 3 {
		t.Errorf("%d requests begun", n)
	}
}
