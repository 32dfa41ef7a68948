"""docs/benchmarks.md from the results."""

from __future__ import annotations

from dataclasses import dataclass

from .results import LEVEL, TOLERATED, Results, Summary, losses
from .targets import all_targets
from .window import DISTURBED, MEASURE_AGAIN, cores
from .workloads import WORKLOADS, Workload

VERDICT = {True: "hit", False: "**missed**", None: "–"}
METRIC_NAMES = {"rps": "requests/s", "cpu_us": "CPU per request", "p50_ms": "p50",
                "p99_ms": "p99", "rss_peak": "peak RSS"}


QUIET = 0.1  # of the cores


@dataclass
class Run:
    """The circumstances of a run."""

    date: str
    processes: bool  # it is about worker processes
    kind: str  # "full", "quick" or "partial"
    rounds: int
    seconds: int
    connections: int
    minutes: float
    machine: list[tuple[str, str]]
    versions: list[tuple[str, str]]  # name, version or why it is not there
    cut: str  # why not all of it was measured, if so


def markdown(results: Results, run: Run, name: str) -> str:
    sections = [head(run), noise(results), f"![gowsgi and its peers]({name}.svg)",
                targets_section(results, unmeasured=False), losses_section(results),
                *tables(results), method(run), flags(results), machine(run)]
    return "\n\n".join(section.strip() for section in sections if section) + "\n"


def summary(results: Results) -> str:
    """What the terminal shows."""
    sections = [*tables(results), targets_section(results, unmeasured=False), losses_section(results)]
    return "\n\n".join(section.strip() for section in [noise(results), *sections] if section)


