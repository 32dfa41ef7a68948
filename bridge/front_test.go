package bridge

import (
	"bufio"
	"bytes"
	"context"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/gowsgi/gowsgi/internal/accesslog"
	"github.com/gowsgi/gowsgi/internal/link"
)

// front is a Server on a loopback port, with one worker for each app.
type front struct {
	*Server
	t       testing.TB
	addr    net.Addr
	log     *lines
	workers []*thread
	served  chan error

	mu      sync.Mutex
	records []accesslog.Record
}

// lenient are limits that no test runs into by chance.
var lenient = Limits{
	Head: 64 << 10, Header: patience, BodyIdle: patience, Send: patience, Idle: patience, Wait: patience,
}

// serve starts s. It is stopped, and must stop, when the test ends.
func serve(t testing.TB, s *Server, apps ...app) *front {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	return serveOn(t, l, s, apps...)
}

func serveOn(t testing.TB, l net.Listener, s *Server, apps ...app) *front {
	f := &front{Server: s, t: t, addr: l.Addr(), log: new(lines), served: make(chan error, 1)}
	queue := new(Queue) // the threads'
	switch given, _ := s.Queue.(*Queue); {
	case given != nil:
		queue = given
	case s.Queue != nil: // a pool, whose threads are elsewhere
	case pooled() && len(apps) > 0:
		s.Queue = f.pool(queue, len(apps))
	default:
		s.Queue = queue
	}
	if s.Limits == (Limits{}) {
		s.Limits = lenient
	}
	if s.Access == nil {
		s.Access = f.record
	}
	s.Log = slog.New(slog.NewTextHandler(f.log, &slog.HandlerOptions{Level: slog.LevelDebug}))
	var working sync.WaitGroup
	for _, a := range apps {
		w := &thread{app: a}
		f.workers = append(f.workers, w)
		seated := make(chan struct{})
		working.Go(func() {
			defer func() {
				if p := recover(); p != nil {
					t.Errorf("a panic would have ended the process: %v", p)
				}
			}()
			queue.Work(w, func() { close(seated) })
		})
		<-seated
	}
	go func() { f.served <- s.Serve(l) }()
	t.Cleanup(func() { f.stop(queue, &working) })
	return f
}

// pooled has tests run with a pool and a worker process's end of a link, both in this process, as far
// as they don't bring a queue of their own. It is read within the tests: go test knows then that a result
// without it is none with it.
func pooled() bool { return os.Getenv("GOWSGI_TEST_POOL") != "" }

// pair is a member of p, and its worker's end in this process.
func (f *front) pair(p *Pool, threads int) (*Member, *link.Worker) {
	f.t.Helper()
	front, err := link.NewFront(link.Size{Slots: threads, Request: RequestMax(64 << 10)})
	if err != nil {
		f.t.Fatal(err)
	}
	worker, err := link.Join(front.Size(), f.duplicates(front))
	if err != nil {
		f.t.Fatal(err)
	}
	m, err := p.Join(front, Process{
		Number: 1, PID: os.Getpid(), Spawned: time.Now(), Threads: threads,
		Spoilt: func(err error) { f.t.Errorf("a member was spoilt: %v", err) },
	})
	if err != nil {
		f.t.Fatal(err)
	}
	return m, worker
}

// pool is one whose only member is q.
func (f *front) pool(q *Queue, threads int) *Pool {
	p := new(Pool)
	m, worker := f.pair(p, threads)
	NewStation(worker, q, slog.New(slog.NewTextHandler(f.log, nil)), func(slot, fd int) error {
		fd, err := unix.Dup(fd)
		if err == nil {
			m.Deliver(slot, os.NewFile(uintptr(fd), "file"))
		}
		return err
	})
	f.t.Cleanup(func() { // last: the worker's end is no longer used
		m.Lost()
		_ = worker.Leave()
	})
	return p
}

// duplicates are the link's files, for the worker's end in the same process.
func (f *front) duplicates(l *link.Front) (files []*os.File) {
	for _, file := range l.Files() {
		fd, err := unix.Dup(int(file.Fd()))
		if err != nil {
			f.t.Fatal(err)
		}
		files = append(files, os.NewFile(uintptr(fd), file.Name()))
	}
	return files
}

func (f *front) stop(q *Queue, working *sync.WaitGroup) {
	f.shutdown()
	f.Queue.Close()
	q.Close()
	left := make(chan struct{})
	go func() {
		working.Wait()
		close(left)
	}()
	receive(f.t, "the workers leave", left)
	q.deserted(f.t)
	if err := receive(f.t, "Serve returns", f.served); err != nil {
		f.t.Errorf("Serve: %v", err)
	}
}

