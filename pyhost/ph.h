/*
 * ph.h: the contract between Go and the interpreter. Plain C, no Python.h, so
 * that cgo sees nothing of CPython but void pointers.
 *
 * One ph_thread belongs to one OS thread (a goroutine locked to it) for the
 * life of the process; its functions are called on that thread only. Between
 * calls the thread may keep the GIL ("attached"): ph_begin, ph_next and
 * ph_abort attach when needed and return attached, as ph_attach does. ph_detach and ph_idle give
 * the GIL up.
 *
 * Memory in a ph_reply belongs to the thread. It is valid until the next call
 * of any of these functions on that thread, GIL held or not.
 *
 * Who frees: C frees everything it allocated; Go passes buffers that C reads
 * only during the call.
 */
#ifndef PH_H
#define PH_H

#include <stddef.h>
#include <stdint.h>

typedef struct ph_thread ph_thread;

typedef enum {
	PH_DONE = 0,  /* the response is complete; close() has been called */
	PH_CHUNK = 1, /* body holds a chunk; send it, then call ph_next */
	PH_FILE = 2,  /* fd, offset, length: send that, then call ph_next */
	PH_ERROR =
		3, /* the app raised: error holds the text; close() was called. With ph_set_page: head and body to answer with */
} ph_event;

typedef struct {
	int head; /* not 0: status and headers come with this reply, once a request */
	const char *status; /* "200 OK", latin-1, validated */
	size_t status_len;
	/* u16 name length, u32 value length, name, value; host order. Behind the headers, and without them when
	 * head is 0, stand variables for the access log (set_logvar), whose names begin with "(". */
	const char *headers;
	size_t headers_len;
	const char *body;
	size_t body_len;
	int64_t total; /* length of the whole body where known (list, tuple, file), else -1 */
	int fd; /* PH_FILE: owned by the app's file object, open until ph_next */
	int64_t offset;
	int64_t length;
	const char *error; /* UTF-8 traceback; with PH_DONE: close() raised, the response stands */
	size_t error_len;
	int os_error; /* PH_ERROR: the exception is an OSError */
} ph_reply;

/* ph_boot_config: strings are UTF-8, borrowed for the call. */
typedef struct {
	const char *executable; /* the python that sys.executable names; finds the venv */
	int argc;
	char **argv; /* sys.argv */
} ph_boot_config;

/*
 * ph_boot initialises CPython on the calling thread, which becomes Python's
 * main thread, and returns with the GIL held. On failure it returns a message
 * (static or malloc'ed, never freed: the process must exit, since a failed
 * initialisation may keep the GIL for ever). NULL is success.
 */
const char *ph_boot(const ph_boot_config *config);

/* ph_built_for is the version of the headers that this was compiled with. */
const char *ph_built_for(void);

/* ph_run_module runs source as module name; returns a new reference to it, or
 * NULL with the Python error set. GIL held. */
void *ph_run_module(const char *name, const char *source, const char *filename);

/*
 * ph_set_apps takes a reference of its own to the apps, a tuple that is not empty, and builds
 * the environ template. GIL held. 0, or -1 with the Python error printed.
 */
int ph_set_apps(void *apps, int multithread, int multiprocess, const char *server_software);

/* ph_environ_put puts an entry into the environ of every request from now on. ph_set_apps came before. A reference
 * to value is taken. GIL held. 0, or -1 with the Python error set. */
int ph_environ_put(const char *key, void *value);

/* ph_uwsgi is what the app's uwsgi module needs of C and Go: a new reference to a module with log(text, error),
 * workers(), set_logvar(name, value) and get_logvar(name). GIL held. NULL with the Python error set. */
void *ph_uwsgi(void);

/*
 * ph_set_page has exceptions in requests answered with a page, as long as no head was sent: --dev.
 * page(exception, environ, body, start_response) returns the bytes, after start_response, or None. environ
 * is as the server made it, whatever the app has changed, without wsgi.input. A reference is taken. GIL held.
 */
void ph_set_page(void *page);

/* ph_main_detach gives up the GIL on the main thread, ph_main_attach takes it. */
void ph_main_detach(void);
void ph_main_attach(void);

