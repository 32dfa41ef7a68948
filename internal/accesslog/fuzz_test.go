package accesslog

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"
	"time"
	"unicode/utf8"
)

func addValues(f *testing.F) {
	f.Add("GET", "/", "curl", int64(1), int64(2))
	f.Add(`"`, "\\", "\n", int64(-1), int64(1<<62))
	f.Add("\x00", "\xff\xfe", "\u2028\U0001f600", int64(0), int64(0))
	f.Add(strings.Repeat("é", maxValue), strings.Repeat("\x80", 2*maxValue), "", int64(0), int64(0))
}

func fuzzRecord(a, b, c string, m, n int64) *Record {
	return &Record{
		Start: time.UnixMicro(m % 1e17), Duration: time.Duration(n), QueueWait: time.Duration(m),
		Method: a, URI: b, Proto: c, Host: c, UserAgent: b, Referer: a, RemoteAddr: c, User: a,
		Status: int(m % 1000), BodyBytes: n, ContentLength: m, Environ: environ{"K": b},
	}
}

// FuzzJSON: no request makes --log-json, or a --log-format in JSON's shape,
// anything but one JSON object on one line.
func FuzzJSON(f *testing.F) {
	addValues(f)
	shaped := compile(f, `{"method":"%(method)","uri":"%(uri)","ua":"%(uagent)","k":"%(var.K)","cl":%(cl),"secs":%(secs),"t":"%(ltime)"}`)
	f.Fuzz(func(t *testing.T, a, b, c string, m, n int64) {
		r := fuzzRecord(a, b, c, m, n)
		for _, format := range []*Format{JSON(), shaped} {
			line := format.Append(nil, r)
			var got map[string]any
			if err := json.Unmarshal(line, &got); err != nil {
				t.Fatalf("%v: %s", err, line)
			}
			checkOneLine(t, line)
			if len(b) < maxValue && utf8.ValidString(b) && got["uri"] != b && b != "" {
				t.Fatalf("uri %q reads back as %q", b, got["uri"])
			}
		}
	})
}

// FuzzFormat: a format compiles or is refused in one line; then a request adds
// neither lines nor control characters to it.
func FuzzFormat(f *testing.F) {
	f.Add("%(uri) %(status)", "/", "\n", "x")
	f.Add("%(var.K)%(%(uri))%%(", "\r\n", "", "")
	f.Add(`"%(uagent)"`, "a", `"`, "\x1b[0m")
	f.Fuzz(func(t *testing.T, format, a, b, c string) {
		compiled, err := New(format)
		if err != nil {
			checkOneLine(t, []byte(err.Error()+"\n"))
			return
		}
		line := compiled.Append(nil, fuzzRecord(a, b, c, 1, 1))
		for _, char := range []byte("\n\r\x00\x1b\x7f") {
			own := strings.Count(format, string(char))
			if char == '\n' {
				own++
			}
			if got := bytes.Count(line, []byte{char}); got != own {
				t.Fatalf("%q has %d times %q, its format %d times", line, got, char, own)
			}
		}
		if strings.Trim(format, "\"") == "%(uagent)" && strings.Count(strings.ReplaceAll(strings.ReplaceAll(string(line), `\\`, ""), `\"`, ""), `"`) != strings.Count(format, `"`) {
			t.Fatalf("a value broke out of its quotes: %s", line)
		}
	})
}

func checkOneLine(t *testing.T, line []byte) {
	t.Helper()
	for i, r := range string(line) {
		if (r < ' ' || r == 0x7f || r == '\u0085' || r == '\u2028' || r == '\u2029') && i != len(line)-1 {
			t.Fatalf("%U at %d in %q", r, i, line)
		}
	}
	if line[len(line)-1] != '\n' {
		t.Fatalf("no newline after %q", line)
	}
}
