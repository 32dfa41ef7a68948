/*
 * ph_input.c: wsgi.input (PEP 3333, "Input and Error Streams"): read, readline,
 * readlines and iteration over the body, all with the file protocol's size
 * arguments. Bytes come from the inline body or, for large ones, from phRead.
 *
 * The object may outlive its request in the app's hands: then it has expired
 * and raises. Its buffer is its own, so an expired one points nowhere else.
 */
#include "ph_internal.h"

#include <string.h>

#define BUFFER_SIZE (64 * 1024)
#define FIRST_GUESS (64 * 1024) /* an app may ask for any size: memory follows what arrives */

typedef struct {
	PyObject_HEAD
	_Atomic(ph_thread *) t; /* NULL: expired. Written with the GIL, read without */
	char *data;             /* owned; the bytes from pos to end wait to be read */
	size_t pos, end;
	bool stream; /* more comes from phRead */
	bool eof;
	bool busy;   /* a thread is in phRead */
	long failed; /* PH_READ_*: every later read fails the same way */
} input;

PyObject *ph_input_new(ph_thread *t, const char *body, size_t body_len, int stream)
{
	input *in = PyObject_New(input, &ph_input_type);
	if (in == NULL)
		return NULL;
	atomic_init(&in->t, t);
	in->data = NULL;
	in->pos = 0;
	in->end = body_len;
	in->stream = stream != 0;
	in->eof = !in->stream;
	in->busy = false;
	in->failed = 0;
	if (body_len > 0) {
		in->data = PyMem_Malloc(in->stream && body_len < BUFFER_SIZE ? BUFFER_SIZE : body_len);
		if (in->data == NULL) {
			in->end = 0;
			Py_DECREF(in);
			return PyErr_NoMemory();
		}
		memcpy(in->data, body, body_len);
	}
	return (PyObject *)in;
}

/* ph_input_expire cuts the object from the request. A read that another thread
 * of the app has under way is made to end first. */
void ph_input_expire(PyObject *self)
{
	input *in = (input *)self;
	ph_thread *t = atomic_exchange(&in->t, NULL);
	if (t == NULL || !in->busy || ph_forked)
		return;
	phInterrupt(t->index, 0);
	ph_wait_for(t->reading);
}

static void input_dealloc(PyObject *self)
{
	PyMem_Free(((input *)self)->data);
	PyObject_Free(self);
}

/* usable is 0, or -1 with an error when the object can't be read now. */
static int usable(input *in)
{
	if (atomic_load(&in->t) == NULL) {
		PyErr_SetString(PyExc_RuntimeError, "wsgi.input was used after its request had ended");
		return -1;
	}
	if (in->busy) {
		PyErr_SetString(PyExc_RuntimeError, "wsgi.input is being read by another thread");
		return -1;
	}
	return 0;
}

static int raise_failed(long failed)
{
	switch (failed) {
	case PH_READ_TIMEOUT:
		PyErr_SetString(PyExc_TimeoutError, "the client sent no more of the request body in time (--body-timeout)");
		break;
	case PH_READ_TOO_LARGE:
		PyErr_SetString(PyExc_OSError, "the request body is larger than --limit-post allows");
		break;
	case PH_READ_BAD:
		PyErr_SetString(PyExc_OSError, "the request body's chunked encoding is malformed");
		break;
	default:
		PyErr_SetString(PyExc_ConnectionResetError, "the client left before the request body was complete");
	}
	return -1;
}

/* receive reads up to len bytes of the body with the GIL released. The count, 0
 * at the end, or -1 with the error set. */
