package smoke

import (
	"cmp"
	"net/http"
	"strconv"
	"strings"

	"github.com/bmatcuk/doublestar/v4"
)

// Check is one request, and what is expected of its response: an entry of a checks file, whose keys are the tags.
type Check struct {
	Name    string            `yaml:"name"`
	Method  string            `yaml:"method"` // "" is GET, or POST with a body
	Path    string            `yaml:"path"`   // may have a query
	Query   map[string]Texts  `yaml:"query"`
	Headers map[string]string `yaml:"headers"`
	Expect  Expect            `yaml:"expect"`
	Save    map[string]Value  `yaml:"save"` // of the response, by the name that later checks say as ${name}

	// The request's body: one of them, but a form may have files.
	Body *string          `yaml:"body"`
	JSON any              `yaml:"json"`
	Form map[string]Texts `yaml:"form"`
	File *File            `yaml:"file"`

	source string // the checks file, "" for none
	line   int    // in it
	host   string // the Host header, "" for the server's address
}

// Expect is what a response must be. Without a status, anything below 400 will do.
type Expect struct {
	Status   Many[int]       `yaml:"status"`
	Headers  map[string]Want `yaml:"headers"`
	Contains Texts           `yaml:"contains"` // each of them is in the body
	Matches  Texts           `yaml:"matches"`  // so is a match of each of these regular expressions
	JSON     any             `yaml:"json"`     // a part of the body's JSON
	MaxMS    int             `yaml:"max_ms"`   // 0: what --max-ms says

	below int // the status that is none of success; 0: 400
}

// Want is what a header must be: a text as it stands, or what the keys say. The zero Want, null in a file, is a header
// that must be missing.
type Want struct {
	Equals   *string `yaml:"-"`
	Contains string  `yaml:"contains"`
	Matches  string  `yaml:"matches"`
}

// Value is where a value to save comes from: one of them.
type Value struct {
	Header  string  `yaml:"header"`
	Cookie  string  `yaml:"cookie"`
	Matches string  `yaml:"matches"` // a regular expression on the body: its first group, or all of it
	JSON    *string `yaml:"json"`    // a JSON pointer (RFC 6901): /items/0/id
}

// File is a body that is a file, or a multipart form with files by the names of their fields. Paths count from the
// checks file's folder.
type File struct {
	Body   string
	Fields map[string]string
}

// verb is the request's method.
func (c *Check) verb() string {
	fallback := http.MethodGet
	if c.Body != nil || c.JSON != nil || c.Form != nil || c.File != nil {
		fallback = http.MethodPost
	}
	return cmp.Or(strings.ToUpper(c.Method), fallback)
}

// label names the check in reports.
func (c *Check) label() string { return cmp.Or(c.Name, c.verb()+" "+c.Path) }

// given is the check that --get asks for: a path, with "=" and a status or without.
func given(text string) Check {
	c := Check{Path: text}
	path, status, _ := strings.Cut(text, "=")
	if at := strings.LastIndex(text, "="); at > 0 {
		path, status = text[:at], text[at+1:]
	}
	if n, err := strconv.Atoi(status); err == nil && len(status) == 3 {
		c.Path, c.Expect.Status = path, Many[int]{n}
	}
	return c
}

// discovered makes a check of each route that can be asked for as it stands, once. unused are the patterns that
// exclude nothing.
func discovered(routes []Route, exclude []string) (checks []Check, unused []string) {
	seen, used := map[string]bool{}, map[string]bool{}
	for _, r := range routes {
		pattern := excluded(r.Path, exclude)
		if pattern != "" {
			used[pattern] = true
		}
		if r.Path == "" || pattern != "" || seen[r.Host+r.Path] {
			continue
		}
		seen[r.Host+r.Path] = true
		checks = append(checks, Check{Path: r.Path, host: r.Host, Expect: Expect{below: http.StatusInternalServerError}})
	}
	for _, pattern := range exclude {
		if !used[pattern] {
			unused = append(unused, pattern)
		}
	}
	return checks, unused
}

// excluded is the pattern that leaves the path out, or "".
func excluded(path string, patterns []string) string {
	for _, pattern := range patterns {
		if doublestar.MatchUnvalidated(pattern, path) {
			return pattern
		}
	}
	return ""
}
