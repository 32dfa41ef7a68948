package bridge

import (
	"strconv"
	"strings"
	"testing"
)

func TestParseProxies(t *testing.T) {
	for _, list := range [][]string{
		nil,
		{"10.0.0.0/8"},
		{"10.1.2.3/8", "::1", "fd00::/8", "192.0.2.1", "unix"},
		{"0.0.0.0/0", "::/0"},
	} {
		if _, err := ParseProxies(list); err != nil {
			t.Errorf("%q: %v", list, err)
		}
	}
	for _, text := range []string{"", "all", "10.0.0.0/33", "10.0.0/8", "10.0.0.1:80", "[::1]", "10.0.0.1 ", "UNIX", "proxy.example"} {
		_, err := ParseProxies([]string{"10.0.0.0/8", text})
		if err == nil || !strings.Contains(err.Error(), `"`+text+`"`) || strings.Contains(err.Error(), "\n") {
			t.Errorf("%q: %v; want an error of one line that names it", text, err)
		}
	}
}

// seen is what an app sees of who asked for what.
type seen struct {
	addr, port         string // of the client
	scheme             string
	host, serverPort   string
	script             string
	forwarded, another string // what remains of X-Forwarded-For and Forwarded
}

// direct is what it sees without a proxy.
var direct = seen{addr: "192.0.2.7", port: "4321", scheme: "http", host: "a.example", serverPort: "5000"}

// through is what it sees of a request that a trusted proxy forwards.
func through(change func(*seen)) seen {
	s := direct
	change(&s)
	return s
}

