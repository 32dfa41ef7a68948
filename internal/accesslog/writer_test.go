package accesslog

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gowsgi/gowsgi/internal/leak"
)

// sink records writes. Its gate blocks them, fail makes them fail.
type sink struct {
	mu     sync.Mutex
	got    bytes.Buffer
	writes int
	fail   error
	part   int           // of a failing write, so much is taken
	gate   chan struct{} // if set, each write waits until it is closed
}

func (s *sink) Write(p []byte) (int, error) {
	if s.gate != nil {
		<-s.gate
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.writes++
	if s.fail != nil {
		n := min(s.part, len(p))
		s.got.Write(p[:n])
		return n, s.fail
	}
	return s.got.Write(p)
}

func (s *sink) text() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.got.String()
}

func (s *sink) setFail(err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.fail = err
}

func (s *sink) count() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.writes
}

// mustClose and mustFlush are patient: on a busy machine the flusher may not
// run for longer than Close and Flush wait.
func mustClose(t *testing.T, w *Writer) {
	t.Helper()
	if !leak.Settles(func() bool { return w.Close() == nil }) {
		t.Fatal(ErrStalled)
	}
}

func mustFlush(t *testing.T, w *Writer) {
	t.Helper()
	if !leak.Settles(func() bool { return w.Flush() == nil }) {
		t.Fatal(ErrStalled)
	}
}

func write(w *Writer, format string, args ...any) { _, _ = fmt.Fprintf(w, format, args...) }

// blocked returns a Writer that is stuck in its first write, and the function
// that frees it.
func blocked(t *testing.T, s *sink) (w *Writer, free func()) {
	t.Helper()
	s.gate = make(chan struct{})
	free = sync.OnceFunc(func() { close(s.gate) })
	t.Cleanup(free)
	w = NewWriter(s)
	write(w, "first\n")
	if !leak.Settles(func() bool {
		w.mu.Lock()
		defer w.mu.Unlock()
		return !w.busySince.IsZero()
	}) {
		t.Fatal("the first line is not being written")
	}
	return w, free
}

func TestWriterKeepsOrder(t *testing.T) {
	s := &sink{}
	w := NewWriter(s)
	f := compile(t, "access %(status)")
	var want strings.Builder
	for i := range 1000 {
		w.Append(f, &Record{Status: i})
		write(w, "app %d\n", i)
		fmt.Fprintf(&want, "access %d\napp %d\n", i, i)
	}
	write(w, "no newline")
	mustClose(t, w)
	if got := s.text(); got != want.String()+"no newline\n" {
		t.Errorf("%d bytes, want %d", len(got), want.Len())
	}
}

// A line that nobody follows must not wait for company.
func TestWriterLoneLine(t *testing.T) {
	s := &sink{}
	w := NewWriter(s)
	defer mustClose(t, w)
	for i := range 3 {
		write(w, "line %d\n", i)
		if !leak.Settles(func() bool { return strings.HasSuffix(s.text(), fmt.Sprintf("line %d\n", i)) }) {
			t.Fatalf("line %d did not come: %q", i, s.text())
		}
	}
}

func TestWriterBatches(t *testing.T) {
	s := &sink{}
	w := NewWriter(s)
	start := time.Now()
	const lines = 20_000
	for range lines {
		write(w, "0123456789\n")
	}
	mustClose(t, w)
	// One for each 20 ms, one for each 64 KiB, the first and the last.
	most := int(time.Since(start)/batchDelay) + 2*lines*11/batchBytes + 2
	if n := s.count(); n > most || len(s.text()) != 11*lines {
		t.Errorf("%d bytes in %d writes, want at most %d", len(s.text()), n, most)
	}
}

func TestWriterChunksEndWithLines(t *testing.T) {
	long := strings.Repeat("x", 3*batchBytes)
	tests := []struct {
		lines string
		want  int
	}{
		{"a\nb\n", 4},
		{strings.Repeat("0123456789\n", batchBytes), batchBytes / 11 * 11},
		{long + "\nb\n", len(long) + 1},
		{"a\n" + long + "\n", 2},
	}
	for _, tt := range tests {
		if got := chunkLen([]byte(tt.lines)); got != tt.want {
			t.Errorf("%.10q…: %d, want %d", tt.lines, got, tt.want)
		}
	}
}

func TestWriterFlush(t *testing.T) {
	s := &sink{}
	w := NewWriter(s)
	defer mustClose(t, w)
	mustFlush(t, w) // nothing to do
	const times = 200
	start := time.Now()
	for i := range times {
		write(w, "line %d\n", i)
		mustFlush(t, w)
		if !strings.HasSuffix(s.text(), fmt.Sprintf("line %d\n", i)) {
			t.Fatalf("line %d is not there after Flush", i)
		}
	}
	if took := time.Since(start); took > times*batchDelay/2 {
		t.Errorf("%d times Flush took %v: it waits for the batch to grow", times, took)
	}
}

