package top

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	tea "charm.land/bubbletea/v2"
	"github.com/charmbracelet/x/ansi"

	"github.com/gowsgi/gowsgi/internal/stats"
)

// core runs a request for a URL since some time.
func core(id int, age time.Duration, url string) stats.Core {
	return stats.Core{
		ID: id, InRequest: 1,
		Vars:    []string{"REQUEST_METHOD=GET", "REQUEST_URI=" + url, "REMOTE_ADDR=192.0.2.1"},
		ReqInfo: map[string]int64{"request_start": time.Now().Add(-age).Unix(), "age_us": age.Microseconds()},
	}
}

// sampled is a server with a worker that runs requests, one that has died, and one that leaves.
func sampled(at time.Time, requests uint64, cores ...stats.Core) *sample {
	return &sample{&stats.Document{
		Version: "1.2", PID: 99, ListenQueueErrors: 4,
		Workers: []stats.Worker{
			{ID: 1, PID: 101, Status: "busy", Requests: requests, Exceptions: 5, RSS: 30 << 20, RespawnCount: 3, Cores: cores},
			{ID: 2, Status: "cheap", Requests: 7, RespawnCount: 1},
		},
		Gowsgi: stats.Queue{
			Active: 1, Blocked: 2, Parked: 3, Waiting: 6, Connections: 8,
			Leaving: []stats.Worker{{ID: 1, PID: 100, Status: "busy", RespawnCount: 1, Cores: []stats.Core{core(0, time.Minute, "/old")}}},
		},
	}, at}
}

// fields are a line's words.
func fields(line string) string { return strings.Join(strings.Fields(line), " ") }

func want(t *testing.T, lines []string, wanted ...string) {
	t.Helper()
	for i, line := range wanted {
		if i >= len(lines) || fields(ansi.Strip(lines[i])) != line {
			t.Errorf("line %d of\n%s\nis not %q", i, strings.Join(lines, "\n"), line)
		}
	}
}

func TestText(t *testing.T) {
	now := time.Now()
	s := sampled(now, 20, core(0, time.Second, "/new"), stats.Core{ID: 1}, core(2, 2500*time.Millisecond, "/older"))
	want(t, strings.Split(s.text(), "\n"),
		"gowsgi 1.2, pid 99: 27 requests, -/s, 6 waiting, 4 refused, 8 connections",
		"threads: 1 active, 2 blocked, 3 parked",
		"",
		"WORKER PID STATUS REQUESTS REQ/S EXCEPTIONS RSS RESPAWNS",
		"1 101 busy 20 - 5 30.0M 2",
		"2 - cheap 7 - 0 - 0",
		"1 100 leaving 0 - 0 - 0",
		"",
		"AGE WORKER CORE PEER METHOD URL",
		"60.0s 1 0 192.0.2.1 GET /old",
		"2.5s 1 2 192.0.2.1 GET /older",
		"1.0s 1 0 192.0.2.1 GET /new",
	)
	before := sampled(now.Add(-2*time.Second), 15)
	if got := s.rate(before, 1) + " " + s.rate(before, 2) + " " + s.rate(before, 0); got != "2.5 0.0 2.5" {
		t.Errorf("rates %s", got)
	}
	if got := before.rate(s, 1); got != "-" {
		t.Errorf("the rate of a server that was started anew: %s", got)
	}
}

func TestClean(t *testing.T) {
	for text, want := range map[string]string{
		"/plain?a=b%20c": "/plain?a=b%20c", "/zoë/日本": "/zoë/日本",
		"\x1b[2J\x1b]0;title\a": `\x1b[2J\x1b]0;title\a`, "a\nb\rc\td\x00\x7f": `a\nb\rc\td\x00\x7f`,
		"\u009b31m": `\u009b31m`, "\u202e": `\u202e`, "\u2028": `\u2028`, "\xff": "\ufffd",
	} {
		if got := clean(text); got != want {
			t.Errorf("%q is shown as %q, want %q", text, got, want)
		}
	}
	if got := cleanLines("a\n\tb\x1b[m\n\n"); len(got) != 2 || got[0] != "a" || got[1] != `    b\x1b[m` {
		t.Errorf("got %q", got)
	}
	evil := "\x1b[2J\u009b\x07\r\n"
	s := sampled(time.Now(), 1, core(0, time.Second, evil))
	s.Version, s.Workers[0].Status = evil, evil
	s.Workers[0].Cores[0].Vars = append(s.Workers[0].Cores[0].Vars, "REQUEST_METHOD="+evil, "REMOTE_ADDR="+evil)
	if text := s.text(); strings.ContainsAny(text, "\x1b\u009b\x07\r") {
		t.Errorf("shown as it is: %q", text)
	}
}

// scripted is a server of which the test says what it answers.
type scripted struct {
	samples []*sample
	asked   [2]int
	stack   string
	err     error
}

func (s *scripted) sample(context.Context) (*sample, error) {
	if len(s.samples) == 0 {
		return nil, errors.New("it is \x1bgone")
	}
	next := s.samples[0]
	s.samples = s.samples[1:]
	return next, nil
}

