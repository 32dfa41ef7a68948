"""What the numbers were measured on."""

from __future__ import annotations

import os
import platform
import re
import subprocess
from pathlib import Path

from .window import cores


def description() -> list[tuple[str, str]]:
    load = " ".join(f"{value:.1f}" for value in os.getloadavg())
    return [
        ("CPU", f"{cpu_model()}, {cores()} cores"),
        ("Memory", f"{memory_gib():.0f} GiB"),
        ("System", f"{os_name()}, Linux {platform.release().partition('-')[0]}"),
        ("Load average before the run", f"{load} (0 is an idle machine)"),
    ]


def cpu_model() -> str:
    match = re.search(r"^model name\s*:\s*(.+)$", Path("/proc/cpuinfo").read_text(), re.M)
    return match.group(1) if match else platform.machine()


def memory_gib() -> float:
    return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") / 1024**3


def os_name() -> str:
    try:
        match = re.search(r'^PRETTY_NAME="?([^"\n]+)', Path("/etc/os-release").read_text(), re.M)
    except OSError:
        match = None
    return match.group(1) if match else "unknown"


def gowsgi_version(program: Path) -> str:
    """Empty if it does not say."""
    try:
        output = subprocess.run([str(program), "--version"], stdin=subprocess.DEVNULL,
                                stdout=subprocess.PIPE, stderr=subprocess.DEVNULL).stdout
    except OSError:
        return ""
    lines = output.decode(errors="replace").strip().splitlines()
    return lines[0] if lines else ""


def python_version(python: Path) -> str:
    code = "import platform; print(platform.python_implementation(), platform.python_version())"
    return subprocess.run([str(python), "-c", code], check=True, stdin=subprocess.DEVNULL,
                          stdout=subprocess.PIPE).stdout.decode().strip()
