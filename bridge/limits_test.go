package bridge

import (
	"fmt"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/gowsgi/gowsgi/internal/accesslog"
)

func TestHeadLimit(t *testing.T) {
	limits := lenient
	limits.Head = 10_000
	f := serve(t, &Server{Limits: limits}, echo)
	sized := func(n int) string {
		raw := head("GET /", "X: ")
		return strings.Replace(raw, "X: ", "X: "+strings.Repeat("x", n-len(raw)), 1)
	}
	for _, n := range []int{100, headBuffer - 1, headBuffer, headBuffer + 1, 9999, 10_000} {
		c := f.dial()
		c.send(sized(n))
		c.expect("GET", 200, "GET / ")
		c.send(sized(n)[:n-1])
		c.send("\n")
		c.expect("GET", 200, "GET / ")
	}
	for _, raw := range []string{sized(10_001), sized(100_000), "GET /" + strings.Repeat("x", 10_000), sized(10_001)[:10_000]} {
		c := f.dial()
		go io.WriteString(c, raw)
		c.refused("GET", 431)
	}
	// A head that fits is not charged with what follows it.
	c := f.dial()
	go io.WriteString(c, sized(9000)+sized(9000)+head("POST /", "Content-Length: 20000")+strings.Repeat("x", 20_000))
	c.expect("GET", 200, "GET / ")
	c.expect("GET", 200, "GET / ")
	c.expect("POST", 200, "POST / "+strings.Repeat("x", 20_000))
}

func TestTooManyFields(t *testing.T) {
	f := serve(t, new(Server), echo)
	c := f.dial()
	go io.WriteString(c, head("GET /", strings.Split(strings.Repeat("X: y\n", 2000)+"X: y", "\n")...))
	c.refused("GET", 431)
}

// TestHeaderTimeout: a head has to be complete in time, however it drips in.
func TestHeaderTimeout(t *testing.T) {
	t.Parallel()
	limits := lenient
	limits.Header = 300 * time.Millisecond
	f := serve(t, &Server{Limits: limits}, echo)

	c := f.dial()
	began := time.Now()
	c.send("GET / HTTP/1.1\r\nHost: a\r\n")
	c.refused("GET", 408)
	if d := time.Since(began); d < limits.Header {
		t.Errorf("refused after %v", d)
	}

	c = f.dial()
	c.request("GET /") // a good one first: the clock starts anew
	c.expect("GET", 200, "GET / ")
	stop := make(chan struct{})
	dripped := make(chan struct{})
	go func() {
		defer close(dripped)
		tick := time.NewTicker(10 * time.Millisecond)
		defer tick.Stop()
		_, err := io.WriteString(c, "GET / HTTP/1.1\r\nHost: a\r\n")
		for err == nil {
			select {
			case <-tick.C:
				_, err = io.WriteString(c, "X: y\r\n")
			case <-stop:
				return
			}
		}
	}()
	if r := c.response("GET"); r.StatusCode != 408 || !r.Close {
		t.Errorf("got %d, close %v", r.StatusCode, r.Close)
	}
	close(stop)
	<-dripped
	until(t, "the connection is over", func() bool { return f.Connections() == 0 })
}

// TestIdleTimeout: a silent connection is closed, without an answer.
func TestIdleTimeout(t *testing.T) {
	t.Parallel()
	limits := lenient
	limits.Idle = 300 * time.Millisecond
	f := serve(t, &Server{Limits: limits}, echo)
	began := time.Now()
	fresh := f.dial()
	fresh.ended()
	if d := time.Since(began); d < limits.Idle {
		t.Errorf("closed after %v", d)
	}
	used := f.dial()
	used.request("GET /")
	used.expect("GET", 200, "GET / ")
	began = time.Now()
	used.ended()
	if d := time.Since(began); d < limits.Idle/2 {
		t.Errorf("closed %v after its last answer", d)
	}
}

// TestIdleTimeoutLongRequest: a long request is not an idle client.
func TestIdleTimeoutLongRequest(t *testing.T) {
	t.Parallel()
	limits := lenient
	limits.Idle = 200 * time.Millisecond
	g := newGate()
	f := serve(t, &Server{Limits: limits}, g.before(echo))
	defer g.open()
	c := f.dial()
	began := time.Now()
	c.request("GET /1")
	until(t, "the request is longer than the timeout", func() bool { return time.Since(began) > 3*limits.Idle })
	g.open()
	if r := c.expect("GET", 200, "GET /1 "); r.Close {
		t.Error("the connection closes")
	}
	c.request("GET /2")
	c.expect("GET", 200, "GET /2 ")
}

