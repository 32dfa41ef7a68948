/*
 * ph_boot.c: the interpreter's start, and the main thread's duties: signals,
 * fork, and stacks when nothing else answers.
 */
#include "ph_internal.h"

#include <pthread.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

volatile int ph_forked;

static PyThreadState *main_state; /* the main thread's, while it is detached */

static struct sigaction saved[NSIG]; /* Go's handlers: see ph_save_handlers */

/* in_forked_child: Go's handlers would do nothing in a child, whose Go is dead. One
 * that the app has set stays. Async-signal-safe. */
static void in_forked_child(void)
{
	ph_forked = 1;
	for (int signum = 1; signum < NSIG; signum++) {
		struct sigaction action;
		if (saved[signum].sa_handler == SIG_DFL || saved[signum].sa_handler == SIG_IGN ||
			sigaction(signum, NULL, &action) < 0 || action.sa_handler != saved[signum].sa_handler)
			continue;
		action.sa_handler = SIG_DFL;
		action.sa_flags = 0;
		sigaction(signum, &action, NULL);
	}
}

/* exit_status is what a script's end with the current exception means, which it prints
 * and clears. */
static int exit_status(void)
{
	if (!PyErr_Occurred())
		return 0;
	if (!PyErr_ExceptionMatches(PyExc_SystemExit)) {
		PyErr_Print();
		return 1;
	}
	PyObject *type, *value, *tb;
	PyErr_Fetch(&type, &value, &tb);
	PyErr_NormalizeException(&type, &value, &tb);
	PyObject *code = value == NULL ? NULL : PyObject_GetAttrString(value, "code");
	int status = 1;
	if (code == Py_None)
		status = 0;
	else if (code != NULL && PyLong_Check(code))
		status = (int)PyLong_AsLong(code) & 0xff;
	else if (code != NULL)
		PySys_FormatStderr("%S\n", code);
	PyErr_Clear();
	return status;
}

void ph_leave_child(void)
{
	static const char message[] = "gowsgi: a child process that the app forked came back from the app; it ends here\n";
	int status = exit_status();
	PyObject *out = PySys_GetObject("stdout"); /* borrowed */
	PyObject *flushed = out == NULL ? NULL : PyObject_CallMethod(out, "flush", NULL);
	Py_XDECREF(flushed);
	ssize_t n = write(2, message, sizeof message - 1);
	(void)n;
	_exit(status);
}

static const char *status_text(PyStatus status)
{
	return status.err_msg != NULL ? status.err_msg : "unknown error";
}

static PyStatus configure(PyConfig *config, const ph_boot_config *boot)
{
	PyStatus status;
	config->install_signal_handlers = 0; /* Go owns the signals */
	config->parse_argv = 0;
	config->faulthandler = 0; /* its SIGSEGV handler would take Go's away */
	/* program_name finds pyvenv.cfg and so the venv; home would lose it. */
	status = PyConfig_SetBytesString(config, &config->program_name, boot->executable);
	if (PyStatus_Exception(status))
		return status;
	status = PyConfig_SetBytesString(config, &config->executable, boot->executable);
	if (PyStatus_Exception(status))
		return status;
	return PyConfig_SetBytesArgv(config, boot->argc, boot->argv);
}

const char *ph_boot(const ph_boot_config *boot)
{
	PyConfig config;
	PyConfig_InitPythonConfig(&config);
	PyStatus status = configure(&config, boot);
	if (!PyStatus_Exception(status))
		status = Py_InitializeFromConfig(&config);
	PyConfig_Clear(&config);
	if (PyStatus_Exception(status))
		return status_text(status);
	if (pthread_atfork(NULL, NULL, in_forked_child) != 0)
		return "pthread_atfork failed";
	return NULL;
}

const char *ph_built_for(void)
{
	return PY_VERSION;
}

