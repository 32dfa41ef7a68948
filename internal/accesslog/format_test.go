package accesslog

import (
	"encoding/json"
	"fmt"
	"os"
	"runtime"
	"strconv"
	"strings"
	"testing"
	"time"
)

var testZone = time.FixedZone("CET", 3600)

// example is a request with something in every field.
func example() *Record {
	return &Record{
		Start:    time.Date(2026, 11, 22, 11, 8, 13, 42_000_000, testZone),
		Duration: 3214567 * time.Nanosecond, QueueWait: 1500 * time.Microsecond,
		Method: "GET", URI: "/path?a=1", Proto: "HTTP/1.1",
		Host: "example.org", UserAgent: "curl/8", Referer: "http://a/", RemoteAddr: "127.0.0.1", User: "joe",
		Status: 200, HeaderBytes: 100, BodyBytes: 1234, Headers: 5, ContentLength: 17, RequestBytes: 16,
		Vars: 30, VarBytes: 700, Environ: environ{"HTTP_X": "y"},
		Thread: 3, WorkerID: 2, PID: 77, WriteErrors: 1, ReadErrors: 2,
	}
}

// plainExample is one of those that make up most of a log.
func plainExample() *Record {
	r := example()
	r.QueueWait, r.WriteErrors, r.ReadErrors = 0, 0, 0
	return r
}

type environ map[string]string

func (e environ) Lookup(key string) (string, bool) {
	v, ok := e[key]
	return v, ok
}

func compile(t testing.TB, format string) *Format {
	t.Helper()
	f, err := New(format)
	if err != nil {
		t.Fatal(err)
	}
	f.clock.loc = testZone
	return f
}

func TestVariables(t *testing.T) {
	want := map[string]string{
		"uri": "/path?a=1", "method": "GET", "user": "joe", "addr": "127.0.0.1", "host": "example.org", "proto": "HTTP/1.1",
		"uagent": "curl/8", "referer": "http://a/", "status": "200", "rsize": "1234", "hsize": "100", "size": "1334",
		"cl": "17", "micros": "3214", "msecs": "3", "secs": "0.003214",
		"tmsecs": "1795342093042", "tmicros": "1795342093042000", "time": "1795342093",
		"ltime": "22/Nov/2026:11:08:13 +0100", "ftime": "22/Nov/2026:11:08:13 +0100", "ctime": "Sun Nov 22 11:08:13 2026",
		"epoch": "1795342093", "pid": "77", "wid": "2", "core": "2", "vars": "30", "pktsize": "700", "headers": "5",
		"werr": "1", "rerr": "2", "ioerr": "3", "switches": "0", "modifier1": "0", "modifier2": "0",
		"thread": "3", "queue_micros": "1500", "queue_ms": "1",
	}
	for _, v := range Variables() {
		got := strings.TrimSuffix(string(compile(t, "%("+v.Name+")").Append(nil, example())), "\n")
		if v.Doc == "" {
			t.Errorf("%%(%s) has no documentation", v.Name)
		}
		switch v.Name {
		case "vsz", "rss", "vszM", "rssM":
			continue // see TestMemory
		}
		if expected, ok := want[v.Name]; !ok || got != expected {
			t.Errorf("%%(%s) = %q, want %q", v.Name, got, expected)
		}
	}
}

func TestMemory(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("sizes are known on Linux only")
	}
	f := compile(t, "%(vsz) %(rss) %(vszM) %(rssM)")
	var vsz, rss, vszM, rssM int64
	if _, err := fmt.Sscan(string(f.Append(nil, example())), &vsz, &rss, &vszM, &rssM); err != nil {
		t.Fatal(err)
	}
	if rss < 1<<20 || rss > vsz || rssM != rss>>20 || vszM != vsz>>20 {
		t.Errorf("vsz %d, rss %d, vszM %d, rssM %d", vsz, rss, vszM, rssM)
	}
	// Within the same second nothing is measured anew.
	f.memory.rss.Store(5)
	if got := string(f.Append(nil, example())); !strings.Contains(got, " 5 ") {
		t.Errorf("measured again: %s", got)
	}
}

func TestFormat(t *testing.T) {
	tests := []struct{ format, want string }{
		{"%(method) %(uri)", "GET /path?a=1"},
		{`%(addr) - %(user) [%(ltime)] "%(method) %(uri) %(proto)" %(status) %(size) "%(referer)" "%(uagent)"`, `127.0.0.1 - joe [22/Nov/2026:11:08:13 +0100] "GET /path?a=1 HTTP/1.1" 200 1334 "http://a/" "curl/8"`},
		{"%(var.HTTP_X)|%(var.NONE)", "y|-"},
		{"text only", "text only"},
		{"100% %% %d (x) %", "100% %% %d (x) %"}, // as uWSGI: only %( is special
		{"%%(status)", "%200"},
	}
	for _, tt := range tests {
		if got := string(compile(t, tt.format).Append([]byte("before:"), example())); got != "before:"+tt.want+"\n" {
			t.Errorf("%q:\n got %q\nwant %q", tt.format, got, tt.want)
		}
	}
}

