package devloop

import (
	"bytes"
	"crypto/rand"
	_ "embed"
	"encoding/json"
	"html/template"
	"os"
	"regexp"
	"strconv"
	"strings"

	"github.com/gowsgi/gowsgi/bridge"
)

// Failure is why there is no app.
type Failure struct {
	Message   string `json:"message"` // one line
	Traceback string `json:"traceback,omitempty"`
	Text      string `json:"text"` // the traceback with more of the source, for people
	frames    []frame
}

// NewFailure makes one of a message and Python's traceback, if there is one. It reads the source files now: the next
// save changes them.
func NewFailure(message, traceback string) *Failure {
	f := &Failure{Message: message, Traceback: traceback}
	f.frames = readFrames(traceback)
	f.Text = f.text()
	return f
}

// frame is a place that a traceback names.
type frame struct {
	File, Function string
	Line           int
	Source         []line
}

type line struct {
	Number int
	Text   string
	Here   bool
}

// A traceback's places, also those of the files that SyntaxError is about, which have no function.
var placeLine = regexp.MustCompile(`(?m)^ *File "([^"\n]+)", line (\d+)(?:, in (.*))?$`)

const (
	framesMax = 50
	around    = 4 // lines of source on each side
	sourceMax = 2 << 20
	lineMax   = 500
)

// installed tells files of packages, which nobody edits.
var installed = regexp.MustCompile(`/(site|dist)-packages/`)

func readFrames(traceback string) (frames []frame) {
	for _, m := range placeLine.FindAllStringSubmatch(traceback, -1) {
		number, err := strconv.Atoi(m[2])
		if err != nil || len(frames) == framesMax {
			continue
		}
		frames = append(frames, frame{File: m[1], Function: m[3], Line: number, Source: source(m[1], number)})
	}
	return frames
}

// source are the lines around one.
func source(file string, number int) (lines []line) {
	info, err := os.Stat(file)
	if err != nil || !info.Mode().IsRegular() || info.Size() > sourceMax {
		return nil
	}
	text, err := os.ReadFile(file)
	if err != nil || bytes.IndexByte(text, 0) >= 0 {
		return nil
	}
	for i, t := range strings.Split(string(text), "\n") {
		if n := i + 1; n >= number-around && n <= number+around {
			t = strings.TrimRight(t, "\r")
			lines = append(lines, line{n, strings.ToValidUTF8(t[:min(len(t), lineMax)], "\uFFFD"), n == number})
		}
	}
	return lines
}

// Files are those that the traceback names, without installed packages.
func (f *Failure) Files() (files []string) {
	for _, frame := range f.frames {
		if !installed.MatchString(frame.File) {
			files = append(files, frame.File)
		}
	}
	return files
}

// text is the traceback, and around its last place in the app more of the source.
func (f *Failure) text() string {
	var b strings.Builder
	b.WriteString(f.Traceback)
	for i := len(f.frames) - 1; i >= 0; i-- {
		if at := f.frames[i]; len(at.Source) > 0 {
			b.WriteString("\n" + at.File + ":\n")
			for _, l := range at.Source {
				mark := "  "
				if l.Here {
					mark = "> "
				}
				b.WriteString(mark + strconv.Itoa(l.Number) + "  " + l.Text + "\n")
			}
			break
		}
	}
	return b.String()
}

//go:embed failure.html
var failureHTML string

var failurePage = template.Must(template.New("failure").Parse(failureHTML))

// page is the failure as the client wants it. reload is the URL of the script that loads the page again.
func (f *Failure) page(v *bridge.Visit, reload string) *bridge.Page {
	switch accept := strings.ToLower(v.Accept); {
	case strings.Contains(accept, "text/html"):
		return f.html(v, reload)
	case strings.Contains(accept, "application/json"), strings.Contains(accept, "+json"):
		body, _ := json.MarshalIndent(map[string]any{"error": "the app can't be loaded", "message": f.Message, "traceback": f.Traceback}, "", "  ")
		return &bridge.Page{Status: 500, Type: "application/json", Body: append(body, '\n')}
	}
	text := "The app can't be loaded: " + f.Message + "\n"
	if f.Text != "" {
		text += "\n" + f.Text
	}
	return &bridge.Page{Status: 500, Type: "text/plain; charset=utf-8", Body: []byte(text)}
}

func (f *Failure) html(v *bridge.Visit, reload string) *bridge.Page {
	nonce := rand.Text()
	if v.Method != "GET" && v.Method != "HEAD" {
		reload = "" // to load the page again would be to send the form again
	}
	var body bytes.Buffer
	err := failurePage.Execute(&body, map[string]any{
		"Nonce": nonce, "Message": f.Message, "Traceback": f.Traceback, "Frames": f.frames, "Reload": reload,
	})
	if err != nil {
		return nil
	}
	return &bridge.Page{
		Status: 500, Type: "text/html; charset=utf-8", Body: body.Bytes(),
		Fields: []string{
			"Content-Security-Policy: default-src 'none'; style-src 'nonce-" + nonce + "'; script-src 'nonce-" + nonce +
				"'; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'self'",
			"Referrer-Policy: no-referrer",
		},
	}
}
