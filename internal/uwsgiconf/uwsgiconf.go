// Package uwsgiconf reads uWSGI's configurations: .ini files with their language (sections, %(placeholders) with arithmetic, magic
// %d and its like, $(VARIABLES), @(files), loops, conditions, includes), and the same keys in .yaml and .json. It knows no
// options: what it gives is a flat list of keys and values, with the place of each.
//
// Where uWSGI's rule only hurts (a comment behind a value is part of it, an unset $(VARIABLE) stays as it is written, an unknown
// %Y is deleted) it does what the writer meant, and leaves a note.
package uwsgiconf

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
)

// Directive is one setting, with everything in it expanded.
type Directive struct {
	Key, Value string
	Bare       bool   // the key stood alone, without "="
	File       string // as it was given
	Line       int    // from 1; 0 where the format does not tell
}

// Level is how much a note matters.
type Level int

// The levels.
const (
	Info    Level = iota // there is something to know
	Warning              // it is not what uWSGI does, or not what it looks like
	Error                // it can't be meant
)

// Note is a remark on how a line was understood.
type Note struct {
	Level Level
	File  string
	Line  int
	Key   string // "" where the line has none
	Text  string // the rest of a sentence
}

// Result is what a configuration says.
type Result struct {
	Directives []Directive // in the order in which uWSGI applies them
	Notes      []Note
	Referenced map[string]bool // the keys that were used as %(key): placeholders, if they are no options
	Files      []string        // that were read
}

// Reader reads configurations. Its zero value is ready.
type Reader struct {
	// LookupEnv finds variables; nil: those of the process.
	LookupEnv func(string) (string, bool)
	// Before is what was set before: conditions (if-opt) and %(key) see it.
	Before []Directive
}

// Bounds: a configuration is written by people, and read as root perhaps.
const (
	maxFile       = 1 << 20 // bytes of a file
	maxDepth      = 16      // files that include one another
	maxDirectives = 10000
	maxValue      = 64 << 10 // bytes of a value, expanded
	maxTotal      = 4 << 20  // bytes of all
	maxLoop       = 1000     // rounds of one
	maxNotes      = 1000
)

// ReadError is why a configuration can't be read, and where.
type ReadError struct {
	File string
	Line int // 0: the file as a whole
	Text string
}

func (e *ReadError) Error() string {
	if e.Line == 0 {
		return e.File + ": " + e.Text
	}
	return fmt.Sprintf("%s:%d: %s", e.File, e.Line, e.Text)
}

// Read reads a file, or the section of one: uwsgi.ini, uwsgi.ini:production, uwsgi.yaml, uwsgi.json. Without a section it is
// that named uwsgi. Errors are *ReadError.
func (r *Reader) Read(ref string) (*Result, error) {
	b := &builder{reader: r, result: &Result{Referenced: map[string]bool{}}, before: map[string]string{}, index: map[string]int{}, noted: map[Note]bool{}}
	b.first, b.section = split(ref)
	for _, d := range r.Before {
		if _, has := b.before[d.Key]; !has {
			b.before[d.Key] = d.Value
		}
	}
	if b.lookup = r.LookupEnv; b.lookup == nil {
		b.lookup = os.LookupEnv
	}
	if err := b.read(ref, source{}, 1); err != nil {
		return nil, err
	}
	for len(b.inherited) > 0 { // uWSGI reads these behind all else
		next := b.inherited[0]
		b.inherited = b.inherited[1:]
		if err := b.read(next.ref, next.from, next.depth); err != nil {
			return nil, err
		}
	}
	if err := b.resolve(); err != nil {
		return nil, err
	}
	return b.result, nil
}

// source is where a line stands.
type source struct {
	file    string
	section string
	line    int
}

func (s source) fail(format string, args ...any) error {
	return &ReadError{File: s.file, Line: s.line, Text: fmt.Sprintf(format, args...)}
}

