package stats

import (
	"errors"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

const patience = 10 * time.Second

// running is a server on a loopback port. It is closed, and must end, when the test does.
type running struct {
	*Server
	t      *testing.T
	addr   net.Addr
	served chan struct{}
}

func run(t *testing.T, s *Server) *running {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	return runOn(t, s, l)
}

func runOn(t *testing.T, s *Server, l net.Listener) *running {
	if s.Document == nil {
		s.Document = func() ([]byte, error) { return []byte("{}"), nil }
	}
	r := &running{s, t, l.Addr(), make(chan struct{})}
	go func() {
		s.Serve(l)
		close(r.served)
	}()
	t.Cleanup(r.end)
	return r
}

func (r *running) end() {
	for range 2 {
		if err := r.Close(); err != nil {
			r.t.Error(err)
		}
	}
	select {
	case <-r.served:
	case <-time.After(patience):
		r.t.Error("Serve does not return")
	}
}

func (r *running) dial() net.Conn {
	r.t.Helper()
	c, err := net.Dial(r.addr.Network(), r.addr.String())
	if err != nil {
		r.t.Fatal(err)
	}
	r.t.Cleanup(func() { c.Close() })
	c.SetDeadline(time.Now().Add(patience))
	return c
}

// document is all that a client gets that sends text.
func (r *running) document(text string) string {
	r.t.Helper()
	c := r.dial()
	if _, err := io.WriteString(c, text); err != nil {
		r.t.Fatal(err)
	}
	all, err := io.ReadAll(c)
	if err != nil {
		r.t.Fatal(err)
	}
	return string(all)
}

func TestServe(t *testing.T) {
	l, err := net.Listen("unix", filepath.Join(t.TempDir(), "s"))
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range []*running{run(t, new(Server)), runOn(t, new(Server), l)} {
		for _, text := range []string{"", "GET / HTTP/1.0\r\n\r\n", strings.Repeat("x", 10<<10)} {
			if got := r.document(text); got != "{}" {
				t.Errorf("%s: after %.20q: %q", r.addr.Network(), text, got)
			}
		}
	}
}

func TestServeHTTP(t *testing.T) {
	r := run(t, &Server{HTTP: true})
	raw := r.document("GET / HTTP/1.0\r\n\r\n")
	if want := head + "{}"; raw != want {
		t.Errorf("got %q, want %q", raw, want)
	}
	if got := r.document("nonsense\r\n\r\n"); got != "" {
		t.Errorf("nonsense was answered: %q", got)
	}
	answer, err := http.Get("http://" + r.addr.String() + "/any")
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	body, err := io.ReadAll(answer.Body)
	if err != nil || string(body) != "{}" || answer.Header.Get("Content-Type") != "application/json" {
		t.Errorf("%q, %v, %v", body, err, answer.Header)
	}
}

// TestMany: more clients at once than there are places, some of them silent.
func TestMany(t *testing.T) {
	r := run(t, &Server{HTTP: true})
	for range clientsMax / 2 {
		r.dial()
	}
	var clients sync.WaitGroup
	for range 2 * clientsMax {
		clients.Go(func() {
			c, err := net.Dial("tcp", r.addr.String())
			if err != nil {
				t.Error(err)
				return
			}
			defer c.Close()
			c.SetDeadline(time.Now().Add(patience))
			if _, err := io.WriteString(c, "GET / HTTP/1.0\r\n\r\n"); err != nil {
				t.Error(err)
			}
			if all, err := io.ReadAll(c); err != nil || string(all) != head+"{}" {
				t.Errorf("%q, %v", all, err)
			}
		})
	}
	clients.Wait()
}

// TestIdle: clients that are waited for, and ones that do not close, hold nobody up.
func TestIdle(t *testing.T) {
	r := run(t, &Server{wait: time.Hour})
	idle := make([]net.Conn, 50)
	for i := range idle {
		idle[i] = r.dial()
	}
	if got := r.document("x"); got != "{}" { // what is said ends the wait
		t.Errorf("got %q while %d wait", got, len(idle))
	}
	for _, c := range idle {
		c.SetReadDeadline(time.Now())
		if n, err := c.Read(make([]byte, 1)); !errors.Is(err, os.ErrDeadlineExceeded) {
			t.Fatalf("an idle client has %d bytes, %v", n, err)
		}
		c.SetReadDeadline(time.Now().Add(patience))
	}
	for _, c := range idle {
		if _, err := io.WriteString(c, "x"); err != nil {
			t.Fatal(err)
		}
		if got, err := io.ReadAll(c); err != nil || string(got) != "{}" {
			t.Errorf("%q, %v", got, err)
		}
	}
	if got := r.document("x"); got != "{}" {
		t.Errorf("got %q while %d do not close", got, len(idle))
	}
}

// TestOneDocument: however many ask, one document is made at a time, and each gets one.
func TestOneDocument(t *testing.T) {
	var making, most, made atomic.Int32
	begun, goOn := make(chan struct{}), make(chan struct{})
	r := run(t, &Server{Document: func() ([]byte, error) {
		most.Store(max(most.Load(), making.Add(1)))
		defer making.Add(-1)
		if made.Add(1) == 1 {
			close(begun)
			<-goOn
		}
		return []byte("{}"), nil
	}})
	var clients sync.WaitGroup
	for range 20 {
		c := r.dial()
		if _, err := io.WriteString(c, "x"); err != nil {
			t.Fatal(err)
		}
		clients.Go(func() {
			if all, err := io.ReadAll(c); err != nil || string(all) != "{}" {
				t.Errorf("%q, %v", all, err)
			}
		})
	}
	<-begun
	for all := false; !all; { // are in the server's hands, so that the others would make theirs now
		runtime.Gosched()
		r.mu.Lock()
		all = len(r.open) == 1+20
		r.mu.Unlock()
	}
	close(goOn)
	clients.Wait()
	if most.Load() != 1 {
		t.Errorf("%d documents were made at the same time", most.Load())
	}
}

// TestCloseCuts: a client that says nothing does not hold up the end.
func TestCloseCuts(t *testing.T) {
	r := run(t, &Server{HTTP: true})
	c := r.dial()
	if _, err := io.WriteString(c, "GET /"); err != nil {
		t.Fatal(err)
	}
	begun := time.Now()
	r.end()
	if d := time.Since(begun); d > clientTime/2 {
		t.Errorf("the end took %v", d)
	}
	if all, _ := io.ReadAll(c); len(all) > 0 {
		t.Errorf("got %q", all)
	}
}

func TestServeClosed(t *testing.T) {
	s := &Server{Document: func() ([]byte, error) { return nil, nil }}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s.Serve(l)
	if _, err := l.Accept(); !errors.Is(err, net.ErrClosed) {
		t.Errorf("the listener is open still: %v", err)
	}
}

// TestNoDocument: a failure is nobody's but this client's.
func TestNoDocument(t *testing.T) {
	var failed atomic.Bool
	r := run(t, &Server{Document: func() ([]byte, error) {
		if !failed.Swap(true) {
			return nil, errors.New("no document")
		}
		return []byte("{}"), nil
	}})
	if got := r.document(""); got != "" {
		t.Errorf("got %q", got)
	}
	if got := r.document(""); got != "{}" {
		t.Errorf("got %q", got)
	}
}
