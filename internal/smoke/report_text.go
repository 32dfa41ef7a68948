package smoke

import (
	"fmt"
	"io"
	"strconv"
	"strings"
	"text/tabwriter"
)

// marks are what a table shows for an outcome.
var marks = map[Outcome]string{Passed: "ok", Failed: "FAIL", Skipped: "skip"}

// write prints what is known of each failure, and then the table.
func (r *Report) write(w io.Writer) error {
	var text strings.Builder
	for i := range r.Results {
		if r.Results[i].Outcome == Failed {
			text.WriteString(r.Results[i].details())
		}
	}
	t := tabwriter.NewWriter(&text, 0, 0, 2, ' ', 0)
	for i := range r.Results {
		result := &r.Results[i]
		status, took := "-", "-"
		if result.Status != 0 {
			status = fmt.Sprint(result.Status)
		}
		if result.Outcome != Skipped {
			took = fmt.Sprintf("%.1f ms", result.MS)
		}
		request := ""
		if result.Name != result.request() {
			request = result.request()
		}
		fmt.Fprintf(t, "%s\t%s\t%s\t%s\t%s\n", marks[result.Outcome], status, took, result.Name, request)
	}
	if err := t.Flush(); err != nil {
		return err
	}
	fmt.Fprintf(&text, "%s\n", r.summary())
	lines := strings.Split(text.String(), "\n")
	for i := range lines {
		lines[i] = strings.TrimRight(lines[i], " ") // of empty columns
	}
	_, err := io.WriteString(w, visible(strings.Join(lines, "\n")))
	return err
}

// visible shows what would move the cursor or colour the terminal: a response's text is anybody's.
func visible(text string) string {
	var b strings.Builder
	for _, r := range text {
		if r == '\n' || r == '\t' || strconv.IsPrint(r) {
			b.WriteRune(r)
			continue
		}
		quoted := strconv.QuoteRune(r)
		b.WriteString(quoted[1 : len(quoted)-1])
	}
	return b.String()
}

func (r *Report) summary() string {
	text := fmt.Sprintf("%d passed, %d failed", r.Passed, r.Failed)
	if r.Skipped > 0 {
		text += fmt.Sprintf(", %d skipped", r.Skipped)
	}
	return fmt.Sprintf("%s in %.2f s", text, r.duration.Seconds())
}

// details are what a person needs to see what went wrong.
func (r *Result) details() string {
	var text strings.Builder
	fmt.Fprintf(&text, "--- FAIL: %s", r.Name)
	if r.File != "" {
		fmt.Fprintf(&text, " (%s:%d)", r.File, r.Line)
	}
	text.WriteString("\n")
	for _, f := range r.Failures {
		fmt.Fprintf(&text, "    %s\n", f)
	}
	text.WriteString(r.evidence())
	text.WriteString("\n")
	return text.String()
}

// evidence is the request, the response's head and what the app and its server had to say.
func (r *Result) evidence() string {
	var text strings.Builder
	for _, part := range []struct{ title, body string }{
		{"request", r.Request},
		{"response", r.Response},
		{"the app's traceback", r.Traceback},
		{"wsgi.errors", r.Errors},
		{"where its thread was", r.Stack},
		{"what the server said", r.Log},
	} {
		if part.body == "" {
			continue
		}
		fmt.Fprintf(&text, "  %s:\n", part.title)
		for line := range strings.Lines(strings.TrimRight(part.body, "\n")) {
			fmt.Fprintf(&text, "    %s\n", strings.TrimRight(line, "\r\n"))
		}
	}
	return text.String()
}
