"""Waits, reads and reports, for tests of limits, timeouts, framing and the queue.

Covers: which requests reach an app at all, and with how much of their body; a GIL that is
never released.
"""

import ctypes
import os

from probe import SCRATCH, App, arg, event, gate, reply, validator

application = App()


@application.at("/")
def index(environ, start_response):
    return reply(start_response, "index")


@application.at("/note")
def note(environ, start_response):
    """Report that the request was started."""
    event("noted " + arg(environ, "id"))
    return reply(start_response, "noted")


@application.at("/smuggled")
def smuggled(environ, start_response):
    event("smuggled")
    return reply(start_response, "smuggled")


@application.at("/read")
def read(environ, start_response):
    """Read the whole body; report how that went."""
    name, total = arg(environ, "id"), 0
    try:
        while piece := environ["wsgi.input"].read(1000):
            total += len(piece)
    except OSError as e:
        event(f"{name} {type(e).__name__} OSError after {total}")
        raise
    event(f"{name} complete {total}")
    return reply(start_response, str(total))


@application.at("/gate")
def at_gate(environ, start_response):
    name = arg(environ, "name")
    event("at " + name)
    gate(name)
    return reply(start_response, name)


@application.at("/steps")
def steps(environ, start_response):
    """A chunk, a gate, a chunk."""
    start_response("200 OK", [("Content-Type", "text/plain")])
    yield b"before"
    gate(arg(environ, "name"))
    yield b"after"


@application.at("/endless")
def endless(environ, start_response):
    start_response("200 OK", [("Content-Type", "text/plain")])
    try:
        while True:
            yield b"e" * 65536
    finally:
        event("ended " + arg(environ, "id"))


@application.at("/wedge")
def wedge(environ, start_response):
    """Block in C with the GIL held: no Python runs until the test opens the gate."""
    fd = os.open(os.path.join(SCRATCH, "wedge"), os.O_RDONLY)
    buffer = ctypes.create_string_buffer(1)
    event("wedged")
    ctypes.PyDLL(None).read(fd, buffer, 1)
    os.close(fd)
    return reply(start_response, "unwedged")


@application.at("/health")
def health(environ, start_response):
    event("health reached the app")
    return reply(start_response, "the app's own")


validated = validator(application)
