package workers

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/gowsgi/gowsgi/bridge"
	"github.com/gowsgi/gowsgi/internal/leak"
	"github.com/gowsgi/gowsgi/internal/link"
)

// beWorker is the life of a worker process without Python. Files in its directory say what it does.
func beWorker() {
	self, err := Inherit()
	if err != nil {
		panic(err)
	}
	exists := func(name string) bool { _, err := os.Stat(name); return err == nil }
	go self.Obey(Orders{
		Stop:     func(int) { os.Exit(0) },
		Stacks:   func(w io.Writer) { _, _ = io.WriteString(w, "stacks") },
		Log:      func(*os.File) {},
		Orphaned: func() { os.Exit(1) },
	})
	for exists("hold") {
		time.Sleep(time.Millisecond)
	}
	if exists("fail") {
		_ = self.Fail(LoadError{Message: "it fails", Code: 22})
		os.Exit(22)
	}
	if exists("die") {
		os.Exit(3)
	}
	if self.Ready(Ready{App: strings.Join(os.Args, " ")}) != nil {
		os.Exit(1)
	}
	if exists("crash") {
		os.Exit(4)
	}
	for !exists("grow") {
		time.Sleep(time.Millisecond)
	}
	memory := bytes.Repeat([]byte{1}, tooMuch)
	for {
		time.Sleep(time.Hour)
		runtime.KeepAlive(memory)
	}
}

// tooMuch is memory that a worker process has once it grows, and not before.
const tooMuch = 192 << 20

// crew is a fleet of such processes.
type crew struct {
	*Fleet
	dir string
	log *text
}

// text is a log.
type text struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (l *text) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buf.Write(p)
}

func (l *text) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buf.String()
}

func newCrew(t *testing.T, config Config) *crew {
	t.Helper()
	c := &crew{dir: t.TempDir(), log: new(text)}
	config.Pool, config.Log = new(bridge.Pool), slog.New(slog.NewTextHandler(c.log, nil))
	config.Path, config.Args, config.Dir = "/proc/self/exe", []string{"crew"}, c.dir
	config.Threads, config.Mercy = 1, leak.Patience
	config.Size = link.Size{Slots: 1, Request: bridge.RequestMax(1 << 10)}
	c.Fleet = New(config)
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), leak.Patience)
		defer cancel()
		c.Close(ctx, 0)
		if t.Failed() {
			t.Log(c.log)
		}
	})
	return c
}

func (c *crew) start(t *testing.T) {
	t.Helper()
	if _, err := c.Start(); err != nil {
		t.Fatal(err)
	}
}

func (c *crew) put(t *testing.T, name string) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(c.dir, name), nil, 0o600); err != nil {
		t.Fatal(err)
	}
}

func (c *crew) remove(t *testing.T, name string) {
	t.Helper()
	if err := os.Remove(filepath.Join(c.dir, name)); err != nil {
		t.Fatal(err)
	}
}

// processes are those that have joined, by number.
func (c *crew) processes() []*process {
	return slices.SortedFunc(slices.Values(c.taking()), func(a, b *process) int { return cmp.Compare(a.number, b.number) })
}

// numbers are those of the processes that have joined.
func (c *crew) numbers() (numbers []int) {
	for _, p := range c.processes() {
		numbers = append(numbers, p.number)
	}
	return numbers
}

// want waits until the processes of those numbers are there, no other one, and none is to come.
func (c *crew) want(t *testing.T, numbers ...int) {
	t.Helper()
	ok := leak.Settles(func() bool {
		c.mu.Lock()
		quiet := len(c.starting) == 0 && len(c.all) == len(c.current)
		c.mu.Unlock()
		return quiet && slices.Equal(c.numbers(), numbers)
	})
	if !ok {
		t.Fatalf("the processes are %v, want %v", c.numbers(), numbers)
	}
}

// A reload keeps the number, also one that changes while it goes on.
// A process that is on its way when there should be fewer again does not take requests.
// A process that dies has another one take its number. Before a reload, starts that fail are tried again;
// after it, they are not: there would be one too many.
func TestReplaceAndReload(t *testing.T) {
	c := newCrew(t, Config{Count: 2})
	c.start(t)
	first := c.processes()[0]
	kill := func(p *process) {
		t.Helper()
		if err := syscall.Kill(p.pid(), syscall.SIGKILL); err != nil {
			t.Fatal(err)
		}
	}
	kill(first)
	if !leak.Settles(func() bool { p := c.processes(); return len(p) == 2 && p[0] != first }) {
		t.Fatalf("the first is not replaced: %v", c.processes())
	}
	c.want(t, 1, 2)

	c.put(t, "fail")
	kill(c.processes()[1])
	if !leak.Settles(func() bool { return strings.Contains(c.log.String(), "it is tried again") }) {
		t.Fatal("no start has failed")
	}
	var failed *LoadError
	if err := c.Reload(); !errors.As(err, &failed) || failed.Code != 22 {
		t.Errorf("a reload of an app that fails: %v", err)
	}
	if n := c.numbers(); !slices.Equal(n, []int{1}) {
		t.Errorf("after it there are %v", n)
	}
	c.mu.Lock()
	ordered := c.order(2) // as the one that waits for its next try
	c.mu.Unlock()
	c.remove(t, "fail")
	if err := c.Reload(); err != nil {
		t.Fatal(err)
	}
	c.mu.Lock()
	if c.needed(ordered) {
		t.Error("a start from before the reload goes on")
	}
	c.mu.Unlock()
	c.want(t, 1, 2)
}

