"""A bit of everything, for many requests in a row.

Covers: that nothing of a request stays: objects, memory, descriptors, threads.
"""

import gc
import io
import os
import sys
import threading

from probe import SCRATCH, App, arg, reply, reply_json, validator

application = App()
TEXT = ("Content-Type", "text/plain")
CONTENT = os.path.join(SCRATCH, "content")


@application.at("/hello")
def hello(environ, start_response):
    return reply(start_response, "hello")


@application.at("/args")
def args(environ, start_response):
    return reply_json(start_response, {"q": arg(environ, "q"), "ua": environ.get("HTTP_USER_AGENT")})


@application.at("/post")
def post(environ, start_response):
    stream, total = environ["wsgi.input"], 0
    for line in stream:
        total += len(line)
    return reply(start_response, str(total))


@application.at("/unread")
def unread(environ, start_response):
    return reply(start_response, "unread")


@application.at("/generate")
def generate(environ, start_response):
    start_response("200 OK", [TEXT, ("Set-Cookie", "a=1"), ("Set-Cookie", "b=2")])
    for i in range(10):
        yield b"chunk %d;" % i


@application.at("/write")
def write(environ, start_response):
    w = start_response("200 OK", [TEXT])
    w(b"written")
    return [b"", b" and more"]


@application.at("/file")
def file(environ, start_response):
    start_response("200 OK", [TEXT])
    return environ["wsgi.file_wrapper"](open(CONTENT, "rb"))


@application.at("/memory-file")
def memory_file(environ, start_response):
    start_response("200 OK", [TEXT])
    return environ["wsgi.file_wrapper"](io.BytesIO(b"m" * 5000), 1000)


@application.at("/raise")
def fail(environ, start_response):
    raise ValueError("soak")


@application.at("/raise-late")
def fail_late(environ, start_response):
    start_response("200 OK", [TEXT])
    yield b"x"
    raise ValueError("soak")


@application.at("/replaced")
def replaced(environ, start_response):
    start_response("200 OK", [TEXT])
    try:
        raise KeyError("replaced")
    except KeyError:
        start_response("404 Gone", [TEXT], sys.exc_info())
    return [b"gone"]


@application.at("/refused")
def refused(environ, start_response):
    try:
        start_response("200 OK", [("Bad\n", "x")])
    except ValueError:
        pass
    return reply(start_response, "refused")


@application.at("/cycle")
def cycle(environ, start_response):
    """An environ that refers to itself is the collector's, and no leak."""
    environ["app.self"] = environ
    environ["app.start"] = start_response
    return reply(start_response, "cycle")


@application.at("/nothing")
def nothing(environ, start_response):
    start_response("204 No Content", [])
    return []


@application.at("/endless")
def endless(environ, start_response):
    start_response("200 OK", [TEXT])
    while True:
        yield b"e" * 65536


@application.at("/census")
def census(environ, start_response):
    """What is alive, after the collector ran."""
    for _ in range(3):
        gc.collect()
    return reply_json(
        start_response,
        {"objects": len(gc.get_objects()), "blocks": sys.getallocatedblocks(), "threads": threading.active_count()},
    )


validated = validator(application)
