package bridge

import (
	"io"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/gowsgi/gowsgi/internal/accesslog"
	"github.com/gowsgi/gowsgi/internal/http1"
)

var browserHead = crlf(`GET /shop/caf%C3%A9?q=one+two&page=3 HTTP/1.1
Host: shop.example:5000
User-Agent: Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0
Accept: text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,*/*;q=0.8
Accept-Language: en-US,en;q=0.5
Accept-Encoding: gzip, deflate, br, zstd
Referer: http://shop.example:5000/
Connection: keep-alive
Cookie: session=eyJfcGVybWFuZW50Ijp0cnVlfQ.Z1b2cA.3kQ9d0m0nq1yR3wq2cVbq8T2m1E; theme=dark; consent=1
Upgrade-Insecure-Requests: 1
Sec-Fetch-Dest: document
Sec-Fetch-Mode: navigate
Sec-Fetch-Site: same-origin
Sec-Fetch-User: ?1
Priority: u=0, i
If-None-Match: "5f2c-61a2b3c4d5e6f"

`)

// steady is a Worker that allocates nothing: what is left is the package's.
type steady struct {
	resting
	reply Reply
}

func newSteady() *steady {
	return &steady{reply: start("200 OK", "Content-Type: text/html; charset=utf-8").whole("Hello, World!")}
}

func (w *steady) Begin(Request) Event { return EventDone }
func (w *steady) Next() Event         { return EventDone }
func (w *steady) Abort() Event        { return EventDone }
func (w *steady) Reply() *Reply       { return &w.reply }

// BenchmarkEnviron packs the environ of a parsed head.
func BenchmarkEnviron(b *testing.B) {
	for _, bb := range []struct{ name, head string }{{"curl", curlHead}, {"browser", browserHead}} {
		b.Run(bb.name, func(b *testing.B) {
			var h http1.Head
			if n, err := h.Parse([]byte(bb.head), 0); n == 0 || err != nil {
				b.Fatal(n, err)
			}
			var buf []byte
			b.ReportAllocs()
			for b.Loop() {
				buf = packEnviron(buf[:0], &h, &here, 0, nil, h.Path).buf
			}
		})
	}
}

// BenchmarkPrepare is all of a request's way from the buffer to the queue.
func BenchmarkPrepare(b *testing.B) {
	for _, bb := range []struct{ name, head string }{{"curl", curlHead}, {"browser", browserHead}} {
		b.Run(bb.name, func(b *testing.B) {
			c := receiver(b, &Server{Limits: lenient}, newSink(b), here, false, bb.head)
			call := &Call{conn: c}
			b.ReportAllocs()
			for b.Loop() {
				c.in.r, c.in.w = 0, len(bb.head)
				if err := c.readHead(&call.head); err != nil {
					b.Fatal(err)
				}
				if err := call.prepare(); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// BenchmarkRun is a request's way through a worker and out, to a socket that takes everything.
func BenchmarkRun(b *testing.B) {
	for name, access := range map[string]func(*accesslog.Record){"silent": nil, "logged": func(*accesslog.Record) {}} {
		b.Run(name, func(b *testing.B) {
			s, w, place := &Server{Limits: lenient, Access: access}, newSteady(), new(seat)
			c := receiver(b, s, newSink(b), here, false, curlHead)
			b.ReportAllocs()
			for b.Loop() {
				c.in.r, c.in.w = 0, len(curlHead)
				call := newCall(c)
				if err := c.readHead(&call.head); err != nil {
					b.Fatal(err)
				}
				if err := call.prepare(); err != nil {
					b.Fatal(err)
				}
				c.done.begin()
				call.run(place, w)
			}
		})
	}
}

// BenchmarkQueue is the round trip of a request through the queue and a worker.
func BenchmarkQueue(b *testing.B) {
	s, q := &Server{Limits: lenient}, new(Queue)
	seated, left := make(chan struct{}), make(chan struct{})
	go func() {
		q.Work(newSteady(), func() { close(seated) })
		close(left)
	}()
	<-seated
	c := receiver(b, s, newSink(b), here, false, curlHead)
	b.ReportAllocs()
	for b.Loop() {
		c.in.r, c.in.w = 0, len(curlHead)
		call := newCall(c)
		if err := c.readHead(&call.head); err != nil {
			b.Fatal(err)
		}
		if err := call.prepare(); err != nil {
			b.Fatal(err)
		}
		call.pushed = time.Now()
		c.done.begin()
		if err := q.Push(call); err != nil {
			b.Fatal(err)
		}
		c.done.wait()
	}
	q.Close()
	<-left
}

// BenchmarkKeepAlive is a whole exchange over a loopback connection that stays.
func BenchmarkKeepAlive(b *testing.B) {
	logged := func(*accesslog.Record) {}
	for _, bb := range []struct {
		name, request string
		access        func(*accesslog.Record)
	}{
		{"curl", curlHead, nil},
		{"curl-logged", curlHead, logged},
		{"browser", browserHead, nil},
		{"post", head("POST /", "Content-Length: 100") + strings.Repeat("x", 100), nil},
		{"chunked-post", head("POST /", "Transfer-Encoding: chunked") + chunked("hello", 5), nil},
		{"proxied", head("GET /", "X-Forwarded-For: 198.51.100.1", "X-Forwarded-Proto: https", "X-Forwarded-Host: shop.example"), nil},
		{"health", head("GET /health"), nil},
	} {
		b.Run(bb.name, func(b *testing.B) {
			l, err := net.Listen("tcp", "127.0.0.1:0")
			if err != nil {
				b.Fatal(err)
			}
			proxies, err := ParseProxies([]string{"127.0.0.1"})
			if err != nil {
				b.Fatal(err)
			}
			s := &Server{Limits: lenient, Queue: new(Queue), Access: bb.access, Health: "/health", Proxies: proxies}
			served, left := make(chan error), make(chan struct{})
			go func() { served <- s.Serve(l) }()
			go func() {
				s.Queue.(*Queue).Work(newSteady(), func() {})
				close(left)
			}()
			nc, err := net.Dial("tcp", l.Addr().String())
			if err != nil {
				b.Fatal(err)
			}
			exchange := newExchange(b, nc, bb.request)
			b.ReportAllocs()
			for b.Loop() {
				exchange()
			}
			b.StopTimer()
			nc.Close()
			if err := s.Shutdown(b.Context()); err != nil {
				b.Fatal(err)
			}
			s.Queue.Close()
			<-left
			if err := <-served; err != nil {
				b.Fatal(err)
			}
		})
	}
}

// newExchange sends request and reads the answer, whose length is always the same, without
// allocating.
func newExchange(b *testing.B, nc net.Conn, request string) func() {
	raw, buf := []byte(request), make([]byte, 4096)
	size := 0
	exchange := func() {
		if _, err := nc.Write(raw); err != nil {
			b.Fatal(err)
		}
		if size == 0 {
			n, err := nc.Read(buf)
			if err != nil || !strings.HasPrefix(string(buf), "HTTP/1.1 200") {
				b.Fatalf("%q, %v", buf[:n], err)
			}
			size = n
			return
		}
		if _, err := io.ReadFull(nc, buf[:size]); err != nil {
			b.Fatal(err)
		}
	}
	exchange()
	return exchange
}
