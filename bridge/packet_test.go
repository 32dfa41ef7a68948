package bridge

import (
	"cmp"
	"encoding/binary"
	"fmt"
	"iter"
	"log/slog"
	"net"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/gowsgi/gowsgi/internal/accesslog"
	"github.com/gowsgi/gowsgi/internal/uwsgi"
)

// serveUWSGI is serve with another listener, of the uwsgi protocol: dial goes there.
func serveUWSGI(t testing.TB, s *Server, apps ...app) *front {
	t.Helper()
	f := serve(t, s, apps...)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	f.addr = l.Addr()
	served := make(chan error, 1)
	go func() { served <- s.ServeUWSGI(l) }()
	t.Cleanup(func() {
		f.shutdown()
		if err := receive(t, "ServeUWSGI returns", served); err != nil {
			t.Errorf("ServeUWSGI: %v", err)
		}
	})
	return f
}

// packetOf makes a packet of KEY=value texts.
func packetOf(modifier byte, vars ...string) string {
	var data []byte
	for _, text := range vars {
		key, value, _ := strings.Cut(text, "=")
		for _, part := range []string{key, value} {
			data = binary.LittleEndian.AppendUint16(data, uint16(len(part)))
			data = append(data, part...)
		}
	}
	head := []byte{modifier, 0, 0, 0}
	binary.LittleEndian.PutUint16(head[1:], uint16(len(data)))
	return string(head) + string(data)
}

// get is what nginx sends for a GET, at least, with more behind.
func get(path string, more ...string) string {
	return packetOf(0, append([]string{
		"QUERY_STRING=", "REQUEST_METHOD=GET", "CONTENT_TYPE=", "CONTENT_LENGTH=", "REQUEST_URI=" + path, "PATH_INFO=" + path,
		"SERVER_PROTOCOL=HTTP/1.1", "REMOTE_ADDR=192.0.2.7", "REMOTE_PORT=4711", "SERVER_PORT=443", "SERVER_NAME=example.org",
	}, more...)...)
}

// collected sends the environs of requests to a channel.
func collected(t testing.TB) (chan []string, app) {
	seen := make(chan []string, 1)
	return seen, answers(func(c Request) Reply {
		got, err := pairs(c.Environ(), binary.NativeEndian.Uint32)
		if err != nil {
			t.Error(err)
		}
		seen <- got
		return start("200 OK").whole("")
	})
}

