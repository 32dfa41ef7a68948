package http1

import (
	"errors"
	"reflect"
	"strings"
	"testing"
)

// crlf turns a head written with plain newlines into one for the wire.
func crlf(s string) string { return strings.ReplaceAll(s, "\n", "\r\n") }

// parsed is a Head as plain values, so that tests can compare it.
type parsed struct {
	Method, Target, Path, Query, Authority, Proto, Host string
	Minor                                               int
	Fields                                              [][2]string
	ContentLength                                       int64
	Chunked, KeepAlive, Expect100, Upgrade              bool
	N                                                   int
}

func plain(h *Head, n int) parsed {
	p := parsed{
		Method: string(h.Method), Target: string(h.Target), Path: string(h.Path), Query: string(h.Query),
		Authority: string(h.Authority), Proto: string(h.Proto), Host: string(h.Host), Minor: h.Minor,
		ContentLength: h.ContentLength, Chunked: h.Chunked, KeepAlive: h.KeepAlive,
		Expect100: h.Expect100, Upgrade: h.Upgrade, N: n,
	}
	for _, f := range h.Fields {
		p.Fields = append(p.Fields, [2]string{string(f.Name), string(f.Value)})
	}
	return p
}

const (
	curlHead = "GET /hello?x=1 HTTP/1.1\r\nHost: localhost:5000\r\nUser-Agent: curl/8.5.0\r\nAccept: */*\r\n\r\n"

	browserHead = "GET /static/app/main.7f3c9e21.js?v=20240611 HTTP/1.1\r\n" +
		"Host: www.example.com\r\n" +
		"Connection: keep-alive\r\n" +
		"Cache-Control: max-age=0\r\n" +
		"sec-ch-ua: \"Chromium\";v=\"124\", \"Google Chrome\";v=\"124\", \"Not-A.Brand\";v=\"99\"\r\n" +
		"sec-ch-ua-mobile: ?0\r\n" +
		"sec-ch-ua-platform: \"Linux\"\r\n" +
		"Upgrade-Insecure-Requests: 1\r\n" +
		"User-Agent: Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/124.0.0.0 Safari/537.36\r\n" +
		"Accept: text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,image/apng,*/*;q=0.8\r\n" +
		"Sec-Fetch-Site: same-origin\r\n" +
		"Sec-Fetch-Mode: navigate\r\n" +
		"Sec-Fetch-User: ?1\r\n" +
		"Sec-Fetch-Dest: document\r\n" +
		"Referer: https://www.example.com/account/settings\r\n" +
		"Accept-Encoding: gzip, deflate, br, zstd\r\n" +
		"Accept-Language: en-US,en;q=0.9,de;q=0.8\r\n" +
		"Cookie: session=eyJ1c2VyX2lkIjo0Mn0.ZmhX3g.kJ2m3n4o5p6q7r8s9t0uVwXyZ; csrftoken=0123456789abcdef0123456789abcdef; theme=dark\r\n" +
		"\r\n"
)

