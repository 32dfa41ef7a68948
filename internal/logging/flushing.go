package logging

import (
	"context"
	"log/slog"
)

// flushing makes sure that an error is out before the program goes on.
type flushing struct {
	slog.Handler
	out flusher
}

// Handle ignores Flush's error: a blocked log must not fail the record, which
// is queued.
func (h flushing) Handle(ctx context.Context, r slog.Record) error {
	err := h.Handler.Handle(ctx, r)
	if r.Level >= slog.LevelError {
		_ = h.out.Flush()
	}
	return err
}

func (h flushing) WithAttrs(attrs []slog.Attr) slog.Handler {
	return flushing{Handler: h.Handler.WithAttrs(attrs), out: h.out}
}

func (h flushing) WithGroup(name string) slog.Handler {
	return flushing{Handler: h.Handler.WithGroup(name), out: h.out}
}
