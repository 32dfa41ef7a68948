/*
 * ph_start_response.c: start_response(status, headers, exc_info=None) and the
 * write() callable that it returns (PEP 3333, "The start_response() Callable").
 *
 * What the app gives is checked here, while its frame is on the stack: the
 * error names the mistake and its traceback shows the place.
 */
#include "ph_internal.h"

#include <string.h>
#include <strings.h>

typedef struct {
	PyObject_HEAD
	vectorcallfunc vectorcall;
	ph_thread *t; /* NULL: expired */
} start_response;

typedef struct {
	PyObject_HEAD
	vectorcallfunc vectorcall;
	_Atomic(ph_thread *) t; /* NULL: expired. Written with the GIL, read without */
	bool busy;
} writer;

static PyObject *start_response_call(PyObject *self, PyObject *const *args, size_t nargsf, PyObject *kwnames);
static PyObject *writer_call(PyObject *self, PyObject *const *args, size_t nargsf, PyObject *kwnames);

PyObject *ph_start_response_new(ph_thread *t)
{
	start_response *s = PyObject_New(start_response, &ph_start_response_type);
	if (s == NULL)
		return NULL;
	s->vectorcall = start_response_call;
	s->t = t;
	return (PyObject *)s;
}

void ph_start_response_expire(PyObject *self)
{
	((start_response *)self)->t = NULL;
}

void ph_writer_expire(PyObject *self)
{
	writer *w = (writer *)self;
	ph_thread *t = atomic_exchange(&w->t, NULL);
	if (t == NULL || !w->busy || ph_forked)
		return;
	/* Another thread of the app is in write(): make it return first. */
	phInterrupt(t->index, 1);
	ph_wait_for(t->writing);
}

/* latin1 gives the bytes of a str whose characters are all up to U+00FF. They
 * belong to the str. -1 with an error that calls it by its role and shows where it is in. */
static int latin1(PyObject *s, const char *role, PyObject *in, const char **data, size_t *len)
{
	if (!PyUnicode_Check(s)) {
		PyErr_Format(PyExc_TypeError, "%s must be a str, not %.100s: %.200R", role, Py_TYPE(s)->tp_name, in);
		return -1;
	}
	if (PyUnicode_READY(s) < 0)
		return -1;
	if (PyUnicode_KIND(s) != PyUnicode_1BYTE_KIND) {
		PyErr_Format(PyExc_ValueError,
			"%s has a character beyond latin-1 (PEP 3333 allows only U+0000 to U+00FF): %.200R", role, in);
		return -1;
	}
	*data = (const char *)PyUnicode_1BYTE_DATA(s);
	*len = (size_t)PyUnicode_GET_LENGTH(s);
	return 0;
}

static bool has_control(const char *p, size_t len)
{
	for (size_t i = 0; i < len; i++)
		if ((unsigned char)p[i] < 0x20 || p[i] == 0x7f)
			return true;
	return false;
}

static bool is_token(const char *p, size_t len)
{
	static const char separators[] = "()<>@,;:\\\"/[]?={} \t";
	for (size_t i = 0; i < len; i++)
		if ((unsigned char)p[i] <= 0x20 || (unsigned char)p[i] >= 0x7f || strchr(separators, p[i]) != NULL)
			return false;
	return len > 0;
}

/* The hop-by-hop headers (RFC 2616 13.5.1), which PEP 3333 keeps from apps. */
static bool is_hop_by_hop(const char *p, size_t len)
{
	static const struct {
		size_t len;
		const char *name;
	} hop[] = {
		{10, "connection"},
		{10, "keep-alive"},
		{18, "proxy-authenticate"},
		{19, "proxy-authorization"},
		{2, "te"},
		{7, "trailer"},
		{8, "trailers"},
		{17, "transfer-encoding"},
		{7, "upgrade"},
	};
	for (size_t i = 0; i < sizeof hop / sizeof hop[0]; i++)
		if (hop[i].len == len && strncasecmp(hop[i].name, p, len) == 0)
			return true;
	return false;
}

static int check_status(PyObject *status, const char **data, size_t *len)
{
	if (latin1(status, "the status", status, data, len) < 0)
		return -1;
	const char *p = *data;
	if (*len < 4 || p[0] < '2' || p[0] > '9' || p[1] < '0' || p[1] > '9' || p[2] < '0' || p[2] > '9' || p[3] != ' ') {
		PyErr_Format(PyExc_ValueError, "the status must look like \"200 OK\", from 200 to 999, not %.200R", status);
		return -1;
	}
	if (has_control(p, *len)) {
		PyErr_Format(PyExc_ValueError, "the status has a control character: %.200R", status);
		return -1;
	}
	return 0;
}

/* check_length: a Content-Length is digits, and there is one: the response's end
 * depends on it. */