// goodHeads maps heads to what must differ from a plain HTTP/1.1 GET / of host "a".
var goodHeads = []struct {
	name, head string
	want       func(p *parsed)
}{
	{"minimal", "GET / HTTP/1.1\nHost: a\n\n", func(*parsed) {}},
	{"empty line before", "\nGET / HTTP/1.1\nHost: a\n\n", func(*parsed) {}},
	{"curl", strings.ReplaceAll(curlHead, "\r\n", "\n"), func(p *parsed) {
		p.Target, p.Path, p.Query, p.Host = "/hello?x=1", "/hello", "x=1", "localhost:5000"
		p.Fields = [][2]string{{"Host", "localhost:5000"}, {"User-Agent", "curl/8.5.0"}, {"Accept", "*/*"}}
	}},

	// Request line.
	{"method of 32 bytes", strings.Repeat("M", 32) + " / HTTP/1.1\nHost: a\n\n", func(p *parsed) { p.Method = strings.Repeat("M", 32) }},
	{"method in lower case", "get / HTTP/1.1\nHost: a\n\n", func(p *parsed) { p.Method = "get" }},
	{"method of token characters", "!#$%&'*+-.^_`|~09 / HTTP/1.1\nHost: a\n\n", func(p *parsed) { p.Method = "!#$%&'*+-.^_`|~09" }},
	{"asterisk", "OPTIONS * HTTP/1.1\nHost: a\n\n", func(p *parsed) { p.Method, p.Target, p.Path = "OPTIONS", "*", "*" }},
	{"path stays encoded", "GET /%2F%zz/../a;b|c\"{} HTTP/1.1\nHost: a\n\n", func(p *parsed) {
		p.Target = "/%2F%zz/../a;b|c\"{}"
		p.Path = p.Target
	}},
	{"path of two slashes", "GET //a//b HTTP/1.1\nHost: a\n\n", func(p *parsed) { p.Target, p.Path = "//a//b", "//a//b" }},
	{"path of raw UTF-8 and latin-1", "GET /ü\xff HTTP/1.1\nHost: a\n\n", func(p *parsed) { p.Target, p.Path = "/ü\xff", "/ü\xff" }},
	{"query with question marks", "GET /a?b?c=/d HTTP/1.1\nHost: a\n\n", func(p *parsed) { p.Target, p.Path, p.Query = "/a?b?c=/d", "/a", "b?c=/d" }},
	{"empty query", "GET /? HTTP/1.1\nHost: a\n\n", func(p *parsed) { p.Target = "/?" }},
	{"absolute form", "GET http://b.example:80/p/q?r HTTP/1.1\nHost: a\n\n", func(p *parsed) {
		p.Target, p.Authority, p.Path, p.Query = "http://b.example:80/p/q?r", "b.example:80", "/p/q", "r"
	}},
	{"absolute form, no path", "GET HTTPS://b HTTP/1.1\nHost: a\n\n", func(p *parsed) { p.Target, p.Authority = "HTTPS://b", "b" }},
	{"absolute form, query only", "GET http://b?q/r HTTP/1.1\nHost: a\n\n", func(p *parsed) { p.Target, p.Authority, p.Query = "http://b?q/r", "b", "q/r" }},
	{"absolute form, v6", "GET http://[::1]:8/ HTTP/1.1\nHost: a\n\n", func(p *parsed) { p.Target, p.Authority = "http://[::1]:8/", "[::1]:8" }},

	// Versions and persistence.
	{"1.0", "GET / HTTP/1.0\n\n", func(p *parsed) {
		p.Proto, p.Minor, p.Host, p.Fields, p.KeepAlive = "HTTP/1.0", 0, "", nil, false
	}},
	{"1.0 keep-alive", "GET / HTTP/1.0\nHost: a\nConnection: Keep-Alive\n\n", func(p *parsed) {
		p.Proto, p.Minor = "HTTP/1.0", 0
		p.Fields = append(p.Fields, [2]string{"Connection", "Keep-Alive"})
	}},
	{"1.0 keep-alive and close", "GET / HTTP/1.0\nHost: a\nConnection: keep-alive, close\n\n", func(p *parsed) {
		p.Proto, p.Minor, p.KeepAlive = "HTTP/1.0", 0, false
		p.Fields = append(p.Fields, [2]string{"Connection", "keep-alive, close"})
	}},
	{"close", "GET / HTTP/1.1\nHost: a\nCONNECTION: ,\tx , CLOSE,\n\n", func(p *parsed) {
		p.KeepAlive = false
		p.Fields = append(p.Fields, [2]string{"CONNECTION", ",\tx , CLOSE,"})
	}},
	{"close in the second of two", "GET / HTTP/1.1\nHost: a\nConnection: keep-alive\nConnection: close\n\n", func(p *parsed) {
		p.KeepAlive = false
		p.Fields = append(p.Fields, [2]string{"Connection", "keep-alive"}, [2]string{"Connection", "close"})
	}},
	{"closed is not close", "GET / HTTP/1.1\nHost: a\nConnection: closed close-x\n\n", func(p *parsed) {
		p.Fields = append(p.Fields, [2]string{"Connection", "closed close-x"})
	}},
	{"upgrade", "GET / HTTP/1.1\nHost: a\nConnection: keep-alive, Upgrade\nUpgrade: websocket\n\n", func(p *parsed) {
		p.Upgrade = true
		p.Fields = append(p.Fields, [2]string{"Connection", "keep-alive, Upgrade"}, [2]string{"Upgrade", "websocket"})
	}},

	// Fields.
	{"values trimmed", "GET / HTTP/1.1\nHost:a\nX: \t b\tc d \t\nY:\nZ: \t\n\n", func(p *parsed) {
		p.Fields = append(p.Fields, [2]string{"X", "b\tc d"}, [2]string{"Y", ""}, [2]string{"Z", ""})
	}},
	{"value of latin-1 after a HTAB", "GET / HTTP/1.1\nHost: a\nX: 0123456\t\x80\xff~ 89abcdef\n\n", func(p *parsed) {
		p.Fields = append(p.Fields, [2]string{"X", "0123456\t\x80\xff~ 89abcdef"})
	}},
	{"names keep case, order and repetition", "GET / HTTP/1.1\nhOsT: a\nb_C: 1\nB_c: 2\nb_C: 3\n\n", func(p *parsed) {
		p.Fields = [][2]string{{"hOsT", "a"}, {"b_C", "1"}, {"B_c", "2"}, {"b_C", "3"}}
	}},
	{"empty host", "GET / HTTP/1.1\nHost:\n\n", func(p *parsed) { p.Host, p.Fields = "", [][2]string{{"Host", ""}} }},
	{"most fields", "GET / HTTP/1.1\nHost: a\n" + strings.Repeat("X:\n", MaxFields-1) + "\n", func(p *parsed) {
		for range MaxFields - 1 {
			p.Fields = append(p.Fields, [2]string{"X", ""})
		}
	}},

	// Framing.
	{"length", "GET / HTTP/1.1\nHost: a\nContent-Length: 0009223372036854775807\n\n", func(p *parsed) {
		p.ContentLength = 1<<63 - 1
		p.Fields = append(p.Fields, [2]string{"Content-Length", "0009223372036854775807"})
	}},
	{"length 0", "GET / HTTP/1.1\nHost: a\nCONTENT-LENGTH: 0\n\n", func(p *parsed) {
		p.ContentLength = 0
		p.Fields = append(p.Fields, [2]string{"CONTENT-LENGTH", "0"})
	}},
	{"chunked", "GET / HTTP/1.1\nHost: a\nTransfer-Encoding: ChunkeD\n\n", func(p *parsed) {
		p.Chunked = true
		p.Fields = append(p.Fields, [2]string{"Transfer-Encoding", "ChunkeD"})
	}},
	{"length, then chunked", "GET / HTTP/1.1\nHost: a\nContent-Length: 3\nTransfer-Encoding: chunked\n\n", func(p *parsed) {
		p.Chunked, p.KeepAlive = true, false
		p.Fields = append(p.Fields, [2]string{"Content-Length", "3"}, [2]string{"Transfer-Encoding", "chunked"})
	}},
	{"chunked, then length", "GET / HTTP/1.1\nHost: a\ntransfer-encoding: chunked\ncontent-length: 0\nConnection: keep-alive\n\n", func(p *parsed) {
		p.Chunked, p.KeepAlive = true, false
		p.Fields = append(p.Fields, [2]string{"transfer-encoding", "chunked"}, [2]string{"content-length", "0"}, [2]string{"Connection", "keep-alive"})
	}},
	{"expect", "GET / HTTP/1.1\nHost: a\nExpect: 100-Continue\n\n", func(p *parsed) {
		p.Expect100 = true
		p.Fields = append(p.Fields, [2]string{"Expect", "100-Continue"})
	}},
	{"expect in 1.0 is ignored", "GET / HTTP/1.0\nHost: a\nExpect: 100-continue\n\n", func(p *parsed) {
		p.Proto, p.Minor, p.KeepAlive = "HTTP/1.0", 0, false
		p.Fields = append(p.Fields, [2]string{"Expect", "100-continue"})
	}},
}

