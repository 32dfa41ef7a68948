package bridge

import (
	"encoding/binary"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/gowsgi/gowsgi/internal/http1"
)

// cgi is an environ: what the request line gives, what the endpoint does, and fields.
func cgi(method, script, path, query, target, proto string, fields ...string) []string {
	return append([]string{
		"REQUEST_METHOD=" + method,
		"SCRIPT_NAME=" + script,
		"PATH_INFO=" + path,
		"QUERY_STRING=" + query,
		"REQUEST_URI=" + target,
		"RAW_URI=" + target,
		"SERVER_PROTOCOL=" + proto,
		"SERVER_NAME=node",
		"SERVER_PORT=5000",
		"REMOTE_ADDR=192.0.2.7",
		"REMOTE_PORT=4321",
		"wsgi.url_scheme=http",
	}, fields...)
}

// fields is the environ of a GET of "/" with fields; of is its head.
func fields(fields ...string) []string {
	return cgi("GET", "", "/", "", "/", "HTTP/1.1", fields...)
}

func of(lines string) string { return "GET / HTTP/1.1\nHost: a\n" + lines + "\n" }

// path is the environ of a GET of target, whose PATH_INFO is info.
func path(target, info string) []string {
	return cgi("GET", "", info, "", target, "HTTP/1.1", "HTTP_HOST=a")
}

const curlHead = "GET /hello?name=x HTTP/1.1\r\nHost: 127.0.0.1:5000\r\nUser-Agent: curl/7.88.1\r\nAccept: */*\r\n\r\n"

