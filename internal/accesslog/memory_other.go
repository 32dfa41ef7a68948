//go:build !linux

package accesslog

// processSize is known on Linux only; elsewhere the variables print 0.
func processSize() (vsz, rss int64) { return 0, 0 }
