package logging

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"regexp"
	"strings"
	"sync"
	"testing"
	"testing/slogtest"
	"time"
)

const traceback = "Traceback (most recent call last):\n  File \"app.py\", line 3, in view\n    1/0\nZeroDivisionError: division by zero\n"

// record renders one record at a fixed time through what with makes of a logger.
func record(level slog.Level, message string, with func(*slog.Logger) *slog.Logger, args ...any) string {
	var out bytes.Buffer
	log := New(&fixedTime{out: &out}, Options{Level: slog.LevelDebug})
	if with != nil {
		log = with(log)
	}
	log.Log(context.Background(), level, message, args...)
	return out.String()
}

// fixedTime puts a placeholder for the time, which slog takes itself.
type fixedTime struct{ out *bytes.Buffer }

var timestamp = regexp.MustCompile(`^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(Z|[+-]\d\d:\d\d) `)

func (f *fixedTime) Write(p []byte) (int, error) {
	f.out.Write(timestamp.ReplaceAll(p, []byte("TIME ")))
	return len(p), nil
}

func TestText(t *testing.T) {
	group := func(l *slog.Logger) *slog.Logger { return l.With("a", 1).WithGroup("g").With("b", 2) }
	tests := []struct {
		name    string
		level   slog.Level
		message string
		with    func(*slog.Logger) *slog.Logger
		args    []any
		want    string
	}{
		{"plain", slog.LevelInfo, "listening", nil, []any{"url", "http://127.0.0.1:5000", "threads", 8}, "TIME INFO listening url=http://127.0.0.1:5000 threads=8\n"},
		{"levels", slog.LevelWarn, "m", nil, nil, "TIME WARN m\n"},
		{"quoted", slog.LevelInfo, "m", nil, []any{"a", "x y", "b", "", "c", `q"`, "d", "k=v", "e", "a\tb", "f", "\x1b[31m"}, `TIME INFO m a="x y" b="" c="q\"" d="k=v" e="a\tb" f="\x1b[31m"` + "\n"},
		{"values", slog.LevelInfo, "m", nil, []any{"err", errors.New("no such file"), "took", 3214567 * time.Nanosecond, "raw", []byte("b")}, "TIME INFO m err=\"no such file\" took=3.215ms raw=b\n"},
		{"groups", slog.LevelInfo, "m", group, []any{"c", 3, slog.Group("h", "d", 4), slog.Group("", "e", 5), slog.Group("empty"), slog.Attr{}}, "TIME INFO m a=1 g.b=2 g.c=3 g.h.d=4 g.e=5\n"},
		{"traceback", slog.LevelError, "app raised an exception", nil, []any{"request", "GET /", "traceback", traceback, "thread", 1}, "TIME ERROR app raised an exception request=\"GET /\" thread=1\n" +
			"    Traceback (most recent call last):\n      File \"app.py\", line 3, in view\n        1/0\n    ZeroDivisionError: division by zero\n"},
		{"other long values", slog.LevelInfo, "m", nil, []any{"x", "1\r\n2", "y", "one\n"}, "TIME INFO m y=one\n    x:\n    1\n    2\n"},
		{"given long value", slog.LevelInfo, "m", func(l *slog.Logger) *slog.Logger { return l.With("x", "1\n2").With("y", 3) }, []any{"z", 4}, "TIME INFO m y=3 z=4\n    x:\n    1\n    2\n"},
		{"long message", slog.LevelInfo, "first\nsecond\n", nil, []any{"k", 1}, "TIME INFO first k=1\n    second\n"},
		{"forged line", slog.LevelInfo, "m\n2026-11-22T11:08:13Z ERROR forged", nil, []any{"k\nTIME", "v"}, "TIME INFO m k\\nTIME=v\n    2026-11-22T11:08:13Z ERROR forged\n"},
		{"terminal escapes", slog.LevelInfo, "a\x1b]0;x\ab\u202e\xff", nil, nil, `TIME INFO a\x1b]0;x\ab\u202e\xff` + "\n"},
		{"unicode", slog.LevelInfo, "grüße", nil, []any{"k", "größe"}, "TIME INFO grüße k=größe\n"},
	}
	for _, tt := range tests {
		if got := record(tt.level, tt.message, tt.with, tt.args...); got != tt.want {
			t.Errorf("%s:\n got %q\nwant %q", tt.name, got, tt.want)
		}
	}
}

