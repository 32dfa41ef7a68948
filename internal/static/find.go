package static

import (
	"errors"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"
	"syscall"
)

// found is a regular file, open for reading.
type found struct {
	*os.File
	info fs.FileInfo
	name string // absolute, of the file as it was asked for
}

// errMiss: there is no file that may be served.
var errMiss = errors.New("no such static file")

// find opens the file for a path without percent-escapes. nil: there is none; the caller closes any other.
func (f *Files) find(url string) *found {
	if strings.IndexByte(url, 0) >= 0 || climbs(url) {
		return nil
	}
	for i := range f.places {
		p := &f.places[i]
		rest, ok := below(url, p.mount)
		if !ok {
			continue
		}
		if p.keep {
			rest = url
		}
		file, err := f.openAt(p.dir, rest)
		switch {
		case err != nil:
		case f.leadsToSkipped(file):
			_ = file.Close()
		default:
			return file
		}
	}
	return nil
}

// climbs tells whether a path has "..": no URL needs it, and it means nothing good.
func climbs(url string) bool {
	for segment := range strings.SplitSeq(url, "/") {
		if segment == ".." {
			return true
		}
	}
	return false
}

// openAt opens what rest, "" or a path with a slash before it, is in dir.
func (f *Files) openAt(dir, rest string) (*found, error) {
	if rest == "" {
		info, err := os.Stat(dir)
		if err != nil {
			return nil, err
		}
		if info.Mode().IsRegular() { // a mount may be a file
			return f.openFile(filepath.Dir(dir), filepath.Base(dir), dir)
		}
	}
	name := strings.TrimPrefix(path.Clean(rest), "/")
	if name == "" {
		name = "."
	}
	return f.open(dir, name, rest == "" || strings.HasSuffix(rest, "/"))
}

// openFile opens the file that a mount is: the operator named it, wherever it leads.
func (f *Files) openFile(dir, base, name string) (*found, error) {
	if f.skips(base) {
		return nil, errMiss
	}
	target, err := filepath.EvalSymlinks(filepath.Join(dir, base))
	if err != nil {
		return nil, err
	}
	root, err := os.OpenRoot(filepath.Dir(target))
	if err != nil {
		return nil, err
	}
	defer root.Close()
	return regular(root, filepath.Base(target), name)
}

// open opens a name below dir, or the index of the directory that it is. onlyDir: a file is none.
func (f *Files) open(dir, name string, onlyDir bool) (*found, error) {
	if f.skips(name) {
		return nil, errMiss
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		return nil, err
	}
	defer root.Close()
	info, err := root.Stat(name)
	if err != nil {
		return f.openReal(dir, name, onlyDir, err)
	}
	switch {
	case !info.IsDir():
		if onlyDir {
			return nil, errMiss
		}
		file, err := regular(root, name, filepath.Join(dir, name))
		if err != nil {
			return f.openReal(dir, name, onlyDir, err)
		}
		return file, nil
	case len(f.index) == 0:
		return nil, errMiss
	}
	for _, index := range f.index {
		at := path.Join(name, index)
		if f.skips(at) {
			continue
		}
		file, err := regular(root, at, filepath.Join(dir, at))
		if err != nil {
			file, err = f.openReal(dir, at, false, err)
		}
		if err == nil {
			return file, nil
		}
	}
	return nil, errMiss
}

// openReal is open for a name that [os.Root] refuses: an absolute symlink may still lead into the directory, and any
// into a safe one. The real path is opened below one of those, so a link that changes meanwhile leads no further.
func (f *Files) openReal(dir, name string, onlyDir bool, why error) (*found, error) {
	if errors.Is(why, fs.ErrNotExist) || errors.Is(why, syscall.ENOTDIR) || why == errMiss {
		return nil, errMiss
	}
	target, err := filepath.EvalSymlinks(filepath.Join(dir, name))
	if err != nil {
		return nil, errMiss
	}
	for i := range len(f.safe) + 1 {
		within := dir
		if i > 0 {
			within = f.safe[i-1]
		}
		within, err := filepath.EvalSymlinks(within)
		if err != nil {
			continue
		}
		inside, ok := strings.CutPrefix(target, strings.TrimSuffix(within, "/"))
		if !ok || inside != "" && inside[0] != '/' {
			continue
		}
		file, err := f.openSafe(within, strings.TrimPrefix(inside, "/"), onlyDir)
		if err == nil {
			file.name = filepath.Join(dir, name)
			return file, nil
		}
	}
	return nil, errMiss
}

// openSafe opens a path without symlinks below dir.
func (f *Files) openSafe(dir, name string, onlyDir bool) (*found, error) {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return nil, err
	}
	defer root.Close()
	if name == "" {
		name = "."
	}
	names := []string{name}
	switch info, err := root.Stat(name); {
	case err != nil:
		return nil, err
	case info.IsDir():
		names = nil
		for _, index := range f.index {
			names = append(names, path.Join(name, index))
		}
	case onlyDir:
		return nil, errMiss
	}
	for _, name := range names {
		if f.skips(name) {
			continue
		}
		if file, err := regular(root, name, ""); err == nil {
			return file, nil
		}
	}
	return nil, errMiss
}

// regular opens a regular file. Devices and FIFOs are not opened at all, and one that has taken the file's place
// since does not block.
func regular(root *os.Root, at, name string) (*found, error) {
	info, err := root.Stat(at)
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() {
		return nil, errMiss
	}
	file, err := root.OpenFile(at, os.O_RDONLY|syscall.O_NONBLOCK|syscall.O_NOCTTY, 0)
	if err != nil {
		return nil, err
	}
	info, err = file.Stat()
	if err == nil && !info.Mode().IsRegular() {
		err = errMiss
	}
	if err != nil {
		_ = file.Close()
		return nil, err
	}
	return &found{file, info, name}, nil
}

// leadsToSkipped tells whether a file that was found goes by another name that is to be skipped, behind a symlink.
func (f *Files) leadsToSkipped(file *found) bool {
	if len(f.skip) == 0 {
		return false
	}
	target, err := filepath.EvalSymlinks(file.name)
	return err != nil || f.skips(target)
}

// skips tells whether a name ends in what is never served, in whatever case.
func (f *Files) skips(name string) bool {
	for _, ext := range f.skip {
		if at := len(name) - len(ext); ext != "" && at >= 0 && strings.EqualFold(name[at:], ext) {
			return true
		}
	}
	return false
}
