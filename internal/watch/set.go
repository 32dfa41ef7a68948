// Package watch tells when files change: those that were named, and those that patterns match, also new ones.
//
// What counts is what the files look like, their stamps. What the operating system tells of directories only says
// where to look, and a look that comes now and then makes up for what it does not tell: so saves by rename, links
// that are turned, network file systems and lost events are all the same.
package watch

import (
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/bmatcuk/doublestar/v4"
)

// Set is what is watched. Paths are absolute.
type Set struct {
	Files    []string // also those that are not there yet
	Patterns []Pattern
}

// Pattern is files below a directory.
type Pattern struct {
	Dir  string
	Glob string // slash-separated and relative to Dir, as "**/*.py"
}

// NewPattern is a pattern that is relative to dir, unless it is absolute.
func NewPattern(dir, glob string) Pattern {
	base, rest := doublestar.SplitPattern(filepath.ToSlash(glob))
	if base = filepath.FromSlash(base); !filepath.IsAbs(base) {
		base = filepath.Join(dir, base)
	}
	return Pattern{base, rest}
}

// The most that one look takes in; what lies beyond is not watched.
const (
	maxFiles = 20_000
	maxDirs  = 4_000
)

// ignoredDirs hold nothing that anybody edits. A directory with a pyvenv.cfg is one more.
var ignoredDirs = map[string]bool{
	"__pycache__": true, ".git": true, ".hg": true, ".svn": true, "node_modules": true, "site-packages": true,
	".venv": true, ".tox": true, ".nox": true, ".mypy_cache": true, ".pytest_cache": true, ".ruff_cache": true, ".idea": true,
}

// stamp is what a change is told by; zero: the file is missing.
type stamp struct {
	at    time.Time
	size  int64
	inode uint64
}

// stampOf follows links.
func stampOf(path string) stamp {
	info, err := os.Stat(path)
	if err != nil || info.IsDir() {
		return stamp{}
	}
	return stamp{info.ModTime(), info.Size(), inode(info)}
}

// look is what a set's files are like at one moment.
type look struct {
	stamps  map[string]stamp
	targets map[string]bool // files that links among them lead to
	dirs    map[string]bool // where a change of a file, or a new one, shows
	capped  bool            // there is more than can be watched
}

// look looks at all of it.
func (s *Set) look() *look {
	l := &look{stamps: map[string]stamp{}, targets: map[string]bool{}, dirs: map[string]bool{}}
	for _, file := range s.Files {
		l.add(file)
	}
	for _, p := range s.Patterns {
		l.walk(p)
	}
	return l
}

// add takes in a file, or its absence.
func (l *look) add(file string) {
	if len(l.stamps) >= maxFiles {
		l.capped = true
		return
	}
	l.stamps[file] = stampOf(file)
	if target, err := filepath.EvalSymlinks(file); err == nil && target != file {
		l.targets[target] = true
	}
	l.lead(file, 0)
}

// maxLinks is how many links may lead to a file.
const maxLinks = 16

// lead notes the directories in which a change of path shows: its own, and those of the links on the way.
func (l *look) lead(path string, links int) {
	dir := filepath.Dir(path)
	if l.dirs[dir] && links == 0 {
		if info, err := os.Lstat(path); err == nil && info.Mode()&fs.ModeSymlink == 0 {
			return
		}
	}
	for info, err := os.Stat(dir); err != nil || !info.IsDir(); info, err = os.Stat(dir) {
		if dir == filepath.Dir(dir) {
			return
		}
		dir = filepath.Dir(dir) // it may come to be
	}
	l.dirs[dir] = true
	for at := path; at != filepath.Dir(at); at = filepath.Dir(at) {
		target, err := os.Readlink(at)
		if err != nil || links >= maxLinks {
			continue
		}
		l.dirs[filepath.Dir(at)] = true
		if !filepath.IsAbs(target) {
			target = filepath.Join(filepath.Dir(at), target)
		}
		l.lead(target+strings.TrimPrefix(path, at), links+1)
	}
}

// walk takes in what a pattern matches. Links to directories below it are not followed.
func (l *look) walk(p Pattern) {
	root := p.Dir
	l.lead(filepath.Join(root, "x"), 0)
	if target, err := filepath.EvalSymlinks(root); err == nil {
		root = target
	}
	deep := strings.Contains(p.Glob, "**")
	depth := strings.Count(p.Glob, "/")
	_ = filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return nil //nolint:nilerr // what can't be read is not watched
		}
		below, _ := filepath.Rel(root, path)
		below = filepath.ToSlash(below)
		if entry.IsDir() {
			if path != root && (ignoredDir(path) || !deep && strings.Count(below, "/") >= depth) {
				return fs.SkipDir
			}
			if len(l.dirs) >= maxDirs {
				l.capped = true
				return fs.SkipAll
			}
			l.dirs[path] = true
			return nil
		}
		if passing(entry.Name()) {
			return nil
		}
		if ok, _ := doublestar.Match(p.Glob, below); ok {
			l.add(path)
		}
		return nil
	})
}

func ignoredDir(path string) bool {
	if ignoredDirs[filepath.Base(path)] {
		return true
	}
	_, err := os.Lstat(filepath.Join(path, "pyvenv.cfg"))
	return err == nil
}

// passing tells files that editors make and remove beside the one that is edited, and Python's own.
func passing(name string) bool {
	switch {
	case strings.HasSuffix(name, "~"), strings.HasPrefix(name, ".#"), strings.HasPrefix(name, "#") && strings.HasSuffix(name, "#"):
		return true
	case strings.HasPrefix(name, "."):
		switch filepath.Ext(name) {
		case ".swp", ".swo", ".swx", ".kate-swp":
			return true
		}
	}
	switch filepath.Ext(name) {
	case ".pyc", ".pyo", ".tmp", ".bck", ".orig", ".rej":
		return true
	}
	return name == "4913" || strings.HasSuffix(name, "___jb_tmp___") || strings.HasSuffix(name, "___jb_old___")
}

// changed are the files that are not as they were in old: what came and what went included.
func (l *look) changed(old *look) (files []string) {
	for file, now := range l.stamps {
		if before := old.stamps[file]; before != now {
			files = append(files, file)
		}
	}
	for file, before := range old.stamps {
		if _, is := l.stamps[file]; !is && before != (stamp{}) {
			files = append(files, file)
		}
	}
	return files
}
