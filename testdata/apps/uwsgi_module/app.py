"""What an app can do with `import uwsgi`.

Covers: every name of the uwsgi and uwsgidecorators modules that --uwsgi-module has, and that the others are
absent; without the option, that neither module is there.
"""

import json
import os
import threading
import time
from urllib.parse import parse_qs

SCRATCH = os.environ["SCRATCH"]
FORKED, ORDER = [], ["import"]

try:
    import uwsgi
    from uwsgidecorators import lock, postfork, timer
except ImportError:
    uwsgi = None


def note(name, text):
    """One line more in a file of the test's, whole whoever writes it."""
    fd = os.open(os.path.join(SCRATCH, name), os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    os.write(fd, f"{text}\n".encode())
    os.close(fd)


if uwsgi is not None:
    AT_IMPORT = uwsgi.worker_id()

    @postfork
    def forked():
        ORDER.append("postfork")
        note("forks", os.getpid())

    @postfork
    def hanging():
        if "HANG_HOOK" in os.environ:
            note("hangs", os.getpid())
            threading.Event().wait()

    @postfork
    def broken():
        raise ValueError("in postfork")

    @postfork(1)
    def first_only():
        note("firsts", os.getpid())

    @timer(0.05)
    def tick(signum):
        note("ticks", os.getpid())
        if not os.path.exists(os.path.join(SCRATCH, "raised")):
            note("raised", signum)
            raise ValueError("in a timer")

    @timer(0.05, target="workers")
    def everywhere(signum):
        note("everywhere", os.getpid())

    @timer(0.05, target="worker2")
    def second(signum):
        note("second", os.getpid())

    @lock
    def counted():
        """Add one to the counter: lost updates show unless one at a time does so."""
        path = os.path.join(SCRATCH, "counter")
        with open(path) as f:
            n = int(f.read() or 0)
        time.sleep(0.001)
        with open(path, "w") as f:
            f.write(str(n + 1))
        return n + 1


def about(query):
    absent = {}
    for name in ("cache_get", "spool", "websocket_recv", "mule_msg", "add_cron", "nonsense", "post_fork_hooks", "__path__"):
        try:
            getattr(uwsgi, name)
        except AttributeError as e:
            absent[name] = str(e)
    try:
        from uwsgi import cache_set  # noqa: F401
    except ImportError as e:
        absent["from"] = str(e)
    try:
        from uwsgidecorators import spool  # noqa: F401
    except ImportError as e:
        absent["decorator"] = str(e)
    return {
        "worker_id": uwsgi.worker_id(), "at_import": AT_IMPORT, "numproc": uwsgi.numproc, "masterpid": uwsgi.masterpid(),
        "pid": os.getpid(), "ppid": os.getppid(), "version": repr(uwsgi.version), "info": repr(uwsgi.version_info),
        "opt": repr(uwsgi.opt), "has": [hasattr(uwsgi, n) for n in ("lock", "cache_get", "spool")], "absent": absent,
        "order": ORDER, "hook": uwsgi.post_fork_hook.__name__, "spec": uwsgi.__spec__.name,
    }


def logvars(query):
    before = uwsgi.get_logvar("tenant")
    uwsgi.set_logvar("tenant", "acme")
    uwsgi.set_logvar("tenant", query["tenant"][0])
    uwsgi.set_logvar(b"bytes", b"\x00\n\"\xff")
    after = uwsgi.get_logvar("tenant")
    refused = []

    def elsewhere():
        try:
            uwsgi.set_logvar("x", "y")
        except RuntimeError as e:
            refused.append(str(e))

    thread = threading.Thread(target=elsewhere)
    thread.start()
    thread.join()
    for args in (("a", 3), ("a", "b" * 20000)):
        try:
            uwsgi.set_logvar(*args)
        except (TypeError, ValueError) as e:
            refused.append(str(e))
    return {"before": repr(before), "after": repr(after), "refused": refused}


def locks(query):
    states = [uwsgi.is_locked(1)]
    states.append(uwsgi.lock(1))
    states.append(uwsgi.is_locked(1))
    states.append(uwsgi.unlock(1))
    states += [uwsgi.is_locked(1), uwsgi.unlock(1)]
    for n in (-1, 99, "0"):
        try:
            uwsgi.lock(n)
        except ValueError as e:
            states.append(str(e))
    return states


def hold(query):
    """Take lock 0 and keep it until the process dies, or the test says so."""
    uwsgi.lock()
    note("held", os.getpid())
    while not os.path.exists(os.path.join(SCRATCH, "let_go")):
        time.sleep(0.01)
    uwsgi.unlock()
    return os.getpid()


def workers(query):
    return [{k: v.decode() if isinstance(v, bytes) else v for k, v in w.items() if k != "apps"} | {"apps": repr(w["apps"])}
            for w in uwsgi.workers()]


ROUTES = {
    "/about": about, "/logvars": logvars, "/locks": locks, "/hold": hold, "/workers": workers,
    "/count": lambda query: counted(), "/locked": lambda query: uwsgi.is_locked(), "/pid": lambda query: os.getpid(),
    "/log": lambda query: uwsgi.log("tell \udc80 the log"), "/reload": lambda query: uwsgi.reload(),
    "/unlock": lambda query: uwsgi.unlock(),
}


def application(environ, start_response):
    path, query = environ["PATH_INFO"], parse_qs(environ["QUERY_STRING"])
    if path == "/stream":
        return stream(environ, start_response)
    if path == "/raise":
        uwsgi.set_logvar("tenant", "raised")
        raise ValueError("after set_logvar")
    if path == "/missing":
        body = [uwsgi is None, [k for k in environ if k.startswith("uwsgi")]]
    elif path == "/environ":
        body = {k: repr(v) for k, v in environ.items() if k.startswith("uwsgi")}
    else:
        body = ROUTES[path](query)
    text = json.dumps(body).encode()
    start_response("200 OK", [("Content-Type", "application/json"), ("Content-Length", str(len(text)))])
    return [text]


class stream:
    """Variables that are set when the head is long gone, and in close()."""

    def __init__(self, environ, start_response):
        start_response("200 OK", [("Content-Type", "text/plain")])("first ".encode())
        self.left = 2

    def __iter__(self):
        return self

    def __next__(self):
        if self.left == 0:
            raise StopIteration
        uwsgi.set_logvar("tenant", f"late{self.left}")
        self.left -= 1
        return b"more "

    def close(self):
        uwsgi.set_logvar("closing", "closed")