void *ph_run_module(const char *name, const char *source, const char *filename)
{
	PyObject *code = Py_CompileString(source, filename, Py_file_input);
	if (code == NULL)
		return NULL;
	PyObject *module = PyImport_ExecCodeModule(name, code);
	Py_DECREF(code);
	return module;
}

void ph_main_detach(void)
{
	main_state = PyEval_SaveThread();
}

void ph_main_attach(void)
{
	PyEval_RestoreThread(main_state);
	main_state = NULL;
}

char *ph_check_signals(void)
{
	if (PyErr_CheckSignals() == 0)
		return NULL;
	PyObject *text = ph_traceback_take();
	char *copy = text == NULL ? NULL : strdup(PyBytes_AS_STRING(text));
	Py_XDECREF(text);
	return copy;
}

int ph_trip_signal(int signum)
{
	PyObject *module = PyImport_ImportModule("signal");
	PyObject *handler = module == NULL ? NULL : PyObject_CallMethod(module, "getsignal", "i", signum);
	int callable = handler != NULL && PyCallable_Check(handler);
	Py_XDECREF(handler);
	Py_XDECREF(module);
	PyErr_Clear();
#if PY_VERSION_HEX >= 0x030A0000
	if (callable)
		PyErr_SetInterruptEx(signum);
#else
	callable = 0; /* no door to it before 3.10 */
#endif
	return callable;
}

int ph_wakeup_fd(int fd)
{
	PyObject *module = PyImport_ImportModule("signal");
	PyObject *method = module == NULL ? NULL : PyObject_GetAttrString(module, "set_wakeup_fd");
	PyObject *args = method == NULL ? NULL : Py_BuildValue("(i)", fd);
	PyObject *kwargs = args == NULL ? NULL : Py_BuildValue("{s:O}", "warn_on_full_buffer", Py_False);
	PyObject *old = kwargs == NULL ? NULL : PyObject_Call(method, args, kwargs);
	Py_XDECREF(old);
	Py_XDECREF(kwargs);
	Py_XDECREF(args);
	Py_XDECREF(method);
	Py_XDECREF(module);
	PyErr_Clear();
	return old == NULL ? -1 : 0;
}

void ph_save_handlers(void)
{
	for (int signum = 1; signum < NSIG; signum++)
		sigaction(signum, NULL, &saved[signum]);
}

int ph_reclaim_handler(int signum)
{
	struct sigaction action;
	if (sigaction(signum, NULL, &action) < 0)
		return 0;
	/* sa_handler and sa_sigaction share their place. */
	if (action.sa_handler == saved[signum].sa_handler)
		return 0;
	return sigaction(signum, &saved[signum], NULL) == 0;
}

int ph_repair_handlers(void)
{
	int repaired = 0;
	for (int signum = 1; signum < NSIG; signum++) {
		struct sigaction action;
		if (sigaction(signum, NULL, &action) < 0 || (action.sa_flags & SA_ONSTACK) != 0)
			continue;
		if (!(action.sa_flags & SA_SIGINFO) && (action.sa_handler == SIG_DFL || action.sa_handler == SIG_IGN))
			continue;
		action.sa_flags |= SA_ONSTACK;
		if (sigaction(signum, &action, NULL) == 0)
			repaired++;
	}
	return repaired;
}

/* faulthandler's own function. A shared libpython exports it in 3.11 and 3.12 only, and
 * its header is private. Weak, so that one without it only loses the dump. */
extern const char *_Py_DumpTracebackThreads(int fd, PyInterpreterState *interp, PyThreadState *current)
	__attribute__((weak));

void ph_dump_stacks(int fd)
{
	static const char none[] = "they can't be read: only libpython 3.11 and 3.12 export what it takes\n";
	if (_Py_DumpTracebackThreads != NULL) {
		_Py_DumpTracebackThreads(fd, PyInterpreterState_Main(), NULL);
		return;
	}
	ssize_t n = write(fd, none, sizeof none - 1);
	(void)n;
}
