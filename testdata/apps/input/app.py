"""Reads wsgi.input in every way that PEP 3333 names.

Covers: read, readline, readlines, iteration, sizes and hints, EOF, streaming, chunked
bodies, Expect: 100-continue, unread bodies, clients that leave, bodies that are cut.
"""

import hashlib
import json
from urllib.parse import parse_qs

from probe import App, arg, event, gate, reply, reply_json, validator

application = App()


def number(text):
    return None if text == "None" else int(text)


def perform(stream, op):
    """Carry out one operation such as "read", "readline:3", "readlines:10", "iter", "next"."""
    name, colon, size = op.partition(":")
    if name == "iter":
        return [line.decode("latin-1") for line in stream]
    if name == "next":
        line = next(iter(stream), None)
        return None if line is None else line.decode("latin-1")
    result = getattr(stream, name)(*([number(size)] if colon else []))
    if isinstance(result, list):
        for line in result:
            assert type(line) is bytes, line
        return [line.decode("latin-1") for line in result]
    assert type(result) is bytes, result
    return result.decode("latin-1")


@application.at("/ops")
def ops(environ, start_response):
    results = [perform(environ["wsgi.input"], op) for op in arg(environ, "ops").split(",")]
    return reply_json(start_response, results)


@application.at("/digest")
def digest(environ, start_response):
    """Read to the end in pieces and answer length and hash."""
    size = int(arg(environ, "size", "65536"))
    stream, sha, total = environ["wsgi.input"], hashlib.sha256(), 0
    while piece := stream.read(size):
        assert len(piece) <= size, (len(piece), size)
        sha.update(piece)
        total += len(piece)
    return reply_json(start_response, {"length": total, "sha256": sha.hexdigest()})


@application.at("/count")
def count(environ, start_response):
    """Read to the end in pieces without the cost of a hash."""
    stream, total = environ["wsgi.input"], 0
    while piece := stream.read(1 << 16):
        total += len(piece)
    return reply(start_response, str(total))


@application.at("/first")
def first(environ, start_response):
    """Report the first bytes before asking for the rest."""
    head = environ["wsgi.input"].read(1024)
    event(f"first {len(head)}")
    total = len(head)
    while piece := environ["wsgi.input"].read(1 << 16):
        total += len(piece)
    return reply(start_response, str(total))


@application.at("/echo")
def echo(environ, start_response):
    """Send the body back while it arrives."""
    start_response("200 OK", [("Content-Type", "application/octet-stream")])
    while piece := environ["wsgi.input"].read(1 << 14):
        yield piece


@application.at("/ignore")
def ignore(environ, start_response):
    event("ignored")
    return reply(start_response, "ignored")


@application.at("/refuse")
def refuse(environ, start_response):
    return reply(start_response, "refused", "403 Forbidden")


@application.at("/gone")
def gone(environ, start_response):
    """Read to the end; report how that went. The name tells requests apart."""
    name = arg(environ, "name")
    if arg(environ, "gate"):
        gate(arg(environ, "gate"))
    total = 0
    try:
        while piece := environ["wsgi.input"].read(1 << 10):
            if not total:
                event(f"{name} started")
            total += len(piece)
        event(f"{name} ended")
    except OSError:
        event(f"{name} OSError")
        # The failure is for good: a second read can't look like a clean end.
        try:
            environ["wsgi.input"].read(1)
            event(f"{name} no second error")
        except OSError:
            event(f"{name} OSError again")
        raise
    return reply(start_response, str(total))


@application.at("/form")
def form(environ, start_response):
    """What frameworks do: one read of CONTENT_LENGTH bytes."""
    body = environ["wsgi.input"].read(int(environ["CONTENT_LENGTH"]))
    return reply(start_response, json.dumps(parse_qs(body.decode())))


validated = validator(application)
