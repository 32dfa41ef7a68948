package privilege

import (
	"errors"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"
)

// Barred is what keeps this process's user from reading the file or directory at an absolute path: a directory on the
// way that it may not enter, or path itself. "" means that nothing does; that there is no such file is another matter.
func Barred(path string) string {
	for at, rest := "/", strings.Trim(filepath.Clean(path), "/"); ; {
		if errors.Is(unix.Access(at, unix.X_OK), unix.EACCES) {
			return at
		}
		next, more, found := strings.Cut(rest, "/")
		if !found {
			break
		}
		at, rest = filepath.Join(at, next), more
	}
	mode := uint32(unix.R_OK)
	if info, err := os.Stat(path); err == nil && info.IsDir() {
		mode |= unix.X_OK
	}
	if errors.Is(unix.Access(path, mode), unix.EACCES) {
		return path
	}
	return ""
}
