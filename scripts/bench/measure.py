"""How each kind of workload is measured."""

from __future__ import annotations

import json
import resource
import socket
import statistics
import subprocess
import time
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from . import probe
from .connections import Idle, Mixed, percentile
from .process import Failed, Process, free_port, status_bytes
from .servers import Server
from .window import Window
from .workloads import FLASK, IDLE_CONNECTIONS, MIX_SLEEPERS, Workload
from .wrk import Load, Wrk

WARM_UP_SECONDS = 0.4
STARTS = 3  # per round, of which the median counts
SPARE_DESCRIPTORS = 500
STARVING = "starving"  # the key among the errors for connections that got next to nothing


@dataclass
class Measurement:
    """One server under one workload in one round. failed, if set, is the reason why there is
    nothing else."""

    server: str
    workload: str
    round: int
    failed: str = ""
    rps: float | None = None
    cpu_us: float | None = None
    p50_ms: float | None = None
    p99_ms: float | None = None
    rss_idle: int | None = None
    rss_peak: int | None = None
    others: float | None = None  # cores that were busy with something else
    requests: int = 0
    errors: dict[str, int] = field(default_factory=dict)
    # kinds with numbers of their own: see the functions below
    more: dict[str, float] = field(default_factory=dict)

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)


@dataclass
class Bench:
    """Where things are, and how long a run of the load takes."""

    apps: Path
    venv: Path
    env: dict[str, str]
    work: Path
    seconds: int
    connections: int
    environ: dict[str, Any] = field(default_factory=dict)

    def measure(self, server: Server | None, workload: Workload, round_: int) -> Measurement:
        m = Measurement(server.name if server else "none", workload.name, round_)
        try:
            KINDS[workload.kind](self, server, workload, m)
        except Failed as e:
            m.failed = str(e).replace(f"{self.apps.parents[1]}/", "")
        return m

    def start(self, server: Server, workload: Workload) -> Process:
        port = free_port()
        command = server.command(port, workload.job)
        log = self.work / "logs" / f"{server.name}.{workload.name}.log"
        return Process(command, port, self.apps, self.env, log)

    def body(self, workload: Workload) -> Path | None:
        if not workload.body:
            return None
        path = self.work / f"{workload.name}.body"
        path.write_bytes(workload.body)
        return path

    def wrk(self, process: Process, workload: Workload, connections: int = 0,
            path: str = "") -> Wrk:
        if not connections:
            connections = self.connections * workload.connections // 32
        return Wrk(process.port, workload, path or workload.path, connections,
                   self.seconds * (2 if workload.slow else 1), self.body(workload))

    def ready(self, process: Process, workload: Workload, m: Measurement) -> str:
        """Waits for the server, checks an answer and warms up. Returns how answers end."""
        process.wait_ready()
        m.rss_idle = process.rss_bytes()
        framing = probe.check(process.port, workload)
        if workload.close:
            probe.check_close(process.port, workload)
            framing = "close"
        warm_up = self.wrk(process, workload)
        warm_up.stop_after(WARM_UP_SECONDS)
        warm_up.result()
        return framing


def account(m: Measurement, server: Server, load: Load, framing: str) -> None:
    m.rps, m.p50_ms, m.p99_ms = load.rps, load.p50_ms, load.p99_ms
    m.requests = load.requests
    m.errors = {key: count for key, count in load.errors.items() if count}
    if framing == "close" and "read" in m.errors:
        # wrk counts the end of a connection as an error also where it ends the answer, or
        # where we asked for it and the server does not repeat that.
        left = m.errors.pop("read") - load.requests
        m.errors.update({"read": left} if left > 0 else {})
    # Where each request has a connection of its own, the time to connect is missing from
    # the latencies, and the law says nothing.
    if server.keep_alive and framing != "close" and load.starving and not m.errors:
        m.errors[STARVING] = load.starving


def charge(m: Measurement, window: Window, requests: int) -> None:
    m.cpu_us = window.cpu / requests * 1e6 if requests else None
    m.rss_peak, m.others = window.rss_peak, window.others


def measure_load(bench: Bench, server: Server, workload: Workload, m: Measurement) -> None:
    with bench.start(server, workload) as process:
        framing = bench.ready(process, workload, m)
        with Window(process) as window:
            load = bench.wrk(process, workload).result()
        account(m, server, load, framing)
        charge(m, window, load.requests)


