package blackbox

import (
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"mime/multipart"
	"net/http"
	"slices"
	"strings"
	"testing"
)

// Clause: "Real Flask: hello; sessions, flash, templates, blueprints, …".
func TestFlask(t *testing.T) {
	run(t, both, func(t *testing.T, v variant) {
		s := v.start(t, launch{App: "flask_features"})
		for _, topic := range []struct {
			name string
			test func(*testing.T, *server)
		}{
			{"pages", testFlaskPages},
			{"session", testFlaskSession},
			{"urls", testFlaskURLs},
			{"errors", testFlaskErrors},
			{"json and forms", testFlaskForms},
			{"upload", testFlaskUpload},
			{"send_file", testFlaskSendFile},
			{"conditional", testFlaskConditional},
			{"streaming", testFlaskStreaming},
			{"cookies", testFlaskCookies},
			{"unicode", testFlaskUnicode},
		} {
			t.Run(topic.name, func(t *testing.T) { topic.test(t, s) })
		}
	})
}

func testFlaskPages(t *testing.T, s *server) {
	b := s.browser(t)
	p := b.get("/")
	p.want(t, 200, "Hello from Flask")
	if p.Header.Get("X-After") != "yes" || p.Header.Get("Content-Length") != "16" {
		t.Errorf("headers %v", p.Header)
	}
	b.get("/greet/W%C3%B6rld%20%3C").want(t, 200, "<title>Greetings</title>", "Hello Wörld &lt;", "2: b &amp; c", `href="/greet/x/y"`)
	b.get("/blog/").want(t, 200, "<li>first</li><li>second</li>")
	b.get("/blog/1").want(t, 200, "post 1, next /blog/2")
	b.get("/static/site.css").want(t, 200, "color: black")
	b.get("/async").want(t, 200, `"sum":285`)
	b.get("/nothing").want(t, 204)
	b.get("/redirect").wantRedirect(t, 301, "/")
	b.get("/blog").wantRedirect(t, 308, b.base+"/blog/")
	req, err := http.NewRequest("HEAD", b.base+"/", nil)
	if p := b.do(req, err); p.StatusCode != 200 || p.ContentLength != 16 || p.body != "" {
		t.Errorf("HEAD: %d, length %d, body %q", p.StatusCode, p.ContentLength, p.body)
	}
	req, err = http.NewRequest("OPTIONS", b.base+"/methods", nil)
	if p := b.do(req, err); !strings.Contains(p.Header.Get("Allow"), "PATCH") {
		t.Errorf("OPTIONS: Allow %q", p.Header.Get("Allow"))
	}
}

func testFlaskSession(t *testing.T, s *server) {
	a, b := s.browser(t), s.browser(t)
	for i := 1; i <= 3; i++ {
		a.get("/count").want(t, 200, fmt.Sprint(i))
	}
	b.get("/count").want(t, 200, "1") // nobody else's
	a.form("/flash", "message", "saved ✓").wantRedirect(t, 302, "/flashed")
	a.get("/flashed").want(t, 200, `["info","saved \u2713"]`)
	a.get("/flashed").want(t, 200, "[]")
	a.get("/count").want(t, 200, "4")
}

func testFlaskURLs(t *testing.T, s *server) {
	var u struct {
		Index, Post, Static, External, Root, URL string
		Secure                                   bool
		Remote                                   string
	}
	p := s.browser(t).get("/urls?a=%20b")
	p.want(t, 200)
	if err := json.Unmarshal([]byte(p.body), &u); err != nil {
		t.Fatal(err)
	}
	base := "http://" + s.addr
	if u.Index != "/" || u.Post != "/blog/1" || u.Static != "/static/site.css" || u.External != base+"/" || u.Root != "" ||
		u.URL != base+"/urls?a=%20b" || u.Secure || u.Remote != "127.0.0.1" {
		t.Errorf("%+v", u)
	}
}

func testFlaskErrors(t *testing.T, s *server) {
	b := s.browser(t)
	b.get("/nowhere").want(t, 404, "nothing at /nowhere")
	b.get("/blog/3").want(t, 404, "nothing at /blog/3")
	b.get("/teapot").want(t, 418, `"error":"short and stout"`)
	for _, code := range []int{400, 401, 403, 409, 410, 413, 429, 500, 503} {
		b.get(fmt.Sprintf("/abort/%d", code)).want(t, code, "<title>"+fmt.Sprint(code))
	}
	p := b.form("/")
	p.want(t, 405)
	if allow := p.Header.Get("Allow"); !strings.Contains(allow, "GET") {
		t.Errorf("Allow: %q", allow)
	}
	b.get("/boom").want(t, 500, "Internal Server Error")
	s.log.wait(t, "ValueError: boom in a view", "Exception on /boom [GET]")
}

