"""Lives through signals and exits.

Covers: requests during a drain, atexit, threads that outlive the server's wish to end,
signal.signal at import, stacks on SIGQUIT.
"""

import atexit
import os
import signal
import sys
import threading
import time

from probe import SCRATCH, App, arg, event, gate, reply, reply_json, validator

application = App()
WANTS = os.environ.get("WANTS", "").split()


@atexit.register
def at_exit():
    event("atexit ran")
    print("atexit printed")  # buffered when stdout is a pipe: someone has to flush it


if "import-gate" in WANTS:
    # The FIFO is made by a test that runs beside the import.
    while not os.path.exists(os.path.join(SCRATCH, "import")):
        time.sleep(0.001)
    gate("import")

if "handlers" in WANTS:
    for number in (signal.SIGALRM, signal.SIGUSR1, signal.SIGWINCH):
        signal.signal(number, lambda n, frame: event(f"handler {signal.Signals(n).name}"))

if "own-term" in WANTS:
    # An app that takes TERM and INT for itself, as some frameworks do when imported.
    signal.signal(signal.SIGTERM, lambda n, frame: event("own TERM"))
    signal.signal(signal.SIGINT, signal.SIG_IGN)

if "slow-thread" in WANTS:
    # threading waits for it at shutdown; it ends in its own time.
    def finish():
        threading.main_thread().join()
        event("thread finished")

    threading.Thread(target=finish).start()

if "endless-thread" in WANTS:
    threading.Thread(target=threading.Event().wait).start()

if "endless-atexit" in WANTS:
    atexit.register(threading.Event().wait)

if "background" in WANTS:

    def waits_in_background():
        threading.Event().wait()

    threading.Thread(target=waits_in_background, name="my-background", daemon=True).start()

if "endless-daemon" in WANTS:

    def burn():
        while True:
            pass

    threading.Thread(target=burn, daemon=True).start()

if "failing-atexit" in WANTS:

    @atexit.register
    def fail():
        raise ValueError("atexit failed")


@application.at("/")
def index(environ, start_response):
    return reply(start_response, "index")


def wait_at_the_gate(name):
    """A name that the test looks for in a stack."""
    gate(name)


@application.at("/gate")
def at_gate(environ, start_response):
    event("at " + arg(environ, "name"))
    wait_at_the_gate(arg(environ, "name"))
    return reply(start_response, arg(environ, "name"))


@application.at("/stream")
def stream(environ, start_response):
    start_response("200 OK", [("Content-Type", "text/plain")])
    yield b"before "
    wait_at_the_gate(arg(environ, "name"))
    yield b"after"


@application.at("/handlers")
def handlers(environ, start_response):
    """What Python thinks of signals, seen from a request thread."""
    names = {}
    for number in (signal.SIGALRM, signal.SIGUSR1, signal.SIGTERM, signal.SIGINT):
        names[number.name] = repr(signal.getsignal(number))
    return reply_json(start_response, names)


@application.at("/alarm")
def alarm(environ, start_response):
    """The kernel sends SIGALRM to the process in a moment."""
    signal.setitimer(signal.ITIMER_REAL, 0.01)
    return reply(start_response, "set")


@application.at("/kill-self")
def kill_self(environ, start_response):
    os.kill(os.getpid(), signal.SIGTERM)
    return reply(start_response, "sent")


@application.at("/pid")
def pid(environ, start_response):
    return reply_json(start_response, {"pid": os.getpid(), "argv": sys.argv, "scratch": SCRATCH})


validated = validator(application)
