// Package uwsgiconf reads uWSGI's configuration files.
package uwsgiconf

import "errors"

// Directive is one setting, expanded.
type Directive struct {
	Key, Value string
	Bare       bool
	File       string
	Line       int
}

// Level is how much a note matters.
type Level int

// The levels.
const (
	Info Level = iota
	Warning
	Error
)

// Note is a remark on how a line was understood.
type Note struct {
	Level Level
	File  string
	Line  int
	Key   string
	Text  string
}

// Result is what a file says.
type Result struct {
	Directives []Directive
	Notes      []Note
	Referenced map[string]bool
	Files      []string
}

// Reader reads files.
type Reader struct {
	LookupEnv func(string) (string, bool)
	Before    []Directive
}

// Read reads path or path:section.
func (r *Reader) Read(ref string) (*Result, error) { return nil, errors.New("not yet") }
