package bridge

import (
	"encoding/binary"
	"fmt"
	"net"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
)

func TestKeepAlive(t *testing.T) {
	f := serve(t, new(Server), echo)
	c := f.dial()
	for i, n := range []int{0, 1, 10, headBuffer - 100, headBuffer, 10 << 10, 0, inlineBody, inlineBody - 1, 3} {
		body := strings.Repeat("x", n)
		c.send(head(fmt.Sprintf("POST /%d", i), fmt.Sprintf("Content-Length: %d", n)) + body)
		if r := c.expect("POST", 200, fmt.Sprintf("POST /%d %s", i, body)); r.Close {
			t.Fatal("the connection closes")
		}
	}
	if n := f.Connections(); n != 1 {
		t.Errorf("%d connections", n)
	}
}

// TestSegments: how the bytes of a request are cut into segments changes nothing.
func TestSegments(t *testing.T) {
	f := serve(t, new(Server), echo)
	c := f.dial()
	raw := head("POST /x", "Content-Length: 5") + "hello"
	for cut := range len(raw) {
		c.send(raw[:cut])
		c.send(raw[cut:])
		c.expect("POST", 200, "POST /x hello")
	}
	for _, b := range []byte(raw) {
		c.send(string(b))
	}
	c.expect("POST", 200, "POST /x hello")
}

func TestPipelining(t *testing.T) {
	f := serve(t, new(Server), echo, echo)
	c := f.dial()
	const n = 50
	var raw strings.Builder
	for i := range n {
		fmt.Fprintf(&raw, "POST /%d HTTP/1.1\r\nHost: a\r\nContent-Length: %d\r\n\r\n%s", i, i, strings.Repeat("x", i))
	}
	c.send(raw.String() + head("GET /last", "Connection: close"))
	for i := range n {
		c.expect("POST", 200, fmt.Sprintf("POST /%d %s", i, strings.Repeat("x", i)))
	}
	c.expect("GET", 200, "GET /last ")
	c.ended()
}

// TestNextRequestEarly: the next request may come while the app is at the one before.
func TestNextRequestEarly(t *testing.T) {
	g := newGate()
	f := serve(t, new(Server), g.before(echo))
	defer g.open()
	c := f.dial()
	c.request("GET /1")
	receive(t, "the first request", g.entered)
	c.request("GET /2")
	c.send("GET /3 HTT")
	g.open()
	c.expect("GET", 200, "GET /1 ")
	c.expect("GET", 200, "GET /2 ")
	c.send("P/1.1\r\nHost: a\r\n\r\n")
	c.expect("GET", 200, "GET /3 ")
}

func TestManyConnections(t *testing.T) {
	f := serve(t, new(Server), echo, echo, echo)
	var clients sync.WaitGroup
	for i := range 10 {
		c := f.dial()
		clients.Go(func() {
			for j := range 30 {
				body := strings.Repeat("y", j)
				c.send(head(fmt.Sprintf("POST /%d/%d", i, j), fmt.Sprintf("Content-Length: %d", j)) + body)
				r := c.response("POST")
				if want := fmt.Sprintf("POST /%d/%d %s", i, j, body); r.StatusCode != 200 || r.body != want {
					t.Errorf("got %d %q, want %q", r.StatusCode, r.body, want)
					return
				}
			}
		})
	}
	clients.Wait()
	until(t, "the access log", func() bool { return len(f.logged()) == 300 })
	begun := int64(0)
	for _, w := range f.workers {
		begun += w.begun.Load()
	}
	if begun != 300 {
		t.Errorf("%d requests begun", begun)
	}
}

