//go:build !linux

package pyhost

import "time"

// runState tells whether an OS thread runs or sleeps: not here. The scheduler then
// goes by requests that take long.
type runState struct{}

func thisThread() *runState { return &runState{} }

func (*runState) runnable() bool { return false }

func (*runState) cpu() (time.Duration, bool) { return 0, false }

func (*runState) close() {}
