package bridge

import "golang.org/x/sys/unix"

// tcpKeepIdle is the option for the idle time before keepalive probes.
const tcpKeepIdle = unix.TCP_KEEPIDLE
