/*
 * ph_harakiri.c: the exception that is raised in a request which takes too long, and how it is kept
 * out of all that comes after the request.
 *
 * CPython raises it between two steps of Python code, never in C: to the seam it is an error like
 * any other of the app's.
 */
#include "ph_internal.h"

static PyObject *error_type; /* gowsgi.HarakiriError */
static PyObject *loop;       /* code in which an exception that waits is sure to be raised */

int ph_harakiri_init(void)
{
	error_type = PyErr_NewExceptionWithDoc("gowsgi.HarakiriError",
		"The request took longer than --harakiri allows: its client has its answer already.\n\n"
		"No Exception, so that `except Exception` does not keep it.",
		PyExc_BaseException, NULL);
	loop = Py_CompileString("for _ in (0, 0, 0):\n    pass\n", "<gowsgi>", Py_file_input);
	return error_type == NULL || loop == NULL ? -1 : 0;
}

/* Nothing here may give the GIL up: the caller has just seen that the request is the one it means. */
int ph_raise(ph_thread *t, int closing_too)
{
	if (!t->open && !(t->closing && closing_too))
		return 0;
	if (t->raised)
		return 1; /* once is enough: a second one would hit the app's cleaning up */
	t->raised = true;
	return PyThreadState_SetAsyncExc(t->tstate->thread_id, error_type) > 0;
}

/* To take the exception back would do, but the interpreter would go on looking for it at every turn
 * of every loop: so it is raised, here. */
void ph_harakiri_settle(ph_thread *t)
{
	t->raised = false;
	for (int i = 0; i < 2 && t->tstate->async_exc != NULL; i++) {
		PyObject *globals = PyDict_New();
		PyObject *done = globals == NULL ? NULL : PyEval_EvalCode(loop, globals, globals);
		Py_XDECREF(done);
		Py_XDECREF(globals);
		PyErr_Clear();
	}
	if (t->tstate->async_exc != NULL)
		PyThreadState_SetAsyncExc(t->tstate->thread_id, NULL);
}
