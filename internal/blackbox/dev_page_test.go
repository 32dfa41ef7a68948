package blackbox

import (
	"encoding/json"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"golang.org/x/net/html"
)

// hidden is in every secret of apps/dev, and in no source that a page shows.
const hidden = "h1dden"

var asBrowser = []string{"Accept", "text/html,application/xhtml+xml,*/*;q=0.8"}

// elements are all elements of a page, parsed as a browser parses it.
func elements(t *testing.T, page string) (found []*html.Node) {
	t.Helper()
	root, err := html.Parse(strings.NewReader(page))
	if err != nil {
		t.Fatal(err)
	}
	for n := range root.Descendants() {
		if n.Type == html.ElementNode {
			found = append(found, n)
		}
	}
	return found
}

func attribute(n *html.Node, key string) string {
	for _, a := range n.Attr {
		if a.Key == key {
			return a.Val
		}
	}
	return ""
}

// textOf is the text of an element.
func textOf(n *html.Node) string {
	var b strings.Builder
	for d := range n.Descendants() {
		if d.Type == html.TextNode {
			b.WriteString(d.Data)
		}
	}
	return b.String()
}

func (p page) wantHidden(t *testing.T) {
	t.Helper()
	if at := strings.Index(p.body, hidden); at >= 0 {
		t.Errorf("a secret is shown: …%s…", p.body[max(at-80, 0):min(at+80, len(p.body))])
	}
}

// Clause: "An uncaught exception in a request shows a page with traceback, source context, locals (secrets
// masked …), request data". It is escaped, loads nothing, and is kept by nobody.
func TestErrorPage(t *testing.T) {
	run(t, app, func(t *testing.T, v variant) {
		s := v.start(t, launch{App: "dev", Args: []string{"--dev"}})
		p := s.browser(t).get("/boom?colour=%3Cred%3E&token="+hidden, append(asBrowser,
			"Authorization", "Bearer "+hidden, "Cookie", "sid="+hidden, "X-Plain", "plain & simple", "Referer", "http://x/?api_key="+hidden)...)
		p.want(t, 500, "visible", "&#39;see me&#39;", "&lt;i&gt;boom&lt;/i&gt; &amp; ", "raise ValueError(", "plain &amp; simple", "&lt;red&gt;",
			"&#39;db_password&#39;: ********", "the repr of this Raises raised RuntimeError")
		p.wantHidden(t)
		nonce := regexp.MustCompile(`^default-src 'none'; style-src 'nonce-(\w{36})'; script-src 'nonce-(\w{36})'; connect-src 'self'; ` +
			`base-uri 'none'; form-action 'none'; frame-ancestors 'none'$`).FindStringSubmatch(p.Header.Get("Content-Security-Policy"))
		if nonce == nil || nonce[1] != nonce[2] {
			t.Fatalf("Content-Security-Policy: %q", p.Header.Get("Content-Security-Policy"))
		}
		for name, want := range map[string]string{
			"Cache-Control": "no-store", "Content-Type": "text/html; charset=utf-8", "X-Content-Type-Options": "nosniff",
			"Referrer-Policy": "no-referrer", "Cross-Origin-Resource-Policy": "same-origin",
		} {
			if got := p.Header.Get(name); got != want {
				t.Errorf("%s: %q, want %q", name, got, want)
			}
		}
		s.checkElements(t, p, nonce[1])
		s.log.wait(t, "the app raised an exception", "GET /boom?", "ValueError: <i>boom</i> & ")
		again := s.browser(t).get("/boom", asBrowser...)
		if strings.Contains(again.body, nonce[1]) {
			t.Error("the nonce is used twice")
		}
	})
}

