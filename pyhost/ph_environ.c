/*
 * ph_environ.c: from Go's packed request to the environ dict.
 *
 * Keys repeat from request to request, and so do most values (Host, User-Agent,
 * SERVER_PORT). Each known key is interned once and remembers the last value
 * that was decoded for it: an equal one is shared, not decoded again.
 */
#include "ph_internal.h"

#include <string.h>

#define CACHE_SLOTS 1024  /* a power of two */
#define CACHE_MAX 512     /* keys kept: clients choose header names, memory must not follow */
#define VALUE_MAX 256     /* longer values are not remembered */
#define KEY_MAX 64

typedef struct {
	PyObject *key; /* interned, owned, never freed */
	PyObject *value; /* the last value, owned; NULL before the first */
	uint32_t hash;
	uint32_t value_len;
	uint16_t key_len;
	char key_bytes[KEY_MAX];
	char value_bytes[VALUE_MAX];
} cache_entry;

/* One interpreter a process: the cache is its, guarded by the GIL. */
static cache_entry *cache[CACHE_SLOTS];
static int cache_used;
static PyObject *template;

static uint32_t hash_bytes(const char *p, size_t len)
{
	uint32_t h = 2166136261u; /* FNV-1a */
	for (size_t i = 0; i < len; i++)
		h = (h ^ (unsigned char)p[i]) * 16777619u;
	return h;
}

/* cache_find returns the entry for a key, adding it while there is room; NULL
 * (no error set) when the key is to be decoded plainly. */
static cache_entry *cache_find(const char *key, size_t len)
{
	if (len == 0 || len > KEY_MAX)
		return NULL;
	uint32_t hash = hash_bytes(key, len);
	uint32_t i = hash & (CACHE_SLOTS - 1);
	while (cache[i] != NULL) {
		cache_entry *e = cache[i];
		if (e->hash == hash && e->key_len == len && memcmp(e->key_bytes, key, len) == 0)
			return e;
		i = (i + 1) & (CACHE_SLOTS - 1);
	}
	if (cache_used >= CACHE_MAX)
		return NULL;
	cache_entry *e = PyMem_Calloc(1, sizeof *e);
	PyObject *name = e == NULL ? NULL : PyUnicode_DecodeLatin1(key, (Py_ssize_t)len, NULL);
	if (name == NULL) {
		PyErr_Clear();
		PyMem_Free(e);
		return NULL;
	}
	PyUnicode_InternInPlace(&name);
	e->key = name;
	e->hash = hash;
	e->key_len = (uint16_t)len;
	memcpy(e->key_bytes, key, len);
	cache[i] = e;
	cache_used++;
	return e;
}

/* cache_value returns a new reference to the value as str, or NULL with an error. */
static PyObject *cache_value(cache_entry *e, const char *value, size_t len)
{
	if (e->value != NULL && e->value_len == len && memcmp(e->value_bytes, value, len) == 0) {
		Py_INCREF(e->value);
		return e->value;
	}
	PyObject *v = PyUnicode_DecodeLatin1(value, (Py_ssize_t)len, NULL);
	if (v == NULL || len > VALUE_MAX)
		return v;
	PyObject *old = e->value;
	Py_INCREF(v);
	e->value = v;
	e->value_len = (uint32_t)len;
	memcpy(e->value_bytes, value, len);
	Py_XDECREF(old);
	return v;
}

static int set_entry(PyObject *environ, const char *key, size_t key_len, const char *value, size_t value_len)
{
	int rc = -1;
	cache_entry *e = cache_find(key, key_len);
	if (e != NULL) {
		PyObject *v = cache_value(e, value, value_len);
		if (v == NULL)
			return -1;
		rc = PyDict_SetItem(environ, e->key, v);
		Py_DECREF(v);
		return rc;
	}
	PyObject *k = PyUnicode_DecodeLatin1(key, (Py_ssize_t)key_len, NULL);
	PyObject *v = PyUnicode_DecodeLatin1(value, (Py_ssize_t)value_len, NULL);
	if (k != NULL && v != NULL)
		rc = PyDict_SetItem(environ, k, v);
	Py_XDECREF(k);
	Py_XDECREF(v);
	return rc;
}

static int malformed(void)
{
	PyErr_SetString(PyExc_SystemError, "gowsgi: malformed request buffer");
	return -1;
}

static int unpack(PyObject *environ, const char *p, size_t len)
{
	uint32_t count;
	if (len < PH_REQUEST_HEADER)
		return malformed();
	memcpy(&count, p, sizeof count);
	const char *end = p + len;
	p += PH_REQUEST_HEADER;
	for (uint32_t i = 0; i < count; i++) {
		uint16_t key_len;
		uint32_t value_len;
		if ((size_t)(end - p) < sizeof key_len + sizeof value_len)
			return malformed();
		memcpy(&key_len, p, sizeof key_len);
		memcpy(&value_len, p + sizeof key_len, sizeof value_len);
		p += sizeof key_len + sizeof value_len;
		if ((size_t)(end - p) < (size_t)key_len + value_len)
			return malformed();
		if (set_entry(environ, p, key_len, p + key_len, value_len) < 0)
			return -1;
		p += (size_t)key_len + value_len;
	}
	return 0;
}

