package bridge

import (
	"bytes"
	"compress/gzip"
	"io"
	"strconv"
	"strings"
	"testing"
)

const testTag = `<script src="/s.js" async></script>`

// told is a Runner that says what it is told to.
type told struct {
	events  []Event
	replies []Reply
	at      int
}

func (w *told) Begin(Request) Event { return w.events[w.at] }
func (w *told) Next() Event         { w.at++; return w.events[w.at] }
func (w *told) Abort() Event        { return EventDone }
func (w *told) Reply() *Reply       { return &w.replies[w.at] }
func (w *told) Detach()             {}

func packHeaders(pairs ...string) (packed []byte) {
	for i := 0; i < len(pairs); i += 2 {
		packed = appendPair(packed, pairs[i], pairs[i+1])
	}
	return packed
}

// scriptedBody is all that goes out, and the headers, of a response in pieces. The last event is EventDone.
func scriptedBody(t *testing.T, bare bool, status string, headers []byte, total int64, pieces ...string) (body string, fields map[string]string, announced int64) {
	t.Helper()
	w := &told{}
	for i, piece := range pieces {
		event := EventChunk
		if i == len(pieces)-1 {
			event = EventDone
		}
		r := Reply{Body: []byte(piece), Total: -1}
		if i == 0 {
			r.Head, r.Status, r.Headers, r.Total = true, []byte(status), headers, total
		}
		w.events, w.replies = append(w.events, event), append(w.replies, r)
	}
	s := &scripted{Runner: w, url: "/s.js", bare: bare}
	event := s.Begin(nil)
	fields, announced = map[string]string{}, s.Reply().Total
	for name, value := range packedPairs(s.Reply().Headers) {
		fields[string(name)] = string(value)
	}
	body = string(s.Reply().Body)
	for event != EventDone {
		event = s.Next()
		body += string(s.Reply().Body)
	}
	return body, fields, announced
}

func TestScriptPlaces(t *testing.T) {
	html := []string{"Content-Type", "text/html; charset=utf-8"}
	for name, test := range map[string]struct {
		status  string
		headers []string
		total   int64
		pieces  []string
		want    string
	}{
		"before the last </body>":  {pieces: []string{"<body></body>a</BODY></html>"}, total: 28, want: "<body></body>a" + testTag + "</BODY></html>"},
		"at the end":               {pieces: []string{"hello"}, total: 5, want: "hello" + testTag},
		"of an error's page":       {status: "500 No", pieces: []string{"hello"}, total: 5, want: "hello" + testTag},
		"of a stream":              {pieces: []string{"a</body>", "b", "c"}, total: -1, want: "a</body>bc" + testTag},
		"of a stream of a length":  {headers: []string{"Content-Length", "3"}, pieces: []string{"a", "b", "c"}, total: -1, want: "abc" + testTag},
		"and the end says nothing": {headers: []string{"Content-Length", "2"}, pieces: []string{"a", "b", ""}, total: -1, want: "ab" + testTag},
		"before what is too much":  {headers: []string{"Content-Length", "2"}, pieces: []string{"a", "bXX", "Y"}, total: -1, want: "ab" + testTag + "XXY"},
		"not where too few come":   {headers: []string{"Content-Length", "9"}, pieces: []string{"a", "b", ""}, total: -1, want: "ab"},
		"not in a part":            {status: "206 Partial Content", pieces: []string{"a"}, total: 1, want: "a"},
		"not in another type":      {headers: []string{"Content-Type", "application/xhtml+xml"}, pieces: []string{"a"}, total: 1, want: "a"},
		"not in an attachment":     {headers: []string{"Content-Disposition", "Attachment; filename=a"}, pieces: []string{"a"}, total: 1, want: "a"},
		"not in what is empty":     {headers: []string{"Content-Length", "0"}, pieces: []string{""}, total: -1, want: ""},
		"not in another coding":    {headers: []string{"Content-Encoding", "br"}, pieces: []string{"a"}, total: 1, want: "a"},
		"not in what has a digest": {headers: []string{"Repr-Digest", "sha-256=:x:"}, pieces: []string{"a"}, total: 1, want: "a"},
		"not in UTF-16":            {headers: []string{"Content-Type", "text/html; charset=utf-16"}, pieces: []string{"a"}, total: 1, want: "a"},
		"not against its policy":   {headers: []string{"Content-Security-Policy", "script-src 'none'"}, pieces: []string{"a"}, total: 1, want: "a"},
		"not in a sandbox":         {headers: []string{"Content-Security-Policy", "sandbox"}, pieces: []string{"a"}, total: 1, want: "a"},
	} {
		if test.status == "" {
			test.status = "200 OK"
		}
		headers := test.headers
		if len(headers) == 0 || headers[0] != "Content-Type" {
			headers = append(append([]string{}, html...), headers...)
		}
		body, fields, announced := scriptedBody(t, false, test.status, packHeaders(headers...), test.total, test.pieces...)
		if body != test.want {
			t.Errorf("%s: %q, want %q", name, body, test.want)
		}
		if length := fields["Content-Length"]; length != "" && !strings.HasPrefix(name, "before what") && !strings.HasPrefix(name, "not where") &&
			length != strconv.Itoa(len(test.want)) {
			t.Errorf("%s: Content-Length %s of %d bytes", name, length, len(test.want))
		}
		if announced >= 0 && int(announced) != len(test.want) {
			t.Errorf("%s: %d bytes are announced, %d come", name, announced, len(test.want))
		}
	}
}