/* ph_check_signals runs Python's pending signal handlers. Main thread, GIL held.
 * Returns a traceback (malloc'ed, the caller frees) when a handler raised, or NULL. */
char *ph_check_signals(void);

/* ph_trip_signal runs the handler that the app has set for signum, if any, at
 * the next ph_check_signals. GIL held. Returns 1 if there is one. */
int ph_trip_signal(int signum);

/* ph_wakeup_fd makes CPython's C signal handler write to fd. Main thread, GIL
 * held. 0, or -1. */
int ph_wakeup_fd(int fd);

/* ph_save_handlers remembers the signal handlers as they are: Go's. No GIL. */
void ph_save_handlers(void);

/* ph_reclaim_handler puts the saved handler of signum back. 1 if another had
 * taken its place, else 0. No GIL. */
int ph_reclaim_handler(int signum);

/* ph_repair_handlers adds SA_ONSTACK to every handler that lacks it: without it
 * the Go runtime ends the process. Returns how many were repaired. No GIL. */
int ph_repair_handlers(void);

/* ph_dump_stacks writes every thread's Python stack to fd without taking the
 * GIL, for when nobody can get it, or says that this CPython has no way to do so. Unsynchronised by
 * nature, as faulthandler. Async-signal-safe. */
void ph_dump_stacks(int fd);

/*
 * ph_crash_install has a crash of C code (SIGSEGV and its like) write every thread's Python stack to
 * stderr before it takes its course. Go's machine code lies from from up to to: its crashes are Go's
 * alone. The handlers must be Go's still. No GIL.
 */
void ph_crash_install(uintptr_t from, uintptr_t to);

/* ph_crash_respect leaves the signals that the app has put handlers of its own on, faulthandler's
 * as a rule, to those. No GIL. */
void ph_crash_respect(void);

/* ph_thread_new makes the calling OS thread a Python thread, detached. NULL when
 * out of memory. */
ph_thread *ph_thread_new(int index, const char *name);

/* ph_thread_ident is threading.get_ident() of the calling thread. */
unsigned long ph_thread_ident(void);

/*
 * ph_begin starts a request. request: u32 number of environ entries, u32 number of
 * the app among those of ph_set_apps, then each entry as u16 key length, u32 value
 * length, key, value (latin-1), in the machine's byte order. Neither number is trusted:
 * in a worker process it comes from shared memory. body: the inline body, body_len bytes. stream: not 0 if the body is to be read by phRead.
 */
ph_event ph_begin(ph_thread *t, const char *request, size_t request_len, const char *body, size_t body_len, int stream,
	ph_reply *reply);

/* ph_next asks the app_iter for more, after PH_CHUNK or PH_FILE. */
ph_event ph_next(ph_thread *t, ph_reply *reply);

/* ph_abort ends the request after PH_CHUNK or PH_FILE: the client is gone.
 * close() is called; PH_DONE. */
ph_event ph_abort(ph_thread *t, ph_reply *reply);

/* ph_attach takes the GIL, if the thread does not have it. */
void ph_attach(ph_thread *t);

/* ph_detach gives up the GIL for a wait; the reply stays valid. Nothing happens
 * when detached already. */
void ph_detach(ph_thread *t);

/* ph_idle drops what the last reply pointed to and gives up the GIL: the thread
 * has nothing to do. Attaches first when it must. */
void ph_idle(ph_thread *t);

/* ph_park is ph_idle, then sleep until ph_wake. */
void ph_park(ph_thread *t);

/* ph_wake ends the ph_park under way or the next one; once for each. From any thread,
 * GIL held or not. */
void ph_wake(ph_thread *t);

/* ph_raise raises gowsgi.HarakiriError in the request that t is at, in close() only if closing_too.
 * GIL held, and not given up; from any thread. 1, or 0 when t is not in the app's code. The exception
 * never reaches another request, nor the close() behind the code that it was meant for. */
int ph_raise(ph_thread *t, int closing_too);

/* ph_gil_wait is how long the thread has waited for the GIL in ph_begin, ph_next
 * and ph_abort, in nanoseconds. From any thread, GIL held or not. */
int64_t ph_gil_wait(ph_thread *t);

#endif
