package bridge

import (
	"encoding/json"
	"fmt"
	"io"
	"iter"
	"log/slog"
	"math/rand/v2"
	"os"
	"os/exec"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/gowsgi/gowsgi/internal/link"
)

// workerVariable makes the test binary a worker process: it holds the link's size.
const workerVariable = "GOWSGI_TEST_WORKER"

const (
	hammerThreads = 3
	hammerMembers = 3
)

// beWorker is the life of such a process: it ends when its stdin does.
func beWorker(text string) {
	var size link.Size
	if err := json.Unmarshal([]byte(text), &size); err != nil {
		panic(err)
	}
	var files []*os.File
	for i := range 2 {
		files = append(files, os.NewFile(uintptr(3+i), "inherited"))
	}
	l, err := link.Join(size, files)
	if err != nil {
		panic(err)
	}
	q := new(Queue)
	NewStation(l, q, slog.New(slog.DiscardHandler), func(int, int) error { return nil }) // it lies
	for range hammerThreads {
		go q.Work(&thread{app: hammered}, func() {})
	}
	_, _ = io.Copy(io.Discard, os.Stdin)
	os.Exit(0)
}

// hammered answers with the path, and the body: at once, in pieces, or read piece by piece.
func hammered(r Request) iter.Seq2[Event, Reply] {
	path := value(r, "PATH_INFO")
	return func(yield func(Event, Reply) bool) {
		body, err := readAll(r)
		if err != io.EOF {
			yield(EventError, failure(err.Error()))
			return
		}
		switch {
		case path == "/dies": // when all has been said
			if yield(EventChunk, start("200 OK").whole(path+" end")) {
				_ = syscall.Kill(os.Getpid(), syscall.SIGKILL)
			}
		case path == "/file":
			if !yield(EventFile, start("200 OK").whole("")) {
				return
			}
			yield(EventDone, Reply{Total: -1, FD: -1})
		case strings.HasSuffix(path, "0"):
			if yield(EventChunk, start("200 OK").with(path)) && yield(EventChunk, chunk(body)) {
				yield(EventDone, chunk(" end"))
			}
		case strings.HasSuffix(path, "5"): // its end is told after its last chunk
			if yield(EventChunk, start("200 OK").with(path)) && yield(EventChunk, chunk(body+" end")) {
				yield(EventDone, Reply{Total: -1})
			}
		default:
			yield(EventDone, start("200 OK").whole(path+body+" end"))
		}
	}
}

// process is a worker process of the hammer test.
type process struct {
	cmd    *exec.Cmd
	stdin  io.Closer
	member *Member
}

func startProcess(t *testing.T, p *Pool, number int) *process {
	t.Helper()
	return startSuspect(t, p, number, func(err error) { t.Errorf("a member was spoilt: %v", err) })
}

// startSuspect is startProcess for one that does what it should not.
func startSuspect(t *testing.T, p *Pool, number int, spoilt func(error)) *process {
	t.Helper()
	front, err := link.NewFront(link.Size{Slots: hammerThreads, Request: RequestMax(64 << 10)})
	if err != nil {
		t.Fatal(err)
	}
	size, _ := json.Marshal(front.Size())
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), workerVariable+"="+string(size))
	cmd.ExtraFiles = front.Files()
	cmd.Stderr = os.Stderr
	stdin, err := cmd.StdinPipe()
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		t.Fatal(err)
	}
	m, err := p.Join(front, Process{
		Number: number, PID: cmd.Process.Pid, Spawned: time.Now(), Threads: hammerThreads,
		Spoilt: spoilt,
	})
	if err != nil {
		t.Fatal(err)
	}
	return &process{cmd, stdin, m}
}

// stop returns when the process has stopped: a moment after the signal, in which it may do a lot.
func (w *process) stop(t *testing.T) {
	t.Helper()
	if err := w.cmd.Process.Signal(syscall.SIGSTOP); err != nil {
		t.Fatal(err)
	}
	var status syscall.WaitStatus
	for {
		_, err := syscall.Wait4(w.cmd.Process.Pid, &status, syscall.WUNTRACED, nil)
		if err == nil && status.Stopped() {
			return
		}
		if err != syscall.EINTR {
			t.Fatalf("the process does not stop: %v %v", status, err)
		}
	}
}

func (w *process) kill() (running int) {
	_ = w.cmd.Process.Kill()
	_ = w.cmd.Wait()
	running = w.member.Busy()
	w.member.Lost()
	return running
}

// dies waits until it has ended by itself.
func (w *process) dies(t *testing.T) {
	t.Helper()
	died := make(chan struct{})
	go func() {
		_ = w.cmd.Wait()
		close(died)
	}()
	receive(t, "the process dies", died)
	w.member.Lost()
}

