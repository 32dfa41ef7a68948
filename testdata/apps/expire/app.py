"""Keeps a request's objects and uses them when the request is over.

Covers: wsgi.input, start_response, write, wsgi.errors, file_wrapper and iterators of the
input after the request's end: in another request, in a thread, at garbage collection.
"""

import gc
import threading

from probe import App, arg, event, reply, reply_json, validator

application = App()
kept = []


@application.at("/keep")
def keep(environ, start_response):
    """Keep everything. The body is left unread when asked."""
    lines = iter(environ["wsgi.input"])
    write = start_response("200 OK", [("Content-Type", "text/plain")])
    kept.append((environ, start_response, write, lines))
    if arg(environ, "read"):
        environ["wsgi.input"].read(1)
    return [b"kept"]


def outcome(call, *args):
    try:
        value = call(*args)
    except BaseException as e:
        return type(e).__name__
    return f"returned {value!r}"[:40]


@application.at("/use")
def use(environ, start_response):
    """Use what was kept, in a request of another client."""
    results = {}
    for old, old_start, old_write, old_lines in kept:
        stream = old["wsgi.input"]
        for name, call, args in (
            ("read", stream.read, (1,)),
            ("read all", stream.read, ()),
            ("readline", stream.readline, ()),
            ("readlines", stream.readlines, ()),
            ("next", next, (stream,)),
            ("iter", list, (stream,)),
            ("old iterator", next, (old_lines,)),
            ("write", old_write, (b"late",)),
            ("start_response", old_start, ("200 OK", [])),
        ):
            results.setdefault(name, []).append(outcome(call, *args))
        # Messages may still be logged, or refused; either way nothing breaks.
        outcome(old["wsgi.errors"].write, "late message\n")
        outcome(old["wsgi.errors"].flush)
    return reply_json(start_response, results)


@application.at("/drop")
def drop(environ, start_response):
    kept.clear()
    gc.collect()
    return reply(start_response, "dropped")


@application.at("/race")
def race(environ, start_response):
    """A thread uses the request's objects while and after the request ends."""
    stream, errors = environ["wsgi.input"], environ["wsgi.errors"]
    write = start_response("200 OK", [("Content-Type", "text/plain")])
    begun = threading.Event()

    def run():
        for call, args in ((stream.read, (1,)), (stream.readline, ()), (errors.write, ("race\n",)), (write, (b"",))):
            begun.set()
            for _ in range(50):
                outcome(call, *args)
        event("raced")

    threading.Thread(target=run).start()
    begun.wait()
    return [b"race"]


class Cycle:
    """Uses the input in __del__, when the collector finds it long after the request."""

    def __init__(self, stream):
        self.stream, self.me = stream, self

    def __del__(self):
        event("collected " + outcome(self.stream.read, 1))


@application.at("/cycle")
def cycle(environ, start_response):
    Cycle(environ["wsgi.input"])
    return reply(start_response, "cycle")


@application.at("/thread-body")
def thread_body(environ, start_response):
    """Another thread may read the input as long as the request lasts."""
    pieces = []
    t = threading.Thread(target=lambda: pieces.append(environ["wsgi.input"].read(1000)))
    t.start()
    t.join()
    return reply(start_response, pieces[0])


validated = validator(application)
