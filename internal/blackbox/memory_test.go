package blackbox

import (
	"fmt"
	"io"
	"strings"
	"sync"
	"testing"
	"time"
)

const (
	gib = 1 << 30
	// flat is how much more than an idle server may be resident at the peak.
	flat = 32 << 20
)

// peak runs f and asserts that memory stayed flat meanwhile, against the server at rest.
func (s *server) peak(t *testing.T, f func()) {
	t.Helper()
	idle := memory(t, s.pid(), "VmRSS")
	begun := time.Now()
	f()
	top := memory(t, s.pid(), "VmHWM")
	t.Logf("1 GiB in %v, idle %d MiB, peak %d MiB", time.Since(begun).Round(time.Millisecond), idle>>20, top>>20)
	if top > idle+flat {
		t.Errorf("peak %d MiB, idle %d MiB: not flat", top>>20, idle>>20)
	}
}

// Clauses: "a 1 GiB upload (with length or chunked) runs in flat memory", "flat memory on a
// 1 GiB stream". Alone on the machine, as the other tests' memory is nobody's measure.
func TestFlatMemory(t *testing.T) {
	if testing.Short() {
		t.Skip("-short: memory is not measured")
	}
	t.Run("upload with length", func(t *testing.T) {
		uploads(t, fmt.Sprintf("Content-Length: %d\r\n\r\n", gib), func(c *conn, block string) {
			for range gib / len(block) {
				c.trySend(block)
			}
		})
	})
	t.Run("upload chunked", func(t *testing.T) {
		uploads(t, "Transfer-Encoding: chunked\r\n\r\n", func(c *conn, block string) {
			chunk := fmt.Sprintf("%x\r\n%s\r\n", len(block), block)
			for range gib / len(block) {
				c.trySend(chunk)
			}
			c.trySend("0\r\n\r\n")
		})
	})
	t.Run("stream", func(t *testing.T) {
		inTurn(t, both, func(t *testing.T, v variant) {
			s := v.start(t, launch{App: "body"})
			s.get(t, "/stream?chunks=10").wantStatus(t, 200)
			s.peak(t, func() {
				c := s.dial(t)
				c.send("GET /stream?chunks=16384 HTTP/1.0\r\n\r\n")
				c.responseHead("GET")
				if n, err := io.Copy(io.Discard, c.r); n != gib || err != nil {
					t.Errorf("%d bytes, %v", n, err)
				}
			})
		})
	})
	t.Run("file", func(t *testing.T) {
		inTurn(t, both, func(t *testing.T, v variant) {
			s := v.start(t, launch{App: "file_wrapper"})
			s.putContent(t, make([]byte, 256<<20))
			s.peak(t, func() {
				for range 4 {
					c := s.dial(t)
					c.send("GET /kind?kind=raw HTTP/1.0\r\n\r\n")
					c.responseHead("GET")
					if n, err := io.Copy(io.Discard, c.r); n != 256<<20 || err != nil {
						t.Errorf("%d bytes, %v", n, err)
					}
				}
			})
		})
	})
}

func uploads(t *testing.T, framing string, send func(c *conn, block string)) {
	inTurn(t, both, func(t *testing.T, v variant) {
		s := v.start(t, launch{App: "input"})
		s.post(t, "/count", "warm").want(t, 200, "4")
		s.peak(t, func() {
			c := s.dial(t)
			c.send("POST /count HTTP/1.1\r\nHost: t\r\n" + framing)
			go send(c, strings.Repeat("u", 1<<18))
			c.response("POST").want(t, 200, fmt.Sprint(gib))
		})
	})
}

// soakTargets are the requests of one round. wants 0: the answer may be broken off.
var soakTargets = []struct {
	raw   string
	wants int
}{
	{request("GET", "/hello", ""), 200},
	{request("GET", "/args?q=%C3%A9&x=1", "", "User-Agent: soak", "Cookie: a=1; b=2", "X-One: 1", "X-One: 2"), 200},
	{request("POST", "/post", strings.Repeat("line of text\n", 100)), 200},
	{"POST /post HTTP/1.1\r\nHost: t\r\nTransfer-Encoding: chunked\r\n\r\n" + chunkedBody(strings.Repeat("chunk\n", 50), 17), 200},
	{request("POST", "/unread", strings.Repeat("u", 5000)), 200},
	{request("GET", "/generate", ""), 200},
	{request("GET", "/write", ""), 200},
	{request("GET", "/file", ""), 200},
	{request("GET", "/memory-file", ""), 200},
	{request("GET", "/raise", ""), 500},
	{request("GET", "/raise-late", ""), 0},
	{request("GET", "/replaced", ""), 404},
	{request("GET", "/refused", ""), 200},
	{request("GET", "/cycle", ""), 200},
	{request("GET", "/nothing", ""), 204},
	{request("GET", "/hello-"+strings.Repeat("x", 200), ""), 404},
	{request("GET", "/hello", "", "X-Unique-%d: v"), 200},
	{"GET /hello HTTP/1.1\r\nHost: t\r\nBad Header\r\n\r\n", 400},
	{request("GET", "/endless", ""), 0},
}

