"""The command: reads the options, measures in rounds, writes the report."""

from __future__ import annotations

import argparse
import datetime
import json
import resource
import signal
import sys
import time
from pathlib import Path
from typing import NoReturn

from . import machine, plot, report, servers, wrk
from .measure import Bench, Measurement, capture_environ
from .process import Failed
from .results import Results
from .servers import Server
from .window import DISTURBED, MEASURE_AGAIN
from .workloads import MIB, WORKLOADS, Workload

ROOT = Path(__file__).resolve().parents[2]
VENV = ROOT / "build/bench-venv"
WORK = ROOT / "build/bench"
APPS = ROOT / "testdata/bench"
DOCS = ROOT / "docs"
QUICK_SERVERS = ["gowsgi", "uwsgi-http", "uwsgi-http-socket", "gunicorn-gthread", "granian",
                 "bjoern"]
PAUSE = 3.0  # seconds before a disturbed measurement is made again
FULL_BUDGET, QUICK_BUDGET, PROCESSES_BUDGET = 37.0, 3.7, 15.0  # minutes


def options(arguments: list[str]) -> argparse.Namespace:
    names = ", ".join(w.name for w in WORKLOADS)
    p = argparse.ArgumentParser(
        prog="scripts/bench.sh", epilog=f"workloads: {names}",
        description="Measures gowsgi and its peers, and writes docs/benchmarks.md and .svg.")
    p.add_argument("--quick", action="store_true", help="one short round of a part, in minutes")
    p.add_argument("--processes", action="store_true",
                   help="worker processes: writes docs/benchmarks-processes.md and .svg instead")
    p.add_argument("--only", metavar="SERVER,...", type=words, default=[],
                   help="these servers; 'uwsgi' means all of its modes")
    p.add_argument("--workload", metavar="NAME,...", type=words, default=[],
                   help="these workloads")
    p.add_argument("--rounds", type=int, help="default: 3")
    p.add_argument("--seconds", type=int, help="length of each load; default: 3")
    p.add_argument("--connections", type=int, default=32, help="default: 32")
    p.add_argument("--gowsgi", metavar="[NAME=]PATH", action="append", default=[],
                   help="this binary instead of building one; repeat it, with names, to compare "
                        "builds (the last one is judged by the targets)")
    p.add_argument("--budget", type=float, metavar="MINUTES",
                   help=f"stop in time; default: {FULL_BUDGET:g}, {QUICK_BUDGET:g} with --quick, "
                        f"{PROCESSES_BUDGET:g} with --processes")
    p.add_argument("--no-write", action="store_true", help="print only")
    p.add_argument("--write", action="store_true",
                   help="write the report also with --only, --workload or --gowsgi, which "
                        "otherwise only print")
    o = p.parse_args(arguments)
    o.rounds = o.rounds or (1 if o.quick else 3)
    o.seconds = o.seconds or (2 if o.quick else 3)
    o.budget = o.budget or (QUICK_BUDGET if o.quick else
                            PROCESSES_BUDGET if o.processes else FULL_BUDGET)
    o.partial = bool(o.only or o.workload or o.gowsgi)
    if o.rounds < 1 or o.seconds < 1 or not 2 <= o.connections <= 1024:
        p.error("--rounds and --seconds must be 1 or more, --connections 2 to 1024")
    return o


def words(text: str) -> list[str]:
    return [word for word in text.split(",") if word]


def stop(why: str) -> NoReturn:
    sys.exit(f"gowsgi: {why}")


def builds(named: list[str]) -> list[Server]:
    """gowsgi itself: the binary of bin/, or those of --gowsgi."""
    found = []
    for text in named or [f"gowsgi={ROOT / 'bin/gowsgi'}"]:
        name, _, path = text.rpartition("=")
        program = Path(path).resolve()
        if not program.is_file():
            stop(f"no file {path}; build one: scripts/build.sh -o {path}")
        found.append(servers.gowsgi(name or "gowsgi", program, VENV))
    return found


