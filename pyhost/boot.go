package pyhost

/*
#cgo CFLAGS: -std=gnu11 -Wall -Wextra -Werror -Wno-unused-parameter
#cgo pkg-config: python3
#include <stdlib.h>
#include "ph.h"
*/
import "C"

import (
	"context"
	"errors"
	"fmt"
	"os"
	"syscall"
	"unsafe"

	python "github.com/go-python/cpy3"
)

// Boot starts the interpreter on the calling thread: the process's main thread, to which
// the goroutine must be locked. It returns attached, ready for Load. After an error the
// process must exit: a failed start may keep the GIL for ever.
func Boot(config Config) (*Host, error) {
	saveHandlers()
	argv := make([]*C.char, 0, len(config.Argv)+1)
	for _, a := range config.Argv {
		argv = append(argv, C.CString(a))
	}
	executable := C.CString(config.Executable)
	array := (**C.char)(C.malloc(C.size_t(len(argv)+1) * C.size_t(unsafe.Sizeof((*C.char)(nil)))))
	copy(unsafe.Slice(array, len(argv)), argv)
	boot := (*C.ph_boot_config)(C.calloc(1, C.sizeof_ph_boot_config))
	boot.executable, boot.argc, boot.argv = executable, C.int(len(argv)), array
	message := C.ph_boot(boot) // argv and its strings are Python's to read for good: never freed
	if message != nil {
		return nil, fmt.Errorf("python does not start: %s", C.GoString(message))
	}
	watchCrashes()
	h := &Host{config: config, tasks: make(chan task), ended: make(chan struct{})}
	if config.LineBuffered {
		// nil: there is no stdout, so there are no lines.
		if runModule("_gowsgi_stdout", "import sys\nsys.stdout.reconfigure(line_buffering=True)\n") == nil {
			python.PyErr_Clear()
		}
	}
	if err := h.setPath(); err != nil {
		return nil, err
	}
	if err := h.watchSignals(); err != nil {
		return nil, err
	}
	return h, nil
}

// PythonVersion is the version of the CPython that this program was built for, "3.11.2".
func PythonVersion() string { return C.GoString(C.ph_built_for()) }

func mainAttach() { C.ph_main_attach() }
func mainDetach() { C.ph_main_detach() }

func dumpStacks(fd int) { C.ph_dump_stacks(C.int(fd)) }

// setApps gives the apps, a tuple, to the seam. Attached.
func setApps(apps *python.PyObject, config *Config) error {
	software := C.CString(config.Software)
	defer C.free(unsafe.Pointer(software))
	if C.ph_set_apps(unsafe.Pointer(apps), cBool(config.Threads > 1), cBool(config.Multiprocess), software) != 0 {
		return errors.New("the seam to Python could not be set up")
	}
	return nil
}

// seamModule is what the uwsgi module calls: a new reference, or nil with the error set. Attached.
func seamModule() *python.PyObject { return (*python.PyObject)(C.ph_uwsgi()) }

// putEnviron puts an entry into every request's environ. Attached. False: the Python error is set.
func putEnviron(key string, value *python.PyObject) bool {
	name := C.CString(key)
	defer C.free(unsafe.Pointer(name))
	return C.ph_environ_put(name, unsafe.Pointer(value)) == 0
}

// setPage has page answer exceptions. Attached.
func setPage(page *python.PyObject) { C.ph_set_page(unsafe.Pointer(page)) }

// runModule runs source as a module. Attached. nil: a Python error is set.
func runModule(name, source string) *python.PyObject {
	cname, csource, cfile := C.CString(name), C.CString(source), C.CString("<"+name+">")
	defer C.free(unsafe.Pointer(cname))
	defer C.free(unsafe.Pointer(csource))
	defer C.free(unsafe.Pointer(cfile))
	return (*python.PyObject)(C.ph_run_module(cname, csource, cfile))
}

// cString is a copy that C frees; nil for "".
func cString(text string) *C.char {
	if text == "" {
		return nil
	}
	return C.CString(text)
}

func cBool(b bool) C.int {
	if b {
		return 1
	}
	return 0
}

// saveHandlers remembers Go's signal handlers, before Python or the app can set any.
func saveHandlers() { C.ph_save_handlers() }

// watchCrashes has crashes of C code show what Python was at. Python's start is over: nothing
// of it changes these handlers any more.
func watchCrashes() {
	from, to := goText()
	C.ph_crash_install(C.uintptr_t(from), C.uintptr_t(to))
}

// ReclaimSignals gives Go the signals back that the app has set handlers for, and
// returns those. The app's handlers run when SignalPython says so. It also repairs
// handlers that would end the process (see ph_repair_handlers).
func ReclaimSignals(owned []os.Signal) (taken []os.Signal) {
	for _, s := range owned {
		if n, ok := s.(syscall.Signal); ok && C.ph_reclaim_handler(C.int(n)) != 0 {
			taken = append(taken, s)
		}
	}
	C.ph_repair_handlers()
	C.ph_crash_respect()
	return taken
}

// SignalPython runs the handler that the app has set for s, if any, on the main thread.
func (h *Host) SignalPython(ctx context.Context, s os.Signal) {
	if n, ok := s.(syscall.Signal); ok {
		_ = h.Do(ctx, func() {
			if C.ph_trip_signal(C.int(n)) != 0 {
				h.runHandlers()
			}
		})
	}
}

// runHandlers runs the signal handlers that wait. Main thread, attached.
func (h *Host) runHandlers() {
	text := C.ph_check_signals()
	if text == nil {
		return
	}
	h.config.Log.Error("a signal handler of the app raised an exception", "traceback", C.GoString(text))
	C.free(unsafe.Pointer(text))
}

// watchSignals makes Python's C signal handler wake the main thread: it sleeps in Go,
// where nobody looks at the flag that the handler sets.
func (h *Host) watchSignals() error {
	var fds [2]int
	if err := syscall.Pipe(fds[:]); err != nil {
		return err
	}
	for _, fd := range fds {
		syscall.CloseOnExec(fd)
		if err := syscall.SetNonblock(fd, true); err != nil {
			return err
		}
	}
	if C.ph_wakeup_fd(C.int(fds[1])) != 0 {
		return errors.New("python's signals can't be watched")
	}
	r := os.NewFile(uintptr(fds[0]), "python signals")
	go func() {
		var buf [64]byte
		for {
			if _, err := r.Read(buf[:]); err != nil {
				return
			}
			if h.Do(context.Background(), h.runHandlers) != nil {
				return
			}
		}
	}()
	return nil
}
