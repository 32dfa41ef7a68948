package blackbox

import (
	"fmt"
	"regexp"
	"strings"
	"testing"
)

// Requests that two parsers could read in two ways, or that are no HTTP/1 at all. Behind
// each the test sends a request to /smuggled: it must never be served.
//
// Clause: "Ambiguous framing (double CL, bad chunk, space before colon, obs-fold, bare CR)
// is refused".
var refusedHeads = map[string]string{
	"double length, different": "POST / HTTP/1.1\r\nHost: t\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nhello",
	"double length, same":      "POST / HTTP/1.1\r\nHost: t\r\nContent-Length: 5\r\nContent-Length: 5\r\n\r\nhello",
	"length list":              "POST / HTTP/1.1\r\nHost: t\r\nContent-Length: 5, 5\r\n\r\nhello",
	"length with plus":         "POST / HTTP/1.1\r\nHost: t\r\nContent-Length: +5\r\n\r\nhello",
	"negative length":          "POST / HTTP/1.1\r\nHost: t\r\nContent-Length: -5\r\n\r\nhello",
	"hex length":               "POST / HTTP/1.1\r\nHost: t\r\nContent-Length: 0x5\r\n\r\nhello",
	"length with space inside": "POST / HTTP/1.1\r\nHost: t\r\nContent-Length: 5 5\r\n\r\nhello",
	"underscored number":       "POST / HTTP/1.1\r\nHost: t\r\nContent-Length: 0_5\r\n\r\nhello",
	"empty length":             "POST / HTTP/1.1\r\nHost: t\r\nContent-Length:\r\n\r\nhello",
	"length overflow":          "POST / HTTP/1.1\r\nHost: t\r\nContent-Length: 99999999999999999999\r\n\r\nhello",
	"space before colon":       "POST / HTTP/1.1\r\nHost: t\r\nContent-Length : 5\r\n\r\nhello",
	"tab before colon":         "GET / HTTP/1.1\r\nHost: t\r\nX-A\t: 5\r\n\r\n",
	"obs-fold":                 "GET / HTTP/1.1\r\nHost: t\r\nX-A: a\r\n b\r\n\r\n",
	"obs-fold with tab":        "GET / HTTP/1.1\r\nHost: t\r\nX-A: a\r\n\tb\r\n\r\n",
	"fold on the first header": "GET / HTTP/1.1\r\n Host: t\r\nX-A: a\r\n\r\n",
	"bare CR in a value":       "GET / HTTP/1.1\r\nHost: t\r\nX-A: a\rContent-Length: 5\r\n\r\n",
	"bare CR in the target":    "GET /\rx HTTP/1.1\r\nHost: t\r\n\r\n",
	"bare CR ends a line":      "GET / HTTP/1.1\rHost: t\r\r",
	"NUL in a value":           "GET / HTTP/1.1\r\nHost: t\r\nX-A: a\x00b\r\n\r\n",
	"control in a value":       "GET / HTTP/1.1\r\nHost: t\r\nX-A: a\x01b\r\n\r\n",
	"line without colon":       "GET / HTTP/1.1\r\nHost: t\r\nnonsense\r\n\r\n",
	"empty name":               "GET / HTTP/1.1\r\nHost: t\r\n: v\r\n\r\n",
	"space in a name":          "GET / HTTP/1.1\r\nHost: t\r\nX A: v\r\n\r\n",
	"high byte in a name":      "GET / HTTP/1.1\r\nHost: t\r\nX-\xe9: v\r\n\r\n",
	"two hosts":                "GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n",
	"no host":                  "GET / HTTP/1.1\r\nX-A: v\r\n\r\n",
	"host with space":          "GET / HTTP/1.1\r\nHost: a b\r\n\r\n",
	"te gzip":                  "POST / HTTP/1.1\r\nHost: t\r\nTransfer-Encoding: gzip\r\n\r\n0\r\n\r\n",
	"te chunked not last":      "POST / HTTP/1.1\r\nHost: t\r\nTransfer-Encoding: chunked, gzip\r\n\r\n0\r\n\r\n",
	"te chunked twice":         "POST / HTTP/1.1\r\nHost: t\r\nTransfer-Encoding: chunked, chunked\r\n\r\n0\r\n\r\n",
	"te two lines":             "POST / HTTP/1.1\r\nHost: t\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n\r\n0\r\n\r\n",
	"te xchunked":              "POST / HTTP/1.1\r\nHost: t\r\nTransfer-Encoding: xchunked\r\n\r\n0\r\n\r\n",
	"te quoted":                "POST / HTTP/1.1\r\nHost: t\r\nTransfer-Encoding: \"chunked\"\r\n\r\n0\r\n\r\n",
	"te with vertical tab":     "POST / HTTP/1.1\r\nHost: t\r\nTransfer-Encoding: \x0bchunked\r\n\r\n0\r\n\r\n",
	"te space before colon":    "POST / HTTP/1.1\r\nHost: t\r\nTransfer-Encoding : chunked\r\n\r\n0\r\n\r\n",
	"te in http/1.0":           "POST / HTTP/1.0\r\nHost: t\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
	"no version":               "GET /\r\n\r\n",
	"unknown version":          "GET / HTTP/9.9\r\nHost: t\r\n\r\n",
	"http/2 preface":           "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
	"lower-case protocol":      "GET / http/1.1\r\nHost: t\r\n\r\n",
	"version with plus":        "GET / HTTP/+1.1\r\nHost: t\r\n\r\n",
	"space in target":          "GET /a b HTTP/1.1\r\nHost: t\r\n\r\n",
	"two spaces":               "GET  / HTTP/1.1\r\nHost: t\r\n\r\n",
	"relative target":          "GET a HTTP/1.1\r\nHost: t\r\n\r\n",
	"empty target":             "GET  HTTP/1.1\r\nHost: t\r\n\r\n",
	"control in target":        "GET /\x01 HTTP/1.1\r\nHost: t\r\n\r\n",
	"method is no token":       "G<T / HTTP/1.1\r\nHost: t\r\n\r\n",
	"tls hello":                "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n",
	"garbage":                  "\x00\x01\x02\xff\xfe\r\n\r\n",
}