def noise(results: Results) -> str:
    """How far the numbers can be trusted."""
    others = results.others()
    if not others:
        return ""
    median, worst = others[len(others) // 2], others[-1]
    verdict = ("**That is too much: take these numbers for nothing but a trial.**"
               if median > QUIET * cores() else "")
    return (f"While a server was under load, something else kept {median:.2f} of {cores()} cores busy in the "
            f"median measurement, and {worst:.2f} in the worst. Where it was more than {DISTURBED}, the measurement was "
            f"made again up to {MEASURE_AGAIN} times, a few seconds later, and the quietest counts. {verdict}")


def head(run: Run) -> str:
    kind = {"full": "", "quick": " This is a `--quick` run: one short round of a part of the "
            "workloads. It shows that the bench works, and no more.",
            "partial": " This is a run of selected servers or workloads."}[run.kind]
    rounds = f"{run.rounds} round{'s' * (run.rounds != 1)} of {run.seconds} s"
    cut = f" {run.cut}" if run.cut else ""
    title, option = ("Benchmarks: worker processes", " --processes") if run.processes else ("Benchmarks", "")
    return f"""# {title}

Written by `./scripts/bench.sh{option}`, which installs all it needs and runs again what is told here. {run.date}:
{rounds} per server and workload, medians, {run.connections} connections, in {run.minutes:.0f} minutes.{kind}{cut}

wrk shares the cores with the server it loads. Compare numbers of one run only."""


def table(header: list[str], rows: list[list[str]], right: int = 1) -> str:
    """A Markdown table, its columns from the given one on set to the right."""
    lines = ["| " + " | ".join(header) + " |",
             "|" + "|".join("---:" if i >= right else "---" for i in range(len(header))) + "|"]
    lines += ["| " + " | ".join(cell.replace("|", "\\|") for cell in row) + " |" for row in rows]
    return "\n".join(lines)


def targets_section(results: Results, unmeasured: bool = True) -> str:
    targets = all_targets(results) if results.gowsgi else []
    rows = [[t.text, t.goal, t.measured, VERDICT[t.hit]] for t in targets
            if unmeasured or t.hit is not None]
    if not rows:
        return ""
    name = f" ({results.gowsgi.title})" if results.gowsgi.title != "gowsgi" else ""
    return (f"## Targets{name}\n\nA ratio is gowsgi's requests/s over the other's, if nothing else "
            "is said.\n\n" + table(["", "target", "measured", ""], rows, right=4))


def losses_section(results: Results) -> str:
    if not results.gowsgi or not results.peers:
        return ""
    found = losses(results, [w.name for w in WORKLOADS if w.kind not in ("start", "memory")])
    percent = (LEVEL - 1) * 100
    rows = [[title(loss.workload), METRIC_NAMES[loss.metric], shown(loss.metric, loss.ours),
             f"{shown(loss.metric, loss.theirs)} ({results.title(loss.server)})",
             f"{loss.factor:.2f} ×"] for loss in found]
    text = (f"\n\nEvery workload and metric in which some peer is more than {percent:.0f} % better, "
            f"computed from the run. Peers without threads count here too; one that failed more "
            f"than {TOLERATED:.1%} of its requests, or starved connections, does not.\n\n")
    if not rows:
        return "## Where gowsgi loses" + text + "Nowhere in this run."
    return "## Where gowsgi loses" + text + table(
        ["workload", "metric", "gowsgi", "best peer", "better by"], rows, right=2)


def title(workload: str) -> str:
    return next(w.title for w in WORKLOADS if w.name == workload)


def shown(metric: str, value: float | None) -> str:
    if value is None:
        return "–"
    if metric == "rss_tenth":
        return f"{value / 1024**2:.1f} MiB"
    if metric == "rss_peak":
        return f"{value / 1024**2:.0f} MiB"
    if metric == "rps":
        return f"{value:,.0f}" if value >= 100 else f"{value:.1f}"
    digits = 0 if value >= 100 else 1 if value >= 10 else 2
    return f"{value:,.{digits}f} " + ("µs" if metric == "cpu_us" else "ms")


def tables(results: Results) -> list[str]:
    sections = []
    for workload in WORKLOADS:
        summaries = results.of(workload.name)
        alone = results.get("none", workload.name)
        if alone and workload.kind == "loop":
            summaries = [alone]
        if workload.kind == "start":
            sections.append(start_table(results, summaries))
        elif workload.kind == "memory" and summaries:
            sections.append(memory_table(results, summaries))
        elif workload.kind == "idle" and summaries:
            sections.append(idle_table(results, summaries))
        elif summaries:
            sections.append(load_table(results, workload, summaries))
    return ["## Results", *(s for s in sections if s)]


def label(results: Results, summary: Summary) -> str:
    if summary.server == "none":
        return "no server"
    name = results.title(summary.server)
    ours = results.gowsgi and summary.server == results.gowsgi.name
    return f"**{name}**" if ours else name


def load_table(results: Results, workload: Workload, summaries: list[Summary]) -> str:
    header = ["", "requests/s", "±", "CPU/request", "p50", "p99", "peak RSS", "idle RSS", "errors"]
    rows = []
    for s in summaries:
        if s.failed:
            rows.append([label(results, s), "failed", *[""] * 6, s.failed])
            continue
        rows.append([label(results, s), shown("rps", s.median("rps")), spread(s),
                     shown("cpu_us", s.median("cpu_us")),
                     shown("p50_ms", s.median("p50_ms")), shown("p99_ms", s.median("p99_ms")),
                     shown("rss_peak", s.median("rss_peak")),
                     shown("rss_peak", s.median("rss_idle")), errors(s)])
    return f"### {workload.title}\n\n" + table(header, rows)


def spread(summary: Summary) -> str:
    return f"{summary.spread('rps'):.0%}" if len(summary.rounds) > 1 else "–"


def errors(summary: Summary) -> str:
    found = [f"{count} {key}" for key, count in summary.errors.items()]
    return ", ".join(found) if found else "0"


def start_table(results: Results, summaries: list[Summary]) -> str:
    python = results.get("none", "import")
    base = python.more("seconds") if python else None
    if not summaries:
        return ""
    rows = []
    if base:
        rows.append(["`python -c 'import flask_app'`", f"{base * 1000:.0f} ms", "", ""])
    for s in summaries:
        seconds = s.more("seconds")
        if seconds is None:
            rows.append([label(results, s), "failed", "", s.failed])
            continue
        beyond = f"{(seconds - base) * 1000:+.0f} ms" if base else ""
        rows.append([label(results, s), f"{seconds * 1000:.0f} ms", beyond,
                     shown("rss_peak", s.median("rss_idle"))])
    return "### start to first response\n\n" + table(
        ["", "exec to first 200", "beyond the import", "RSS then"], rows)


def idle_table(results: Results, summaries: list[Summary]) -> str:
    header = ["", "requests/s", "without them", "CPU/request", "p99", "connections held",
              "RSS of each", "errors"]
    rows = []
    for s in summaries:
        if s.failed:
            rows.append([label(results, s), "failed", *[""] * 5, s.failed])
            continue
        rows.append([label(results, s), shown("rps", s.median("rps")),
                     shown("rps", s.more("rps_without")), shown("cpu_us", s.median("cpu_us")),
                     shown("p99_ms", s.median("p99_ms")), f"{s.more('held') or 0:,.0f}",
                     f"{(s.more('rss_each') or 0) / 1024:.1f} KiB", errors(s)])
    return f"### {title('idle')}\n\n" + table(header, rows)


def memory_table(results: Results, summaries: list[Summary]) -> str:
    rows = []
    for s in summaries:
        if s.failed:
            rows.append([label(results, s), "failed", "", s.failed])
            continue
        rows.append([label(results, s), *(shown("rss_tenth", s.more(name))
                                          for name in ("front", "worker", "plain"))])
    return f"### {title('memory')}\n\n" + table(
        ["", "front", "the larger worker", "plain Python with the app"], rows)


def method(run: Run) -> str:
    return f"""## How it is measured

- Every server runs 1 worker process (2 for the workloads that say so; those that can't are left out there) with 8 threads (32 for the workloads that say so), or one thread if it has no more, each time started
  anew. Its first answer is read whole and checked; a server whose answer is wrong or never ends has failed that workload.
  Then {run.connections} connections (64 for sleep) warm it up for 0.4 s, and then it is measured. Servers take turns within each workload,
  and each round starts with another one. ± is half the distance between the worst and the best round.
- Load: `wrk -t1`, all on 127.0.0.1. It is a closed loop: a slow server is asked less often, so its p99 flatters it, and no latency can
  be longer than the run. Uploads, streams, files and sleeps run for twice the time. wrk tells nothing of connections that are never
  served; "starving" is their number by Little's law, where rate × mean latency falls far short of the connections. Such a server is
  no best peer, and its percentiles are those of the lucky.
- CPU per request: user and system time of the server's whole process tree, from /proc, over the requests that wrk saw answered.
- Peak RSS: the sum of VmHWM over the tree, reset when the load begins; idle RSS: the sum of VmRSS after the first answer. Pages that
  processes share count once for each, which makes servers with a master or router look larger than they are.
- mix by connection: two wrks at once, 29 connections (90 %) that ask for hello and 3 (10 %) for sleep; the rate and percentiles are the
  hellos'. Of the requests, far fewer than 10 % are sleeps.
- mix by request: 32 connections that each ask for hello or, with one chance in ten, for sleep, in the same order for all. The client is
  a Python program (scripts/bench/connections.py); its own time is in the numbers, the same for all. With a pool of threads,
  nearly all of them sleep at any time, hence 32 threads.
- The bare Python loop (scripts/bench/loop.py): one thread of the same Python, nothing else running. Each call copies the environ
  that gowsgi makes of the same request (captured from it, less what is no string, number or tuple), adds a fresh `io.BytesIO` as
  wsgi.input, passes a start_response that keeps its arguments, joins what it iterates, and calls close().
- 5,000 idle connections made one request each. Requests/s is measured in the same process before and after they came; RSS of each is
  what the tree grew by when they came, without what the kernel keeps for a socket.
- Start: from exec to the first 200, asked for about every millisecond, against the whole of `python -c 'import flask_app'` in the
  same virtualenv; the median of 3 per round.
- 16 threads against 1: the median of the rounds' ratios."""


def flags(results: Results) -> str:
    lines = ["## Flags", "", "All with the access log off, keep-alive where there is one, and the same backlog. The apps are in "
             "testdata/bench.", ""]
    for server in results.servers:
        note = f" ({server.note})" if server.note else ""
        lines.append(f"- {server.title}{note}: `{server.shown()}`")
    return "\n".join(lines)


def machine(run: Run) -> str:
    rows = [[name, value] for name, value in run.machine + run.versions]
    return "## Machine and versions\n\n" + table(["", ""], rows, right=2)

