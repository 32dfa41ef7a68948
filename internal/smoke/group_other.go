//go:build !linux

package smoke

import "syscall"

func apart() *syscall.SysProcAttr { return &syscall.SysProcAttr{Setpgid: true} }

func atTerminal() (*syscall.SysProcAttr, func()) { return apart(), func() {} }
