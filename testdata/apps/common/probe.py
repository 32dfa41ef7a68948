"""What the test apps share: a route table, gates on which they block, events they report.

A gate is a FIFO that the test makes in $SCRATCH and opens for writing when the app may go
on. An event is a line appended to $SCRATCH/events, which the test polls. So neither side
ever sleeps to let the other catch up.
"""

import json
import os
from urllib.parse import parse_qs
from wsgiref.validate import validator

SCRATCH = os.environ.get("SCRATCH", "/tmp")


def gate(name):
    """Block, without the GIL, until the test opens the gate."""
    with open(os.path.join(SCRATCH, name), "rb", buffering=0) as fifo:
        fifo.read()


def event(text):
    """Report a line to the test: one atomic append."""
    fd = os.open(os.path.join(SCRATCH, "events"), os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    try:
        os.write(fd, (text + "\n").encode("utf-8", "backslashreplace"))
    finally:
        os.close(fd)


def arg(environ, name, default=""):
    """One parameter of the query string."""
    return parse_qs(environ.get("QUERY_STRING", ""), keep_blank_values=True).get(name, [default])[0]


def reply(start_response, body, status="200 OK", headers=()):
    """Answer with one chunk of text."""
    if isinstance(body, str):
        body = body.encode("latin-1")
    headers = list(headers)
    if not any(name.lower() == "content-type" for name, _ in headers):
        headers.append(("Content-Type", "text/plain"))
    start_response(status, headers)
    return [body]


def reply_json(start_response, value):
    return reply(start_response, json.dumps(value), headers=[("Content-Type", "application/json")])


class App:
    """A WSGI app that finds its handler by PATH_INFO."""

    def __init__(self):
        self.routes = {}

    def at(self, path):
        def register(handler):
            self.routes[path] = handler
            return handler

        return register

    def __call__(self, environ, start_response):
        handler = self.routes.get(environ.get("PATH_INFO", ""))
        if handler is None:
            return reply(start_response, "no such route", "404 Not Found")
        return handler(environ, start_response)


class AnySize:
    """wsgi.input for Werkzeug, which calls read() without a size as PEP 3333 allows since 2010."""

    def __init__(self, stream):
        self.stream = stream
        self.readline, self.readlines = stream.readline, stream.readlines

    def read(self, size=-1):
        return self.stream.read(size)

    def __iter__(self):
        return iter(self.stream)


def validated_flask(app):
    """A Flask app inside the validator, past two of its rules that Werkzeug breaks: read() has
    a size, and a 204 has no Content-Type. The server's side is checked in full."""

    def between(environ, start_response):
        def start(status, headers, *exc_info):
            if status.startswith("204"):
                headers = [h for h in headers if h[0].lower() != "content-type"]
            return start_response(status, headers, *exc_info)

        environ["wsgi.input"] = AnySize(environ["wsgi.input"])
        return app(environ, start)

    return validator(between)


class Body:
    """An iterable that reports its close(), once per call."""

    def __init__(self, chunks, name):
        self.chunks = iter(chunks)
        self.name = name

    def __iter__(self):
        return self

    def __next__(self):
        return next(self.chunks)

    def close(self):
        event(f"closed {self.name}")


__all__ = ["App", "Body", "SCRATCH", "arg", "event", "gate", "reply", "reply_json", "validated_flask", "validator"]
