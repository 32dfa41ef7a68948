/*
 * ph_errors.c: wsgi.errors. Whole lines go to Go's log with the request's line;
 * a line without its end goes at flush() or at the request's end.
 */
#include "ph_internal.h"

#include <string.h>
#include <unistd.h>

typedef struct {
	PyObject_HEAD
	_Atomic(ph_thread *) t; /* NULL: expired. Written with the GIL, read without */
	int busy;               /* threads in phErrors */
	ph_buffer pending;
} errors;

#define PENDING_MAX (64 * 1024) /* a line without end is cut into pieces of this size */

PyObject *ph_errors_new(ph_thread *t)
{
	errors *e = PyObject_New(errors, &ph_errors_type);
	if (e == NULL)
		return NULL;
	atomic_init(&e->t, t);
	e->busy = 0;
	e->pending = (ph_buffer){0};
	return (PyObject *)e;
}

/* emit hands the first n pending bytes to the log. The text leaves the object
 * first: with the GIL released, other threads may write to it. */
static void emit(errors *e, size_t n)
{
	char *text = PyMem_RawMalloc(n);
	if (text == NULL) {
		e->pending.len = 0; /* no memory for a log line: it is lost */
		return;
	}
	memcpy(text, e->pending.data, n);
	memmove(e->pending.data, e->pending.data + n, e->pending.len - n);
	e->pending.len -= n;
	ph_thread *t = atomic_load(&e->t);
	if (ph_forked) {
		/* A child that the app forked (multiprocessing): Go's log is not there. */
		ssize_t written = write(2, text, n);
		(void)written;
		PyMem_RawFree(text);
		return;
	}
	e->busy++;
	Py_BEGIN_ALLOW_THREADS
	PyThread_acquire_lock(t->logging, WAIT_LOCK);
	if (atomic_load(&e->t) == t)
		phErrors(t->index, text, n);
	PyThread_release_lock(t->logging);
	Py_END_ALLOW_THREADS
	e->busy--;
	PyMem_RawFree(text);
}

void ph_errors_expire(PyObject *self)
{
	errors *e = (errors *)self;
	while (atomic_load(&e->t) != NULL && e->pending.len > 0)
		emit(e, e->pending.len);
	ph_thread *t = atomic_exchange(&e->t, NULL);
	if (t != NULL && e->busy > 0)
		ph_wait_for(t->logging);
}

static void errors_dealloc(PyObject *self)
{
	PyMem_Free(((errors *)self)->pending.data);
	PyObject_Free(self);
}

static int usable(errors *e)
{
	if (atomic_load(&e->t) != NULL)
		return 0;
	PyErr_SetString(
		PyExc_RuntimeError, "wsgi.errors was used after its request had ended; log to sys.stderr or by logging there");
	return -1;
}

/* memrchr, which macOS lacks. */
static char *last_newline(char *text, size_t len)
{
	while (len > 0)
		if (text[--len] == '\n')
			return text + len;
	return NULL;
}

static int write_text(errors *e, PyObject *text)
{
	if (!PyUnicode_Check(text)) {
		PyErr_Format(PyExc_TypeError, "wsgi.errors.write() takes a str, not %.100s", Py_TYPE(text)->tp_name);
		return -1;
	}
	PyObject *bytes = PyUnicode_AsEncodedString(text, "utf-8", "backslashreplace");
	if (bytes == NULL)
		return -1;
	int rc = ph_buffer_add(&e->pending, PyBytes_AS_STRING(bytes), (size_t)PyBytes_GET_SIZE(bytes));
	Py_DECREF(bytes);
	while (rc == 0 && atomic_load(&e->t) != NULL && e->pending.len > 0) {
		char *newline = last_newline(e->pending.data, e->pending.len);
		if (newline != NULL)
			emit(e, (size_t)(newline - e->pending.data) + 1);
		else if (e->pending.len >= PENDING_MAX)
			emit(e, PENDING_MAX);
		else
			break;
	}
	return rc;
}

static PyObject *errors_write(PyObject *self, PyObject *text)
{
	if (usable((errors *)self) < 0 || write_text((errors *)self, text) < 0)
		return NULL;
	return PyLong_FromSsize_t(PyUnicode_GET_LENGTH(text));
}

static PyObject *errors_writelines(PyObject *self, PyObject *lines)
{
	if (usable((errors *)self) < 0)
		return NULL;
	PyObject *iter = PyObject_GetIter(lines), *l;
	if (iter == NULL)
		return NULL;
	while ((l = PyIter_Next(iter)) != NULL) {
		int rc = usable((errors *)self) < 0 ? -1 : write_text((errors *)self, l);
		Py_DECREF(l);
		if (rc < 0)
			break;
	}
	Py_DECREF(iter);
	if (PyErr_Occurred())
		return NULL;
	Py_RETURN_NONE;
}

static PyObject *errors_flush(PyObject *self, PyObject *Py_UNUSED(ignored))
{
	errors *e = (errors *)self;
	if (usable(e) < 0)
		return NULL;
	if (e->pending.len > 0)
		emit(e, e->pending.len);
	Py_RETURN_NONE;
}

static PyMethodDef errors_methods[] = {
	{"write", errors_write, METH_O, "write(str)"},
	{"writelines", errors_writelines, METH_O, "writelines(iterable of str)"},
	{"flush", errors_flush, METH_NOARGS, "flush()"},
	{NULL, NULL, 0, NULL},
};

PyTypeObject ph_errors_type = {
	PyVarObject_HEAD_INIT(NULL, 0)
	.tp_name = "gowsgi.Errors",
	.tp_basicsize = sizeof(errors),
	.tp_dealloc = errors_dealloc,
	.tp_flags = Py_TPFLAGS_DEFAULT,
	.tp_doc = "wsgi.errors of one request (PEP 3333)",
	.tp_methods = errors_methods,
};