func (s *server) checkElements(t *testing.T, p page, nonce string) {
	t.Helper()
	scripts, here := 0, 0
	for _, n := range elements(t, p.body) {
		for _, a := range n.Attr {
			own := n.Data == "script" && strings.HasPrefix(a.Val, "/__gowsgi__/reload.js?") // of the dev loop
			if a.Key == "src" && !own || a.Key == "href" || strings.HasPrefix(a.Key, "on") || a.Key == "style" {
				t.Errorf("<%s %s=%q>: the page loads or runs something", n.Data, a.Key, a.Val)
			}
		}
		switch n.Data {
		case "script", "style":
			scripts++
			if attribute(n, "nonce") != nonce {
				t.Errorf("<%s> without the nonce: %.100q", n.Data, textOf(n))
			}
		case "i", "red":
			t.Errorf("<%s> is not escaped", n.Data)
		case "span":
			if attribute(n, "class") == "here" && strings.Contains(textOf(n), "the line that failed") {
				here++
			}
		}
	}
	if scripts != 3 || here != 1 {
		t.Errorf("%d scripts and styles, want 3; the line that failed is marked %d times", scripts, here)
	}
}

// devFrame is a frame of a page.
type devFrame struct {
	File, Function string
	Line           int
	Library        bool
	Source         [][2]any // number, text
	Locals         [][2]string
}

// devReport is the page as JSON.
type devReport struct {
	Type       string
	Message    string
	Traceback  string
	Exceptions []struct {
		Relation, Type, Message string
		Frames                  []devFrame
	}
	Request struct {
		Method, URL string
		Form, Args  [][2]string
		Headers     [][2]string
	}
}

func (s *server) report(t *testing.T, path string) (r devReport) {
	t.Helper()
	p := s.browser(t).get(path, "Accept", "application/json")
	p.want(t, 500)
	if err := json.Unmarshal([]byte(p.body), &r); err != nil || p.Header.Get("Content-Type") != "application/json" {
		t.Fatalf("%s: %v, %s: %.300q", path, err, p.Header.Get("Content-Type"), p.body)
	}
	p.wantHidden(t)
	return r
}

// Clause: "JSON clients (Accept) get JSON; `curl` gets text".
func TestErrorForms(t *testing.T) {
	run(t, app, func(t *testing.T, v variant) {
		s := v.start(t, launch{App: "dev", Args: []string{"--dev"}})
		for accept, want := range map[string]string{
			"":                                     "text/plain; charset=utf-8",
			"*/*":                                  "text/plain; charset=utf-8",
			"application/json":                     "application/json",
			"application/json, text/plain, */*":    "application/json",
			"application/problem+json":             "application/json",
			"text/html;q=0.5,application/json":     "application/json",
			"text/html,application/json;q=0.9":     "text/html; charset=utf-8",
			"text/html;q=nonsense":                 "text/plain; charset=utf-8",
			"text/html;q=0,image/png":              "text/plain; charset=utf-8",
			"TEXT/HTML":                            "text/html; charset=utf-8",
			strings.Repeat("application/x,", 1000): "text/plain; charset=utf-8",
		} {
			p := s.browser(t).get("/boom", "Accept", accept)
			if p.want(t, 500, "ValueError"); p.Header.Get("Content-Type") != want {
				t.Errorf("Accept %.50q: %s, want %s", accept, p.Header.Get("Content-Type"), want)
			}
			p.wantHidden(t)
		}
		p := s.browser(t).form("/boom", "name", "ada", "password", hidden)
		p.want(t, 500, "form: name = ada", "form: password = ********", "Traceback (most recent call last):", "    visible = 'see me'\n", "POST http://")
		p.wantHidden(t)
		if head := s.do(t, "HEAD /boom HTTP/1.1\r\nHost: localhost\r\n\r\n"); head.Status != 500 || head.get("Cache-Control") != "no-store" {
			t.Errorf("HEAD: %q", head.Head)
		}
	})
}

