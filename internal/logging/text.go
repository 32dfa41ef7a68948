package logging

import (
	"context"
	"io"
	"log/slog"
	"strconv"
	"strings"
	"sync"
	"time"
	"unicode/utf8"

	"github.com/gowsgi/gowsgi/internal/accesslog"
)

// textHandler writes
//
//	2026-11-22T11:08:13+01:00 INFO message key=value
//	    lines of a value that has several, such as a traceback
//
// A line that does not begin with four blanks is the beginning of a record:
// nothing that a record says can look like another one.
type textHandler struct {
	level slog.Leveler
	out   *lineWriter
	date  *accesslog.Date
	// given are the attributes of With, as text; below are those of them that
	// have several lines.
	given, below []byte
	prefix       string // of open groups: "group."
}

// lineWriter lets one record at a time through.
type lineWriter struct {
	mu  sync.Mutex
	out io.Writer
}

const indent = "    "

func newTextHandler(out io.Writer, o Options) *textHandler {
	return &textHandler{level: o.Level, out: &lineWriter{out: out}, date: o.Date}
}

func (h *textHandler) Enabled(_ context.Context, l slog.Level) bool { return l >= h.level.Level() }

func (h *textHandler) Handle(_ context.Context, r slog.Record) error {
	l := line{prefix: h.prefix}
	if !r.Time.IsZero() {
		l.head = append(h.date.Append(l.head, r.Time), ' ')
	}
	l.head = append(l.head, r.Level.String()...)
	l.head = append(l.head, ' ')
	message, rest, _ := strings.Cut(strings.TrimRight(r.Message, "\n"), "\n")
	l.head = appendPrintable(l.head, message)
	l.head = append(l.head, h.given...)
	if rest != "" {
		l.below = appendIndented(l.below, rest)
	}
	l.below = append(l.below, h.below...)
	r.Attrs(func(a slog.Attr) bool {
		l.attr(a)
		return true
	})
	l.head = append(l.head, '\n')
	l.head = append(l.head, l.below...)

	h.out.mu.Lock()
	defer h.out.mu.Unlock()
	_, err := h.out.out.Write(l.head)
	return err
}

func (h *textHandler) WithAttrs(attrs []slog.Attr) slog.Handler {
	l := line{prefix: h.prefix}
	for _, a := range attrs {
		l.attr(a)
	}
	return h.with(l.head, l.below, h.prefix)
}

func (h *textHandler) WithGroup(name string) slog.Handler {
	if name == "" {
		return h // slog.Handler's rule
	}
	return h.with(nil, nil, h.prefix+name+".")
}

func (h *textHandler) with(given, below []byte, prefix string) *textHandler {
	c := *h
	c.given = append(h.given[:len(h.given):len(h.given)], given...)
	c.below = append(h.below[:len(h.below):len(h.below)], below...)
	c.prefix = prefix
	return &c
}

// line is a record being written.
type line struct {
	head, below []byte
	prefix      string
}

// attr follows slog.Handler's rules: values are resolved, empty attributes
// and groups ignored, groups without a key inlined.
func (l *line) attr(a slog.Attr) {
	a.Value = a.Value.Resolve()
	if a.Equal(slog.Attr{}) {
		return
	}
	if a.Value.Kind() == slog.KindGroup {
		outer := l.prefix
		if a.Key != "" {
			l.prefix += a.Key + "."
		}
		for _, m := range a.Value.Group() {
			l.attr(m)
		}
		l.prefix = outer
		return
	}
	value := strings.TrimRight(text(a.Value), "\n")
	if strings.Contains(value, "\n") {
		l.long(a.Key, value)
		return
	}
	l.head = append(l.head, ' ')
	l.head = appendPrintable(l.head, l.prefix+a.Key)
	l.head = append(l.head, '=')
	l.head = appendValue(l.head, value)
}

// long puts a value of several lines below the record. A traceback speaks for
// itself; anything else is named.
func (l *line) long(key, value string) {
	if key != "traceback" {
		l.below = append(l.below, indent...)
		l.below = appendPrintable(l.below, l.prefix+key)
		l.below = append(l.below, ":\n"...)
	}
	l.below = appendIndented(l.below, value)
}

func text(v slog.Value) string {
	switch v.Kind() {
	case slog.KindDuration:
		return roundDuration(v.Duration()).String()
	case slog.KindTime:
		return v.Time().Format(time.RFC3339)
	case slog.KindAny:
		if b, ok := v.Any().([]byte); ok {
			return string(b)
		}
	}
	return v.String()
}

func appendIndented(dst []byte, text string) []byte {
	for l := range strings.SplitSeq(text, "\n") {
		dst = append(dst, indent...)
		dst = appendPrintable(dst, strings.TrimSuffix(l, "\r"))
		dst = append(dst, '\n')
	}
	return dst
}

// appendValue quotes what would not be read as one value.
func appendValue(dst []byte, s string) []byte {
	if s == "" || strings.ContainsAny(s, " \t=\"") || strings.ContainsFunc(s, notPrintable) {
		return strconv.AppendQuote(dst, s)
	}
	return append(dst, s...)
}

// appendPrintable escapes what would move the cursor or colour the terminal.
func appendPrintable(dst []byte, s string) []byte {
	if !strings.ContainsFunc(s, notPrintable) {
		return append(dst, s...)
	}
	for i, size := 0, 0; i < len(s); i += size {
		var r rune
		r, size = utf8.DecodeRuneInString(s[i:])
		switch {
		case r == utf8.RuneError && size == 1:
			const hex = "0123456789abcdef"
			dst = append(dst, '\\', 'x', hex[s[i]>>4], hex[s[i]&0xf])
		case r == '\t' || strconv.IsPrint(r):
			dst = append(dst, s[i:i+size]...)
		default:
			quoted := strconv.QuoteRune(r)
			dst = append(dst, quoted[1:len(quoted)-1]...)
		}
	}
	return dst
}

// notPrintable is true for RuneError too, which may stand for a bad byte.
func notPrintable(r rune) bool {
	return r != '\t' && !strconv.IsPrint(r) || r == utf8.RuneError
}
