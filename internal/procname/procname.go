// Package procname gives this process another name: for ps, which shows its command line, and in comm, which top
// and pgrep look at.
package procname

import (
	"os"
	"strings"
	"unsafe"
)

// Line is the memory of this process's command line, as the kernel and ps see it.
type Line struct{ memory []byte }

// Take has os.Args no longer lie in the command line's memory, which may be overwritten from then on. It is for
// the very beginning: what has kept a part of os.Args would change with it.
func Take() *Line {
	l := new(Line)
	for i, arg := range os.Args {
		// The kernel has laid them out one behind the other, each with a NUL.
		p := unsafe.StringData(arg)
		switch {
		case i == 0:
			l.memory = unsafe.Slice(p, len(arg)+1)
		case uintptr(unsafe.Pointer(p)) == uintptr(unsafe.Pointer(unsafe.SliceData(l.memory)))+uintptr(len(l.memory)):
			l.memory = unsafe.Slice(unsafe.SliceData(l.memory), len(l.memory)+len(arg)+1)
		default:
			l.memory = nil // somebody has other ones there
		}
		if l.memory == nil {
			break
		}
		os.Args[i] = strings.Clone(arg)
	}
	return l
}

// Set gives the process that name. What the command line has no room for is cut off.
func (l *Line) Set(name string) {
	write(l.memory, name)
	setComm(name)
}

// write puts a name where a command line was. The kernel takes a line whose last byte is not 0 for a name, and shows
// it up to its first 0 (setproctitle); without that, ps would show the room that is left, too.
func write(memory []byte, name string) {
	if len(memory) == 0 {
		return
	}
	last := len(memory) - 1
	n := copy(memory[:last], name)
	clear(memory[n:])
	if n < last {
		memory[last] = '.'
	}
}
