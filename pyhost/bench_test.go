package pyhost

import (
	"testing"

	"github.com/gowsgi/gowsgi/bridge"
)

// BenchmarkSeam is one request's way through the C seam and the app: environ, call, and
// response in one buffer. No queue and no socket: a request that came by one is begun again
// and again, by the thread that had it, before its connection goes on.
func BenchmarkSeam(b *testing.B) {
	const browser = "User-Agent: Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0\r\n" +
		"Accept: text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8\r\nAccept-Language: en-US,en;q=0.5\r\n" +
		"Accept-Encoding: gzip, deflate, br\r\nCookie: session=0123456789abcdef; theme=dark\r\nUpgrade-Insecure-Requests: 1\r\n" +
		"Sec-Fetch-Dest: document\r\nSec-Fetch-Mode: navigate\r\nSec-Fetch-Site: none\r\nSec-Fetch-User: ?1\r\n"
	for _, c := range []struct{ name, fields string }{{"bare", ""}, {"browser", browser}} {
		b.Run(c.name, func(b *testing.B) { benchmarkSeam(b, c.fields) })
	}
}

func benchmarkSeam(b *testing.B, fields string) {
	loop := func(t *thread, call *bridge.Call) {
		b.ReportAllocs()
		for b.Loop() {
			if t.Begin(call) != bridge.EventDone || len(t.Reply().Body) == 0 {
				b.Error("the app does not say hello")
				return
			}
		}
	}
	site.onWorker.Store(&loop)
	defer site.onWorker.Store(nil)
	c := dial(b, site.tcp)
	send(b, c, "GET /hello HTTP/1.1\r\nHost: t\r\nConnection: close\r\n"+fields+"\r\n")
	// The answer comes first, the benchmark is before the connection's end.
	if body := response(b, c).of200(b); body != "Hello, World!\n" {
		b.Fatalf("body %q", body)
	}
	wait(b, c)
}
