"""Serves what a client can see of a server, for uWSGI and gowsgi side by side.

Covers: environ by key, type and value; statuses, headers, cookies, bodies of every kind, errors
at every stage, wsgi.input, file_wrapper. Nothing in an answer changes from request to request.
"""

import io
import os

from probe import App, Body, arg, reply, reply_json

application = App()
at = application.at


def show(value):
    """Type and value; of what is neither text nor number, only that it is there."""
    plain = (str, bytes, int, bool, tuple, type(None))
    return f"{type(value).__name__}:{value!r}" if isinstance(value, plain) else "object"


@at("/env")
def env(environ, start_response):
    return reply_json(start_response, {key: show(value) for key, value in environ.items()})


@at("/echo")
def echo(environ, start_response):
    body = environ["wsgi.input"].read()
    return reply(start_response, body, headers=[("Content-Type", environ.get("CONTENT_TYPE") or "none"), ("X-Length", str(len(body)))])


@at("/input")
def operations(environ, start_response):
    """The operations of ?ops=read:3,readline,… on the body, each with what it gives."""
    stream, results = environ["wsgi.input"], []
    for op in arg(environ, "ops").split(","):
        name, _, size = op.partition(":")
        if name == "iter":
            results.append(list(stream))
        else:
            results.append(getattr(stream, name)(*([int(size)] if size else [])))
    return reply(start_response, repr(results))


@at("/status")
def status(environ, start_response):
    return reply(start_response, "as told", arg(environ, "line"))


@at("/bodiless")
def bodiless(environ, start_response):
    start_response(arg(environ, "line"), [("X-Kept", "yes")])
    return []


@at("/headers")
def headers(environ, start_response):
    return reply(start_response, "headers", headers=[
        ("X-One", "1"), ("Set-Cookie", "a=1; Path=/"), ("X-Two", "caf\xe9"), ("Set-Cookie", "b=2; HttpOnly"),
        ("X-One", "3"), ("X-Empty", ""), ("Content-Type", "text/plain; charset=utf-8"), ("x-lower", "Kept As It Is"),
    ])


@at("/redirect")
def redirect(environ, start_response):
    return reply(start_response, "", "302 Found", [("Location", "/env?from=redirect")])


@at("/length")
def length(environ, start_response):
    """A body of 10 bytes with the Content-Length ?is=N."""
    return reply(start_response, "0123456789", headers=[("Content-Length", arg(environ, "is"))])


@at("/body")
def body(environ, start_response):
    kind = arg(environ, "kind")
    start_response("200 OK", [("Content-Type", "text/plain")])
    return {
        "list": lambda: [b"a", b"b", b"c"],
        "tuple": lambda: (b"a", b"b"),
        "one": lambda: [b"single"],
        "empty": lambda: [],
        "empty-chunks": lambda: [b"", b"x", b"", b"y", b""],
        "generator": lambda: (b"%d," % i for i in range(5)),
        "iterator": lambda: iter([b"it", b"er"]),
        "closing": lambda: Body([b"clo", b"sing"], "closing"),
        "big": lambda: [b"B" * (1 << 20)],
        "many": lambda: [b"%d," % i for i in range(2000)],
        "binary": lambda: [bytes(range(256))],
        "bytes": lambda: b"bytes",
        "str": lambda: ["text"],
        "str-later": lambda: [b"bytes,", "text"],
        "None": lambda: None,
        "int": lambda: 5,
    }[kind]()


@at("/generator")
def late(environ, start_response):
    start_response("202 Late", [("Content-Type", "text/plain"), ("X-Late", "yes")])
    yield b"one,"
    yield b"two"


@at("/write")
def write(environ, start_response):
    send = start_response("200 OK", [("Content-Type", "text/plain")])
    send(b"written,")
    send(b"twice,")
    return [b"returned"]


@at("/replaced")
def replaced(environ, start_response):
    start_response("200 OK", [("X-First", "yes")])
    try:
        raise ValueError("replaced")
    except ValueError:
        import sys

        start_response("503 Replaced", [("Content-Type", "text/plain"), ("X-Second", "yes")], sys.exc_info())
    return [b"replaced"]


@at("/file")
def file(environ, start_response):
    start_response("200 OK", [("Content-Type", "text/plain")])
    return environ["wsgi.file_wrapper"](open(os.path.join(os.path.dirname(__file__), "file.txt"), "rb"), 1000)


@at("/filelike")
def filelike(environ, start_response):
    start_response("200 OK", [("Content-Type", "text/plain")])
    return environ["wsgi.file_wrapper"](io.BytesIO(b"from memory"), 4)


@at("/raise")
def raises(environ, start_response):
    raise ValueError("before start_response")


@at("/raise-started")
def raises_started(environ, start_response):
    start_response("200 OK", [("Content-Type", "text/plain")])
    raise ValueError("after start_response")


@at("/raise-later")
def raises_later(environ, start_response):
    start_response("200 OK", [("Content-Type", "text/plain")])
    yield b"some,"
    raise ValueError("after some of the body")


@at("/exit")
def exits(environ, start_response):
    raise SystemExit(3)


@at("/never")
def never(environ, start_response):
    return [b"no start_response"]


@at("/twice")
def twice(environ, start_response):
    start_response("200 OK", [("Content-Type", "text/plain")])
    try:
        start_response("201 Created", [("Content-Type", "text/plain")])
    except Exception as error:
        return [type(error).__name__.encode()]
    return [b"no exception"]


@at("/bad-header")
def bad_header(environ, start_response):
    start_response("200 OK", [("X-A", arg(environ, "value")), ("Content-Type", "text/plain")])
    return [b"sent"]


@at("/errors")
def errors(environ, start_response):
    stream = environ["wsgi.errors"]
    stream.write("written to wsgi.errors\n")
    stream.flush()
    return reply(start_response, "logged")


@at("/changed")
def changed(environ, start_response):
    """What a request leaves in its environ is not there for the next one."""
    was = "app.left" in environ
    environ["app.left"] = "left"
    return reply(start_response, str(was))


@at("/argv")
def argv(environ, start_response):
    import sys

    return reply(start_response, repr(sys.argv))