def measure_mix(bench: Bench, server: Server, workload: Workload, m: Measurement) -> None:
    """Two wrks at once. Rate and percentiles are those of the hellos; more: those of the
    sleeps."""
    sleepers = max(1, bench.connections * MIX_SLEEPERS // 32)
    with bench.start(server, workload) as process:
        framing = bench.ready(process, workload, m)
        with Window(process) as window:
            sleeps = bench.wrk(process, workload, sleepers, "/sleep/100")
            try:
                hellos = bench.wrk(process, workload, bench.connections - sleepers).result()
            finally:
                slept = sleeps.result()
        account(m, server, hellos, framing)
        charge(m, window, hellos.requests + slept.requests)
        m.more = {"sleeps_per_second": slept.rps}


def measure_mix_requests(bench: Bench, server: Server, workload: Workload, m: Measurement) -> None:
    """Our own client, in Python: it asks at a lower rate than wrk, the same for all."""
    with bench.start(server, workload) as process:
        bench.ready(process, workload, m)
        with Window(process) as window:
            times = Mixed(process.port, bench.connections).run(bench.seconds)
        m.requests = len(times.hello) + len(times.sleep)
        m.rps = m.requests / bench.seconds
        charge(m, window, m.requests)
        m.p50_ms, m.p99_ms = (milliseconds(percentile(times.hello, p)) for p in (50, 99))
        m.errors = {"other": times.errors} if times.errors else {}
        m.more = {"sleep_p99_ms": milliseconds(percentile(times.sleep, 99)) or 0.0}


def milliseconds(seconds: float | None) -> float | None:
    return None if seconds is None else seconds * 1000


def measure_idle(bench: Bench, server: Server, workload: Workload, m: Measurement) -> None:
    """The same process without and then with the idle connections. The RSS before they come
    is taken after the first load, so that they are not charged for what that one grew."""
    if not server.keep_alive:
        raise Failed("no keep-alive, so no idle connections")
    count = min(IDLE_CONNECTIONS, resource.getrlimit(resource.RLIMIT_NOFILE)[0] - SPARE_DESCRIPTORS)
    with bench.start(server, workload) as process:
        framing = bench.ready(process, workload, m)
        without = bench.wrk(process, workload).result()
        rss = process.rss_bytes()
        with Idle(process.port) as idle:
            idle.open(count)
            held = idle.held()
            if held < count * 0.95:
                raise Failed(f"closed {count - held} of {count} idle connections")
            each = (process.rss_bytes() - rss) / held
            with Window(process) as window:
                load = bench.wrk(process, workload).result()
            held = idle.held()
        account(m, server, load, framing)
        charge(m, window, load.requests)
        m.more = {"rps_without": without.rps, "rss_each": each, "held": held}


def measure_start(bench: Bench, server: Server, workload: Workload, m: Measurement) -> None:
    seconds = []
    for _ in range(STARTS):
        with bench.start(server, workload) as process:
            seconds.append(process.wait_ready(pause=0.001))
            m.rss_idle = process.rss_bytes()
    m.more = {"seconds": statistics.median(seconds)}


def measure_memory(bench: Bench, server: Server, workload: Workload, m: Measurement) -> None:
    """What the front of worker processes takes, and what each of them takes beyond what plain
    Python does that has imported the same app."""
    command = [str(bench.venv / "bin/python"), "-c", PLAIN, workload.app.partition(":")[0]]
    plain = int(subprocess.run(command, cwd=bench.apps, env=bench.env, check=True, timeout=60,
                               stdin=subprocess.DEVNULL, stdout=subprocess.PIPE).stdout)
    with bench.start(server, workload) as process:
        process.wait_ready()
        front = process.popen.pid
        workers = [pid for pid in process.members() if pid != front]
        if len(workers) != workload.processes:
            raise Failed(f"{len(workers)} worker processes")
        m.rss_idle = process.rss_bytes()
        m.more = {"front": status_bytes(front, "VmRSS"), "plain": plain,
                  "worker": max(status_bytes(pid, "VmRSS") for pid in workers)}


PLAIN = ("import importlib, sys; importlib.import_module(sys.argv[1]); "
         "print([int(line.split()[1]) * 1024 for line in open('/proc/self/status') "
         "if line.startswith('VmRSS:')][0])")


def measure_import(bench: Bench, _: Server | None, workload: Workload, m: Measurement) -> None:
    """What a start costs Python alone: its own start, the import, its own end."""
    seconds = []
    command = [str(bench.venv / "bin/python"), "-c", f"import {workload.app.partition(':')[0]}"]
    for _ in range(STARTS):
        start = time.monotonic()
        subprocess.run(command, cwd=bench.apps, env=bench.env, check=True, timeout=60,
                       stdin=subprocess.DEVNULL)
        seconds.append(time.monotonic() - start)
    m.more = {"seconds": statistics.median(seconds)}


def measure_loop(bench: Bench, _: Server | None, workload: Workload, m: Measurement) -> None:
    """See loop.py. Nothing else runs meanwhile, not even a load."""
    if not bench.environ:
        raise Failed("gowsgi gave no environ to call the app with")
    command = [str(bench.venv / "bin/python"), str(Path(__file__).with_name("loop.py")),
               workload.app, str(bench.seconds)]
    try:
        run = subprocess.run(command, cwd=bench.apps, env=bench.env, check=True,
                             input=json.dumps(bench.environ).encode(), stdout=subprocess.PIPE,
                             timeout=bench.seconds + 30)
    except subprocess.SubprocessError as e:
        raise Failed(f"the loop failed: {e}") from None
    said = json.loads(run.stdout)
    m.requests = said["calls"]
    m.rps = said["calls"] / said["seconds"]
    m.cpu_us = said["cpu"] / said["calls"] * 1e6


KINDS = {
    "load": measure_load,
    "mix": measure_mix,
    "mix-requests": measure_mix_requests,
    "idle": measure_idle,
    "start": measure_start,
    "memory": measure_memory,
    "import": measure_import,
    "loop": measure_loop,
}


def capture_environ(bench: Bench, server: Server) -> dict[str, Any]:
    """The environ that the server makes of wrk's request for /hello, less its objects."""
    workload = Workload("environ", "", app=FLASK)
    with bench.start(server, workload) as process:
        process.wait_ready()
        # wrk sends a Host and nothing else; so do we.
        request = (f"GET /environ HTTP/1.1\r\nHost: 127.0.0.1:{process.port}\r\n"
                   "Connection: close\r\n\r\n")
        answer = exchange(process.port, request.encode())
    said = json.loads(answer.partition(b"\r\n\r\n")[2])
    said.pop("HTTP_CONNECTION", None)
    return {key: "/hello" if value == "/environ" else value for key, value in said.items()}


def exchange(port: int, request: bytes) -> bytes:
    with socket.create_connection(("127.0.0.1", port), 10) as s:
        s.sendall(request)
        answer = b""
        while piece := s.recv(65536):
            answer += piece
    return answer
