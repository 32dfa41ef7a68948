"""docs/benchmarks.svg: one panel of bars for each of a few workloads."""

from __future__ import annotations

from html import escape

from .results import METRICS, Results, Summary

PANELS = [
    ("hello", "rps", "Flask hello, requests/s"),
    ("json", "rps", "Flask JSON, requests/s"),
    ("jinja", "rps", "Flask, Jinja page of 10 KiB, requests/s"),
    ("echo", "rps", "Flask, echo of 10 KiB, requests/s"),
    ("sleep", "rps", "Flask, sleep 50 ms, 32 threads, requests/s"),
    ("mix", "p99_ms", "Flask hello beside sleeps, p99 in ms (less is better)"),
    ("bare", "rps", "bare WSGI hello, requests/s"),
    ("fresh", "rps", "Flask hello, new connections, requests/s"),
    ("stream", "rps", "Flask, stream of 100 × 64 KiB, requests/s"),
    ("hello-2", "rps", "two processes: Flask hello, requests/s"),
    ("bare-2", "rps", "two processes: bare WSGI hello, requests/s"),
    ("mix-2", "p99_ms", "two processes: hello beside sleeps, p99 in ms (less is better)"),
]
COLUMNS = 2
WIDTH, LABEL, VALUE, BAR, GAP, HEAD = 430, 140, 66, 13, 5, 30
OURS, THEIRS, NO_SERVER = "#0b7285", "#adb5bd", "#f1f3f5"
LOOP = {"hello": "loop", "bare": "loop-bare"}


def svg(results: Results, footer: str) -> str:
    panels = [p for p in PANELS if bars(results, p[0], p[1])]
    rows = [panels[i:i + COLUMNS] for i in range(0, len(panels), COLUMNS)]
    parts, top = [], 10
    for row in rows:
        for column, (workload, metric, title) in enumerate(row):
            parts += panel(bars(results, workload, metric), title, 10 + column * WIDTH, top)
        top += HEAD + 14 + max(len(bars(results, p[0], p[1])) for p in row) * (BAR + GAP)
    parts.append(f'<text x="10" y="{top + 8}" class="small">{escape(footer)}</text>')
    width, height = COLUMNS * WIDTH + 10, top + 20
    return "\n".join([
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" '
        f'width="{width}" height="{height}" font-family="system-ui, sans-serif" font-size="12">',
        "<title>gowsgi and its peers</title>",
        "<style>text{fill:#212529}.small{font-size:11px;fill:#495057}"
        ".head{font-weight:600}</style>",
        f'<rect width="{width}" height="{height}" fill="#ffffff"/>',
        *parts, "</svg>", ""])


def bars(results: Results, workload: str, metric: str) -> list[tuple[str, float, str]]:
    """Label, value and colour, the best first. A server with errors has no bar."""
    found = [(results.title(s.server), s.median(metric), colour(results, s))
             for s in results.of(workload) if s.sound and s.median(metric)]
    loop = results.get("none", LOOP.get(workload, ""))
    if found and loop and metric == "rps" and loop.median("rps"):
        found.append(("loop, no server", loop.median("rps"), NO_SERVER))
    return sorted(found, key=lambda bar: bar[1], reverse=METRICS[metric])


def colour(results: Results, summary: Summary) -> str:
    ours = {server.name for server in results.servers if server.is_gowsgi}
    return OURS if summary.server in ours else THEIRS


def panel(found: list[tuple[str, float, str]], title: str, left: int, top: int) -> list[str]:
    most = max(value for _, value, _ in found)
    room = WIDTH - LABEL - VALUE - 10
    parts = [f'<text x="{left}" y="{top + 16}" class="head">{escape(title)}</text>']
    for i, (label, value, fill) in enumerate(found):
        y = top + HEAD + i * (BAR + GAP)
        length = max(1.0, room * value / most)
        weight = ' font-weight="600"' if fill == OURS else ""
        outline = ' stroke="#868e96" stroke-dasharray="3 2"' if fill == NO_SERVER else ""
        text = f"{value:,.0f}" if value >= 100 else f"{value:.1f}"
        parts += [
            f'<text x="{left + LABEL - 6}" y="{y + 11}" text-anchor="end"{weight}>'
            f"{escape(label)}</text>",
            f'<rect x="{left + LABEL}" y="{y}" width="{length:.1f}" height="{BAR}" '
            f'fill="{fill}"{outline}/>',
            f'<text x="{left + LABEL + length + 5:.1f}" y="{y + 11}"{weight}>{text}</text>']
    return parts
