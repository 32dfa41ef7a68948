package uwsgiconf

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
)

// readINI takes in the lines of a section.
func (b *builder) readINI(text []byte, at source, depth int) error {
	if rest, found := bytes.CutPrefix(text, []byte("\xef\xbb\xbf")); found {
		text = rest
		at.line = 1
		b.note(Info, at, "", "the file begins with a byte order mark, after which uWSGI misses the first section; it is left out here")
	}
	seen, inside := false, false
	m := b.magic(at)
	for i, raw := range strings.Split(string(text), "\n") {
		at.line = i + 1
		line := strings.Trim(raw, " \t\r")
		switch {
		case line == "" || line[0] == ';' || line[0] == '#':
			continue
		case line[0] == '[':
			name, _, _ := strings.Cut(line[1:], "]")
			inside = strings.TrimSpace(name) == at.section
			seen = seen || inside
			continue
		case !inside:
			continue
		case conflict(line):
			b.note(Warning, at, "", "a conflict marker of git, left out; both sides of it count, as in uWSGI")
			continue
		}
		key, value, given := strings.Cut(line, "=")
		key = strings.TrimSpace(key)
		if key == "" {
			b.note(Warning, at, "", "a line without a key, left out")
			continue
		}
		value = b.uncomment(at, key, strings.TrimSpace(value))
		value = b.unmagic(at, key, value, m)
		if err := b.add(Directive{Key: key, Value: value, Bare: !given, File: at.file, Line: at.line}, at, depth); err != nil {
			return err
		}
	}
	if !seen {
		at.line = 0
		return at.fail("there is no section [%s]", at.section)
	}
	return nil
}

// conflict tells whether git has left the line.
func conflict(line string) bool {
	return strings.HasPrefix(line, "<<<<<<< ") || strings.HasPrefix(line, ">>>>>>> ") || line == "======="
}

// free are the keys whose values may well have a blank and a semicolon or number sign in them.
var free = []string{"env", "log-format", "logformat", "add-header", "pyargv", "print"}

// freeBeginnings are what the names of more of them begin with.
var freeBeginnings = []string{"procname", "hook-", "route", "exec-", "cron", "attach-daemon", "log-encoder", "log-req-encoder"}

func freeText(key string) bool {
	return slices.Contains(free, key) || slices.ContainsFunc(freeBeginnings, func(b string) bool { return strings.HasPrefix(key, b) })
}

// uncomment cuts a comment off a value. uWSGI keeps it in.
func (b *builder) uncomment(at source, key, value string) string {
	cut := -1
	for i := 0; i+1 < len(value); i++ {
		if (value[i] == ' ' || value[i] == '\t') && (value[i+1] == ';' || value[i+1] == '#') {
			cut = i
			break
		}
	}
	switch {
	case cut < 0 && value != "" && (value[0] == ';' || value[0] == '#') && !freeText(key) && !strings.HasPrefix(value, "#!"):
		cut = 0
	case cut < 0:
		return value
	case freeText(key):
		b.note(Info, at, key, fmt.Sprintf("%q is part of the value, as in uWSGI; comments stand in lines of their own", strings.TrimSpace(value[cut:])))
		return value
	}
	b.note(Warning, at, key, fmt.Sprintf("the comment %q is left out; uWSGI takes it for a part of the value", strings.TrimSpace(value[cut:])))
	return strings.TrimRight(value[:cut], " \t")
}