static Py_ssize_t receive(input *in, char *buffer, size_t len)
{
	if (in->eof)
		return 0;
	if (in->failed != 0)
		return raise_failed(in->failed);
	ph_thread *t = atomic_load(&in->t);
	if (t == NULL)
		return usable(in); /* it expired while this call's read before waited for the GIL */
	long n = PH_READ_GONE;
	bool expired;
	if (ph_forked)
		return raise_failed(PH_READ_GONE);
	in->busy = true;
	Py_BEGIN_ALLOW_THREADS
	PyThread_acquire_lock(t->reading, WAIT_LOCK);
	expired = atomic_load(&in->t) == NULL;
	if (!expired)
		n = phRead(t->index, buffer, len);
	PyThread_release_lock(t->reading);
	Py_END_ALLOW_THREADS
	in->busy = false;
	if (expired || (n < 0 && atomic_load(&in->t) == NULL))
		return usable(in); /* the request has ended, perhaps meanwhile */
	if (n < 0) {
		in->failed = n;
		return raise_failed(n);
	}
	if (n == 0)
		in->eof = true;
	return n;
}

/* fill makes bytes wait in data. 1, 0 at the end, or -1 with the error set. */
static int fill(input *in)
{
	if (in->pos < in->end)
		return 1;
	if (in->eof)
		return 0;
	if (in->data == NULL && (in->data = PyMem_Malloc(BUFFER_SIZE)) == NULL) {
		PyErr_NoMemory();
		return -1;
	}
	in->pos = in->end = 0;
	Py_ssize_t n = receive(in, in->data, BUFFER_SIZE);
	if (n <= 0)
		return (int)n;
	in->end = (size_t)n;
	return 1;
}

/* take returns the next n waiting bytes as a new reference. */
static PyObject *take(input *in, size_t n)
{
	PyObject *bytes = PyBytes_FromStringAndSize(in->data + in->pos, (Py_ssize_t)n);
	if (bytes != NULL)
		in->pos += n;
	return bytes;
}

static size_t waiting(const input *in)
{
	return in->end - in->pos;
}

/* read_up_to reads limit bytes, or all when the body ends before. It reads into
 * the bytes object itself, which grows with what arrives. */
static PyObject *read_up_to(input *in, size_t limit)
{
	if (limit <= waiting(in) || (in->eof && waiting(in) > 0))
		return take(in, limit < waiting(in) ? limit : waiting(in));
	size_t cap = waiting(in) + FIRST_GUESS;
	if (cap > limit)
		cap = limit;
	PyObject *bytes = PyBytes_FromStringAndSize(NULL, (Py_ssize_t)cap);
	if (bytes == NULL)
		return NULL;
	size_t len = waiting(in);
	if (len > 0)
		memcpy(PyBytes_AS_STRING(bytes), in->data + in->pos, len);
	in->pos = in->end = 0;
	while (len < limit) {
		if (len == cap) {
			cap = cap > limit / 2 ? limit : cap * 2;
			if (_PyBytes_Resize(&bytes, (Py_ssize_t)cap) < 0)
				return NULL;
		}
		Py_ssize_t n = receive(in, PyBytes_AS_STRING(bytes) + len, cap - len);
		if (n < 0) {
			Py_DECREF(bytes);
			return NULL;
		}
		if (n == 0)
			break;
		len += (size_t)n;
	}
	if (len < cap)
		_PyBytes_Resize(&bytes, (Py_ssize_t)len);
	return bytes;
}

/* size_argument reads an optional size: missing, None and negative mean no limit. */
static int size_argument(const char *name, PyObject *const *args, Py_ssize_t nargs, size_t *size)
{
	*size = PY_SSIZE_T_MAX;
	if (nargs > 1) {
		PyErr_Format(PyExc_TypeError, "%s() takes at most one argument (%zd given)", name, nargs);
		return -1;
	}
	if (nargs == 0 || args[0] == Py_None)
		return 0;
	Py_ssize_t n = PyNumber_AsSsize_t(args[0], PyExc_OverflowError);
	if (n == -1 && PyErr_Occurred())
		return -1;
	if (n >= 0)
		*size = (size_t)n;
	return 0;
}

static PyObject *input_read(PyObject *self, PyObject *const *args, Py_ssize_t nargs)
{
	size_t size;
	if (size_argument("read", args, nargs, &size) < 0 || usable((input *)self) < 0)
		return NULL;
	return read_up_to((input *)self, size);
}

