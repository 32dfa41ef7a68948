/*
 * ph_thread.c: a Python thread's life, and a request's way through it: environ,
 * the call of the app, and its app_iter, chunk by chunk.
 */
#include "ph_internal.h"

#include <string.h>
#include <time.h>

#define BUFFER_KEEP (64 * 1024) /* what a buffer may keep from one request to the next */
#define GATHER_MAX (64 * 1024)  /* lists up to this size are sent in one piece */

static PyObject *apps; /* the tuple of the WSGI applications, owned for life */

_Thread_local ph_thread *ph_current;
ph_thread *ph_threads[PH_THREADS];
_Atomic(int) ph_thread_count;

int ph_buffer_add(ph_buffer *b, const void *data, size_t len)
{
	if (len > b->cap - b->len) {
		size_t cap = b->cap == 0 ? 1024 : b->cap * 2;
		while (cap - b->len < len)
			cap *= 2;
		char *grown = PyMem_Realloc(b->data, cap);
		if (grown == NULL) {
			PyErr_NoMemory();
			return -1;
		}
		b->data = grown;
		b->cap = cap;
	}
	if (len > 0)
		memcpy(b->data + b->len, data, len);
	b->len += len;
	return 0;
}

void ph_buffer_trim(ph_buffer *b)
{
	b->len = 0;
	if (b->cap <= BUFFER_KEEP)
		return;
	PyMem_Free(b->data);
	*b = (ph_buffer){0};
}

int ph_set_apps(void *tuple, int multithread, int multiprocess, const char *server_software)
{
	PyTypeObject *types[] = {
		&ph_input_type, &ph_errors_type, &ph_start_response_type, &ph_writer_type, &ph_file_wrapper_type};
	for (size_t i = 0; i < sizeof types / sizeof types[0]; i++)
		if (PyType_Ready(types[i]) < 0)
			goto failed;
	if (ph_traceback_init() < 0 || ph_file_wrapper_init() < 0 || ph_harakiri_init() < 0 ||
		ph_environ_init(multithread, multiprocess, server_software) < 0)
		goto failed;
	apps = tuple;
	Py_INCREF(apps);
	return 0;
failed:
	PyErr_Print();
	return -1;
}

/* set_name names the thread for logging and for stack dumps. Never fails. */
static void set_name(const char *name)
{
	PyObject *threading = PyImport_ImportModule("threading");
	PyObject *self = threading == NULL ? NULL : PyObject_CallMethod(threading, "current_thread", NULL);
	PyObject *text = self == NULL ? NULL : PyUnicode_FromString(name);
	if (text != NULL)
		PyObject_SetAttrString(self, "name", text);
	/* Up to 3.12, a child that this thread forks needs the lock: threading._shutdown
	 * asserts that its main thread has one. */
	PyObject *lock = self == NULL ? NULL : PyObject_CallMethod(self, "_set_tstate_lock", NULL);
	Py_XDECREF(lock);
	Py_XDECREF(text);
	Py_XDECREF(self);
	Py_XDECREF(threading);
	PyErr_Clear();
}

ph_thread *ph_thread_new(int index, const char *name)
{
	ph_thread *t = PyMem_RawCalloc(1, sizeof *t);
	if (t == NULL)
		return NULL;
	t->index = index;
	t->parking = PyThread_allocate_lock();
	t->reading = PyThread_allocate_lock();
	t->writing = PyThread_allocate_lock();
	t->logging = PyThread_allocate_lock();
	if (t->parking == NULL || t->reading == NULL || t->writing == NULL || t->logging == NULL)
		return NULL; /* out of memory at the start: the process ends */
	PyThread_acquire_lock(t->parking, WAIT_LOCK);
	/* Never released: the state is found by extensions that call
	 * PyGILState_Ensure, and thread-locals live as long as the thread. */
	PyGILState_Ensure();
	set_name(name);
	t->tstate = PyEval_SaveThread();
	ph_current = t;
	int n = atomic_load(&ph_thread_count); /* threads are made one after the other */
	if (n < PH_THREADS) {
		ph_threads[n] = t;
		atomic_store(&ph_thread_count, n + 1);
	}
	return t;
}

void ph_wait_for(PyThread_type_lock lock)
{
	Py_BEGIN_ALLOW_THREADS
	PyThread_acquire_lock(lock, WAIT_LOCK);
	PyThread_release_lock(lock);
	Py_END_ALLOW_THREADS
}

