package accesslog

import (
	"sync/atomic"
	"time"

	"github.com/gowsgi/gowsgi/internal/process"
)

// memory holds this process's sizes for %(vsz) and %(rss), measured at most
// once a second, and only if a format asks for them.
type memory struct {
	checked  atomic.Int64 // the second of the last measurement
	vsz, rss atomic.Int64 // bytes
}

func (m *memory) at(t time.Time) *memory {
	now := t.Unix()
	if last := m.checked.Load(); now > last && m.checked.CompareAndSwap(last, now) {
		vsz, rss := process.Size()
		m.vsz.Store(vsz)
		m.rss.Store(rss)
	}
	return m
}
