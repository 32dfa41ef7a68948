package accesslog

import (
	"strings"
	"testing"
	"time"
)

func TestTerminal(t *testing.T) {
	plain, colour := Terminal(false), Terminal(true)
	plain.clock.loc, colour.clock.loc = testZone, testZone
	at := func(change func(*Record)) *Record {
		r := plainExample()
		change(r)
		return r
	}
	for _, test := range []struct {
		name           string
		record         *Record
		plain, colours string
	}{
		{
			"as a rule", plainExample(),
			"11:08:13 200 GET     /path?a=1                                       3.2ms     1234\n",
			"\x1b[2m11:08:13\x1b[0m \x1b[32m200 GET     /path?a=1\x1b[0m                                   \x1b[2m    3.2ms\x1b[0m     1234\n",
		},
		{
			"slow and failed", at(func(r *Record) { r.Status, r.Duration = 503, 1500*time.Millisecond }),
			"11:08:14 503 GET     /path?a=1                                    1500.0ms     1234\n",
			"\x1b[2m11:08:14\x1b[0m \x1b[1;31m503 GET     /path?a=1\x1b[0m                                   \x1b[1;33m 1500.0ms\x1b[0m     1234\n",
		},
		{
			"nothing fits", at(func(r *Record) {
				r.Method, r.URI, r.Duration, r.BodyBytes = "PROPPATCH", strings.Repeat("/x", 30), 1234567*time.Millisecond, 1234567890
			}),
			"11:28:47 200 PROPPATCH " + strings.Repeat("/x", 30) + " 1234567.0ms 1234567890\n", "",
		},
		{
			"the client left", at(func(r *Record) { r.Status, r.WriteErrors = 0, 1 }),
			"11:08:13 0   GET     /path?a=1                                       3.2ms     1234 werr=1\n", "\x1b[35m0 ",
		},
		{"no class", at(func(r *Record) { r.Status = 999 }), "11:08:13 999 GET ", "\x1b[1;31m999 "},
		{"a redirect", at(func(r *Record) { r.Status = 302 }), "11:08:13 302 GET ", "\x1b[36m302 "},
		{"a mistake", at(func(r *Record) { r.Status = 404 }), "11:08:13 404 GET ", "\x1b[33m404 "},
		{
			"hostile", at(func(r *Record) { r.Method, r.URI = "G\x1b[31mT", "/\n11:08:13 200 \"\u202e" }),
			"11:08:13 200 G\\u001b[31mT /\\u000a11:08:13 200 \\\"\\u202e ", "",
		},
	} {
		t.Run(test.name, func(t *testing.T) {
			if got := string(plain.Append(nil, test.record)); !strings.HasPrefix(got, test.plain) || strings.Contains(got, "\x1b") || strings.Count(got, "\n") != 1 {
				t.Errorf("plain\n%q, want\n%q", got, test.plain)
			}
			if got := string(colour.Append(nil, test.record)); !strings.Contains(got, test.colours) || strings.Count(got, "\n") != 1 {
				t.Errorf("coloured\n%q, want\n%q", got, test.colours)
			}
		})
	}
}
