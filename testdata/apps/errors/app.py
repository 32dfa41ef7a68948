"""Goes wrong in every way an app can.

Covers: exceptions before and after the headers, exceptions that are no Exception, mistakes
that need a name in the log, unprintable exceptions, wsgi.errors, stdout and stderr.
"""

import asyncio
import sys
import threading

from probe import App, arg, event, gate, reply, validator

application = App()
TEXT = ("Content-Type", "text/plain")
SECRET = "s3cret-detail"


class Unprintable(Exception):
    def __str__(self):
        raise RuntimeError("no text for you")

    __repr__ = __str__


class Odd(BaseException):
    """Neither Exception nor exit."""


def recurse(n=0):
    return recurse(n + 1) + 1


def chained():
    try:
        raise KeyError("the cause")
    except KeyError as e:
        raise ValueError(f"the effect of {SECRET}") from e


def surrogates():
    raise ValueError("lone \udcff surrogate, nul \0, line\nbreak, \x1b[31mred")


def syntax():
    eval("1 +")


def raiser(exception):
    def run():
        raise exception

    return run


RAISE = {
    "value": raiser(ValueError(SECRET)),
    "memory": raiser(MemoryError()),
    "big-memory": lambda: bytearray(1 << 62),
    "recursion": recurse,
    "exit": raiser(SystemExit(5)),
    "sys-exit": lambda: sys.exit("leaving " + SECRET),
    "keyboard": raiser(KeyboardInterrupt()),
    "generator-exit": raiser(GeneratorExit()),
    "stop-iteration": raiser(StopIteration()),
    "cancelled": raiser(asyncio.CancelledError()),
    "odd": raiser(Odd("odd")),
    "unprintable": raiser(Unprintable()),
    "surrogates": surrogates,
    "chained": chained,
    "syntax": syntax,
    "long": raiser(ValueError("long " * 100000)),
}


@application.at("/raise")
def raise_at_once(environ, start_response):
    return RAISE[arg(environ, "what")]()


@application.at("/raise-started")
def raise_started(environ, start_response):
    """start_response was called, but nothing went out yet: still a 500."""
    start_response("200 OK", [TEXT, ("X-Started", "1"), ("Set-Cookie", "session=1")])
    return RAISE[arg(environ, "what")]()


@application.at("/raise-first")
def raise_first(environ, start_response):
    start_response("200 OK", [TEXT])
    RAISE[arg(environ, "what")]()
    yield b"never"


@application.at("/raise-later")
def raise_later(environ, start_response):
    headers = [TEXT]
    if arg(environ, "length"):
        headers.append(("Content-Length", arg(environ, "length")))
    start_response("200 OK", headers)
    yield b"sent"
    if arg(environ, "gate"):
        gate(arg(environ, "gate"))
    RAISE[arg(environ, "what")]()


@application.at("/raise-after-write")
def raise_after_write(environ, start_response):
    start_response("200 OK", [TEXT])(b"written")
    RAISE[arg(environ, "what")]()


RETURN = {
    "None": lambda: None,
    "str": lambda: "text",
    "bytes": lambda: b"bytes",
    "int": lambda: 5,
    "function": lambda: recurse,
    "yields-str": lambda: ["text"],
    "yields-str-later": lambda: iter([b"", "text"]),
    "yields-None": lambda: [None],
    "yields-int": lambda: iter([1, 2]),
    "yields-list": lambda: [[b"x"]],
    "yields-bytearray": lambda: [bytearray(b"x")],
    "yields-memoryview": lambda: [memoryview(b"x")],
    "coroutine": lambda: coroutine(),
}


async def coroutine():
    return [b"async"]


@application.at("/return")
def return_value(environ, start_response):
    start_response("200 OK", [TEXT])
    return RETURN[arg(environ, "what")]()


@application.at("/errors")
def errors(environ, start_response):
    stream = environ["wsgi.errors"]
    name = arg(environ, "name")
    stream.write(f"{name} write\n")
    stream.writelines([f"{name} line one\n", f"{name} line two\n"])
    print(f"{name} print", file=stream)
    stream.write(f"{name} caf\u00e9 \u20ac\n")
    stream.write(f"{name} in ")
    stream.write("parts\n")
    stream.write(f"{name} no newline")
    stream.flush()
    return reply(start_response, "logged")


@application.at("/errors-types")
def errors_types(environ, start_response):
    results = []
    for value in (b"bytes", 5, None):
        try:
            environ["wsgi.errors"].write(value)
            results.append("accepted")
        except TypeError:
            results.append("TypeError")
    environ["wsgi.errors"].write("lone \udcff\n")
    environ["wsgi.errors"].write("nul \0 inside\n")
    environ["wsgi.errors"].write("x" * 200000 + "\n")
    return reply(start_response, " ".join(results))


@application.at("/prints")
def prints(environ, start_response):
    print(arg(environ, "name"), "to stdout", flush=True)
    print(arg(environ, "name"), "to stderr", file=sys.stderr, flush=True)
    return reply(start_response, "printed")


@application.at("/thread")
def thread(environ, start_response):
    """A thread of the app dies; that is the thread's business."""

    def run():
        raise ValueError("in a thread of the app")

    t = threading.Thread(target=run)
    t.start()
    t.join()
    event("thread ended")
    return reply(start_response, "ok")


@application.at("/ok")
def ok(environ, start_response):
    return reply(start_response, "ok")


validated = validator(application)