// An app that dies at its import is no server.
func TestStartFails(t *testing.T) {
	for _, how := range []string{"fail", "die"} {
		c := newCrew(t, Config{Count: 2})
		c.put(t, how)
		if _, err := c.Start(); err == nil {
			t.Errorf("%s: it has started", how)
		}
		c.want(t)
	}
}

// A process that has too much memory is killed also while its replacement takes its time, and counts once.
// What is killed for its memory has not died of itself.
// A process that does not even listen is killed like any other.
// The name takes the first argument's place.
func TestName(t *testing.T) {
	c := newCrew(t, Config{Count: 1, Name: func(n int) string { return "worker " + string(rune('0'+n)) }})
	about, err := c.Start()
	if err != nil || about.App != "worker 1" {
		t.Errorf("it is called %q, %v", about.App, err)
	}
}

// births waits until there are so many processes, and returns those that are none of known.
func (c *crew) births(t *testing.T, n int, known ...*process) (born []*process) {
	t.Helper()
	ok := leak.Settles(func() bool {
		born = slices.DeleteFunc(c.living(), func(p *process) bool { return slices.Contains(known, p) })
		return len(born) == n
	})
	if !ok {
		t.Fatalf("%d processes are started, want %d", len(born), n)
	}
	return born
}

// A reload that hangs gives way to the next one, which may be what mends it.
func TestReloadSuperseded(t *testing.T) {
	c := newCrew(t, Config{Count: 2})
	c.start(t)
	old := c.processes()
	c.put(t, "hold")
	reloads := make([]chan error, 3)
	for i := range reloads {
		reloads[i] = make(chan error, 1)
		go func() { reloads[i] <- c.Reload() }()
		if i > 0 {
			if !leak.Settles(func() bool { return len(reloads[i-1]) == 1 }) {
				c.remove(t, "hold")
				t.Fatal("the one before goes on")
			}
			if err := <-reloads[i-1]; !errors.Is(err, errSuperseded) {
				t.Errorf("the one before: %v", err)
			}
		}
		c.births(t, 2, old...) // those of the one before are gone
	}
	c.remove(t, "hold")
	if err := <-reloads[2]; err != nil {
		t.Error(err)
	}
	c.want(t, 1, 2)
	if n := strings.Count(c.log.String(), "a newer reload has come"); n != 2 {
		t.Errorf("it is said %d times that a newer one has come", n)
	}
}

// A process that is on its way when all are exchanged is ended, and is no death.
func TestNewbornOutdated(t *testing.T) {
	order := map[string]func(*crew, *process){
		"recycle": func(c *crew, p *process) { go c.recycle(p, "max-requests") },
		"death":   func(_ *crew, p *process) { _ = syscall.Kill(p.pid(), syscall.SIGKILL) },
		"more":    func(c *crew, _ *process) { c.Resize(1) },
	}
	exchange := map[string]func(*crew) error{
		"Reload": func(c *crew) error { return c.Reload() },
		"Hold": func(c *crew) error {
			c.Hold()
			_, err := c.Renew(context.Background())
			return err
		},
	}
	for name, order := range order {
		for by, exchange := range exchange {
			t.Run(name+by, func(t *testing.T) {
				c := newCrew(t, Config{Count: 1})
				c.start(t)
				p := c.taking()[0]
				c.put(t, "hold")
				order(c, p)
				hung := c.births(t, 1, p)[0]
				if !leak.Settles(func() bool { c.mu.Lock(); defer c.mu.Unlock(); return len(c.starting) == 1 }) {
					t.Fatal("it is not on its way")
				}
				deaths := c.Restarts()["died"]
				if err := syscall.Kill(hung.pid(), syscall.SIGSTOP); err != nil { // it does not see that hold goes
					t.Fatal(err)
				}
				c.remove(t, "hold")
				if err := exchange(c); err != nil {
					t.Fatal(err)
				}
				c.want(t, []int{1, 2}[:c.Target()]...)
				if !hung.leaving.Load() || c.Restarts()["died"] != deaths || strings.Contains(c.log.String(), "can't be started") {
					t.Errorf("its end is reported:\n%s", c.log)
				}
			})
		}
	}
}

// A process that hangs in its import has nothing to end, and no time is given to it, however much there is.
func TestCloseNewborn(t *testing.T) {
	for _, mercy := range []time.Duration{0, time.Hour} {
		c := newCrew(t, Config{Count: 1})
		c.put(t, "hold")
		failed := make(chan error, 1)
		go func() { _, err := c.Start(); failed <- err }()
		c.births(t, 1)
		ctx, cancel := context.WithTimeout(context.Background(), mercy)
		closed := make(chan bool)
		go func() { c.Close(ctx, 0); close(closed) }()
		if !leak.Settles(func() bool { return len(c.living()) == 0 }) {
			t.Errorf("mercy %s: it is waited for", mercy)
			c.remove(t, "hold")
		}
		<-closed
		cancel()
		if err := <-failed; !errors.Is(err, errClosing) {
			t.Errorf("mercy %s: %v", mercy, err)
		}
		if text := c.log.String(); text != "" {
			t.Errorf("mercy %s: it is told\n%s", mercy, text)
		}
	}
}

// Who dies young costs the next one a wait, unless there was work: a request may have been what killed it.
// An app that dies right after its import is started again and again, less and less often. The log says when.
// The log names the requests whose threads do not come back: the process may not be able to.
