package blackbox

import (
	"fmt"
	"net"
	"net/url"
	"strings"
	"testing"
)

// env is the environ as the app saw it.
type env map[string]string

func (s *server) environ(t *testing.T, raw string) env {
	t.Helper()
	var e env
	s.do(t, raw).json(t, &e)
	return e
}

// want asserts values; "<absent>" stands for a key that must not be there.
func (e env) want(t *testing.T, pairs ...string) {
	t.Helper()
	for i := 0; i < len(pairs); i += 2 {
		key, want := pairs[i], pairs[i+1]
		got, ok := e[key]
		switch {
		case want == "<absent>" && ok:
			t.Errorf("%s = %q, want it absent", key, got)
		case want == "<absent>":
		case !ok:
			t.Errorf("%s is absent, want %q", key, want)
		case got != want:
			t.Errorf("%s = %q, want %q", key, got, want)
		}
	}
}

// Clause: "environ: the CGI keys, …". One raw request each, and what it must become.
var environCases = []struct {
	name string
	raw  string
	want []string
}{
	{"cgi keys", "GET /a/b?x=1&y=%20 HTTP/1.1\r\nHost: example.com:81\r\n\r\n", []string{
		"REQUEST_METHOD", "GET", "SCRIPT_NAME", "", "PATH_INFO", "/a/b", "QUERY_STRING", "x=1&y=%20",
		"REQUEST_URI", "/a/b?x=1&y=%20", "RAW_URI", "/a/b?x=1&y=%20", "SERVER_PROTOCOL", "HTTP/1.1",
		"REMOTE_ADDR", "127.0.0.1", "HTTP_HOST", "example.com:81",
		"HTTP_CONTENT_TYPE", "<absent>", "HTTP_CONTENT_LENGTH", "<absent>",
	}},
	{"wsgi keys", "GET / HTTP/1.1\r\nHost: t\r\n\r\n", []string{
		"wsgi.version", "tuple:(1, 0)", "wsgi.url_scheme", "http", "wsgi.multithread", "bool:True",
		"wsgi.multiprocess", "bool:False", "wsgi.run_once", "bool:False", "wsgi.input_terminated", "bool:True",
		"#file_wrapper", "True", "#type", "dict",
	}},
	{"environ is not os.environ", "GET / HTTP/1.1\r\nHost: t\r\n\r\n", []string{
		"#process", "canary", "BB_CANARY", "<absent>", "PATH", "<absent>",
	}},
	{"no query", "GET /a HTTP/1.1\r\nHost: t\r\n\r\n", []string{"QUERY_STRING", "", "REQUEST_URI", "/a"}},
	{"empty query", "GET /a? HTTP/1.1\r\nHost: t\r\n\r\n", []string{"QUERY_STRING", "", "PATH_INFO", "/a", "REQUEST_URI", "/a?"}},
	{"question marks", "GET /a?b?c=? HTTP/1.1\r\nHost: t\r\n\r\n", []string{"QUERY_STRING", "b?c=?", "PATH_INFO", "/a"}},
	{"query stays encoded", "GET /?q=%C3%A9+%2B%26 HTTP/1.1\r\nHost: t\r\n\r\n", []string{"QUERY_STRING", "q=%C3%A9+%2B%26"}},

	// Clause: "PATH_INFO decoded once (%2F, UTF-8, invalid bytes as they should be)".
	{"encoded slash", "GET /a%2Fb%2fc HTTP/1.1\r\nHost: t\r\n\r\n", []string{"PATH_INFO", "/a/b/c", "REQUEST_URI", "/a%2Fb%2fc"}},
	{"decoded once only", "GET /%252F%2541 HTTP/1.1\r\nHost: t\r\n\r\n", []string{"PATH_INFO", "/%2F%41"}},
	{"utf-8 path is latin-1 text", "GET /%C3%A9/%E2%82%AC HTTP/1.1\r\nHost: t\r\n\r\n", []string{"PATH_INFO", "/\u00c3\u00a9/\u00e2\u0082\u00ac"}},
	{"invalid utf-8 path", "GET /%FF%80%C3 HTTP/1.1\r\nHost: t\r\n\r\n", []string{"PATH_INFO", "/\u00ff\u0080\u00c3"}},
	{"encoded question mark and hash", "GET /a%3Fb%23c?d HTTP/1.1\r\nHost: t\r\n\r\n", []string{"PATH_INFO", "/a?b#c", "QUERY_STRING", "d"}},
	{"plus and semicolon stay", "GET /a+b;c=1 HTTP/1.1\r\nHost: t\r\n\r\n", []string{"PATH_INFO", "/a+b;c=1"}},
	{"path is not cleaned", "GET //a//b/./c/../d/ HTTP/1.1\r\nHost: t\r\n\r\n", []string{"PATH_INFO", "//a//b/./c/../d/", "REQUEST_URI", "//a//b/./c/../d/"}},
	{"encoded dots", "GET /%2e%2e/x HTTP/1.1\r\nHost: t\r\n\r\n", []string{"PATH_INFO", "/../x"}},
	{"encoded line break", "GET /a%0D%0Ab HTTP/1.1\r\nHost: t\r\n\r\n", []string{"PATH_INFO", "/a\r\nb"}},

	// RFC 9112, 3.2.2: the target's authority outranks Host.
	{"absolute form", "GET http://other.example:8080/p?q=1 HTTP/1.1\r\nHost: wrong\r\n\r\n", []string{
		"PATH_INFO", "/p", "QUERY_STRING", "q=1", "HTTP_HOST", "other.example:8080", "wsgi.url_scheme", "http",
	}},
	{"absolute form without path", "GET http://other.example HTTP/1.1\r\nHost: other.example\r\n\r\n", []string{"PATH_INFO", "/"}},

	// Clause: "duplicate headers joined by `,`, Cookie by `; `".
	{"duplicates", "GET / HTTP/1.1\r\nHost: t\r\nX-A: 1\r\nX-B: z\r\nx-a: 2\r\nX-A: 3\r\n\r\n", []string{"HTTP_X_A", "1,2,3", "HTTP_X_B", "z"}},
	{"cookies", "GET / HTTP/1.1\r\nHost: t\r\nCookie: a=1\r\nCookie: b=2; c=3\r\ncookie: d=4\r\n\r\n", []string{"HTTP_COOKIE", "a=1; b=2; c=3; d=4"}},

	// Clause: "Content-Type/-Length without HTTP_".
	{"content headers", "POST / HTTP/1.1\r\nHost: t\r\ncontent-type: text/x-y; a=b\r\nContent-Length: 2\r\n\r\nhi", []string{
		"CONTENT_TYPE", "text/x-y; a=b", "CONTENT_LENGTH", "2", "HTTP_CONTENT_TYPE", "<absent>", "HTTP_CONTENT_LENGTH", "<absent>",
		"REQUEST_METHOD", "POST",
	}},

	// Clause: "names with `_` and `Proxy` dropped".
	{"underscores", "GET / HTTP/1.1\r\nHost: t\r\nX_User: evil\r\nX-User: good\r\nX_Only: evil\r\nContent_Length: 9\r\nContent_Type: e\r\n\r\n", []string{
		"HTTP_X_USER", "good", "HTTP_X_ONLY", "<absent>", "HTTP_CONTENT_LENGTH", "<absent>", "HTTP_CONTENT_TYPE", "<absent>",
	}},
	{"httpoxy", "GET / HTTP/1.1\r\nHost: t\r\nProxy: http://evil\r\npROXY: http://evil\r\n\r\n", []string{"HTTP_PROXY", "<absent>"}},

	// Clause: "latin-1 strings".
	{"latin-1 value", "GET / HTTP/1.1\r\nHost: t\r\nX-L: caf\xe9\r\n\r\n", []string{"HTTP_X_L", "caf\u00e9"}},
	{"utf-8 value", "GET / HTTP/1.1\r\nHost: t\r\nX-U: \xe2\x82\xac\r\n\r\n", []string{"HTTP_X_U", "\u00e2\u0082\u00ac"}},
	{"values are trimmed outside only", "GET / HTTP/1.1\r\nHost: t\r\nX-S: \t a  b\tc \t\r\nX-E:\r\nX-N:no\r\n\r\n", []string{
		"HTTP_X_S", "a  b\tc", "HTTP_X_E", "", "HTTP_X_N", "no",
	}},
	{"name case", "GET / HTTP/1.1\r\nhOST: t\r\nx-MiXeD-caSe: v\r\n\r\n", []string{"HTTP_X_MIXED_CASE", "v", "HTTP_HOST", "t"}},
	{"odd token names", "GET / HTTP/1.1\r\nHost: t\r\nX.a!b: v\r\n\r\n", []string{"HTTP_X.A!B", "v"}},

	{"http/1.0 without host", "GET /x HTTP/1.0\r\n\r\n", []string{"SERVER_PROTOCOL", "HTTP/1.0", "HTTP_HOST", "<absent>", "PATH_INFO", "/x"}},
	{"unusual method", "PROPFIND /d HTTP/1.1\r\nHost: t\r\n\r\n", []string{"REQUEST_METHOD", "PROPFIND"}},
	{"delete", "DELETE /d HTTP/1.1\r\nHost: t\r\n\r\n", []string{"REQUEST_METHOD", "DELETE"}},
	{"asterisk form", "OPTIONS * HTTP/1.1\r\nHost: t\r\n\r\n", []string{"REQUEST_METHOD", "OPTIONS", "REQUEST_URI", "*"}},
}

