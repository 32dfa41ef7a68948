"""The load: wrk with one thread, and what it says."""

from __future__ import annotations

import json
import signal
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path

from .process import Failed
from .workloads import Workload

SCRIPT = Path(__file__).with_name("wrk.lua")
STARVING = 0.6  # of the connections are served; reconnecting and rounding may look like 0.9
ENOUGH = 8  # requests for each connection, to judge by
OVERRUN_SECONDS = 20  # after this long past its time wrk is ended


@dataclass
class Load:
    """What one wrk saw. A percentile is None where there was no answer."""

    seconds: float
    requests: int
    p50_ms: float | None
    p99_ms: float | None
    mean_seconds: float
    errors: dict[str, int]
    connections: int = 0

    @property
    def rps(self) -> float:
        return self.requests / self.seconds if self.seconds else 0.0

    @property
    def starving(self) -> int:
        """How many connections got next to no answers. wrk does not tell, but Little's law
        does: each connection has a request under way all the time, so rate x mean latency is
        the number of those that are served."""
        if self.requests < ENOUGH * self.connections:
            return 0
        served = self.rps * self.mean_seconds
        return round(self.connections - served) if served < STARVING * self.connections else 0


class Wrk:
    """A running wrk."""

    def __init__(self, port: int, workload: Workload, path: str, connections: int,
                 seconds: int, body: Path | None):
        self.seconds = seconds
        self.connections = connections
        self.popen = subprocess.Popen(
            ["wrk", "-t1", f"-c{connections}", f"-d{seconds}s",
             "--timeout", f"{seconds + 1}s", "-s", str(SCRIPT),
             f"http://127.0.0.1:{port}{path}", "--", workload.method,
             workload.content_type or "-", str(body) if body else "-",
             "close" if workload.close else "-"],
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)

    def stop_after(self, seconds: float) -> None:
        """Ends a warm-up early: wrk takes whole seconds only."""
        time.sleep(seconds)
        self.popen.send_signal(signal.SIGINT)

    def result(self) -> Load:
        try:
            output, _ = self.popen.communicate(timeout=self.seconds + OVERRUN_SECONDS)
        except BaseException as e:
            self.popen.kill()
            self.popen.communicate()
            if isinstance(e, subprocess.TimeoutExpired):
                raise Failed("wrk did not end") from None
            raise
        for line in output.decode(errors="replace").splitlines():
            if line.startswith("RESULT "):
                load = loaded(json.loads(line[len("RESULT "):]))
                load.connections = self.connections
                return load
        raise Failed("wrk failed: " + output.decode(errors="replace").strip()[-200:])


def loaded(said: dict[str, int]) -> Load:
    errors = {key: said[key] for key in ("connect", "read", "write", "status", "timeout")}
    return Load(
        seconds=said["microseconds"] / 1e6,
        requests=said["requests"],
        p50_ms=said["p50"] / 1000 or None,
        p99_ms=said["p99"] / 1000 or None,
        mean_seconds=said["mean"] / 1e6,
        errors=errors,
    )


def version() -> str:
    output = subprocess.run(["wrk", "-v"], stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                            stdin=subprocess.DEVNULL).stdout.decode(errors="replace")
    return " ".join(output.split()[:2])