def choose_servers(o: argparse.Namespace) -> list[Server]:
    everything = builds(o.gowsgi) + servers.peers(VENV, APPS)
    names = [server.name for server in everything]
    if len(set(names)) < len(names):
        stop("two servers of one name; give --gowsgi NAME=PATH another name")
    wanted = o.only or (QUICK_SERVERS if o.quick else names)

    def is_named(server: Server, name: str) -> bool:
        family = "gowsgi" if server.is_gowsgi else server.name
        return name in (server.name, family) or family.startswith(name + "-")

    for name in wanted:
        if not any(is_named(server, name) for server in everything):
            stop(f"no server '{name}'; there are: {', '.join(names)}")
    return [s for s in everything if any(is_named(s, name) for name in wanted)]


def choose_workloads(o: argparse.Namespace) -> list[Workload]:
    names = [w.name for w in WORKLOADS]
    for name in o.workload:
        if name not in names:
            stop(f"no workload '{name}'; there are: {', '.join(names)}")
    if o.workload:
        return [w for w in WORKLOADS if w.name in o.workload]
    return [w for w in WORKLOADS if (w.quick or not o.quick) and w.belongs(o.processes)]


class Rounds:
    """The order of things: servers take turns within each workload, and each round starts
    with another server."""

    def __init__(self, bench: Bench, chosen: list[Server], workloads: list[Workload],
                 missing: dict[str, str], budget_minutes: float):
        self.bench = bench
        self.servers = chosen
        self.workloads = workloads
        self.missing = missing
        self.end = time.monotonic() + budget_minutes * 60
        self.measurements: list[Measurement] = []
        self.cut = ""

    def run(self, rounds: int) -> None:
        for number in range(1, rounds + 1):
            start, measured = time.monotonic(), []
            whole = self.round(number, measured)
            if whole or number == 1:
                self.measurements += measured
            if not whole:
                self.cut = ("The time was up in the first round: some workloads are missing."
                            if number == 1 else
                            f"The time was up in round {number}, which is left out.")
                return
            now = time.monotonic()
            if number < rounds and now + (now - start) > self.end:
                self.cut = f"There was time for {number} of {rounds} rounds."
                return

    def round(self, number: int, measured: list[Measurement]) -> bool:
        """False if the time was up before the round's end."""
        first = (number - 1) % max(1, len(self.servers))
        order = self.servers[first:] + self.servers[:first]
        for workload in self.workloads:
            for server in self.asked(workload, order):
                if time.monotonic() > self.end:
                    return False
                measured.append(self.measure(server, workload, number))
                say(measured[-1])
        return True

    def asked(self, workload: Workload, order: list[Server]) -> list[Server | None]:
        if workload.no_server:
            return [None]
        return [s for s in order if s.is_gowsgi or not workload.gowsgi_only and
                (s.forks or workload.processes == 1)]

    def measure(self, server: Server | None, workload: Workload, number: int) -> Measurement:
        name = server.name if server else "none"
        if server and server.distribution.lower() in self.missing:
            return Measurement(name, workload.name, number, "not installed")
        for m in self.measurements:
            if m.failed and (m.server, m.workload) == (name, workload.name):
                return Measurement(name, workload.name, number, m.failed)
        return self.quietest(server, workload, number)

    def quietest(self, server: Server | None, workload: Workload, number: int) -> Measurement:
        """Measures again when something else was busy, a little later."""
        best = self.bench.measure(server, workload, number)
        for _ in range(MEASURE_AGAIN):
            if best.failed or best.others is None or best.others <= DISTURBED:
                break
            if time.monotonic() + PAUSE > self.end:
                break
            time.sleep(PAUSE)
            again = self.bench.measure(server, workload, number)
            if not again.failed and again.others is not None and again.others < best.others:
                best = again
        return best


def say(m: Measurement) -> None:
    """One line of progress."""
    parts = [f"{m.round}  {m.workload:<13}{m.server:<21}"]
    if m.failed:
        parts.append("failed: " + m.failed)
    for name, unit in (("rps", "/s"), ("cpu_us", "µs CPU"), ("p99_ms", "ms p99")):
        value = getattr(m, name)
        if value is not None:
            parts.append(f"{value:9.1f} {unit}")
    if m.others is not None:
        parts.append(f"{m.others:.2f} cores of others")
    parts += [f"{key} {value:.3f}" for key, value in m.more.items()]
    parts += [f"{count} {key} errors" for key, count in m.errors.items()]
    print("  ".join(parts), flush=True)


