/*
 * ph_file_wrapper.c: wsgi.file_wrapper (PEP 3333, "Optional Platform-Specific
 * File Handling"). Returned by the app as it is and wrapping a regular file, it
 * is sent by the kernel; otherwise it is an iterator over read(), as any other.
 */
#include "ph_internal.h"

#include <sys/stat.h>

/* The block size is the app's suggestion. Up from what everybody writes without a
 * thought (8192), small blocks only cost; one below that is meant. */
#define BLOCK_USUAL 8192
#define BLOCK_MIN (64 * 1024)

typedef struct {
	PyObject_HEAD
	PyObject *file;
	PyObject *read; /* file.read, bound */
	Py_ssize_t block;
} file_wrapper;

static PyObject *file_wrapper_new(PyTypeObject *type, PyObject *args, PyObject *kwargs)
{
	static char *names[] = {"filelike", "block_size", NULL};
	PyObject *file;
	Py_ssize_t block = BLOCK_USUAL;
	if (!PyArg_ParseTupleAndKeywords(args, kwargs, "O|n:file_wrapper", names, &file, &block))
		return NULL;
	PyObject *read = PyObject_GetAttrString(file, "read");
	if (read == NULL)
		return NULL;
	file_wrapper *w = (file_wrapper *)type->tp_alloc(type, 0);
	if (w == NULL) {
		Py_DECREF(read);
		return NULL;
	}
	Py_INCREF(file);
	w->file = file;
	w->read = read;
	w->block = block >= BLOCK_USUAL && block < BLOCK_MIN ? BLOCK_MIN : block;
	return (PyObject *)w;
}

static int file_wrapper_traverse(PyObject *self, visitproc visit, void *arg)
{
	Py_VISIT(((file_wrapper *)self)->file);
	Py_VISIT(((file_wrapper *)self)->read);
	return 0;
}

static int file_wrapper_clear(PyObject *self)
{
	Py_CLEAR(((file_wrapper *)self)->file);
	Py_CLEAR(((file_wrapper *)self)->read);
	return 0;
}

static void file_wrapper_dealloc(PyObject *self)
{
	PyObject_GC_UnTrack(self);
	file_wrapper_clear(self);
	Py_TYPE(self)->tp_free(self);
}

static PyObject *file_wrapper_next(PyObject *self)
{
	file_wrapper *w = (file_wrapper *)self;
	if (w->read == NULL)
		return NULL;
	PyObject *data = PyObject_CallFunction(w->read, "n", w->block);
	if (data != NULL && PyBytes_Check(data) && PyBytes_GET_SIZE(data) == 0)
		Py_CLEAR(data); /* the file's end */
	return data;
}

/* file_wrapper_getattro: close exists if, and only if, the file has one. */
static PyObject *file_wrapper_getattro(PyObject *self, PyObject *name)
{
	file_wrapper *w = (file_wrapper *)self;
	if (w->file != NULL && PyUnicode_CompareWithASCIIString(name, "close") == 0)
		return PyObject_GetAttr(w->file, name);
	return PyObject_GenericGetAttr(self, name);
}

/* integer_of calls method without arguments and reads an integer; -1 on any error. */
static int64_t integer_of(PyObject *o, const char *method)
{
	PyObject *n = PyObject_CallMethod(o, method, NULL);
	int64_t v = n == NULL ? -1 : PyLong_AsLongLong(n);
	Py_XDECREF(n);
	if (PyErr_Occurred()) {
		PyErr_Clear(); /* a closed file, or one that can't seek: it is read, and that raises what there is to raise */
		return -1;
	}
	return v;
}

/* io.FileIO, io.BufferedReader and io.BufferedRandom, owned for life. */
static PyObject *file_io, *buffered_reader, *buffered_random;

int ph_file_wrapper_init(void)
{
	PyObject *io = PyImport_ImportModule("io");
	if (io == NULL)
		return -1;
	file_io = PyObject_GetAttrString(io, "FileIO");
	buffered_reader = PyObject_GetAttrString(io, "BufferedReader");
	buffered_random = PyObject_GetAttrString(io, "BufferedRandom");
	Py_DECREF(io);
	return file_io == NULL || buffered_reader == NULL || buffered_random == NULL ? -1 : 0;
}

/* plain_file: read() gives the descriptor's own bytes. Exact types only: others
 * have a fileno() too (gzip.GzipFile has the compressed file's). */
static bool plain_file(PyObject *file)
{
	PyObject *type = (PyObject *)Py_TYPE(file);
	if (type == file_io)
		return true;
	if (type != buffered_reader && type != buffered_random)
		return false;
	PyObject *raw = PyObject_GetAttrString(file, "raw");
	bool plain = raw != NULL && (PyObject *)Py_TYPE(raw) == file_io;
	Py_XDECREF(raw);
	PyErr_Clear();
	return plain;
}

int ph_file_wrapper_regular(PyObject *wrapper, int *fd, int64_t *offset, int64_t *length)
{
	PyObject *file = ((file_wrapper *)wrapper)->file;
	struct stat st;
	if (!plain_file(file))
		return 0;
	int64_t n = integer_of(file, "fileno");
	if (n < 0 || n > INT32_MAX || fstat((int)n, &st) < 0 || !S_ISREG(st.st_mode))
		return 0;
	int64_t at = integer_of(file, "tell");
	if (at < 0)
		return 0;
	if (at >= st.st_size)
		return 0; /* also what /proc says of files whose size is not known before they are read */
	*fd = (int)n;
	*offset = at;
	*length = st.st_size - at;
	return 1;
}

PyTypeObject ph_file_wrapper_type = {
	PyVarObject_HEAD_INIT(NULL, 0)
	.tp_name = "gowsgi.FileWrapper",
	.tp_basicsize = sizeof(file_wrapper),
	.tp_dealloc = file_wrapper_dealloc,
	.tp_getattro = file_wrapper_getattro,
	.tp_flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC,
	.tp_doc = "wsgi.file_wrapper(filelike, block_size=8192) (PEP 3333)",
	.tp_traverse = file_wrapper_traverse,
	.tp_clear = file_wrapper_clear,
	.tp_iter = PyObject_SelfIter,
	.tp_iternext = file_wrapper_next,
	.tp_new = file_wrapper_new,
};