unsigned long ph_thread_ident(void)
{
	return PyThread_get_thread_ident();
}

static void attach(ph_thread *t)
{
	if (t->attached)
		return;
	struct timespec begun, got;
	clock_gettime(CLOCK_MONOTONIC, &begun);
	PyEval_RestoreThread(t->tstate);
	clock_gettime(CLOCK_MONOTONIC, &got);
	t->attached = true;
	atomic_fetch_add(&t->gil_wait, (got.tv_sec - begun.tv_sec) * 1000000000LL + got.tv_nsec - begun.tv_nsec);
}

void ph_attach(ph_thread *t)
{
	attach(t);
}

int64_t ph_gil_wait(ph_thread *t)
{
	return atomic_load(&t->gil_wait);
}

/* drop_reply frees what the last reply pointed to. */
static void drop_reply(ph_thread *t)
{
	Py_CLEAR(t->chunk);
	Py_CLEAR(t->error);
	ph_buffer_trim(&t->gathered);
	ph_buffer_trim(&t->status);
	ph_buffer_trim(&t->headers);
}

void ph_detach(ph_thread *t)
{
	if (!t->attached)
		return;
	t->attached = false;
	PyEval_SaveThread();
}

void ph_idle(ph_thread *t)
{
	if (t->chunk != NULL || t->error != NULL)
		attach(t);
	if (!t->attached)
		return;
	drop_reply(t);
	ph_detach(t);
}

void ph_park(ph_thread *t)
{
	ph_idle(t);
	PyThread_acquire_lock(t->parking, WAIT_LOCK);
}

void ph_wake(ph_thread *t)
{
	PyThread_release_lock(t->parking);
}

/* expire ends the request's objects: what the app still holds raises from now on. */
static void expire(ph_thread *t)
{
	if (t->input != NULL)
		ph_input_expire(t->input);
	if (t->start_response != NULL)
		ph_start_response_expire(t->start_response);
	if (t->writer != NULL)
		ph_writer_expire(t->writer);
	if (t->errors != NULL)
		ph_errors_expire(t->errors);
	Py_CLEAR(t->input);
	Py_CLEAR(t->start_response);
	Py_CLEAR(t->writer);
	Py_CLEAR(t->errors);
	if (t->raised)
		ph_harakiri_settle(t);
}

/* reply_error puts the current exception into the reply. */
static void reply_error(ph_thread *t, ph_reply *reply)
{
	PyObject *text = ph_traceback_take();
	Py_XSETREF(t->error, text);
	reply->error = text == NULL ? "MemoryError\n" : PyBytes_AS_STRING(text);
	reply->error_len = text == NULL ? strlen(reply->error) : (size_t)PyBytes_GET_SIZE(text);
}

/* close_iter calls app_iter.close() where there is one, once. -1: it raised. */
static int close_iter(ph_thread *t)
{
	PyObject *iter = t->app_iter;
	t->app_iter = NULL;
	t->open = false;
	if (t->raised)
		ph_harakiri_settle(t);
	Py_CLEAR(t->iter);
	if (iter == NULL)
		return 0;
	int rc = 0;
	if (!PyList_CheckExact(iter) && !PyTuple_CheckExact(iter)) {
		t->closing = true;
		PyObject *close = PyObject_GetAttrString(iter, "close");
		PyObject *done = close == NULL ? NULL : PyObject_CallObject(close, NULL);
		if (close == NULL && PyErr_ExceptionMatches(PyExc_AttributeError))
			PyErr_Clear();
		else if (done == NULL)
			rc = -1;
		Py_XDECREF(close);
		Py_XDECREF(done);
		t->closing = false;
	}
	Py_DECREF(iter);
	return rc;
}

/* finish ends the request well. close() may still raise: the response stands,
 * the error is reported beside it. */
static ph_event finish(ph_thread *t, ph_reply *reply)
{
	if (close_iter(t) < 0)
		reply_error(t, reply);
	expire(t);
	return PH_DONE;
}

/* fail ends the request with the current exception. A second one from close()
 * is the app's too, but the first is the cause. */
static ph_event fail(ph_thread *t, ph_reply *reply)
{
	if (ph_forked)
		ph_leave_child();
	*reply = (ph_reply){.total = -1, .fd = -1, .os_error = PyErr_ExceptionMatches(PyExc_OSError)};
	ph_page_reply(t, reply);
	reply_error(t, reply);
	if (close_iter(t) < 0)
		PyErr_Clear();
	expire(t);
	return PH_ERROR;
}