// Clause: chains, groups, syntax errors and templates show where they come from.
func TestErrorKinds(t *testing.T) {
	run(t, app, func(t *testing.T, v variant) {
		s := v.start(t, launch{App: "dev", Args: []string{"--dev"}})
		for path, want := range map[string][]string{
			"/chain": {"TypeError ", "ValueError being handled when it came", "KeyError the direct cause"},
			"/group": {"ExceptionGroup ", "ValueError 1 of 2 in the group", "TypeError 2 of 2 in the group"},
			"/exit":  {"SystemExit "},
		} {
			if path == "/group" && (strings.HasPrefix(s.ready.Python, "3.9.") || strings.HasPrefix(s.ready.Python, "3.10.")) {
				continue
			}
			var got []string
			for _, e := range s.report(t, path).Exceptions {
				got = append(got, e.Type+" "+e.Relation)
			}
			if !slices.Equal(got, want) {
				t.Errorf("%s: %q, want %q", path, got, want)
			}
		}
		for path, want := range map[string]struct {
			file string
			line int
			text string
		}{
			"/template":        {"fails.html", 3, "  <li>{{ 10 / item }}</li>"},
			"/template-syntax": {"syntax.html", 3, "{% if %}"},
			"/syntax":          {"broken.py", 2, "y = (2,"},
		} {
			e := s.report(t, path).Exceptions[0]
			f := e.Frames[len(e.Frames)-1]
			if path == "/template-syntax" { // Jinja's own frames come behind it
				f = e.Frames[slices.IndexFunc(e.Frames, func(f devFrame) bool {
					return strings.HasSuffix(f.File, want.file)
				})]
			}
			if filepath.Base(f.File) != want.file || f.Line != want.line ||
				!slices.ContainsFunc(f.Source, func(l [2]any) bool { return l[0] == float64(want.line) && l[1] == want.text }) {
				t.Errorf("%s: %s:%d, want %v: %v", path, f.File, f.Line, want, f.Source)
			}
		}
		deep := s.report(t, "/deep").Exceptions[0]
		if n := len(deep.Frames); deep.Type != "RecursionError" || n < 20 || n > 40 {
			t.Errorf("a deep stack: %s with %d frames", deep.Type, n)
		}
		s.report(t, "/missing-file") // an OSError that has nothing to do with the body
	})
}

// A repr that hangs costs its own line, and the page comes.
func TestErrorPageHangingRepr(t *testing.T) {
	run(t, app, func(t *testing.T, v variant) {
		s := v.start(t, launch{App: "dev", Args: []string{"--dev"}, KeepThreads: 1})
		s.browser(t).get("/hangs").want(t, 500, "first = 'first value'", "hangs = <its repr takes too long>", "last = 'last value'")
	})
}

// A page that is larger than what fits between two processes at once comes whole, and the connection stays.
func TestLargeErrorPage(t *testing.T) {
	run(t, app, func(t *testing.T, v variant) {
		s := v.start(t, launch{App: "dev", Args: []string{"--dev"}})
		c := s.dial(t)
		for range 3 {
			c.send("GET /large HTTP/1.1\r\nHost: localhost\r\nAccept: text/html\r\n\r\n")
			r := c.response("GET")
			if r.Status != 500 || r.Err != nil || len(r.Body) < 100<<10 || !strings.Contains(string(r.Body[len(r.Body)-200:]), "</html>") {
				t.Fatalf("status %d, %d bytes, error %v", r.Status, len(r.Body), r.Err)
			}
		}
		c.send("GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")
		if r := c.response("GET"); r.Status != 200 || !strings.HasPrefix(string(r.Body), "index") {
			t.Errorf("status %d, body %q", r.Status, r.Body)
		}
	})
}

// Clause: after the head the connection is cut, as ever.
func TestErrorAfterHead(t *testing.T) {
	run(t, app, func(t *testing.T, v variant) {
		s := v.start(t, launch{App: "dev", Args: []string{"--dev"}})
		r := s.get(t, "/late")
		if r.Status != 200 || r.Err == nil || string(r.Body) != "begun" {
			t.Errorf("status %d, error %v, body %q", r.Status, r.Err, r.Body)
		}
		s.log.wait(t, "ValueError: too late")
	})
}