func (s *scripted) Stack(_ context.Context, pid, core int) (string, error) {
	s.asked = [2]int{pid, core}
	return s.stack, s.err
}

// press presses a key, and brings what comes of it.
func press(m *model, key rune) {
	text := ""
	if key < tea.KeyExtended && key > ' ' {
		text = string(key)
	}
	if _, cmd := m.Update(tea.KeyPressMsg{Code: key, Text: text}); cmd != nil {
		m.Update(cmd())
	}
}

// next brings the next sample.
func (m *model) next() {
	_, ask := m.Update(askAgain{})
	m.Update(ask())
}

func started(s *scripted) *model {
	m := &model{source: s, ctx: context.Background()}
	m.next()
	m.Update(tea.WindowSizeMsg{Width: 90, Height: 30})
	return m
}

// selection is the line that stands out.
func (m *model) selection() string {
	for _, line := range m.lines() {
		if strings.Contains(line, "\x1b[7m") {
			return fields(ansi.Strip(line))
		}
	}
	return ""
}

// screen is all of it, which must fit.
func screen(t *testing.T, m *model) string {
	t.Helper()
	lines := m.lines()
	if len(lines) > m.height {
		t.Errorf("%d lines of %d:\n%s", len(lines), m.height, strings.Join(lines, "\n"))
	}
	for _, line := range lines {
		if ansi.StringWidth(line) > m.width {
			t.Errorf("too wide: %q", line)
		}
	}
	return ansi.Strip(m.View().Content)
}

func TestSelection(t *testing.T) {
	now := time.Now()
	a, b := core(0, 20*time.Second, "/a"), core(1, 10*time.Second, "/b")
	s := &scripted{samples: []*sample{
		sampled(now, 1, a, b),
		sampled(now.Add(time.Second), 3, b, core(3, 50*time.Second, "/c")),
		sampled(now.Add(2*time.Second), 3),
	}}
	m := started(s)
	for _, step := range []struct {
		key  rune
		want string
	}{
		{tea.KeyUp, "/old"}, {tea.KeyDown, "/a"}, {tea.KeyDown, "/b"}, {'j', "/b"}, {'k', "/a"}, {'x', "/a"}, {tea.KeyDown, "/b"},
	} {
		press(m, step.key)
		if got := m.selection(); !strings.HasSuffix(got, "GET "+step.want) {
			t.Errorf("after %q: %q, want %s", step.key, got, step.want)
		}
	}
	m.next()
	if got := m.selection(); !strings.HasSuffix(got, "GET /b") {
		t.Errorf("a newer document changes the selection: %q", got)
	}
	if text := screen(t, m); !strings.Contains(text, "10 requests, 2.0/s") {
		t.Errorf("no rate in\n%s", text)
	}
	m.next()
	if got := m.selection(); !strings.HasSuffix(got, "GET /old") {
		t.Errorf("when it is over: %q", got)
	}
	m.next()
	if text := screen(t, m); !strings.Contains(text, `no news: it is \x1bgone`) || !strings.Contains(text, "/old") {
		t.Errorf("without an answer:\n%s", text)
	}
}

func TestStackPane(t *testing.T) {
	var lines []string
	for i := range 100 {
		lines = append(lines, fmt.Sprintf("frame %d.\x1b", i))
	}
	s := &scripted{stack: strings.Join(lines, "\n") + "\n", samples: []*sample{sampled(time.Now(), 1, core(4, time.Second, "/a"))}}
	m := started(s)
	press(m, tea.KeyDown)
	press(m, 's')
	if s.asked != [2]int{101, 4} {
		t.Errorf("asked for %v", s.asked)
	}
	shows := func(wanted, not string) {
		t.Helper()
		text := screen(t, m)
		if !strings.Contains(text, wanted) || strings.Contains(text, not) {
			t.Errorf("no %q, or %q, in\n%s", wanted, not, text)
		}
	}
	shows("stack of worker 1, core 4, pid 101: GET /a", "frame 0.")
	shows(`frame 99.\x1b`, "\x1b")
	for range 40 {
		press(m, tea.KeyPgUp)
	}
	shows("frame 0.", "frame 99.")
	for range 40 {
		press(m, tea.KeyPgDown)
	}
	shows("frame 99.", "frame 0.")
	press(m, tea.KeyEsc)
	shows("/old", "stack of")
	s.stack = "no GIL, innermost call first:\n" + s.stack
	press(m, tea.KeyEnter)
	shows("frame 0.", "frame 99.")
	s.err = errNoStacks
	press(m, 's')
	shows("this server gives no stacks", "frame")

	// While it is being asked for: a second one is not, and it may be closed before the answer comes.
	_, ask := m.Update(tea.KeyPressMsg{Code: 's', Text: "s"})
	shows("it is being asked for", "frame")
	if _, again := m.Update(tea.KeyPressMsg{Code: 's', Text: "s"}); again != nil {
		t.Error("asked twice")
	}
	press(m, tea.KeyEsc)
	m.Update(ask())
	shows("/old", "stack of")
}

