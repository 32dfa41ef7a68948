package blackbox

import (
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
)

// gatedApp waits at a gate in its import, when it is told to, and in requests for /gate.
const gatedApp = `import os, text
def gate(name):
    with open(os.path.join(os.environ["SCRATCH"], name), "rb") as f:
        f.read(1)
if text.GATE:
    gate(text.GATE)
def app(environ, start_response):
    if environ["PATH_INFO"] == "/gate":
        gate("request")
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [text.TEXT.encode()]
`

func gated(text, gate string) string { return fmt.Sprintf("TEXT = %q\nGATE = %q\n", text, gate) }

// Clause: "From the moment that a change is seen, requests wait for the new one …; running ones in the old process end
// there; several saves in a row during an import kill the half-started process and start anew".
func TestDevRequestsWait(t *testing.T) {
	t.Parallel()
	w := develop(t, dev, "app.py", gatedApp, "text.py", gated("one", ""))
	running, first, second := w.gate(t, "request"), w.gate(t, "first"), w.gate(t, "second")
	h := w.dial(t)
	h.send(request("GET", "/gate", ""))
	running.reached(t)
	old := w.workers()[0]

	w.save(t, "text.py", gated("two", "first"))
	first.reached(t)
	var waiting []*conn
	for range 5 {
		c := w.dial(t)
		c.send(request("GET", "/", ""))
		waiting = append(waiting, c)
	}
	half := w.workers()
	w.save(t, "text.py", gated("three", "second"))
	second.reached(t)
	eventually(t, "the half-started process is gone", func() bool {
		for _, p := range half {
			if p.pid != old.pid && len(survivors(-1, []process{p})) > 0 {
				return false
			}
		}
		return true
	})
	running.open(t)
	h.response("GET").want(t, 200, "one")
	second.open(t)
	for _, c := range waiting {
		c.response("GET").want(t, 200, "three")
	}
	w.wantWorkers(t, 1, old.pid)
	w.closeConns()
	w.finish(t)
}

// Clause: "Requests that wait get that page."
func TestDevWaitersGetThePage(t *testing.T) {
	t.Parallel()
	w := develop(t, dev, "app.py", gatedApp, "text.py", gated("one", ""))
	g := w.gate(t, "import")
	w.save(t, "text.py", gated("two", "import")+"import atexit\n")
	g.reached(t)
	c := w.dial(t)
	c.send("GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")
	eventually(t, "it waits", func() bool { return len(w.workers()) == 1 })
	w.save(t, "text.py", gated("three", "import")+"TEXT.nothing\n")
	c.response("GET").wantStatus(t, 500)
	w.save(t, "text.py", gated("four", ""))
	w.shows(t, "/", "four")
	w.finish(t)
}

// A signal reloads, too.
func TestDevHangup(t *testing.T) {
	t.Parallel()
	w := develop(t, dev, "app.py", devApp, "text.py", "TEXT = 'one'\n")
	old := w.workers()[0].pid
	w.signal(t, syscall.SIGHUP)
	w.wantWorkers(t, 1, old)
	w.shows(t, "/", "one")
	w.finish(t)
}

// A file that the app writes while it is loaded is no reason to load it for ever.
func TestDevAppWritesItself(t *testing.T) {
	t.Parallel()
	w := develop(t, dev, "app.py", "import os\nopen('made.py', 'a').write('#\\n')\nopen(os.environ['SCRATCH'] + '/events', 'a').write('load\\n')\n"+
		"import made, time\ntime.sleep(0.3)\n"+bare("app", "here"))
	w.shows(t, "/", "here")
	w.log.wait(t, "a file changes each time that the app is loaded")
	w.shows(t, "/", "here")
	n := w.countEvents(t, "load")
	w.save(t, "app.py", bare("app", "edited"))
	w.shows(t, "/", "edited")
	if n > 6 {
		t.Errorf("loaded %d times", n)
	}
	w.finish(t)
}

// Clause: the soak: "N saves (20 in -short, 200 otherwise), every tenth broken, under request load: no refused
// connection, no leaked process or fd". Each save shows before the next.
func TestDevSoak(t *testing.T) {
	t.Parallel()
	n := 200
	if testing.Short() {
		n = 20
	}
	w := develop(t, dev, "app.py", devApp, "text.py", "TEXT = 'number 0'\n")
	var done atomic.Bool
	var load sync.WaitGroup
	var answered atomic.Int64
	var browsers []*browser
	for range 3 {
		b := w.crew.browser(t) // it keeps its connection
		browsers = append(browsers, b)
		load.Go(func() {
			for last := -1; !done.Load(); {
				resp, err := b.client.Get(b.base + "/")
				if err != nil {
					t.Errorf("refused or lost: %v", err)
					return
				}
				text := readAll(resp)
				var number int
				switch _, err := fmt.Sscanf(text, "number %d", &number); {
				case resp.StatusCode == 500 && strings.Contains(text, "SyntaxError"):
				case resp.StatusCode != 200 || err != nil || number < last:
					t.Errorf("after number %d: %d %q", last, resp.StatusCode, text)
					return
				default:
					last = number
				}
				answered.Add(1)
			}
		})
	}
	for i := 1; i <= n && !t.Failed(); i++ {
		if i%10 == 0 {
			w.save(t, "text.py", fmt.Sprintf("TEXT = 'number %d\n", i))
			w.fails(t, "SyntaxError", fmt.Sprintf("number %d", i))
		} else {
			w.save(t, "text.py", fmt.Sprintf("TEXT = 'number %d'\n", i))
			w.shows(t, "/", fmt.Sprintf("number %d ", i))
		}
		w.workers()
	}
	w.save(t, "text.py", "TEXT = 'number 1000'\n")
	w.shows(t, "/", "number 1000")
	done.Store(true)
	load.Wait()
	for _, b := range browsers {
		b.client.CloseIdleConnections()
	}
	if answered.Load() < int64(n) {
		t.Errorf("only %d requests for %d saves", answered.Load(), n)
	}
	w.wantWorkers(t, 1)
	w.finish(t)
}
