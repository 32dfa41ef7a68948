"""Uses what apps use, inside a request.

Covers: asyncio, subprocess, multiprocessing by spawn and forkserver, os.fork, executors,
logging, sqlite3, ssl, ctypes, NumPy, sockets, faulthandler, deep recursion, broken pipes,
requests to oneself.
"""

import asyncio
import concurrent.futures.thread  # registers hooks for fork: too late when another thread forks
import ctypes
import faulthandler
import functools
import json
import logging
import logging.handlers
import multiprocessing
import os
import signal
import socket
import sqlite3
import ssl
import subprocess
import sys
import threading
import urllib.request

import work
from probe import SCRATCH, App, arg, reply, reply_json, validator

application = App()

faulthandler.enable()
faulthandler.register(signal.SIGXCPU, all_threads=True)

log = logging.getLogger("ecosystem")
log.setLevel(logging.DEBUG)
log.addHandler(logging.StreamHandler())
log.addHandler(logging.handlers.RotatingFileHandler(os.path.join(SCRATCH, "app.log"), maxBytes=1 << 20, backupCount=1))


def at(path):
    """A route whose function returns JSON."""

    def register(function):
        @application.at(path)
        def handler(environ, start_response):
            return reply_json(start_response, function(environ))

        return function

    return register


@at("/asyncio")
def use_asyncio(environ):
    async def child():
        process = await asyncio.create_subprocess_exec("sh", "-c", "echo out; exit 3", stdout=asyncio.subprocess.PIPE)
        out, _ = await process.communicate()
        return [out.decode().strip(), process.returncode]

    async def main():
        loop = asyncio.get_running_loop()
        inner = await loop.run_in_executor(None, threading.get_ident)
        await asyncio.wait_for(asyncio.sleep(0.001), 5)
        return {"other thread": inner != threading.get_ident(), "child": await child()}

    return asyncio.run(main())


@at("/asyncio-background")
def use_background_loop(environ):
    """One loop in a thread of its own, as many apps keep it."""
    future = asyncio.run_coroutine_threadsafe(asyncio.sleep(0.001, "slept"), background_loop())
    return future.result(10)


@functools.lru_cache(None)
def background_loop():
    loop = asyncio.new_event_loop()
    threading.Thread(target=loop.run_forever, daemon=True).start()
    return loop


@at("/subprocess")
def use_subprocess(environ):
    echo = subprocess.run(["cat"], input="through cat", capture_output=True, text=True, check=True).stdout
    code = subprocess.run(["sh", "-c", "exit 3"]).returncode
    sleeper = subprocess.Popen(["sleep", "100"])
    sleeper.terminate()
    python = subprocess.run([sys.executable, "-c", "import sys; print(sys.prefix)"], capture_output=True, text=True)
    return {
        "echo": echo,
        "code": code,
        "terminated": sleeper.wait(10),
        "system": os.waitstatus_to_exitcode(os.system("exit 4")),
        "popen": os.popen("echo popen").read().strip(),
        "prefix": python.stdout.strip() == sys.prefix,
    }


@at("/child-state")
def child_state(environ):
    """What a child inherits without Python's tidying: descriptors and signals."""
    script = "ls /proc/self/fd | wc -l; grep -E 'Sig(Blk|Ign)' /proc/self/status"
    out = subprocess.run(["sh", "-c", script], close_fds=False, stdin=subprocess.DEVNULL, capture_output=True, text=True)
    lines = out.stdout.split("\n")
    masks = {line.split(":")[0]: int(line.split()[1], 16) for line in lines[1:] if ":" in line}
    ignored = [s.name for s in signal.Signals if masks.get("SigIgn", 0) >> (s - 1) & 1]
    return {"descriptors": int(lines[0]), "blocked": masks.get("SigBlk", 0), "ignored": ignored}


@at("/multiprocessing")
def use_multiprocessing(environ):
    context = multiprocessing.get_context(arg(environ, "method"))
    with context.Pool(2) as pool:
        squares = pool.map(work.square, range(5))
        pool.close()
        pool.join()
    queue = context.Queue()
    process = context.Process(target=work.describe, args=(queue,))
    process.start()
    child = queue.get(timeout=30)
    process.join(30)
    queue.close()
    queue.join_thread()
    return {"squares": squares, "exit": process.exitcode, "other pid": child.pop("pid") != os.getpid(), **child}


@at("/process-pool")
def use_process_pool(environ):
    context = multiprocessing.get_context("spawn")
    with concurrent.futures.ProcessPoolExecutor(1, mp_context=context) as pool:
        return list(pool.map(work.square, range(4)))


