package pyhost

import (
	"strings"
	"testing"
)

// literal calls start_response with Python literals. refused is what it raised, "" if it
// took them.
func literal(t *testing.T, status, headers string) (a answer, refused string) {
	t.Helper()
	a = exchange(t, site.tcp, request("POST", "/literal", "("+status+", "+headers+")"))
	if strings.HasPrefix(a.head, "HTTP/1.1 299 Refused\r\n") {
		return a, a.body
	}
	return a, ""
}

// PEP 3333, "The start_response() Callable": the status is "a status string of the form
// '999 Message here'".
func TestStatus(t *testing.T) {
	for given, line := range map[string]string{
		`'200 OK'`:                     "200 OK",
		`'200 '`:                       "200 ",
		`'999 Beyond all'`:             "999 Beyond all",
		`'404 Nicht \xe4hnlich: \xff'`: "404 Nicht \xe4hnlich: \xff",
		`'200 \x80'`:                   "200 \x80", // no control character in latin-1's ASCII half
	} {
		a, refused := literal(t, given, "[]")
		if refused != "" {
			t.Errorf("%s is refused: %s", given, refused)
			continue
		}
		a.wantHead(t, "HTTP/1.1 "+line)
	}
	const form = `ValueError: the status must look like "200 OK", from 200 to 999, not `
	for given, want := range map[string]string{
		`200`:                "TypeError: the status must be a str, not int: 200",
		`b'200 OK'`:          "TypeError: the status must be a str, not bytes: b'200 OK'",
		`None`:               "TypeError: the status must be a str, not NoneType: None",
		`''`:                 form + "''",
		`'200'`:              form + "'200'",
		`'200OK'`:            form + "'200OK'",
		`'200\tOK'`:          form + `'200\tOK'`,
		`'100 Continue'`:     form + "'100 Continue'",
		`'2000 OK'`:          form + "'2000 OK'",
		`' 200 OK'`:          form + "' 200 OK'",
		`'2x0 OK'`:           form + "'2x0 OK'",
		`'200 OK\r\nX-A: 1'`: `ValueError: the status has a control character: '200 OK\r\nX-A: 1'`,
		`'200 O\nK'`:         `ValueError: the status has a control character: '200 O\nK'`,
		`'200 O\x00K'`:       `ValueError: the status has a control character: '200 O\x00K'`,
		`'200 O\x7fK'`:       `ValueError: the status has a control character: '200 O\x7fK'`,
		`'200 O\tK'`:         `ValueError: the status has a control character: '200 O\tK'`,
		`'200 \u2603'`:       `ValueError: the status has a character beyond latin-1 (PEP 3333 allows only U+0000 to U+00FF): '200 \u2603'`,
		`'200 \ud800'`:       `ValueError: the status has a character beyond latin-1 (PEP 3333 allows only U+0000 to U+00FF): '200 \ud800'`,
		`'\uff12\uff10\uff10 OK'`: `ValueError: the status has a character beyond latin-1 (PEP 3333 allows only U+0000 to U+00FF): ` +
			`'\uff12\uff10\uff10 OK'`,
	} {
		if _, refused := literal(t, given, "[]"); refused != want {
			t.Errorf("%s:\n got %q\nwant %q", given, refused, want)
		}
	}
}

// Header values go out as they are, in their order.
func TestHeadersThatPass(t *testing.T) {
	for given, lines := range map[string][]string{
		`[]`:                              nil,
		`[('X-A', '')]`:                   {"X-A: "},
		`[('X-A', 'v'), ('x-a', 'w')]`:    {"X-A: v", "x-a: w"},
		`[('X-A', ' a: "b", c ')]`:        {`X-A:  a: "b", c `},
		`[('X-A', 'caf\xe9 \x80\xff')]`:   {"X-A: caf\xe9 \x80\xff"},
		"[('!#$%&\\'*+-.^_`|~0aZ', 'v')]": {"!#$%&'*+-.^_`|~0aZ: v"},
		`[('Set-Cookie', 'a=1'), ('X-A', 'v'), ('Set-Cookie', 'b=2')]`: {"Set-Cookie: a=1", "X-A: v", "Set-Cookie: b=2"},
		`[('content-length', '8')]`:                                    {"content-length: 8"},
		`[('Content-Length', '000000000000000008')]`:                   {"Content-Length: 000000000000000008"},
		`[('Connections', 'v'), ('T', 'v')]`:                           {"Connections: v", "T: v"}, // like hop-by-hop ones, but longer or shorter
	} {
		a, refused := literal(t, "'200 OK'", given)
		if refused != "" {
			t.Errorf("%s is refused: %s", given, refused)
			continue
		}
		a.wantHead(t, append([]string{"HTTP/1.1 200 OK"}, lines...)...)
	}
}

