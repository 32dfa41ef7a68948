package http1

import (
	"bufio"
	"bytes"
	"io"
	"net/http"
	"net/netip"
	"net/textproto"
	"net/url"
	"reflect"
	"strings"
	"testing"
)

// FuzzHead holds Parse against net/http: what we accept, it must accept too, and
// understand in the same way. (It accepts more than we do; see the package comment.)
func FuzzHead(f *testing.F) {
	f.Add([]byte(curlHead), uint(20))
	f.Add([]byte(browserHead), uint(500))
	for i, tt := range goodHeads {
		if len(tt.head) < 2000 {
			f.Add([]byte(crlf(tt.head)), uint(i))
		}
	}
	for i, tt := range badHeads {
		if len(tt.head) < 2000 {
			f.Add([]byte(tt.head), uint(i))
		}
	}
	for i, tt := range smuggling {
		f.Add([]byte(tt.wire), uint(i))
	}
	f.Fuzz(func(t *testing.T, wire []byte, cut uint) {
		var h Head
		n, err := h.Parse(wire, 0)
		if n < 0 || n > len(wire) || n > 0 && err != nil {
			t.Fatalf("%d, %v", n, err)
		}
		if n > 0 || err != nil {
			checkPieces(t, string(wire), int(cut%uint(len(wire))))
		}
		if n == 0 {
			return
		}
		wire = wire[:n]
		if p, err := new(Head).Parse(wire[:n-1], 0); p != 0 || err != nil {
			t.Fatalf("without its last byte: %d, %v", p, err)
		}
		compareHead(t, &h, wire)
	})
}

// checkPieces wants the same outcome if wire comes in two pieces. An error that was found
// before the head's end may be found later then.
func checkPieces(t *testing.T, wire string, cut int) {
	want, got := parsePieces(wire), parsePieces(wire, cut)
	if got == "more" {
		wire += "\n\r\n" // the bare LF makes Parse speak up
		want, got = parsePieces(wire), parsePieces(wire, cut)
	}
	if got != want {
		t.Fatalf("cut at %d:\ngot  %s\nwant %s", cut, got, want)
	}
}

func compareHead(t *testing.T, h *Head, wire []byte) {
	// Exception: the empty line before the request line, which net/http.Server skips
	// no more than ReadRequest does.
	req, err := http.ReadRequest(bufio.NewReaderSize(bytes.NewReader(bytes.TrimPrefix(wire, []byte("\r\n"))), 1<<16))
	if err != nil {
		if !onlyTheirs(h) {
			t.Fatalf("net/http refuses what we accept: %v", err)
		}
		return
	}
	if req.Method != string(h.Method) || req.RequestURI != string(h.Target) || req.Proto != string(h.Proto) || req.ProtoMinor != h.Minor {
		t.Errorf("request line: %q %q %q", req.Method, req.RequestURI, req.Proto)
	}
	compareURL(t, h, req.URL)
	if chunked := len(req.TransferEncoding) == 1; chunked != h.Chunked {
		t.Errorf("chunked: %q", req.TransferEncoding)
	}
	// Exception: net/http gives 0 for "no Content-Length, so no body".
	if got := req.ContentLength; got != h.ContentLength && (got != 0 || h.ContentLength != -1) {
		t.Errorf("content length: %d", got)
	}
	if req.Close == h.KeepAlive && !bothFramings(h) {
		t.Errorf("close: %v", req.Close)
	}
	if got, want := req.Header, theirFields(h); !reflect.DeepEqual(got, want) {
		t.Errorf("fields\ngot  %q\nwant %q", got, want)
	}
	if h.Authority == nil && req.Host != string(h.Host) {
		t.Errorf("host: %q", req.Host)
	}
}

