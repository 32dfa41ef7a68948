package blackbox

import (
	"net"
	"strings"
	"testing"
)

var forwarded = []string{
	"X-Forwarded-For: 203.0.113.9", "X-Forwarded-Proto: https", "X-Forwarded-Host: public.example", "X-Forwarded-Prefix: /pre",
}

// Clause: "X-Forwarded-* only from --trusted-proxy CIDR".
func TestForwardedHeadersFromStrangersChangeNothing(t *testing.T) {
	run(t, both, func(t *testing.T, v variant) {
		for name, args := range map[string][]string{
			"no proxy trusted":    nil,
			"other proxy trusted": {"--trusted-proxy", "10.0.0.0/8"},
		} {
			t.Run(name, func(t *testing.T) {
				s := v.start(t, launch{App: "environ", Args: args})
				s.environ(t, request("GET", "/x", "", forwarded...)).want(t,
					"REMOTE_ADDR", "127.0.0.1", "wsgi.url_scheme", "http", "HTTP_HOST", "test",
					"SCRIPT_NAME", "", "PATH_INFO", "/x")
			})
		}
	})
}

func TestForwardedHeadersFromTrustedProxy(t *testing.T) {
	run(t, both, func(t *testing.T, v variant) {
		s := v.start(t, launch{App: "environ", Args: []string{
			"--trusted-proxy", "127.0.0.0/8", "--trusted-proxy", "10.0.0.0/8",
		}})
		for _, c := range []struct {
			name  string
			lines []string
			want  []string
		}{
			{"all four", forwarded, []string{
				"REMOTE_ADDR", "203.0.113.9", "wsgi.url_scheme", "https", "HTTP_HOST", "public.example",
				"SCRIPT_NAME", "/pre", "PATH_INFO", "/x",
			}},
			{"none", nil, []string{"REMOTE_ADDR", "127.0.0.1", "wsgi.url_scheme", "http", "HTTP_HOST", "test", "SCRIPT_NAME", ""}},
			// The client can write the left end of the list itself: the first untrusted from the right counts.
			{"spoofed entry", []string{"X-Forwarded-For: 6.6.6.6, 203.0.113.9"}, []string{"REMOTE_ADDR", "203.0.113.9"}},
			{"chain of trusted proxies", []string{"X-Forwarded-For: 203.0.113.9, 10.1.2.3"}, []string{"REMOTE_ADDR", "203.0.113.9"}},
			{"two lines are one list", []string{"X-Forwarded-For: 6.6.6.6", "X-Forwarded-For: 203.0.113.9"}, []string{"REMOTE_ADDR", "203.0.113.9"}},
			{"ipv6 client", []string{"X-Forwarded-For: 2001:db8::7"}, []string{"REMOTE_ADDR", "2001:db8::7"}},
			{"scheme in capitals", []string{"X-Forwarded-Proto: HTTPS"}, []string{"wsgi.url_scheme", "https"}},
			{"unknown scheme", []string{"X-Forwarded-Proto: javascript"}, []string{"wsgi.url_scheme", "http"}},
			{"prefix with final slash", []string{"X-Forwarded-Prefix: /pre/"}, []string{"SCRIPT_NAME", "/pre", "PATH_INFO", "/x"}},
			{"root prefix", []string{"X-Forwarded-Prefix: /"}, []string{"SCRIPT_NAME", "", "PATH_INFO", "/x"}},
		} {
			t.Run(c.name, func(t *testing.T) {
				s.environ(t, request("GET", "/x", "", c.lines...)).want(t, c.want...)
			})
		}
		t.Run("nonsense", func(t *testing.T) { testForwardedNonsense(t, s) })
	})
}

// Even a trusted proxy passes on what clients invent; none of it may reach the app as an
// address that isn't one, or as a SCRIPT_NAME that makes url_for point at another host.
func testForwardedNonsense(t *testing.T, s *server) {
	for _, line := range []string{
		"X-Forwarded-For: unknown", "X-Forwarded-For: ", "X-Forwarded-For: ,,,", "X-Forwarded-For: 1.2.3.4.5",
		"X-Forwarded-For: <script>", "X-Forwarded-Prefix: //evil.example", "X-Forwarded-Prefix: evil",
		"X-Forwarded-Prefix: https://evil.example/", "X-Forwarded-Host: ", "X-Forwarded-Host: a b",
		"X-Forwarded-Host: evil.example/path", "X-Forwarded-Proto: ", "X-Forwarded-Proto: http, https",
	} {
		e := s.environ(t, request("GET", "/x", "", line))
		if net.ParseIP(e["REMOTE_ADDR"]) == nil {
			t.Errorf("%s: REMOTE_ADDR = %q", line, e["REMOTE_ADDR"])
		}
		if p := e["SCRIPT_NAME"]; p != "" && (p[0] != '/' || strings.HasPrefix(p, "//")) {
			t.Errorf("%s: SCRIPT_NAME = %q", line, p)
		}
		if h := e["HTTP_HOST"]; h == "" || strings.ContainsAny(h, " /") {
			t.Errorf("%s: HTTP_HOST = %q", line, h)
		}
		if sch := e["wsgi.url_scheme"]; sch != "http" && sch != "https" {
			t.Errorf("%s: wsgi.url_scheme = %q", line, sch)
		}
	}
}

// --script-name and X-Forwarded-Prefix together: the prefix is what the proxy took away,
// so it comes first.
func TestForwardedPrefixBeforeScriptName(t *testing.T) {
	run(t, both, func(t *testing.T, v variant) {
		s := v.start(t, launch{App: "environ", Args: []string{"--trusted-proxy", "127.0.0.1/32", "--script-name", "/app"}})
		s.environ(t, request("GET", "/app/x", "", "X-Forwarded-Prefix: /pre")).want(t,
			"SCRIPT_NAME", "/pre/app", "PATH_INFO", "/x")
	})
}
