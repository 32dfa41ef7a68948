/*
 * ph_page.c: the page that answers an exception (--dev). It is made while the request's objects are alive
 * and its frames hold their locals.
 */
#include "ph_internal.h"

static PyObject *page; /* owned for life; NULL: there are no pages */

void ph_set_page(void *callable)
{
	page = callable;
	Py_XINCREF(page);
}

/* make returns the page as bytes, or NULL: there is none, and no error set. */
static PyObject *make(ph_thread *t, PyObject *value)
{
	PyObject *environ = ph_environ_new(t->request, t->request_len);
	PyObject *body = environ == NULL ? NULL : PyBytes_FromStringAndSize(t->body, (Py_ssize_t)t->body_len);
	PyObject *made =
		body == NULL ? NULL : PyObject_CallFunctionObjArgs(page, value, environ, body, t->start_response, NULL);
	Py_XDECREF(environ);
	Py_XDECREF(body);
	if (made == NULL)
		PyErr_WriteUnraisable(page);
	if (made != NULL && !(PyBytes_Check(made) && t->started))
		Py_CLEAR(made);
	return made;
}

void ph_page_reply(ph_thread *t, ph_reply *reply)
{
	if (page == NULL || t->head_sent || atomic_load(&t->request) == NULL || t->start_response == NULL || t->raised)
		return;
	t->open = false; /* no harakiri in the page */
	PyObject *type, *value, *tb;
	PyErr_Fetch(&type, &value, &tb);
	PyErr_NormalizeException(&type, &value, &tb);
	if (tb != NULL && value != NULL)
		PyException_SetTraceback(value, tb);
	PyObject *made = value == NULL ? NULL : make(t, value);
	if (made != NULL) {
		Py_XSETREF(t->chunk, made);
		reply->body = PyBytes_AS_STRING(made);
		reply->body_len = (size_t)PyBytes_GET_SIZE(made);
		reply->total = PyBytes_GET_SIZE(made);
		ph_reply_head(t, reply);
	}
	PyErr_Restore(type, value, tb);
}
