"""Measurements over all rounds: medians, spreads, and who is best."""

from __future__ import annotations

import statistics
from dataclasses import dataclass
from typing import Iterable

from .measure import STARVING, Measurement
from .servers import Server

# A server that fails more of its requests than this, or that leaves connections without
# answers, is nobody's best peer.
TOLERATED = 0.001

# By name: whether more is better.
METRICS = {"rps": True, "cpu_us": False, "p50_ms": False, "p99_ms": False, "rss_peak": False}


@dataclass
class Summary:
    """One server under one workload: medians of its rounds."""

    server: str
    rounds: list[Measurement]

    @property
    def failed(self) -> str:
        """A server that failed in one round is not judged by the others."""
        return next((m.failed for m in self.rounds if m.failed), "")

    def median(self, name: str) -> float | None:
        if self.failed:
            return None
        values = [getattr(m, name) for m in self.rounds]
        values = [value for value in values if value is not None]
        return statistics.median(values) if values else None

    def more(self, name: str) -> float | None:
        values = [m.more[name] for m in self.rounds if name in m.more]
        return statistics.median(values) if values and not self.failed else None

    def spread(self, name: str) -> float:
        """Half of what lies between the lowest and the highest round, relative to the median."""
        values = [getattr(m, name) for m in self.rounds if getattr(m, name)]
        return (max(values) - min(values)) / 2 / statistics.median(values) if values else 0.0

    @property
    def requests(self) -> int:
        return sum(m.requests for m in self.rounds)

    @property
    def errors(self) -> dict[str, int]:
        total: dict[str, int] = {}
        for m in self.rounds:
            for key, count in m.errors.items():
                # A number of connections, not of requests, does not add up.
                total[key] = max(total.get(key, 0), count) if key == STARVING else (
                    total.get(key, 0) + count)
        return total

    @property
    def sound(self) -> bool:
        if self.failed or not self.requests or STARVING in self.errors:
            return False
        return sum(self.errors.values()) <= TOLERATED * self.requests

class Results:
    """All that was measured. gowsgi is the server that is judged, the last one if there are
    several builds."""

    def __init__(self, servers: list[Server], measurements: Iterable[Measurement]):
        self.servers = servers
        self.measurements = list(measurements)
        ours = [server for server in servers if server.is_gowsgi]
        self.gowsgi = ours[-1] if ours else None
        self.peers = [server for server in servers if not server.is_gowsgi]

    def get(self, server: str, workload: str) -> Summary | None:
        rounds = [m for m in self.measurements if m.server == server and m.workload == workload]
        return Summary(server, rounds) if rounds else None

    def ours(self, workload: str) -> Summary | None:
        return self.get(self.gowsgi.name, workload) if self.gowsgi else None

    def of(self, workload: str) -> list[Summary]:
        """In the order of the servers."""
        found = (self.get(server.name, workload) for server in self.servers)
        return [summary for summary in found if summary]

    def best(self, workload: str, metric: str = "rps", names: Iterable[str] | None = None,
             sound: bool = True) -> Summary | None:
        """The best of the peers, or of those named."""
        names = set(names) if names is not None else {peer.name for peer in self.peers}
        candidates = [s for s in self.of(workload) if s.server in names
                      and (s.sound or not sound) and s.median(metric)]
        if not candidates:
            return None
        choose = max if METRICS[metric] else min
        return choose(candidates, key=lambda s: s.median(metric))

    def others(self) -> list[float]:
        """How many cores were busy with something else, sorted: the noise of the run."""
        return sorted(m.others for m in self.measurements if m.others is not None)

    def title(self, name: str) -> str:
        return next((server.title for server in self.servers if server.name == name), name)

    def paired(self, over: str, under: str) -> float | None:
        """gowsgi's rate in one workload over its rate in another, round by round: noise that
        lasts longer than a round falls out."""
        a, b = self.ours(over), self.ours(under)
        if not a or not b or a.failed or b.failed:
            return None
        by_round = {m.round: m.rps for m in b.rounds}
        ratios = [m.rps / by_round[m.round] for m in a.rounds if by_round.get(m.round)]
        return statistics.median(ratios) if ratios else None


@dataclass
class Loss:
    """Where gowsgi is not the best."""

    workload: str
    metric: str
    ours: float
    theirs: float
    server: str

    @property
    def factor(self) -> float:
        """How many times as good the other is."""
        return self.theirs / self.ours if METRICS[self.metric] else self.ours / self.theirs


LEVEL = 1.03  # less than this is noise


def losses(results: Results, workloads: Iterable[str]) -> list[Loss]:
    found = []
    for workload in workloads:
        ours = results.ours(workload)
        for metric in METRICS:
            best = results.best(workload, metric)
            if not ours or not best or not ours.median(metric):
                continue
            loss = Loss(workload, metric, ours.median(metric), best.median(metric), best.server)
            if loss.factor > LEVEL:
                found.append(loss)
    return sorted(found, key=lambda loss: -loss.factor)