var environs = []struct {
	name string
	head string // with plain line ends
	want []string
}{
	{"curl, in order", strings.ReplaceAll(curlHead, "\r", ""), cgi("GET", "", "/hello", "name=x", "/hello?name=x", "HTTP/1.1",
		"HTTP_HOST=127.0.0.1:5000", "HTTP_USER_AGENT=curl/7.88.1", "HTTP_ACCEPT=*/*")},
	{"HTTP/1.0 without Host", "GET / HTTP/1.0\n\n", cgi("GET", "", "/", "", "/", "HTTP/1.0")},
	{"any method", "PURGE-IT / HTTP/1.1\nHost: a\n\n", cgi("PURGE-IT", "", "/", "", "/", "HTTP/1.1", "HTTP_HOST=a")},
	{"empty line first", "\nGET / HTTP/1.1\nHost: a\n\n", fields("HTTP_HOST=a")},
	{"empty Host", "GET / HTTP/1.1\nHost:\n\n", fields("HTTP_HOST=")},

	// QUERY_STRING is never decoded.
	{"query", "GET /a?b=%41&c=+d?e HTTP/1.1\nHost: a\n\n", cgi("GET", "", "/a", "b=%41&c=+d?e", "/a?b=%41&c=+d?e", "HTTP/1.1", "HTTP_HOST=a")},
	{"empty query", "GET /a? HTTP/1.1\nHost: a\n\n", cgi("GET", "", "/a", "", "/a?", "HTTP/1.1", "HTTP_HOST=a")},
	{"raw bytes in a query", "GET /?\xc3\xa9 HTTP/1.1\nHost: a\n\n", cgi("GET", "", "/", "\xc3\xa9", "/?\xc3\xa9", "HTTP/1.1", "HTTP_HOST=a")},

	// PATH_INFO is decoded, once.
	{"%2F", "GET /a%2Fb%2fc HTTP/1.1\nHost: a\n\n", path("/a%2Fb%2fc", "/a/b/c")},
	{"%3F is no query", "GET /a%3Fb HTTP/1.1\nHost: a\n\n", path("/a%3Fb", "/a?b")},
	{"UTF-8", "GET /caf%C3%A9/%E2%82%AC HTTP/1.1\nHost: a\n\n", path("/caf%C3%A9/%E2%82%AC", "/caf\xc3\xa9/\xe2\x82\xac")},
	{"UTF-8 as it is", "GET /caf\xc3\xa9 HTTP/1.1\nHost: a\n\n", path("/caf\xc3\xa9", "/caf\xc3\xa9")},
	{"no UTF-8", "GET /%FF%fe HTTP/1.1\nHost: a\n\n", path("/%FF%fe", "/\xff\xfe")},
	{"once", "GET /%2541%252F HTTP/1.1\nHost: a\n\n", path("/%2541%252F", "/%41%2F")},
	{"escape made by decoding", "GET /%%341 HTTP/1.1\nHost: a\n\n", path("/%%341", "/%41")},
	{
		"no escapes", "GET /%/%4/%zz/%4g%41/%+1/%_1/%0x/% HTTP/1.1\nHost: a\n\n",
		path("/%/%4/%zz/%4g%41/%+1/%_1/%0x/%", "/%/%4/%zz/%4gA/%+1/%_1/%0x/%"),
	},
	{"%00", "GET /a%00b HTTP/1.1\nHost: a\n\n", path("/a%00b", "/a\x00b")},
	{"%0D%0A", "GET /%0D%0Ax HTTP/1.1\nHost: a\n\n", path("/%0D%0Ax", "/\r\nx")},
	{"plus and space", "GET /a+b%20c HTTP/1.1\nHost: a\n\n", path("/a+b%20c", "/a+b c")},
	{"not cleaned", "GET //a/../b/./ HTTP/1.1\nHost: a\n\n", path("//a/../b/./", "//a/../b/./")},
	{
		"longer than the stack's room", "GET /" + strings.Repeat("%41", 400) + " HTTP/1.1\nHost: a\n\n",
		path("/"+strings.Repeat("%41", 400), "/"+strings.Repeat("A", 400)),
	},

	// Targets that are no paths.
	{"absolute form", "GET http://other:81/p%20?q HTTP/1.1\nHost: a\nAccept: b\n\n", cgi("GET", "", "/p ", "q", "http://other:81/p%20?q", "HTTP/1.1",
		"HTTP_ACCEPT=b", "HTTP_HOST=other:81")},
	{"absolute form, no path", "GET http://other HTTP/1.1\nHost: a\n\n", cgi("GET", "", "/", "", "http://other", "HTTP/1.1", "HTTP_HOST=other")},
	{"absolute form, query only", "GET http://other?q HTTP/1.1\nHost: a\n\n", cgi("GET", "", "/", "q", "http://other?q", "HTTP/1.1", "HTTP_HOST=other")},
	{"https does not change the scheme", "GET https://other/ HTTP/1.1\nHost: a\n\n", cgi("GET", "", "/", "", "https://other/", "HTTP/1.1", "HTTP_HOST=other")},
	{"OPTIONS *", "OPTIONS * HTTP/1.1\nHost: a\n\n", cgi("OPTIONS", "", "", "", "*", "HTTP/1.1", "HTTP_HOST=a")},

	// Fields.
	{"order of arrival", of("B: 1\nA: 2\n"), fields("HTTP_HOST=a", "HTTP_B=1", "HTTP_A=2")},
	{"latin-1 and tabs", of("X: caf\xe9\t\xff\n"), fields("HTTP_HOST=a", "HTTP_X=caf\xe9\t\xff")},
	{"space around", of("X: \t a b \t\n"), fields("HTTP_HOST=a", "HTTP_X=a b")},
	{"empty", of("X:\n"), fields("HTTP_HOST=a", "HTTP_X=")},
	{"names are upper-cased", of("x-fOO-1: a\n"), fields("HTTP_HOST=a", "HTTP_X_FOO_1=a")},
	{"any token is a name", of("!#$%&'*+.^`|~: a\n"), fields("HTTP_HOST=a", "HTTP_!#$%&'*+.^`|~=a")},
	{
		"CGI names stay apart", of("Path-Info: /x\nRemote-User: root\nHTTP-Host: b\n"),
		fields("HTTP_HOST=a", "HTTP_PATH_INFO=/x", "HTTP_REMOTE_USER=root", "HTTP_HTTP_HOST=b"),
	},
	{"duplicates", of("X: 1\nY: 2\nx: 3\nX:\n"), fields("HTTP_HOST=a", "HTTP_X=1,3,", "HTTP_Y=2")},
	{"commas inside", of("X: 1, 2\nX: 3\n"), fields("HTTP_HOST=a", "HTTP_X=1, 2,3")},
	{"cookies", of("Cookie: a=1\nX: 1\ncOOKIE: b=2; c=3\n"), fields("HTTP_HOST=a", "HTTP_COOKIE=a=1; b=2; c=3", "HTTP_X=1")},
	{"Content-Type", of("content-type: a/b; c=d\nContent-Type-X: 1\n"), fields("HTTP_HOST=a", "CONTENT_TYPE=a/b; c=d", "HTTP_CONTENT_TYPE_X=1")},
	{"two Content-Types: the first", of("Content-Type: a/b\nContent-Type: c/d\n"), fields("HTTP_HOST=a", "CONTENT_TYPE=a/b")},
	{"Content-Length", of("Content-Length: 0\n"), fields("HTTP_HOST=a", "CONTENT_LENGTH=0")},
	{"Content-Length of a large body", of("Content-Length: 9223372036854775807\n"), fields("HTTP_HOST=a", "CONTENT_LENGTH=9223372036854775807")},
	{"chunked", of("Transfer-Encoding: chunked\n"), fields("HTTP_HOST=a", "HTTP_TRANSFER_ENCODING=chunked")},
	{"chunked drops Content-Length", of("Content-Length: 5\nTransfer-Encoding: chunked\n"), fields("HTTP_HOST=a", "HTTP_TRANSFER_ENCODING=chunked")},
	{"names with _", of("X_A: 1\nX-A: 2\nHTTP_X: 3\n_: 4\nContent_Length: 5\n"), fields("HTTP_HOST=a", "HTTP_X_A=2")},
	{
		"Proxy", of("Proxy: 1\npROXY: 2\nX-Proxy: 3\nProxy-Authorization: 4\nProxys: 5\n"),
		fields("HTTP_HOST=a", "HTTP_X_PROXY=3", "HTTP_PROXY_AUTHORIZATION=4", "HTTP_PROXYS=5"),
	},
	{
		"forwarded fields without proxies", of("X-Forwarded-For: 10.1.1.1\nX-Forwarded-Proto: https\nX-Forwarded-Prefix: /p\n"),
		fields("HTTP_HOST=a", "HTTP_X_FORWARDED_FOR=10.1.1.1", "HTTP_X_FORWARDED_PROTO=https", "HTTP_X_FORWARDED_PREFIX=/p"),
	},
}

