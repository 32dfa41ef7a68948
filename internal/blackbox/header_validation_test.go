package blackbox

import (
	"fmt"
	"strings"
	"testing"
)

const contentType = "('Content-Type', 'text/plain')"

// Python literals for a status that start_response must take, and what the line then says.
var goodStatuses = map[string]string{
	`'200 OK'`:                "200 OK",
	`'404 Not Found'`:         "404 Not Found",
	`'299 Quite custom: (a)'`: "299 Quite custom: (a)",
	`'599 x'`:                 "599 x",
	`'418 I\'m a teapot'`:     "418 I'm a teapot",
}

// Clause: "status … validation (types, CR/LF, … no control characters)".
var badStatuses = []string{
	`200`, `b'200 OK'`, `None`, `['200 OK']`, `''`, `'OK'`, `'20 OK'`, `'2000 OK'`, `'2x0 OK'`, `' 200 OK'`,
	`'-20 OK'`, `'099 Low'`, `'200OK'`, `'200 OK\r\nX-Injected: 1'`, `'200 OK\nX-Injected: 1'`, `'200 O\rK'`,
	`'200 O\x00K'`, `'200 O\x1bK'`, `'200 O\x7fK'`, `'200 \u2603'`, `'２００ OK'`,
}

// Python literals for header lists that must go out, and the line that they become.
var goodHeaders = map[string]string{
	`[('X-A', 'v')]`:                         "X-A: v",
	`[('X-A', '')]`:                          "X-A:",
	`[('X-A', 'a: b, c; \"d\"')]`:            "X-A: a: b, c; \"d\"",
	`[('X-A', 'caf\xe9')]`:                   "X-A: caf\xe9",
	`[('X_Under', 'v')]`:                     "X_Under: v",
	`[('X-A!#$%&\'*+.^` + "`" + `|~', 'v')]`: "X-A!#$%&'*+.^`|~: v",
	`[('X-A', '\x80\xff')]`:                  "X-A: \x80\xff",
}

// Clause: "header validation (types, CR/LF, hop-by-hop, no control characters)".
var badHeaders = []string{
	// Types: PEP 3333 wants a list of (name, value) tuples of str.
	`None`, `5`, `'X-A: v'`, `[None]`, `['X-A: v']`, `[('X-A',)]`, `[('X-A', 'v', 'w')]`,
	`[(b'X-A', 'v')]`, `[('X-A', b'v')]`, `[('X-A', 5)]`, `[('X-A', None)]`, `[(5, 'v')]`, `[('X-A', ['v'])]`,
	// Names are tokens.
	`[('', 'v')]`, `[('X A', 'v')]`, `[('X-A ', 'v')]`, `[(' X-A', 'v')]`, `[('X-A:', 'v')]`, `[('X-A\r\nX-Injected', 'v')]`,
	`[('X-A\n', 'v')]`, `[('X-A\x00', 'v')]`, `[('X-\xe9', 'v')]`, `[('X-\u2603', 'v')]`, `[('X(A)', 'v')]`,
	// Values are one line of latin-1.
	`[('X-A', 'a\r\nX-Injected: 1')]`, `[('X-A', 'a\nX-Injected: 1')]`, `[('X-A', 'a\rb')]`, `[('X-A', 'a\n b')]`,
	`[('X-A', 'a\x00b')]`, `[('X-A', 'a\x01b')]`, `[('X-A', 'a\x1fb')]`, `[('X-A', 'a\x7fb')]`, `[('X-A', '\u2603')]`,
	`[('X-A', '\ud800')]`, `[('X-A', 'v\r\n')]`,
	// Hop-by-hop headers are the server's.
	`[('Connection', 'close')]`, `[('connection', 'keep-alive')]`, `[('Keep-Alive', 'timeout=5')]`,
	`[('Transfer-Encoding', 'chunked')]`, `[('TE', 'trailers')]`, `[('Trailer', 'X-T')]`, `[('Upgrade', 'h2c')]`,
	`[('Proxy-Authenticate', 'Basic')]`, `[('Proxy-Authorization', 'x')]`,
	// A length that isn't one would let the client read the next answer as this one's body.
	`[('Content-Length', 'x')]`, `[('Content-Length', '-1')]`, `[('Content-Length', '+8')]`, `[('Content-Length', '8, 8')]`,
	`[('Content-Length', '8'), ('Content-Length', '9')]`, `[('Content-Length', '0x8')]`, `[('Content-Length', '')]`,
	`[('Content-Length', '99999999999999999999')]`,
}