// While the sink is blocked nobody waits, memory is bounded, and access lines
// leave room for the application's.
func TestWriterBlockedSink(t *testing.T) {
	s := &sink{}
	w, free := blocked(t, s)
	f := compile(t, "access "+strings.Repeat("x", 1000))
	const requests = 5000
	for range requests {
		w.Append(f, &Record{})
	}
	write(w, "Traceback\n")
	w.mu.Lock()
	held := len(w.buf) + w.inflight
	w.mu.Unlock()
	if held > maxQueued-appReserve+100 {
		t.Errorf("%d bytes are held", held)
	}
	lost := w.Dropped()
	if lost == 0 || lost > requests {
		t.Fatalf("%d lines dropped", lost)
	}
	free()
	mustClose(t, w)
	got := s.text()
	if n := strings.Count(got, "access"); n != requests-int(lost) {
		t.Errorf("%d access lines written, %d dropped, of %d", n, lost, requests)
	}
	if !strings.Contains(got, "Traceback\n") {
		t.Error("the application's line was dropped")
	}
	if report := fmt.Sprintf(" WARN log lines dropped: the log is not read fast enough lines=%d\n", lost); !strings.HasSuffix(got, report) {
		t.Errorf("no report at the end: %q", got[len(got)-200:])
	}
}

func TestWriterReportJSON(t *testing.T) {
	w := &Writer{JSON: true}
	var got struct {
		Time, Level, Msg string
		Lines            int
	}
	if err := json.Unmarshal(w.appendReport(nil, 7), &got); err != nil || got.Lines != 7 || got.Level != "WARN" || got.Msg == "" || got.Time == "" {
		t.Errorf("%+v, %v", got, err)
	}
}

func TestWriterBlockedFlushAndClose(t *testing.T) {
	s := &sink{}
	w, free := blocked(t, s)
	if err := w.Flush(); !errors.Is(err, ErrStalled) {
		t.Errorf("Flush: %v", err)
	}
	known := leak.Settles(func() bool {
		start := time.Now()
		return errors.Is(w.Flush(), ErrStalled) && time.Since(start) < flushWait
	})
	if !known {
		t.Error("each Flush waits anew for a sink known to be blocked")
	}
	if err := w.Close(); !errors.Is(err, ErrStalled) {
		t.Errorf("Close: %v", err)
	}
	write(w, "after\n") // must not block
	free()
	mustClose(t, w)
	if got := s.text(); got != "first\nafter\n" {
		t.Errorf("%q", got)
	}
}

func TestWriterLateLines(t *testing.T) {
	s := &sink{}
	w := NewWriter(s)
	mustClose(t, w)
	mustClose(t, w)
	write(w, "late\n")
	write(w, "later")
	mustFlush(t, w)
	if got := s.text(); got != "late\nlater\n" {
		t.Errorf("%q", got)
	}
}

// A sink that fails for a while (a full disk) costs what came meanwhile.
func TestWriterFailingSink(t *testing.T) {
	s := &sink{fail: errors.New("disk full"), part: 7}
	w := NewWriter(s)
	write(w, "one\ntwo\nthree\n") // in one batch
	mustFlush(t, w)
	if n := w.Dropped(); n != 2 {
		t.Errorf("%d lines dropped, want 2", n)
	}
	s.setFail(nil)
	write(w, "four\n")
	mustClose(t, w)
	got := s.text()
	if !strings.HasPrefix(got, "one\ntwo\nfour\n") || !strings.HasSuffix(got, " lines=2\n") {
		t.Errorf("%q", got)
	}
}

// A line cut short by an error must not run into the next one.
func TestWriterTornLine(t *testing.T) {
	s := &sink{fail: errors.New("disk full"), part: 2}
	w := NewWriter(s)
	write(w, "torn\n")
	mustFlush(t, w)
	s.setFail(nil)
	write(w, "whole\n")
	mustClose(t, w)
	if got := s.text(); !strings.HasPrefix(got, "to\nwhole\n") {
		t.Errorf("%q", got)
	}
}

func TestWriterFailingForGood(t *testing.T) {
	w := NewWriter(&sink{fail: errors.New("broken pipe")})
	write(w, "one\n")
	mustClose(t, w)
	if n := w.Dropped(); n != 1 {
		t.Errorf("%d lines dropped, want 1", n)
	}
}

// TestWriterHammer: lines from many goroutines, Flush and Close at the same
// time; every line arrives once, whole.
func TestWriterHammer(t *testing.T) {
	const goroutines, lines = 8, 500
	for range 4 {
		s := &sink{}
		w := NewWriter(s)
		f := compile(t, "%(wid) %(status) %(uri)")
		var wg sync.WaitGroup
		for g := range goroutines {
			wg.Add(1)
			go func() {
				defer wg.Done()
				for i := range lines {
					w.Append(f, &Record{WorkerID: g, Status: i, URI: "/x"})
					if i%100 == 0 {
						_ = w.Flush()
					}
					if g == 0 && i == lines/2 {
						_ = w.Close()
					}
				}
			}()
		}
		wg.Wait()
		mustClose(t, w)
		if n := w.Dropped(); n > 0 {
			t.Fatalf("%d lines dropped", n)
		}
		next := make([]int, goroutines)
		for line := range strings.Lines(s.text()) {
			var g, i int
			var uri string
			if n, err := fmt.Sscanf(line, "%d %d %s\n", &g, &i, &uri); n != 3 || uri != "/x" || i != next[g] {
				t.Fatalf("line %q: %v; want number %d of its goroutine", line, err, next[g])
			}
			next[g]++
		}
		for g, n := range next {
			if n != lines {
				t.Fatalf("%d lines of goroutine %d", n, g)
			}
		}
	}
}
