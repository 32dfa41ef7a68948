"""Returns bodies of every kind.

Covers: list, tuple, generator, iterator with close(), when chunks are on the wire, slow
readers, inferred lengths, bodies too short and too long, HEAD, 204, 304, close() exactly
once.
"""

from probe import App, Body, arg, event, gate, reply, validator

application = App()
TEXT = ("Content-Type", "text/plain")


class Mute(Exception):
    pass


def generator():
    yield b"gen"
    yield b""
    yield b"erator"


class Iterable:
    """Has __iter__ and nothing else: no length, no next, no close."""

    def __iter__(self):
        return iter([b"iter", b"able"])


class Sequence:
    """Old-style iteration by __getitem__."""

    def __getitem__(self, i):
        return [b"get", b"item"][i]


class LyingLength(list):
    """len() is 1 but there is more: the length must come from bytes, not from a guess."""

    def __len__(self):
        return 1


KINDS = {
    "list": lambda: [b"li", b"st"],
    "one": lambda: [b"single"],
    "tuple": lambda: (b"tu", b"ple"),
    "one-tuple": lambda: (b"single",),
    "generator": generator,
    "map": lambda: map(bytes, ([109, 97], [112])),
    "iterable": Iterable,
    "getitem": Sequence,
    "empty": list,
    "empty-chunk": lambda: [b""],
    "empty-generator": lambda: iter(()),
    "set": lambda: {b"set"},
    "dict": lambda: {b"keys": 1},
    "many": lambda: (b"%d," % i for i in range(2000)),
    "nul": lambda: [b"\0\r\n\xff\0"],
    "lying": lambda: LyingLength([b"more ", b"than ", b"one"]),
    "big": lambda: [b"B" * (3 << 20)],
    "big-list": lambda: [b"L" * 70000] * 40,
}


@application.at("/kind")
def kind(environ, start_response):
    start_response("200 OK", [TEXT])
    return KINDS[arg(environ, "kind")]()


@application.at("/steps")
def steps(environ, start_response):
    """Before each chunk but the first a gate: what came before must be at the client."""
    start_response("200 OK", [TEXT])

    def chunks():
        yield b"one"
        gate("step-1")
        yield b"two"
        gate("step-2")
        yield b"three"

    return Body(chunks(), "steps")


@application.at("/length")
def length(environ, start_response):
    """Announce one length and send another: n bytes in chunks of one."""
    start_response("200 OK", [TEXT, ("Content-Length", arg(environ, "announced"))])
    chunks = [b"x"] * int(arg(environ, "sent"))
    how = arg(environ, "how")
    if how == "joined":
        chunks = [b"".join(chunks)]
    elif how == "generator":
        chunks = (c for c in chunks)
    return Body(chunks, arg(environ, "name")) if how != "joined" else chunks


@application.at("/length-write")
def length_write(environ, start_response):
    write = start_response("200 OK", [TEXT, ("Content-Length", arg(environ, "announced"))])
    for _ in range(int(arg(environ, "sent"))):
        write(b"x")
    return Body([], arg(environ, "name"))


@application.at("/status")
def status(environ, start_response):
    """A body where there may be none, depending on status and method."""
    headers = [TEXT] if arg(environ, "type") else []
    if arg(environ, "length"):
        headers.append(("Content-Length", arg(environ, "length")))
    start_response(arg(environ, "status", "200 OK"), headers + [("X-Kept", "yes")])
    return Body([b"bo", b"dy"], arg(environ, "name"))


@application.at("/closing")
def closing(environ, start_response):
    """End a request in one of many ways; the body reports each close()."""
    name = how = arg(environ, "how")
    if how == "no-start":
        return Body([b"x"], name)
    start_response("200 OK", [TEXT])
    if how == "first-raises":

        def chunks():
            raise Mute("at the first chunk")
            yield

        return Body(chunks(), name)
    if how == "later-raises":

        def chunks():
            yield b"sent"
            raise Mute("at a later chunk")

        return Body(chunks(), name)
    if how == "str":
        return Body([b"bytes", "text"], name)
    if how == "exit":

        def chunks():
            yield b"sent"
            raise SystemExit(3)

        return Body(chunks(), name)
    if how == "close-raises":

        class Raising(Body):
            def close(self):
                super().close()
                raise Mute("in close")

        return Raising([b"body"], name)
    if how == "empty":
        return Body([], name)
    return Body([b"bo", b"dy"], name)


@application.at("/iter-raises")
def iter_raises(environ, start_response):
    class Broken(Body):
        def __iter__(self):
            raise Mute("in iter")

    start_response("200 OK", [TEXT])
    return Broken([], "iter-raises")


@application.at("/last-close")
def last_close(environ, start_response):
    """close() may take its time: the client has its answer already."""

    class Slow(Body):
        def close(self):
            gate("in-close")
            super().close()

    start_response("200 OK", [TEXT, ("Content-Length", "4")])
    return Slow([b"bo", b"dy"], "last-close")


def endless(name, size=1 << 16):
    """Chunks for ever, counted, so that the test sees how far the generator got."""
    block = b"e" * size
    while True:
        application.counts[name] = application.counts.get(name, 0) + 1
        yield block


application.counts = {}


@application.at("/endless")
def endless_body(environ, start_response):
    start_response("200 OK", [TEXT])
    return Body(endless(arg(environ, "name")), arg(environ, "name"))


@application.at("/counts")
def counts(environ, start_response):
    return reply(start_response, str(application.counts.get(arg(environ, "name"), 0)))


@application.at("/stream")
def stream(environ, start_response):
    """A given number of 64 KiB chunks, made as they are asked for."""
    start_response("200 OK", [TEXT])
    block = b"s" * 65536
    return (block for _ in range(int(arg(environ, "chunks"))))


@application.at("/wait")
def wait(environ, start_response):
    """Stand at a gate before the first chunk, so that the client can leave meanwhile."""
    start_response("200 OK", [TEXT])

    def chunks():
        event(f"started {arg(environ, 'name')}")
        gate(arg(environ, "gate"))
        while True:
            yield b"w" * 65536

    return Body(chunks(), arg(environ, "name"))


validated = validator(application)