// TestIdleTimeoutAfterAnswer: the time counts from the answer, not from the request before it. A
// proxy that is told of 75 s must not find the connection closed after five.
func TestIdleTimeoutAfterAnswer(t *testing.T) {
	t.Parallel()
	limits := lenient
	limits.Idle = 2 * time.Second
	g := newGate()
	f := serve(t, &Server{Limits: limits}, g.before(echo))
	defer g.open()
	c := f.dial()
	began := time.Now()
	c.request("GET /1")
	until(t, "the request takes nearly as long", func() bool { return time.Since(began) > 1700*time.Millisecond })
	g.open()
	c.expect("GET", 200, "GET /1 ")
	answered := time.Now()
	ended := make(chan error, 1)
	go func() {
		_, err := c.r.Peek(1)
		ended <- err
	}()
	select {
	case err := <-ended:
		t.Errorf("%v, %v after the answer: the connection should be idle for %v", err, time.Since(answered), limits.Idle)
		return
	case <-time.After(time.Second):
	}
	c.request("GET /2")
	if err := receive(t, "the second answer", ended); err != nil {
		t.Fatal(err)
	}
	c.expect("GET", 200, "GET /2 ")
}

// TestQueueFull: more than may wait is turned away at once, and told when to come again.
func TestQueueFull(t *testing.T) {
	g := newGate()
	f := serve(t, &Server{Queue: &Queue{Limit: 2}}, g.before(echo))
	defer g.open()
	var waiting []*client
	for i := range 3 {
		c := f.dial()
		c.request(fmt.Sprintf("GET /%d", i))
		if i == 0 {
			receive(t, "the first request", g.entered)
		}
		until(t, "it waits", func() bool { return f.Queue.Stats().Waiting == i })
		waiting = append(waiting, c)
	}
	for _, method := range []string{"GET", "HEAD", "POST"} {
		c := f.dial()
		c.send(head(method+" /", "Content-Length: 5") + "hello")
		if r := c.refused(method, 503); r.Header.Get("Retry-After") != "1" {
			t.Errorf("%s: %v", method, r.Header)
		}
	}
	g.open()
	for i, c := range waiting {
		c.expect("GET", 200, fmt.Sprintf("GET /%d ", i))
	}
}

// TestQueueTimeout: a request that waits too long is turned away, also while every thread is stuck.
func TestQueueTimeout(t *testing.T) {
	t.Parallel()
	limits := lenient
	limits.Wait = 200 * time.Millisecond
	g := newGate()
	f := serve(t, &Server{Limits: limits}, g.before(echo))
	defer g.open()
	stuck := f.dial()
	stuck.request("GET /stuck")
	receive(t, "the stuck request", g.entered)
	for _, request := range []string{
		head("GET /"),
		head("GET /", "Connection: close"),
		head("POST /", "Content-Length: 5") + "hello",
		head("POST /", "Content-Length: 100000") + "some",
		head("POST /", "Content-Length: 5", "Expect: 100-continue"),
		head("POST /", "Transfer-Encoding: chunked") + "5\r\nhel",
	} {
		c := f.dial()
		began := time.Now()
		c.send(request)
		r := c.refused("GET", 503)
		if d := time.Since(began); r.Header.Get("Retry-After") != "1" || d < limits.Wait {
			t.Errorf("%q after %v: %v", request, d, r.Header)
		}
	}
	if f.workers[0].begun.Load() != 1 {
		t.Error("a request that was turned away is begun all the same")
	}
	for _, r := range f.logged() {
		if r.Status != 503 || r.Thread != 0 {
			t.Errorf("logged %d on thread %d", r.Status, r.Thread)
		}
	}
	g.open()
	stuck.expect("GET", 200, "GET /stuck ")
}

// TestQueueTimeoutHead: the answer to HEAD has no body, here neither.
func TestQueueTimeoutHead(t *testing.T) {
	t.Parallel()
	limits := lenient
	limits.Wait = 200 * time.Millisecond
	g := newGate()
	f := serve(t, &Server{Limits: limits}, g.before(echo))
	defer g.open()
	stuck := f.dial()
	stuck.request("GET /stuck")
	receive(t, "the stuck request", g.entered)
	c := f.dial()
	c.request("HEAD /")
	c.refused("HEAD", 503)
}