static int check_length(ph_thread *t, PyObject *item, const char *value, size_t len)
{
	bool digits = len > 0 && len <= 18;
	for (size_t i = 0; i < len; i++)
		digits = digits && value[i] >= '0' && value[i] <= '9';
	if (!digits) {
		PyErr_Format(
			PyExc_ValueError, "Content-Length must be a number of bytes, not %.100R", PyTuple_GET_ITEM(item, 1));
		return -1;
	}
	if (t->has_length) {
		PyErr_SetString(PyExc_ValueError, "Content-Length was given twice");
		return -1;
	}
	t->has_length = true;
	return 0;
}

/* add_header checks one (name, value) and packs it. */
static int add_header(ph_thread *t, PyObject *item)
{
	ph_buffer *out = &t->headers;
	const char *name, *value;
	size_t name_len, value_len;
	if (!PyTuple_Check(item) || PyTuple_GET_SIZE(item) != 2) {
		PyErr_Format(PyExc_TypeError, "each header must be a tuple (name, value), not %.200R", item);
		return -1;
	}
	if (latin1(PyTuple_GET_ITEM(item, 0), "a header's name", item, &name, &name_len) < 0 ||
		latin1(PyTuple_GET_ITEM(item, 1), "a header's value", item, &value, &value_len) < 0)
		return -1;
	if (!is_token(name, name_len) || name_len > UINT16_MAX) {
		PyErr_Format(
			PyExc_ValueError, "a header's name must be a token (RFC 9110), not %.200R", PyTuple_GET_ITEM(item, 0));
		return -1;
	}
	if (has_control(value, value_len) || value_len > INT32_MAX) {
		PyErr_Format(PyExc_ValueError, "the value of header %.100R has a control character: %.200R",
			PyTuple_GET_ITEM(item, 0), PyTuple_GET_ITEM(item, 1));
		return -1;
	}
	if (is_hop_by_hop(name, name_len)) {
		PyErr_Format(PyExc_ValueError, "header %.100R is hop-by-hop: the server's business, not the app's (PEP 3333)",
			PyTuple_GET_ITEM(item, 0));
		return -1;
	}
	if (name_len == 14 && strncasecmp(name, "content-length", 14) == 0 && check_length(t, item, value, value_len) < 0)
		return -1;
	uint16_t n = (uint16_t)name_len;
	uint32_t v = (uint32_t)value_len;
	if (ph_buffer_add(out, &n, sizeof n) < 0 || ph_buffer_add(out, &v, sizeof v) < 0)
		return -1;
	return ph_buffer_add(out, name, name_len) < 0 ? -1 : ph_buffer_add(out, value, value_len);
}

static int set_head(ph_thread *t, PyObject *status, PyObject *headers)
{
	const char *text;
	size_t len;
	t->started = t->has_length = false;
	t->status.len = t->headers.len = 0;
	if (check_status(status, &text, &len) < 0)
		return -1;
	if (!PyList_Check(headers)) {
		PyErr_Format(PyExc_TypeError, "the headers must be a list of tuples (name, value), not %.100s",
			Py_TYPE(headers)->tp_name);
		return -1;
	}
	if (ph_buffer_add(&t->status, text, len) < 0)
		return -1;
	for (Py_ssize_t i = 0; i < PyList_GET_SIZE(headers); i++)
		if (add_header(t, PyList_GET_ITEM(headers, i)) < 0)
			return -1;
	t->started = true;
	return 0;
}

/* raise_exc_info raises what the app gave as exc_info, after the headers went out. */
static void raise_exc_info(PyObject *exc_info)
{
	PyObject *value = PyTuple_GET_ITEM(exc_info, 1), *tb = PyTuple_GET_ITEM(exc_info, 2);
	if (!PyExceptionInstance_Check(value)) {
		PyErr_SetString(
			PyExc_RuntimeError, "start_response() was called with exc_info after the headers had been sent");
		return;
	}
	if (PyTraceBack_Check(tb))
		PyException_SetTraceback(value, tb);
	PyErr_SetObject(PyExceptionInstance_Class(value), value);
}

static PyObject *writer_new(ph_thread *t)
{
	if (t->writer == NULL) {
		writer *w = PyObject_New(writer, &ph_writer_type);
		if (w == NULL)
			return NULL;
		w->vectorcall = writer_call;
		atomic_init(&w->t, t);
		w->busy = false;
		t->writer = (PyObject *)w;
	}
	Py_INCREF(t->writer);
	return t->writer;
}

/* keyword_exc_info: positional by the PEP; as a keyword it is widely written and harmless. */
static int keyword_exc_info(PyObject *kwnames, PyObject *const *values, PyObject **exc_info)
{
	for (Py_ssize_t i = 0; kwnames != NULL && i < PyTuple_GET_SIZE(kwnames); i++) {
		PyObject *name = PyTuple_GET_ITEM(kwnames, i);
		if (PyUnicode_CompareWithASCIIString(name, "exc_info") != 0) {
			PyErr_Format(PyExc_TypeError, "start_response() got an unexpected keyword argument %R", name);
			return -1;
		}
		*exc_info = values[i];
	}
	return 0;
}

