package pyhost

import (
	"encoding/binary"
	"strconv"
	"strings"
	"testing"
)

// ways are the orders in which the app can call start_response and give its body, "accepted",
// with what chunked framing makes of it.
var ways = map[string]string{
	"list":        "",
	"generator":   "3\r\nacc\r\n5\r\nepted\r\n0\r\n\r\n",
	"write":       "3\r\nacc\r\n5\r\nepted\r\n0\r\n\r\n",
	"replacement": "",
}

// way picks one of them by a fuzzed byte.
func way(b byte) string { return []string{"list", "generator", "write", "replacement"}[b%4] }

// packed is the body that /fuzzed reads.
func packed(fields ...string) string {
	var b []byte
	for _, f := range fields {
		b = binary.BigEndian.AppendUint32(b, uint32(len(f)))
		b = append(b, f...)
	}
	return string(b)
}

// latin1 is the wire form of a str with these characters, if it has one. Bytes that are not
// UTF-8 reach the app as lone surrogates, which are beyond latin-1 as U+FFFD is.
func latin1(text string) (wire string, ok bool) {
	var b []byte
	for _, r := range text {
		if r > 0xff {
			return "", false
		}
		b = append(b, byte(r))
	}
	return string(b), true
}

// oneLine tells whether PEP 3333 allows the text in a status or value: latin-1, and "must
// not include control characters".
func oneLine(text string) (wire string, ok bool) {
	wire, ok = latin1(text)
	return wire, ok && !strings.ContainsFunc(wire, func(r rune) bool { return r < 0x20 || r == 0x7f })
}

// token tells whether a name is one (RFC 9110, section 5.6.2).
func token(name string) bool {
	const others = "!#$%&'*+-.^_`|~"
	for i := range len(name) {
		c := name[i]
		if !('0' <= c && c <= '9' || 'a' <= c|0x20 && c|0x20 <= 'z' || strings.IndexByte(others, c) >= 0) {
			return false
		}
	}
	return name != ""
}

// hops are the names that the server keeps for itself.
var hops = map[string]bool{
	"connection": true, "keep-alive": true, "proxy-authenticate": true, "proxy-authorization": true, "te": true,
	"trailer": true, "trailers": true, "transfer-encoding": true, "upgrade": true,
}

// expected is what must become of a list of headers: its lines, or a refusal, and the length
// that it announces, or -1. It says in Go once more what ph_start_response.c decides in C.
func expected(headers []string) (lines []string, length int, ok bool) {
	length = -1
	for ; len(headers) > 0; headers = headers[2:] {
		name, value := headers[0], headers[1]
		wire, ok := oneLine(value)
		if !ok || !token(name) || hops[strings.ToLower(name)] {
			return nil, 0, false
		}
		if strings.EqualFold(name, "Content-Length") {
			n, err := strconv.ParseUint(value, 10, 62)
			if err != nil || length >= 0 || len(value) > 18 {
				return nil, 0, false
			}
			length = int(n)
		}
		lines = append(lines, name+": "+wire)
	}
	return lines, length, true
}

// wantBody asserts the app's body behind a head with an announced length, or without.
func (a answer) wantBody(t *testing.T, how string, length int) {
	t.Helper()
	body := "accepted"
	switch {
	case length >= 0:
		body = body[:min(length, len(body))]
	case ways[how] != "":
		body = ways[how]
	}
	if a.body != body {
		t.Fatalf("%s: body %q, want %q", how, a.body, body)
	}
}

// FuzzHeaders: two headers of any text go out as they are, or the answer is a plain 500. Nothing
// that an app passes on from its users can add a line.
func FuzzHeaders(f *testing.F) {
	for _, seed := range [][4]string{
		{"X-A", "v", "X-B", "w"},
		{"Set-Cookie", "a=1; Path=/", "Set-Cookie", "a=1"},
		{"X-A", "a\r\nX-Injected: 1", "X-B", "\r\n\r\nHTTP/1.1 200 OK"},
		{"X-A\r\nX-Injected", "v", "", ""},
		{"X-A", "a\nb", "X-B", "a\rb"},
		{"X-A", "caf\u00e9\u0100", "X-B\u00e9", "\xff"},
		{"Content-Length", "3", "X-B", "\u00ff"},
		{"Content-Length", "8", "content-length", "8"},
		{"Content-Length", "18446744073709551617", "Content-Length", "-1"},
		{"Transfer-Encoding", "chunked", "Connection", "upgrade"},
		{"transfer-encoding ", "chunked", "X-B:", "\x00\x7f\t"},
		{"Server", "mine", "Date", "never"},
	} {
		for how := range byte(len(ways)) {
			f.Add(how, seed[0], seed[1], seed[2], seed[3])
		}
	}
	f.Fuzz(func(t *testing.T, how byte, name1, value1, name2, value2 string) {
		headers := []string{name1, value1, name2, value2}
		a := exchange(t, site.unix, request("POST", "/fuzzed?how="+way(how), packed(append([]string{"200 OK"}, headers...)...)))
		lines, length, ok := expected(headers)
		if !ok {
			a.wantCrash(t)
			return
		}
		a.wantHead(t, append([]string{"HTTP/1.1 200 OK"}, lines...)...)
		a.wantBody(t, way(how), length)
	})
}

// FuzzStatus is the same for a status.
func FuzzStatus(f *testing.F) {
	for _, seed := range []string{
		"200 OK", "404 Not Found", "200 ", "999 x", "204 No Content", "304 Not Modified", "100 Continue", "200", "", "2000 OK",
		"200 OK\r\nX-Injected: 1", "200 OK\r\n\r\nbody", "200 \x00", "200 caf\u00e9", "200 \u2603", "200 \xff", "\u0662\u0660\u0660 OK",
	} {
		for how := range byte(len(ways)) {
			f.Add(how, seed)
		}
	}
	f.Fuzz(func(t *testing.T, how byte, status string) {
		a := exchange(t, site.unix, request("POST", "/fuzzed?how="+way(how), packed(status, "X-A", "v")))
		line, ok := oneLine(status)
		if !ok || len(line) < 4 || line[3] != ' ' || line < "200" || strings.Trim(line[:3], "0123456789") != "" {
			a.wantCrash(t)
			return
		}
		a.wantHead(t, "HTTP/1.1 "+line, "X-A: v")
		if code := line[:3]; code == "204" || code == "304" {
			if a.body != "" || strings.Contains(a.head, "Transfer-Encoding") {
				t.Fatalf("%q %q: a response without a body has one", a.head, a.body)
			}
			return
		}
		a.wantBody(t, way(how), -1)
	})
}
