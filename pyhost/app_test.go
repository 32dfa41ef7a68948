package pyhost

import (
	"encoding/binary"
	"strings"
	"testing"

	"github.com/gowsgi/gowsgi/bridge"
)

// The number of the app that a request is for is not trusted: in a worker process it comes from shared memory.
func TestNoSuchApp(t *testing.T) {
	outcomes := make(chan string, 16)
	begin := func(w *thread, call *bridge.Call) {
		number := call.Environ()[4:8]
		for _, n := range []uint32{1, 2, 1 << 31, 1<<32 - 1} {
			binary.NativeEndian.PutUint32(number, n)
			if event := w.Begin(call); event != bridge.EventError {
				outcomes <- "an answer"
			} else {
				outcomes <- string(w.Reply().Error)
			}
		}
		binary.NativeEndian.PutUint32(number, 0)
		if w.Begin(call) != bridge.EventDone || string(w.Reply().Body) != "Hello, World!\n" {
			outcomes <- "no answer of app 0"
		}
		close(outcomes)
	}
	site.onWorker.Store(&begin)
	defer site.onWorker.Store(nil)
	c := dial(t, site.tcp)
	send(t, c, "GET /hello HTTP/1.1\r\nHost: t\r\nConnection: close\r\n\r\n")
	seen := 0
	for text := range outcomes {
		if seen++; !strings.Contains(text, "SystemError: gowsgi: a request for an app that does not exist") {
			t.Errorf("got %q", text)
		}
	}
	if seen != 4 {
		t.Errorf("%d outcomes", seen)
	}
	response(t, c).of200(t)
	wait(t, c)
}