func TestLevel(t *testing.T) {
	var out bytes.Buffer
	log := New(&out, Options{})
	log.Debug("hidden")
	if out.Len() > 0 || log.Enabled(t.Context(), slog.LevelDebug) {
		t.Errorf("debug is logged by default: %q", &out)
	}
}

func TestJSON(t *testing.T) {
	var out bytes.Buffer
	New(&out, Options{JSON: true}).Error("m\nn", "took", 1500*time.Microsecond, "traceback", traceback)
	var got struct{ Time, Level, Msg, Took, Traceback string }
	if err := json.Unmarshal(out.Bytes(), &got); err != nil {
		t.Fatal(err)
	}
	if _, err := time.Parse("2006-01-02T15:04:05.000Z07:00", got.Time); err != nil {
		t.Error(err)
	}
	if got.Level != "ERROR" || got.Msg != "m\nn" || got.Took != "1.5ms" || got.Traceback != traceback {
		t.Errorf("%+v", got)
	}
	if n := strings.Count(out.String(), "\n"); n != 1 {
		t.Errorf("%d lines: %q", n, &out)
	}
}

// TestHandlerRules runs the standard library's checks of a slog.Handler; the
// text is read back into maps.
func TestHandlerRules(t *testing.T) {
	var out bytes.Buffer
	h := New(&out, Options{}).Handler()
	err := slogtest.TestHandler(h, func() []map[string]any {
		var records []map[string]any
		for l := range strings.Lines(out.String()) {
			records = append(records, parse(strings.TrimSuffix(l, "\n")))
		}
		return records
	})
	if err != nil {
		t.Error(err)
	}
}

func parse(l string) map[string]any {
	m := map[string]any{}
	if at := timestamp.FindString(l); at != "" {
		m["time"] = at
		l = l[len(at):]
	}
	for i, word := range strings.Fields(l) {
		key, value, isAttr := strings.Cut(word, "=")
		switch {
		case i == 0:
			m["level"] = word
		case !isAttr:
			m["msg"] = word
		default:
			in := m
			groups := strings.Split(key, ".")
			for _, g := range groups[:len(groups)-1] {
				if in[g] == nil {
					in[g] = map[string]any{}
				}
				in = in[g].(map[string]any)
			}
			in[groups[len(groups)-1]] = value
		}
	}
	return m
}

type flushCounter struct {
	bytes.Buffer
	flushes int
}

func (f *flushCounter) Flush() error {
	f.flushes++
	return io.ErrShortWrite // must not reach anybody
}

func TestErrorsAreFlushed(t *testing.T) {
	for _, asJSON := range []bool{false, true} {
		out := &flushCounter{}
		log := New(out, Options{JSON: asJSON}).With("k", 1).WithGroup("g")
		log.Warn("w")
		if out.flushes != 0 {
			t.Error("a warning was flushed")
		}
		log.Error("e")
		if out.flushes != 1 {
			t.Errorf("an error was flushed %d times", out.flushes)
		}
	}
}

// TestHammer: records from many goroutines keep whole, on a plain writer.
func TestHammer(t *testing.T) {
	var out bytes.Buffer
	log := New(&out, Options{})
	var wg sync.WaitGroup
	for g := range 8 {
		wg.Add(1)
		go func() {
			defer wg.Done()
			own := log.With("g", g)
			for range 100 {
				own.Info("m", "x", "1\n2")
			}
		}()
	}
	wg.Wait()
	whole := regexp.MustCompile(`^(\S+ INFO m g=\d\n    x:\n    1\n    2\n){800}$`)
	if !whole.MatchString(out.String()) {
		t.Errorf("torn records in %d bytes", out.Len())
	}
}

// FuzzText: whatever a record holds, it has one line that begins as a record
// does, and nothing that moves the cursor.
func FuzzText(f *testing.F) {
	f.Add("message", "key", "value")
	f.Add("a\n2026-11-22T11:08:13Z INFO x", "k\n", "\r\n\x1b[0m")
	f.Add("", "traceback", traceback)
	f.Fuzz(func(t *testing.T, message, key, value string) {
		var out bytes.Buffer
		New(&out, Options{}).With(key, value).Info(message, key, value)
		lines := strings.Split(strings.TrimSuffix(out.String(), "\n"), "\n")
		for i, l := range lines {
			if i > 0 != strings.HasPrefix(l, indent) {
				t.Fatalf("line %d of %q", i, out.String())
			}
			for _, r := range l {
				if r != '\t' && (r < ' ' || r == 0x7f || r == '\u2028' || r == '\u202e') {
					t.Fatalf("%U in %q", r, l)
				}
			}
		}
	})
}