func TestRefusedHeads(t *testing.T) {
	run(t, plain, func(t *testing.T, v variant) {
		s := v.start(t, launch{App: "limits"})
		for name, raw := range refusedHeads {
			t.Run(name, func(t *testing.T) {
				c := s.dial(t)
				c.trySend(raw + request("GET", "/smuggled", ""))
				wantRefused(t, c.rest())
			})
		}
		if n := s.eventCount(t, "smuggled"); n != 0 {
			t.Errorf("%d requests were served behind refused ones", n)
		}
		s.get(t, "/").want(t, 200, "index")
	})
}

// wantRefused asserts one refusal at most, and nothing after it.
func wantRefused(t *testing.T, rest string) {
	t.Helper()
	if rest == "" {
		return
	}
	head, _, _ := strings.Cut(rest, "\r\n\r\n")
	r, err := parseHead(head+"\r\n\r\n", "GET")
	if err != nil {
		t.Fatal(err)
	}
	if r.Status < 400 || r.Status == 500 || r.Status > 505 {
		t.Errorf("status %d, want a refusal", r.Status)
	}
	if answers(rest) > 1 {
		t.Errorf("more than one answer: %q", rest)
	}
}

var statusLine = regexp.MustCompile(`HTTP/1\.1 [0-9]{3} `)

// answers counts the responses in what a server sent.
func answers(rest string) int { return len(statusLine.FindAllString(rest, -1)) }

