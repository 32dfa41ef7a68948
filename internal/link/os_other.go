//go:build !linux

package link

import (
	"errors"
	"os"
	"sync/atomic"
)

// Worker processes need Linux: sealed memory, futexes and eventfds.
var errLinux = errors.New("worker processes need Linux")

func anonymous(int) (*os.File, error) { return nil, errLinux }
func newBell() (*os.File, error)      { return nil, errLinux }

func strike(*os.File)                  {}
func futexWait(*atomic.Uint32, uint32) {}
func futexWake(*atomic.Uint32)         {}
