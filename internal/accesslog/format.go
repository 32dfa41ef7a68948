package accesslog

import (
	"errors"
	"fmt"
	"strings"
)

// Format renders records as lines. It is safe for concurrent use.
type Format struct {
	ops     []op
	environ bool
	open    bool // an unknown name is a variable that the app sets
	clock   clock
	memory  memory
}

// op appends literal text, or a variable if put is set.
type op struct {
	literal string
	put     putFunc
	key     string // of var.KEY, or the name of the app's variable
}

// New compiles a --log-format: %(name) is a variable, everything else,
// other percent signs included, stands for itself, as in uWSGI. Unlike uWSGI it
// refuses a name that it doesn't know.
func New(format string) (*Format, error) { return (&Format{}).compile(format) }

// NewOpen is New for apps that set variables of their own: a name that it doesn't know is one of them.
func NewOpen(format string) (*Format, error) { return (&Format{open: true}).compile(format) }

func (f *Format) compile(format string) (*Format, error) {
	if format == "" {
		return nil, errors.New("log-format is empty")
	}
	for rest := format; rest != ""; {
		literal, after, found := strings.Cut(rest, "%(")
		if literal != "" {
			f.ops = append(f.ops, op{literal: literal})
		}
		if !found {
			break
		}
		name, next, closed := strings.Cut(after, ")")
		if !closed {
			return nil, fmt.Errorf("log-format: %q has no closing parenthesis", "%("+after)
		}
		if err := f.variable(name); err != nil {
			return nil, err
		}
		rest = next
	}
	return f, nil
}

func (f *Format) variable(name string) error {
	if key, ok := strings.CutPrefix(name, "var."); ok && key != "" {
		f.ops = append(f.ops, op{put: putEnviron, key: key})
		f.environ = true
		return nil
	}
	for _, v := range variables {
		if v.Name == name {
			f.ops = append(f.ops, op{put: v.put})
			f.environ = f.environ || v.environ
			return nil
		}
	}
	if f.open && name != "" && name != "var." {
		f.ops = append(f.ops, op{put: putLogVar, key: name})
		return nil
	}
	return unknownVariable(name)
}

// NeedsEnviron tells whether the format reads Record.Vars, VarBytes or
// Environ, which cost something to fill.
func (f *Format) NeedsEnviron() bool { return f.environ }

// Append appends r's line, with its newline, to dst. It allocates nothing
// (once a second, a new time stamp) and keeps nothing of r.
func (f *Format) Append(dst []byte, r *Record) []byte {
	for i := range f.ops {
		if o := &f.ops[i]; o.put != nil {
			dst = o.put(dst, f, r, o.key)
		} else {
			dst = append(dst, o.literal...)
		}
	}
	return append(dst, '\n')
}