static PyObject *start_response_call(PyObject *self, PyObject *const *args, size_t nargsf, PyObject *kwnames)
{
	Py_ssize_t nargs = PyVectorcall_NARGS(nargsf);
	ph_thread *t = ((start_response *)self)->t;
	if (t == NULL) {
		PyErr_SetString(PyExc_RuntimeError, "start_response() was called after its request had ended");
		return NULL;
	}
	if (nargs < 2 || nargs > 3) {
		PyErr_Format(PyExc_TypeError,
			"start_response() takes status, headers and an optional exc_info (%zd arguments given)", nargs);
		return NULL;
	}
	PyObject *exc_info = nargs == 3 ? args[2] : Py_None;
	if (keyword_exc_info(kwnames, args + nargs, &exc_info) < 0)
		return NULL;
	if (exc_info == Py_None) {
		if (t->started || t->head_sent) {
			PyErr_SetString(PyExc_RuntimeError, "start_response() was called a second time without exc_info");
			return NULL;
		}
	} else if (!PyTuple_Check(exc_info) || PyTuple_GET_SIZE(exc_info) != 3) {
		PyErr_Format(PyExc_TypeError, "exc_info must be the tuple of sys.exc_info(), not %.200R", exc_info);
		return NULL;
	} else if (t->head_sent) {
		raise_exc_info(exc_info);
		return NULL;
	}
	if (set_head(t, args[0], args[1]) < 0)
		return NULL;
	return writer_new(t);
}

/* ph_reply_head puts the head into the reply, the first time. */
void ph_reply_head(ph_thread *t, ph_reply *reply)
{
	if (t->head_sent)
		return;
	t->head_sent = true;
	reply->head = 1;
	reply->status = t->status.data;
	reply->status_len = t->status.len;
	reply->headers = t->headers.data;
	reply->headers_len = t->headers.len;
}

static int send_now(writer *w, PyObject *data)
{
	ph_thread *t = atomic_load(&w->t);
	ph_reply reply = {.total = -1, .body = PyBytes_AS_STRING(data), .body_len = (size_t)PyBytes_GET_SIZE(data)};
	int rc;
	if (ph_forked) {
		PyErr_SetString(PyExc_OSError, "write() was called in a child process that the app forked");
		return -1;
	}
	if (!t->started) {
		PyErr_SetString(PyExc_RuntimeError, "write() was called after a start_response() that failed");
		return -1;
	}
	ph_reply_head(t, &reply);
	w->busy = true;
	Py_BEGIN_ALLOW_THREADS
	PyThread_acquire_lock(t->writing, WAIT_LOCK);
	rc = atomic_load(&w->t) == t ? phWrite(t->index, &reply) : -1;
	PyThread_release_lock(t->writing);
	Py_END_ALLOW_THREADS
	w->busy = false;
	if (rc < 0)
		PyErr_SetString(PyExc_BrokenPipeError, "the client left before the response was complete");
	return rc;
}

/* writer_call: the bytes are on the wire, or in the kernel's hands, when it returns. */
static PyObject *writer_call(PyObject *self, PyObject *const *args, size_t nargsf, PyObject *kwnames)
{
	writer *w = (writer *)self;
	if (PyVectorcall_NARGS(nargsf) != 1 || kwnames != NULL) {
		PyErr_SetString(PyExc_TypeError, "write() takes one argument, the bytes");
		return NULL;
	}
	if (atomic_load(&w->t) == NULL) {
		PyErr_SetString(PyExc_RuntimeError, "write() was called after its request had ended");
		return NULL;
	}
	if (w->busy) {
		PyErr_SetString(PyExc_RuntimeError, "write() is being called by another thread");
		return NULL;
	}
	if (!PyBytes_Check(args[0])) {
		PyErr_Format(PyExc_TypeError, "write() takes bytes, not %.100s: encode it, as in text.encode()",
			Py_TYPE(args[0])->tp_name);
		return NULL;
	}
	if (PyBytes_GET_SIZE(args[0]) > 0 && send_now(w, args[0]) < 0)
		return NULL;
	Py_RETURN_NONE;
}

PyTypeObject ph_start_response_type = {
	PyVarObject_HEAD_INIT(NULL, 0)
	.tp_name = "gowsgi.StartResponse",
	.tp_basicsize = sizeof(start_response),
	.tp_vectorcall_offset = offsetof(start_response, vectorcall),
	.tp_call = PyVectorcall_Call,
	.tp_flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_VECTORCALL,
	.tp_doc = "start_response of one request (PEP 3333)",
};

PyTypeObject ph_writer_type = {
	PyVarObject_HEAD_INIT(NULL, 0)
	.tp_name = "gowsgi.Write",
	.tp_basicsize = sizeof(writer),
	.tp_vectorcall_offset = offsetof(writer, vectorcall),
	.tp_call = PyVectorcall_Call,
	.tp_flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_VECTORCALL,
	.tp_doc = "the write() callable that start_response returned (PEP 3333)",
};