var forwards = []struct {
	name    string
	trusted string // separated by spaces
	from    string // the peer; "" is a UNIX socket's
	fields  string // separated by |
	want    seen
}{
	{
		"none trusted: as they came", "", "192.0.2.7", "X-Forwarded-For: 198.51.100.1|X-Forwarded-Proto: https|Forwarded: for=x",
		through(func(s *seen) { s.forwarded, s.another = "198.51.100.1", "for=x" }),
	},
	{
		"another peer: dropped", "10.0.0.0/8", "192.0.2.7",
		"X-Forwarded-For: 198.51.100.1|x-forwarded-proto: https|X-FORWARDED-HOST: h|X-Forwarded-Port: 1|X-Forwarded-Prefix: /p|Forwarded: for=x", direct,
	},
	{"another peer, all in one prefix", "192.0.2.8/31", "192.0.2.7", "X-Forwarded-For: 198.51.100.1", direct},
	{
		"a UNIX peer that is not trusted", "0.0.0.0/0 ::/0", "", "X-Forwarded-For: 198.51.100.1",
		through(func(s *seen) { s.addr, s.port = "", "" }),
	},
	{"a TCP peer where unix is trusted", "unix", "192.0.2.7", "X-Forwarded-For: 198.51.100.1", direct},

	{"nothing forwarded", "192.0.2.7", "192.0.2.7", "", direct},
	{
		"For", "192.0.2.0/24", "192.0.2.7", "X-Forwarded-For: 198.51.100.1",
		through(func(s *seen) { s.addr, s.port, s.forwarded = "198.51.100.1", "", "198.51.100.1" }),
	},
	{
		"For, over a UNIX socket", "unix", "", "X-Forwarded-For: 198.51.100.1",
		through(func(s *seen) { s.addr, s.port, s.forwarded = "198.51.100.1", "", "198.51.100.1" }),
	},
	{
		"For, IPv6 proxy", "2001:db8::/32", "2001:db8::1", "X-Forwarded-For: 2001:db8:1::2, 2001:DB9::0:2",
		through(func(s *seen) { s.addr, s.port, s.forwarded = "2001:db9::2", "", "2001:db8:1::2, 2001:DB9::0:2" }),
	},
	{
		"For, what the client wrote itself", "192.0.2.7", "192.0.2.7", "X-Forwarded-For: 127.0.0.1, 198.51.100.1",
		through(func(s *seen) { s.addr, s.port, s.forwarded = "198.51.100.1", "", "127.0.0.1, 198.51.100.1" }),
	},
	{
		"For, a chain of proxies", "192.0.2.7 10.0.0.0/8", "192.0.2.7", "X-Forwarded-For: 127.0.0.1, 198.51.100.1,10.0.0.1 , 10.2.3.4",
		through(func(s *seen) {
			s.addr, s.port, s.forwarded = "198.51.100.1", "", "127.0.0.1, 198.51.100.1,10.0.0.1 , 10.2.3.4"
		}),
	},
	{
		"For, in several fields", "192.0.2.7 10.0.0.0/8", "192.0.2.7", "X-Forwarded-For: 198.51.100.1|X-Forwarded-For: 10.0.0.1",
		through(func(s *seen) { s.addr, s.port, s.forwarded = "198.51.100.1", "", "198.51.100.1,10.0.0.1" }),
	},
	{
		"For, all of them proxies: the first", "192.0.2.7 10.0.0.0/8", "192.0.2.7", "X-Forwarded-For: 10.0.0.1, 10.0.0.2",
		through(func(s *seen) { s.addr, s.port, s.forwarded = "10.0.0.1", "", "10.0.0.1, 10.0.0.2" }),
	},
	{
		"For, with ports", "192.0.2.7 10.0.0.0/8", "192.0.2.7", "X-Forwarded-For: 198.51.100.1:99, 10.0.0.1:1",
		through(func(s *seen) { s.addr, s.port, s.forwarded = "198.51.100.1", "", "198.51.100.1:99, 10.0.0.1:1" }),
	},
	{
		"For, IPv6 in brackets", "192.0.2.7", "192.0.2.7", "X-Forwarded-For: [2001:db8::5]:99",
		through(func(s *seen) { s.addr, s.port, s.forwarded = "2001:db8::5", "", "[2001:db8::5]:99" }),
	},
	{
		"For, IPv4 in IPv6", "192.0.2.7", "192.0.2.7", "X-Forwarded-For: ::ffff:198.51.100.1",
		through(func(s *seen) { s.addr, s.port, s.forwarded = "198.51.100.1", "", "::ffff:198.51.100.1" }),
	},
	{
		"For, no address", "192.0.2.7", "192.0.2.7", "X-Forwarded-For: unknown",
		through(func(s *seen) { s.forwarded = "unknown" }),
	},
	{"For, empty", "192.0.2.7", "192.0.2.7", "X-Forwarded-For:", direct},

	{
		"Proto", "192.0.2.7", "192.0.2.7", "X-Forwarded-Proto: HTTPS",
		through(func(s *seen) { s.scheme, s.serverPort = "https", "443" }),
	},
	{
		"Proto, the last", "192.0.2.7", "192.0.2.7", "X-Forwarded-Proto: https, http",
		through(func(s *seen) { s.serverPort = "80" }),
	},
	{"Proto, unknown", "192.0.2.7", "192.0.2.7", "X-Forwarded-Proto: javascript", direct},

	{
		"Host", "192.0.2.7", "192.0.2.7", "X-Forwarded-Host: shop.example",
		through(func(s *seen) { s.host = "shop.example" }),
	},
	{
		"Host with port", "192.0.2.7", "192.0.2.7", "X-Forwarded-Host: evil.example, shop.example:8443",
		through(func(s *seen) { s.host, s.serverPort = "shop.example:8443", "8443" }),
	},
	{
		"Host, IPv6", "192.0.2.7", "192.0.2.7", "X-Forwarded-Host: [2001:db8::1]|X-Forwarded-Proto: https",
		through(func(s *seen) { s.host, s.scheme, s.serverPort = "[2001:db8::1]", "https", "443" }),
	},
	{
		"Host, IPv6 with port", "192.0.2.7", "192.0.2.7", "X-Forwarded-Host: [2001:db8::1]:8443",
		through(func(s *seen) { s.host, s.serverPort = "[2001:db8::1]:8443", "8443" }),
	},
	{"Host, malformed", "192.0.2.7", "192.0.2.7", "X-Forwarded-Host: a/b", direct},
	{"Host, malformed: spaces", "192.0.2.7", "192.0.2.7", "X-Forwarded-Host: a b", direct},
	{"Host, malformed: userinfo", "192.0.2.7", "192.0.2.7", "X-Forwarded-Host: u@b", direct},
	{"Host, malformed: bytes", "192.0.2.7", "192.0.2.7", "X-Forwarded-Host: caf\xe9", direct},

	{
		"Port", "192.0.2.7", "192.0.2.7", "X-Forwarded-Proto: https|X-Forwarded-Host: h:1|X-Forwarded-Port: 8443",
		through(func(s *seen) { s.scheme, s.host, s.serverPort = "https", "h:1", "8443" }),
	},
	{"Port, malformed", "192.0.2.7", "192.0.2.7", "X-Forwarded-Port: -1", direct},
	{"Port, too long", "192.0.2.7", "192.0.2.7", "X-Forwarded-Port: 100000", direct},

	{"Prefix", "192.0.2.7", "192.0.2.7", "X-Forwarded-Prefix: /shop/", through(func(s *seen) { s.script = "/shop" })},
	{"Prefix, the root", "192.0.2.7", "192.0.2.7", "X-Forwarded-Prefix: /", direct},
	{"Prefix, relative", "192.0.2.7", "192.0.2.7", "X-Forwarded-Prefix: shop", direct},
	{"Prefix, another host", "192.0.2.7", "192.0.2.7", "X-Forwarded-Prefix: //evil.example", direct},
}

