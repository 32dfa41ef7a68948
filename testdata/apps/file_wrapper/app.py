"""Sends files through wsgi.file_wrapper.

Covers: real files (sendfile), file-like objects, offsets, lengths, what has a descriptor
that is not its content, close() exactly once, errors while reading.
"""

import gzip
import io
import os
import tempfile

from probe import SCRATCH, App, arg, event, reply, validator

application = App()
PATH = os.path.join(SCRATCH, "content")


class Closing:
    """A file-like object with read() and close() and nothing else."""

    def __init__(self, data, name):
        self.stream = io.BytesIO(data)
        self.name = name

    def read(self, size=-1):
        return self.stream.read(size)

    def close(self):
        event(f"closed {self.name}")


class ClosingFile(io.FileIO):
    """A real file that reports its close() by the app's server, not by the collector."""

    def __init__(self, path, name):
        super().__init__(path)
        self.label = name

    def close(self):
        if not self.closed:
            event(f"closed {self.label}")
        super().close()


class NoClose:
    def __init__(self, data):
        self.read = io.BytesIO(data).read


class Failing(Closing):
    """The second read fails."""

    def __init__(self, name):
        super().__init__(b"", name)
        self.reads = 0

    def read(self, size=-1):
        self.reads += 1
        if self.reads > 1:
            raise OSError("disk on fire")
        return b"f" * 1000


class BadFileno(Closing):
    """A fileno() that raises, as io.BytesIO's does, must not spoil the rest."""

    def fileno(self):
        raise io.UnsupportedOperation("fileno")


class OddFileno(Closing):
    """A fileno() that is no descriptor."""

    def fileno(self):
        return "three"


def advanced(read):
    """A buffered file some bytes in: the descriptor's own offset is further on."""
    f = open(PATH, "rb")
    if read:
        assert len(f.read(10)) == 10
    else:
        f.seek(10)
    return f


def pipe():
    r, w = os.pipe()
    os.write(w, b"through a pipe")
    os.close(w)
    return os.fdopen(r, "rb")


def zipped():
    """Has a fileno(), but that file holds the compressed bytes."""
    name = os.path.join(SCRATCH, "content.gz")
    if not os.path.exists(name):
        with gzip.open(name, "wb") as f:
            f.write(b"unzipped " * 10000)
    return gzip.open(name, "rb")


def temporary():
    f = tempfile.NamedTemporaryFile(dir=SCRATCH)  # a wrapper that passes calls on
    f.write(b"temporary")
    f.seek(0)
    return f


def at_end():
    f = open(PATH, "rb")
    f.seek(0, os.SEEK_END)
    return f


KINDS = {
    "buffered": lambda: open(PATH, "rb"),
    "raw": lambda: open(PATH, "rb", buffering=0),
    "closing-file": lambda: ClosingFile(PATH, "closing-file"),
    "seeked": lambda: advanced(False),
    "part-read": lambda: advanced(True),
    "at-end": at_end,
    "bytesio": lambda: io.BytesIO(b"from memory"),
    "read-only": lambda: Closing(b"only read " * 20000, "read-only"),
    "no-close": lambda: NoClose(b"no close"),
    "bad-fileno": lambda: BadFileno(b"bad fileno", "bad-fileno"),
    "odd-fileno": lambda: OddFileno(b"odd fileno", "odd-fileno"),
    "pipe": pipe,
    "gzip": zipped,
    "temporary": temporary,
    "proc": lambda: open("/proc/self/maps", "rb"),
    "empty": lambda: io.BytesIO(b""),
    "empty-file": lambda: open(os.devnull, "rb"),
}


@application.at("/kind")
def kind(environ, start_response):
    f = KINDS[arg(environ, "kind")]()
    headers = [("Content-Type", "application/octet-stream")]
    if arg(environ, "length"):
        headers.append(("Content-Length", arg(environ, "length")))
    start_response("200 OK", headers)
    size = arg(environ, "block")
    return environ["wsgi.file_wrapper"](f, int(size)) if size else environ["wsgi.file_wrapper"](f)


@application.at("/named")
def named(environ, start_response):
    """A real file of which each request reports the close() under its own name."""
    start_response("200 OK", [("Content-Type", "application/octet-stream")])
    return environ["wsgi.file_wrapper"](ClosingFile(PATH, arg(environ, "name")))


@application.at("/iterated")
def iterated(environ, start_response):
    """The wrapper is an ordinary iterable for middleware, with close()."""
    f = Closing(b"0123456789" * 10, "iterated")
    wrapper = environ["wsgi.file_wrapper"](f, 30)
    sizes = [len(block) for block in wrapper]
    wrapper.close()
    return reply(start_response, repr(sizes))


@application.at("/inside")
def inside(environ, start_response):
    """Middleware that returns its own generator around the wrapper."""
    wrapper = environ["wsgi.file_wrapper"](open(PATH, "rb"))
    start_response("200 OK", [("Content-Type", "application/octet-stream")])
    try:
        for block in wrapper:
            yield block[::-1]
    finally:
        wrapper.close()
        event("closed inside")


@application.at("/failing")
def failing(environ, start_response):
    start_response("200 OK", [("Content-Type", "application/octet-stream")])
    return environ["wsgi.file_wrapper"](Failing("failing"))


@application.at("/text")
def text(environ, start_response):
    start_response("200 OK", [("Content-Type", "text/plain")])
    return environ["wsgi.file_wrapper"](io.StringIO("text is no body"))


@application.at("/written")
def written(environ, start_response):
    """write() first, then a file."""
    write = start_response("200 OK", [("Content-Type", "application/octet-stream")])
    write(b"written;")
    return environ["wsgi.file_wrapper"](open(PATH, "rb"))


@application.at("/dropped")
def dropped(environ, start_response):
    """A wrapper that is made and not returned is only an object."""
    environ["wsgi.file_wrapper"](open(PATH, "rb")).close()
    return reply(start_response, "dropped")


@application.at("/wrong")
def wrong(environ, start_response):
    results = []
    for args in ((), (None,), (5,), (io.BytesIO(b""), "x")):
        try:
            list(environ["wsgi.file_wrapper"](*args))
            results.append("accepted")
        except (TypeError, AttributeError, ValueError) as e:
            results.append(type(e).__name__)
    return reply(start_response, " ".join(results))


validated = validator(application)
