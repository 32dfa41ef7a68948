"""Calls start_response in every order, and with every value that it must refuse.

Covers: once, twice, exc_info before and after the headers went out, late, never, write(),
return values, validation of status and headers, repeated headers, when headers go out.
"""

import ast
import sys

from probe import App, arg, event, gate, reply, validator

application = App()
TEXT = ("Content-Type", "text/plain")


@application.at("/given")
def given(environ, start_response):
    """Call start_response with literals from the query; answer 200 if it took them.

    With raise=1 the exception is left to the server.
    """
    status = ast.literal_eval(arg(environ, "status", "'200 OK'"))
    headers = ast.literal_eval(arg(environ, "headers", "[('Content-Type', 'text/plain')]"))
    if arg(environ, "raise"):
        start_response(status, headers)
        return [b"accepted"]
    try:
        start_response(status, headers)
    except Exception as e:
        return reply(start_response, f"{type(e).__name__}: {e}".encode("ascii", "replace"), "500 Refused")
    return [b"accepted"]


@application.at("/odd-headers")
def odd_headers(environ, start_response):
    """Header containers that no literal can spell."""
    values = {
        "generator": (pair for pair in [TEXT]),
        "dict": dict([TEXT]),
        "subclass of str": [("X-A", type("S", (str,), {})("v")), TEXT],
    }
    try:
        start_response("200 OK", values[arg(environ, "kind")])
    except Exception as e:
        return reply(start_response, type(e).__name__, "500 Refused")
    return [b"accepted"]


@application.at("/returns")
def returns(environ, start_response):
    """start_response gives a callable; write() gives nothing an app could lean on."""
    write = start_response("200 OK", [TEXT])
    result = write(b"")
    write(f"{callable(write)} {result!r}".encode())
    return []


@application.at("/twice")
def twice(environ, start_response):
    start_response("200 First", [TEXT])
    try:
        start_response("500 Second", [TEXT, ("X-Second", "1")])
    except Exception as e:
        return [b"raised ", type(e).__name__.encode()]
    return [b"accepted"]


@application.at("/twice-uncaught")
def twice_uncaught(environ, start_response):
    start_response("200 First", [TEXT])
    start_response("200 Second", [TEXT])
    return [b"unreachable"]


@application.at("/replaced")
def replaced(environ, start_response):
    """exc_info before any byte went out replaces status and all headers."""
    start_response("200 First", [TEXT, ("X-First", "1"), ("Content-Length", "3")])
    try:
        raise ValueError("first")
    except ValueError:
        start_response("503 Second", [TEXT, ("X-Second", "2")], sys.exc_info())
    return [b"second"]


@application.at("/replaced-late")
def replaced_late(environ, start_response):
    """Empty chunks are no reason to send headers: they can still be replaced."""
    start_response("200 First", [TEXT, ("X-First", "1")])
    yield b""
    yield b""
    try:
        raise ValueError("first")
    except ValueError:
        start_response("503 Second", [TEXT], sys.exc_info())
    yield b""
    yield b"second"


@application.at("/exc-info-after")
def exc_info_after(environ, start_response):
    """exc_info after the headers went out is raised again, as the same object."""
    start_response("200 OK", [TEXT])
    yield b"sent"
    if arg(environ, "gate"):
        gate(arg(environ, "gate"))
    mine = ValueError("mine")
    try:
        raise mine
    except ValueError:
        try:
            start_response("500 Oops", [TEXT], sys.exc_info())
            event("exc_info accepted")
        except ValueError as e:
            event(f"exc_info raised the same: {e is mine}")
            raise


@application.at("/exc-info-none")
def exc_info_none(environ, start_response):
    """None is the default and no licence for a second call."""
    start_response("200 First", [TEXT], None)
    try:
        start_response("200 Second", [TEXT], None)
    except Exception:
        return [b"refused"]
    return [b"accepted"]


@application.at("/exc-info-keyword")
def exc_info_keyword(environ, start_response):
    start_response("200 First", [TEXT])
    try:
        raise KeyError("k")
    except KeyError:
        start_response("500 Second", [TEXT], exc_info=sys.exc_info())
    return [b"second"]


