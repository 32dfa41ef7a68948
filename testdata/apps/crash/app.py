"""Ends the whole process from C code.

Covers: SIGSEGV and SIGABRT while the app is called, in a generator, in a thread of the app's and in a
forked child; faulthandler, enabled by the app at import; orphans, and children that the app waits for.
"""

import ctypes
import faulthandler
import os
import resource
import subprocess
import threading

from probe import SCRATCH, App, arg, reply

application = App()
resource.setrlimit(resource.RLIMIT_CORE, (0, 0))  # nobody wants to see the core

if "faulthandler" in os.environ.get("WANTS", ""):
    faulthandler.enable()


def reads_nothing():
    ctypes.string_at(0)


@application.at("/")
def index(environ, start_response):
    return reply(start_response, "index")


@application.at("/segv")
def segv(environ, start_response):
    reads_nothing()


@application.at("/abort")
def aborts(environ, start_response):
    os.abort()


@application.at("/stream")
def streams(environ, start_response):
    start_response("200 OK", [("Content-Type", "text/plain")])
    yield b"before"
    reads_nothing()


@application.at("/thread")
def in_thread(environ, start_response):
    aside = threading.Thread(target=reads_nothing)
    aside.start()
    aside.join()


@application.at("/child")
def in_child(environ, start_response):
    """Answer with the signal that ended the child."""
    pid = os.fork()
    if pid == 0:
        reads_nothing()
        os._exit(0)
    return reply(start_response, str(os.waitpid(pid, 0)[1] & 0x7F))


@application.at("/orphan")
def orphan(environ, start_response):
    """Leave a process behind that ends with its gate."""
    gate = os.path.join(SCRATCH, arg(environ, "name"))
    subprocess.run(["sh", "-c", 'cat "$0" >/dev/null 2>&1 &', gate], check=True)
    return reply(start_response, "left")


@application.at("/children")
def children(environ, start_response):
    """Answer with the exit codes of children that ended before anybody waited for them."""
    all = [subprocess.Popen(["sh", "-c", f"exit {i}"]) for i in range(20)]
    for child in all:
        os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)
    return reply(start_response, " ".join(str(child.wait()) for child in all))
