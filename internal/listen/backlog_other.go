//go:build !linux

package listen

import "net"

// Backlog is known on Linux only.
func Backlog(net.Listener) (waiting, limit int) { return 0, 0 }
