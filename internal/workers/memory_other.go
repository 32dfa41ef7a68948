//go:build !linux

package workers

import (
	"errors"
	"os"
)

// Memory is for Linux, as worker processes are.
func Memory(string, []byte) (*os.File, error) { return nil, errors.New("worker processes need Linux") }