// Chunked bodies with a fault. The head may have reached the app already; the body must not
// look complete to it.
var brokenChunks = map[string]string{
	"0x size":               "0x5\r\nhello\r\n0\r\n\r\n",
	"plus size":             "+5\r\nhello\r\n0\r\n\r\n",
	"negative size":         "-5\r\nhello\r\n0\r\n\r\n",
	"leading space":         " 5\r\nhello\r\n0\r\n\r\n",
	"underscore":            "0_5\r\nhello\r\n0\r\n\r\n",
	"no hex":                "five!\r\nhello\r\n0\r\n\r\n",
	"empty size":            "\r\nhello\r\n0\r\n\r\n",
	"only an extension":     ";a=b\r\nhello\r\n0\r\n\r\n",
	"overflow":              "10000000000000005\r\nhello\r\n0\r\n\r\n",
	"data too long":         "3\r\nhello\r\n0\r\n\r\n",
	"data too short":        "6\r\nhello\r\n0\r\n\r\n",
	"bare LF after size":    "5\nhello\r\n0\r\n\r\n",
	"bare LF after data":    "5\r\nhello\n0\r\n\r\n",
	"bare CR in extension":  "5;a\rb\r\nhello\r\n0\r\n\r\n",
	"LF in extension":       "5;a\nb\r\nhello\r\n0\r\n\r\n",
	"endless extension":     "5;" + strings.Repeat("e", 200_000) + "\r\nhello\r\n0\r\n\r\n",
	"many small extensions": strings.Repeat("1;"+strings.Repeat("e", 4000)+"\r\nx\r\n", 5000) + "0\r\n\r\n",
	"bad trailer":           "5\r\nhello\r\n0\r\nno colon\r\n\r\n",
	"trailer with space":    "5\r\nhello\r\n0\r\nX : y\r\n\r\n",
	"endless trailers":      "5\r\nhello\r\n0\r\n" + strings.Repeat("X-T: "+strings.Repeat("t", 1000)+"\r\n", 1000) + "\r\n",
}

func TestBrokenChunks(t *testing.T) {
	run(t, plain, func(t *testing.T, v variant) {
		s := v.start(t, launch{App: "limits"})
		for name, body := range brokenChunks {
			t.Run(name, func(t *testing.T) {
				id := strings.ReplaceAll(name, " ", "-")
				c := s.dial(t)
				go c.trySend("POST /read?id=" + id + " HTTP/1.1\r\nHost: t\r\nTransfer-Encoding: chunked\r\n\r\n" + body +
					request("GET", "/smuggled", ""))
				rest := c.rest()
				if strings.HasPrefix(rest, "HTTP/1.1 2") || answers(rest) > 1 {
					t.Errorf("answer %.300q", rest)
				}
				for _, e := range s.events(t) {
					if strings.HasPrefix(e, id+" complete") {
						t.Errorf("the app took it for a whole body: %s", e)
					}
				}
			})
		}
		if n := s.eventCount(t, "smuggled"); n != 0 {
			t.Errorf("%d requests were served behind broken bodies", n)
		}
	})
}

// Clause: "with CL and TE together the connection ends after the one answer".
func TestLengthAndChunkedTogether(t *testing.T) {
	run(t, plain, func(t *testing.T, v variant) {
		s := v.start(t, launch{App: "limits"})
		for i, headers := range []string{
			"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n",
			"Transfer-Encoding: chunked\r\nContent-Length: 4\r\n",
			"Transfer-Encoding: chunked\r\nContent-Length: 1000\r\n",
			"Content-Length: 0\r\nTransfer-Encoding: Chunked\r\n",
		} {
			c := s.dial(t)
			c.send(fmt.Sprintf("POST /read?id=both%d HTTP/1.1\r\nHost: t\r\n%s\r\n5\r\nhello\r\n0\r\n\r\n", i, headers) +
				request("GET", "/smuggled", ""))
			r := c.response("POST")
			if r.Status != 400 {
				r.want(t, 200, "5") // RFC 9112, 6.3: Transfer-Encoding overrides
			}
			c.ended()
		}
		if n := s.eventCount(t, "smuggled"); n != 0 {
			t.Errorf("%d requests were served behind ambiguous ones", n)
		}
	})
}
