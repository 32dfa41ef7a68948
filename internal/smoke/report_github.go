package smoke

import (
	"fmt"
	"io"
	"regexp"
	"strings"
)

var (
	githubText     = strings.NewReplacer("%", "%25", "\r", "%0D", "\n", "%0A")
	githubProperty = strings.NewReplacer("%", "%25", "\r", "%0D", "\n", "%0A", ":", "%3A", ",", "%2C")
	tracebackFrame = regexp.MustCompile(`(?m)^  File "([^"]+)", line (\d+)`)
)

// annotate writes a GitHub workflow command for each failure, at the app's line that raised, else at the check's. dir
// is the working directory, which GitHub's paths count from as a rule.
func (r *Report) annotate(w io.Writer, dir string) error {
	for i := range r.Results {
		result := &r.Results[i]
		if result.Outcome != Failed {
			continue
		}
		place := ""
		if file, line := result.place(dir); file != "" {
			place = fmt.Sprintf("file=%s,line=%s,", githubProperty.Replace(file), line)
		}
		text := strings.Join(result.Failures, "\n")
		lines := strings.Split(strings.TrimSpace(result.Traceback), "\n")
		if last := strings.TrimSpace(lines[len(lines)-1]); last != "" {
			text += "\n" + last
		}
		_, err := fmt.Fprintf(w, "::error %stitle=%s::%s\n", place, githubProperty.Replace("gowsgi smoke: "+result.Name), githubText.Replace(text))
		if err != nil {
			return err
		}
	}
	return nil
}

// place is the file, below dir, and the line that a failure is shown at; "" for none.
func (r *Result) place(dir string) (file, line string) {
	for _, frame := range tracebackFrame.FindAllStringSubmatch(r.Traceback, -1) {
		if rel, below := strings.CutPrefix(frame[1], strings.TrimSuffix(dir, "/")+"/"); below && !strings.Contains(rel, "site-packages/") {
			file, line = rel, frame[2]
		}
	}
	if file == "" && r.File != "" {
		return strings.TrimPrefix(r.File, strings.TrimSuffix(dir, "/")+"/"), fmt.Sprint(r.Line)
	}
	return file, line
}
