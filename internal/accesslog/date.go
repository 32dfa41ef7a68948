package accesslog

import (
	"fmt"
	"strings"
	"time"

	"github.com/lestrrat-go/strftime"
)

// Date writes local times as strftime(3) does, in English. A nil Date writes ISO 8601.
type Date struct{ pattern *strftime.Strftime }

// ParseDate reads a --log-date. "" is nil; "true", which is the option without a value, is what ctime(3) writes.
func ParseDate(format string) (*Date, error) {
	switch format {
	case "":
		return nil, nil
	case "true", "1":
		format = "%a %b %e %H:%M:%S %Y"
	}
	if strings.Contains(strings.ReplaceAll(format, "%%", ""), "%n") || strings.ContainsAny(format, "\r\n") {
		return nil, fmt.Errorf("log-date %q: a time in the log has no line breaks", format)
	}
	pattern, err := strftime.New(format, strftime.WithUnixSeconds('s'), strftime.WithSpecification('G', isoYear))
	if err != nil {
		return nil, fmt.Errorf("log-date %q: %w; want a format of strftime(3), as in %%Y-%%m-%%d %%H:%%M:%%S (a configuration file doubles each %%)", format, err)
	}
	return &Date{pattern}, nil
}

// isoYear is the year that %V's week belongs to.
var isoYear = appender(func(dst []byte, t time.Time) []byte {
	year, _ := t.ISOWeek()
	return fmt.Appendf(dst, "%04d", year)
})

type appender func(dst []byte, t time.Time) []byte

// Append implements [strftime.Appender].
func (a appender) Append(dst []byte, t time.Time) []byte { return a(dst, t) }

// Append appends t.
func (d *Date) Append(dst []byte, t time.Time) []byte {
	if d == nil {
		return t.AppendFormat(dst, isoLayout)
	}
	return d.pattern.FormatBuffer(dst, t)
}