// Every text of an empty record prints "-", as in uWSGI; numbers print 0.
func TestEmptyRecord(t *testing.T) {
	format := "%(uri) %(method) %(user) %(addr) %(host) %(proto) %(uagent) %(referer) %(var.X) %(status) %(size) %(msecs) %(secs) %(core)"
	if got := string(compile(t, format).Append(nil, &Record{})); got != "- - - - - - - - - 0 0 0 0.000000 0\n" {
		t.Errorf("%q", got)
	}
	if got := string(compile(t, "%(pid)").Append(nil, &Record{})); got != strconv.Itoa(os.Getpid())+"\n" {
		t.Errorf("pid %q", got)
	}
	never := &Record{QueueWait: -time.Hour, Duration: -time.Hour}
	if got := string(compile(t, "%(queue_ms) %(queue_micros) %(msecs) %(micros) %(secs)").Append(nil, never)); got != "0 0 0 0 0.000000\n" {
		t.Errorf("a request that never began: %q", got)
	}
	if got := string(compile(t, "%(cl)").Append(nil, &Record{ContentLength: -1, RequestBytes: 5})); got != "5\n" {
		t.Errorf("cl of a chunked body: %q", got)
	}
}

func TestNeedsEnviron(t *testing.T) {
	for format, want := range map[string]bool{"%(uri)": false, "%(vars)": true, "%(pktsize)": true, "%(var.X)": true} {
		if got := compile(t, format).NeedsEnviron(); got != want {
			t.Errorf("%s: %v", format, got)
		}
	}
	if Default().NeedsEnviron() || JSON().NeedsEnviron() {
		t.Error("the built-in formats read the environ")
	}
}

func TestFormatErrors(t *testing.T) {
	tests := []struct{ format, want string }{
		{"", "log-format is empty"},
		{"%(uri", `log-format: "%(uri" has no closing parenthesis`},
		{"%()", `log-format: "%()" names no variable`},
		{"%(var.)", `log-format: "%(var.)" names no environ key (write %(var.PATH_INFO))`},
		{"%(stauts)", `log-format: unknown variable "%(stauts)" (did you mean %(status)?)`},
		{"%( uri )", `log-format: unknown variable "%( uri )" (did you mean %(uri)?)`},
		{"%(RSSM)", `log-format: unknown variable "%(RSSM)" (did you mean %(var.RSSM)?)`},
		{"%(REMOTE_ADDR)", `log-format: unknown variable "%(REMOTE_ADDR)" (did you mean %(var.REMOTE_ADDR)?)`},
		{"%(h)s", `log-format: unknown variable "%(h)" (did you mean %(addr)?)`},
		{"%(r)s", `log-format: unknown variable "%(r)" (did you mean %(method) %(uri) %(proto)?)`},
		{"%(request_id)", `log-format: unknown variable "%(request_id)" (an environ key is written %(var.KEY))`},
		{"%(metric.worker.0.requests)", `log-format: "%(metric.worker.0.requests)": metrics can't be logged per request`},
		{"%(a\nb)", `log-format: unknown variable "%(a\nb)" (an environ key is written %(var.KEY))`},
	}
	for _, tt := range tests {
		if _, err := New(tt.format); err == nil || err.Error() != tt.want {
			t.Errorf("New(%q):\n got %v\nwant %s", tt.format, err, tt.want)
		}
	}
}

type set map[string]string

func (s set) LogVar(name string) (string, bool) {
	value, ok := s[name]
	return value, ok
}

// With NewOpen a name that is unknown is the app's.
func TestNewOpen(t *testing.T) {
	for format, want := range map[string]string{
		"%(uri) %(tenant) %(missing)": `/ ac\"me -`,
		"%(metric.x) %(stauts)":       "m -",
		"%(bytes)":                    `\u0000\u00ff`,
	} {
		f, err := NewOpen(format)
		if err != nil {
			t.Fatal(err)
		}
		r := Record{URI: "/", LogVars: set{"tenant": `ac"me`, "metric.x": "m", "bytes": "\x00\xff", "uri": "the app's"}}
		if got := string(f.Append(nil, &r)); got != want+"\n" {
			t.Errorf("%s: %q, want %q", format, got, want)
		}
		if got := string(f.Append(nil, &Record{URI: "/"})); strings.Contains(got, "m") || !strings.HasSuffix(got, "-\n") {
			t.Errorf("%s: %q without any", format, got)
		}
	}
	for _, format := range []string{"", "%()", "%(var.)", "%(tenant"} {
		if _, err := NewOpen(format); err == nil {
			t.Errorf("%q is a format", format)
		}
	}
}

