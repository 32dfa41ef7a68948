package http1

import (
	"bytes"
	"fmt"
	"strings"
	"testing"
	"time"
)

func BenchmarkParse(b *testing.B) {
	for _, bb := range []struct{ name, head string }{
		{"curl", curlHead},
		{"browser", browserHead},
		{"cookie-4k", strings.Replace(curlHead, "Accept", "Cookie: a="+strings.Repeat("x", 4096)+"\r\nAccept", 1)},
		{"fields-500", strings.Replace(curlHead, "Accept", strings.Repeat("X-Y: z\r\n", 500)+"Accept", 1)},
		{"refused", "GET / HTTP/1.1\r\nHost: a\r\nContent-Length : 5\r\n\r\n"},
	} {
		b.Run(bb.name, func(b *testing.B) {
			var h Head
			buf := []byte(bb.head)
			b.SetBytes(int64(len(buf)))
			b.ReportAllocs()
			for b.Loop() {
				if n, err := h.Parse(buf, 0); n == 0 && err == nil {
					b.Fatal("more")
				}
			}
		})
	}
}

// BenchmarkParseBytewise is the slowest client: ns per byte must not grow with the head.
func BenchmarkParseBytewise(b *testing.B) {
	for _, size := range []int{1 << 10, 8 << 10, 64 << 10} {
		for shape, line := range map[string]string{"long-line": "x", "short-lines": "y\r\nX:" + strings.Repeat("z", 80)} {
			b.Run(fmt.Sprintf("%s-%dk", shape, size>>10), func(b *testing.B) {
				head := "GET / HTTP/1.1\r\nHost: a\r\nX:"
				buf := []byte(head + strings.Repeat(line, (size-len(head))/len(line)) + "\r\n\r\n")
				b.ReportAllocs()
				var h Head
				for b.Loop() {
					for i := 1; i <= len(buf); i++ {
						if _, err := h.Parse(buf[:i], i-1); err != nil {
							b.Fatal(err)
						}
					}
				}
				b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(len(buf)), "ns/byte")
			})
		}
	}
}

func BenchmarkChunked(b *testing.B) {
	body := bytes.Repeat([]byte("0123456789abcdef"), 4096)
	for _, size := range []int{1, 100, 4096, 65536} {
		b.Run(fmt.Sprint(size), func(b *testing.B) {
			wire := chunkUp(body, size)
			b.SetBytes(int64(len(body)))
			b.ReportAllocs()
			for b.Loop() {
				var d ChunkedDecoder
				for src := wire; len(src) > 0; {
					_, n, _, err := d.Next(src)
					if err != nil {
						b.Fatal(err)
					}
					src = src[n:]
				}
			}
		})
	}
}

func BenchmarkAppendError(b *testing.B) {
	buf := make([]byte, 0, 512)
	now := time.Now()
	b.ReportAllocs()
	for b.Loop() {
		AppendError(buf, errHostMissing, now)
	}
}