@application.at("/late")
def late(environ, start_response):
    """A generator function calls start_response only when it is first iterated."""
    start_response("202 Late", [TEXT, ("X-Late", "yes")])
    yield b"late"


@application.at("/later")
def later(environ, start_response):
    """PEP 3333: start_response may be called as late as the first next()."""

    class Chunks:
        def __iter__(self):
            return self

        def __init__(self):
            self.left = [b"two", b"one"]

        def __next__(self):
            if len(self.left) == 2:
                start_response("203 Later", [TEXT])
            if not self.left:
                raise StopIteration
            return self.left.pop()

    return Chunks()


@application.at("/never")
def never(environ, start_response):
    return [b"no status"]


@application.at("/never-empty")
def never_empty(environ, start_response):
    return []


@application.at("/too-late")
def too_late(environ, start_response):
    yield b"body first"
    start_response("200 OK", [TEXT])


@application.at("/write")
def write_calls(environ, start_response):
    """write() goes before the iterable, and each call is on the wire when it returns."""
    write = start_response("200 OK", [TEXT])
    write(b"one ")
    if arg(environ, "gate"):
        gate(arg(environ, "gate"))
    write(b"two ")
    write(b"")
    return [b"three ", b"four"]


@application.at("/write-only")
def write_only(environ, start_response):
    start_response("200 OK", [TEXT, ("Content-Length", "5")])(b"whole")
    return []


@application.at("/write-str")
def write_str(environ, start_response):
    write = start_response("200 OK", [TEXT])
    results = []
    for value in ("text", None, 5, bytearray(b"x"), ["x"]):
        try:
            write(value)
            results.append("accepted " + type(value).__name__)
        except TypeError:
            results.append("TypeError")
    return [" ".join(results).encode()]


@application.at("/write-big")
def write_big(environ, start_response):
    write = start_response("200 OK", [TEXT])
    for _ in range(64):
        write(b"w" * 65536)
    return [b"end"]


@application.at("/order")
def order(environ, start_response):
    headers = [
        ("X-One", "1"), ("Set-Cookie", "a=1; Path=/"), TEXT, ("X-Two", "2"), ("Set-Cookie", "b=2, c"),
        ("x-one", "3"), ("Set-Cookie", "a=1; Path=/"), ("Link", "</a>"), ("Link", "</b>"),
    ]
    return reply(start_response, "ordered", headers=headers)


@application.at("/own")
def own(environ, start_response):
    """What the app says itself, the server doesn't say again."""
    headers = [TEXT, ("Server", "mine"), ("Date", "Thu, 01 Jan 1970 00:00:00 GMT"), ("Content-Length", "3")]
    return reply(start_response, "own", headers=headers)


@application.at("/many")
def many(environ, start_response):
    return reply(start_response, "many", headers=[(f"X-Many-{i}", str(i) * 100) for i in range(1000)])


@application.at("/first-chunk")
def first_chunk(environ, start_response):
    start_response("200 OK", [TEXT])
    yield b""
    gate("before-first")
    yield b"first"
    gate("after-first")
    yield b"second"


@application.at("/mutated")
def mutated(environ, start_response):
    """The list is the app's; what becomes of it later can't hurt."""
    headers = [TEXT]
    start_response("200 OK", headers)
    headers.append(("X-After", "1"))
    headers.append(("X-Bad\r\n", 5))
    del headers[0]
    yield b"mutated"


@application.at("/wrong-arguments")
def wrong_arguments(environ, start_response):
    results = []
    for args in ((), ("200 OK",), ("200 OK", [TEXT], None, None), ("200 OK", [TEXT], "exc_info"), ("200 OK", [TEXT], (1, 2))):
        try:
            start_response(*args)
            results.append("accepted")
        except Exception as e:
            results.append(type(e).__name__)
    try:
        start_response("200 OK", [TEXT])
    except Exception:
        # An odd third argument counted as a call; what matters is that nothing broke.
        pass
    return [" ".join(results).encode()]


validated = validator(application)

