/*
 * ph_crash.c: what stderr gets when C code crashes, an extension's or CPython's: the requests and the
 * Python stacks of all threads. The process ends by the signal then, so that whoever waits for it, and the
 * system with its core dumps, sees what it was. Go's own handler has the crashes of Go code to itself: it
 * makes panics of them.
 *
 * All of this runs in a signal handler: it takes no lock and no memory, and reads what it finds, as
 * faulthandler does.
 */
#include "ph_internal.h"

#include <pthread.h>
#include <signal.h>
#include <string.h>
#include <sys/ucontext.h>
#include <time.h>
#include <unistd.h>

static const struct {
	int signum;
	const char *name;
} crashes[] = {
	{SIGSEGV, "SIGSEGV"},
	{SIGBUS, "SIGBUS"},
	{SIGILL, "SIGILL"},
	{SIGFPE, "SIGFPE"},
	{SIGABRT, "SIGABRT"},
};

#define CRASHES (sizeof crashes / sizeof crashes[0])
#define TARGET_MAX 400 /* what is shown of a request's target */

/* Written before the handlers are installed, or while the app is imported. */
static struct sigaction go[NSIG];
static uintptr_t go_from, go_to;
static volatile sig_atomic_t theirs[NSIG]; /* the app has a handler of its own before this one */

/* interrupted_at is the address at which the signal came; 0 where that can't be told. */
static uintptr_t interrupted_at(const void *context)
{
	const ucontext_t *u = context;
#if defined(__linux__) && defined(__x86_64__)
	return (uintptr_t)u->uc_mcontext.gregs[REG_RIP];
#elif defined(__linux__) && defined(__aarch64__)
	return (uintptr_t)u->uc_mcontext.pc;
#elif defined(__APPLE__) && defined(__x86_64__)
	return (uintptr_t)u->uc_mcontext->__ss.__rip;
#elif defined(__APPLE__) && defined(__arm64__)
	return (uintptr_t)__darwin_arm_thread_state64_get_pc(u->uc_mcontext->__ss);
#else
#define UNKNOWN_CONTEXT
	(void)u;
	return 0;
#endif
}

static void put(const char *text, size_t len)
{
	while (len > 0) {
		ssize_t n = write(STDERR_FILENO, text, len);
		if (n <= 0)
			return; /* nobody to tell */
		text += n;
		len -= (size_t)n;
	}
}

static void put_text(const char *text)
{
	put(text, strlen(text));
}

/* put_ident writes a thread's number as _Py_DumpTracebackThreads does. */
static void put_ident(unsigned long ident)
{
	char digits[2 * sizeof ident];
	for (size_t i = sizeof digits; i > 0; ident >>= 4)
		digits[--i] = "0123456789abcdef"[ident & 0xf];
	put_text("0x");
	put(digits, sizeof digits);
}

/* put_value writes what a request (packed, see ph_begin) has under key. */
static void put_value(const char *request, size_t len, const char *key)
{
	char text[TARGET_MAX];
	const char *p = request + PH_REQUEST_HEADER, *end = request + len;
	while (end - p >= 6) {
		uint16_t n;
		uint32_t v;
		memcpy(&n, p, sizeof n);
		memcpy(&v, p + sizeof n, sizeof v);
		p += 6;
		if ((size_t)(end - p) < (size_t)n + v)
			return;
		if (n == strlen(key) && memcmp(p, key, n) == 0) {
			size_t shown = v < TARGET_MAX ? v : TARGET_MAX;
			for (size_t i = 0; i < shown; i++)
				text[i] = p[n + i] > ' ' && p[n + i] < 0x7f ? p[n + i] : '?';
			put(text, shown);
			return;
		}
		p += (size_t)n + v;
	}
}

/* put_requests names what the request threads are at. One that streams its answer has left
 * ph_begin, and its request's memory to Go: it is not named. */
static void put_requests(void)
{
	int n = atomic_load(&ph_thread_count);
	for (int i = 0; i < n; i++) {
		ph_thread *t = ph_threads[i];
		const char *request = atomic_load(&t->request);
		if (request == NULL)
			continue;
		put_text("Thread ");
		put_ident(t->tstate->thread_id);
		put_text(" is at ");
		put_value(request, t->request_len, "REQUEST_METHOD");
		put_text(" ");
		put_value(request, t->request_len, "REQUEST_URI");
		put_text("\n");
	}
}

/* report writes all there is to say. A second thread that crashes meanwhile waits: what comes after
 * report ends the process. */
static void report(const char *name)
{
	static atomic_flag begun = ATOMIC_FLAG_INIT;
	static atomic_bool done;
	if (atomic_flag_test_and_set(&begun)) {
		for (int i = 0; i < 100 && !atomic_load(&done); i++)
			nanosleep(&(struct timespec){.tv_nsec = 10 * 1000 * 1000}, NULL);
		return;
	}
	put_text("gowsgi: ");
	put_text(name);
	put_text(": the Python stacks of all threads, innermost call first\n");
	put_requests();
	ph_dump_stacks(STDERR_FILENO);
	put_text("gowsgi: end of the Python stacks\n");
	atomic_store(&done, true);
}

/* reported tells whether faulthandler, which the app has enabled, has written the stacks: it sends the
 * signal on by raise(). abort() does that too, so for SIGABRT only ph_crash_respect knows. */
static bool reported(int signum, const siginfo_t *info)
{
#ifdef SI_TKILL
	if (signum != SIGABRT && info->si_code == SI_TKILL && info->si_pid == getpid())
		return true;
#else
	(void)info;
#endif
	return theirs[signum] != 0;
}

/* end ends the process by the signal. Go's handler would have it exit with 2. */
static _Noreturn void end(int signum)
{
	sigset_t only;
	sigemptyset(&only);
	sigaddset(&only, signum);
	signal(signum, SIG_DFL);
	pthread_sigmask(SIG_UNBLOCK, &only, NULL); /* it is blocked while its handler runs */
	raise(signum);
	_exit(128 + signum); /* the first process of a PID namespace: the kernel ignores it there */
}

static void crashed(int signum, siginfo_t *info, void *context)
{
	uintptr_t at = interrupted_at(context);
	bool sent = info->si_code <= 0; /* by somebody, as a watchdog's SIGABRT is, wherever the thread was */
	if (!sent && at >= go_from && at < go_to) {
		go[signum].sa_sigaction(signum, info, context);
		return;
	}
	if (!reported(signum, info))
		for (size_t i = 0; i < CRASHES; i++)
			if (crashes[i].signum == signum)
				report(crashes[i].name);
	end(signum);
}

void ph_crash_install(uintptr_t from, uintptr_t to)
{
#ifndef UNKNOWN_CONTEXT
	go_from = from;
	go_to = to;
	for (size_t i = 0; i < CRASHES; i++) {
		int signum = crashes[i].signum;
		if (sigaction(signum, NULL, &go[signum]) < 0 || !(go[signum].sa_flags & SA_SIGINFO))
			continue; /* not Go's */
		struct sigaction action = go[signum]; /* its flags, SA_ONSTACK above all, and its mask */
		action.sa_sigaction = crashed;
		sigaction(signum, &action, NULL);
	}
#else
	(void)from, (void)to;
#endif
}

void ph_crash_respect(void)
{
	for (size_t i = 0; i < CRASHES; i++) {
		struct sigaction action;
		if (sigaction(crashes[i].signum, NULL, &action) == 0)
			theirs[crashes[i].signum] = action.sa_sigaction != crashed;
	}
}
