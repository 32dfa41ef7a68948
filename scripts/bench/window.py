"""What a server, and everybody else on the machine, used while a load ran."""

from __future__ import annotations

import os
import resource
import time

from .process import TICK, Process

# A measurement during which others kept more than DISTURBED cores busy is made again, at
# most so often, and the quietest counts.
DISTURBED, MEASURE_AGAIN = 0.15, 2


class Window:
    """A with statement around a load that is started and ended within it. Afterwards: cpu,
    the seconds that the server's tree used, rss_peak, and others, the cores that were busy
    with neither the server nor the load: noise."""

    def __init__(self, process: Process):
        self.process = process
        self.cpu = self.others = 0.0
        self.rss_peak = 0

    def __enter__(self) -> Window:
        self.process.reset_peak()
        self.before = self.now()
        return self

    def __exit__(self, *_: object) -> None:
        wall, server, load, machine = (b - a for a, b in zip(self.before, self.now()))
        self.cpu = server
        self.others = max(0.0, (machine - server - load) / wall) if wall else 0.0
        self.rss_peak = self.process.rss_bytes("VmHWM")

    def now(self) -> tuple[float, float, float, float]:
        return time.monotonic(), self.process.cpu_seconds(), load_seconds(), machine_seconds()


def load_seconds() -> float:
    """Our own time, for the clients in Python, and that of the wrks that have ended."""
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(u.ru_utime + u.ru_stime for u in used)


def machine_seconds() -> float:
    """All that was not idle, what the hypervisor took for others ("steal") included."""
    with open("/proc/stat") as f:
        ticks = [int(word) for word in f.readline().split()[1:9]]
    user, nice, system, _idle, _iowait, irq, softirq, steal = ticks
    return (user + nice + system + irq + softirq + steal) / TICK


def cores() -> int:
    return len(os.sched_getaffinity(0))