// Clause: "Only in --dev, only to loopback clients unless --dev-remote". The app's own word for who the client
// is does not count: apps/dev's application overwrites REMOTE_ADDR.
func TestErrorPageIsLocal(t *testing.T) {
	run(t, []string{"application"}, func(t *testing.T, v variant) {
		plain := v.start(t, launch{App: "dev"})
		plain.browser(t).get("/x", asBrowser...).wantBare(t)
		proxied := v.start(t, launch{App: "dev", Args: []string{"--dev", "--trusted-proxy", "127.0.0.1"}})
		direct := v.start(t, launch{App: "dev", Args: []string{"--dev"}})
		remote := v.start(t, launch{App: "dev", Args: []string{"--dev", "--dev-remote", "--trusted-proxy", "127.0.0.1"}})
		for _, c := range []struct {
			what    string
			headers []string
			local   bool
		}{
			{"nothing", nil, true},
			{"a client elsewhere", []string{"X-Forwarded-For", "203.0.113.9"}, false},
			{"a client elsewhere that lies", []string{"X-Forwarded-For", "127.0.0.1, 203.0.113.9"}, false},
			{"a client here", []string{"X-Forwarded-For", "127.0.0.1"}, true},
			{"IPv6", []string{"X-Forwarded-For", "::1"}, true},
			{"another one's IPv6", []string{"X-Forwarded-For", "2001:db8::1"}, false},
			{"a tunnel", []string{"X-Real-Ip", "203.0.113.9"}, false},
			{"a proxy of RFC 7239", []string{"Forwarded", "for=203.0.113.9"}, false},
		} {
			for _, s := range []*server{proxied, direct} {
				p := s.browser(t).get("/x", c.headers...)
				if c.local {
					p.want(t, 500, "ValueError: /x")
				} else {
					p.wantBare(t)
				}
			}
			remote.browser(t).get("/x", c.headers...).want(t, 500, "ValueError: /x")
		}
		for host, local := range map[string]bool{
			"localhost:5000": true, "app.localhost": true, "[::1]:5000": true, "127.0.0.1": true, "evil.example:5000": false, "localhost.evil.example": false,
		} {
			r := direct.do(t, "GET /x HTTP/1.1\r\nHost: "+host+"\r\n\r\n")
			if shown := strings.Contains(string(r.Body), "ValueError: /x"); r.Status != 500 || shown != local {
				t.Errorf("Host %s: status %d, page shown: %v", host, r.Status, shown)
			}
		}
	})
}

// wantBare asserts the answer that tells nothing.
func (p page) wantBare(t *testing.T) {
	t.Helper()
	if p.StatusCode != 500 || p.body != "Internal Server Error\n" {
		t.Errorf("status %d, body %.200q", p.StatusCode, p.body)
	}
}

func TestErrorPageOnUnixSocket(t *testing.T) {
	run(t, []string{"application"}, func(t *testing.T, v variant) {
		path := filepath.Join(t.TempDir(), "s")
		s := v.start(t, launch{App: "dev", Args: []string{"--dev", "--http", "unix:" + path}})
		c := s.dialTo(t, "unix", path)
		c.send("GET /x HTTP/1.1\r\nHost: anything\r\n\r\n")
		if r := c.response("GET"); r.Status != 500 || !strings.Contains(string(r.Body), "ValueError: /x") || !strings.Contains(string(r.Body), "Python 3.") {
			t.Errorf("%d %s", r.Status, r.Body)
		}
	})
}

// An app that is no Flask app, and that had begun its response: nothing of that is left.
func TestErrorPageReplacesHead(t *testing.T) {
	run(t, []string{"application"}, func(t *testing.T, v variant) {
		s := v.start(t, launch{App: "dev", Args: []string{"--dev"}})
		for path, word := range map[string]string{"/x": "ValueError: /x", "/iter": "ZeroDivisionError"} {
			p := s.browser(t).get(path)
			if p.want(t, 500, word); p.Header.Get("X-Started") != "" {
				t.Errorf("%s: headers of the failed response: %v", path, p.Header)
			}
		}
	})
}