func TestGoodHeads(t *testing.T) {
	var h Head // reused, as a connection does: nothing may be left from the last one
	for _, tt := range goodHeads {
		t.Run(tt.name, func(t *testing.T) {
			head := crlf(tt.head)
			want := parsed{
				Method: "GET", Target: "/", Path: "/", Proto: "HTTP/1.1", Host: "a", Minor: 1,
				Fields: [][2]string{{"Host", "a"}}, ContentLength: -1, KeepAlive: true, N: len(head),
			}
			tt.want(&want)
			n, err := h.Parse([]byte(head+"next"), 0)
			if err != nil {
				t.Fatal(err)
			}
			if got := plain(&h, n); !reflect.DeepEqual(got, want) {
				t.Errorf("\ngot  %+v\nwant %+v", got, want)
			}
			compareHead(t, &h, []byte(head))
		})
	}
}

// badHeads are written as they go over the wire where it matters, else with \n.
var badHeads = []struct {
	name, head string
	want       *Error
}{
	// Other protocols.
	{"TLS", "\x16\x03\x01\x02\x00\x01\x00", errTLS},
	{"HTTP/2", crlf("PRI * HTTP/2.0\n\nSM\n\n"), errVersion},
	{"SSH is no method", crlf("SSH-2.0-OpenSSH_9.6\n"), errRequestLine},
	{"TLS's first byte after a line", "\r\n\x16\r\n", errMethod},
	{"binary", "\x00\x01", errMethod},
	{"SSLv2", "\x80\x2e\x01", errMethod},

	// Line ends.
	{"bare LF after the request line", "GET / HTTP/1.1\nHost: a\r\n\r\n", errBareLF},
	{"bare LF after a field", "GET / HTTP/1.1\r\nHost: a\nX: y\r\n\r\n", errBareLF},
	{"bare LF at the end", "GET / HTTP/1.1\r\nHost: a\r\n\n", errBareLF},
	{"all bare LF", "GET / HTTP/1.1\nHost: a\n\n", errBareLF},
	{"bare LF first", "\nGET / HTTP/1.1\r\nHost: a\r\n\r\n", errBareLF},
	{"bare CR first", "\rGET / HTTP/1.1\r\nHost: a\r\n\r\n", errBareCR},
	{"bare CR in a value", "GET / HTTP/1.1\r\nHost: a\r\nX: y\rZ: w\r\n\r\n", errBareCR},
	{"bare CR in a name", "GET / HTTP/1.1\r\nHost: a\r\nX\rY: w\r\n\r\n", errBareCR},
	{"bare CR before a name", "GET / HTTP/1.1\r\nHost: a\r\n\rY: w\r\n\r\n", errBareCR},
	{"CR CR LF", "GET / HTTP/1.1\r\nHost: a\r\nX: y\r\r\n\r\n", errBareCR},
	{"CR CR LF at the end", "GET / HTTP/1.1\r\nHost: a\r\n\r\r\n\r\n", errBareCR},
	{"bare CR in the target", "GET /\r HTTP/1.1\r\nHost: a\r\n\r\n", errBareCR},
	{"bare CR for a space", "GET\r/ HTTP/1.1\r\nHost: a\r\n\r\n", errBareCR},
	{"bare CR in the version", "GET / HTTP/1.1\r\r\nHost: a\r\n\r\n", errBareCR},
	{"two empty lines first", "\r\n\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n", errEmptyLines},

	// Request line.
	{"method alone", crlf("GET\n\n"), errRequestLine},
	{"method with a colon", crlf("GE:T / HTTP/1.1\nHost: a\n\n"), errMethod},
	{"method of latin-1", crlf("G\xcbT / HTTP/1.1\nHost: a\n\n"), errMethod},
	{"method after a space", crlf(" GET / HTTP/1.1\nHost: a\n\n"), errMethod},
	{"method of 33 bytes", crlf(strings.Repeat("M", 33) + " / HTTP/1.1\nHost: a\n\n"), errMethodLong},
	{"two spaces before the target", crlf("GET  / HTTP/1.1\nHost: a\n\n"), errRequestLine},
	{"two spaces before the version", crlf("GET /  HTTP/1.1\nHost: a\n\n"), errRequestLine},
	{"space after the version", crlf("GET / HTTP/1.1 \nHost: a\n\n"), errRequestLine},
	{"space in the target", crlf("GET /a b HTTP/1.1\nHost: a\n\n"), errRequestLine},
	{"tab between", crlf("GET\t/ HTTP/1.1\nHost: a\n\n"), errMethod},
	{"tab before the version", crlf("GET /\tHTTP/1.1\nHost: a\n\n"), errHTTP09},
	{"HTTP/0.9", crlf("GET /\n"), errHTTP09},
	{"HTTP/0.9 with a space", crlf("GET / \n"), errProto},
	{"HTTP/0.9 said", crlf("GET / HTTP/0.9\nHost: a\n\n"), errVersion},
	{"HTTP/1.2", crlf("GET / HTTP/1.2\nHost: a\n\n"), errVersion},
	{"HTTP/3.0", crlf("GET / HTTP/3.0\nHost: a\n\n"), errVersion},
	{"HTTP/2", crlf("GET / HTTP/2\nHost: a\n\n"), errProto},
	{"HTTP/1.10", crlf("GET / HTTP/1.10\nHost: a\n\n"), errProto},
	{"HTTP/01.1", crlf("GET / HTTP/01.1\nHost: a\n\n"), errProto},
	{"http/1.1", crlf("GET / http/1.1\nHost: a\n\n"), errProto},
	{"HTTP/1,1", crlf("GET / HTTP/1,1\nHost: a\n\n"), errProto},
	{"HTTP/1.x", crlf("GET / HTTP/1.x\nHost: a\n\n"), errProto},
	{"four parts", crlf("GET / ICY /1.1\nHost: a\n\n"), errRequestLine},

	// Target.
	{"NUL in the target", crlf("GET /\x00 HTTP/1.1\nHost: a\n\n"), errTargetChar},
	{"DEL in the target", crlf("GET /\x7f HTTP/1.1\nHost: a\n\n"), errTargetChar},
	{"tab in the target", crlf("GET /\t HTTP/1.1\nHost: a\n\n"), errTargetChar},
	{"fragment", crlf("GET /a#b HTTP/1.1\nHost: a\n\n"), errTargetChar},
	{"relative", crlf("GET a/b HTTP/1.1\nHost: a\n\n"), errTargetForm},
	{"query alone", crlf("GET ?a HTTP/1.1\nHost: a\n\n"), errTargetForm},
	{"authority form", crlf("GET a:80 HTTP/1.1\nHost: a\n\n"), errTargetForm},
	{"ftp", crlf("GET ftp://a/ HTTP/1.1\nHost: a\n\n"), errTargetForm},
	{"http:/", crlf("GET http:/a HTTP/1.1\nHost: a\n\n"), errTargetForm},
	{"asterisk for GET", crlf("GET * HTTP/1.1\nHost: a\n\n"), errAsterisk},
	{"asterisk and more", crlf("OPTIONS *a HTTP/1.1\nHost: a\n\n"), errTargetForm},
	{"no host in the URL", crlf("GET http:///a HTTP/1.1\nHost: a\n\n"), errAuthority},
	{"userinfo in the URL", crlf("GET http://u:p@a/ HTTP/1.1\nHost: a\n\n"), errAuthority},
	{"bad port in the URL", crlf("GET http://a:8x/ HTTP/1.1\nHost: a\n\n"), errAuthority},
	{"CONNECT", crlf("CONNECT a:443 HTTP/1.1\nHost: a\n\n"), errConnect},
	{"CONNECT of a path", crlf("CONNECT / HTTP/1.1\nHost: a\n\n"), errConnect},

	// Field lines.
	{"space before colon", crlf("GET / HTTP/1.1\nHost : a\n\n"), errFieldSpace},
	{"tab before colon", crlf("GET / HTTP/1.1\nHost: a\nX\t : a\n\n"), errFieldSpace},
	{"space in a name", crlf("GET / HTTP/1.1\nHost: a\nX Y: a\n\n"), errFieldName},
	{"obs-fold", crlf("GET / HTTP/1.1\nHost: a\nX: y\n z\n\n"), errFieldFold},
	{"obs-fold with a tab", crlf("GET / HTTP/1.1\nHost: a\nX: y\n\tz: w\n\n"), errFieldFold},
	{"obs-fold of the request line", crlf("GET / HTTP/1.1\n Host: a\n\n"), errFieldFold},
	{"a line of a space", crlf("GET / HTTP/1.1\nHost: a\n \n\n"), errFieldFold},
	{"no colon", crlf("GET / HTTP/1.1\nHost: a\nX\n\n"), errFieldColon},
	{"no name", crlf("GET / HTTP/1.1\nHost: a\n: y\n\n"), errFieldNoName},
	{"bracket in a name", crlf("GET / HTTP/1.1\nHost: a\nX[y]: z\n\n"), errFieldName},
	{"NUL in a name", crlf("GET / HTTP/1.1\nHost: a\nX\x00: z\n\n"), errFieldName},
	{"latin-1 in a name", crlf("GET / HTTP/1.1\nHost: a\nX\xe4: z\n\n"), errFieldName},
	{"NUL in a value", crlf("GET / HTTP/1.1\nHost: a\nX: z\x00z\n\n"), errFieldValue},
	{"DEL in a value", crlf("GET / HTTP/1.1\nHost: a\nX: z\x7fz\n\n"), errFieldValue},
	{"ESC in a long value", crlf("GET / HTTP/1.1\nHost: a\nX: 0123456\t0123456789\x1b0123456789\n\n"), errFieldValue},
	{"form feed before a value", crlf("GET / HTTP/1.1\nHost: a\nX:\fy\n\n"), errFieldValue},
	{"too many fields", crlf("GET / HTTP/1.1\nHost: a\n" + strings.Repeat("X:\n", MaxFields) + "\n"), errFieldsTooMany},

	// Host.
	{"no host", crlf("GET / HTTP/1.1\nX: a\n\n"), errHostMissing},
	{"no host, absolute form", crlf("GET http://a/ HTTP/1.1\nX: a\n\n"), errHostMissing},
	{"two hosts", crlf("GET / HTTP/1.1\nHost: a\nHost: a\n\n"), errHostTwice},
	{"two hosts, empty", crlf("GET / HTTP/1.1\nHost:\nHost:\n\n"), errHostTwice},
	{"two hosts in 1.0", crlf("GET / HTTP/1.0\nHost: a\nhost: a\n\n"), errHostTwice},
	{"host with a path", crlf("GET / HTTP/1.1\nHost: a/b\n\n"), errHost},
	{"bad host in 1.0", crlf("GET / HTTP/1.0\nHost: a b\n\n"), errHost},

	// Expect.
	{"expect more", crlf("GET / HTTP/1.1\nHost: a\nExpect: 100-continue, x\n\n"), errExpect},
	{"expect nothing", crlf("GET / HTTP/1.1\nHost: a\nExpect:\n\n"), errExpect},
}

