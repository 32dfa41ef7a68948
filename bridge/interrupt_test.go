package bridge

import (
	"io"
	"iter"
	"strings"
	"testing"
)

// TestInterruptRead: the app answers while another of its threads waits for the body. That read
// ends, and the answer goes out.
func TestInterruptRead(t *testing.T) {
	for _, framing := range []string{"Content-Length: 100000", "Transfer-Encoding: chunked"} {
		read := make(chan error, 1)
		f := serve(t, new(Server), answers(func(c Request) Reply {
			buf := make([]byte, 100)
			if n, err := c.ReadBody(buf); err != nil || string(buf[:n]) != "hello" {
				t.Errorf("%q, %v", buf[:n], err)
			}
			go func() {
				_, err := c.ReadBody(buf)
				read <- err
			}()
			c.InterruptRead()
			if err := receive(t, "the read ends", read); err == nil || err == io.EOF {
				t.Errorf("the read ended with %v", err)
			}
			return start("200 OK").whole("enough")
		}))
		c := f.dial()
		body := "hello"
		if strings.HasPrefix(framing, "T") {
			body = "5\r\nhello\r\n"
		}
		c.send(head("POST /", framing) + body)
		if r := c.expect("POST", 200, "enough"); !r.Close {
			t.Error("the connection goes on")
		}
		c.ended()
	}
}

// TestInterruptWrite: the same for a write() that waits for the client. What it was about to send is
// torn, so the connection ends.
func TestInterruptWrite(t *testing.T) {
	came := make(chan struct{})
	f := serve(t, new(Server), func(c Request) iter.Seq2[Event, Reply] {
		return func(yield func(Event, Reply) bool) {
			wrote := make(chan error, 1)
			go func() {
				r := start("200 OK").with(strings.Repeat(big, kernelRoom/len(big)))
				wrote <- c.Write(&r)
			}()
			receive(t, "the client has some of it", came)
			c.InterruptWrite()
			if err := receive(t, "the write ends", wrote); err == nil {
				t.Error("the write ended well")
			}
			yield(EventDone, Reply{Total: -1})
		}
	})
	c := f.slow()
	c.request("GET /")
	if _, err := c.r.Peek(1); err != nil {
		t.Fatal(err)
	}
	close(came)
	until(t, "the request is over", func() bool { return len(f.logged()) == 1 })
	if all, _ := io.ReadAll(c.r); strings.HasSuffix(string(all), "0\r\n\r\n") {
		t.Error("the answer looks complete")
	}
}