// HEAD has the length of GET.
func TestScriptHead(t *testing.T) {
	headers := packHeaders("Content-Type", "text/html", "Content-Length", "5")
	body, fields, _ := scriptedBody(t, true, "200 OK", headers, -1, "")
	if want := strconv.Itoa(5 + len(testTag)); body != "" || fields["Content-Length"] != want {
		t.Errorf("body %q, length %s, want %s", body, fields["Content-Length"], want)
	}
	headers = packHeaders("Content-Type", "text/html", "Content-Length", "5", "Content-Encoding", "gzip")
	if _, fields, _ = scriptedBody(t, true, "200 OK", headers, -1, ""); fields["Content-Length"] != "" {
		t.Errorf("the length of what is packed anew is told: %q", fields)
	}
}

func pack(t *testing.T, text string) string {
	t.Helper()
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	_, err := w.Write([]byte(text))
	if err == nil {
		err = w.Close()
	}
	if err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func TestScriptCompressed(t *testing.T) {
	packed := pack(t, "<body>hello</body>")
	headers := packHeaders("Content-Type", "text/html", "Content-Encoding", "gzip", "Content-Length", strconv.Itoa(len(packed)))
	body, fields, _ := scriptedBody(t, false, "200 OK", headers, -1, packed)
	if fields["Content-Length"] != strconv.Itoa(len(body)) {
		t.Errorf("Content-Length %s of %d bytes", fields["Content-Length"], len(body))
	}
	r, err := gzip.NewReader(strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	text, err := io.ReadAll(r)
	if want := "<body>hello" + testTag + "</body>"; err != nil || string(text) != want {
		t.Errorf("%q, %v, want %q", text, err, want)
	}
	for _, broken := range []string{"no gzip", packed[:len(packed)-3]} {
		if body, _, _ := scriptedBody(t, false, "200 OK", packHeaders("Content-Type", "text/html", "Content-Encoding", "gzip"), -1, broken); body != broken {
			t.Errorf("what can't be unpacked is changed: %q", body)
		}
	}
	if body, _, _ := scriptedBody(t, false, "200 OK", headers, -1, packed[:9], packed[9:]); body != packed {
		t.Error("a compressed stream is changed")
	}
}

// A file ends before the script.
func TestScriptFile(t *testing.T) {
	w := &told{events: []Event{EventFile, EventDone}, replies: []Reply{
		{Head: true, Status: []byte("200 OK"), Headers: packHeaders("Content-Type", "text/html"), Total: 9, FD: 7, Length: 9},
		{Total: -1},
	}}
	s := &scripted{Runner: w, url: "/s.js"}
	if event := s.Begin(nil); event != EventFile || s.Reply().Length != 9 || s.Reply().Total != int64(9+len(testTag)) {
		t.Errorf("event %v, %+v", event, s.Reply())
	}
	if event := s.Next(); event != EventDone || string(s.Reply().Body) != testTag {
		t.Errorf("event %v, %+v", event, s.Reply())
	}
}

// An app that fails after the head gets no script: the response must look broken.
func TestScriptAfterError(t *testing.T) {
	w := &told{events: []Event{EventChunk, EventError}, replies: []Reply{
		{Head: true, Status: []byte("200 OK"), Headers: packHeaders("Content-Type", "text/html"), Total: -1, Body: []byte("a")},
		{Total: -1, Error: []byte("Traceback")},
	}}
	s := &scripted{Runner: w, url: "/s.js"}
	s.Begin(nil)
	if event := s.Next(); event != EventError || len(s.Reply().Body) != 0 {
		t.Errorf("event %v, %+v", event, s.Reply())
	}
}

func TestScriptPolicy(t *testing.T) {
	for _, test := range []struct {
		policies []string
		nonce    string
		ok       bool
	}{
		{nil, "", true},
		{[]string{"img-src 'none'"}, "", true},
		{[]string{"default-src 'self'"}, "", true},
		{[]string{"default-src 'none'"}, "", false},
		{[]string{"default-src 'none'; script-src 'self'; connect-src 'self'"}, "", true},
		{[]string{"default-src 'none'; script-src 'self'"}, "", false},
		{[]string{"script-src 'self'; script-src-elem https://cdn.example"}, "", false},
		{[]string{"script-src 'nonce-abc+/='"}, "abc+/=", true},
		{[]string{"script-src 'nonce-abc' 'strict-dynamic'"}, "abc", true},
		{[]string{"script-src 'self' 'strict-dynamic' 'sha256-x'"}, "", false},
		{[]string{`script-src 'nonce-a"onload=x'`}, "", false},
		{[]string{"script-src 'nonce-'"}, "", false},
		{[]string{"script-src 'self'", "script-src 'none'"}, "", false},
		{[]string{"script-src 'self', script-src 'nonce-a'"}, "a", true},
		{[]string{"script-src 'nonce-a'", "script-src 'nonce-b'"}, "", false},
		{[]string{"script-src 'unsafe-inline'"}, "", false},
		{[]string{"script-src * ; sandbox allow-scripts allow-same-origin"}, "", true},
		{[]string{"SCRIPT-SRC 'SELF'; ;"}, "", true},
	} {
		if nonce, ok := policy(test.policies); ok != test.ok || ok && nonce != test.nonce {
			t.Errorf("%q: %q, %v", test.policies, nonce, ok)
		}
	}
}

func TestVisitLocal(t *testing.T) {
	for _, test := range []struct {
		v    Visit
		want bool
	}{
		{Visit{Peer: "127.0.0.1", Host: "localhost:5000"}, true},
		{Visit{Peer: "127.0.0.1", Host: "127.0.0.1"}, true},
		{Visit{Peer: "::1", Host: "[::1]:5000"}, true},
		{Visit{Peer: "127.0.0.1", Host: "app.localhost:1"}, true},
		{Visit{Peer: "127.0.0.1"}, true}, // HTTP/1.0
		{Visit{Peer: "127.0.0.1", Host: "evil.example"}, false},
		{Visit{Peer: "127.0.0.1", Host: "127.0.0.1.evil.example:5000"}, false},
		{Visit{Peer: "127.0.0.1", Host: "localhost", Forwarded: true}, false},
		{Visit{Peer: "192.0.2.1", Host: "localhost"}, false},
		{Visit{Peer: "", Host: "localhost"}, true}, // a UNIX socket
		{Visit{Peer: "", Host: "localhost", Forwarded: true}, false},
		{Visit{Peer: "127.0.0.1", Host: "192.0.2.1:5000"}, true}, // no other site's name
	} {
		if got := test.v.Local(); got != test.want {
			t.Errorf("%+v: %v", test.v, got)
		}
	}
}