func TestBadHeads(t *testing.T) {
	for _, tt := range badHeads {
		t.Run(tt.name, func(t *testing.T) {
			var h Head
			n, err := h.Parse([]byte(tt.head), 0)
			if n != 0 || err != tt.want {
				t.Errorf("%.80q: got %d, %v, want %v", tt.head, n, err, tt.want)
			}
		})
	}
}

// TestErrors pins the statuses, which the tables take from the code.
func TestErrors(t *testing.T) {
	others := map[*Error]int{
		errVersion: 505, errMethodLong: 501, errConnect: 501, errCoding: 501,
		errExpect: 417, errFieldsTooMany: 431, ErrHeadTooLarge: 431,
	}
	seen := map[string]bool{}
	all := []*Error{
		ErrHeadTooLarge, errTLS, errBareLF, errBareCR, errEmptyLines, errMethod, errMethodLong, errRequestLine, errHTTP09,
		errProto, errVersion, errTargetChar, errTargetForm, errAsterisk, errAuthority, errConnect,
		errFieldFold, errFieldColon, errFieldNoName, errFieldSpace, errFieldName, errFieldValue, errFieldsTooMany,
		errLength, errLengthTwice, errCodingEmpty, errCodingTwice, errCoding10, errCoding, errHostMissing, errHostTwice, errHost,
		errExpect, errChunkSize, errChunkLine, errChunkExt, errChunkExtLong, errChunkExcess, errChunkEnd, errTrailersLong,
	}
	for _, e := range all {
		want := others[e]
		if want == 0 {
			want = 400
		}
		if e.Status != want {
			t.Errorf("%v: want status %d", e, want)
		}
		if e.Reason == "" || seen[e.Reason] {
			t.Errorf("%v: reason is empty or used twice", e)
		}
		seen[e.Reason] = true
	}
	var e *Error
	_, err := new(Head).Parse([]byte("\x16"), 0)
	if !errors.As(err, &e) || err.Error() != "400 Bad Request: TLS was sent to a plain HTTP port; use http:// in place of https://" {
		t.Errorf("TLS: got %v", err)
	}
}