/* line reads up to and with the next newline, at most limit bytes. Empty at the end. */
static PyObject *line(input *in, size_t limit)
{
	ph_buffer long_line = {0};
	PyObject *result = NULL;
	for (;;) {
		int more = limit == long_line.len ? 0 : fill(in);
		if (more < 0)
			goto out;
		size_t n = waiting(in);
		if (n > limit - long_line.len)
			n = limit - long_line.len;
		char *newline = more ? memchr(in->data + in->pos, '\n', n) : NULL;
		if (newline != NULL)
			n = (size_t)(newline - (in->data + in->pos)) + 1;
		bool complete = !more || newline != NULL || long_line.len + n == limit;
		if (complete && long_line.len == 0) {
			result = more ? take(in, n) : PyBytes_FromStringAndSize(NULL, 0);
			goto out;
		}
		if (more) {
			if (ph_buffer_add(&long_line, in->data + in->pos, n) < 0)
				goto out;
			in->pos += n;
		}
		if (complete) {
			result = PyBytes_FromStringAndSize(long_line.data, (Py_ssize_t)long_line.len);
			goto out;
		}
	}
out:
	PyMem_Free(long_line.data);
	return result;
}

static PyObject *input_readline(PyObject *self, PyObject *const *args, Py_ssize_t nargs)
{
	size_t size;
	if (size_argument("readline", args, nargs, &size) < 0 || usable((input *)self) < 0)
		return NULL;
	return line((input *)self, size);
}

/* input_readlines stops after the line that reaches hint bytes; 0 and None mean all. */
static PyObject *input_readlines(PyObject *self, PyObject *const *args, Py_ssize_t nargs)
{
	size_t hint, total = 0;
	if (size_argument("readlines", args, nargs, &hint) < 0 || usable((input *)self) < 0)
		return NULL;
	PyObject *lines = PyList_New(0);
	if (lines == NULL)
		return NULL;
	if (hint == 0)
		hint = PY_SSIZE_T_MAX;
	while (total < hint) {
		PyObject *l = line((input *)self, PY_SSIZE_T_MAX);
		if (l == NULL || PyBytes_GET_SIZE(l) == 0) {
			Py_XDECREF(l);
			if (l != NULL)
				break;
			Py_DECREF(lines);
			return NULL;
		}
		total += (size_t)PyBytes_GET_SIZE(l);
		int rc = PyList_Append(lines, l);
		Py_DECREF(l);
		if (rc < 0) {
			Py_DECREF(lines);
			return NULL;
		}
	}
	return lines;
}

static PyObject *input_next(PyObject *self)
{
	if (usable((input *)self) < 0)
		return NULL;
	PyObject *l = line((input *)self, PY_SSIZE_T_MAX);
	if (l != NULL && PyBytes_GET_SIZE(l) == 0) {
		Py_DECREF(l);
		return NULL; /* the end of the iteration: no error set */
	}
	return l;
}

static PyMethodDef input_methods[] = {
	{"read", (PyCFunction)(void (*)(void))input_read, METH_FASTCALL, "read([size]) -> bytes"},
	{"readline", (PyCFunction)(void (*)(void))input_readline, METH_FASTCALL, "readline([size]) -> bytes"},
	{"readlines", (PyCFunction)(void (*)(void))input_readlines, METH_FASTCALL, "readlines([hint]) -> list of bytes"},
	{NULL, NULL, 0, NULL},
};

PyTypeObject ph_input_type = {
	PyVarObject_HEAD_INIT(NULL, 0)
	.tp_name = "gowsgi.Input",
	.tp_basicsize = sizeof(input),
	.tp_dealloc = input_dealloc,
	.tp_flags = Py_TPFLAGS_DEFAULT,
	.tp_doc = "wsgi.input of one request (PEP 3333)",
	.tp_iter = PyObject_SelfIter,
	.tp_iternext = input_next,
	.tp_methods = input_methods,
};
