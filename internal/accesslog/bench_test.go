package accesslog

import (
	"io"
	"testing"
	"time"
)

func benchmarkFormat(b *testing.B, f *Format) {
	r := plainExample()
	dst := make([]byte, 0, 1024)
	b.ReportAllocs()
	for b.Loop() {
		r.Start = r.Start.Add(10 * time.Microsecond) // 100,000 requests/s
		dst = f.Append(dst[:0], r)
	}
	b.SetBytes(int64(len(dst)))
}

func BenchmarkDefault(b *testing.B) { benchmarkFormat(b, Default()) }

func BenchmarkJSON(b *testing.B) { benchmarkFormat(b, JSON()) }

func BenchmarkCombined(b *testing.B) {
	benchmarkFormat(b, compile(b, `%(addr) - %(user) [%(ltime)] "%(method) %(uri) %(proto)" %(status) %(size) "%(referer)" "%(uagent)"`))
}

// BenchmarkWriter is the whole cost to a request.
func BenchmarkWriter(b *testing.B) {
	w := NewWriter(io.Discard)
	defer w.Close()
	f, r := Default(), plainExample()
	b.ReportAllocs()
	for b.Loop() {
		w.Append(f, r)
	}
	b.ReportMetric(float64(w.Dropped())/float64(b.N), "dropped/op")
}

func BenchmarkWriterParallel(b *testing.B) {
	w := NewWriter(io.Discard)
	defer w.Close()
	f := Default()
	b.ReportAllocs()
	b.RunParallel(func(pb *testing.PB) {
		r := plainExample()
		for pb.Next() {
			w.Append(f, r)
		}
	})
}

// TestAppendAllocatesNothing: b.ReportAllocs only reports.
func TestAppendAllocatesNothing(t *testing.T) {
	dst := make([]byte, 0, 4096)
	r := example()
	for name, f := range map[string]*Format{
		"default": Default(), "json": JSON(), "terminal": Terminal(true),
		"custom": compile(t, "%(addr) %(ltime) %(uri) %(var.HTTP_X) %(secs) %(queue_ms)"),
	} {
		if n := testing.AllocsPerRun(100, func() { dst = f.Append(dst[:0], r) }); n != 0 {
			t.Errorf("%s: %v allocations", name, n)
		}
	}
}