// What a hint names must exist.
func TestHintsAreVariables(t *testing.T) {
	for name := range foreign {
		if _, err := New(suggest(name)); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestDefaultLine(t *testing.T) {
	f := Default()
	f.clock.loc = testZone
	tests := []struct {
		name   string
		change func(*Record)
		want   string
	}{
		{"plain", func(*Record) {}, `2026-11-22T11:08:13+01:00 127.0.0.1 "GET /path?a=1 HTTP/1.1" 200 1234 3.2ms`},
		{"time of the end", func(r *Record) { r.Duration = 2 * time.Second }, `2026-11-22T11:08:15+01:00 127.0.0.1 "GET /path?a=1 HTTP/1.1" 200 1234 2000.0ms`},
		{"unix peer", func(r *Record) { r.RemoteAddr = "" }, `2026-11-22T11:08:13+01:00 - "GET /path?a=1 HTTP/1.1" 200 1234 3.2ms`},
		{"short wait", func(r *Record) { r.QueueWait = 9 * time.Millisecond }, `2026-11-22T11:08:13+01:00 127.0.0.1 "GET /path?a=1 HTTP/1.1" 200 1234 3.2ms`},
		{"long wait", func(r *Record) { r.QueueWait = 120 * time.Millisecond }, `2026-11-22T11:08:13+01:00 127.0.0.1 "GET /path?a=1 HTTP/1.1" 200 1234 3.2ms queued=120.0ms`},
		{"client left", func(r *Record) { r.WriteErrors, r.ReadErrors = 1, 2 }, `2026-11-22T11:08:13+01:00 127.0.0.1 "GET /path?a=1 HTTP/1.1" 200 1234 3.2ms werr=1 rerr=2`},
		{"no request", func(r *Record) { *r = Record{Start: r.Start, RemoteAddr: "::1", Status: 400} }, `2026-11-22T11:08:13+01:00 ::1 "- - -" 400 0 0.0ms`},
		{"forged line", func(r *Record) { r.URI = "/\" 200 0 0ms\r\n2026-11-22T11:08:13+01:00 ::1 \"GET /" }, `2026-11-22T11:08:13+01:00 127.0.0.1 "GET /\" 200 0 0ms\u000d\u000a2026-11-22T11:08:13+01:00 ::1 \"GET / HTTP/1.1" 200 1234 3.2ms`},
	}
	for _, tt := range tests {
		r := plainExample()
		tt.change(r)
		if got := string(f.Append(nil, r)); got != tt.want+"\n" {
			t.Errorf("%s:\n got %s\nwant %s", tt.name, got, tt.want)
		}
	}
}

func TestJSONLine(t *testing.T) {
	f := JSON()
	f.clock.loc = testZone
	want := `{"time":"2026-11-22T11:08:13.045+01:00","level":"INFO","msg":"request","remote":"127.0.0.1","method":"GET","uri":"/path?a=1","proto":"HTTP/1.1","status":200,"bytes":1234,"duration_ms":3.214,"queue_ms":1.500,"ua":"curl/8","referer":"http://a/","thread":3,"werr":1,"rerr":2}` + "\n"
	if got := string(f.Append(nil, example())); got != want {
		t.Errorf("\n got %s\nwant %s", got, want)
	}
	if got := f.Append(nil, &Record{}); !json.Valid(got) {
		t.Errorf("empty record: %s", got)
	}
}

func TestEscape(t *testing.T) {
	long := strings.Repeat("a", maxValue-1)
	tests := []struct{ in, want string }{
		{"/plain?a=b&c=%22", "/plain?a=b&c=%22"},
		{`"\`, `\"\\`},
		{"\x00\t\r\n\x1b\x7f", `\u0000\u0009\u000d\u000a\u001b\u007f`},
		{"grüße 日本 😀", "grüße 日本 😀"},
		{"\xff\xc3", `\u00ff\u00c3`},                 // not UTF-8: the latin-1 that WSGI sees
		{"\u0085\u2028\u202e", `\u0085\u2028\u202e`}, // lines and directions to a terminal
		{"\U000e0001", `\udb40\udc01`},
		{"\ufffd", `\ufffd`},
		{long + "b", long + "b"},
		{long + "bc", long + "b..."},
		{long + "é", long + "..."}, // not half a rune
	}
	for _, tt := range tests {
		got := string(appendEscaped(nil, tt.in))
		if got != tt.want {
			t.Errorf("%.40q:\n got %s\nwant %s", tt.in, got, tt.want)
		}
		if !json.Valid([]byte(`"` + got + `"`)) {
			t.Errorf("%.40q is no JSON: %s", tt.in, got)
		}
	}
}

func TestClock(t *testing.T) {
	c := clock{loc: testZone}
	for _, s := range []int64{0, 100, 101, 100, 108, 100, -1, 1795342093} {
		at := time.Unix(s, 0)
		if got, want := c.at(at).iso, at.In(testZone).Format(time.RFC3339); got != want {
			t.Errorf("%d: %s, want %s", s, got, want)
		}
	}
	// 116 shares its slot with 108 and 100: the past must not push it out.
	present := c.at(time.Unix(116, 0))
	c.at(time.Unix(108, 0))
	if c.at(time.Unix(116, 0)) != present {
		t.Error("the present second was rendered twice")
	}
	utc := clock{loc: time.UTC}
	if got := string(utc.appendMillis(nil, time.Unix(0, 7_999_999))); got != "1970-01-01T00:00:00.007Z" {
		t.Errorf("millis: %s", got)
	}
}