func TestEnviron(t *testing.T) {
	nc := newSink(t)
	s := &Server{Limits: lenient}
	for _, test := range environs {
		t.Run(test.name, func(t *testing.T) {
			call, err := receiver(t, s, nc, here, false, crlf(test.head)).prepared()
			if err != nil {
				t.Fatal(err)
			}
			got, err := pairs(call.Environ(), binary.NativeEndian.Uint32)
			if err != nil || !slices.Equal(got, test.want) {
				t.Errorf("%v\n got %q\nwant %q", err, got, test.want)
			}
			for _, pair := range test.want {
				key, want, _ := strings.Cut(pair, "=")
				if got, ok := call.Lookup(key); !ok || got != want {
					t.Errorf("Lookup(%q) = %q, %v", key, got, ok)
				}
			}
			if got, ok := call.Lookup("HTTP_NOT_THERE"); ok {
				t.Errorf("Lookup found %q", got)
			}
		})
	}
}

// TestEnvironReuse: what an earlier, longer request left in a Call's buffer must not show.
func TestEnvironReuse(t *testing.T) {
	nc := newSink(t)
	s := &Server{Limits: lenient}
	var used Call
	for range 2 {
		for _, test := range environs {
			c := receiver(t, s, nc, here, false, crlf(test.head))
			used.conn = c
			if err := c.readHead(&used.head); err != nil {
				t.Fatal(err)
			}
			if err := used.prepare(); err != nil {
				t.Fatal(err)
			}
			if got, err := pairs(used.Environ(), binary.NativeEndian.Uint32); err != nil || !slices.Equal(got, test.want) {
				t.Errorf("%s: %v\n got %q\nwant %q", test.name, err, got, test.want)
			}
		}
	}
}

