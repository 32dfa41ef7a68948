"""What is asked of the servers: one table."""

from __future__ import annotations

from dataclasses import dataclass, replace

from .servers import Job

FLASK = "flask_app:app"
BARE = "bare:app"
MIB = 1024 * 1024
HELLO = b"Hello, World!"


@dataclass(frozen=True)
class Workload:
    """A row of the table. A kind is a way to measure; see measure.py."""

    name: str
    title: str
    path: str = "/hello"
    kind: str = "load"
    app: str = FLASK
    method: str = "GET"
    content_type: str = ""
    body: bytes = b""
    answer: bytes = b""  # the exact answer; empty: see answer_bytes and answer_has
    answer_bytes: tuple[int, int] = (1, 1 << 40)
    answer_has: bytes = b""
    connections: int = 32
    threads: int = 8
    processes: int = 1
    master: bool = False
    close: bool = False
    slow: bool = False  # answers so few that a run must be twice as long to count them
    gowsgi_only: bool = False
    no_server: bool = False
    quick: bool = False

    def belongs(self, processes: bool) -> bool:
        """Whether the run about worker processes measures it, or the other one."""
        several = self.processes > 1 or self.master
        return several or self.name in BESIDE if processes else not several

    @property
    def job(self) -> Job:
        return Job(self.app, self.threads, self.processes, self.master)

    def accepts(self, answer: bytes) -> bool:
        if self.answer:
            return answer == self.answer
        low, high = self.answer_bytes
        return low <= len(answer) <= high and self.answer_has in answer


FORM = (b"name=Ada+Lovelace&email=ada%40example.org&city=London&note=" + b"word+" * 40
        + b"&agree=yes")
ECHO = bytes(range(32, 96)) * 160  # 10 KiB
OCTETS = "application/octet-stream"

IDLE_CONNECTIONS = 5000
MIX_SLEEPERS = 3  # of 32 connections

ONE = [
    Workload("hello", "Flask hello", answer=HELLO, quick=True),
    Workload("loop", "Flask hello, a bare Python loop, no server", kind="loop", no_server=True,
             quick=True),
    Workload("threads-1", "Flask hello, gowsgi with 1 thread", answer=HELLO, threads=1,
             gowsgi_only=True, quick=True),
    Workload("threads-16", "Flask hello, gowsgi with 16 threads", answer=HELLO, threads=16,
             gowsgi_only=True, quick=True),
    Workload("bare", "bare WSGI hello", app=BARE, answer=HELLO, quick=True),
    Workload("loop-bare", "bare WSGI hello, a bare Python loop, no server", kind="loop", app=BARE,
             no_server=True),
    Workload("json", "JSON with query arguments", quick=True, answer_has=b'"Ada"',
             path="/json?name=Ada&page=3&tag=red&tag=green&tag=blue"),
    Workload("jinja", "Jinja page of 10 KiB", path="/page", answer_bytes=(9500, 10500)),
    Workload("form", "POST form", path="/form", method="POST", body=FORM,
             content_type="application/x-www-form-urlencoded",
             answer=b"Ada Lovelace, ada@example.org: 5 fields"),
    Workload("echo", "POST echo of 10 KiB", path="/echo", method="POST", body=ECHO, answer=ECHO,
             content_type=OCTETS),
    Workload("upload", "upload of 10 MiB", path="/upload", method="POST", body=bytes(10 * MIB),
             content_type=OCTETS, answer=str(10 * MIB).encode(), slow=True),
    Workload("stream", "stream of 100 × 64 KiB", path="/stream", quick=True,
             answer_bytes=(100 * 65536,) * 2, slow=True),
    Workload("sendfile", "send_file of 10 MiB", path="/file", answer_bytes=(10 * MIB,) * 2,
             slow=True),
    Workload("sleep", "sleep 50 ms, 64 connections, 32 threads", path="/sleep/50", answer=b"slept",
             connections=64, threads=32, slow=True, quick=True),
    Workload("mix", "mix by connection: 29 hello, 3 sleep 100 ms", kind="mix", answer=HELLO,
             quick=True),
    Workload("mix-requests", "mix by request: 90 % hello, 10 % sleep 100 ms, 32 threads",
             kind="mix-requests", answer=HELLO, threads=32),
    Workload("fresh", "Flask hello, a new connection per request", answer=HELLO, close=True),
    Workload("idle", f"Flask hello beside {IDLE_CONNECTIONS:,} idle connections", kind="idle",
             answer=HELLO),
    Workload("start", "start to first response", kind="start"),
    Workload("import", "python -c 'import flask_app'", kind="import", no_server=True),
]

# What the run about worker processes compares with.
BESIDE = ["hello"]
# These once more with two worker processes.
TWICE = ["hello", "bare", "json", "jinja", "form", "echo", "mix"]


def twice(workload: Workload) -> Workload:
    return replace(workload, name=f"{workload.name}-2", title=f"two processes: {workload.title}",
                   processes=2, quick=False)


WORKLOADS = [
    *ONE,
    Workload("master", "Flask hello, gowsgi with one worker process", answer=HELLO, master=True,
             gowsgi_only=True),
    *(twice(w) for w in ONE if w.name in TWICE),
    Workload("memory", "two processes: memory at rest", kind="memory", processes=2,
             gowsgi_only=True),
]