func TestEnviron(t *testing.T) {
	run(t, both, func(t *testing.T, v variant) {
		s := v.start(t, launch{App: "environ", Env: []string{"BB_CANARY=canary"}})
		for _, c := range environCases {
			t.Run(c.name, func(t *testing.T) { s.environ(t, c.raw).want(t, c.want...) })
		}
		t.Run("peer and server", func(t *testing.T) { testPeer(t, s) })
		t.Run("environ belongs to one request", func(t *testing.T) { testFreshEnviron(t, s) })
		t.Run("many and long headers", func(t *testing.T) { testManyHeaders(t, s) })
		t.Run("invalid escapes", func(t *testing.T) { testInvalidEscapes(t, s) })
		t.Run("every byte in path and value", func(t *testing.T) { testEveryByte(t, s) })
	})
}

// REMOTE_ADDR and REMOTE_PORT are the peer's; SERVER_PORT is where we are, SERVER_NAME never empty.
func testPeer(t *testing.T, s *server) {
	c := s.dial(t)
	c.send("GET / HTTP/1.0\r\n\r\n")
	var e env
	c.response("GET").json(t, &e)
	host, port, _ := net.SplitHostPort(c.LocalAddr().String())
	_, serverPort, _ := net.SplitHostPort(s.addr)
	e.want(t, "REMOTE_ADDR", host, "REMOTE_PORT", port, "SERVER_PORT", serverPort)
	if e["SERVER_NAME"] == "" {
		t.Error("SERVER_NAME is empty")
	}
}