// onlyTheirs tells the heads that we take and net/http doesn't.
func onlyTheirs(h *Head) bool {
	for rest := h.Path; ; {
		// A '%' in the path that begins no escape: CGI, and so WSGI, leaves it as it is.
		i := bytes.IndexByte(rest, '%')
		if i < 0 {
			break
		}
		rest = rest[i+1:]
		if len(rest) < 2 || hexDigit(rest[0]) < 0 || hexDigit(rest[1]) < 0 {
			return true
		}
	}
	if a := string(h.Authority); strings.HasPrefix(a, "[") {
		// An IPv6 address that makes no sense.
		_, err := netip.ParseAddr(a[1:strings.IndexByte(a, ']')])
		return err != nil
	} else if strings.Contains(a, "%") {
		// An escape of ASCII in a host name.
		return true
	}
	if h.Chunked {
		// A Trailer field that names framing fields; we drop all trailers anyway.
		for _, f := range h.Fields {
			if equalFold(f.Name, "trailer") {
				v := strings.ToLower(string(f.Value))
				return strings.Contains(v, "transfer-encoding") || strings.Contains(v, "content-length") || strings.Contains(v, "trailer")
			}
		}
	}
	return false
}

func bothFramings(h *Head) bool {
	for _, f := range h.Fields {
		if equalFold(f.Name, "content-length") {
			return h.Chunked
		}
	}
	return false
}

func compareURL(t *testing.T, h *Head, u *url.URL) {
	path := string(h.Path)
	if h.Authority != nil && u.Path == "" {
		u.Path = "/" // net/http leaves it empty
	}
	if want, err := url.PathUnescape(path); err != nil || u.Path != want || u.RawQuery != string(h.Query) || u.Host != string(h.Authority) {
		t.Errorf("URL: host %q, path %q, query %q (%v)", u.Host, u.Path, u.RawQuery, err)
	}
}

// theirFields makes of h.Fields what net/http makes of them.
func theirFields(h *Head) http.Header {
	fields := http.Header{}
	for _, f := range h.Fields {
		name := textproto.CanonicalMIMEHeaderKey(string(f.Name))
		fields[name] = append(fields[name], string(f.Value))
	}
	delete(fields, "Host")
	delete(fields, "Transfer-Encoding")
	if h.Chunked {
		delete(fields, "Content-Length")
		delete(fields, "Trailer")
	}
	if v := fields["Pragma"]; len(v) > 0 && v[0] == "no-cache" && fields["Cache-Control"] == nil {
		fields["Cache-Control"] = []string{"no-cache"}
	}
	return fields
}

// FuzzChunked holds ChunkedDecoder against net/http: of a body that we accept, it must
// read the same bytes, and leave the same bytes behind.
func FuzzChunked(f *testing.F) {
	for i, s := range smuggling {
		if _, wire, ok := strings.Cut(s.wire, "Transfer-Encoding: chunked\r\n\r\n"); ok {
			f.Add([]byte(wire), uint(i))
		}
	}
	f.Add(chunkUp([]byte(browserHead), 100), uint(3))
	f.Fuzz(func(t *testing.T, wire []byte, cut uint) {
		body, rest, end := decode(t, string(wire))
		cut %= uint(len(wire) + 1)
		if b, r, e := decode(t, string(wire), int(cut)); b != body || r != rest || e != end {
			t.Fatalf("cut at %d: got %q, %q, %s, want %q, %q, %s", cut, b, r, e, body, rest, end)
		}
		if end == "done" {
			compareBody(t, string(wire), body, rest)
		}
	})
}

func compareBody(t *testing.T, wire, body, rest string) {
	// Larger than any trailer section we take: net/http's limit on them is its buffer.
	r := bufio.NewReaderSize(strings.NewReader("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"+wire), 1<<16)
	req, err := http.ReadRequest(r)
	if err != nil {
		t.Fatal(err)
	}
	got, err := io.ReadAll(req.Body)
	if err != nil {
		t.Fatalf("net/http refuses what we accept: %v", err)
	}
	left, err := io.ReadAll(r)
	if err != nil || string(got) != body || string(left) != rest {
		t.Errorf("got %q, rest %q, %v, want %q, rest %q", got, left, err, body, rest)
	}
}
