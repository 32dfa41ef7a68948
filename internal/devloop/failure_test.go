package devloop

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/gowsgi/gowsgi/bridge"
)

// broken is a failure whose traceback names a file of twelve lines, and one that is not there.
func broken(t *testing.T) (f *Failure, file string) {
	t.Helper()
	file = filepath.Join(t.TempDir(), "app.py")
	var text strings.Builder
	for i := range 12 {
		fmt.Fprintf(&text, "line_%d = '<b>'\r\n", i+1)
	}
	if err := os.WriteFile(file, []byte(text.String()), 0o600); err != nil {
		t.Fatal(err)
	}
	traceback := "Traceback (most recent call last):\n  File \"" + file + "\", line 6, in <module>\n    line_6\n" +
		"  File \"/x/site-packages/lib.py\", line 1, in f\n    x\n  File \"/no/such.py\", line 2\n    y\nSyntaxError: <i>no</i>\n"
	return NewFailure("it's <i>no</i>", traceback), file
}

func TestFailureFrames(t *testing.T) {
	f, file := broken(t)
	if len(f.frames) != 3 || f.frames[0].Function != "<module>" || f.frames[2].Function != "" || f.frames[2].Line != 2 {
		t.Fatalf("frames %+v", f.frames)
	}
	source := f.frames[0].Source
	if len(source) != 2*around+1 || source[0].Number != 2 || !source[around].Here || source[around].Text != "line_6 = '<b>'" {
		t.Errorf("source %+v", source)
	}
	if want := []string{file, "/no/such.py"}; !slices.Equal(f.Files(), want) {
		t.Errorf("files %q, want %q", f.Files(), want)
	}
	if !strings.HasPrefix(f.Text, f.Traceback) || !strings.Contains(f.Text, "> 6  line_6 = '<b>'\n") {
		t.Errorf("text %q", f.Text)
	}
}

// What is no source is not shown: a device would be read for ever.
func TestFailureSource(t *testing.T) {
	dir := t.TempDir()
	binary := filepath.Join(dir, "x.so")
	if err := os.WriteFile(binary, []byte("a\x00b\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, file := range []string{"/dev/zero", dir, binary, "<string>", ""} {
		if lines := source(file, 1); lines != nil {
			t.Errorf("%s: %+v", file, lines)
		}
	}
}

func TestFailurePage(t *testing.T) {
	f, _ := broken(t)
	for accept, test := range map[string]struct{ kind, has, lacks string }{
		"text/html,*/*;q=0.8":         {"text/html", "it&#39;s &lt;i&gt;no&lt;/i&gt;", "<i>"},
		"application/json, */*":       {"application/json", `"message": `, "app can't be loaded: "},
		"application/problem+json":    {"application/json", `"traceback": `, "data-gowsgi"},
		"*/*":                         {"text/plain", "SyntaxError: <i>no</i>", "data-gowsgi"},
		"":                            {"text/plain", "> 6  line_6", "data-gowsgi"},
		"TEXT/HTML, application/json": {"text/html", "line_6", "<b>"},
	} {
		p := f.page(&bridge.Visit{Method: "GET", Accept: accept}, "/r.js?1")
		body := string(p.Body)
		if p.Status != 500 || !strings.HasPrefix(p.Type, test.kind) || !strings.Contains(body, test.has) || strings.Contains(body, test.lacks) {
			t.Errorf("Accept %q: %d %s %q", accept, p.Status, p.Type, body)
		}
		if test.kind == "application/json" && !json.Valid(p.Body) {
			t.Errorf("Accept %q: no JSON: %q", accept, body)
		}
	}
	// To load the answer to a form again would be to send it again.
	post := f.page(&bridge.Visit{Method: "POST", Accept: "text/html"}, "/r.js?1")
	if strings.Contains(string(post.Body), "/r.js") {
		t.Errorf("POST: %q", post.Body)
	}
	one, two := f.page(&bridge.Visit{Method: "GET", Accept: "text/html"}, ""), f.page(&bridge.Visit{Method: "GET", Accept: "text/html"}, "")
	if slices.Equal(one.Fields, two.Fields) {
		t.Error("the nonce is used twice")
	}
}

var (
	near = &bridge.Visit{Method: "GET", Path: Prefix + "events", Peer: "127.0.0.1", Host: "localhost", Accept: "*/*"}
	far  = &bridge.Visit{Method: "GET", Path: Prefix + "events", Peer: "192.0.2.1", Host: "localhost", Accept: "*/*"}
)

// Others than this machine's clients learn nothing, unless they may.
func TestSiteSees(t *testing.T) {
	for _, remote := range []bool{false, true} {
		s := New(remote)
		s.Failed(NewFailure("broken", ""))
		dev := s.Dev()
		if dev.Script(near) == "" || dev.Absent(near) == nil || dev.Answer(near).Status != 200 {
			t.Error("this machine sees nothing")
		}
		if (dev.Script(far) != "") != remote || (dev.Absent(far) != nil) != remote || (dev.Answer(far).Status == 200) != remote {
			t.Errorf("another machine, remote %v: %q %v", remote, dev.Script(far), dev.Absent(far))
		}
		s.Loaded()
		if dev.Absent(near) != nil {
			t.Error("a failure that is over is shown")
		}
	}
}

// A client is told of the state as it is, and of each later one; its URL for the script changes with it.
func TestSiteEvents(t *testing.T) {
	s := New(false)
	s.Loaded()
	first := s.script(near)
	told, left, over := make(chan string), make(chan struct{}), make(chan struct{})
	go func() {
		defer close(over)
		s.events(func(b []byte) error { told <- string(b); return nil }, left)
	}()
	if text := <-told; !strings.Contains(text, `"failure":null`) || !strings.HasPrefix(text, "retry: ") {
		t.Errorf("first %q", text)
	}
	s.Failed(NewFailure("broken", "line 1\nline 2"))
	if text := <-told; !strings.Contains(text, `"message":"broken"`) || strings.Count(text, "\n") != 2 {
		t.Errorf("then %q", text)
	}
	s.Loaded()
	if text := <-told; !strings.Contains(text, `"failure":null`) || s.script(near) == first {
		t.Errorf("then %q, script %s", text, s.script(near))
	}
	close(left)
	<-over
	s.events(func([]byte) error { return os.ErrClosed }, nil) // a client that is gone ends it
}
