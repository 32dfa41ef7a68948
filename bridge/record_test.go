package bridge

import (
	"fmt"
	"iter"
	"strings"
	"testing"

	"github.com/gowsgi/gowsgi/internal/accesslog"
)

// set sets variables for the access log, "name=value", as the seam puts them: behind the headers.
func (r Reply) set(pairs ...string) Reply {
	for _, p := range pairs {
		name, value, _ := strings.Cut(p, "=")
		r.Headers = appendPair(r.Headers, "("+name, value)
	}
	return r
}

// Variables for the access log come at any time, the last one of a name counts, and no client sees them.
func TestLogVars(t *testing.T) {
	seen := make(chan string, 1)
	s := &Server{LogVars: true, Access: func(r *accesslog.Record) {
		if r.LogVars == nil {
			seen <- "none"
			return
		}
		a, _ := r.LogVars.LogVar("a")
		_, other := r.LogVars.LogVar("(a")
		seen <- fmt.Sprintf("%q %v", a, other)
	}}
	long := strings.Repeat("x", logVarsMax)
	f := serve(t, s, func(c Request) iter.Seq2[Event, Reply] {
		return func(yield func(Event, Reply) bool) {
			switch value(c, "PATH_INFO") {
			case "/none":
				yield(EventDone, start("200 OK", "X: y").whole("body"))
			case "/head":
				yield(EventDone, start("200 OK", "X: y").set("a=1", "b=2", "a=3\x00\n").whole("body"))
			case "/late":
				_ = yield(EventChunk, start("200 OK", "X: y").set("a=1").with("bo")) &&
					yield(EventChunk, chunk("dy").set("a=2")) && yield(EventDone, Reply{Total: -1, FD: -1}.set("a=3"))
			case "/raise":
				yield(EventError, failure("Traceback").set("a=1"))
			case "/large":
				_ = yield(EventChunk, start("200 OK", "X: y").set("a=1").with("body")) &&
					yield(EventDone, Reply{Total: -1, FD: -1}.set("a="+long))
			}
		}
	})
	for _, test := range []struct {
		path, want string
		status     int
	}{
		{"/none", "none", 200},
		{"/head", `"3\x00\n" false`, 200},
		{"/late", `"3" false`, 200},
		{"/raise", `"1" false`, 500},
		{"/large", `"1" false`, 200}, // more than the seam lets through
		{"/none", "none", 200},       // not what the request before has set
	} {
		c := f.dial()
		c.request("GET " + test.path)
		body := "body"
		if test.status == 500 {
			body = "Internal Server Error\n"
		}
		r := c.expect("GET", test.status, body)
		if got := <-seen; got != test.want {
			t.Errorf("%s: %s, want %s", test.path, got, test.want)
		}
		for name := range r.Header {
			if strings.HasPrefix(name, "(") {
				t.Errorf("%s: the client gets %q", test.path, name)
			}
		}
		if test.status == 200 && (len(r.Header) > 5 || r.Header.Get("X") != "y") {
			t.Errorf("%s: %v", test.path, r.Header)
		}
	}
}
