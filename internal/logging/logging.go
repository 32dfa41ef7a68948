// Package logging is the form of the application log: compact lines for
// people, or JSON. Where lines go is the caller's business; with
// accesslog.Writer they share the access log's order.
package logging

import (
	"io"
	"log/slog"
	"time"

	"github.com/gowsgi/gowsgi/internal/accesslog"
)

// Options choose the form.
type Options struct {
	// JSON is --log-json.
	JSON bool
	// Date is --log-date, for people's lines; nil: ISO 8601.
	Date *accesslog.Date
	// Level is the lowest level that is logged; nil means info.
	Level slog.Leveler
}

// flusher is what a writer may offer that delays its lines. It is called
// after records of level error and above: what follows may be a crash.
type flusher interface{ Flush() error }

// New returns a logger that hands out whole lines, each in one Write.
func New(out io.Writer, o Options) *slog.Logger {
	if o.Level == nil {
		o.Level = slog.LevelInfo
	}
	var h slog.Handler = newTextHandler(out, o)
	if o.JSON {
		h = slog.NewJSONHandler(out, &slog.HandlerOptions{Level: o.Level, ReplaceAttr: jsonAttr})
	}
	if f, ok := out.(flusher); ok {
		h = flushing{Handler: h, out: f}
	}
	return slog.New(h)
}

// jsonAttr writes times as the access log does and durations so that people
// can read them; slog's own are nanoseconds without a unit.
func jsonAttr(_ []string, a slog.Attr) slog.Attr {
	switch a.Value.Kind() {
	case slog.KindTime:
		return slog.String(a.Key, a.Value.Time().Format("2006-01-02T15:04:05.000Z07:00"))
	case slog.KindDuration:
		return slog.String(a.Key, roundDuration(a.Value.Duration()).String())
	}
	return a
}

// roundDuration leaves about four digits: 3.214ms, 12.35s.
func roundDuration(d time.Duration) time.Duration {
	unit := time.Duration(1)
	for d.Abs() >= 10000*unit {
		unit *= 10
	}
	return d.Round(unit)
}
