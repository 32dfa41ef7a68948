package blackbox

import (
	"crypto/sha256"
	"math/rand"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// content is what apps/file_wrapper serves: 1 MiB and a bit that compresses badly.
func content(size int) []byte {
	b := make([]byte, size)
	rand.New(rand.NewSource(7)).Read(b)
	return b
}

func (s *server) putContent(t *testing.T, b []byte) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(s.scratch, "content"), b, 0o600); err != nil {
		t.Fatal(err)
	}
}

// Clause: "file_wrapper over real files (sendfile) and file-like objects". With the
// validator around it, the server sees an ordinary iterable instead.
func TestFileWrapper(t *testing.T) {
	run(t, both, func(t *testing.T, v variant) {
		s := v.start(t, launch{App: "file_wrapper"})
		data := content(1<<20 + 12345)
		s.putContent(t, data)
		whole := string(data)
		c := s.dial(t)
		for _, f := range []struct{ kind, want string }{
			{"buffered", whole},
			{"raw", whole},
			{"closing-file", whole},
			// From where the file object stands, which is not where its descriptor stands.
			{"seeked", whole[10:]},
			{"part-read", whole[10:]},
			{"at-end", ""},
			{"bytesio", "from memory"},
			{"read-only", strings.Repeat("only read ", 20000)},
			{"no-close", "no close"},
			{"bad-fileno", "bad fileno"},
			{"odd-fileno", "odd fileno"},
			{"pipe", "through a pipe"},
			// Its descriptor has other bytes than its read().
			{"gzip", strings.Repeat("unzipped ", 10000)},
			{"temporary", "temporary"},
			{"empty", ""},
			{"empty-file", ""},
		} {
			for _, block := range []string{"", "1000"} {
				t.Run(f.kind+"/"+block, func(t *testing.T) {
					c.t = t
					c.send(request("GET", query("/kind", "kind", f.kind, "block", block), ""))
					r := c.response("GET")
					r.wantStatus(t, 200)
					if sha256.Sum256(r.Body) != sha256.Sum256([]byte(f.want)) {
						t.Fatalf("%d bytes, want %d; they begin %.40q, want %.40q", len(r.Body), len(f.want), r.Body, f.want)
					}
				})
			}
		}
		for _, name := range []string{"closing-file", "read-only", "bad-fileno", "odd-fileno"} {
			if n := s.eventCount(t, "closed "+name); n != 2 {
				t.Errorf("%s: close() ran %d times for two requests", name, n)
			}
		}
		t.Run("size 0 with content", func(t *testing.T) {
			r := s.get(t, "/kind?kind=proc")
			r.wantStatus(t, 200)
			if !strings.Contains(string(r.Body), "r-xp") {
				t.Errorf("/proc/self/maps came as %.100q", r.Body)
			}
		})
		t.Run("with a length", func(t *testing.T) { testFileWithLength(t, s, whole) })
		t.Run("HEAD", func(t *testing.T) { testFileHead(t, s, whole) })
		t.Run("reversed", func(t *testing.T) { testFileInsideMiddleware(t, s, data) })
		t.Run("after write", func(t *testing.T) { s.get(t, "/written").want(t, 200, "written;"+whole) })
		t.Run("dropped", func(t *testing.T) { s.get(t, "/dropped").want(t, 200, "dropped") })
	})
}

// The app's Content-Length ends the file; a file that is too short ends the connection.
func testFileWithLength(t *testing.T, s *server, whole string) {
	for _, kind := range []string{"buffered", "raw", "bytesio"} {
		want := whole
		if kind == "bytesio" {
			want = "from memory"
		}
		r := s.get(t, query("/kind", "kind", kind, "length", "5"))
		r.want(t, 200, want[:5])
		r = s.get(t, query("/kind", "kind", kind, "length", strconv.Itoa(len(want)+7)))
		if r.Status == 200 && (r.Err == nil || string(r.Body) != want) {
			t.Errorf("%s: file too short: %d bytes of %d, error %v", kind, len(r.Body), len(want), r.Err)
		}
	}
}

func testFileHead(t *testing.T, s *server, whole string) {
	c := s.dial(t)
	before := s.eventCount(t, "closed headed")
	for range 3 {
		c.send(request("HEAD", "/named?name=headed", ""))
		c.response("HEAD").wantStatus(t, 200)
	}
	c.send(request("GET", "/named?name=headed", ""))
	c.response("GET").want(t, 200, whole)
	eventually(t, "each file closed", func() bool { return s.eventCount(t, "closed headed") == before+4 })
}

func testFileInsideMiddleware(t *testing.T, s *server, data []byte) {
	r := s.get(t, "/inside")
	r.wantStatus(t, 200)
	got, want := slices.Clone(r.Body), slices.Clone(data)
	slices.Sort(got)
	slices.Sort(want)
	if !slices.Equal(got, want) {
		t.Errorf("%d bytes, want %d", len(got), len(want))
	}
	s.event(t, "closed inside")
}

// What needs the server's own wrapper, or breaks the rules.
func TestFileWrapperObject(t *testing.T) {
	run(t, plain, func(t *testing.T, v variant) {
		s := v.start(t, launch{App: "file_wrapper"})
		s.putContent(t, content(100))
		s.get(t, "/iterated").want(t, 200, "[30, 30, 30, 10]")
		if n := s.eventCount(t, "closed iterated"); n != 1 {
			t.Errorf("closed %d times", n)
		}
		s.get(t, "/wrong").wantStatus(t, 200)

		r := s.get(t, "/failing")
		if r.Status == 200 && r.Err == nil {
			t.Errorf("the client can't tell that read() failed: %q", r.Body)
		}
		s.log.wait(t, "OSError: disk on fire", "GET /failing")
		s.event(t, "closed failing")

		if r := s.get(t, "/text"); r.Status != 500 && r.Err == nil {
			t.Errorf("text went out: %d %q", r.Status, r.Body)
		}
		s.log.wait(t, "GET /text", "str")
	})
}

// A client that leaves in mid-file costs neither the descriptor nor the close().
func TestFileWrapperDisconnect(t *testing.T) {
	run(t, both, func(t *testing.T, v variant) {
		s := v.start(t, launch{App: "file_wrapper"})
		s.putContent(t, content(16<<20))
		for i := range 10 {
			name := "left" + strconv.Itoa(i)
			c := s.dial(t)
			c.send(request("GET", query("/named", "name", name), ""))
			c.responseHead("GET")
			if i%2 == 0 {
				c.reset()
			} else {
				c.Close()
			}
			s.event(t, "closed "+name)
		}
		s.settled(t)
	})
}

// Several at a time, and the file is deleted while it is on its way.
func TestFileWrapperConcurrent(t *testing.T) {
	run(t, both, func(t *testing.T, v variant) {
		s := v.start(t, launch{App: "file_wrapper"})
		data := content(8 << 20)
		s.putContent(t, data)
		var conns []*conn
		var heads []*response
		for range 8 {
			c := s.dial(t)
			c.send(request("GET", "/kind?kind=raw", ""))
			heads = append(heads, c.responseHead("GET"))
			conns = append(conns, c)
		}
		if err := os.Remove(filepath.Join(s.scratch, "content")); err != nil {
			t.Fatal(err)
		}
		want := sha256.Sum256(data)
		for i, c := range conns {
			c.body(heads[i])
			if heads[i].Err != nil || sha256.Sum256(heads[i].Body) != want {
				t.Errorf("download %d differs: %d bytes, %v", i, len(heads[i].Body), heads[i].Err)
			}
		}
	})
}