// The template behind the environ must not be reachable from an app.
func testFreshEnviron(t *testing.T, s *server) {
	c := s.dial(t)
	// More than there are threads, so that each of them comes round again.
	for i := range 20 {
		c.send(request("GET", "/", ""))
		var e env
		c.response("GET").json(t, &e)
		e.want(t, "app.leak", "<absent>", "HTTP_LEAK", "<absent>", "REQUEST_METHOD", "GET")
		if t.Failed() {
			t.Fatalf("in request %d", i)
		}
	}
}

func testManyHeaders(t *testing.T, s *server) {
	var lines, want []string
	for i := range 300 {
		lines = append(lines, fmt.Sprintf("X-H%d: v%d", i, i))
		want = append(want, fmt.Sprintf("HTTP_X_H%d", i), fmt.Sprintf("v%d", i))
	}
	long := strings.Repeat("0123456789", 3000)
	lines = append(lines, "X-Long: "+long)
	s.environ(t, request("GET", "/"+strings.Repeat("p", 5000), "", lines...)).want(t,
		append(want, "HTTP_X_LONG", long, "PATH_INFO", "/"+strings.Repeat("p", 5000))...)
}

// An escape that isn't one is refused or taken literally; it never ends in a server error.
func testInvalidEscapes(t *testing.T, s *server) {
	for _, path := range []string{"/%", "/%z", "/%4", "/%zz/x", "/a%C3%"} {
		r := s.get(t, path)
		if r.Status == 400 {
			continue
		}
		var e env
		r.json(t, &e)
		want := path
		if path == "/a%C3%" {
			want = "/a\u00c3%"
		}
		e.want(t, "PATH_INFO", want, "REQUEST_URI", path)
	}
}