// TestClientGoneInQueue: nobody computes an answer for a client that has left meanwhile.
func TestClientGoneInQueue(t *testing.T) {
	for _, request := range []string{
		head("GET /gone"),
		head("GET /gone", "Connection: close"),
		head("POST /gone", "Content-Length: 5") + "hello",
		head("POST /gone", "Content-Length: 100000") + "some",
		head("POST /gone", "Transfer-Encoding: chunked") + "5\r\nhel",
		head("GET /gone") + head("GET /gone"),
	} {
		g := newGate()
		f := serve(t, new(Server), g.before(echo))
		stuck := f.dial()
		stuck.request("GET /stuck")
		receive(t, "the stuck request", g.entered)
		c := f.dial()
		c.send(request)
		until(t, "the request waits", func() bool { return f.Queue.Stats().Waiting == 1 })
		c.Close()
		closed := time.Now()
		until(t, "it has waited", func() bool { return time.Since(closed) > 4*staleAfter })
		g.open()
		stuck.expect("GET", 200, "GET /stuck ")
		until(t, "the connection is over", func() bool { return f.Connections() == 1 })
		if n := f.workers[0].begun.Load(); n != 1 {
			t.Errorf("%q: %d requests begun", request, n)
		}
		gone := func(r accesslog.Record) bool { return r.URI == "/gone" && r.Status == statusGone }
		if log := f.logged(); len(log) != 2 || !gone(log[0]) && !gone(log[1]) {
			t.Errorf("logged %+v", log)
		}
	}
}

// TestRefusalLog: what the access log says of a refused request is of that request, whatever its
// buffers were used for before and meanwhile.
func TestRefusalLog(t *testing.T) {
	limits := lenient
	limits.Header, limits.BodyIdle = 150*time.Millisecond, 150*time.Millisecond
	for _, test := range []struct {
		name, raw    string
		status       int
		method, uri  string
		mayBeUnknown bool // the head is not complete
	}{
		{name: "no request at all", raw: "\x16\x03\x01", status: 400},
		{name: "incomplete line", raw: "GET /inco", status: 408},
		{
			name: "incomplete head", raw: "PUT /incomplete HTTP/1.1\r\nHost: a\r\n",
			status: 408, method: "PUT", uri: "/incomplete", mayBeUnknown: true,
		},
		{
			name: "long incomplete head", raw: "PUT /incomplete HTTP/1.1\r\nX: " + strings.Repeat("x", 3*headBuffer),
			status: 408, method: "PUT", uri: "/incomplete", mayBeUnknown: true,
		},
		{
			name: "large head", raw: "PUT /large HTTP/1.1\r\nX: " + strings.Repeat("x", 70_000),
			status: 431, method: "PUT", uri: "/large", mayBeUnknown: true,
		},
		{name: "bad field", raw: "PUT /bad HTTP/1.1\r\nX : y\r\n\r\n", status: 400, method: "PUT", uri: "/bad"},
		{name: "incomplete body", raw: head("PUT /body", "Content-Length: 10") + "hello", status: 408, method: "PUT", uri: "/body"},
	} {
		t.Run(test.name, func(t *testing.T) {
			f := serve(t, &Server{Limits: limits}, echo)
			for range 5 {
				f.get("/secret/of/another")
			}
			before := len(f.logged())
			c := f.dial()
			go io.WriteString(c, test.raw)
			answered := make(chan answer)
			go func() { answered <- c.response("GET") }()
			var r answer
			for waits := true; waits; {
				select {
				case r = <-answered:
					waits = false
				default:
					f.get("/secret/of/another")
				}
			}
			if r.StatusCode != test.status {
				t.Fatalf("%d", r.StatusCode)
			}
			var refused []accesslog.Record
			until(t, "the access log", func() bool {
				for _, r := range f.logged()[before:] {
					if r.Status == test.status {
						refused = append(refused, r)
					}
				}
				return len(refused) > 0
			})
			r1 := refused[0]
			if r1.Method+r1.URI == "" && test.mayBeUnknown {
				return
			}
			if r1.Method != test.method || r1.URI != test.uri {
				t.Errorf("logged %q %q", r1.Method, short(r1.URI))
			}
		})
	}
}

// TestRefusalAfterHead: an earlier HEAD request is none of a refused one's business.
func TestRefusalAfterHead(t *testing.T) {
	f := serve(t, new(Server), echo)
	for range 50 {
		c := f.dial()
		c.request("HEAD /")
		c.expect("HEAD", 200, "")
		c.Close()
		c = f.dial()
		c.send("\x16\x03\x01")
		if r, err := io.ReadAll(c); err != nil || !strings.Contains(string(r), "TLS") {
			t.Fatalf("%q, %v: want an answer with its text", r, err)
		}
	}
}
