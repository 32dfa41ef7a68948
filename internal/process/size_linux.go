// Package process tells what the operating system knows of this process.
package process

import (
	"bytes"
	"os"
	"strconv"
)

// Size is this process's address space and resident set, in bytes. 0 is unknown.
func Size() (vsz, rss int64) { return SizeOf(os.Getpid()) }

// SizeOf is Size of another process.
func SizeOf(pid int) (vsz, rss int64) {
	statm, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/statm")
	if err != nil {
		return 0, 0
	}
	fields := bytes.Fields(statm)
	if len(fields) < 2 {
		return 0, 0
	}
	page := int64(os.Getpagesize())
	v, _ := strconv.ParseInt(string(fields[0]), 10, 64)
	r, _ := strconv.ParseInt(string(fields[1]), 10, 64)
	return v * page, r * page
}
