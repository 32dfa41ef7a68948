/*
 * ph_internal.h: what the C files of the seam share. Everything here needs the
 * GIL, unless it says otherwise.
 */
#ifndef PH_INTERNAL_H
#define PH_INTERNAL_H

/* Off on the command line, for cgo's own files do not pass it. */
#pragma GCC diagnostic error "-Wunused-parameter"

#define PY_SSIZE_T_CLEAN
#include <Python.h>

#ifdef Py_GIL_DISABLED
#error "free-threaded CPython is not supported: the seam's state is guarded by the GIL"
#endif

#include <stdatomic.h>
#include <stdbool.h>

#include "ph.h"

/* ph_buffer grows and is reused from request to request; owned by its thread. */
typedef struct {
	char *data;
	size_t len;
	size_t cap;
} ph_buffer;

/* 0, or -1 with MemoryError set. */
int ph_buffer_add(ph_buffer *b, const void *data, size_t len);

/* ph_buffer_trim empties it and gives memory above the keep limit back. */
void ph_buffer_trim(ph_buffer *b);

struct ph_thread {
	int index;
	PyThreadState *tstate; /* for life; never deleted */
	bool attached;
	_Atomic(int64_t) gil_wait; /* nanoseconds in all */
	PyThread_type_lock parking; /* taken while nobody has called ph_wake */
	/* Held around phRead, phWrite and phErrors, GIL released: they may come from any
	 * thread of the app, and the request's end waits for them. */
	PyThread_type_lock reading, writing, logging;

	/* Changed with the GIL only. open: in the app or its iterator, where ph_raise may. closing: in
	 * close(), where it may when asked to. */
	bool open, closing, raised;

	/* The packed request, Go's, while ph_begin runs: for the crash handler. Else NULL. */
	_Atomic(const char *) request;
	size_t request_len;
	const char *body; /* the inline one, as request */
	size_t body_len;

	/* The request. Strong references, NULL between requests. */
	PyObject *input;
	PyObject *errors;
	PyObject *start_response;
	PyObject *writer;   /* what start_response returned, if it did */
	PyObject *app_iter; /* what the app returned: close() is looked up on it */
	PyObject *iter;
	bool from_list; /* iter comes from a list or tuple: total is known */

	/* The response head, written by start_response. */
	bool started;
	bool head_sent;
	bool has_length; /* of Content-Length in headers */
	ph_buffer status;
	ph_buffer headers;

	/* Variables for the access log, packed as headers; the replies have had the first logvars_sent bytes. */
	ph_buffer logvars;
	size_t logvars_sent;

	/* What the last reply points to. */
	PyObject *chunk;
	PyObject *error;
	ph_buffer gathered;
};

/* ph_thread.c: every request thread, in the order they were made, for the crash handler. What
 * does not fit is left out. */
#define PH_THREADS 512
extern ph_thread *ph_threads[PH_THREADS];
extern _Atomic(int) ph_thread_count;

/* The request thread that runs this; NULL: another thread does. */
extern _Thread_local ph_thread *ph_current;

/* ph_environ.c */
int ph_environ_init(int multithread, int multiprocess, const char *server_software);
PyObject *ph_environ_new(const char *request, size_t len);

/* What a packed request begins with: see ph_begin. */
enum { PH_REQUEST_HEADER = 2 * sizeof(uint32_t) };

/* ph_input.c: wsgi.input. Expires at the request's end. */
extern PyTypeObject ph_input_type;
PyObject *ph_input_new(ph_thread *t, const char *body, size_t body_len, int stream);
void ph_input_expire(PyObject *input);

/* ph_errors.c: wsgi.errors. Expires at the request's end, flushed. */
extern PyTypeObject ph_errors_type;
PyObject *ph_errors_new(ph_thread *t);
void ph_errors_expire(PyObject *errors);

/* ph_start_response.c: start_response and the write callable it returns. */
extern PyTypeObject ph_start_response_type;
extern PyTypeObject ph_writer_type;
PyObject *ph_start_response_new(ph_thread *t);
void ph_start_response_expire(PyObject *start_response);
void ph_writer_expire(PyObject *writer);
void ph_reply_head(ph_thread *t, ph_reply *reply);

/* ph_file_wrapper.c */
extern PyTypeObject ph_file_wrapper_type;
int ph_file_wrapper_init(void);
/* ph_file_wrapper_regular: 1 and fd, offset, length when the wrapped object is a
 * regular file that the kernel can send; 0 when it must be read; never raises. */
int ph_file_wrapper_regular(PyObject *wrapper, int *fd, int64_t *offset, int64_t *length);

/* ph_traceback.c: the text of the current exception, which it clears. A new
 * reference to bytes (UTF-8), or NULL when there is no memory even for that. */
int ph_traceback_init(void);
PyObject *ph_traceback_take(void);

/* ph_page.c: the answer to the current exception, which stays set, if there is to be one. For a request whose
 * head was not sent. */
void ph_page_reply(ph_thread *t, ph_reply *reply);

/* ph_uwsgi.c: ph_logvars_reply puts the variables that no reply has had yet into this one. */
void ph_logvars_reply(ph_thread *t, ph_reply *reply);

/* ph_harakiri.c. ph_harakiri_settle: what ph_raise was for, the app or its close(), has ended, and what
 * it raised ends with it. No error may be set. */
int ph_harakiri_init(void);
void ph_harakiri_settle(ph_thread *t);

/* ph_wait_for waits, the GIL released, until nobody holds lock. */
void ph_wait_for(PyThread_type_lock lock);

/* ph_boot.c: set in a child that the app forked: Go is dead there. */
extern volatile int ph_forked;
void ph_leave_child(void); /* ends a forked child that came back to the seam */

/*
 * Go's side (seam.go). Called with the GIL released, for they block, but for
 * phInterrupt, which does not. thread is the
 * index of the request's ph_thread; its lock is held, so the request is alive.
 */
enum { PH_READ_GONE = -1, PH_READ_TIMEOUT = -2, PH_READ_TOO_LARGE = -3, PH_READ_BAD = -4 };
extern long phRead(int thread, char *buffer, size_t len);
extern int phWrite(int thread, ph_reply *reply); /* 0, or -1: the client is gone */
extern void phInterrupt(int thread, int writing); /* makes a running phRead or phWrite return */
extern void phErrors(int thread, char *line, size_t len);

/* For the uwsgi module, on any thread: phLog writes to the log; phWorkers gives JSON, malloc'ed, or NULL. */
extern void phLog(char *text, size_t len, int error);
extern void phWorkers(char **text);

#endif
