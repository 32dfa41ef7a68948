"""The targets that gowsgi has set itself, each with what was measured."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Callable

from .results import Results, Summary
from .workloads import TWICE


@dataclass
class Target:
    text: str
    goal: str
    measured: str = "not measured"
    hit: bool | None = None  # None: nothing to judge by


def all_targets(results: Results) -> list[Target]:
    t = [
        threads(results),
        against_uwsgi(results),
        against_threaded(results, "hello", 1.2),
        loop(results),
    ]
    t += [against_threaded(results, name, 1.15) for name in ("json", "jinja", "form", "echo")]
    t += [sleep(results), *mix(results, "mix"), *mix(results, "mix-requests")]
    t += [bare(results), bare_cpu(results)]
    for name in ("stream", "sendfile", "upload"):
        t += [against_threaded(results, name, 1.0), memory(results, name)]
    t += [idle_rate(results), idle_memory(results)]
    t += [against(results, "fresh", 1.0, "uWSGI --http-socket", ["uwsgi-http-socket"]),
          start(results)]
    return t + two_processes(results)


def two_processes(results: Results) -> list[Target]:
    t = [against_any(results, "hello-2", 1.1), against_any(results, "bare-2", 1.0)]
    t += [against_any(results, f"{name}-2", 1.1) for name in ("json", "jinja", "form", "echo")]
    t += [cpu(results, "hello-2"), cpu(results, "master"), mix(results, "mix-2")[1]]
    return t + [front_memory(results), worker_memory(results)]


NAMES = {
    "hello": "Flask hello", "json": "JSON", "jinja": "Jinja page", "form": "form", "echo": "echo",
    "mix": "mix by connection", "mix-requests": "mix by request", "stream": "stream",
    "sendfile": "send_file", "upload": "upload", "fresh": "fresh connections",
    "bare": "bare WSGI hello",
}
NAMES |= {f"{name}-2": f"two processes: {NAMES[name]}" for name in TWICE}


def judged(target: Target, value: float | None, holds: Callable[[float], bool],
           measured: str) -> Target:
    if value is not None:
        target.measured, target.hit = measured, holds(value)
    return target


def ratio(a: Summary | None, b: Summary | None, metric: str = "rps") -> float | None:
    over = a.median(metric) if a else None
    under = b.median(metric) if b else None
    return over / under if over and under else None


def threads(results: Results) -> Target:
    value = results.paired("threads-16", "threads-1")
    t = Target("Flask hello, 16 threads against 1 thread of gowsgi itself", "≥ 0.97")
    return judged(t, value, lambda v: v >= 0.97, f"{value or 0:.3f}")


def against(results: Results, workload: str, goal: float, whom: str, names: list[str]) -> Target:
    t = Target(f"{NAMES[workload]}, against {whom}", f"≥ {goal}")
    best = results.best(workload, names=names)
    value = ratio(results.ours(workload), best)
    text = f"{value or 0:.2f} ({results.title(best.server)})" if best else ""
    return judged(t, value, lambda v: v >= goal, text)


def against_uwsgi(results: Results) -> Target:
    """Any of its modes, also one that starves connections: such a one is only named when it
    makes the difference."""
    names = [s.name for s in results.peers if s.distribution == "uWSGI"]
    t = against(results, "hello", 2.0, "uWSGI, the best of its modes", names)
    fastest = results.best("hello", names=names, sound=False)
    value = ratio(results.ours("hello"), fastest)
    if value is not None and not fastest.sound:
        t.hit = value >= 2.0 and t.hit is not False
        t.measured += f"; {value:.2f} ({results.title(fastest.server)}, with starving connections)"
    return t


def against_threaded(results: Results, workload: str, goal: float) -> Target:
    """The peers with the same threads are judged by. One without threads may still be
    faster: it is named beside them."""
    names = [s.name for s in results.peers if s.threaded]
    t = against(results, workload, goal, "the best peer with the same threads", names)
    rest = results.best(workload, names=[s.name for s in results.peers if not s.threaded])
    value = ratio(results.ours(workload), rest)
    if value is not None and value < goal:
        t.measured += f"; {value:.2f} against single-threaded {results.title(rest.server)}"
    return t


def against_any(results: Results, workload: str, goal: float) -> Target:
    return against(results, workload, goal, "the best peer", [s.name for s in results.peers])


def cpu(results: Results, workload: str) -> Target:
    """Of the shape with worker processes."""
    how = {"hello-2": "two worker processes", "master": "one worker process"}[workload]
    t = Target(f"Flask hello, CPU per request: {how}, against the single shape", "≤ 1.1")
    value = ratio(results.ours(workload), results.ours("hello"), "cpu_us")
    return judged(t, value, lambda v: v <= 1.1, f"{value or 0:.2f}")


def front_memory(results: Results) -> Target:
    t = Target("RSS of the front of worker processes", "≤ 15 MiB")
    ours = results.ours("memory")
    value = ours.more("front") if ours else None
    return judged(t, value, lambda v: v <= 15 << 20, f"{(value or 0) / 2**20:.1f} MiB")


def worker_memory(results: Results) -> Target:
    t = Target("RSS of a worker process, beyond plain Python with the app", "≤ 8 MiB")
    ours = results.ours("memory")
    value = None
    if ours and ours.more("worker") is not None:
        value = ours.more("worker") - ours.more("plain")
    return judged(t, value, lambda v: v <= 8 << 20, f"{(value or 0) / 2**20:.1f} MiB")


def loop(results: Results) -> Target:
    t = Target("Flask hello, against a bare Python loop without a server", "≥ 0.75")
    value = ratio(results.ours("hello"), results.get("none", "loop"))
    return judged(t, value, lambda v: v >= 0.75, f"{value or 0:.2f}")


def sleep(results: Results) -> Target:
    t = Target("sleep 50 ms, 32 threads, 64 connections", "≥ 608/s (95 % of 640/s)")
    ours = results.ours("sleep")
    value = ours.median("rps") if ours else None
    return judged(t, value, lambda v: v >= 608, f"{value or 0:.0f}/s")


def mix(results: Results, workload: str) -> list[Target]:
    ours, best = results.ours(workload), results.best(workload, "p99_ms")
    value = ours.median("p99_ms") if ours else None
    own = Target(f"{NAMES[workload]}: p99 of the hellos", "≤ 10 ms")
    other = Target(f"{NAMES[workload]}: p99 of the hellos, against the best peer", "≤ 0.5")
    share = ratio(ours, best, "p99_ms")
    text = f"{share or 0:.2f} ({results.title(best.server)})" if best else ""
    return [judged(own, value, lambda v: v <= 10, f"{value or 0:.1f} ms"),
            judged(other, share, lambda v: v <= 0.5, text)]


def bare(results: Results) -> Target:
    names = [s.name for s in results.peers if s.distribution in ("uWSGI", "granian", "bjoern")]
    return against(results, "bare", 1.0, "the best of uWSGI, granian and bjoern", names)


def bare_cpu(results: Results) -> Target:
    t = Target("bare WSGI hello, CPU per request", "≤ 14 µs")
    ours = results.ours("bare")
    value = ours.median("cpu_us") if ours else None
    return judged(t, value, lambda v: v <= 14, f"{value or 0:.1f} µs")


def memory(results: Results, workload: str) -> Target:
    t = Target(f"{NAMES[workload]}: peak RSS against idle", "≤ 1.2")
    ours = results.ours(workload)
    peak, idle = (ours.median(name) if ours else None for name in ("rss_peak", "rss_idle"))
    value = peak / idle if peak and idle else None
    return judged(t, value, lambda v: v <= 1.2, f"{value or 0:.2f}")


def idle_rate(results: Results) -> Target:
    t = Target("5,000 idle connections: hello, against its value without them", "≥ 0.9")
    ours = results.ours("idle")
    value = None
    if ours and not ours.failed:
        ratios = sorted(m.rps / m.more["rps_without"] for m in ours.rounds)
        value = ratios[len(ratios) // 2]
    return judged(t, value, lambda v: v >= 0.9, f"{value or 0:.2f}")


def idle_memory(results: Results) -> Target:
    t = Target("5,000 idle connections: RSS of each", "≤ 12 KiB")
    ours = results.ours("idle")
    value = ours.more("rss_each") if ours else None
    return judged(t, value, lambda v: v <= 12 * 1024, f"{(value or 0) / 1024:.1f} KiB")


def start(results: Results) -> Target:
    t = Target("start to first response, beyond Python's own import of the app", "≤ 60 ms")
    ours, python = results.ours("start"), results.get("none", "import")
    a = ours.more("seconds") if ours else None
    b = python.more("seconds") if python else None
    value = (a - b) * 1000 if a is not None and b is not None else None
    return judged(t, value, lambda v: v <= 60, f"{value or 0:.0f} ms")