// TestPacketEnviron: from the variables to the environ. want lists pairs, and keys that must not be there after a "!".
func TestPacketEnviron(t *testing.T) {
	for _, test := range []struct {
		name   string
		server *Server
		packet string
		want   []string
	}{
		{name: "nginx's", packet: get("/a", "HTTP_HOST=example.org", "HTTP_COOKIE=a=b; c=d"), want: []string{
			"REQUEST_METHOD=GET", "SCRIPT_NAME=", "PATH_INFO=/a", "QUERY_STRING=", "CONTENT_TYPE=", "CONTENT_LENGTH=", "REQUEST_URI=/a", "RAW_URI=/a",
			"SERVER_PROTOCOL=HTTP/1.1", "REMOTE_ADDR=192.0.2.7", "REMOTE_PORT=4711", "SERVER_PORT=443", "SERVER_NAME=example.org",
			"HTTP_HOST=example.org", "HTTP_COOKIE=a=b; c=d", "wsgi.url_scheme=http",
		}},
		{name: "as little as may be", packet: packetOf(0, "REQUEST_METHOD=GET"), want: []string{
			"REQUEST_METHOD=GET", "SCRIPT_NAME=", "PATH_INFO=", "QUERY_STRING=", "SERVER_PROTOCOL=HTTP/1.1", "REMOTE_ADDR=127.0.0.1", "wsgi.url_scheme=http",
		}},
		{name: "the path from the URI", packet: packetOf(0, "REQUEST_METHOD=GET", "REQUEST_URI=/a%20b?c=%20"), want: []string{"PATH_INFO=/a b", "REQUEST_URI=/a%20b?c=%20"}},
		{name: "the URI from the path", packet: packetOf(0, "REQUEST_METHOD=GET", "PATH_INFO=/a"), want: []string{"PATH_INFO=/a", "REQUEST_URI=/a"}},
		{name: "other variables", packet: get("/", "DOCUMENT_ROOT=/srv", "X_OWN=1"), want: []string{"DOCUMENT_ROOT=/srv", "X_OWN=1"}},
		{name: "the later one counts", packet: get("/a", "PATH_INFO=/b", "SERVER_NAME=other"), want: []string{"PATH_INFO=/b", "SERVER_NAME=other"}},

		{name: "HTTPS", packet: get("/", "HTTPS=on"), want: []string{"wsgi.url_scheme=https", "HTTPS=on"}},
		{name: "no HTTPS", packet: get("/", "HTTPS="), want: []string{"wsgi.url_scheme=http"}},
		{name: "REQUEST_SCHEME", packet: get("/", "REQUEST_SCHEME=https"), want: []string{"wsgi.url_scheme=https", "REQUEST_SCHEME=https"}},
		{name: "UWSGI_SCHEME", packet: get("/", "UWSGI_SCHEME=https", "REQUEST_SCHEME=http"), want: []string{"wsgi.url_scheme=https", "!UWSGI_SCHEME"}},
		{name: "a client's X-Forwarded-Proto", packet: get("/", "HTTP_X_FORWARDED_PROTO=https"), want: []string{"wsgi.url_scheme=http", "HTTP_X_FORWARDED_PROTO=https"}},
		{
			// REMOTE_ADDR is the proxy: it has written what nginx passes on.
			name: "a trusted proxy's", server: &Server{Proxies: proxies(t, "192.0.2.7")},
			packet: get("/", "HTTP_X_FORWARDED_PROTO=https", "HTTP_X_FORWARDED_FOR=198.51.100.1", "HTTP_X_FORWARDED_HOST=a.example:8443", "HTTP_HOST=b", "HTTP_X_FORWARDED_PREFIX=/p"),
			want:   []string{"wsgi.url_scheme=https", "REMOTE_ADDR=198.51.100.1", "!REMOTE_PORT", "HTTP_HOST=a.example:8443", "SERVER_PORT=8443", "SCRIPT_NAME=/p", "PATH_INFO=/"},
		},
		{
			// nginx is trusted, and its client is not: these are that one's fields.
			name: "somebody else's", server: &Server{Proxies: proxies(t, "127.0.0.1")},
			packet: get("/", "HTTP_X_FORWARDED_PROTO=https", "HTTP_X_FORWARDED_FOR=198.51.100.1", "HTTP_FORWARDED=for=1.2.3.4"),
			want:   []string{"wsgi.url_scheme=http", "REMOTE_ADDR=192.0.2.7", "!HTTP_X_FORWARDED_PROTO", "!HTTP_X_FORWARDED_FOR", "!HTTP_FORWARDED"},
		},

		{
			name: "never obeyed", packet: get("/", "UWSGI_SCRIPT=evil", "UWSGI_MODULE=evil", "UWSGI_FILE=/tmp/evil.py", "UWSGI_CHDIR=/tmp", "UWSGI_PYHOME=/tmp",
				"UWSGI_SETENV=PATH=/tmp", "UWSGI_APPID=evil", "UWSGI_POSTFILE=/tmp/x", "UWSGI_CALLABLE=evil", "UWSGI_FASTROUTER_KEY=x"),
			want: []string{"!UWSGI_SCRIPT", "!UWSGI_MODULE", "!UWSGI_FILE", "!UWSGI_CHDIR", "!UWSGI_PYHOME", "!UWSGI_SETENV", "!UWSGI_APPID", "!UWSGI_POSTFILE", "!UWSGI_CALLABLE", "!UWSGI_FASTROUTER_KEY"},
		},
		{name: "no REMOTE_ADDR", server: &Server{Proxies: proxies(t, "127.0.0.1")}, packet: packetOf(0, "REQUEST_METHOD=GET", "HTTP_X_FORWARDED_PROTO=https"), want: []string{"wsgi.url_scheme=https", "REMOTE_ADDR=127.0.0.1"}},
		{name: "nginx's UNIX client", server: &Server{Proxies: proxies(t, "unix")}, packet: get("/", "REMOTE_ADDR=unix:", "HTTP_X_FORWARDED_PROTO=https"), want: []string{"wsgi.url_scheme=https", "REMOTE_ADDR=unix:"}},
		{name: "a length and a type by header", packet: get("/", "HTTP_CONTENT_TYPE=text/x", "HTTP_CONTENT_LENGTH=9"), want: []string{"!HTTP_CONTENT_TYPE", "!HTTP_CONTENT_LENGTH", "CONTENT_LENGTH="}},
		{name: "httpoxy", packet: get("/", "HTTP_PROXY=evil:80"), want: []string{"!HTTP_PROXY"}},
		{
			name: "the server's own", packet: get("/", "wsgi.input=x", "wsgi.url_scheme=ftp", "uwsgi.version=x", "gowsgi.x=y"),
			want: []string{"wsgi.url_scheme=http", "!wsgi.input", "!uwsgi.version", "!gowsgi.x"},
		},

		{name: "SCRIPT_NAME", packet: get("/x/y", "SCRIPT_NAME=/x"), want: []string{"SCRIPT_NAME=/x", "PATH_INFO=/x/y"}},
		{name: "modifier 30", packet: "\x1e" + get("/x/y", "SCRIPT_NAME=/x")[1:], want: []string{"SCRIPT_NAME=/x", "PATH_INFO=/y"}},
		{name: "modifier 30, elsewhere", packet: "\x1e" + get("/xy", "SCRIPT_NAME=/x")[1:], want: []string{"SCRIPT_NAME=/x", "PATH_INFO=/xy"}},
		{name: "a mount", server: &Server{Mounts: Mounts{{Prefix: "/x"}}}, packet: get("/x/y"), want: []string{"SCRIPT_NAME=/x", "PATH_INFO=/y"}},
		{name: "a mount that is named", server: &Server{Mounts: Mounts{{Prefix: "/x"}}}, packet: get("/x/y", "SCRIPT_NAME=/x"), want: []string{"SCRIPT_NAME=/x", "PATH_INFO=/y"}},
		{name: "a mount that is taken off", server: &Server{Mounts: Mounts{{Prefix: "/x"}}}, packet: get("/y", "SCRIPT_NAME=/x"), want: []string{"SCRIPT_NAME=/x", "PATH_INFO=/y"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			seen, app := collected(t)
			f := serveUWSGI(t, cmp.Or(test.server, new(Server)), app)
			c := f.dial()
			c.send(test.packet)
			c.expect("GET", 200, "")
			c.ended()
			got := receive(t, "the environ", seen)
			for _, want := range test.want {
				key, absent := strings.CutPrefix(want, "!")
				has := slices.ContainsFunc(got, func(pair string) bool { return strings.HasPrefix(pair, key+"=") })
				if absent && has || !absent && last1(got, want) != want {
					t.Errorf("want %s in\n%s", want, strings.Join(got, "\n"))
				}
			}
		})
	}
}

