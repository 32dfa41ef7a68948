package smoke

import (
	"strings"
	"testing"
)

const stacks = `Thread gowsgi-1 (0x7f06): GET /slow, 1.0 s
  File "<_gowsgi_probe>", line 58, in __call__
  File "/usr/lib/python3.11/wsgiref/validate.py", line 181, in lint_app
    iterator = application(environ, start_response_wrapper)
  File "/srv/app.py", line 7, in slow
    time.sleep(1)

Thread 0x0000000000007f07 (most recent call first):
  File "/srv/app.py", line 9 in other

Thread gowsgi-2 (0x7f061)
  no Python frame: idle, or in the server
`

func TestStackOf(t *testing.T) {
	for ident, want := range map[uint64]string{
		0x7f06:  "Thread gowsgi-1 (0x7f06): GET /slow, 1.0 s\n  File \"/srv/app.py\", line 7, in slow\n    time.sleep(1)\n",
		0x7f07:  "Thread 0x0000000000007f07 (most recent call first):\n  File \"/srv/app.py\", line 9 in other\n",
		0x7f061: "Thread gowsgi-2 (0x7f061)\n  no Python frame: idle, or in the server\n",
		0x1:     stacks,
	} {
		if got := stackOf(stacks, ident); got != want {
			t.Errorf("%x: got\n%s", ident, got)
		}
	}
}

// TestStderr: stacks are told apart from the log, which is kept up to a limit, and marks stay right beyond it.
func TestStderr(t *testing.T) {
	s := newStderr(nil)
	s.read(strings.NewReader("log\n--- stacks of all Python threads, pid 5 ---\n" + stacks + "--- end of stacks ---\nmore"))
	if got := <-s.stacks; got != stacks {
		t.Errorf("stacks:\n%s", got)
	}
	if got := s.String(); !strings.HasPrefix(got, "log\n") || !strings.HasSuffix(got, "\nmore") {
		t.Errorf("log: %q", got)
	}
	s = newStderr(nil)
	line := strings.Repeat("x", 1023) + "\n"
	for range 2 * keptLog / len(line) {
		s.take(line)
	}
	mark := s.mark()
	s.take("after the mark\n")
	if got := s.since(mark); got != "after the mark\n" || len(s.String()) > 2*keptLog {
		t.Errorf("since the mark: %q; %d bytes kept", got, len(s.String()))
	}
	for range 2 * keptLog / len(line) {
		s.take(line)
	}
	if got := s.since(mark); len(got) != len(s.String()) {
		t.Errorf("a mark that is gone gives %d of %d bytes", len(got), len(s.String()))
	}
}

func TestLastWords(t *testing.T) {
	got := lastWords("gowsgi: SIGSEGV\nThread 1\n" + crashEnd + "\nSIGSEGV: segmentation violation\n")
	if got != "gowsgi: SIGSEGV\nThread 1\n" {
		t.Errorf("%q", got)
	}
	if got := lastWords(strings.Repeat("line\n", 500)); strings.Count(got, "\n") != wordsMax {
		t.Errorf("%d lines", strings.Count(got, "\n"))
	}
}
