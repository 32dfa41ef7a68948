"""The servers and how each is started: one table."""

from __future__ import annotations

import json
import os
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Callable

BACKLOG = "1024"



@dataclass(frozen=True)
class Job:
    """What a server is started for."""

    app: str = "flask_app:app"
    threads: int = 8
    processes: int = 1
    master: bool = False  # gowsgi: a worker process also where it is the only one


# command(address, job): the words after the program's path.
Command = Callable[[str, Job], "list[str]"]


@dataclass(frozen=True)
class Server:
    name: str
    title: str
    program: Path
    arguments: Command
    distribution: str = ""  # its package; empty for gowsgi
    threaded: bool = True
    forks: bool = True  # it can have more than one worker process
    keep_alive: bool = True
    note: str = ""

    @property
    def is_gowsgi(self) -> bool:
        return not self.distribution

    def command(self, port: int, job: Job) -> list[str]:
        return [str(self.program), *self.arguments(f"127.0.0.1:{port}", job)]

    def shown(self) -> str:
        """The command line as the report prints it, without this machine's directories."""
        words = [self.program.name, *self.arguments("127.0.0.1:PORT", Job())]
        words = [Path(word).name if word.startswith("/") else word for word in words]
        return " ".join(f"'{word}'" if " " in word else word for word in words)


def gowsgi(name: str, program: Path, venv: Path) -> Server:
    def arguments(address: str, job: Job) -> list[str]:
        shape = (["--processes", str(job.processes)] if job.processes > 1 else
                 ["--master"] if job.master else [])
        return ["--http", address, "--virtualenv", str(venv), *shape, "--threads",
                str(job.threads), "--listen", BACKLOG, "--disable-logging", job.app]

    return Server(name, name, program, arguments)


def uwsgi(venv: Path, option: str, *more: str) -> Command:
    def arguments(address: str, job: Job) -> list[str]:
        return [option, address, *more, "--master", "-p", str(job.processes),
                "--threads", str(job.threads), "--enable-threads", "--single-interpreter", "--lazy-apps", "--need-app",
                "--die-on-term", "--listen", BACKLOG, "--disable-logging",
                "--virtualenv", str(venv), "--module", job.app]

    return arguments


def gunicorn(*worker: str, threads: bool = False) -> Command:
    def arguments(address: str, job: Job) -> list[str]:
        return ["--bind", address, "--workers", str(job.processes), *worker,
                *(["--threads", str(job.threads)] if threads else []),
                "--keep-alive", "75", "--backlog", BACKLOG, "--worker-connections", "10240",
                "--log-level", "warning", job.app]

    return arguments


def granian(address: str, job: Job) -> list[str]:
    host, _, port = address.partition(":")
    return ["--interface", "wsgi", "--host", host, "--port", port,
            "--workers", str(job.processes), "--blocking-threads", str(job.threads), "--http", "1", "--no-ws",
            "--backlog", BACKLOG, "--backpressure", "10240",
            "--no-access-log", "--log-level", "warning", job.app]


def waitress(address: str, job: Job) -> list[str]:
    return [f"--listen={address}", f"--threads={job.threads}", f"--backlog={BACKLOG}",
            "--connection-limit=10240", "--asyncore-use-poll", job.app]


def bjoern(directory: Path) -> Command:
    def arguments(address: str, job: Job) -> list[str]:
        host, _, port = address.partition(":")
        return [str(directory / "serve_bjoern.py"), host, port, job.app, str(job.processes)]

    return arguments


def peers(venv: Path, apps: Path) -> list[Server]:
    bin_ = venv / "bin"
    return [
        Server("uwsgi-http", "uWSGI --http", bin_ / "uwsgi",
               uwsgi(venv, "--http", "--http-keepalive=75", "--http-auto-chunked"), "uWSGI",
               note="a router process in front of the worker"),
        Server("uwsgi-http-socket", "uWSGI --http-socket", bin_ / "uwsgi",
               uwsgi(venv, "--http-socket", "--add-header", "Connection: close"), "uWSGI",
               keep_alive=False,
               note="no keep-alive; it does not say so by itself, and wrk would count every "
                    "response as an error, hence --add-header"),
        Server("uwsgi-http11-socket", "uWSGI --http11-socket", bin_ / "uwsgi",
               uwsgi(venv, "--http11-socket"), "uWSGI",
               note="a connection keeps its thread: with more connections than threads the "
                    "others starve"),
        Server("gunicorn-sync", "gunicorn sync", bin_ / "gunicorn",
               gunicorn("--worker-class", "sync"), "gunicorn", threaded=False, keep_alive=False,
               note="one thread, no keep-alive"),
        Server("gunicorn-gthread", "gunicorn gthread", bin_ / "gunicorn",
               gunicorn("--worker-class", "gthread", threads=True), "gunicorn"),
        Server("granian", "granian", bin_ / "granian", granian, "granian",
               note="and a supervisor process"),
        Server("waitress", "waitress", bin_ / "waitress-serve", waitress, "waitress",
               forks=False),
        Server("bjoern", "bjoern", bin_ / "python", bjoern(apps), "bjoern", threaded=False,
               note="one thread; it forks after listen() where there are two processes"),
    ]


def installed(venv: Path) -> dict[str, str]:
    """Versions of the packages in the virtualenv, by lower-case name."""
    code = ("import json, importlib.metadata as m; "
            "print(json.dumps({d.metadata['Name'].lower(): d.version for d in m.distributions()}))")
    output = subprocess.run([str(venv / "bin/python"), "-c", code], check=True,
                            stdout=subprocess.PIPE, stdin=subprocess.DEVNULL).stdout
    return json.loads(output)


def environment(venv: Path, file: Path) -> dict[str, str]:
    """What every server gets: nothing of the caller's that would set one of them up."""
    keep = {name: os.environ[name] for name in ("HOME", "LANG", "TMPDIR") if name in os.environ}
    path = f"{venv / 'bin'}:/usr/local/bin:/usr/bin:/bin"
    return {**keep, "PATH": path, "VIRTUAL_ENV": str(venv), "BENCH_FILE": str(file)}