// TestPeer: the environ's endpoint over real sockets.
func TestPeer(t *testing.T) {
	environs := make(chan []string, 1)
	keep := answers(func(c Request) Reply {
		got, err := pairs(c.Environ(), binary.NativeEndian.Uint32)
		if err != nil {
			t.Error(err)
		}
		environs <- got
		return start("200 OK").whole("")
	})
	has := func(t *testing.T, want ...string) {
		t.Helper()
		got := receive(t, "the environ", environs)
		for _, pair := range want {
			if !slices.Contains(got, pair) {
				t.Errorf("no %s in %q", pair, got)
			}
		}
	}
	t.Run("tcp", func(t *testing.T) {
		f := serve(t, new(Server), keep)
		c := f.dial()
		c.request("GET /")
		c.expect("GET", 200, "")
		_, server, _ := net.SplitHostPort(f.addr.String())
		_, client, _ := net.SplitHostPort(c.LocalAddr().String())
		has(t, "SERVER_PORT="+server, "REMOTE_ADDR=127.0.0.1", "REMOTE_PORT="+client, "wsgi.url_scheme=http")
	})
	t.Run("unix", func(t *testing.T) {
		l, err := net.Listen("unix", filepath.Join(t.TempDir(), "s"))
		if err != nil {
			t.Fatal(err)
		}
		f := serveOn(t, l, new(Server), keep)
		f.get("/")
		has(t, "SERVER_PORT=80", "REMOTE_ADDR=", "wsgi.url_scheme=http")
		until(t, "it is logged", func() bool { return len(f.logged()) > 0 })
		until(t, "the access log", func() bool { return len(f.logged()) == 1 })
		if r := f.logged()[0]; r.RemoteAddr != "" {
			t.Errorf("logged %q", r.RemoteAddr)
		}
	})
}

// TestTwoListeners: one server may serve many.
func TestTwoListeners(t *testing.T) {
	s := new(Server)
	f := serve(t, s, echo)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	served := make(chan error, 1)
	go func() { served <- s.Serve(l) }()
	second := &front{Server: s, t: t, addr: l.Addr()}
	if r := second.get("/b"); r.body != "GET /b " {
		t.Errorf("%q", r.body)
	}
	if r := f.get("/a"); r.body != "GET /a " {
		t.Errorf("%q", r.body)
	}
	f.shutdown()
	if err := receive(t, "the second Serve returns", served); err != nil {
		t.Error(err)
	}
}

// TestHealth: the health path needs no worker, even if all are stuck and the queue is full.
func TestHealth(t *testing.T) {
	g := newGate()
	f := serve(t, &Server{Health: "/health", Queue: &Queue{Limit: 1}}, g.before(echo))
	defer g.open()
	stuck := f.dial()
	stuck.request("GET /stuck")
	receive(t, "the stuck request", g.entered)
	waits := f.dial()
	waits.request("GET /waits")
	until(t, "the queue is full", func() bool { return f.Queue.Stats().Waiting == 1 })

	c := f.dial()
	for _, line := range []string{"GET /health", "GET /health?x=y", "GET http://other/health", "GET /health?live"} {
		c.request(line)
		if r := c.expect("GET", 200, "ok\n"); r.Close || r.Header.Get("Date") == "" {
			t.Errorf("%s: %v", line, r.Header)
		}
	}
	c.request("HEAD /health")
	if r := c.expect("HEAD", 200, ""); r.ContentLength != 3 {
		t.Errorf("HEAD: %v", r.Header)
	}
	c.request("GET /health", "Connection: close")
	c.expect("GET", 200, "ok\n")
	c.ended()

	c = f.dial()
	c.request("GET /health HTTP/1.0", "Connection: keep-alive")
	if r := c.expect("GET", 200, "ok\n"); r.Header.Get("Connection") != "keep-alive" {
		t.Errorf("HTTP/1.0: %v", r.Header)
	}
	c.request("GET /health HTTP/1.0")
	c.expect("GET", 200, "ok\n")
	c.ended()

	c = f.dial()
	c.send(head("GET /health", "Content-Length: 5") + "hello")
	if r := c.expect("GET", 200, "ok\n"); !r.Close {
		t.Error("a body stays in the way of the next request")
	}

	g.open()
	stuck.expect("GET", 200, "GET /stuck ")
	waits.expect("GET", 200, "GET /waits ")
	waits.send(head("POST /health", "Content-Length: 1") + "x") // not the server's
	waits.expect("POST", 200, "POST /health x")
	waits.request("GET /health/")
	waits.expect("GET", 200, "GET /health/ ")
}