// Clause: an app's own handler for 500, or its PROPAGATE_EXCEPTIONS, stays.
func TestOwnErrorHandlers(t *testing.T) {
	run(t, []string{"handled", "decided"}, func(t *testing.T, v variant) {
		s := v.start(t, launch{App: "dev", Args: []string{"--dev"}})
		p := s.browser(t).get("/boom", asBrowser...)
		want := map[string]string{"handled": "its own answer", "decided": "The server encountered an internal error"}[v.attr]
		if p.want(t, 500, want); strings.Contains(p.body, "Traceback") {
			t.Errorf("the page came: %.200q", p.body)
		}
	})
}

// Clause: "If Flask's own debugger is on, it is left to work, PIN and console included (single process, sticky)".
func TestOwnDebugger(t *testing.T) {
	run(t, []string{"debugged"}, func(t *testing.T, v variant) {
		s := v.start(t, launch{App: "dev", Args: []string{"--dev"}, Env: []string{"WERKZEUG_DEBUG_PIN=123-456-789"}})
		b := s.browser(t)
		p := b.get("/boom", asBrowser...)
		p.want(t, 500, "Werkzeug Debugger", "EVALEX = true")
		secret := regexp.MustCompile(`SECRET = "(\w+)"`).FindStringSubmatch(p.body)
		frames := regexp.MustCompile(`id="frame-(\d+)"`).FindAllStringSubmatch(p.body, -1)
		if secret == nil || len(frames) == 0 {
			t.Fatalf("no console: %.500q", p.body)
		}
		frame := frames[len(frames)-1][1]
		ask := func(pairs ...string) page {
			return b.get(query("/", append(pairs, "__debugger__", "yes", "s", secret[1])...), "Referer", b.base+"/boom")
		}
		ask("cmd", "pinauth", "pin", "123-456-789").want(t, 200, `"auth": true`)
		for range 5 { // whichever thread answers
			ask("cmd", "visible.upper()", "frm", frame).want(t, 200, "SEE ME")
		}
	})
}

// Clause: "`.env`/`.flaskenv` read by a well-kept library".
func TestDotenv(t *testing.T) {
	run(t, plain, func(t *testing.T, v variant) {
		text := "import os\nSEEN = ' '.join(os.environ.get(n, '-') for n in ('DOT_A', 'DOT_B', 'DOT_C', 'DOT_D', 'FLASK_DEBUG')).encode()\n" +
			strings.ReplaceAll(bare("application", "SEEN"), "b'SEEN'", "SEEN")
		dir := folder(t, "app.py", text, ".env", "DOT_A=env\nDOT_B=env\nDOT_C='env'\n", ".flaskenv", "DOT_A=weaker\nDOT_D=flask\n")
		l := launch{App: "dev", Dir: t.TempDir(), Env: []string{"DOT_B=outside"}, Args: []string{"--chdir", dir, "--env", "DOT_C=option"}}
		v.start(t, l).get(t, "/").want(t, 200, "- outside option - -")
		l.Args = append(l.Args, "--dev")
		s := v.start(t, l)
		s.get(t, "/").want(t, 200, "env outside option flask -")
		s.log.wait(t, `read the environment files=".env .flaskenv"`)
	})
}

func TestMalformedDotenv(t *testing.T) {
	run(t, plain, func(t *testing.T, v variant) {
		dir := folder(t, "app.py", bare("application", "x"), ".env", "DOT_A=1\n\nDOT_B='"+hidden+"\n")
		e := command(t, dir, nil, append(v.args, "--dev", "--http", "127.0.0.1:0", "--virtualenv", venv)...)
		e.wantLine(t, 1, "gowsgi: .env:3: want NAME=value, with its quotes closed")
		if strings.Contains(e.stderr, hidden) {
			t.Errorf("the line is shown: %s", e.stderr)
		}
	})
}

func TestDevRemoteAlone(t *testing.T) {
	t.Parallel()
	command(t, t.TempDir(), nil, "--dev-remote").wantLine(t, 2, "--dev-remote needs --dev")
}