func TestStatusAndHeadersThatPass(t *testing.T) {
	run(t, plain, func(t *testing.T, v variant) {
		s := v.start(t, launch{App: "start_response"})
		for literal, want := range goodStatuses {
			r := s.get(t, query("/given", "status", literal))
			if r.Err != nil || string(r.Body) != "accepted" || !strings.HasPrefix(r.Head, "HTTP/1.1 "+want+"\r\n") {
				t.Errorf("status %s gives %.200q %q", literal, r.Head, r.Body)
			}
		}
		for literal, want := range goodHeaders {
			r := s.get(t, query("/given", "headers", literal))
			r.want(t, 200, "accepted")
			line := strings.TrimSpace(strings.Replace(r.Head, want+" \r\n", want+"\r\n", 1))
			if !strings.Contains(line+"\r\n", "\r\n"+want+"\r\n") {
				t.Errorf("headers %s give %q, want line %q", literal, r.Head, want)
			}
		}
	})
}

// Each is refused where the app called start_response (so that it can handle it), and
// when it doesn't, the client gets a plain 500 and nothing of the value.
func TestStatusAndHeadersThatFail(t *testing.T) {
	run(t, plain, func(t *testing.T, v variant) {
		s := v.start(t, launch{App: "start_response"})
		for _, literal := range badStatuses {
			t.Run("status "+literal, func(t *testing.T) { testRefused(t, s, "status", literal) })
		}
		for _, literal := range badHeaders {
			t.Run("headers "+literal, func(t *testing.T) { testRefused(t, s, "headers", literal) })
			if inList, ok := strings.CutPrefix(literal, "[("); ok {
				// In second place, too: not only the first pair is looked at.
				literal := "[" + contentType + ", (" + inList
				t.Run("headers "+literal, func(t *testing.T) { testRefused(t, s, "headers", literal) })
			}
		}
		for _, kind := range []string{"generator", "dict"} {
			t.Run(kind, func(t *testing.T) { s.get(t, query("/odd-headers", "kind", kind)).wantStatus(t, 500) })
		}
	})
}

func testRefused(t *testing.T, s *server, what, literal string) {
	t.Helper()
	r := s.get(t, query("/given", what, literal))
	if r.Status != 500 || r.Reason != "Refused" {
		t.Errorf("the call did not raise: %q %.200q", r.Head, r.Body)
	}
	r = s.get(t, query("/given", what, literal, "raise", "1"))
	r.wantCrash(t)
	if strings.Contains(r.Head, "Injected") {
		t.Errorf("injected: %q", r.Head)
	}
}

// A refused call leaves the request as it was: the app may call again without exc_info.
func TestErrorsNameTheMistake(t *testing.T) {
	run(t, plain, func(t *testing.T, v variant) {
		s := v.start(t, launch{App: "start_response"})
		for _, c := range []struct{ what, literal, word string }{
			{"status", `200`, "int"},
			{"status", `b'200 OK'`, "bytes"},
			{"headers", `None`, "NoneType"},
			{"headers", `[('X-A', 5)]`, "X-A"},
			{"headers", `[('Connection', 'close')]`, "hop-by-hop"},
		} {
			body := string(s.get(t, query("/given", c.what, c.literal)).Body)
			if !strings.Contains(body, c.word) {
				t.Errorf("%s", fmt.Sprintf("%s %s: message %q does not mention %q", c.what, c.literal, body, c.word))
			}
		}
	})
}
