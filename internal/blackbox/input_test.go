package blackbox

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math/rand"
	"reflect"
	"strconv"
	"strings"
	"testing"
)

// Clause: "wsgi.input: read, readline, readlines, iteration, size arguments and hints, EOF".
// Operations of apps/input in order, and the JSON that they give.
var inputCases = []struct{ name, body, ops, want string }{
	{"all at once", "abc\ndef", "read,read,readline,readlines,next", `["abc\ndef","","",[],null]`},
	{"sizes", "abcdef", "read:2,read:0,read:3,read:9,read:9", `["ab","","cde","f",""]`},
	{"negative and None sizes", "ab\ncd\nef\n", "readline:-1,readline:None,read:-1,read:None", `["ab\n","cd\n","ef\n",""]`},
	{"lines", "a\n\nbb\nc", "readline,readline,readline,readline,readline", `["a\n","\n","bb\n","c",""]`},
	{"sized lines", "abcdef\ngh\n", "readline:3,readline:0,readline:4,readline:2,readline:5", `["abc","","def\n","gh","\n"]`},
	{"only LF ends a line", "a\r\nb\rc\x00\x0bd\n", "readline,readline", `["a\r\n","b\rc\u0000\u000bd\n"]`},
	{"readlines", "a\nb\nc", "readlines", `[["a\n","b\n","c"]]`},
	{"readlines without hint", "a\nb\n", "readlines:0,readlines:None", `[["a\n","b\n"],[]]`},
	{"readlines with hint", "aa\nbb\ncc\ndd\n", "readlines:4,readline,readlines:-1", `[["aa\n","bb\n"],"cc\n",["dd\n"]]`},
	{"iteration", "a\nb\nc", "iter,iter,read", `[["a\n","b\n","c"],[],""]`},
	{"mixed", "one\ntwo\nthree\nfour\n", "read:2,readline,next,read:1,iter", `["on","e\n","two\n","t",["hree\n","four\n"]]`},
	{"binary", "\x00\xff\x00\n\xfe", "readline,read:5", `["\u0000\u00ff\u0000\n","\u00fe"]`},
	{"no body", "", "read:5,read:-1,readline,readlines,iter", `["","","",[],[]]`},
}

func TestInputOperations(t *testing.T) {
	run(t, both, func(t *testing.T, v variant) {
		s := v.start(t, launch{App: "input"})
		for _, c := range inputCases {
			ops := c.ops
			if v.attr == "validated" {
				// The validator insists on a size for read().
				ops = strings.ReplaceAll(","+ops+",", ",read,", ",read:-1,")
				ops = strings.Trim(strings.ReplaceAll(ops, ",read,", ",read:-1,"), ",")
			}
			for _, f := range framings(c.body) {
				t.Run(c.name+"/"+f.name, func(t *testing.T) {
					r := s.do(t, "POST "+query("/ops", "ops", ops)+" HTTP/1.1\r\nHost: t\r\n"+f.rest)
					r.wantStatus(t, 200)
					if got, want := compact(t, r.Body), compact(t, []byte(c.want)); got != want {
						t.Errorf("%s on %q gives\n%s, want\n%s", ops, c.body, got, want)
					}
				})
			}
		}
	})
}

// framing is what follows the Host line of a request with a certain body.
type framing struct{ name, rest string }

// framings are the ways to send a body; each must look the same to the app.
func framings(body string) []framing {
	f := []framing{{"length", fmt.Sprintf("Content-Length: %d\r\n\r\n%s", len(body), body)}}
	for _, size := range []int{1, 3, 1 << 20} {
		f = append(f, framing{
			fmt.Sprintf("chunks of %d", size),
			"Transfer-Encoding: chunked\r\n\r\n" + chunkedBody(body, size),
		})
	}
	return f
}

func compact(t *testing.T, doc []byte) string {
	t.Helper()
	var v any
	if err := json.Unmarshal(doc, &v); err != nil {
		t.Fatalf("%v: %.300q", err, doc)
	}
	b, _ := json.Marshal(v)
	return string(b)
}

// Random operations on random bodies against a plain model, on one connection, so that an
// operation that reads too far or not far enough spoils the next request.
func TestInputAgainstModel(t *testing.T) {
	run(t, both, func(t *testing.T, v variant) {
		s := v.start(t, launch{App: "input"})
		c := s.dial(t)
		seed := rand.Int63()
		rng := rand.New(rand.NewSource(seed))
		for i := range 300 {
			body := randomBody(rng)
			ops, want := randomOps(rng, body)
			target := query("/ops", "ops", strings.Join(ops, ","))
			if rng.Intn(2) == 0 {
				c.send(fmt.Sprintf("POST %s HTTP/1.1\r\nHost: t\r\nContent-Length: %d\r\n\r\n%s", target, len(body), body))
			} else {
				c.send("POST " + target + " HTTP/1.1\r\nHost: t\r\nTransfer-Encoding: chunked\r\n\r\n" +
					chunkedBody(body, 1+rng.Intn(2000)))
			}
			r := c.response("POST")
			r.wantStatus(t, 200)
			var got []any
			r.json(t, &got)
			if !reflect.DeepEqual(got, want) {
				t.Fatalf("seed %d, round %d: %v on %.200q gives\n%.500s, want\n%.500s", seed, i, ops, body,
					fmt.Sprintf("%q", got), fmt.Sprintf("%q", want))
			}
			if strings.EqualFold(r.get("Connection"), "close") {
				c = s.dial(t) // the body was left unread, and nobody knows how long it is
			}
		}
	})
}

