/*
 * ph_uwsgi.c: what the app's uwsgi module (loader/gowsgi_uwsgi.py) needs of C and Go: the log, the figures of
 * the worker processes, and variables of a request for the access log.
 */
#include "ph_internal.h"

#include <stdlib.h>
#include <string.h>

#define LOGVARS_MAX (16 * 1024) /* of one request, packed */

static PyObject *log_text(PyObject *self, PyObject *args)
{
	const char *text;
	Py_ssize_t len;
	int error;
	(void)self;
	if (!PyArg_ParseTuple(args, "s#p", &text, &len, &error))
		return NULL;
	if (ph_forked) { /* Go is dead there */
		PySys_FormatStderr("%s\n", text);
		Py_RETURN_NONE;
	}
	Py_BEGIN_ALLOW_THREADS
	phLog((char *)text, (size_t)len, error);
	Py_END_ALLOW_THREADS
	Py_RETURN_NONE;
}

static PyObject *workers(PyObject *self, PyObject *none)
{
	char *text = NULL;
	(void)self, (void)none;
	if (!ph_forked) {
		Py_BEGIN_ALLOW_THREADS
		phWorkers(&text);
		Py_END_ALLOW_THREADS
	}
	if (text == NULL) {
		PyErr_SetString(PyExc_RuntimeError, "the figures of the worker processes can't be had");
		return NULL;
	}
	PyObject *result = PyUnicode_FromString(text);
	free(text);
	return result;
}

/* in_request is the thread's request, or NULL with the error set. */
static ph_thread *in_request(const char *what)
{
	if (ph_current != NULL && ph_current->errors != NULL)
		return ph_current;
	PyErr_Format(PyExc_RuntimeError, "uwsgi.%s() works in a request only, on the thread that it came to", what);
	return NULL;
}

static PyObject *set_logvar(PyObject *self, PyObject *args)
{
	const char *name, *value;
	Py_ssize_t name_len, value_len;
	(void)self;
	if (!PyArg_ParseTuple(args, "s#s#:set_logvar", &name, &name_len, &value, &value_len))
		return NULL;
	ph_thread *t = in_request("set_logvar");
	if (t == NULL)
		return NULL;
	size_t before = t->logvars.len;
	uint16_t n = (uint16_t)(name_len + 1);
	uint32_t v = (uint32_t)value_len;
	if (name_len > LOGVARS_MAX || value_len > LOGVARS_MAX ||
		t->logvars.len + sizeof n + sizeof v + n + v > LOGVARS_MAX) {
		PyErr_SetString(PyExc_ValueError, "the log variables of one request are longer than 16 KiB together");
		return NULL;
	}
	if (ph_buffer_add(&t->logvars, &n, sizeof n) < 0 || ph_buffer_add(&t->logvars, &v, sizeof v) < 0 ||
		ph_buffer_add(&t->logvars, "(", 1) < 0 || ph_buffer_add(&t->logvars, name, (size_t)name_len) < 0 ||
		ph_buffer_add(&t->logvars, value, (size_t)value_len) < 0) {
		t->logvars.len = before; /* half a variable is none */
		return NULL;
	}
	Py_RETURN_NONE;
}

static PyObject *get_logvar(PyObject *self, PyObject *args)
{
	const char *name;
	Py_ssize_t name_len;
	(void)self;
	if (!PyArg_ParseTuple(args, "s#:get_logvar", &name, &name_len))
		return NULL;
	ph_thread *t = in_request("get_logvar");
	if (t == NULL)
		return NULL;
	PyObject *found = Py_None;
	Py_INCREF(found);
	const char *p = t->logvars.data, *end = t->logvars.len == 0 ? p : p + t->logvars.len;
	while (p < end) { /* the last one of a name counts */
		uint16_t n;
		uint32_t v;
		memcpy(&n, p, sizeof n);
		memcpy(&v, p + sizeof n, sizeof v);
		p += sizeof n + sizeof v;
		if (n == name_len + 1 && memcmp(p + 1, name, (size_t)name_len) == 0) {
			PyObject *value = PyBytes_FromStringAndSize(p + n, (Py_ssize_t)v);
			Py_DECREF(found);
			if (value == NULL)
				return NULL;
			found = value;
		}
		p += n + v;
	}
	return found;
}

void ph_logvars_reply(ph_thread *t, ph_reply *reply)
{
	const char *from = t->logvars.data + t->logvars_sent;
	size_t len = t->logvars.len - t->logvars_sent;
	t->logvars_sent = t->logvars.len;
	if (!reply->head) {
		reply->headers = from;
		reply->headers_len = len;
		return;
	}
	if (ph_buffer_add(&t->headers, from, len) < 0) {
		PyErr_Clear();
		return;
	}
	reply->headers = t->headers.data;
	reply->headers_len = t->headers.len;
}

static PyMethodDef functions[] = {
	{"log", log_text, METH_VARARGS, "log(text, error): a line of gowsgi's log"},
	{"workers", workers, METH_NOARGS, "workers() -> JSON: the worker processes' figures"},
	{"set_logvar", set_logvar, METH_VARARGS, "set_logvar(name, value): the request's %(name) in --log-format"},
	{"get_logvar", get_logvar, METH_VARARGS, "get_logvar(name) -> bytes or None: what set_logvar has set"},
	{NULL, NULL, 0, NULL},
};

static struct PyModuleDef module = {
	PyModuleDef_HEAD_INIT,
	.m_name = "_gowsgi_seam",
	.m_size = -1,
	.m_methods = functions,
};

void *ph_uwsgi(void)
{
	return PyModule_Create(&module);
}