// Each byte that may stand there arrives as the code point of the same number.
func testEveryByte(t *testing.T, s *server) {
	var target, path, value, text strings.Builder
	for b := 1; b < 256; b++ {
		fmt.Fprintf(&target, "%%%02X", b)
		path.WriteRune(rune(b))
		if b > 0x20 && b != 0x7f {
			value.WriteByte(byte(b))
			text.WriteRune(rune(b))
		}
	}
	e := s.environ(t, request("GET", "/"+target.String(), "", "X-All: "+value.String()))
	e.want(t, "PATH_INFO", "/"+path.String(), "HTTP_X_ALL", text.String())
}

// Clause: "wsgi.multithread true only when it is".
func TestMultithreadFlag(t *testing.T) {
	run(t, both, func(t *testing.T, v variant) {
		for threads, want := range map[string]string{"1": "bool:False", "2": "bool:True"} {
			s := v.start(t, launch{App: "environ", Args: []string{"--threads", threads}})
			s.environ(t, request("GET", "/", "")).want(t, "wsgi.multithread", want)
		}
	})
}

// Clause: "SCRIPT_NAME". A mount point takes whole path segments only.
func TestScriptName(t *testing.T) {
	run(t, both, func(t *testing.T, v variant) {
		s := v.start(t, launch{App: "environ", Args: []string{"--script-name", "/m/n"}})
		for _, c := range []struct{ target, script, path, uri string }{
			{"/m/n/x?y", "/m/n", "/x", "/m/n/x?y"},
			{"/m/n/", "/m/n", "/", "/m/n/"},
			{"/m/n", "/m/n", "", "/m/n"},
			{"/m/n/m/n", "/m/n", "/m/n", "/m/n/m/n"},
			{"/m/n/a%2Fb", "/m/n", "/a/b", "/m/n/a%2Fb"},
		} {
			s.environ(t, request("GET", c.target, "")).want(t,
				"SCRIPT_NAME", c.script, "PATH_INFO", c.path, "REQUEST_URI", c.uri)
		}
		for _, outside := range []string{"/m/nx/y", "/other", "/m"} {
			r := s.get(t, outside)
			if r.Status == 404 {
				continue
			}
			var e env
			r.json(t, &e)
			u, _ := url.Parse(outside)
			if e["SCRIPT_NAME"]+e["PATH_INFO"] != u.Path && e["PATH_INFO"] != u.Path {
				t.Errorf("%s: SCRIPT_NAME %q, PATH_INFO %q lose part of the path", outside, e["SCRIPT_NAME"], e["PATH_INFO"])
			}
			if outside == "/m/nx/y" && e["PATH_INFO"] == "x/y" {
				t.Errorf("%s was split inside a segment", outside)
			}
		}
	})
}
