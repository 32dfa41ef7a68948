"""Takes too long in many ways.

Covers: --harakiri and --harakiri-grace: sleeping, computing, catching Exception and BaseException, close(), C code
without and with the GIL, before and after the response has begun, and what the same thread does next.
"""

import ctypes
import os
import threading
import time

from probe import SCRATCH, App, arg, event, reply

application = App()
PATIENCE = 60  # seconds until a test that fails is over


@application.at("/")
def index(environ, start_response):
    return reply(start_response, "index")


def until(condition):
    end = time.monotonic() + PATIENCE
    while not condition() and time.monotonic() < end:
        pass


@application.at("/busy")
def is_busy(environ, start_response):
    try:
        until(lambda: False)
    except BaseException as e:
        event(f"busy got {type(e).__module__}.{type(e).__name__}, an Exception: {isinstance(e, Exception)}")
        raise
    return reply(start_response, "late")


@application.at("/sleep")
def sleeps(environ, start_response):
    """Sleep in one piece: the exception comes after it."""
    time.sleep(float(arg(environ, "s", "2")))
    event("slept")
    return reply(start_response, "late")


@application.at("/naps")
def naps(environ, start_response):
    """What retries for ever, as so many apps do."""
    end = time.monotonic() + PATIENCE
    while time.monotonic() < end:
        try:
            time.sleep(0.01)
        except Exception:
            pass
    return reply(start_response, "late")


@application.at("/stubborn")
def is_stubborn(environ, start_response):
    """Come back only when the test makes the file."""
    end = time.monotonic() + PATIENCE
    while not os.path.exists(os.path.join(SCRATCH, "release")) and time.monotonic() < end:
        try:
            time.sleep(0.01)
        except BaseException:
            event("swallowed")
    return reply(start_response, "late")


@application.at("/wedge")
def wedges(environ, start_response):
    """Keep the GIL in C code."""
    ctypes.PyDLL(None).sleep(int(arg(environ, "s", "4")))
    return reply(start_response, "late")


@application.at("/begun")
def has_begun(environ, start_response):
    """Take too long within the response: endless, or with a length as the query has it."""
    headers = [("Content-Type", "text/plain")]
    if arg(environ, "length"):
        headers.append(("Content-Length", arg(environ, "length")))
    start_response("200 OK", headers)
    yield b"begun"
    until(lambda: False)


@application.at("/endless")
def is_endless(environ, start_response):
    start_response("200 OK", [("Content-Type", "text/plain")])
    try:
        while True:
            yield b"more" * 1000
            time.sleep(0.001)
    finally:
        event("endless closed")


@application.at("/hangs-in-close")
def hangs_in_close(environ, start_response):
    start_response("200 OK", [("Content-Type", "text/plain")])
    try:
        while True:
            yield b"more"
    finally:
        try:
            until(lambda: False)
        except BaseException as e:
            event(f"close got {type(e).__name__}")
            raise


@application.at("/write")
def writes(environ, start_response):
    write = start_response("200 OK", [("Content-Type", "text/plain")])
    write(b"begun")
    until(lambda: False)
    return []


@application.at("/read")
def reads(environ, start_response):
    environ["wsgi.input"].read()
    return reply(start_response, "late")


@application.at("/compute")
def computes(environ, start_response):
    """Python code enough for an exception that waits."""
    total = 0
    for i in range(2000):
        total += i
    return reply(start_response, f"{total} on {threading.current_thread().name}")
