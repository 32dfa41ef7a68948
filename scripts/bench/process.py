"""One server's process tree: start, wait until it answers, account for it, end it."""

from __future__ import annotations

import http.client
import os
import signal
import socket
import subprocess
import time
from pathlib import Path

READY_SECONDS = 20  # from exec to the first 200
TERM_SECONDS = 0.5  # from SIGTERM to SIGKILL; how a server drains is not measured here
KILL_SECONDS = 5.0
TICK = os.sysconf("SC_CLK_TCK")


class Failed(Exception):
    """A server that does not do what the workload asks; its text goes to the report."""


def free_port() -> int:
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


class Process:
    """A server and all that it starts: the members of one session of the system."""

    def __init__(self, command: list[str], port: int, cwd: Path, env: dict[str, str], log: Path):
        self.port = port
        self.log = log
        log.parent.mkdir(parents=True, exist_ok=True)
        self.started = time.monotonic()
        with open(log, "wb") as out:
            self.popen = subprocess.Popen(
                command,
                cwd=cwd,
                env=env,
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    def __enter__(self) -> Process:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def wait_ready(self, path: str = "/hello", pause: float = 0.005) -> float:
        """Returns the seconds from exec to the first 200."""
        deadline = self.started + READY_SECONDS
        while time.monotonic() < deadline:
            if self.popen.poll() is not None:
                raise Failed(f"exited with {self.popen.returncode} at start: {self.last_line()}")
            if self.answers(path):
                return time.monotonic() - self.started
            time.sleep(pause)
        raise Failed(f"did not answer within {READY_SECONDS} s of its start: {self.last_line()}")

    def answers(self, path: str) -> bool:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=2)
        try:
            connection.request("GET", path, headers={"Connection": "close"})
            response = connection.getresponse()
            response.read()
            return response.status == 200
        except (OSError, http.client.HTTPException):
            return False
        finally:
            connection.close()

    def last_line(self) -> str:
        lines = self.log.read_text(errors="replace").strip().splitlines()
        return lines[-1].strip() if lines else "it printed nothing"

    def members(self) -> list[int]:
        """The live processes of the session. A zombie is nobody's load."""
        found = []
        for entry in os.listdir("/proc"):
            fields = stat_fields(entry) if entry.isdigit() else None
            if fields and fields[0] != "Z" and int(fields[3]) == self.popen.pid:
                found.append(int(entry))
        return found

    def cpu_seconds(self) -> float:
        """User and system time of the tree, with the children it has already reaped."""
        ticks = 0
        for pid in self.members():
            fields = stat_fields(str(pid))
            if fields:
                ticks += sum(int(field) for field in fields[11:15])
        return ticks / TICK

    def rss_bytes(self, field: str = "VmRSS") -> int:
        """Sum over the tree, so that pages that processes share count once for each."""
        return sum(status_bytes(pid, field) for pid in self.members())

    def reset_peak(self) -> None:
        """Makes VmHWM start again from the present RSS (proc(5), clear_refs)."""
        for pid in self.members():
            try:
                Path(f"/proc/{pid}/clear_refs").write_text("5")
            except OSError:
                pass  # not allowed here: the peak then includes the start

    def stop(self) -> None:
        self.signal_all([self.popen.pid], signal.SIGTERM)
        if not self.gone(TERM_SECONDS):
            self.signal_all(self.members(), signal.SIGKILL)
            if not self.gone(KILL_SECONDS):
                raise RuntimeError(f"processes {self.members()} survive SIGKILL")

    def signal_all(self, pids: list[int], number: int) -> None:
        if self.popen.poll() is not None:  # its pid may be somebody else's by now
            pids = [pid for pid in pids if pid != self.popen.pid]
        for pid in pids:
            try:
                os.kill(pid, number)
            except ProcessLookupError:
                pass

    def gone(self, seconds: float) -> bool:
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            if self.popen.poll() is not None and not self.members():
                return True
            time.sleep(0.01)
        return False


def stat_fields(pid: str) -> list[str] | None:
    """The fields of /proc/PID/stat from the third on: the second may hold spaces."""
    try:
        with open(f"/proc/{pid}/stat") as f:
            return f.read().rpartition(")")[2].split()
    except OSError:
        return None


def status_bytes(pid: int, name: str) -> int:
    try:
        with open(f"/proc/{pid}/status") as f:
            for line in f:
                if line.startswith(name + ":"):
                    return int(line.split()[1]) * 1024
    except OSError:
        pass
    return 0