func TestValidHost(t *testing.T) {
	good := []string{
		"", "a", "a.b-c_d~e", "A.EXAMPLE.", "127.0.0.1:5000", "localhost:", "a:080", "[::1]", "[::1]:80",
		"[2001:db8::1.2.3.4]:0", "a%20b", "%61", "!$&'()*+,;=",
	}
	bad := []string{
		":80", "a:b", "a:80:80", "a:-1", "a b", "a/b", "a\\b", "a?b", "a#b", "u@a", "a\tb", "ä", "\x80", "<a>", "\"a\"", "a|b", "`", "{a}", "^",
		"%", "%6", "a%zz", "[", "[]", "[::1", "::1", "[::1]a", "[::1]80", "[::1%25eth0]", "[v1.a]", "[a]b:80", "a[::1]", "]", "[[::1]]",
	}
	for _, v := range good {
		if !validHost([]byte(v)) {
			t.Errorf("%q refused", v)
		}
	}
	for _, v := range bad {
		if validHost([]byte(v)) {
			t.Errorf("%q accepted", v)
		}
	}
}

// TestCharsByRule checks the tables, and the eight-at-a-time path, for every byte at every offset.
func TestCharsByRule(t *testing.T) {
	for c := range 256 {
		b := byte(c)
		value := b == '\t' || b >= 0x20 && b != 0x7f
		if isValue(b) != value {
			t.Errorf("isValue(%#x)", b)
		}
		if want := b > 0x20 && b != 0x7f && b != '#'; isTarget(b) != want {
			t.Errorf("isTarget(%#x)", b)
		}
		// The delimiters of RFC 9110, section 5.6.2, are what a token lacks.
		if want := b > 0x20 && b < 0x7f && !strings.ContainsRune(`(),/:;<=>?@[\]{}"`, rune(b)); isToken(b) != want {
			t.Errorf("isToken(%#x)", b)
		}
		for length := 1; length <= 20; length++ {
			for at := range length {
				for _, fill := range []string{"a", "\x80", "\xff", " ", "~", "\t"} {
					v := []byte(strings.Repeat(fill, length))
					v[at] = b
					if validValue(v) != value {
						t.Fatalf("validValue(%q) is not %v", v, value)
					}
				}
			}
		}
	}
}

func TestEqualFold(t *testing.T) {
	for c := range 256 {
		for _, lower := range []string{"-", "a", "z", "1"} {
			want := strings.EqualFold(string([]byte{byte(c)}), lower)
			if equalFold([]byte{byte(c)}, lower) != want {
				t.Errorf("equalFold(%#x, %q) is not %v", c, lower, want)
			}
		}
	}
}

func TestParseAllocatesNothing(t *testing.T) {
	var h Head
	good, bad := []byte(browserHead), []byte("GET / HTTP/1.1\r\nHost: a\r\nX : y\r\n\r\n")
	allocs := testing.AllocsPerRun(100, func() {
		if _, err := h.Parse(good, 0); err != nil {
			t.Fatal(err)
		}
		if _, err := h.Parse(bad, 0); err != errFieldSpace {
			t.Fatal(err)
		}
	})
	if allocs != 0 {
		t.Errorf("%v allocations", allocs)
	}
}