func testFlaskForms(t *testing.T, s *server) {
	b := s.browser(t)
	b.send("POST", "/json?x=1&x=2", "application/json", `{"k": [1, null, "ä"]}`).
		want(t, 200, `"got":{"k":[1,null,"\u00e4"]}`, `"x":["1","2"]`, `"type":"application/json"`)
	b.send("POST", "/json", "application/json", `{broken`).want(t, 400)
	b.send("POST", "/json", "text/plain", `{}`).want(t, 415)
	b.form("/form?q=from-query", "a", "1", "a", "2 & 3", "ü", "€").want(t, 200, `"a":["1","2 & 3"]`, `"\u20ac"`, `"values":"from-query"`)
	big := strings.Repeat("0123456789", 100_000)
	b.form("/form", "big", big).want(t, 200, big)
	for _, method := range []string{"PUT", "PATCH", "DELETE"} {
		b.send(method, "/methods", "text/plain", "body").want(t, 200, method+" body")
	}
}

func testFlaskUpload(t *testing.T, s *server) {
	data := content(3<<20 + 17) // more than Werkzeug keeps in memory
	var body bytes.Buffer
	w := multipart.NewWriter(&body)
	_ = w.WriteField("note", "with ü")
	for _, name := range []string{"big.bin", "sm\u00f6r.txt"} {
		f, _ := w.CreateFormFile("file", name)
		_, _ = f.Write(data)
	}
	w.Close()
	sum := fmt.Sprintf("%x", sha256.Sum256(data))
	b := s.browser(t)
	p := b.send("POST", "/upload", w.FormDataContentType(), body.String())
	p.want(t, 200, sum, `"big.bin"`, fmt.Sprint(len(data)), `"note":"with \u00fc"`)
	if strings.Count(p.body, sum) != 2 {
		t.Errorf("two files, one sum: %s", p.body)
	}
	b.send("POST", "/raw", "application/octet-stream", string(data)).want(t, 200, sum)
}

func testFlaskSendFile(t *testing.T, s *server) {
	data := string(content(200_000))
	s.putContent(t, []byte(data))
	b := s.browser(t)
	p := b.get("/file")
	if p.want(t, 200); p.body != data || p.Header.Get("Content-Length") != "200000" || p.Header.Get("Accept-Ranges") == "none" {
		t.Errorf("%d bytes, headers %v", len(p.body), p.Header)
	}
	etag := p.Header.Get("ETag")
	for _, r := range []struct{ asked, body, contentRange string }{
		{"bytes=0-0", data[:1], "bytes 0-0/200000"},
		{"bytes=100-199", data[100:200], "bytes 100-199/200000"},
		{"bytes=199990-", data[199990:], "bytes 199990-199999/200000"},
		{"bytes=-10", data[199990:], "bytes 199990-199999/200000"},
		{"bytes=65530-131080", data[65530:131081], "bytes 65530-131080/200000"},
	} {
		p := b.get("/file", "Range", r.asked)
		if p.want(t, 206); p.body != r.body || p.Header.Get("Content-Range") != r.contentRange {
			t.Errorf("%s: %d bytes, Content-Range %q", r.asked, len(p.body), p.Header.Get("Content-Range"))
		}
	}
	b.get("/file", "Range", "bytes=300000-").want(t, 416)
	p = b.get("/file", "If-None-Match", etag)
	if p.want(t, 304); p.body != "" || p.Header.Get("ETag") != etag {
		t.Errorf("304 with body %q, ETag %q", p.body, p.Header.Get("ETag"))
	}
	b.get("/file", "If-Modified-Since", p.Header.Get("Last-Modified"), "If-None-Match", `"other"`).want(t, 200)
	b.get("/file", "Range", "bytes=0-9", "If-Range", etag).want(t, 206)
	b.get("/file", "Range", "bytes=0-9", "If-Range", `"other"`).want(t, 200)
	b.get("/folder/content").want(t, 200)
	b.get("/folder/%2e%2e/passwd").want(t, 404)
	p = b.get("/attachment")
	p.want(t, 200, "in memory")
	if d := p.Header.Get("Content-Disposition"); !strings.Contains(d, "filename*=UTF-8''sm%C3%B6rg%C3%A5s%20%E2%82%AC.txt") {
		t.Errorf("Content-Disposition %q", d)
	}
	req, err := http.NewRequest("HEAD", b.base+"/file", nil)
	if p := b.do(req, err); p.ContentLength != 200_000 {
		t.Errorf("HEAD: length %d", p.ContentLength)
	}
	b.get("/file").want(t, 200)
}

