/*
 * Stands before the interpreter's own Python.h on the include path and adds
 * what github.com/go-python/cpy3 v0.2.0 names and the chosen CPython lacks.
 *
 * cpy3 wraps the whole C API of Python 3.7 one function at a time, and cgo
 * wants a declaration for every name it meets, called or not. Nothing in gowsgi
 * calls any of these: each stand-in ends the process with the function's name.
 * Where a public header still declares a name whose symbol is no longer
 * exported (PySignal_SetWakeupFd, 3.9 to 3.12), a macro hides the declaration.
 *
 * No include guard of its own: cpy3 and pyhost include it as the interpreter's.
 */
#include_next <Python.h>

#ifndef GOWSGI_COMPAT_PYTHON_H
#define GOWSGI_COMPAT_PYTHON_H

#include <wchar.h>

#define GOWSGI_GONE __attribute__((unused)) static

#if PY_VERSION_HEX >= 0x03080000 /* declared in internal headers only */
GOWSGI_GONE void PyEval_ReInitThreads(void)
{
	Py_FatalError("PyEval_ReInitThreads is gone since Python 3.8");
}
#endif

#if PY_VERSION_HEX >= 0x03090000
GOWSGI_GONE int PyDict_ClearFreeList(void)
{
	Py_FatalError("PyDict_ClearFreeList is gone since Python 3.9");
}

GOWSGI_GONE int PyFloat_ClearFreeList(void)
{
	Py_FatalError("PyFloat_ClearFreeList is gone since Python 3.9");
}

GOWSGI_GONE int PyList_ClearFreeList(void)
{
	Py_FatalError("PyList_ClearFreeList is gone since Python 3.9");
}

GOWSGI_GONE int gowsgi_PySignal_SetWakeupFd(int fd)
{
	(void)fd;
	Py_FatalError("PySignal_SetWakeupFd is not exported since Python 3.9");
}
#define PySignal_SetWakeupFd gowsgi_PySignal_SetWakeupFd
#endif

#if PY_VERSION_HEX >= 0x030D0000
GOWSGI_GONE void Py_SetPath(const wchar_t *path)
{
	(void)path;
	Py_FatalError("Py_SetPath is gone since Python 3.13");
}

GOWSGI_GONE void PySys_SetPath(const wchar_t *path)
{
	(void)path;
	Py_FatalError("PySys_SetPath is gone since Python 3.13");
}

GOWSGI_GONE void PySys_AddWarnOption(const wchar_t *option)
{
	(void)option;
	Py_FatalError("PySys_AddWarnOption is gone since Python 3.13");
}

GOWSGI_GONE void PySys_AddXOption(const wchar_t *option)
{
	(void)option;
	Py_FatalError("PySys_AddXOption is gone since Python 3.13");
}

GOWSGI_GONE int PyEval_ThreadsInitialized(void)
{
	return 1; /* what 3.7 to 3.12 answer once Python is initialised */
}

GOWSGI_GONE int Py_SetStandardStreamEncoding(const char *encoding, const char *errors)
{
	(void)encoding;
	(void)errors;
	Py_FatalError("Py_SetStandardStreamEncoding is gone since Python 3.13");
}
#endif

#undef GOWSGI_GONE

#endif