// TestSlotForgetsLateMessages: that nothing more follows may be seen in the memory before the message
// about it comes, which is nothing to the slot's next request.
func TestSlotForgetsLateMessages(t *testing.T) {
	front, err := link.NewFront(link.Size{Slots: 1, Request: RequestMax(1 << 10)})
	if err != nil {
		t.Fatal(err)
	}
	p := new(Pool)
	m, err := p.Join(front, Process{Number: 1, Threads: 1, Spoilt: func(err error) { t.Error(err) }})
	if err != nil {
		t.Fatal(err)
	}
	defer m.Lost()
	r := m.slots[0]
	m.unused, m.out = nil, 1
	r.call, r.talking = new(Call), true
	r.events <- link.Closed
	p.free(r)
	if len(r.events) > 0 {
		t.Error("the next request gets it")
	}
}

// TestPoolHammer kills worker processes at any moment, under load: every request is answered once, by
// its own answer or 502, or its answer breaks off; nobody waits for ever; no slot is lost.
func TestPoolHammer(t *testing.T) {
	p := new(Pool)
	f := serve(t, &Server{Queue: p})
	var crew []*process
	for i := range hammerMembers {
		crew = append(crew, startProcess(t, p, i+1))
	}
	var good, bad, broken, killed atomic.Int64
	over := make(chan struct{})
	var clients sync.WaitGroup
	for id := range 8 {
		clients.Go(func() {
			for n := 0; ; n++ {
				select {
				case <-over:
					return
				default:
				}
				path, body := fmt.Sprintf("/%d/%d", id, n), ""
				if n%7 == 0 {
					body = strings.Repeat("x", 200_000) // streamed
				}
				c := f.dial()
				c.send(fmt.Sprintf("POST %s HTTP/1.1\r\nHost: t\r\nConnection: close\r\nContent-Length: %d\r\n\r\n%s", path, len(body), body))
				all, _ := io.ReadAll(c.r)
				_ = c.Close()
				text := string(all)
				switch {
				case strings.HasPrefix(text, "HTTP/1.1 200") && strings.Count(text, "HTTP/1.1 ") == 1 &&
					strings.Contains(text, path) && strings.Contains(text, " end"):
					good.Add(1)
				case strings.HasPrefix(text, "HTTP/1.1 502"):
					bad.Add(1)
				case strings.HasPrefix(text, "HTTP/1.1 200") && strings.Contains(text, path) || len(body) > 0:
					broken.Add(1) // under way, or reset while the body was on its way
				default:
					t.Errorf("%s: answered %.200q", path, text)
				}
			}
		})
	}
	for deaths := 0; deaths < 30; deaths++ {
		floor := good.Load() + int64(rand.IntN(40))
		until(t, "requests are served", func() bool { return good.Load() >= floor })
		i := rand.IntN(len(crew))
		killed.Add(int64(crew[i].kill()))
		crew[i] = startProcess(t, p, i+1)
	}
	close(over)
	done := make(chan struct{})
	go func() { clients.Wait(); close(done) }()
	receive(t, "all requests are answered", done)
	if n := bad.Load() + broken.Load(); n > killed.Load() {
		t.Errorf("%d requests failed, but only %d were with processes that were killed", n, killed.Load())
	}
	until(t, "all slots are free", func() bool {
		p.mu.Lock()
		defer p.mu.Unlock()
		for _, m := range p.members {
			if m.out != 0 || len(m.unused) != len(m.slots) {
				return false
			}
		}
		return p.n == 0
	})
	for _, w := range crew {
		w.kill()
	}
	t.Logf("%d answered, %d got 502, %d broke off; %d were running when their process died", good.Load(), bad.Load(), broken.Load(), killed.Load())
}

// TestPoolTakesBack: what a stopped process has not taken is served by another one.
func TestPoolTakesBack(t *testing.T) {
	p := new(Pool)
	f := serve(t, &Server{Queue: p})
	stopped := startProcess(t, p, 1)
	c := f.dial()
	c.request("GET /first")
	c.expect("GET", 200, "/first end")
	stopped.stop(t)
	c.request("GET /second") // nobody else is there
	until(t, "it is offered", func() bool { return stopped.member.Busy() == 1 })
	if r := stopped.member.Running(); len(r) != 0 {
		t.Errorf("it is said to run %+v", r)
	}
	other := startProcess(t, p, 2)
	c.expect("GET", 200, "/second end")
	stopped.kill()
	c.request("GET /third")
	c.expect("GET", 200, "/third end")
	other.kill()
}