// last1 is the last pair with want's key: that one counts.
func last1(pairs []string, want string) (pair string) {
	key, _, _ := strings.Cut(want, "=")
	for _, p := range pairs {
		if strings.HasPrefix(p, key+"=") {
			pair = p
		}
	}
	return pair
}

func proxies(t testing.TB, list ...string) Proxies {
	t.Helper()
	p, err := ParseProxies(list)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// TestPacketBodies: small bodies are read before the app starts, larger ones stream, and what is not announced is no body.
func TestPacketBodies(t *testing.T) {
	for _, n := range []int{0, 1, 5, headBuffer, inlineBody, inlineBody + 1, 300 << 10} {
		f := serveUWSGI(t, new(Server), sizing)
		c := f.dial()
		body := strings.Repeat("x", n)
		c.send(packetOf(0, "REQUEST_METHOD=POST", "PATH_INFO=/p", fmt.Sprintf("CONTENT_LENGTH=%d", n)) + body)
		c.expect("POST", 200, fmt.Sprint(n))
		c.ended()
	}
}

// sizing answers with the size of the request's body.
var sizing = answers(func(c Request) Reply {
	inline, streams := c.Body()
	total := len(inline)
	buffer := make([]byte, 8<<10)
	for streams {
		n, err := c.ReadBody(buffer)
		total += n
		streams = err == nil
	}
	return start("200 OK").whole(fmt.Sprint(total))
})

// TestPacketSegments: how the bytes are cut into segments changes nothing.
func TestPacketSegments(t *testing.T) {
	f := serveUWSGI(t, new(Server), echo)
	raw := packetOf(0, "REQUEST_METHOD=POST", "REQUEST_URI=/x", "PATH_INFO=/x", "CONTENT_LENGTH=5") + "hello"
	for cut := 1; cut < len(raw); cut += 3 {
		c := f.dial()
		c.send(raw[:cut])
		c.send(raw[cut:])
		c.expect("POST", 200, "POST /x hello")
		c.ended()
	}
	c := f.dial()
	for _, b := range []byte(raw) {
		c.send(string(b))
	}
	c.expect("POST", 200, "POST /x hello")
}

// TestPacketResponses: there is no chunked encoding in the protocol.
func TestPacketResponses(t *testing.T) {
	stream := app(func(Request) iter.Seq2[Event, Reply] {
		return func(yield func(Event, Reply) bool) {
			_ = yield(EventChunk, start("200 OK").with("one")) && yield(EventChunk, chunk("two")) && yield(EventDone, Reply{Total: -1, FD: -1})
		}
	})
	f := serveUWSGI(t, new(Server), stream)
	c := f.dial()
	c.send(get("/x"))
	r := c.response("GET")
	if r.body != "onetwo" || !r.Close || len(r.TransferEncoding) > 0 || r.ContentLength >= 0 {
		t.Errorf("a stream: %+v", r)
	}
	c.ended()
	f = serveUWSGI(t, new(Server), echo)
	c = f.dial()
	c.send(packetOf(0, "REQUEST_METHOD=HEAD", "REQUEST_URI=/x", "PATH_INFO=/x"))
	if r := c.response("HEAD"); r.StatusCode != 200 || r.body != "" {
		t.Errorf("HEAD: %+v", r)
	}
	c.ended()
}

// TestPacketRefusals: what is no request gets an answer where there is somebody to read it, and the log says why.
func TestPacketRefusals(t *testing.T) {
	for _, test := range []struct {
		name, raw string
		status    int // 0: the connection's end
		log       string
	}{
		{"HTTP", "GET / HTTP/1.1\r\nHost: a\r\n\r\n", 400, string(uwsgi.ErrHTTP)},
		{"TLS", "\x16\x03\x01\x02\x00\x01", 0, string(uwsgi.ErrTLS)},
		{"garbage", "\xff\xff\xff\xff\xff", 0, string(uwsgi.ErrModifier)},
		{"empty", "\x00\x00\x00\x00", 0, string(uwsgi.ErrEmpty)},
		{"psgi", packetOf(5, "REQUEST_METHOD=GET"), 0, string(uwsgi.ErrModifier)},
		{"too large", packetOf(0, "REQUEST_METHOD=GET", "A="+strings.Repeat("x", 9<<10)), 431, string(uwsgi.ErrLarge)},
		{"too many", packetOf(0, slices.Repeat([]string{"A="}, uwsgi.MaxVars+1)...), 431, string(uwsgi.ErrVars)},
		{"a length that lies", "\x00\x06\x00\x00\x01\x00A\x09\x00x", 0, string(uwsgi.ErrCut)},
		{"no method", packetOf(0, "PATH_INFO=/"), 400, ""},
		{"a method that is none", packetOf(0, "REQUEST_METHOD=G T"), 400, ""},
		{"a path that is none", packetOf(0, "REQUEST_METHOD=GET", "PATH_INFO=x"), 400, ""},
		{"no length", packetOf(0, "REQUEST_METHOD=POST", "CONTENT_LENGTH=x"), 400, ""},
		{"a negative length", packetOf(0, "REQUEST_METHOD=POST", "CONTENT_LENGTH=-1"), 400, ""},
		{"too large a body", packetOf(0, "REQUEST_METHOD=POST", "CONTENT_LENGTH=1000001"), 413, ""},
		{"outside of the mounts", packetOf(0, "REQUEST_METHOD=GET", "PATH_INFO=/y"), 404, ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			limits := lenient
			limits.Head, limits.Body = 8<<10, 1000000
			f := serveUWSGI(t, &Server{Limits: limits, Mounts: Mounts{{Prefix: "/x"}}}, echo)
			c := f.dial()
			c.send(test.raw)
			if test.status != 0 {
				c.refused("GET", test.status)
			} else if _, err := c.r.ReadByte(); err == nil {
				t.Error("an answer to garbage")
			}
			until(t, "the log", func() bool { return strings.Contains(f.log.String(), test.log) })
		})
	}
}

