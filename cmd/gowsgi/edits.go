package main

import (
	"os"
	"time"
)

// edits sees whether configuration files have changed since the start. uWSGI reads them anew at a reload; here, the front goes on
// as it is, and only the app is loaded anew.
type edits map[string]time.Time // when each was written

func newEdits(files []string) edits {
	e := edits{}
	for _, file := range files {
		e[file] = written(file)
	}
	return e
}

// written is when a file was; zero if it is not there.
func written(file string) time.Time {
	info, err := os.Stat(file)
	if err != nil {
		return time.Time{}
	}
	return info.ModTime()
}

// edited lists the files that have changed.
func (e edits) edited() (files []string) {
	for file, before := range e {
		if !written(file).Equal(before) {
			files = append(files, file)
		}
	}
	return files
}