// TestPoolCountsWhatNobodyTook: a request that was offered, and not taken before its time was over, is none of a
// thread's.
func TestPoolCountsWhatNobodyTook(t *testing.T) {
	p := new(Pool)
	limits := lenient
	limits.Wait = 50 * time.Millisecond
	f := serve(t, &Server{Queue: p, Limits: limits})
	stopped := startProcess(t, p, 1)
	stopped.stop(t)
	c := f.dial()
	c.request("GET /late")
	c.refused("GET", 503)
	until(t, "it is logged", func() bool { return len(f.logged()) == 1 })
	if r := f.logged()[0]; r.Status != 503 || r.Thread != 0 {
		t.Errorf("logged %+v", r)
	}
	if s := f.Snapshot(); s.Unserved.Requests != 1 || s.Served().Requests != 0 {
		t.Errorf("counted %d unserved, and served %d", s.Unserved.Requests, s.Served().Requests)
	}
	stopped.kill()
}

// TestPoolDiesAfterAnswer: who has got all that was announced may go on, though the process died before it
// said that this was the end.
func TestPoolDiesAfterAnswer(t *testing.T) {
	p := new(Pool)
	f := serve(t, &Server{Queue: p})
	c := f.dial()
	for range 3 {
		dying := startProcess(t, p, 1)
		c.request("GET /dies")
		dying.dies(t)
		c.expect("GET", 200, "/dies end")
	}
	dying := startProcess(t, p, 1)
	c.request("HEAD /dies")
	dying.dies(t)
	c.expect("HEAD", 200, "")
	other := startProcess(t, p, 2)
	c.request("GET /on")
	c.expect("GET", 200, "/on end")
	other.kill()
}

// TestPoolLeavesStalledAlone: a process whose threads take nothing, though it looks at its offers, gets
// no more of them as long as another one has room; and it is found to be back.
func TestPoolLeavesStalledAlone(t *testing.T) {
	p := new(Pool)
	f := serve(t, &Server{Queue: p})
	m, worker := f.pair(p, 1)
	other := startProcess(t, p, 2)
	c, offers := f.dial(), 0
	look := func() {
		for _, ok := worker.Next(); ok; _, ok = worker.Next() {
			offers++
		}
	}
	for n := range 8 {
		path := fmt.Sprintf("/%d1", n)
		c.request("GET " + path)
		c.expect("GET", 200, path+" end")
		look()
		p.sweep(time.Now()) // which used to trust it for looking
	}
	if offers != 1 {
		t.Errorf("the process that took nothing was offered %d requests, want 1", offers)
	}

	other.kill()
	c.request("GET /back")
	until(t, "it is offered something again", func() bool { return m.Busy() == 1 })
	q := new(Queue)
	NewStation(worker, q, slog.New(slog.DiscardHandler), nil)
	var working sync.WaitGroup
	working.Go(func() { q.Work(&thread{app: hammered}, func() {}) })
	c.expect("GET", 200, "/back end")
	p.mu.Lock()
	if m.stalled {
		t.Error("it still counts as stalled")
	}
	p.mu.Unlock()
	q.Close()
	working.Wait()
	q.deserted(t)
	m.Lost()
	_ = worker.Leave()
}

// TestPoolFileDoesNotCome: a process that announces a file, and does not send it, is ended; its request
// is over.
func TestPoolFileDoesNotCome(t *testing.T) {
	p := &Pool{fileTime: time.Millisecond}
	f := serve(t, &Server{Queue: p})
	spoilt := make(chan error, 1)
	w := startSuspect(t, p, 1, func(err error) { spoilt <- err })
	c := f.dial()
	c.request("GET /file")
	if err := receive(t, "the process is to be ended", spoilt); err != errNoFile {
		t.Errorf("spoilt by %v", err)
	}
	c.expect("GET", 502, "Bad Gateway\n")
	w.kill()
}

// TestPoolDown: without a process, and with none to come, requests are refused; else they wait.
func TestPoolDown(t *testing.T) {
	p := new(Pool)
	f := serve(t, &Server{Queue: p, Health: "/health"})
	health := f.dial()
	healthy := func(status int, text string) {
		t.Helper()
		health.request("GET /health")
		health.expect("GET", status, text)
		health.request("GET /health?live")
		health.expect("GET", 200, "ok\n")
	}
	healthy(503, "no worker process is ready\n")
	waits := f.dial()
	waits.request("GET /waits")
	until(t, "it waits", func() bool { return p.Stats().Waiting == 1 })
	p.Down(true)
	waits.refused("GET", 503)
	c := f.dial()
	c.request("GET /")
	c.refused("GET", 503)
	p.Down(false)
	c = f.dial()
	c.request("GET /again")
	w := startProcess(t, p, 1)
	c.expect("GET", 200, "/again end")
	healthy(200, "ok\n")
	w.kill()
	healthy(503, "no worker process is ready\n")
}
