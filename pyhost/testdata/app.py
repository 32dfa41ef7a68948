"""What the in-process tests of the C seam drive (pyhost/*_test.go).

Covers: values for start_response, written as literals or fuzzed; wsgi.input call by call;
a request's objects after its end; other threads that are at them when it ends; HarakiriError.
"""

import ast
import json
import queue
import struct
import sys
import threading
import time
from urllib.parse import parse_qsl

TEXT = ("Content-Type", "text/plain")
PATIENCE = 60  # seconds until a thread that hangs is given up
kept = []
threads = {}


def application(environ, start_response):
    return ROUTES[environ["PATH_INFO"]](environ, start_response)


def args(environ):
    return dict(parse_qsl(environ["QUERY_STRING"], keep_blank_values=True))


def reply(start_response, body, status="200 OK"):
    start_response(status, [TEXT])
    return [body.encode()]


def hello(environ, start_response):
    start_response("200 OK", [TEXT])
    return [b"Hello, World!\n"]


def literal(environ, start_response):
    """Call start_response with the body's Python literal, (status, headers). Answer what it raised."""
    status, headers = ast.literal_eval(environ["wsgi.input"].read().decode())
    try:
        start_response(status, headers)
    except Exception as e:
        text = f"{type(e).__name__}: {e}"
        return reply(start_response, text.encode("ascii", "backslashreplace").decode(), "299 Refused")
    return [b"accepted"]


def fuzzed(environ, start_response):
    """Call start_response with the body's fields: status, name, value, name, value, …

    Each has its length before it and is UTF-8; an invalid byte becomes a lone surrogate.
    """
    body, fields = environ["wsgi.input"].read(), []
    while body:
        end = 4 + struct.unpack_from(">I", body)[0]
        fields.append(body[4:end].decode("utf-8", "surrogateescape"))
        body = body[end:]
    return WAYS[args(environ)["how"]](start_response, fields[0], list(zip(fields[1::2], fields[2::2])))


def as_list(start_response, status, headers):
    start_response(status, headers)
    return [b"accepted"]


def as_generator(start_response, status, headers):
    start_response(status, headers)
    yield b""
    yield b"acc"
    yield b"epted"


def as_write(start_response, status, headers):
    start_response(status, headers)(b"acc")
    return [b"epted"]


def as_replacement(start_response, status, headers):
    start_response("299 First", [("X-First", "1")])
    try:
        raise ValueError("first")
    except ValueError:
        start_response(status, headers, sys.exc_info())
    return (b"acc", b"epted")


WAYS = {"list": as_list, "generator": as_generator, "write": as_write, "replacement": as_replacement}


def read_by(environ, start_response):
    """Make the calls that the query lists, such as r5.l.h10.n, and answer what each gave."""
    stream = environ["wsgi.input"]
    calls = {"r": stream.read, "l": stream.readline, "h": stream.readlines, "n": lambda: next(stream, None)}
    results = []
    for call in args(environ)["calls"].split("."):
        size = call[1:]
        given = () if size == "" else (None if size == "None" else int(size),)
        result = calls[call[0]](*given)
        if isinstance(result, bytes):
            result = [result]
        results.append(result and [line.decode("latin-1") for line in result])
    return reply(start_response, json.dumps(results))


def keep(environ, start_response):
    """Keep what must expire. read=N: read so much of the body before."""
    read = args(environ).get("read")
    if read:
        environ["wsgi.input"].read(int(read))
    write = start_response("200 OK", [TEXT])
    kept.append((environ["wsgi.input"], environ["wsgi.errors"], start_response, write))
    return [b"kept"]


def use(environ, start_response):
    """Use what was kept, and answer what each use came to."""
    uses = []
    for stream, errors, start, write in kept:
        uses += [
            ("read()", stream.read), ("read(0)", lambda s=stream: s.read(0)),
            ("readline()", stream.readline), ("readlines()", stream.readlines),
            ("next()", lambda s=stream: next(s)), ("list()", lambda s=stream: list(s)),
            ("write()", lambda w=write: w(b"late")), ("write(b'')", lambda w=write: w(b"")),
            ("start_response()", lambda s=start: s("200 Late", [("X-Late", "1")])),
            ("start_response(exc_info)", lambda s=start: s("200 Late", [], (ValueError, ValueError("x"), None))),
            ("errors.write()", lambda e=errors: e.write("late\n")),
            ("errors.writelines()", lambda e=errors: e.writelines(["late\n"])), ("errors.flush()", errors.flush),
        ]
    outcomes = [[name, outcome(call)] for name, call in uses]
    kept.clear()
    return reply(start_response, json.dumps(outcomes))


def outcome(call, *given):
    try:
        return f"returned {call(*given)!r}"[:60]
    except BaseException as e:
        return f"{type(e).__name__}: {e}"


def start_thread(name, call, *given):
    """Run the call in a thread; /outcome?of=NAME answers what it came to."""
    outcomes = []
    t = threading.Thread(target=lambda: outcomes.append(outcome(call, *given)), daemon=True)
    threads[name] = t, outcomes
    t.start()


def wait_busy(name, call, *given):
    """Wait until a thread is in a call that allows one at a time, or has ended."""
    looks, end = 0, time.monotonic() + PATIENCE
    while looks < 20 and threads[name][0].is_alive():
        if time.monotonic() > end:
            raise TimeoutError(f"the {name} did not come into its call")
        # A call that is just passing by is not busy for so long.
        looks = looks + 1 if "another thread" in outcome(call, *given) else 0
        time.sleep(0.001)