// randomBody is ASCII, so that JSON shows it byte for byte. Now and then it is larger than
// any sensible buffer for small bodies.
func randomBody(rng *rand.Rand) string {
	n := rng.Intn(200)
	if rng.Intn(10) == 0 {
		n = rng.Intn(300_000)
	}
	b := make([]byte, n)
	for i := range b {
		b[i] = "abcdefg\n\r "[rng.Intn(10)]
	}
	return string(b)
}

// randomOps makes operations and, with a model of a byte stream, their results as JSON gives them.
func randomOps(rng *rand.Rand, body string) (ops []string, want []any) {
	m := bytes.NewBufferString(body)
	for range 1 + rng.Intn(8) {
		n := rng.Intn(40) - 1
		if rng.Intn(8) == 0 {
			n = rng.Intn(100_000)
		}
		switch rng.Intn(6) {
		case 0:
			ops, want = append(ops, fmt.Sprintf("read:%d", n)), append(want, modelRead(m, n))
		case 1:
			ops, want = append(ops, fmt.Sprintf("readline:%d", n)), append(want, modelLine(m, n))
		case 2:
			ops, want = append(ops, "readline"), append(want, modelLine(m, -1))
		case 3:
			ops, want = append(ops, fmt.Sprintf("readlines:%d", n)), append(want, modelLines(m, n))
		case 4:
			var line any
			if m.Len() > 0 {
				line = modelLine(m, -1)
			}
			ops, want = append(ops, "next"), append(want, line)
		case 5:
			if rng.Intn(4) == 0 {
				ops, want = append(ops, "iter"), append(want, modelLines(m, 0))
			}
		}
	}
	if len(ops) == 0 {
		return []string{"read:-1"}, []any{body}
	}
	return ops, want
}

func modelRead(m *bytes.Buffer, n int) string {
	if n < 0 {
		n = m.Len()
	}
	return string(m.Next(n))
}

func modelLine(m *bytes.Buffer, n int) string {
	end := bytes.IndexByte(m.Bytes(), '\n') + 1
	if end == 0 {
		end = m.Len()
	}
	if n >= 0 {
		end = min(end, n)
	}
	return string(m.Next(end))
}

func modelLines(m *bytes.Buffer, hint int) []any {
	lines, total := []any{}, 0
	for m.Len() > 0 && (hint <= 0 || total < hint) {
		line := modelLine(m, -1)
		total += len(line)
		lines = append(lines, line)
	}
	return lines
}

// read(CONTENT_LENGTH) is one call in every framework: it must not return short because
// the body arrived in pieces.
func TestInputReadIsFull(t *testing.T) {
	run(t, both, func(t *testing.T, v variant) {
		s := v.start(t, launch{App: "input"})
		c := s.dial(t)
		body := "a=" + strings.Repeat("x", 300_000)
		raw := request("POST", "/form", body)
		for len(raw) > 0 {
			n := min(len(raw), 4999)
			c.send(raw[:n])
			raw = raw[n:]
		}
		c.response("POST").want(t, 200, `{"a": ["`+body[2:]+`"]}`)
	})
}

// Clause: "streamed from the client": the app gets the first bytes while the rest isn't sent.
func TestInputIsStreamed(t *testing.T) {
	run(t, both, func(t *testing.T, v variant) {
		s := v.start(t, launch{App: "input"})
		part := strings.Repeat("s", 1<<20)
		for i, f := range []framing{
			{"length", fmt.Sprintf("Content-Length: %d\r\n\r\n%s", 2<<20, part)},
			{"chunked", fmt.Sprintf("Transfer-Encoding: chunked\r\n\r\n%x\r\n%s\r\n", 1<<20, part)},
		} {
			c := s.dial(t)
			c.send("POST /first HTTP/1.1\r\nHost: t\r\n" + f.rest)
			eventually(t, "the app has the first bytes, "+f.name, func() bool { return s.eventCount(t, "first 1024") == i+1 })
			if f.name == "length" {
				c.send(part)
			} else {
				c.send(chunkedBody(part, 1<<20))
			}
			c.response("POST").want(t, 200, strconv.Itoa(2<<20))
		}
	})
}

// A body may go out while it still comes in.
func TestInputEchoed(t *testing.T) {
	run(t, both, func(t *testing.T, v variant) {
		s := v.start(t, launch{App: "input"})
		body := strings.Repeat("0123456789abcdef", 1<<18) // 4 MiB
		c := s.dial(t)
		sent := make(chan struct{})
		go func() {
			defer close(sent)
			c.trySend("POST /echo HTTP/1.1\r\nHost: t\r\nTransfer-Encoding: chunked\r\n\r\n" + chunkedBody(body, 70_000))
		}()
		c.response("POST").want(t, 200, body)
		<-sent
	})
}

// Chunk extensions and trailers are legal and mean nothing to the app.
func TestInputChunkExtensionsAndTrailers(t *testing.T) {
	run(t, both, func(t *testing.T, v variant) {
		s := v.start(t, launch{App: "input"})
		c := s.dial(t)
		for range 2 {
			c.send("POST /ops?ops=read:-1 HTTP/1.1\r\nHost: t\r\nTransfer-Encoding: chunked\r\n\r\n" +
				"3;a=b;c=\"d e\"\r\nabc\r\n00A;x\r\n0123456789\r\n0;last\r\nX-Trailer: v\r\n\r\n")
			c.response("POST").want(t, 200, `["abc0123456789"]`)
		}
	})
}