// TestRefusals: what no app sees. Each is answered once, and the connection ends.
func TestRefusals(t *testing.T) {
	f := serve(t, &Server{Mounts: Mounts{{Prefix: "/app"}}}, echo)
	const next = "GET /app/next HTTP/1.1\r\nHost: a\r\n\r\n"
	for _, test := range []struct {
		name   string
		raw    string
		status int
	}{
		{"TLS", "\x16\x03\x01\x02\x00\x01\x00", 400},
		{"bare LF", "GET /app HTTP/1.1\nHost: a\n\n", 400},
		{"bare CR", "GET /app HTTP/1.1\r\nHost: a\r\nX: a\rb\r\n\r\n", 400},
		{"obs-fold", "GET /app HTTP/1.1\r\nHost: a\r\nX: a\r\n b\r\n\r\n", 400},
		{"space before colon", "GET /app HTTP/1.1\r\nHost : a\r\n\r\n", 400},
		{"no Host", "GET /app HTTP/1.1\r\n\r\n", 400},
		{"two Content-Lengths", "POST /app HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nContent-Length: 3\r\n\r\nabc", 400},
		{"Content-Length list", "POST /app HTTP/1.1\r\nHost: a\r\nContent-Length: 3, 3\r\n\r\nabc", 400},
		{"Content-Length +3", "POST /app HTTP/1.1\r\nHost: a\r\nContent-Length: +3\r\n\r\nabc", 400},
		{"HTTP/0.9", "GET /app\r\n", 400},
		{"outside the mount point", head("GET /other"), 404},
		{"expectation", head("POST /app", "Expect: 200-ok", "Content-Length: 3") + "abc", 417},
		{"CONNECT", head("CONNECT a:443"), 501},
		{"coding", head("POST /app", "Transfer-Encoding: gzip, chunked"), 501},
		{"HTTP/2", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 505},
	} {
		t.Run(test.name, func(t *testing.T) {
			c := f.dial()
			c.t = t
			c.send(test.raw + next)
			r := c.refused("GET", test.status)
			if !strings.HasPrefix(r.body, fmt.Sprint(test.status, " ")) || r.Header.Get("Retry-After") != "" {
				t.Errorf("%q %v", r.body, r.Header)
			}
		})
	}
	if n := f.workers[0].begun.Load(); n != 0 {
		t.Errorf("%d requests reached the app", n)
	}
}

// TestRefusalOfHead: the answer to HEAD has no body, also when it refuses.
func TestRefusalOfHead(t *testing.T) {
	f := serve(t, &Server{Mounts: Mounts{{Prefix: "/app"}}}, echo)
	c := f.dial()
	c.request("HEAD /other")
	c.refused("HEAD", 404)
}

// TestRunning: the list of what the workers are at.
func TestRunning(t *testing.T) {
	g := newGate()
	f := serve(t, new(Server), g.before(echo), g.before(echo))
	defer g.open()
	if running := f.Queue.Running(); len(running) != 0 {
		t.Errorf("at first: %v", running)
	}
	a, b := f.dial(), f.dial()
	a.request("GET /a?x=y")
	receive(t, "the first request", g.entered)
	b.request("POST /b", "Content-Length: 0")
	receive(t, "the second request", g.entered)
	var lines []string
	for _, r := range f.Queue.Running() {
		lines = append(lines, r.Line)
		if r.Age <= 0 || r.Age > patience || r.Worker != 0 && r.Worker != 1 {
			t.Errorf("%+v", r)
		}
	}
	slices.Sort(lines)
	if want := []string{"GET /a?x=y", "POST /b"}; !slices.Equal(lines, want) {
		t.Errorf("got %q, want %q", lines, want)
	}
	g.open()
	a.expect("GET", 200, "GET /a ")
	b.expect("POST", 200, "POST /b ")
	until(t, "nothing runs", func() bool { return len(f.Queue.Running()) == 0 })
}