// TestSizes: it fits into any terminal that can be worked with, whatever there is to show.
func TestSizes(t *testing.T) {
	var cores []stats.Core
	for i := range 30 {
		cores = append(cores, core(i, time.Duration(i)*time.Second, "/"+strings.Repeat("日", 100)))
	}
	busy := sampled(time.Now(), 1, cores...)
	for range 50 {
		busy.Workers = append(busy.Workers, stats.Worker{ID: len(busy.Workers) + 1})
	}
	for _, s := range []*sample{busy, {&stats.Document{}, time.Now()}} {
		m := started(&scripted{samples: []*sample{s}, stack: strings.Repeat("frame\n", 50)})
		for _, key := range []rune{'x', 's'} {
			press(m, key)
			for _, size := range [][2]int{{200, 60}, {80, 24}, {20, 16}, {1, 16}, {40, 5}} {
				m.Update(tea.WindowSizeMsg{Width: size[0], Height: size[1]})
				for _, key := range append(slices.Repeat([]rune{tea.KeyDown}, 32), slices.Repeat([]rune{tea.KeyUp}, 32)...) {
					screen(t, m)
					if len(m.requests) > 0 && size[1] > 15 && m.selection() == "" {
						t.Fatalf("%v: the selection is not to be seen", size)
					}
					press(m, key)
				}
			}
		}
	}
}

func TestQuit(t *testing.T) {
	m := started(&scripted{samples: []*sample{sampled(time.Now(), 1)}})
	for _, key := range []tea.KeyPressMsg{{Code: 'q', Text: "q"}, {Code: 'c', Mod: tea.ModCtrl}} {
		_, cmd := m.Update(key)
		if cmd == nil {
			t.Fatalf("%v does not quit", key)
		}
		if _, ok := cmd().(tea.QuitMsg); !ok {
			t.Errorf("%v does not quit", key)
		}
	}
}

// serve answers stacks and documents, on a listener, until the test's end.
func serve(t *testing.T, s *stats.Server, network, address string) net.Addr {
	t.Helper()
	l, err := net.Listen(network, address)
	if err != nil {
		t.Fatal(err)
	}
	if s.Document == nil {
		s.Document = func() ([]byte, error) { return json.Marshal(sampled(time.Now(), 3).Document) }
	}
	go s.Serve(l)
	t.Cleanup(func() { s.Close() })
	return l.Addr()
}

func TestClient(t *testing.T) {
	stack := func(_ context.Context, pid, core int) string { return fmt.Sprintf("%d %d\n", pid, core) }
	path := filepath.Join(t.TempDir(), "s")
	serve(t, &stats.Server{Stack: stack}, "unix", path)
	for _, name := range []string{
		path, "unix:" + path,
		serve(t, &stats.Server{Stack: stack}, "tcp", "127.0.0.1:0").String(),
		"http://" + serve(t, &stats.Server{Stack: stack, HTTP: true}, "tcp", "127.0.0.1:0").String(),
		"http://" + serve(t, &stats.Server{Stack: stack, HTTP: true}, "tcp", "127.0.0.1:0").String() + "/",
	} {
		c, err := NewClient(name)
		if err != nil {
			t.Fatal(err)
		}
		if d, err := c.Document(t.Context()); err != nil || d.Workers[0].Requests != 3 {
			t.Errorf("%s: %v, %v", name, d, err)
		}
		if text, err := c.Stack(t.Context(), 12, 3); err != nil || text != "12 3\n" {
			t.Errorf("%s: %q, %v", name, text, err)
		}
	}
	c, err := NewClient(serve(t, new(stats.Server), "tcp", "127.0.0.1:0").String())
	if err != nil {
		t.Fatal(err)
	}
	if text, err := c.Stack(t.Context(), 12, 3); !errors.Is(err, errNoStacks) {
		t.Errorf("of a server without stacks: %q, %v", text, err)
	}
}

// TestClientRefused: what is no stats server.
func TestClientRefused(t *testing.T) {
	for _, name := range []string{"", "9191", "host", "host:", "https://127.0.0.1:1", "http://", "http://[::1", "ftp://x/y"} {
		if _, err := NewClient(name); err == nil || !strings.Contains(err.Error(), "stats address") {
			t.Errorf("%q: %v", name, err)
		}
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	web := &http.Server{Handler: http.NotFoundHandler(), ReadHeaderTimeout: time.Minute}
	go func() { _ = web.Serve(l) }()
	defer web.Close()
	for name, want := range map[string]string{
		"http://" + l.Addr().String(): "is no stats server: it answers \"404",
		serve(t, &stats.Server{Document: func() ([]byte, error) { return []byte("{}"), nil }}, "tcp", "127.0.0.1:0").String():       "is no stats server",
		serve(t, &stats.Server{Document: func() ([]byte, error) { return []byte("\x1b[2Jx"), nil }}, "tcp", "127.0.0.1:0").String(): `it answers "\x1b[2Jx"`,
		filepath.Join(t.TempDir(), "absent"): "there is no socket",
	} {
		c, err := NewClient(name)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := c.Document(t.Context()); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %s", name, err, want)
		}
	}
}