// deserted waits until nobody asks a queue's source any more.
func (q *Queue) deserted(t testing.TB) {
	t.Helper()
	until(t, "nobody asks for requests any more", func() bool {
		q.mu.Lock()
		defer q.mu.Unlock()
		return !q.polling
	})
}

func (f *front) shutdown() {
	f.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	if err := f.Shutdown(ctx); err != nil {
		f.t.Errorf("Shutdown: %v, %d connections", err, f.Connections())
	}
}

// record keeps an access record: its strings are valid during the call only.
func (f *front) record(r *accesslog.Record) {
	kept := *r
	for _, s := range []*string{&kept.Method, &kept.URI, &kept.Proto, &kept.Host, &kept.UserAgent, &kept.Referer} {
		*s = strings.Clone(*s)
	}
	kept.Environ = nil
	f.mu.Lock()
	defer f.mu.Unlock()
	f.records = append(f.records, kept)
}

func (f *front) logged() []accesslog.Record {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.records
}

// lines gathers a log.
type lines struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (l *lines) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(p)
}

func (l *lines) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

// client is one raw connection to a front.
type client struct {
	net.Conn
	t testing.TB
	r *bufio.Reader
}

func (f *front) dial() *client {
	f.t.Helper()
	nc, err := net.Dial(f.addr.Network(), f.addr.String())
	if err != nil {
		f.t.Fatal(err)
	}
	_ = nc.SetDeadline(time.Now().Add(2 * patience))
	f.t.Cleanup(func() { nc.Close() })
	return &client{nc, f.t, bufio.NewReader(nc)}
}

func (c *client) send(text string) {
	c.t.Helper()
	if _, err := io.WriteString(c.Conn, text); err != nil {
		c.t.Fatalf("send: %v", err)
	}
}

// request sends a request without a body.
func (c *client) request(line string, fields ...string) {
	c.t.Helper()
	c.send(head(line, fields...))
}

// head is a request's head. line may leave the version out.
func head(line string, fields ...string) string {
	if !strings.Contains(line, " HTTP/") {
		line += " HTTP/1.1"
	}
	lines := append([]string{line, "Host: a.example"}, fields...)
	return strings.Join(lines, "\r\n") + "\r\n\r\n"
}

// answer is a whole response.
type answer struct {
	*http.Response
	body string
}

// response reads the answer to a request by method.
func (c *client) response(method string) answer {
	c.t.Helper()
	r, err := http.ReadResponse(c.r, &http.Request{Method: method})
	if err != nil {
		c.t.Fatalf("response: %v", err)
	}
	defer r.Body.Close()
	body, err := io.ReadAll(r.Body)
	if err != nil {
		c.t.Fatalf("response body: %v after %d bytes", err, len(body))
	}
	return answer{r, string(body)}
}

// expect reads an answer and checks its status and body.
func (c *client) expect(method string, status int, body string) answer {
	c.t.Helper()
	r := c.response(method)
	if r.StatusCode != status || r.body != body {
		c.t.Fatalf("got %d %q, want %d %q", r.StatusCode, short(r.body), status, short(body))
	}
	return r
}

// refused reads an answer that refuses, and the connection's end after it.
func (c *client) refused(method string, status int) answer {
	c.t.Helper()
	r := c.response(method)
	if r.StatusCode != status || !r.Close {
		c.t.Fatalf("got %d, close %v, want %d that closes", r.StatusCode, r.Close, status)
	}
	c.ended()
	return r
}

// ended wants the connection's orderly end, and nothing before it.
func (c *client) ended() {
	c.t.Helper()
	if rest, err := io.ReadAll(c.r); err != nil || len(rest) > 0 {
		c.t.Fatalf("want the connection's end, got %q, %v", short(string(rest)), err)
	}
}

// leave closes the client's writing side.
func (c *client) leave() {
	c.t.Helper()
	if err := c.Conn.(interface{ CloseWrite() error }).CloseWrite(); err != nil {
		c.t.Fatal(err)
	}
}

func short(s string) string {
	if len(s) > 200 {
		return s[:200] + "…"
	}
	return s
}

// get is a whole exchange over a connection of its own.
func (f *front) get(path string) answer {
	f.t.Helper()
	c := f.dial()
	defer c.Close()
	c.request("GET " + path)
	return c.response("GET")
}
