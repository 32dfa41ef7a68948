package blackbox

import (
	"bufio"
	"context"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"
)

// pagesApp has pages of HTML under all sorts of headers, with the text of text.py.
const pagesApp = `import text
from flask import Flask, Response, request
app = Flask(__name__)
PAGE = "<!doctype html><html><body><h1>" + text.TEXT + "</h1></body></html>"
@app.get("/")
def index():
    return PAGE
@app.get("/policy")
def policy():
    return Response(PAGE, headers={"Content-Security-Policy": request.args["p"]})
@app.get("/stream")
def stream():
    return Response(iter(["<body>", text.TEXT, "</body>"]), mimetype="text/html")
@app.get("/plain")
def plain():
    return Response(PAGE, mimetype="text/plain")
@app.get("/raises")
def raises():
    raise ValueError(text.TEXT)
`

// see waits until a page in the browser has a text at a place.
func see(tab context.Context, t *testing.T, selector, text string) {
	t.Helper()
	expression := fmt.Sprintf(`(document.querySelector(%q) || {}).innerText || ""`, selector)
	last := ""
	if !soon(patience(), func() bool {
		value, err := chromedp.Run(tab, chromedp.Evaluate[string](expression))
		last = value
		return err == nil && strings.Contains(value, text) // a page that is just being replaced can't be asked
	}) {
		t.Fatalf("%s never has %q; last: %.500q", selector, text, last)
	}
}

// Clause: "edit → page refreshes by itself; break → overlay; fix → page back", in a real browser, without and with a
// policy, and of a page of an exception.
func TestDevBrowser(t *testing.T) {
	t.Parallel()
	for name, path := range map[string]string{
		"plain":     "/",
		"policy":    "/policy?p=default-src+'self'",
		"nonce":     "/policy?p=script-src+'nonce-abc'+'strict-dynamic'",
		"stream":    "/stream",
		"exception": "/raises",
	} {
		t.Run(name, func(t *testing.T) {
			w := develop(t, dev, "app.py", pagesApp, "text.py", "TEXT = 'one'\n")
			tab := chromium(t)
			if err := chromedp.Do(tab, chromedp.Navigate("http://"+w.addr+path)); err != nil {
				t.Fatal(err)
			}
			see(tab, t, "body", "one")
			evaluate[bool](tab, t, `window.before = true`)
			for _, text := range []string{"two", "three"} {
				w.save(t, "text.py", "TEXT = '"+text+"'\n")
				see(tab, t, "body", text)
			}
			if evaluate[bool](tab, t, `window.before === true`) {
				t.Error("the page was not loaded again")
			}
			w.save(t, "text.py", "TEXT = (\n")
			see(tab, t, "#gowsgi-overlay", "SyntaxError")
			see(tab, t, "body", "three") // what was there is still, below
			w.save(t, "text.py", "TEXT = [\n")
			see(tab, t, "#gowsgi-overlay", "'[' was never closed")
			if screen, err := chromedp.Run(tab, chromedp.FullScreenshot(100)); err != nil {
				t.Error(err)
			} else {
				keepScreenshot(t, screen)
			}
			if err := chromedp.Do(tab, chromedp.Reload()); err != nil { // by hand: the page of the failure itself
				t.Fatal(err)
			}
			see(tab, t, ".message", "'[' was never closed")
			w.save(t, "text.py", "TEXT = missing\n")
			see(tab, t, ".message", "NameError")
			w.save(t, "text.py", "TEXT = 'back'\n")
			see(tab, t, "body", "back")
			if evaluate[bool](tab, t, `!!document.querySelector("#gowsgi-overlay")`) {
				t.Error("the overlay is there still")
			}
			if err := chromedp.Cancel(tab); err != nil {
				t.Fatal(err)
			}
			w.finish(t)
		})
	}
}

const tagStart = `<script src="/__gowsgi__/reload.js?`

