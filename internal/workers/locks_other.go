//go:build !linux

package workers

import (
	"errors"
	"os"
)

// NewLocks is for Linux, as worker processes are.
func NewLocks() (*os.File, error) { return nil, errors.New("locks of worker processes need Linux") }
