package uwsgiconf

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

// block is a loop or a condition that is open.
type block struct {
	key   string
	at    source
	items []string // what %(_) stands for, round by round: a condition has one round, or none
	body  []step
	other bool // behind "else": the lines count if there is no round
	past  []step
}

// step is a line of a block, kept until its end.
type step struct {
	directive Directive
	at        source
	depth     int
}

func (k *block) end() string {
	if strings.HasPrefix(k.key, "for") {
		return "endfor"
	}
	return "endif"
}

// loops are the keys that begin a loop.
var loops = []string{"for", "for-glob", "for-times", "for-readline"}

// endings end a block; uWSGI does not tell them apart.
var endings = []string{"endfor", "end-for", "endif", "end-if"}

// conditions tell whether the value holds, and what %(_) stands for then. "if-not-" before the rest is the opposite.
var conditions = map[string]func(b *builder, value string) (item string, holds bool){
	"env": func(b *builder, value string) (string, bool) {
		name, want, compare := strings.Cut(value, "=")
		text, ok := b.lookup(name)
		return text, ok && (!compare || text == want)
	},
	"opt": func(b *builder, value string) (string, bool) {
		key, want, compare := strings.Cut(value, "=")
		text, ok := b.find(key)
		return text, ok && (!compare || text == want)
	},
	"exists": func(_ *builder, value string) (string, bool) {
		return value, exists(value, func(os.FileInfo) bool { return true })
	},
	"file": func(_ *builder, value string) (string, bool) { return value, exists(value, regular) },
	"dir":  func(_ *builder, value string) (string, bool) { return value, exists(value, os.FileInfo.IsDir) },
	"hostname": func(_ *builder, value string) (string, bool) {
		host, _ := os.Hostname()
		return value, host == value
	},
	"plugin": func(_ *builder, value string) (string, bool) {
		return value, strings.HasPrefix(value, "python") || value == "http"
	},
	"reload": func(*builder, string) (string, bool) { return "", false }, // gowsgi never reads a configuration for a reload
}

func regular(info os.FileInfo) bool { return info.Mode().IsRegular() }

func exists(path string, is func(os.FileInfo) bool) bool {
	info, err := os.Stat(path)
	return err == nil && is(info)
}

// condition finds the condition that a key asks for.
func condition(key string) (holds func(*builder, string) (string, bool), negated, ok bool) {
	name, ok := strings.CutPrefix(key, "if")
	if !ok {
		return nil, false, false
	}
	name = strings.TrimPrefix(name, "-")
	name, negated = strings.CutPrefix(name, "not-")
	if name == "directory" {
		name = "dir"
	}
	holds, ok = conditions[name]
	return holds, negated, ok
}

// includes are the keys that name another configuration; inherit's is read at the end.
var includes = []string{"ini", "yaml", "yml", "json", "include", "inherit"}

// add takes in a line: into the open block, as the beginning or end of one, or as a setting.
func (b *builder) add(d Directive, at source, depth int) error {
	_, _, conditional := condition(d.Key)
	begins := conditional || slices.Contains(loops, d.Key)
	switch {
	case slices.Contains(endings, d.Key):
		if b.block == nil {
			b.note(Warning, at, d.Key, "it ends nothing, and is left out")
			return nil
		}
		return b.close()
	case b.block != nil && begins:
		return at.fail("%s inside of %s (line %d): neither uWSGI nor gowsgi has one in the other", d.Key, b.block.key, b.block.at.line)
	case b.block != nil && d.Key == "else" && !strings.HasPrefix(b.block.key, "for"):
		b.note(Info, at, d.Key, "only uWSGI 2.1 knows else")
		b.block.other = true
	case b.block != nil && b.block.other:
		b.block.past = append(b.block.past, step{d, at, depth})
	case b.block != nil:
		b.block.body = append(b.block.body, step{d, at, depth})
	case begins:
		return b.open(d, at)
	default:
		return b.emit(d, at, depth)
	}
	if b.block != nil && len(b.block.body)+len(b.block.past) > maxDirectives {
		return at.fail("%s has more than %d lines", b.block.key, maxDirectives)
	}
	return nil
}