@at("/thread-pool")
def use_thread_pool(environ):
    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        return sum(pool.map(work.square, range(100)))


@at("/fork")
def use_fork(environ):
    """The child of a bare fork may at least leave."""
    codes = []
    for code in (0, 7):
        pid = os.fork()
        if pid == 0:
            os._exit(code)
        codes.append(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
    return codes


@at("/logging")
def use_logging(environ):
    log.info("info %s", arg(environ, "name"))
    try:
        1 / 0
    except ZeroDivisionError:
        log.exception("caught %s", arg(environ, "name"))
    thread = threading.Thread(target=log.warning, args=("from a thread",))
    thread.start()
    thread.join()
    with open(os.path.join(SCRATCH, "app.log")) as f:
        return f.read().count("\n")


@at("/sqlite")
def use_sqlite(environ):
    db = sqlite3.connect(":memory:")
    db.create_function("twice", 1, lambda n: n * 2)
    db.execute("CREATE TABLE t (n)")
    db.executemany("INSERT INTO t VALUES (?)", [(n,) for n in range(10)])
    total = db.execute("SELECT sum(twice(n)) FROM t").fetchone()[0]
    db.close()
    return total


@at("/ssl")
def use_ssl(environ):
    """Talk to the test's own TLS server."""
    context = ssl.create_default_context(cafile=os.path.join(SCRATCH, "ca.pem"))
    with urllib.request.urlopen(arg(environ, "url"), context=context, timeout=20) as response:
        return response.read().decode()


@at("/ctypes")
def use_ctypes(environ):
    libc = ctypes.CDLL(None)
    numbers = (ctypes.c_int * 5)(3, 1, 2, 5, 4)
    compare = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.POINTER(ctypes.c_int), ctypes.POINTER(ctypes.c_int))
    libc.qsort(numbers, 5, ctypes.sizeof(ctypes.c_int), compare(lambda a, b: a[0] - b[0]))
    return {"sorted": list(numbers), "pid": libc.getpid() == os.getpid()}


@at("/numpy")
def use_numpy(environ):
    import numpy as np

    matrix = np.arange(250_000, dtype=float).reshape(500, 500) / 1000 + np.eye(500) * 1000
    solution = np.linalg.solve(matrix, matrix.sum(axis=1))
    return {"solved": bool(np.allclose(solution, 1)), "sorted": int(np.sort(np.arange(100)[::-1])[0]), "mean": float(np.ones(10).mean())}


@at("/recursion")
def use_recursion(environ):
    """Recursion through C ends in RecursionError and not in a crash: the stack is large enough."""

    def through_map(n):
        return list(map(through_map, [n + 1]))

    def through_sort(n):
        return sorted([n], key=through_sort)

    class Repr:
        def __repr__(self):
            return repr([self])

    outcomes = []
    nested = functools.reduce(lambda inner, _: [inner], range(100_000), [])
    for attempt in (
        lambda: through_map(0),
        lambda: through_sort(0),
        lambda: repr(Repr()),
        lambda: json.loads("[" * 100_000),
        lambda: repr(nested),
        lambda: json.dumps(nested),
    ):
        try:
            attempt()
            outcomes.append("returned")
        except RecursionError:
            outcomes.append("RecursionError")
    return outcomes


@at("/broken-pipe")
def break_pipe(environ):
    """SIGPIPE must not end the process; Python gets its exception."""
    outcomes = []
    r, w = os.pipe()
    os.close(r)
    try:
        os.write(w, b"x")
    except BrokenPipeError:
        outcomes.append("pipe")
    os.close(w)
    a, b = socket.socketpair()
    b.close()
    try:
        a.sendall(b"x")
    except BrokenPipeError:
        outcomes.append("socket")
    a.close()
    return outcomes


@at("/main-thread-only")
def main_thread_only(environ):
    try:
        signal.signal(signal.SIGUSR1, signal.SIG_DFL)
    except ValueError as e:
        return type(e).__name__
    return "accepted"


@at("/self")
def ask_self(environ):
    """A request to the server from inside a request."""
    url = f"http://{environ['HTTP_HOST']}/thread-pool"
    with urllib.request.urlopen(url, timeout=20) as response:
        return json.load(response)


@application.at("/segfault")
def segfault(environ, start_response):
    ctypes.string_at(0)
    return reply(start_response, "survived")


@application.at("/")
def index(environ, start_response):
    return reply(start_response, "index")


validated = validator(application)
