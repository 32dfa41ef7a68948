"""What an app finds as `import uwsgi` with --uwsgi-module. Embedded as `uwsgi`.

What stands here does what uWSGI's does. What does not is absent, so that apps and libraries that look for it
take their other way: hasattr() is False, and the error says what to use instead. uwsgidecorators is in
gowsgi_uwsgidecorators.py.

Each worker process has imported the app by itself, as with lazy-apps: worker_id() is the worker's number from
the start, and post_fork_hook is called once the app is loaded.
"""

import os as _os
from _thread import RLock as _RLock

# That whose behaviour this is. Agents (ddtrace, Sentry, New Relic) ask for it.
version_info = (2, 0, 31, 0, b"")
version = b"2.0.31"

opt = {}  # the options as they were given: str -> bytes, True for a bare flag; of one given twice the last
numproc = 1  # how many worker processes there are, at most

_TIMERS = 1024  # where in the locks' file the workers' timers have theirs


# --- what the server is ------------------------------------------------------------


def worker_id():
    """The number of this worker process, from 1."""
    return _settings["worker"]


def masterpid():
    """The pid to send signals to: the process that has the sockets. Never 0."""
    return _settings["master"]


def workers():
    """A tuple of dicts, one for each worker process, with uWSGI's keys."""
    import json

    return tuple(_worker(w) for w in json.loads(_seam.workers()))


def _worker(figures):
    keys = ("id", "pid", "requests", "delta_requests", "signals", "exceptions", "status", "rss", "vsz", "running_time",
            "last_spawn", "respawn_count", "tx", "avg_rt", "apps")
    worker = {k: figures[k] for k in keys}
    worker["status"] = worker["status"].encode()
    worker["apps"] = tuple({k: v.encode() if isinstance(v, str) else v for k, v in app.items()} for app in worker["apps"])
    return worker


def reload():
    """Have new worker processes take over, as SIGHUP does."""
    if not _settings["reloads"]:
        log("uwsgi.reload(): nothing is reloaded, for there is no master process; start with --master")
        return None
    import signal

    _os.kill(masterpid(), signal.SIGHUP)
    return True


# --- the log -----------------------------------------------------------------------


def log(text):
    """Write a line to the server's log."""
    if not isinstance(text, str):
        raise TypeError(f"log() takes a str, not {type(text).__name__}")
    _seam.log(text.encode("utf-8", "backslashreplace").decode(), False)
    return True


def set_logvar(name, value):
    """Set %(name) of --log-format for this request."""
    _seam.set_logvar(name, value)


def get_logvar(name):
    """What set_logvar has set in this request, as bytes, or None."""
    return _seam.get_logvar(name)


def _complain(what):
    """Log the exception that is being handled."""
    import traceback

    text = f"{what} raised an exception\n{traceback.format_exc()}"
    _seam.log(text.encode("utf-8", "backslashreplace").decode(), True)


# --- locks -------------------------------------------------------------------------

# A lock is two: one between this process's threads, and one between processes, a POSIX record lock on a byte of
# the file that all of them have. The kernel gives the latter back when a process dies.


class _Lock:
    def __init__(self, at):
        # An RLock knows its owner: HarakiriError may come right behind an acquire that has succeeded.
        self.at, self.threads, self.held = at, _RLock(), False

    def acquire(self):
        if self.threads._is_owned():
            raise RuntimeError("this thread has the lock already: it would wait for itself")
        try:
            while not self.threads.acquire(True, 1.0):  # for HarakiriError, which comes between two instructions
                pass
            _take(self.at)
            self.held = True
        except BaseException:
            if self.threads._is_owned():
                self._give_up()
            raise

    def release(self):
        """From any thread, as in uWSGI."""
        if self.held:
            self._give_up()

    def _give_up(self):
        self.held = False
        try:
            _give(self.at)
        finally:
            self.threads._release_save()  # release() is for the owner alone

    def is_held(self):
        if self.held or not self.threads.acquire(False):
            return True
        try:
            return not _take_now(self.at)
        finally:
            self.threads.release()


def lock(num=0):
    """Take a lock that no other thread and no other worker process has; wait for it."""
    _lock(num).acquire()


def unlock(num=0):
    """Give it back. One that is not taken stays so."""
    _lock(num).release()


def is_locked(num=0):
    """Does anybody have it?"""
    return _lock(num).is_held()


def _lock(num):
    if isinstance(num, int) and 0 <= num < len(_locks):
        return _locks[num]
    raise ValueError(f"there is no lock {num!r}: they are 0 to {len(_locks) - 1}; --locks says how many there are")


def _take(at):
    """Wait for the byte's record lock. The GIL is not held meanwhile."""
    file = _settings["file"]
    if file < 0:
        return
    import errno
    import fcntl
    from time import sleep

    while True:
        try:
            return fcntl.lockf(file, fcntl.LOCK_EX, 1, at)
        except OSError as e:
            # The kernel takes all threads of a process for one that waits, and so sees circles where there are none.
            if e.errno != errno.EDEADLK:
                raise
        sleep(0.002)


