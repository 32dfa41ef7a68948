// Package static serves files below paths of the site, as uWSGI's static-map and its kin do: what is not there is the
// app's. What a client sends never leads out of a file's directory: [os.Root] sees to that, also when links are made
// while somebody looks. Answers are net/http's: ranges, conditional requests and types are as it has them.
package static

import (
	"fmt"
	"os"
	"path"
	"path/filepath"
	"strings"
)

// Config is what is served, in the form of the options of the same names. Relative paths are those of the working
// directory at [New].
type Config struct {
	// Maps lists "/mount=path": a directory whose files appear below the mount, or one file at it.
	Maps []string
	// Maps2 lists "/mount=directory": the whole path of the URL is looked for in the directory.
	Maps2 []string
	// Check lists directories that every path is looked for in.
	Check []string
	// Index lists names of the file that stands for a directory, first come first served.
	Index []string
	// Expires lists "regex seconds" for the path of the file, ExpiresURI for the path of the URL, ExpiresType
	// "type=seconds". The first that matches says how long the file is fresh.
	Expires, ExpiresURI, ExpiresType []string
	// Safe lists directories that symlinks may lead to.
	Safe []string
	// SkipExt lists endings of names that are never served.
	SkipExt []string
	// MimeFiles lists tables of types, as /etc/mime.types is one. That and Go's know the rest.
	MimeFiles []string
}

// Any tells whether anything is served.
func (c *Config) Any() bool { return len(c.Maps)+len(c.Maps2)+len(c.Check) > 0 }

// Files serves files. It is safe for concurrent use, and nothing of it changes.
type Files struct {
	places  []place
	index   []string
	expires []expiry
	safe    []string // absolute
	skip    []string
	types   map[string]string // by ending, with the dot, in lower case

	// Warnings are for the log: what is served of nothing.
	Warnings []string
}

// place is where files may be for some paths.
type place struct {
	mount string // without a slash at its end: "" is all
	keep  bool   // the mount is part of the file's path
	dir   string // absolute; may be a file
}

// New reads c. Errors name the option and say what it wants. A directory that is not there yet may come later: it
// is looked for anew at each request.
func New(c Config) (*Files, error) {
	f := &Files{index: c.Index, skip: c.SkipExt}
	// uWSGI looks in this order, too.
	for _, dir := range c.Check {
		if err := f.add("check-static", "", dir, true); err != nil {
			return nil, err
		}
	}
	for _, m := range c.Maps {
		if err := f.addMap("static-map", m, false); err != nil {
			return nil, err
		}
	}
	for _, m := range c.Maps2 {
		if err := f.addMap("static-map2", m, true); err != nil {
			return nil, err
		}
	}
	for _, name := range f.index {
		if name == "" || strings.ContainsAny(name, "/\x00") || name == ".." || name == "." {
			return nil, fmt.Errorf("--static-index %s: want the name of a file, such as index.html", name)
		}
	}
	for _, dir := range c.Safe {
		abs, err := filepath.Abs(dir)
		if err != nil {
			return nil, fmt.Errorf("--static-safe %s: %w", dir, err)
		}
		f.safe = append(f.safe, abs)
	}
	if err := f.readExpiries(&c); err != nil {
		return nil, err
	}
	if err := f.readTypes(c.MimeFiles); err != nil {
		return nil, err
	}
	return f, nil
}

func (f *Files) addMap(option, value string, keep bool) error {
	mount, dir, ok := strings.Cut(value, "=")
	if !ok || dir == "" || !strings.HasPrefix(mount, "/") {
		return fmt.Errorf("--%s %s: want a path that starts with / and a directory or file, as in /static=./static", option, value)
	}
	if mount != "/" && path.Clean(mount) != strings.TrimRight(mount, "/") {
		return fmt.Errorf("--%s %s: the mount has . or .. or // in it, which no request matches", option, value)
	}
	return f.add(option, strings.TrimRight(mount, "/"), dir, keep)
}

func (f *Files) add(option, mount, dir string, keep bool) error {
	if dir == "" {
		return fmt.Errorf("--%s: want a directory", option)
	}
	abs, err := filepath.Abs(dir)
	if err != nil {
		return fmt.Errorf("--%s %s: %w", option, dir, err)
	}
	f.places = append(f.places, place{mount, keep, abs})
	info, err := os.Stat(abs)
	switch {
	case err != nil:
		f.Warnings = append(f.Warnings, fmt.Sprintf("--%s %s: nothing is there yet", option, dir))
	case info.IsDir():
	case keep:
		return fmt.Errorf("--%s %s: want a directory", option, dir)
	case !info.Mode().IsRegular():
		return fmt.Errorf("--%s %s: want a directory or a regular file", option, dir)
	}
	return nil
}

// Match tells whether there may be a file for a path, without a look at the disk. The path has no percent-escapes.
func (f *Files) Match(path []byte) bool {
	for i := range f.places {
		mount := f.places[i].mount
		if len(path) < len(mount) || string(path[:len(mount)]) != mount {
			continue
		}
		if len(path) == len(mount) && mount != "" || len(path) > len(mount) && path[len(mount)] == '/' {
			return true
		}
	}
	return false
}

// below is the part of path behind mount: "" or what begins with a slash.
func below(path, mount string) (rest string, ok bool) {
	rest, ok = strings.CutPrefix(path, mount)
	return rest, ok && (rest == "" || rest[0] == '/') && path != ""
}