func testFlaskConditional(t *testing.T, s *server) {
	b := s.browser(t)
	p := b.get("/cached")
	p.want(t, 200, "cached body")
	if p := b.get("/cached", "If-None-Match", p.Header.Get("ETag")); p.StatusCode != 304 || p.body != "" {
		t.Errorf("If-None-Match: %d %q", p.StatusCode, p.body)
	}
	if p := b.get("/cached", "If-Modified-Since", p.Header.Get("Last-Modified")); p.StatusCode != 304 || p.body != "" {
		t.Errorf("If-Modified-Since: %d %q", p.StatusCode, p.body)
	}
}

func testFlaskStreaming(t *testing.T, s *server) {
	s.browser(t).get("/stream?name=n").want(t, 200, "<n>row 0;row 1;row 2;row 3;row 4;")
	one, two := s.gate(t, "event-one"), s.gate(t, "event-two")
	c := s.dial(t)
	c.send(request("GET", "/events", ""))
	if r := c.responseHead("GET"); !strings.HasPrefix(r.get("Content-Type"), "text/event-stream") {
		t.Errorf("head %q", r.Head)
	}
	if got := c.nextChunk(); got != "data: one\n\n" {
		t.Errorf("first event %q", got)
	}
	one.open(t)
	if got := c.nextChunk(); got != "data: two\n\n" {
		t.Errorf("second event %q", got)
	}
	two.open(t)
	if got := c.nextChunk(); got != "" {
		t.Errorf("after the last event %q", got)
	}
}

func testFlaskCookies(t *testing.T, s *server) {
	r := s.get(t, "/cookies", "Cookie: a=1; b=zwei", "Cookie: c=3")
	r.want(t, 200, "{\"a\":\"1\",\"b\":\"zwei\",\"c\":\"3\"}\n")
	var names []string
	for _, c := range r.values("Set-Cookie") {
		name, _, _ := strings.Cut(c, "=")
		names = append(names, name)
	}
	if !slices.Equal(names, []string{"first", "second", "old"}) {
		t.Errorf("Set-Cookie: %q", r.values("Set-Cookie"))
	}
}

func testFlaskUnicode(t *testing.T, s *server) {
	b := s.browser(t)
	b.get("/unicode/%E2%82%AC%2Fx%20y?q=%C3%A4%26%2B").want(t, 200, `"text":"\u20ac/x y"`, `"query":"\u00e4&+"`)
	b.get("/headers", "X-Any", "value").want(t, 200, `"X-Any":"value"`)
}

// Chunked uploads reach Flask only with wsgi.input_terminated.
func TestFlaskChunkedUpload(t *testing.T) {
	run(t, both, func(t *testing.T, v variant) {
		s := v.start(t, launch{App: "flask_features"})
		body := strings.Repeat("chunk", 50_000)
		head := " HTTP/1.1\r\nHost: t\r\nTransfer-Encoding: chunked\r\n"
		s.do(t, "POST /data"+head+"\r\n"+chunkedBody(body, 7000)).want(t, 200, body)
		r := s.do(t, "POST /json"+head+"Content-Type: application/json\r\n\r\n"+chunkedBody(`{"chunked": true}`, 3))
		if r.wantStatus(t, 200); !strings.Contains(string(r.Body), `"chunked":true`) {
			t.Errorf("body %q", r.Body)
		}
		r = s.do(t, "POST /form"+head+"Content-Type: application/x-www-form-urlencoded\r\n\r\n"+chunkedBody("a=1&b=2", 2))
		if r.wantStatus(t, 200); !strings.Contains(string(r.Body), `"b":["2"]`) {
			t.Errorf("body %q", r.Body)
		}
	})
}