// badHeaders are lists that start_response must refuse, by a message that shows which header
// it is about.
var badHeaders = map[string]string{
	`None`:            "TypeError: the headers must be a list of tuples (name, value), not NoneType",
	`(('X-A', 'v'),)`: "TypeError: the headers must be a list of tuples (name, value), not tuple",
	`{'X-A': 'v'}`:    "TypeError: the headers must be a list of tuples (name, value), not dict",

	`[None]`:              "TypeError: each header must be a tuple (name, value), not None",
	`['X-A: v']`:          "TypeError: each header must be a tuple (name, value), not 'X-A: v'",
	`[['X-A', 'v']]`:      "TypeError: each header must be a tuple (name, value), not ['X-A', 'v']",
	`[('X-A',)]`:          "TypeError: each header must be a tuple (name, value), not ('X-A',)",
	`[('X-A', 'v', 'w')]`: "TypeError: each header must be a tuple (name, value), not ('X-A', 'v', 'w')",

	`[(b'X-A', 'v')]`:  "TypeError: a header's name must be a str, not bytes: (b'X-A', 'v')",
	`[(5, 'v')]`:       "TypeError: a header's name must be a str, not int: (5, 'v')",
	`[('X-A', b'v')]`:  "TypeError: a header's value must be a str, not bytes: ('X-A', b'v')",
	`[('X-A', 5)]`:     "TypeError: a header's value must be a str, not int: ('X-A', 5)",
	`[('X-A', None)]`:  "TypeError: a header's value must be a str, not NoneType: ('X-A', None)",
	`[('X-A', ['v'])]`: "TypeError: a header's value must be a str, not list: ('X-A', ['v'])",

	`[('X-\u2603', 'v')]`: beyondLatin1("name", `('X-\u2603', 'v')`),
	`[('X-A', '\u0100')]`: beyondLatin1("value", `('X-A', '\u0100')`),
	`[('X-A', '\udcff')]`: beyondLatin1("value", `('X-A', '\udcff')`),

	`[('', 'v')]`:          "ValueError: a header's name must be a token (RFC 9110), not ''",
	`[('X A', 'v')]`:       "ValueError: a header's name must be a token (RFC 9110), not 'X A'",
	`[('X-A ', 'v')]`:      "ValueError: a header's name must be a token (RFC 9110), not 'X-A '",
	`[('X-A:', 'v')]`:      "ValueError: a header's name must be a token (RFC 9110), not 'X-A:'",
	`[('X-\xe9', 'v')]`:    `ValueError: a header's name must be a token (RFC 9110), not 'X-\xe9'`,
	`[('X-A\r\nB', 'v')]`:  `ValueError: a header's name must be a token (RFC 9110), not 'X-A\r\nB'`,
	`[('X-A\x00', 'v')]`:   `ValueError: a header's name must be a token (RFC 9110), not 'X-A\x00'`,
	`[('X-A\x7f', 'v')]`:   `ValueError: a header's name must be a token (RFC 9110), not 'X-A\x7f'`,
	`[('"X-A"', 'v')]`:     `ValueError: a header's name must be a token (RFC 9110), not '"X-A"'`,
	`[('X-A', 'a\r\nb')]`:  `ValueError: the value of header 'X-A' has a control character: 'a\r\nb'`,
	`[('X-A', 'a\nb')]`:    `ValueError: the value of header 'X-A' has a control character: 'a\nb'`,
	`[('X-A', 'a\rb')]`:    `ValueError: the value of header 'X-A' has a control character: 'a\rb'`,
	`[('X-A', 'a\r\n b')]`: `ValueError: the value of header 'X-A' has a control character: 'a\r\n b'`,
	`[('X-A', 'a\x00b')]`:  `ValueError: the value of header 'X-A' has a control character: 'a\x00b'`,
	`[('X-A', 'a\tb')]`:    `ValueError: the value of header 'X-A' has a control character: 'a\tb'`,
	`[('X-A', '\x7f')]`:    `ValueError: the value of header 'X-A' has a control character: '\x7f'`,

	`[('Connection', 'close')]`:                          hopByHop("Connection"),
	`[('KEEP-ALIVE', 'timeout=5')]`:                      hopByHop("KEEP-ALIVE"),
	`[('Proxy-Authenticate', 'Basic')]`:                  hopByHop("Proxy-Authenticate"),
	`[('Proxy-Authorization', 'Basic')]`:                 hopByHop("Proxy-Authorization"),
	`[('te', 'trailers')]`:                               hopByHop("te"),
	`[('Trailer', 'X-A')]`:                               hopByHop("Trailer"),
	`[('Trailers', 'X-A')]`:                              hopByHop("Trailers"), // its name in RFC 2616, 13.5.1
	`[('Transfer-Encoding', 'chunked')]`:                 hopByHop("Transfer-Encoding"),
	`[('Upgrade', 'websocket')]`:                         hopByHop("Upgrade"),
	`[('Content-Length', '')]`:                           "ValueError: Content-Length must be a number of bytes, not ''",
	`[('Content-Length', 'x')]`:                          "ValueError: Content-Length must be a number of bytes, not 'x'",
	`[('content-length', '-1')]`:                         "ValueError: Content-Length must be a number of bytes, not '-1'",
	`[('Content-Length', '+8')]`:                         "ValueError: Content-Length must be a number of bytes, not '+8'",
	`[('Content-Length', ' 8')]`:                         "ValueError: Content-Length must be a number of bytes, not ' 8'",
	`[('Content-Length', '8, 8')]`:                       "ValueError: Content-Length must be a number of bytes, not '8, 8'",
	`[('Content-Length', '0x8')]`:                        "ValueError: Content-Length must be a number of bytes, not '0x8'",
	`[('Content-Length', '\xb2')]`:                       `ValueError: Content-Length must be a number of bytes, not '\xb2'`, // ², for isdigit() a digit
	`[('Content-Length', '1000000000000000000')]`:        "ValueError: Content-Length must be a number of bytes, not '1000000000000000000'",
	`[('Content-Length', '8'), ('CONTENT-LENGTH', '8')]`: "ValueError: Content-Length was given twice",
}