// open begins a block.
func (b *builder) open(d Directive, at source) error {
	value, err := b.expand(d, at)
	if err != nil {
		return err
	}
	k := &block{key: d.Key, at: at}
	if holds, negated, ok := condition(d.Key); ok {
		item, is := holds(b, value)
		if is != negated {
			k.items = []string{item}
		}
		b.block = k
		return nil
	}
	switch d.Key {
	case "for":
		k.items = strings.Fields(value)
	case "for-glob":
		if k.items, err = glob(value); err != nil {
			return at.fail("for-glob = %s: the pattern is malformed", value)
		}
		if len(k.items) == 0 {
			b.note(Info, at, d.Key, "nothing matches, so there is no round; uWSGI has one with the pattern itself")
		}
	case "for-times":
		n, err := strconv.Atoi(value)
		if err != nil || n < 0 || n > maxLoop {
			return at.fail("for-times = %s: want a number from 0 to %d", value, maxLoop)
		}
		for i := range n {
			k.items = append(k.items, strconv.Itoa(i+1))
		}
	case "for-readline":
		text, err := readBounded(value)
		if err != nil {
			return at.fail("for-readline = %s: %v", value, err)
		}
		for _, line := range strings.Split(string(text), "\n") {
			if line = strings.TrimRight(line, "\r"); line != "" {
				k.items = append(k.items, line)
			}
		}
	}
	if len(k.items) > maxLoop {
		return at.fail("%s has more than %d rounds", d.Key, maxLoop)
	}
	b.block = k
	return nil
}

// glob lists the files that match. Those that begin with a dot want a pattern that does, as in uWSGI.
func glob(pattern string) (found []string, err error) {
	all, err := filepath.Glob(pattern)
	for _, path := range all {
		if !strings.HasPrefix(filepath.Base(path), ".") || strings.HasPrefix(filepath.Base(pattern), ".") {
			found = append(found, path)
		}
	}
	return found, err
}

// close ends the block, and takes its lines in.
func (b *builder) close() error {
	k := b.block
	b.block = nil
	for _, s := range k.body { // line by line, as uWSGI: each one's rounds together
		for _, item := range k.items {
			d := s.directive
			if n := strings.Count(d.Value, "%(_)"); len(d.Value)+n*len(item) > maxFile {
				return s.at.fail("the value of %s is longer than %d KiB", d.Key, maxValue>>10)
			}
			d.Value = strings.ReplaceAll(d.Value, "%(_)", item)
			if err := b.emit(d, s.at, s.depth); err != nil {
				return err
			}
		}
	}
	if len(k.items) > 0 {
		return nil
	}
	for _, s := range k.past {
		if err := b.emit(s.directive, s.at, s.depth); err != nil {
			return err
		}
	}
	return nil
}

// emit is a setting's way into the result. Another configuration that it names is read at once.
func (b *builder) emit(d Directive, at source, depth int) error {
	value, err := b.expand(d, at)
	if err != nil {
		return err
	}
	if before, after, is := strings.Cut(value, "="); is && (d.Key == "set-ph" || d.Key == "set-placeholder") {
		b.result.Referenced[strings.TrimSpace(before)] = true
		d.Key, value = strings.TrimSpace(before), strings.TrimSpace(after)
	}
	d.Value = value
	b.total += len(d.Key) + len(value)
	if len(b.result.Directives) >= maxDirectives || b.total > maxTotal {
		return at.fail("the configuration is too large: more than %d settings, or %d MiB", maxDirectives, maxTotal>>20)
	}
	n := len(b.result.Directives)
	b.result.Directives = append(b.result.Directives, d)
	if _, has := b.index[d.Key]; !has {
		b.index[d.Key] = n
	}
	if strings.Contains(value, "%(") {
		b.pending = append(b.pending, pending{setting: n, at: at})
	}
	switch {
	case !slices.Contains(includes, d.Key) || value == "":
		return nil
	case d.Key == "inherit":
		if len(b.inherited) > maxDepth {
			return at.fail("inherit: more than %d files", maxDepth)
		}
		b.inherited = append(b.inherited, inherited{value, at, depth + 1})
		return nil
	}
	open := b.block // of an outer file there is none: emit is called outside of blocks
	err = b.read(value, at, depth+1)
	b.block = open
	if err != nil {
		if _, ok := err.(*ReadError); !ok {
			err = fmt.Errorf("%s: %w", d.Key, err)
		}
	}
	return err
}