/* ph_environ_new returns a new dict without wsgi.input and wsgi.errors, or NULL
 * with the error set. */
PyObject *ph_environ_new(const char *request, size_t len)
{
	PyObject *environ = PyDict_Copy(template);
	if (environ == NULL)
		return NULL;
	if (unpack(environ, request, len) < 0) {
		Py_DECREF(environ);
		return NULL;
	}
	return environ;
}

/* set_take puts a new reference (or NULL: an error is set) into the template. */
static int set_take(const char *key, PyObject *value)
{
	if (value == NULL)
		return -1;
	int rc = PyDict_SetItemString(template, key, value);
	Py_DECREF(value);
	return rc;
}

int ph_environ_put(const char *key, void *value)
{
	return PyDict_SetItemString(template, key, value);
}

/* The keys of ordinary requests have a place in the cache, whatever names hostile
 * clients have filled it with. */
static const char *const usual_keys[] = {
	"REQUEST_METHOD",
	"SCRIPT_NAME",
	"PATH_INFO",
	"QUERY_STRING",
	"REQUEST_URI",
	"RAW_URI",
	"SERVER_PROTOCOL",
	"SERVER_NAME",
	"SERVER_PORT",
	"REMOTE_ADDR",
	"REMOTE_PORT",
	"wsgi.url_scheme",
	"CONTENT_TYPE",
	"CONTENT_LENGTH",
	"HTTP_HOST",
	"HTTP_USER_AGENT",
	"HTTP_ACCEPT",
	"HTTP_ACCEPT_ENCODING",
	"HTTP_ACCEPT_LANGUAGE",
	"HTTP_AUTHORIZATION",
	"HTTP_CACHE_CONTROL",
	"HTTP_CONNECTION",
	"HTTP_COOKIE",
	"HTTP_DNT",
	"HTTP_EXPECT",
	"HTTP_FORWARDED",
	"HTTP_IF_MATCH",
	"HTTP_IF_MODIFIED_SINCE",
	"HTTP_IF_NONE_MATCH",
	"HTTP_IF_RANGE",
	"HTTP_ORIGIN",
	"HTTP_PRAGMA",
	"HTTP_PRIORITY",
	"HTTP_RANGE",
	"HTTP_REFERER",
	"HTTP_SEC_CH_UA",
	"HTTP_SEC_CH_UA_MOBILE",
	"HTTP_SEC_CH_UA_PLATFORM",
	"HTTP_SEC_FETCH_DEST",
	"HTTP_SEC_FETCH_MODE",
	"HTTP_SEC_FETCH_SITE",
	"HTTP_SEC_FETCH_USER",
	"HTTP_TRANSFER_ENCODING",
	"HTTP_UPGRADE_INSECURE_REQUESTS",
	"HTTP_X_FORWARDED_FOR",
	"HTTP_X_FORWARDED_HOST",
	"HTTP_X_FORWARDED_PREFIX",
	"HTTP_X_FORWARDED_PROTO",
	"HTTP_X_REAL_IP",
	"HTTP_X_REQUEST_ID",
	"HTTP_X_REQUESTED_WITH",
};

/* ph_environ_init builds the template: what is the same in every request. */
int ph_environ_init(int multithread, int multiprocess, const char *server_software)
{
	template = PyDict_New();
	if (template == NULL)
		return -1;
	for (size_t i = 0; i < sizeof usual_keys / sizeof usual_keys[0]; i++)
		if (cache_find(usual_keys[i], strlen(usual_keys[i])) == NULL)
			return -1;
	Py_INCREF(&ph_file_wrapper_type);
	if (set_take("wsgi.version", Py_BuildValue("(ii)", 1, 0)) < 0 ||
		set_take("wsgi.multithread", PyBool_FromLong(multithread)) < 0 ||
		set_take("wsgi.multiprocess", PyBool_FromLong(multiprocess)) < 0 ||
		set_take("wsgi.run_once", PyBool_FromLong(0)) < 0 ||
		/* The input ends at the body's end, also of a chunked one: Werkzeug reads
	     * bodies without a length only from servers that say so. */
		set_take("wsgi.input_terminated", PyBool_FromLong(1)) < 0 ||
		set_take("wsgi.file_wrapper", (PyObject *)&ph_file_wrapper_type) < 0 ||
		set_take("SERVER_SOFTWARE", PyUnicode_FromString(server_software)) < 0)
		return -1;
	return 0;
}
