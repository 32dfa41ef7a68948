package accesslog

import (
	"sync/atomic"
	"time"
)

// clock renders times of the last few seconds from a cache: thousands of
// lines share a second, and rendering a local time costs more than the rest of
// the line. It is safe for concurrent use; the zero value renders local time.
type clock struct {
	loc   *time.Location // nil: local
	date  *Date          // of the default line
	slots [8]atomic.Pointer[second]
}

// second is one second in every form a line can ask for. It is immutable once
// it stands in a slot.
type second struct {
	unix  int64
	iso   string // 2026-11-22T11:08:13+01:00
	date  string // as the default line has it: iso, or --log-date's
	clf   string // uWSGI's ltime: 22/Nov/2026:11:08:13 +0100
	ctime string // Sun Nov 22 11:08:13 2026
	zone  int    // where in iso the zone begins
}

const (
	isoLayout  = "2006-01-02T15:04:05Z07:00"
	zoneLayout = "Z07:00"
	clfLayout  = "02/Jan/2006:15:04:05 -0700"
)

// at returns the second of t. A request that began longer ago than there are
// slots is rendered anew; it must not push out the present.
func (c *clock) at(t time.Time) *second {
	unix := t.Unix()
	slot := &c.slots[uint64(unix)%uint64(len(c.slots))]
	s := slot.Load()
	if s != nil && s.unix == unix {
		return s
	}
	fresh := c.render(unix)
	if s == nil || s.unix < unix {
		slot.CompareAndSwap(s, fresh)
	}
	return fresh
}

func (c *clock) render(unix int64) *second {
	loc := c.loc
	if loc == nil {
		loc = time.Local
	}
	t := time.Unix(unix, 0).In(loc)
	iso := t.Format(isoLayout)
	date := iso
	if c.date != nil {
		date = string(c.date.Append(nil, t))
	}
	return &second{
		unix:  unix,
		iso:   iso,
		date:  date,
		clf:   t.Format(clfLayout),
		ctime: t.Format(time.ANSIC),
		zone:  len(iso) - len(t.Format(zoneLayout)),
	}
}

// appendMillis appends t as RFC 3339 with milliseconds.
func (c *clock) appendMillis(dst []byte, t time.Time) []byte {
	s := c.at(t)
	ms := t.Nanosecond() / 1e6
	dst = append(dst, s.iso[:s.zone]...)
	dst = append(dst, '.', byte('0'+ms/100), byte('0'+ms/10%10), byte('0'+ms%10))
	return append(dst, s.iso[s.zone:]...)
}