// TestEnvironEndpoint: what comes from the connection.
func TestEnvironEndpoint(t *testing.T) {
	nc := newSink(t)
	unix := endpoint{serverName: "node", serverPort: "80", scheme: "http"}
	call, err := receiver(t, &Server{Limits: lenient}, nc, unix, true, head("GET /")).prepared()
	if err != nil {
		t.Fatal(err)
	}
	if got, ok := call.Lookup("REMOTE_ADDR"); got != "" || !ok {
		t.Errorf("REMOTE_ADDR of a UNIX socket's peer: %q, %v; PEP 3333 wants it there", got, ok)
	}
	if got, ok := call.Lookup("REMOTE_PORT"); ok {
		t.Errorf("REMOTE_PORT of a UNIX socket's peer: %q", got)
	}
	if got, _ := call.Lookup("SERVER_PORT"); got != "80" {
		t.Errorf("SERVER_PORT: %q", got)
	}
}

func TestScriptName(t *testing.T) {
	nc := newSink(t)
	for _, test := range []struct {
		mount, target string
		script, info  string
		outside       bool
	}{
		{mount: "", target: "/app/x", script: "", info: "/app/x"},
		{mount: "/app", target: "/app/x", script: "/app", info: "/x"},
		{mount: "/app", target: "/app", script: "/app", info: ""},
		{mount: "/app", target: "/app/", script: "/app", info: "/"},
		{mount: "/app", target: "/app?x=/y", script: "/app", info: ""},
		{mount: "/app", target: "/app/app/x", script: "/app", info: "/app/x"},
		{mount: "/app", target: "/app//x", script: "/app", info: "//x"},
		{mount: "/app", target: "/%61pp%2Fx", script: "/app", info: "/x"},
		{mount: "/app", target: "http://other/app/x", script: "/app", info: "/x"},
		{mount: "/a/b", target: "/a/b/c", script: "/a/b", info: "/c"},
		{mount: "/caf\xc3\xa9", target: "/caf%C3%A9/x", script: "/caf\xc3\xa9", info: "/x"},
		{mount: "/app", target: "/application", outside: true},
		{mount: "/app", target: "/ap", outside: true},
		{mount: "/app", target: "/", outside: true},
		{mount: "/app", target: "/App/x", outside: true},
		{mount: "/app", target: "//app/x", outside: true},
		{mount: "/app", target: "/%2561pp/x", outside: true},
	} {
		s := &Server{Limits: lenient, Mounts: Mounts{{Prefix: test.mount}}}
		call, err := receiver(t, s, nc, here, false, head("GET "+test.target)).prepared()
		if test.outside {
			if refusal, ok := err.(*http1.Error); !ok || refusal.Status != 404 {
				t.Errorf("%s at %s: %v, want a 404", test.target, test.mount, err)
			}
			continue
		}
		if err != nil {
			t.Errorf("%s at %s: %v", test.target, test.mount, err)
			continue
		}
		script, info := value(call, "SCRIPT_NAME"), value(call, "PATH_INFO")
		if script != test.script || info != test.info || value(call, "REQUEST_URI") != test.target {
			t.Errorf("%s at %s: SCRIPT_NAME %q, PATH_INFO %q", test.target, test.mount, script, info)
		}
	}
}

// TestEnvironLongName: a name's length has 16 bits. What doesn't fit must not spill: the
// rest would be read as pairs of the client's making.
func TestEnvironLongName(t *testing.T) {
	nc := newSink(t)
	s := &Server{Limits: lenient}
	s.Limits.Head = 1 << 20 // --limit-head allows it
	for _, n := range []int{65530, 65531, 65535, 65536, 65540, 131072} {
		raw := head("GET /", strings.Repeat("A", n)+": x")
		call, err := receiver(t, s, nc, here, false, raw).prepared()
		if refusal, ok := err.(*http1.Error); ok && refusal.Status == 431 {
			continue
		}
		if err != nil {
			t.Fatal(err)
		}
		if _, err := pairs(call.Environ(), binary.NativeEndian.Uint32); err != nil {
			t.Errorf("a name of %d bytes: %v", n, err)
		}
	}
}

