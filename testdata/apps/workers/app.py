"""Runs in worker processes, says in which one, and brings it down.

Covers: who serves a request; crashes in C, by os._exit and from outside, before and in a response; a
GIL that is never released; large bodies both ways; reload, by a generation that is read at import;
an import that fails or takes its time; shared memory that the app overwrites.
"""

import atexit
import ctypes
import hashlib
import os
import random
import resource
import threading
import time

from probe import SCRATCH, App, arg, event, gate, reply, reply_json, validator

application = App()
WANTS = os.environ.get("WANTS", "").split()
resource.setrlimit(resource.RLIMIT_CORE, (0, 0))  # nobody wants to see the cores


def scratch(name):
    return os.path.join(SCRATCH, name)


def generation():
    try:
        with open(scratch("generation")) as f:
            return f.read()
    except FileNotFoundError:
        return "first"


GENERATION = generation()
event(f"importing {os.getpid()}")
if GENERATION == "broken" or "broken" in WANTS:
    raise RuntimeError("this generation is broken")

if "hold-second" in WANTS:
    # Of the processes that start, one passes; the others wait for the test.
    try:
        os.close(os.open(scratch("first"), os.O_CREAT | os.O_EXCL))
        passes = True
    except FileExistsError:
        passes = False
    while not (passes or os.path.exists(scratch("go"))):
        time.sleep(0.005)
while os.path.exists(scratch("hold-import")):
    time.sleep(0.005)


@atexit.register
def at_exit():
    event(f"atexit {os.getpid()}")


event(f"imported {os.getpid()}")


def crash(how):
    """End the process, or do nothing."""
    if how == "segv":
        ctypes.string_at(0)
    elif how == "abort":
        os.abort()
    elif how == "exit":
        os._exit(3)


@application.at("/")
def index(environ, start_response):
    return reply(start_response, "index")


@application.at("/who")
def who(environ, start_response):
    return reply_json(start_response, {
        "pid": os.getpid(),
        "parent": os.getppid(),
        "generation": GENERATION,
        "multithread": environ["wsgi.multithread"],
        "multiprocess": environ["wsgi.multiprocess"],
    })


@application.at("/gate")
def at_gate(environ, start_response):
    """Report where the request is, wait, and go the way that is asked for."""
    name = arg(environ, "name")
    event(f"{name} in {os.getpid()}")
    gate(name)
    crash(arg(environ, "then"))
    return reply(start_response, str(os.getpid()))


@application.at("/crash")
def crashes(environ, start_response):
    crash(arg(environ, "how"))


@application.at("/stream")
def stream(environ, start_response):
    name, length = arg(environ, "name"), arg(environ, "length")
    headers = [("Content-Type", "text/plain")]
    if length:
        headers.append(("Content-Length", length))
    start_response("200 OK", headers)
    event(f"{name} in {os.getpid()}")
    yield b"before"
    gate(name)
    crash(arg(environ, "then"))
    yield b"after"


@application.at("/wedge")
def wedge(environ, start_response):
    """Block in C with the GIL held."""
    fd = os.open(scratch(arg(environ, "name")), os.O_RDONLY)
    buffer = ctypes.create_string_buffer(1)
    event(f"wedged {os.getpid()}")
    ctypes.PyDLL(None).read(fd, buffer, 1)
    os.close(fd)
    return reply(start_response, str(os.getpid()))


@application.at("/upload")
def upload(environ, start_response):
    """Answer with the body's hash."""
    digest, source, total = hashlib.sha256(), environ["wsgi.input"], 0
    while piece := source.read(int(arg(environ, "piece", "100000"))):
        if not total and arg(environ, "name"):
            event(f"{arg(environ, 'name')} in {os.getpid()}")
        total += len(piece)
        digest.update(piece)
    return reply(start_response, digest.hexdigest())


def content():
    return open(scratch("content"), "rb")


@application.at("/file")
def file(environ, start_response):
    start_response("200 OK", [("Content-Type", "application/octet-stream")])
    return environ["wsgi.file_wrapper"](content())


@application.at("/pieces")
def pieces(environ, start_response):
    """The content, in pieces."""
    start_response("200 OK", [("Content-Type", "application/octet-stream")])
    with content() as f:
        while piece := f.read(int(arg(environ, "piece"))):
            yield piece


@application.at("/whole")
def whole(environ, start_response):
    with content() as f:
        return reply(start_response, f.read())


@application.at("/write")
def write(environ, start_response):
    """The content by write(), but for its last piece."""
    write = start_response("200 OK", [("Content-Type", "application/octet-stream")])
    size = int(arg(environ, "piece"))
    with content() as f:
        last = f.read(size)
        while piece := f.read(size):
            write(last)
            last = piece
    return [last]


def shared():
    """The memory that this process shares with the front: address and size of each mapping."""
    with open("/proc/self/maps") as maps:
        for line in maps:
            if "memfd:gowsgi" in line:
                begin, end = (int(n, 16) for n in line.split()[0].split("-"))
                yield begin, end - begin


def overwrite(what, seed):
    """Write over the shared memory what the front does not expect there."""
    chance = random.Random(seed)
    for at, size in shared():
        if what == "all":
            ctypes.memmove(at, chance.randbytes(size), size)
        elif what == "zeros":
            ctypes.memset(at, 0, size)
        elif what == "ones":
            ctypes.memset(at, 0xFF, size)
        elif what == "begin":
            n = min(size, 4096 + 2 * 32768)
            ctypes.memmove(at, chance.randbytes(n), n)
        elif what == "words":
            # Mostly small numbers: those are the ones that pass for lengths, states and events.
            for _ in range(50000):
                word = chance.choice([chance.randrange(8), chance.randrange(1 << 17), chance.randrange(1 << 32)])
                ctypes.c_uint32.from_address(at + 4 * chance.randrange(size // 4)).value = word


@application.at("/hostile")
def hostile(environ, start_response):
    what, then, seed = arg(environ, "what"), arg(environ, "then"), arg(environ, "seed")
    if not list(shared()):
        event("nothing is shared")
    event(f"hostile in {os.getpid()}")
    if then == "loop":

        def forever():
            for i in range(1 << 30):
                overwrite(what, f"{seed} {i}")

        threading.Thread(target=forever, daemon=True).start()
        return reply(start_response, "x" * 100000)
    overwrite(what, seed)
    if then == "raise":
        raise ValueError("hostile")
    crash(then)
    if then == "stream":
        return stream_hostile(start_response, what, seed)
    return reply(start_response, "hostile")


@application.at("/reader")
def reader(environ, start_response):
    """Put reads into the ring of messages that nobody waits for, also after the answer."""
    event(f"{arg(environ, 'name')} in {os.getpid()}")
    source = environ["wsgi.input"]
    source.read(1)
    ring = 4096 + 32768
    (at, _), *_ = shared()
    tail = ctypes.c_uint32.from_address(at + 128)

    def ask():
        for _ in range(200):
            for _ in range(50):
                for slot in range(2):
                    ctypes.c_uint32.from_address(at + ring + tail.value % 8192 * 4).value = slot << 8 | 1
                    tail.value += 1
            time.sleep(0.0005)

    threading.Thread(target=ask, daemon=True).start()
    if arg(environ, "then") == "exit":
        time.sleep(random.random() / 50)
        os._exit(3)
    return reply(start_response, "x" * 1000000)


def stream_hostile(start_response, what, seed):
    start_response("200 OK", [("Content-Type", "text/plain")])
    for i in range(20):
        overwrite(what, f"{seed} {i}")
        yield b"hostile" * 1000


validated = validator(application)