def outcome_of(environ, start_response):
    t, outcomes = threads.pop(args(environ)["of"])
    t.join(PATIENCE)
    return reply(start_response, outcomes[0] if outcomes else "the thread hangs")


def leave_reader(environ, start_response):
    """Answer while a thread reads the body; with blocked=1 once it waits for it."""
    stream, query = environ["wsgi.input"], args(environ)
    start_thread("reader", getattr(stream, query["call"]))
    if "blocked" in query:
        wait_busy("reader", stream.read, 0)
    return reply(start_response, "answered")


def leave_writer(environ, start_response):
    """End while a thread waits for the client in write()."""
    write = start_response("200 OK", [TEXT])
    start_thread("writer", write, bytes(64 << 20))
    wait_busy("writer", write, b"")
    return []


def leave_logger(environ, start_response):
    """Answer while threads write to wsgi.errors."""
    errors, begun = environ["wsgi.errors"], threading.Barrier(3)

    def log():
        errors.write("first\n")
        begun.wait(PATIENCE)
        while True:
            errors.write("line\n")

    start_thread("logger 1", log)
    start_thread("logger 2", log)
    begun.wait(PATIENCE)
    return reply(start_response, "answered")


def overtake(environ, start_response):
    """Give a chunk while other threads of the request read, and write what comes first."""
    write = start_response("200 OK", [TEXT])
    start_thread("reader", environ["wsgi.input"].read)
    wait_busy("reader", environ["wsgi.input"].read, 0)
    start_thread("writer", write, b"first")
    yield b"second"


def duplex(environ, start_response):
    """Read in a thread, and write meanwhile; at last the number of bytes read."""
    stream, sizes = environ["wsgi.input"], []

    def read():
        while data := stream.read(100):
            sizes.append(len(data))

    write = start_response("200 OK", [TEXT])
    start_thread("reader", read)
    while len(sizes) < 10 and threads["reader"][0].is_alive():
        time.sleep(0)
    for _ in range(100):
        write(b"tick\n")
    threads.pop("reader")[0].join(PATIENCE)
    return [str(sum(sizes)).encode()]


def spin(environ, start_response):
    """Wait for an exception from outside, and tell which."""
    end = time.monotonic() + PATIENCE
    while time.monotonic() < end:
        try:
            time.sleep(0)
        except Exception as e:
            return reply(start_response, f"Exception: {type(e).__name__}")
        except BaseException as e:
            return reply(start_response, f"BaseException: {type(e).__module__}.{type(e).__name__}")
    return reply(start_response, "nothing came")


def steps(environ, start_response):
    start_response("200 OK", [TEXT])
    for i in range(20):
        yield b"%d" % i


class Closes(list):
    """An app_iter whose close() has something to do."""

    def close(self):
        some_steps()


def closes(environ, start_response):
    start_response("200 OK", [TEXT])
    return Closes([b"one", b"two"])


feed = queue.SimpleQueue()
closing = queue.SimpleQueue()
released = queue.SimpleQueue()


def fed(environ, start_response):
    """Answer until /end-feed, by an app_iter that runs no Python code: get() is C."""
    start_response("200 OK", [TEXT])
    feed.put(b"some")
    return ClosedFeed() if "closes" in args(environ) else iter(feed.get, None)


class ClosedFeed:
    """Likewise, with a close() in Python, of which /closing tells."""

    def __iter__(self):
        return iter(feed.get, None)

    def close(self):
        closing.put(outcome(some_steps))


def some_steps():
    for _ in range(20):
        pass


class Lingers(list):
    """An app_iter whose close() waits for /release. /closing tells when that begins, and what it comes to."""

    def close(self):
        closing.put("begun")
        closing.put(outcome(until_released))


def until_released():
    released.get(timeout=PATIENCE)
    some_steps()


def lingers(environ, start_response):
    start_response("200 OK", [TEXT])
    return Lingers([b"one"])


class LingersInC:
    """An app_iter that runs no Python code, nor does its close(), which waits for /release."""

    close = released.get

    def __iter__(self):
        return iter([b"some"])


def lingers_in_c(environ, start_response):
    start_response("200 OK", [TEXT])
    return LingersInC()


def release(environ, start_response):
    released.put(None)
    return reply(start_response, "released")


def is_closing(environ, start_response):
    return reply(start_response, closing.get(timeout=PATIENCE))


def end_feed(environ, start_response):
    feed.put(None)
    return reply(start_response, "ended")


def meet(environ, start_response):
    """Wait until every request thread is here."""
    meeting.wait(PATIENCE)
    return reply(start_response, "met")


meeting = threading.Barrier(4)  # threadCount of the tests

ROUTES = {
    "/fed": fed,
    "/end-feed": end_feed,
    "/lingers": lingers,
    "/lingers-in-c": lingers_in_c,
    "/release": release,
    "/closing": is_closing,
    "/meet": meet,
    "/closes": closes,
    "/spin": spin,
    "/steps": steps,
    "/duplex": duplex,
    "/hello": hello,
    "/literal": literal,
    "/fuzzed": fuzzed,
    "/read-by": read_by,
    "/keep": keep,
    "/use": use,
    "/outcome": outcome_of,
    "/leave-reader": leave_reader,
    "/leave-writer": leave_writer,
    "/leave-logger": leave_logger,
    "/overtake": overtake,
}