func TestProxies(t *testing.T) {
	for _, test := range forwards {
		t.Run(test.name, func(t *testing.T) {
			if got := appSees(t, test.trusted, test.from, test.fields, ""); got != test.want {
				t.Errorf("\n got %+v\nwant %+v", got, test.want)
			}
		})
	}
}

func appSees(t *testing.T, trusted, from, fields, mount string) seen {
	t.Helper()
	proxies, err := ParseProxies(strings.Fields(trusted))
	if err != nil {
		t.Fatal(err)
	}
	s := &Server{Limits: lenient, Proxies: proxies, Mounts: Mounts{{Prefix: mount}}}
	at := here
	if at.remoteAddr = from; from == "" {
		at.remotePort = ""
	}
	lines := []string{}
	if fields != "" {
		lines = strings.Split(fields, "|")
	}
	c := receiver(t, s, newSink(t), at, from == "", head("GET "+mount+"/x", lines...))
	call, err := c.prepared()
	if err != nil {
		t.Fatal(err)
	}
	if c.at != at {
		t.Errorf("the request changed its connection's endpoint: %+v", c.at)
	}
	if path := value(call, "PATH_INFO"); path != "/x" {
		t.Errorf("PATH_INFO %q", path)
	}
	return seen{
		value(call, "REMOTE_ADDR"), value(call, "REMOTE_PORT"), value(call, "wsgi.url_scheme"),
		value(call, "HTTP_HOST"), value(call, "SERVER_PORT"), value(call, "SCRIPT_NAME"),
		value(call, "HTTP_X_FORWARDED_FOR"), value(call, "HTTP_FORWARDED"),
	}
}

// TestProxyPrefixAndMount: what the proxy took off stands before the mount point.
func TestProxyPrefixAndMount(t *testing.T) {
	got := appSees(t, "192.0.2.7", "192.0.2.7", "X-Forwarded-Prefix: /shop", "/app")
	if got.script != "/shop/app" {
		t.Errorf("SCRIPT_NAME %q", got.script)
	}
}

// TestProxyHostPort: SERVER_PORT is a number, never empty (PEP 3333), whatever the proxy
// passes on of the client's Host.
func TestProxyHostPort(t *testing.T) {
	for _, host := range []string{"h:", "h:http", "h:-1", "a:b:c", "[::1]x:y", "h:123456"} {
		got := appSees(t, "192.0.2.7", "192.0.2.7", "X-Forwarded-Host: "+host, "")
		if _, err := strconv.ParseUint(got.serverPort, 10, 16); err != nil {
			t.Errorf("X-Forwarded-Host %q: SERVER_PORT %q", host, got.serverPort)
		}
	}
}

// TestProxyMapped: an IPv4 address is the same in its IPv6 form, which is what a dual-stack
// listener's peers and some configurations have.
func TestProxyMapped(t *testing.T) {
	for _, trusted := range []string{"::ffff:192.0.2.7", "::ffff:192.0.2.0/120"} {
		got := appSees(t, trusted, "192.0.2.7", "X-Forwarded-For: 198.51.100.1", "")
		if got.addr != "198.51.100.1" {
			t.Errorf("peer 192.0.2.7 is not trusted by %s: REMOTE_ADDR %q", trusted, got.addr)
		}
	}
}