// TestPacketGarbage: a flood of it does not flood the log.
func TestPacketGarbage(t *testing.T) {
	f := serveUWSGI(t, new(Server), echo)
	for range 50 {
		c := f.dial()
		c.send("\xff\xff\xff\xff")
		_, _ = c.r.ReadByte()
	}
	if n := strings.Count(f.log.String(), "speaks something else"); n == 0 || n > 10 {
		t.Errorf("%d lines", n)
	}
	until(t, "the connections end", func() bool { return f.Connections() == 0 })
}

// TestPacketLog: the access log has the variables' words.
func TestPacketLog(t *testing.T) {
	f := serveUWSGI(t, new(Server), echo)
	c := f.dial()
	c.send("\x1e" + get("/a?b", "HTTP_HOST=h", "HTTP_USER_AGENT=ua", "HTTP_REFERER=r", "SCRIPT_NAME=/a")[1:])
	c.response("GET")
	until(t, "the record", func() bool { return len(f.logged()) == 1 })
	r := f.logged()[0]
	got := fmt.Sprint(r.Method, r.URI, r.Proto, r.Host, r.UserAgent, r.Referer, r.Status, r.Modifier1)
	if want := "GET/a?bHTTP/1.1huar200" + " 30"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

// TestPacketHealth: the health path is the server's, also here.
func TestPacketHealth(t *testing.T) {
	f := serveUWSGI(t, &Server{Health: "/healthz"}, echo)
	c := f.dial()
	c.send(get("/healthz"))
	c.expect("GET", 200, "ok\n")
	c.ended()
}

// TestPacketRecord: what HTTP does not have, or not so.
func TestPacketRecord(t *testing.T) {
	f := serveUWSGI(t, &Server{AccessEnviron: true}, echo)
	c := f.dial()
	raw := get("/", "SERVER_PROTOCOL=HTTP/2.0", "REMOTE_USER=ann")
	c.send(raw)
	c.response("GET")
	until(t, "the record", func() bool { return len(f.logged()) == 1 })
	r := f.logged()[0]
	if r.Proto != "HTTP/2.0" || r.User != "ann" || r.PacketBytes != int64(len(raw)-4) || r.RemoteAddr != "192.0.2.7" {
		t.Errorf("logged %+v", r)
	}
}

// TestPacketLookup: the log has the variable that the app has.
func TestPacketLookup(t *testing.T) {
	found := make(chan string, 1)
	f := serveUWSGI(t, &Server{AccessEnviron: true, Access: func(r *accesslog.Record) {
		value, _ := r.Environ.Lookup("X_OWN")
		found <- value
	}}, echo)
	c := f.dial()
	c.send(get("/", "X_OWN=first", "X_OWN=second"))
	c.response("GET")
	if got := receive(t, "the variable", found); got != "second" {
		t.Errorf("got %q", got)
	}
}

// TestPacketSlow: nobody waits for a packet longer than for a head.
func TestPacketSlow(t *testing.T) {
	limits := lenient
	limits.Header = 50 * time.Millisecond
	f := serveUWSGI(t, &Server{Limits: limits}, echo)
	c := f.dial()
	c.send(get("/")[:20])
	c.ended()
	until(t, "the log", func() bool { return strings.Contains(f.log.String(), errPacketLate.Error()) })
}

// FuzzPacketEnviron: what a packet becomes can be unpacked, fits a link's slot, has what PEP 3333 wants, and nothing
// that is withheld.
func FuzzPacketEnviron(f *testing.F) {
	f.Add([]byte(get("/a%2F", "HTTP_HOST=a", "SCRIPT_NAME=/a", "HTTPS=on")), "/a")
	f.Add([]byte("\x1e"+get("/a/b", "SCRIPT_NAME=/a/", "UWSGI_FILE=x", "wsgi.input=x", "HTTP_X_FORWARDED_PREFIX=/p")[1:]), "")
	f.Add([]byte(packetOf(0, "REQUEST_METHOD=POST", "CONTENT_LENGTH=7", "REQUEST_URI=/é?b")), "/é")
	nc := newSink(f)
	trusted := proxies(f, "192.0.2.0/24")
	f.Fuzz(func(t *testing.T, raw []byte, mount string) {
		if mount != "" && (mount[0] != '/' || strings.HasSuffix(mount, "/")) {
			return
		}
		s := &Server{Limits: lenient, Mounts: Mounts{{Prefix: mount}}, Proxies: trusted, Log: slog.New(slog.DiscardHandler)}
		c := receiver(t, s, nc, here, false, string(raw))
		c.uwsgi = true
		call := &Call{conn: c}
		if call.conn.readPacket(call) != nil || call.prepare() != nil {
			return
		}
		if call.bodyAt+inlineBody > RequestMax(call.packet.Size) {
			t.Errorf("a packet of %d bytes becomes %d", call.packet.Size, call.bodyAt)
		}
		got, err := pairs(call.Environ(), binary.NativeEndian.Uint32)
		if err != nil {
			t.Fatal(err)
		}
		for _, key := range []string{"REQUEST_METHOD", "SERVER_NAME", "SERVER_PORT", "SERVER_PROTOCOL", "wsgi.url_scheme"} {
			if value(call, key) == "" {
				t.Errorf("no %s in %q", key, got)
			}
		}
		if path := value(call, "PATH_INFO"); path != "" && path[0] != '/' {
			t.Errorf("PATH_INFO %q", path)
		}
		for _, pair := range got {
			key, _, _ := strings.Cut(pair, "=")
			if key != "wsgi.url_scheme" && withheld([]byte(key)) {
				t.Errorf("%q reaches the app", pair)
			}
		}
	})
}
