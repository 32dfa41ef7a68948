"""What an app finds as `import uwsgidecorators` with --uwsgi-module. Embedded as `uwsgidecorators`.

postfork, timer and lock; the rest of uWSGI's is absent, as in gowsgi_uwsgi.py.
"""

import functools as _functools
import itertools as _itertools

import uwsgi as _uwsgi

postfork_chain = []  # what is called in each worker process once the app is loaded
_signals = _itertools.count()  # the numbers that timers get: uWSGI calls them with their signal's


def postfork_chain_hook():
    for f in postfork_chain:
        try:
            f()
        except BaseException:
            _uwsgi._complain(f"@postfork {getattr(f, '__name__', f)!s}")


_uwsgi.post_fork_hook = postfork_chain_hook


def postfork(what):
    """Call the function in each worker process, once the app is loaded. @postfork(2) does so in worker 2 only."""
    if callable(what):
        postfork_chain.append(what)
        return what

    def decorate(f):
        if what in (0, _uwsgi.worker_id()):
            postfork_chain.append(f)
        return f

    return decorate


def timer(secs, signum=None, target=""):
    """Call the function every secs seconds, from a thread of its own: in worker 1, or in those of target."""
    _uwsgi._targets(target)

    def decorate(f):
        number = next(_signals) if signum is None else signum
        _uwsgi._every(secs, target, _functools.partial(f, number))
        return f

    return decorate


def lock(f):
    """Let one thread of one worker process at a time run the function."""

    @_functools.wraps(f)
    def locked(*args, **kwargs):
        _uwsgi.lock()
        try:
            return f(*args, **kwargs)
        finally:
            _uwsgi.unlock()

    return locked


_INSTEAD = {
    "spool": "use celery or rq", "spoolforever": "use celery or rq", "spoolraw": "use celery or rq",
    "cron": "use a systemd timer or APScheduler", "rbtimer": "use timer", "mstimer": "use timer",
    "signal": "use a message queue", "filemon": "use watchfiles",
    "mule": "run a process of its own", "mulefunc": "use celery or rq", "mule_msg": "use celery or rq",
    "mule_brain": "run a process of its own", "mule_brainloop": "run a process of its own",
    "rpc": "use HTTP", "erlang": "use HTTP", "thread": "use threading.Thread", "harakiri": "use --harakiri",
}


def __getattr__(name):
    if name.startswith("__"):
        raise AttributeError(f"module 'uwsgidecorators' has no attribute {name!r}")
    raise AttributeError(f"gowsgi has no uwsgidecorators.{name}: {_INSTEAD.get(name, 'postfork, timer and lock are there')}")
