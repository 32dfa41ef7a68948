//go:build !linux

package procname

func setComm(string) {}