// What goes over the wire: the length is right, HEAD has that of GET, and what is no page stays as it is.
func TestDevScript(t *testing.T) {
	t.Parallel()
	w := develop(t, dev, "app.py", pagesApp, "text.py", "TEXT = 'one'\n")
	b := w.browser(t)
	for path, has := range map[string]bool{
		"/": true, "/stream": true, "/plain": false, "/none": true, "/policy?p=script-src+'none'": false, "/policy?p=script-src+'self'": true,
	} {
		p := b.get(path)
		if strings.Contains(p.body, tagStart) != has {
			t.Errorf("%s: %q", path, p.body)
		}
		if length := p.Header.Get("Content-Length"); length != "" && length != strconv.Itoa(len(p.body)) {
			t.Errorf("%s: Content-Length %s, %d bytes", path, length, len(p.body))
		}
		if path == "/stream" {
			continue // HEAD does not run the generator
		}
		head := b.send("HEAD", path, "", "")
		if got, want := head.Header.Get("Content-Length"), p.Header.Get("Content-Length"); got != want {
			t.Errorf("HEAD %s: Content-Length %s, GET's is %s", path, got, want)
		}
	}
	for _, headers := range [][]string{
		{"Sec-Fetch-Dest", "empty"}, {"X-Requested-With", "XMLHttpRequest"}, {"X-Forwarded-For", "192.0.2.1"},
	} {
		if p := b.get("/", headers...); strings.Contains(p.body, tagStart) {
			t.Errorf("%q: %q", headers, p.body)
		}
	}
	b.get("/", "Sec-Fetch-Dest", "document").want(t, 200, tagStart)
	p := b.get("/__gowsgi__/reload.js")
	p.want(t, 200, "EventSource")
	if kind := p.Header.Get("Content-Type"); !strings.HasPrefix(kind, "text/javascript") {
		t.Errorf("Content-Type %q", kind)
	}
	b.get("/__gowsgi__/other").want(t, 404)
	b.send("POST", "/__gowsgi__/events", "", "").want(t, 404)
	w.finish(t)
}

// Clause: "An event stream endpoint served by the front (no Python thread is held) tells the page".
func TestDevEvents(t *testing.T) {
	t.Parallel()
	w := develop(t, []string{"--dev", "--threads", "1"}, "app.py", devApp, "text.py", "TEXT = 'one'\n")
	var streams []*bufio.Scanner
	var bodies []*http.Response
	for range 5 { // more than there are threads
		resp, err := w.crew.browser(t).client.Get("http://" + w.addr + "/__gowsgi__/events")
		if err != nil {
			t.Fatal(err)
		}
		if kind := resp.Header.Get("Content-Type"); !strings.HasPrefix(kind, "text/event-stream") {
			t.Fatalf("Content-Type %q", kind)
		}
		streams, bodies = append(streams, bufio.NewScanner(resp.Body)), append(bodies, resp)
	}
	next := func(s *bufio.Scanner) string {
		for s.Scan() {
			if data, ok := strings.CutPrefix(s.Text(), "data: "); ok {
				return data
			}
		}
		t.Fatalf("the stream has ended: %v", s.Err())
		return ""
	}
	first := next(streams[0])
	for _, s := range streams[1:] {
		if state := next(s); state != first || !strings.Contains(state, `"failure":null`) {
			t.Errorf("first %s, another %s", first, state)
		}
	}
	w.save(t, "text.py", "TEXT = (\n")
	for _, s := range streams {
		if state := next(s); !strings.Contains(state, "SyntaxError") {
			t.Errorf("after a failure: %s", state)
		}
	}
	w.save(t, "text.py", "TEXT = 'two'\n")
	for _, s := range streams {
		if state := next(s); state == first || !strings.Contains(state, `"failure":null`) {
			t.Errorf("after the fix: %s", state)
		}
	}
	w.shows(t, "/", "two")
	for _, resp := range bodies[1:] {
		resp.Body.Close()
	}
	// The last one is open: the end does not wait for it.
	w.base = takeCensus(w.pid())
	w.finish(t)
	bodies[0].Body.Close()
}
