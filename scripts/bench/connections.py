"""Connections that wrk can't make: many idle ones, and ones timed by what they asked for."""

from __future__ import annotations

import random
import selectors
import socket
import time
from dataclasses import dataclass, field

from .process import Failed

HELLO = b"GET /hello HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"
SLEEP = b"GET /sleep/100 HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"
OPEN_TOGETHER = 50  # far below every server's backlog
ANSWER_SECONDS = 5.0
OPEN_SECONDS = 30.0  # for all the idle ones together
SEED = 1  # the same order of requests for every server


def length_of(answer: bytes) -> int | None:
    """The length of a whole answer, once its head is there; a Content-Length is required."""
    head, end, _ = answer.partition(b"\r\n\r\n")
    if not end:
        return None
    for line in head.lower().split(b"\r\n")[1:]:
        name, _, value = line.partition(b":")
        if name == b"content-length":
            return len(head) + 4 + int(value)
    raise Failed("an answer without Content-Length")


class Idle:
    """Connections that made one request each and then stay open."""

    def __init__(self, port: int):
        self.address = ("127.0.0.1", port)
        self.sockets: list[socket.socket] = []

    def __enter__(self) -> Idle:
        return self

    def __exit__(self, *_: object) -> None:
        for s in self.sockets:
            s.close()

    def open(self, count: int) -> None:
        """Fails at the first connection that gets no answer, and when time is up: a server
        that gives threads to connections would have us wait thousands of times."""
        deadline = time.monotonic() + OPEN_SECONDS
        while len(self.sockets) < count:
            if time.monotonic() > deadline:
                raise Failed(f"answered only {len(self.sockets):,} of {count:,} connections "
                             f"within {OPEN_SECONDS:.0f} s")
            batch = [socket.create_connection(self.address, ANSWER_SECONDS)
                     for _ in range(min(OPEN_TOGETHER, count - len(self.sockets)))]
            self.sockets += batch
            for s in batch:
                s.sendall(HELLO)
            for s in batch:
                self.receive(s)

    def receive(self, s: socket.socket) -> None:
        answer, wanted = b"", None
        while wanted is None or len(answer) < wanted:
            try:
                piece = s.recv(65536)
            except socket.timeout:
                raise Failed(f"connection {len(self.sockets)} got no answer "
                             f"within {ANSWER_SECONDS:.0f} s") from None
            if not piece:
                raise Failed("a connection was closed before its answer")
            answer += piece
            wanted = length_of(answer)
        if not answer.startswith(b"HTTP/1.1 200 "):
            raise Failed("answered " + answer.split(b"\r\n")[0].decode("latin-1"))

    def held(self) -> int:
        """How many the server has not closed."""
        return sum(map(is_open, self.sockets))


def is_open(s: socket.socket) -> bool:
    s.setblocking(False)
    try:
        return bool(s.recv(1, socket.MSG_PEEK))
    except BlockingIOError:
        return True
    except OSError:
        return False


@dataclass
class Times:
    """What Mixed saw, in seconds."""

    hello: list[float] = field(default_factory=list)
    sleep: list[float] = field(default_factory=list)
    errors: int = 0


class Exchange:
    """One connection of Mixed and its request under way."""

    def __init__(self, port: int):
        self.port = port
        self.socket: socket.socket | None = None
        self.sleeps = False
        self.answer = b""
        self.sent = 0.0

    def send(self, sleeps: bool) -> None:
        """A loopback connect to a listening socket does not wait, and a request of
        45 bytes always fits: neither needs the selector."""
        if self.socket is None:
            self.socket = socket.create_connection(("127.0.0.1", self.port), ANSWER_SECONDS)
        self.sleeps, self.answer, self.sent = sleeps, b"", time.perf_counter()
        self.socket.sendall(SLEEP if sleeps else HELLO)

    def receive(self) -> bool:
        """Reads what is there; true when the answer is whole."""
        assert self.socket is not None
        piece = self.socket.recv(65536)
        if not piece:
            raise Failed("closed before the answer")
        self.answer += piece
        wanted = length_of(self.answer)
        return wanted is not None and len(self.answer) >= wanted

    def close(self) -> None:
        if self.socket is not None:
            self.socket.close()
            self.socket = None

    def ends(self) -> bool:
        """Whether the server said that it closes."""
        return b"\r\nconnection: close\r\n" in self.answer[:1024].lower()


class Mixed:
    """Connections that each ask, one after the other, for hello or, one time in ten, sleep."""

    def __init__(self, port: int, connections: int):
        self.exchanges = [Exchange(port) for _ in range(connections)]
        self.random = random.Random(SEED)
        self.selector = selectors.DefaultSelector()
        self.times = Times()

    def run(self, seconds: float) -> Times:
        end = time.perf_counter() + seconds
        try:
            for exchange in self.exchanges:
                self.begin(exchange)
            while time.perf_counter() < end:
                for key, _ in self.selector.select(0.1):
                    self.advance(key.data)
        finally:
            for exchange in self.exchanges:
                exchange.close()
            self.selector.close()
        return self.times

    def begin(self, exchange: Exchange) -> None:
        fresh = exchange.socket is None
        exchange.send(self.random.random() < 0.1)
        if fresh:
            self.selector.register(exchange.socket, selectors.EVENT_READ, exchange)

    def advance(self, exchange: Exchange) -> None:
        try:
            if not exchange.receive():
                return
            took = time.perf_counter() - exchange.sent
            (self.times.sleep if exchange.sleeps else self.times.hello).append(took)
            if not exchange.answer.startswith(b"HTTP/1.1 200 "):
                self.times.errors += 1
            if exchange.ends():
                self.forget(exchange)
        except (OSError, Failed):
            self.times.errors += 1
            self.forget(exchange)
        self.begin(exchange)

    def forget(self, exchange: Exchange) -> None:
        self.selector.unregister(exchange.socket)
        exchange.close()


def percentile(values: list[float], percent: float) -> float | None:
    if not values:
        return None
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(len(ordered) * percent / 100))]