// TestRequestMax: a slot of a link holds the worst that a head of its size can become: nothing else looks whether
// it does.
func TestRequestMax(t *testing.T) {
	var fields []string
	for i := range http1.MaxFields - 1 { // and Host
		fields = append(fields, fmt.Sprintf("%03d:", i))
	}
	const long = 20_000
	for name, raw := range map[string]string{
		"fields":    head("GET /", fields...),
		"path":      head("GET /" + strings.Repeat("a", long)),
		"query":     head("GET /?" + strings.Repeat("a", long)),
		"authority": "GET http://" + strings.Repeat("a", long) + "/ HTTP/1.1\r\nHost: a\r\n\r\n",
	} {
		limits := lenient
		limits.Head = len(raw)
		call, err := receiver(t, &Server{Limits: limits}, newSink(t), here, false, raw).prepared()
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if n, room := call.bodyAt, RequestMax(len(raw))-inlineBody; n > room {
			t.Errorf("%s: a head of %d bytes becomes %d, there is room for %d", name, len(raw), n, room)
		}
	}
}

// FuzzEnviron: the environ of any head that http1 takes can be unpacked, and says of the fields
// what a slow and plain reading of them says.
func FuzzEnviron(f *testing.F) {
	for _, test := range environs {
		f.Add([]byte(crlf(test.head)), "")
		f.Add([]byte(crlf(test.head)), "/a")
	}
	nc := newSink(f)
	f.Fuzz(func(t *testing.T, raw []byte, mount string) {
		var h http1.Head
		n, err := h.Parse(raw, 0)
		if n == 0 || err != nil {
			return
		}
		if mount != "" && (mount[0] != '/' || strings.HasSuffix(mount, "/")) {
			return
		}
		s := &Server{Limits: lenient, Mounts: Mounts{{Prefix: mount}}}
		call, err := receiver(t, s, nc, here, false, string(raw)).prepared()
		if err != nil {
			return
		}
		if call.bodyAt+inlineBody > RequestMax(n) {
			t.Errorf("a head of %d bytes becomes %d", n, call.bodyAt)
		}
		got, err := pairs(call.Environ(), binary.NativeEndian.Uint32)
		if err != nil {
			t.Fatal(err)
		}
		want := plainFields(&h)
		if !slices.Equal(got[12:], want) {
			t.Errorf("fields\n got %q\nwant %q", got[12:], want)
		}
		whole := value(call, "SCRIPT_NAME") + value(call, "PATH_INFO")
		if decoded, err := url.PathUnescape(string(h.Path)); err == nil && decoded != whole && decoded != "*" {
			t.Errorf("path %q became %q, want %q", h.Path, whole, decoded)
		}
		if script := value(call, "SCRIPT_NAME"); script != mount {
			t.Errorf("SCRIPT_NAME %q, mounted at %q", script, mount)
		}
	})
}

// plainFields is what the environ should have of h's fields, in order.
func plainFields(h *http1.Head) []string {
	var order []string
	joined := map[string]string{}
	for _, field := range h.Fields {
		key := strings.ReplaceAll(strings.ToUpper(string(field.Name)), "-", "_")
		known, again := joined[key]
		switch {
		case strings.Contains(string(field.Name), "_"), key == "PROXY", key == "HOST" && h.Authority != nil,
			key == "CONTENT_LENGTH" && h.Chunked, key == "CONTENT_TYPE" && again:
			continue
		case !again:
			order = append(order, key)
			joined[key] = string(field.Value)
		case key == "COOKIE":
			joined[key] = known + "; " + string(field.Value)
		default:
			joined[key] = known + "," + string(field.Value)
		}
	}
	var want []string
	for _, key := range order {
		if key == "CONTENT_TYPE" || key == "CONTENT_LENGTH" {
			want = append(want, key+"="+joined[key])
		} else {
			want = append(want, "HTTP_"+key+"="+joined[key])
		}
	}
	if h.Authority != nil {
		want = append(want, "HTTP_HOST="+string(h.Authority))
	}
	return want
}
