/*
 * ph_traceback.c: the current exception as text, in the same C call that raised
 * it, so that no error outlives the frame that it belongs to.
 */
#include "ph_internal.h"

static PyObject *format_exception; /* traceback.format_exception */

int ph_traceback_init(void)
{
	PyObject *module = PyImport_ImportModule("traceback");
	if (module == NULL)
		return -1;
	format_exception = PyObject_GetAttrString(module, "format_exception");
	Py_DECREF(module);
	return format_exception == NULL ? -1 : 0;
}

static PyObject *format(PyObject *type, PyObject *value, PyObject *tb)
{
	PyObject *lines = PyObject_CallFunctionObjArgs(format_exception, type, value, tb, NULL);
	PyObject *empty = lines == NULL ? NULL : PyUnicode_FromString("");
	PyObject *text = empty == NULL ? NULL : PyUnicode_Join(empty, lines);
	/* Surrogates may stand in file names and messages. */
	PyObject *bytes = text == NULL ? NULL : PyUnicode_AsEncodedString(text, "utf-8", "backslashreplace");
	Py_XDECREF(lines);
	Py_XDECREF(empty);
	Py_XDECREF(text);
	return bytes;
}

PyObject *ph_traceback_take(void)
{
	PyObject *type, *value, *tb;
	PyErr_Fetch(&type, &value, &tb);
	if (type == NULL)
		return PyBytes_FromString("unknown error: no exception was set\n");
	PyErr_NormalizeException(&type, &value, &tb);
	if (tb != NULL)
		PyException_SetTraceback(value, tb);
	PyObject *text = format(type, value == NULL ? Py_None : value, tb == NULL ? Py_None : tb);
	if (text == NULL) {
		/* An exception whose __str__ raises, or no memory for the whole text. */
		PyErr_Clear();
		text = PyBytes_FromFormat("%s (its traceback could not be formatted)\n", ((PyTypeObject *)type)->tp_name);
	}
	if (text == NULL)
		PyErr_Clear();
	Py_XDECREF(type);
	Py_XDECREF(value);
	Py_XDECREF(tb);
	return text;
}
