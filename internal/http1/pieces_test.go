package http1

import (
	"fmt"
	"testing"
)

// outcome is what Parse came to, for comparison.
func outcome(h *Head, n int, err error) string {
	if err != nil {
		return err.Error()
	}
	if n == 0 {
		return "more"
	}
	return fmt.Sprintf("%+v", plain(h, n))
}

// parsePieces feeds input to Parse as if it arrived in pieces that end at ends.
func parsePieces(input string, ends ...int) string {
	var h Head
	from := 0
	for _, end := range append(ends, len(input)) {
		n, err := h.Parse([]byte(input[:end]), from) // a new buffer each time: the old one may be gone
		if n > 0 || err != nil {
			return outcome(&h, n, err)
		}
		from = end
	}
	return "more"
}

// TestSplits wants the same outcome however a head arrives.
func TestSplits(t *testing.T) {
	inputs := []string{browserHead}
	for _, tt := range goodHeads {
		inputs = append(inputs, crlf(tt.head)+"GET /")
	}
	for _, tt := range badHeads {
		inputs = append(inputs, tt.head)
	}
	for _, s := range smuggling {
		inputs = append(inputs, s.wire)
	}
	for _, in := range inputs {
		if len(in) > 2000 {
			continue
		}
		want := parsePieces(in)
		bytewise := make([]int, len(in))
		for i := range in {
			bytewise[i] = i
			if got := parsePieces(in, i); got != want {
				t.Errorf("%q cut at %d:\ngot  %s\nwant %s", in, i, got, want)
			}
		}
		if got := parsePieces(in, bytewise...); got != want {
			t.Errorf("%q byte by byte:\ngot  %s\nwant %s", in, got, want)
		}
	}
}

// TestMore wants every true prefix of a good head to ask for more.
func TestMore(t *testing.T) {
	var h Head
	for i := range browserHead {
		if n, err := h.Parse([]byte(browserHead[:i]), 0); n != 0 || err != nil {
			t.Fatalf("%q: got %d, %v", browserHead[:i], n, err)
		}
	}
	if n, err := h.Parse([]byte(browserHead), 1<<20); n != 0 || err != nil {
		t.Errorf("from beyond the buffer: got %d, %v", n, err)
	}
}

// TestHeadAfterwards wants no slice left that points to bytes of an earlier call, and
// after an error what a log line needs.
func TestHeadAfterwards(t *testing.T) {
	const line = "PUT /x HTTP/1.1\r\n"
	tests := []struct {
		name, wire string
		from       int
		want       string
	}{
		{"more", line + "Host: a\r\n", 0, "  "},
		{"more, line complete since", line, 5, "  "},
		{"more, only searched", line + "Host: a\r\n", len(line), "  "},
		{"nothing yet", "", 0, "  "},
		{"no method", "\x16", 0, "  "},
		{"bad version", "PUT /x HTTP/3.0\r\n", 0, "PUT /x HTTP/3.0"},
		{"bad target", "PUT x HTTP/1.0\r\n", 0, "PUT x HTTP/1.0"},
		{"bad field", line + "Host : a\r\n", 0, "PUT /x HTTP/1.1"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var h Head
			if _, err := h.Parse([]byte(curlHead), 0); err != nil {
				t.Fatal(err)
			}
			n, _ := h.Parse([]byte(tt.wire), tt.from)
			got := string(h.Method) + " " + string(h.Target) + " " + string(h.Proto)
			if n != 0 || got != tt.want {
				t.Errorf("got %d, %q, want %q", n, got, tt.want)
			}
			if tt.want == "  " && (len(h.Fields) > 0 || h.Host != nil || h.Path != nil || h.ContentLength != -1) {
				t.Errorf("not empty: %+v", h)
			}
		})
	}
}