// Clause: "20,000 mixed requests end with flat RSS and Python refcounts (… gc.get_objects
// counts and RSS)". sys.getallocatedblocks also counts what the collector doesn't track.
func TestMixedRequestsLeaveNothing(t *testing.T) {
	if testing.Short() {
		t.Skip("-short: memory is not measured")
	}
	inTurn(t, plain, func(t *testing.T, v variant) {
		s := v.start(t, launch{App: "soak", Args: []string{"--threads", "4", "--disable-logging"}})
		s.putContent(t, []byte(strings.Repeat("file content ", 500)))
		s.fillCaches(t)
		s.soak(t, 8000, 0)
		before := s.census(t)
		s.soak(t, 12000, 8000)
		after := s.census(t)
		t.Logf("before %+v, after %+v", before, after)
		if after.Objects > before.Objects+300 {
			t.Errorf("%d objects more after 12,000 requests", after.Objects-before.Objects)
		}
		// One block leaked by each request of a single kind would be some 630.
		if after.Blocks > before.Blocks+400 {
			t.Errorf("%d memory blocks more after 12,000 requests", after.Blocks-before.Blocks)
		}
		if after.rss > before.rss+8<<20 {
			t.Errorf("resident memory grew from %d to %d KiB", before.rss>>10, after.rss>>10)
		}
		if after.Threads != before.Threads {
			t.Errorf("Python had %d threads and has %d", before.Threads, after.Threads)
		}
	})
}

// alive is what lives in the process, by Python's count and by the kernel's.
type alive struct {
	Objects, Blocks, Threads int
	rss                      int64
}

// census takes the least of some counts, as request threads come and go.
func (s *server) census(t *testing.T) (least alive) {
	t.Helper()
	s.settled(t)
	for i := range 5 {
		var a alive
		s.get(t, "/census").json(t, &a)
		if i == 0 {
			least = a
		}
		least.Objects, least.Blocks = min(least.Objects, a.Objects), min(least.Blocks, a.Blocks)
	}
	least.rss = memory(t, s.pid(), "VmRSS")
	return least
}

// fillCaches sends what clients can choose freely, header names above all: a server may
// keep some of that, up to a bound. What grows beyond is a leak.
func (s *server) fillCaches(t *testing.T) {
	t.Helper()
	for i := range 20 {
		var lines []string
		for k := range 250 {
			lines = append(lines, fmt.Sprintf("X-Fill-%d-%d: v", i, k))
		}
		s.get(t, "/hello", lines...).want(t, 200, "hello")
	}
}

// soak sends about total requests over several connections. first makes header names unique.
func (s *server) soak(t *testing.T, total, first int) {
	t.Helper()
	const clients = 6
	var wg sync.WaitGroup
	failed := make(chan string, clients)
	for k := range clients {
		wg.Add(1)
		go func() {
			defer wg.Done()
			if problem := s.soakClient(t, total/clients, first+k*total/clients); problem != "" {
				failed <- problem
			}
		}()
	}
	wg.Wait()
	close(failed)
	for problem := range failed {
		t.Fatal(problem)
	}
}

// soakClient sends n requests, on a connection as long as it lives, and names a problem.
func (s *server) soakClient(t *testing.T, n, first int) string {
	var c *conn
	for i := range n {
		if c == nil {
			c = s.dial(t)
		}
		target := soakTargets[(first+i)%len(soakTargets)]
		raw := strings.Replace(target.raw, "%d:", fmt.Sprint(first+i)+":", 1)
		c.trySend(raw)
		if strings.Contains(raw, "/endless") {
			_, _ = c.r.Peek(100)
			c.reset()
			c = nil
			continue
		}
		r, err := c.tryResponse("GET")
		if target.wants != 0 && (err != nil || r.Status != target.wants) {
			return fmt.Sprintf("request %d, %.60q: %v, %+v", i, raw, err, r)
		}
		if err != nil || strings.EqualFold(r.get("Connection"), "close") {
			c.Close()
			c = nil
		}
	}
	if c != nil {
		c.Close()
	}
	return ""
}
