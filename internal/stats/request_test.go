package stats

import (
	"context"
	"fmt"
	"io"
	"strings"
	"testing"
)

// echoed is a stack that tells what was asked for.
func echoed(_ context.Context, pid, core int) string {
	return fmt.Sprintf("stack of %d, %d\n", pid, core)
}

func TestStackRequest(t *testing.T) {
	r := run(t, &Server{Stack: echoed})
	for sent, want := range map[string]string{
		"stack 12 3\n":       "stack of 12, 3\n",
		"stack 12 3\r\nmore": "stack of 12, 3\n",
		"stack -1 -2\n":      "stack of -1, -2\n",
		"stack 12\n":         "no numbers: pid \"12\", core \"\"\n",
		"stack \n":           "no numbers: pid \"\", core \"\"\n",
		"stack 1 2 3\n":      "no numbers: pid \"1\", core \"2 3\"\n",
		"stack \x1b[2J 2\n":  "no numbers: pid \"\\x1b[2J\", core \"2\"\n",
		"stack 123456789012345678901234567890 2\n": "no numbers: pid \"123456789012345678901234567890\", core \"2\"\n",
		"":                     "{}", // uWSGI's clients
		"stacks 1 2\n":         "{}",
		" stack 1 2\n":         "{}",
		"GET / HTTP/1.0\r\n\r": "{}",
	} {
		if got := r.document(sent); got != want {
			t.Errorf("%q is answered %q, want %q", sent, got, want)
		}
	}
	long := r.dial()
	_, _ = io.WriteString(long, "stack "+strings.Repeat("1", 1000))
	if got, _ := io.ReadAll(long); len(got) > 0 {
		t.Errorf("a line without an end is answered %q", got)
	}
	without := run(t, new(Server))
	if got := without.document("stack 1 2\n"); got != "{}" {
		t.Errorf("without stacks: %q", got)
	}
}

// TestStackRequestLate: a line that comes after the document has been sent.
func TestStackRequestLate(t *testing.T) {
	r := run(t, &Server{Stack: echoed})
	c := r.dial()
	first := make([]byte, 1)
	if _, err := io.ReadFull(c, first); err != nil {
		t.Fatal(err)
	}
	_, _ = io.WriteString(c, "stack 1 2\n")
	if rest, err := io.ReadAll(c); err != nil || string(first)+string(rest) != "{}" {
		t.Errorf("%q%q, %v", first, rest, err)
	}
}

func TestStackRequestHTTP(t *testing.T) {
	r := run(t, &Server{HTTP: true, Stack: echoed})
	if got, want := r.document("GET /stack?pid=12&core=3 HTTP/1.0\r\n\r\n"), textHead+"stack of 12, 3\n"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	if strings.Contains(textHead, "Access-Control") {
		t.Error("pages of any origin may read stacks")
	}
	for _, target := range []string{"/stack", "/stack?pid=x&core=1", "/stack?pid=1"} {
		if got := r.document("GET " + target + " HTTP/1.0\r\n\r\n"); !strings.HasPrefix(got, textHead+"no numbers: ") {
			t.Errorf("%s is answered %q", target, got)
		}
	}
	if got := r.document("GET /stacks HTTP/1.0\r\n\r\n"); got != head+"{}" {
		t.Errorf("got %q", got)
	}
}

// TestStackOneAtATime: a second client is told so; documents go on; the server's end ends the first one.
func TestStackOneAtATime(t *testing.T) {
	begun := make(chan struct{})
	r := run(t, &Server{Stack: func(ctx context.Context, _, _ int) string {
		close(begun)
		<-ctx.Done()
		return "given up\n"
	}})
	c := r.dial()
	if _, err := io.WriteString(c, "stack 1 2\n"); err != nil {
		t.Fatal(err)
	}
	<-begun
	if got := r.document("stack 1 2\n"); got != "another stack is being read, try again\n" {
		t.Errorf("got %q", got)
	}
	if got := r.document(""); got != "{}" {
		t.Errorf("got %q", got)
	}
	r.end()
}
