package pyhost

import "runtime"

// goText is where Go's machine code lies, to the address behind it: a crash there is Go's to
// handle. The linker's names for the two are out of C's reach, so the runtime is asked.
func goText() (from, to uintptr) {
	here, _, _, _ := runtime.Caller(0)
	isGo := func(pc uintptr) bool { return runtime.FuncForPC(pc) != nil }
	from = boundary(0, here, isGo)
	to = boundary(here, ^uintptr(0), func(pc uintptr) bool { return !isGo(pc) })
	return from, to
}

// boundary is the first address above from for which holds is true. It is for to, and for all
// that lie between.
func boundary(from, to uintptr, holds func(uintptr) bool) uintptr {
	for to-from > 1 {
		if middle := from + (to-from)/2; holds(middle) {
			to = middle
		} else {
			from = middle
		}
	}
	return to
}