/* need_started: PEP 3333 wants start_response() before the first body byte. */
static int need_started(ph_thread *t)
{
	if (t->started)
		return 0;
	PyErr_SetString(PyExc_RuntimeError, "the app did not call start_response() before its body");
	return -1;
}

static int need_bytes(PyObject *chunk)
{
	if (PyBytes_Check(chunk))
		return 0;
	PyErr_Format(PyExc_TypeError, "the app's iterable gave %.100s instead of bytes%s", Py_TYPE(chunk)->tp_name,
		PyUnicode_Check(chunk) ? ": encode it, as in text.encode()" : "");
	return -1;
}

/* reply_chunk hands out chunk (a reference that it takes) as body. */
static void reply_chunk(ph_thread *t, ph_reply *reply, PyObject *chunk)
{
	Py_XSETREF(t->chunk, chunk);
	reply->body = PyBytes_AS_STRING(chunk);
	reply->body_len = (size_t)PyBytes_GET_SIZE(chunk);
	ph_reply_head(t, reply);
}

/* advance asks the iterator for the next chunk that is not empty. */
static ph_event advance(ph_thread *t, ph_reply *reply)
{
	PyObject *chunk;
	while ((chunk = PyIter_Next(t->iter)) != NULL) {
		if (need_bytes(chunk) < 0 || need_started(t) < 0) {
			Py_DECREF(chunk);
			return fail(t, reply);
		}
		if (PyBytes_GET_SIZE(chunk) > 0) {
			reply_chunk(t, reply, chunk);
			return PH_CHUNK;
		}
		Py_DECREF(chunk);
	}
	if (PyErr_Occurred() || need_started(t) < 0)
		return fail(t, reply);
	if (!t->head_sent && reply->total < 0)
		reply->total = 0;
	ph_reply_head(t, reply);
	return finish(t, reply);
}

/* gather joins the chunks of a list or tuple whose bytes are known to be few. */
static int gather(ph_thread *t, PyObject **items, Py_ssize_t n)
{
	for (Py_ssize_t i = 0; i < n; i++)
		if (ph_buffer_add(&t->gathered, PyBytes_AS_STRING(items[i]), (size_t)PyBytes_GET_SIZE(items[i])) < 0)
			return -1;
	return 0;
}

/* sequence answers a list or tuple: nothing is computed between its chunks, so
 * its length is known, and a small one goes out whole. */
static ph_event sequence(ph_thread *t, ph_reply *reply)
{
	Py_ssize_t n = PySequence_Fast_GET_SIZE(t->app_iter);
	PyObject **items = PySequence_Fast_ITEMS(t->app_iter);
	int64_t total = 0;
	for (Py_ssize_t i = 0; i < n; i++) {
		if (need_bytes(items[i]) < 0)
			return fail(t, reply);
		total += PyBytes_GET_SIZE(items[i]);
	}
	if (need_started(t) < 0)
		return fail(t, reply);
	if (!t->head_sent)
		reply->total = total;
	if (n > 1 && total > GATHER_MAX) {
		t->iter = PyObject_GetIter(t->app_iter);
		return t->iter == NULL ? fail(t, reply) : advance(t, reply);
	}
	if (n == 1) {
		Py_INCREF(items[0]);
		reply_chunk(t, reply, items[0]);
	} else {
		if (gather(t, items, n) < 0)
			return fail(t, reply);
		reply->body = t->gathered.data;
		reply->body_len = t->gathered.len;
		ph_reply_head(t, reply);
	}
	return finish(t, reply);
}

