/*
 * seam.c: the C seam of pyhost without Go, for callgrind (scripts/stages.sh).
 *
 *   seam REQUESTS
 *
 * One thread begins the same request again and again, as a keep-alive connection of a
 * browser would. Instructions are counted after a warm-up.
 */
#include "../../pyhost/ph_internal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <valgrind/callgrind.h>

#define WARM_UP 500

/* Go's side of the seam. The app of this program needs none of it. */
static void unexpected(const char *what)
{
	fprintf(stderr, "seam: %s was called\n", what);
	abort();
}

long phRead(int thread, char *buffer, size_t len)
{
	(void)thread, (void)buffer, (void)len;
	unexpected("phRead");
	return -1;
}

int phWrite(int thread, ph_reply *reply)
{
	(void)thread, (void)reply;
	unexpected("phWrite");
	return -1;
}

void phInterrupt(int thread, int writing)
{
	(void)thread, (void)writing;
	unexpected("phInterrupt");
}

void phErrors(int thread, char *line, size_t len)
{
	(void)thread;
	fwrite(line, 1, len, stderr);
}

void phLog(char *text, size_t len, int error)
{
	(void)text, (void)len, (void)error;
	unexpected("phLog");
}

void phWorkers(char **text)
{
	(void)text;
	unexpected("phWorkers");
}

static const char *const environ_pairs[][2] = {
	{"REQUEST_METHOD", "GET"},
	{"REQUEST_URI", "/shop/caf%C3%A9?q=one+two&page=3"},
	{"PATH_INFO", "/shop/caf\xc3\xa9"},
	{"QUERY_STRING", "q=one+two&page=3"},
	{"SCRIPT_NAME", ""},
	{"SERVER_NAME", "node"},
	{"SERVER_PORT", "5000"},
	{"SERVER_PROTOCOL", "HTTP/1.1"},
	{"REMOTE_ADDR", "192.0.2.7"},
	{"REMOTE_PORT", "4321"},
	{"wsgi.url_scheme", "http"},
	{"HTTP_HOST", "shop.example:5000"},
	{"HTTP_USER_AGENT", "Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0"},
	{"HTTP_ACCEPT", "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,*/*;q=0.8"},
	{"HTTP_ACCEPT_LANGUAGE", "en-US,en;q=0.5"},
	{"HTTP_ACCEPT_ENCODING", "gzip, deflate, br, zstd"},
	{"HTTP_REFERER", "http://shop.example:5000/"},
	{"HTTP_CONNECTION", "keep-alive"},
	{"HTTP_COOKIE", "session=eyJfcGVybWFuZW50Ijp0cnVlfQ.Z1b2cA.3kQ9d0m0nq1yR3wq2cVbq8T2m1E; theme=dark"},
};

/* pack writes the environ as ph_begin wants it, and returns its length. */
static size_t pack(char *to)
{
	uint32_t count = sizeof environ_pairs / sizeof environ_pairs[0], app = 0;
	char *p = to;
	memcpy(p, &count, sizeof count);
	p += sizeof count;
	memcpy(p, &app, sizeof app);
	p += sizeof app;
	for (uint32_t i = 0; i < count; i++) {
		uint16_t name = (uint16_t)strlen(environ_pairs[i][0]);
		uint32_t value = (uint32_t)strlen(environ_pairs[i][1]);
		memcpy(p, &name, sizeof name);
		p += sizeof name;
		memcpy(p, &value, sizeof value);
		p += sizeof value;
		memcpy(p, environ_pairs[i][0], name);
		p += name;
		memcpy(p, environ_pairs[i][1], value);
		p += value;
	}
	return (size_t)(p - to);
}

static void run(ph_thread *t, const char *request, size_t len, int n)
{
	ph_reply reply;
	for (int i = 0; i < n; i++)
		if (ph_begin(t, request, len, NULL, 0, 0, &reply) != PH_DONE || reply.body_len != strlen("Hello, World!"))
			unexpected("an answer that is none");
}

int main(int argc, char **argv)
{
	if (argc != 2)
		return 2;
	Py_Initialize();
	PyObject *path = PySys_GetObject("path"), *here = PyUnicode_FromString(".");
	if (here == NULL || PyList_Insert(path, 0, here) < 0)
		return 1;
	PyObject *module = PyImport_ImportModule("app");
	PyObject *app = module == NULL ? NULL : PyObject_GetAttrString(module, "app");
	if (app == NULL) {
		PyErr_Print();
		return 1;
	}
	PyObject *apps = PyTuple_Pack(1, app);
	if (apps == NULL || ph_set_apps(apps, 1, 0, "gowsgi") < 0)
		return 1;
	PyThreadState *main_thread = PyEval_SaveThread();
	ph_thread *t = ph_thread_new(0, "gowsgi-1");
	char request[4096];
	size_t len = pack(request);
	run(t, request, len, WARM_UP);
	CALLGRIND_START_INSTRUMENTATION;
	run(t, request, len, atoi(argv[1]));
	CALLGRIND_STOP_INSTRUMENTATION;
	ph_idle(t);
	PyEval_RestoreThread(main_thread);
	fflush(NULL);
	_exit(0);
}