func beyondLatin1(what, header string) string {
	return "ValueError: a header's " + what + " has a character beyond latin-1 (PEP 3333 allows only U+0000 to U+00FF): " + header
}

func hopByHop(name string) string {
	return "ValueError: header '" + name + "' is hop-by-hop: the server's business, not the app's (PEP 3333)"
}

func TestHeadersThatFail(t *testing.T) {
	for given, want := range badHeaders {
		_, refused := literal(t, "'200 OK'", given)
		// ² and its like come back as the answer's ASCII spells them.
		if got := strings.ReplaceAll(refused, `\\`, `\`); got != want {
			t.Errorf("%s:\n got %q\nwant %q", given, got, want)
		}
	}
}

// Left to the server, the same exceptions answer 500, and the log has the message with the
// request's line.
func TestRefusedHeaderIsLogged(t *testing.T) {
	for how := range ways {
		mark := site.journal.mark()
		a := exchange(t, site.tcp, request("POST", "/fuzzed?how="+how, packed("200 OK", "X-Fine", "v", "X-Split", "a\r\nX-Injected: 1")))
		a.wantCrash(t)
		text := site.journal.since(mark)
		for _, word := range []string{"POST /fuzzed?how=" + how, "the value of header 'X-Split' has a control character", "app.py"} {
			if !strings.Contains(text, word) {
				t.Errorf("%s: the log lacks %q:\n%s", how, word, text)
			}
		}
	}
}

// Each character of latin-1, in each of the places where it could end a line: the model in
// fuzz_test.go knows which may stand there.
func TestEveryCharacter(t *testing.T) {
	for c := range rune(0x101) {
		text := string(c)
		for _, fields := range [][]string{
			{"200 O" + text + "K", "X-A", "v"},
			{"200 OK", "X-" + text + "A", "v"},
			{"200 OK", "X-A", "v" + text + "w"},
			{"200 OK", "X-A", text},
		} {
			a := exchange(t, site.unix, request("POST", "/fuzzed?how=list", packed(fields...)))
			status, ok := oneLine(fields[0])
			lines, _, taken := expected(fields[1:])
			if !ok || !taken {
				a.wantCrash(t)
				continue
			}
			a.wantHead(t, append([]string{"HTTP/1.1 " + status}, lines...)...)
		}
	}
}