/* answer looks at what the app returned. */
static ph_event answer(ph_thread *t, ph_reply *reply)
{
	PyObject *result = t->app_iter;
	if (PyList_CheckExact(result) || PyTuple_CheckExact(result))
		return sequence(t, reply);
	if (result == Py_None) {
		PyErr_SetString(PyExc_TypeError, "the app returned None instead of an iterable of bytes: is a return missing?");
		return fail(t, reply);
	}
	if (PyUnicode_Check(result)) {
		PyErr_SetString(
			PyExc_TypeError, "the app returned a str instead of an iterable of bytes: return [text.encode()]");
		return fail(t, reply);
	}
	if (PyBytes_Check(result)) {
		/* Iterating bytes gives integers; uWSGI takes them as the whole body. */
		t->app_iter = PyTuple_Pack(1, result);
		Py_DECREF(result);
		return t->app_iter == NULL ? fail(t, reply) : sequence(t, reply);
	}
	if (Py_TYPE(result) == &ph_file_wrapper_type && t->started &&
		ph_file_wrapper_regular(result, &reply->fd, &reply->offset, &reply->length)) {
		reply->total = t->head_sent ? -1 : reply->length;
		ph_reply_head(t, reply);
		return PH_FILE;
	}
	t->iter = PyObject_GetIter(result);
	if (t->iter == NULL) {
		if (Py_TYPE(result)->tp_iter == NULL && !PySequence_Check(result))
			PyErr_Format(PyExc_TypeError, "the app returned %.100s, which is not an iterable of bytes",
				Py_TYPE(result)->tp_name);
		return fail(t, reply);
	}
	return advance(t, reply);
}

/* app_of is the app that a request is for, borrowed; NULL with the error set. */
static PyObject *app_of(const char *request, size_t len)
{
	uint32_t i = UINT32_MAX;
	if (len >= PH_REQUEST_HEADER)
		memcpy(&i, request + sizeof i, sizeof i);
	if (i < (size_t)PyTuple_GET_SIZE(apps))
		return PyTuple_GET_ITEM(apps, i);
	PyErr_SetString(PyExc_SystemError, "gowsgi: a request for an app that does not exist");
	return NULL;
}

/* call builds the environ and calls the app; NULL with the error set. */
static PyObject *call(
	ph_thread *t, const char *request, size_t request_len, const char *body, size_t body_len, int stream)
{
	static PyObject *input_key, *errors_key; /* interned, for life */
	if (input_key == NULL && (input_key = PyUnicode_InternFromString("wsgi.input")) == NULL)
		return NULL;
	if (errors_key == NULL && (errors_key = PyUnicode_InternFromString("wsgi.errors")) == NULL)
		return NULL;
	PyObject *app = app_of(request, request_len);
	PyObject *environ = app == NULL ? NULL : ph_environ_new(request, request_len);
	if (environ == NULL)
		return NULL;
	PyObject *result = NULL;
	if ((t->input = ph_input_new(t, body, body_len, stream)) != NULL && (t->errors = ph_errors_new(t)) != NULL &&
		(t->start_response = ph_start_response_new(t)) != NULL && PyDict_SetItem(environ, input_key, t->input) == 0 &&
		PyDict_SetItem(environ, errors_key, t->errors) == 0) {
		PyObject *args[3] = {NULL, environ, t->start_response};
		result = PyObject_Vectorcall(app, args + 1, 2 | PY_VECTORCALL_ARGUMENTS_OFFSET, NULL);
	}
	Py_DECREF(environ);
	return result;
}

/* leave: a child that the app forked must not return into the dead Go runtime. */
static ph_event leave(ph_thread *t, ph_reply *reply, ph_event event)
{
	if (ph_forked)
		ph_leave_child();
	t->open = false;
	if (t->logvars.len > t->logvars_sent)
		ph_logvars_reply(t, reply);
	return event;
}

ph_event ph_begin(ph_thread *t, const char *request, size_t request_len, const char *body, size_t body_len, int stream,
	ph_reply *reply)
{
	*reply = (ph_reply){.total = -1, .fd = -1};
	attach(t);
	drop_reply(t);
	t->started = t->head_sent = false;
	t->logvars.len = t->logvars_sent = 0;
	t->open = true;
	t->request_len = request_len;
	t->body = body;
	t->body_len = body_len;
	atomic_store_explicit(&t->request, request, memory_order_release);
	t->app_iter = call(t, request, request_len, body, body_len, stream);
	ph_event event = t->app_iter == NULL ? fail(t, reply) : answer(t, reply);
	atomic_store_explicit(&t->request, NULL, memory_order_release);
	return leave(t, reply, event);
}

ph_event ph_next(ph_thread *t, ph_reply *reply)
{
	*reply = (ph_reply){.total = -1, .fd = -1};
	attach(t);
	drop_reply(t);
	t->open = true;
	return leave(t, reply, t->iter == NULL ? finish(t, reply) : advance(t, reply));
}

ph_event ph_abort(ph_thread *t, ph_reply *reply)
{
	*reply = (ph_reply){.total = -1, .fd = -1};
	attach(t);
	drop_reply(t);
	return leave(t, reply, finish(t, reply));
}
