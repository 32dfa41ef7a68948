package blackbox

import (
	"strings"
	"testing"
)

// What apps/errors can raise, and what its traceback must have in the log.
var raised = []struct {
	what  string
	words []string
}{
	{"value", []string{"ValueError: s3cret-detail", "Traceback (most recent call last)", "raise exception"}},
	{"memory", []string{"MemoryError"}},
	{"big-memory", []string{"MemoryError"}},
	{"recursion", []string{"RecursionError"}},
	{"exit", []string{"SystemExit: 5"}},
	{"sys-exit", []string{"SystemExit: leaving"}},
	{"keyboard", []string{"KeyboardInterrupt"}},
	{"generator-exit", []string{"GeneratorExit"}},
	{"cancelled", []string{"CancelledError"}},
	{"odd", []string{"Odd: odd"}},
	{"unprintable", []string{"Unprintable"}},
	{"surrogates", []string{"ValueError: lone "}},
	{"chained", []string{"KeyError: 'the cause'", "direct cause", "ValueError: the effect"}},
	{"syntax", []string{"SyntaxError"}},
	{"long", []string{"ValueError: long long"}},
}

// Clause: "Exceptions: before headers → 500 and the traceback in the log with the request
// line", for a call, a call after start_response, and a generator's first step. Clause:
// "SystemExit and KeyboardInterrupt in a request don't end the server".
func TestExceptionBeforeHeaders(t *testing.T) {
	run(t, both, func(t *testing.T, v variant) {
		s := v.start(t, launch{App: "errors"})
		c := s.dial(t)
		for _, path := range []string{"/raise", "/raise-started", "/raise-first"} {
			for _, e := range raised {
				t.Run(path+"/"+e.what, func(t *testing.T) {
					n := s.log.len()
					target := query(path, "what", e.what)
					c.t = t
					c.send(request("GET", target, ""))
					r := c.response("GET")
					r.wantCrash(t)
					if len(r.values("X-Started"))+len(r.values("Set-Cookie")) > 0 {
						t.Errorf("headers of the failed response: %q", r.Head)
					}
					if got := r.get("Content-Type"); !strings.HasPrefix(got, "text/plain") {
						t.Errorf("Content-Type %q", got)
					}
					s.log.waitSince(t, n, append(e.words, "GET "+target)...)
					if r.get("Connection") == "close" {
						c = s.dial(t)
					}
				})
			}
		}
		s.get(t, "/ok").want(t, 200, "ok")
	})
}

// A StopIteration out of the callable is an error like others; inside a generator Python
// makes it a RuntimeError.
func TestStopIterationIsAnError(t *testing.T) {
	run(t, both, func(t *testing.T, v variant) {
		s := v.start(t, launch{App: "errors"})
		s.get(t, "/raise?what=stop-iteration").wantCrash(t)
		s.get(t, "/raise-first?what=stop-iteration").wantCrash(t)
	})
}

// Clause: "after → connection aborted so that the client can tell".
func TestExceptionAfterHeaders(t *testing.T) {
	run(t, both, func(t *testing.T, v variant) {
		s := v.start(t, launch{App: "errors"})
		for _, target := range []string{"/raise-later?what=", "/raise-later?length=100&what=", "/raise-after-write?what="} {
			for _, e := range raised {
				t.Run(target+e.what, func(t *testing.T) {
					n := s.log.len()
					c := s.dial(t)
					defer c.Close()
					c.send(request("GET", target+e.what, "") + request("GET", "/ok", ""))
					r := c.response("GET")
					// write() may be gathered with what follows; then nothing went out yet.
					if r.Status == 500 && strings.Contains(target, "write") {
						return
					}
					if r.Status != 200 || r.Err == nil {
						t.Errorf("status %d, body %q, error %v; want a body that ends early", r.Status, r.Body, r.Err)
					}
					if strings.Contains(string(r.Body), "Error") || strings.Contains(string(r.Body), "HTTP/1.1") {
						t.Errorf("the body goes on with %q", r.Body)
					}
					s.log.waitSince(t, n, append(e.words, "GET "+target+e.what)...)
				})
			}
		}
		t.Run("http/1.0", func(t *testing.T) { testAbortHTTP10(t, s) })
	})
}

// To HTTP/1.0 without a length only a reset tells an abort from the body's end.
func testAbortHTTP10(t *testing.T, s *server) {
	g := s.gate(t, "abort10")
	c := s.dial(t)
	c.send("GET /raise-later?what=value&gate=abort10 HTTP/1.0\r\n\r\n")
	r := c.responseHead("GET")
	if r.Status != 200 || r.Framing != "close" {
		t.Fatalf("head %q", r.Head)
	}
	g.open(t)
	if c.body(r); r.Err == nil {
		t.Errorf("the connection ended as if %q were the whole body", r.Body)
	}
}

// Clause: "an app returning None or str or yielding str: 500 with a message that names the
// mistake". The message is for the log; the client sees a plain 500.
func TestWrongReturnValues(t *testing.T) {
	run(t, plain, func(t *testing.T, v variant) {
		s := v.start(t, launch{App: "errors"})
		for what, words := range map[string][]string{
			"None":             {"None"},
			"str":              {"str"},
			"int":              {"int"},
			"function":         {"function"},
			"yields-str":       {"str", "bytes"},
			"yields-str-later": {"str", "bytes"},
			"yields-None":      {"NoneType"},
			"yields-int":       {"int", "bytes"},
			"yields-list":      {"list", "bytes"},
			"coroutine":        {"coroutine"},
		} {
			t.Run(what, func(t *testing.T) {
				n := s.log.len()
				target := query("/return", "what", what)
				s.get(t, target).wantCrash(t)
				s.log.waitSince(t, n, append(words, "GET "+target)...)
			})
		}
		// PEP 3333 says bytes. What else is bytes-like may pass or fail, but not half.
		for what, body := range map[string]string{"yields-bytearray": "x", "yields-memoryview": "x", "bytes": "bytes"} {
			if r := s.get(t, query("/return", "what", what)); r.Status == 200 {
				r.want(t, 200, body)
			} else {
				r.wantCrash(t)
			}
		}
	})
}

// Clause: "wsgi.errors reaches the log".
func TestWSGIErrors(t *testing.T) {
	run(t, both, func(t *testing.T, v variant) {
		s := v.start(t, launch{App: "errors"})
		s.get(t, "/errors?name=first").want(t, 200, "logged")
		s.log.wait(t, "first write", "first line one", "first line two", "first print",
			"first caf\u00e9 \u20ac", "first in parts", "first no newline")
		s.get(t, "/prints?name=second").want(t, 200, "printed")
		s.log.wait(t, "second to stdout", "second to stderr")
	})
}

func TestWSGIErrorsTakesAnything(t *testing.T) {
	alone(t, plain, func(t *testing.T, v variant) {
		s := v.start(t, launch{App: "errors"})
		s.get(t, "/errors-types").want(t, 200, "TypeError TypeError TypeError")
		s.log.wait(t, "lone ", strings.Repeat("x", 200000))
		s.get(t, "/ok").want(t, 200, "ok")
	})
}

func TestExceptionInThreadOfTheApp(t *testing.T) {
	run(t, both, func(t *testing.T, v variant) {
		s := v.start(t, launch{App: "errors"})
		s.get(t, "/thread").want(t, 200, "ok")
		s.log.wait(t, "in a thread of the app")
		s.get(t, "/ok").want(t, 200, "ok")
	})
}