// builder makes a Result.
type builder struct {
	reader    *Reader
	result    *Result
	lookup    func(string) (string, bool)
	first     string // the path that the reading began with, for %D and its like
	section   string // and its section
	before    map[string]string
	index     map[string]int // of each key's first setting
	pending   []pending      // settings with %(keys) that were not known yet
	noted     map[Note]bool
	block     *block // the open for or if; nil: none
	inherited []inherited
	total     int
}

type inherited struct {
	ref   string
	from  source
	depth int
}

// split cuts a section off a reference. The path may have colons itself.
func split(ref string) (path, section string) {
	if i := strings.LastIndexByte(ref, ':'); i >= 0 && !strings.Contains(ref[i:], "/") {
		if _, err := os.Stat(ref); err != nil || i == 0 {
			return ref[:i], ref[i+1:]
		}
	}
	return ref, ""
}

// read takes in one file. from is the line that asks for it, if one does.
func (b *builder) read(ref string, from source, depth int) error {
	path, section := split(ref)
	if path == "" { // ":section" of the same file
		path = from.file
	}
	where := from
	if where.file == "" {
		where.file = path
	}
	if depth > maxDepth {
		return where.fail("files include one another more than %d times: is it a circle?", maxDepth)
	}
	if section == "" {
		section = "uwsgi"
	}
	text, path, err := b.load(path, from)
	if err != nil {
		if from.file == "" {
			return &ReadError{File: path, Text: err.Error()}
		}
		return where.fail("%s: %v", path, err)
	}
	b.result.Files = append(b.result.Files, path)
	at := source{file: path, section: section}
	switch strings.ToLower(filepath.Ext(path)) {
	case ".yml", ".yaml", ".json":
		err = b.readYAML(text, at, depth)
	case ".xml", ".js", ".lua", ".sqlite":
		return at.fail("gowsgi reads .ini, .yaml and .json configurations; write it as one of these")
	default:
		err = b.readINI(text, at, depth)
	}
	if err == nil && b.block != nil {
		err = b.block.at.fail("%s has no %s", b.block.key, b.block.end())
	}
	return err
}

// load reads a file whole. A relative path counts from the working directory, as in uWSGI, and else from the file that asks for it.
func (b *builder) load(path string, from source) (text []byte, found string, err error) {
	text, err = readBounded(path)
	if os.IsNotExist(err) && from.file != "" && !filepath.IsAbs(path) {
		beside := filepath.Join(filepath.Dir(from.file), path)
		if text, err := readBounded(beside); err == nil {
			b.note(Warning, from, "", fmt.Sprintf("%s is found beside %s; uWSGI looks in the working directory only", path, from.file))
			return text, beside, nil
		}
	}
	return text, path, err
}

func readBounded(path string) ([]byte, error) {
	info, err := os.Stat(path)
	switch {
	case err != nil:
		return nil, cause(err)
	case info.IsDir():
		return nil, fmt.Errorf("it is a directory")
	case !info.Mode().IsRegular():
		return nil, fmt.Errorf("it is no regular file")
	case info.Size() > maxFile:
		return nil, fmt.Errorf("it is larger than %d MiB", maxFile>>20)
	}
	file, err := os.Open(path)
	if err != nil {
		return nil, cause(err)
	}
	defer file.Close() // it was only read
	text, err := io.ReadAll(io.LimitReader(file, maxFile+1))
	if len(text) > maxFile { // a file of /proc says that it is empty
		return nil, fmt.Errorf("it is larger than %d MiB", maxFile>>20)
	}
	return text, cause(err)
}

// cause leaves the path out, which the caller names.
func cause(err error) error {
	if p, ok := err.(*os.PathError); ok {
		return p.Err
	}
	return err
}

// note adds a note. Beyond maxNotes nobody reads them, but an error counts.
func (b *builder) note(level Level, at source, key, text string) {
	if len(b.result.Notes) >= maxNotes && level != Error || len(b.result.Notes) >= 2*maxNotes {
		return
	}
	n := Note{level, at.file, at.line, key, text}
	if b.noted[n] { // a loop says it once
		return
	}
	b.noted[n] = true
	b.result.Notes = append(b.result.Notes, n)
}