def _take_now(at):
    """Is nobody else at the byte? It is free afterwards."""
    file = _settings["file"]
    if file < 0:
        return True
    import fcntl

    try:
        fcntl.lockf(file, fcntl.LOCK_EX | fcntl.LOCK_NB, 1, at)
    except OSError:
        return False
    _give(at)
    return True


def _give(at):
    file = _settings["file"]
    if file >= 0:
        import fcntl

        fcntl.lockf(file, fcntl.LOCK_UN, 1, at)


def _make_locks():
    # uWSGI has one more than it is told.
    _locks[:] = [_Lock(i) for i in range(_settings["locks"] + 1)]


# --- timers ------------------------------------------------------------------------


def _targets(target):
    """Does a timer for this target run here? ValueError for one that there is not."""
    if target in ("workers", "active-workers"):
        return True
    if target in ("", "worker"):
        return worker_id() == 1
    number = target[len("worker"):] if isinstance(target, str) and target.startswith("worker") else ""
    if number.isdigit() and int(number) > 0:
        return int(number) == worker_id()
    raise ValueError(f"a timer for {target!r}: gowsgi has worker processes only; the target may be '' (worker 1), "
                     "'workers' (each of them) or 'worker2'")


def _every(secs, target, call):
    """Call again and again from a thread of its own, once the app is loaded, in the workers of that target."""
    if not secs > 0:
        raise ValueError(f"a timer wants seconds, not {secs!r}")
    if not _targets(target):
        return
    if _timers is None:
        _run(secs, call)
    else:
        _timers.append((secs, call))


def _run(secs, call):
    import threading

    if not _stop:
        import atexit

        _stop.append(threading.Event())
        atexit.register(_stop[0].set)
    threading.Thread(target=_tick, args=(secs, call, _stop[0]), name=f"uwsgi timer {secs}", daemon=True).start()


def _tick(secs, call, stop):
    from time import monotonic

    _take(_TIMERS + worker_id())  # the process that had the number before may be at its last requests
    due = monotonic() + secs
    while not stop.wait(max(due - monotonic(), 0)):
        try:
            call()
        except BaseException:
            _complain("a timer")
        due = max(due + secs, monotonic())  # what was missed meanwhile is left out


# --- what gowsgi calls -------------------------------------------------------------

_seam = None
_settings = {"worker": 1, "master": _os.getpid(), "reloads": False, "locks": 1, "file": -1}
_locks = []
_timers = []  # until the app is loaded
_stop = []
_environ_version, _environ_node = version, b""


def _install(seam, settings):
    """Before the app's import. seam is a module of C: see ph_uwsgi.c."""
    import json

    global _seam, numproc, _environ_node
    _seam = seam
    _settings.update(json.loads(settings))
    numproc = _settings["workers"]
    _environ_node = _os.uname().nodename.encode()
    for o in _settings.pop("options") or ():
        opt[o["key"]] = True if o["bare"] else o["value"].encode()
    opt.setdefault("enable-threads", True)  # what agents look for, and always so here
    opt.setdefault("lazy-apps", True)
    if _settings["reloads"]:
        opt.setdefault("master", True)
    _make_locks()
    _os.register_at_fork(after_in_child=_make_locks)  # a child has none of its parent's locks


def _started():
    """After the app's import, before its requests."""
    global _timers
    hook = globals().get("post_fork_hook")
    if hook is not None:
        try:
            hook()
        except BaseException:
            _complain("uwsgi.post_fork_hook")
    timers, _timers = _timers, None
    for timer in timers:
        _run(*timer)


# --- what is not here --------------------------------------------------------------

_INSTEAD = (
    (("cache_",), "use redis or memcached; cachelib, which Flask-Caching is made of, has both"),
    (("spool", "spooler", "send_to_spooler", "set_spooler", "get_spooler", "SPOOL"), "use celery or rq"),
    (("websocket_",), "WSGI has no WebSockets; run a server for them beside"),
    (("mule", "farm", "install_mule", "in_farm"), "run a process of its own, celery or rq"),
    (("queue", "sharedarea_", "snmp_", "rpc", "register_rpc", "metric_"), "use redis or another service"),
    (("add_cron", "signal", "register_signal", "add_timer", "add_rb_timer", "add_file_monitor", "add_ms_timer"),
     "uwsgidecorators.timer is there; use a systemd timer or APScheduler for the rest"),
    (("chunked_read", "extract", "parsefile", "sendfile", "offload"), "use wsgi.input and wsgi.file_wrapper"),
    (("async_", "suspend", "wait_fd_", "green_schedule", "connect", "recv", "send", "close"),
     "there is no asynchronous mode; more --threads do"),
    (("mem", "rss"), "--stats has it"),
)


def __getattr__(name):
    if name.startswith("__"):
        raise AttributeError(f"module 'uwsgi' has no attribute {name!r}")
    if name == "post_fork_hook":
        raise AttributeError("uwsgi.post_fork_hook has not been set")
    instead = next((text for names, text in _INSTEAD if name.startswith(names)), "its --uwsgi-module has what its documentation lists")
    raise AttributeError(f"gowsgi has no uwsgi.{name}: {instead}")