def missing_peers(installed: dict[str, str], chosen: list[Server]) -> dict[str, str]:
    """Packages that are not there, each with pip's last word on it."""
    found = {}
    for name in {s.distribution.lower() for s in chosen if s.distribution}:
        if name not in installed:
            log = WORK / f"install-{name}.log"
            lines = log.read_text(errors="replace").splitlines() if log.exists() else []
            said = [line for line in lines if "error" in line.lower()]
            said = said or ["its package is not in build/bench-venv"]
            found[name] = said[-1].strip().replace(str(ROOT) + "/", "")
    return found


def versions(chosen: list[Server], installed: dict[str, str],
             missing: dict[str, str]) -> list[tuple[str, str]]:
    rows = []
    for server in chosen:
        if server.is_gowsgi:
            version = machine.gowsgi_version(server.program)
            rows.append((server.title, version or stop(f"{server.program} is no gowsgi")))
    rows.append(("Python", machine.python_version(VENV / "bin/python")))
    for name in ("Flask", "Werkzeug", "Jinja2"):
        rows.append((name, installed.get(name.lower(), "not installed")))
    for name in dict.fromkeys(s.distribution for s in chosen if s.distribution):
        key = name.lower()
        rows.append((name, installed.get(key) or f"not installed: {missing[key]}"))
    return rows + [("wrk", wrk.version())]


def raise_descriptors() -> None:
    """Thousands of connections, here and in the servers, which inherit the limit."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    enough = 20000 if hard == resource.RLIM_INFINITY else min(hard, 20000)
    resource.setrlimit(resource.RLIMIT_NOFILE, (enough, hard))


def prepare(o: argparse.Namespace, all_gowsgi: list[Server]) -> Bench:
    WORK.mkdir(parents=True, exist_ok=True)
    file = WORK / "ten_mib.bin"
    if not file.exists() or file.stat().st_size != 10 * MIB:
        file.write_bytes(bytes(10 * MIB))
    bench = Bench(APPS, VENV, servers.environment(VENV, file), WORK, o.seconds, o.connections)
    try:
        bench.environ = capture_environ(bench, all_gowsgi[-1])
    except (Failed, OSError, ValueError) as e:
        print(f"no environ from gowsgi: {e}", file=sys.stderr)
    return bench


def main(arguments: list[str]) -> None:
    o = options(arguments)
    # Leave by way of the with statements, which end what was started.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    raise_descriptors()
    chosen, workloads = choose_servers(o), choose_workloads(o)
    installed = servers.installed(VENV)
    missing = missing_peers(installed, chosen)
    about, known = machine.description(), versions(chosen, installed, missing)
    start = time.monotonic()
    rounds = Rounds(prepare(o, builds(o.gowsgi)), chosen, workloads, missing, o.budget)
    rounds.run(o.rounds)
    results = Results(chosen, rounds.measurements)
    run = report.Run(
        date=datetime.date.today().isoformat(),
        processes=o.processes, kind="partial" if o.partial else "quick" if o.quick else "full",
        rounds=max((m.round for m in rounds.measurements), default=0), seconds=o.seconds,
        connections=o.connections, minutes=(time.monotonic() - start) / 60, machine=about,
        versions=known, cut=rounds.cut)
    finish(o, results, run)


def finish(o: argparse.Namespace, results: Results, run: report.Run) -> None:
    stamp = time.strftime("%Y%m%d-%H%M%S")
    raw = {"run": vars(run), "measurements": [m.as_dict() for m in results.measurements]}
    (WORK / f"{stamp}.json").write_text(json.dumps(raw, indent=1))
    if not o.no_write and (o.write or not o.partial):
        write(results, run, "benchmarks-processes" if o.processes else "benchmarks")
    print("\n" + report.summary(results))
    print(f"\nraw numbers: {(WORK / stamp).relative_to(ROOT)}.json, {run.minutes:.1f} minutes")


def write(results: Results, run: report.Run, name: str) -> None:
    DOCS.mkdir(exist_ok=True)
    footer = f"{run.date}, {dict(run.machine)['CPU']}, {run.connections} connections, wrk -t1"
    (DOCS / f"{name}.md").write_text(report.markdown(results, run, name), encoding="utf-8")
    (DOCS / f"{name}.svg").write_text(plot.svg(results, footer), encoding="utf-8")
    print(f"\nwrote docs/{name}.md and docs/{name}.svg")


if __name__ == "__main__":
    try:
        main(sys.argv[1:])
    except KeyboardInterrupt:
        sys.exit(130)
