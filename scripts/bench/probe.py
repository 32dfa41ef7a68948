"""One request whose answer is read whole and checked, before a server is put under load."""

from __future__ import annotations

import http.client
import socket

from .process import Failed
from .workloads import Workload

SECONDS = 8.0
CLOSE_SECONDS = 2.0


def check(port: int, workload: Workload) -> str:
    """Returns how the answer's end was told: length, chunked or close."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=SECONDS)
    headers = {"Content-Type": workload.content_type} if workload.content_type else {}
    try:
        connection.request(workload.method, workload.path, workload.body or None, headers)
        response = connection.getresponse()
        answer = response.read()
    except socket.timeout:  # TimeoutError has this name too from Python 3.10 on
        raise Failed(f"{workload.path}: the answer did not end within {SECONDS:.0f} s") from None
    except (OSError, http.client.HTTPException) as e:
        raise Failed(f"{workload.path}: {type(e).__name__} {e}") from None
    finally:
        connection.close()
    if response.status != 200:
        raise Failed(f"{workload.path}: status {response.status}")
    if not workload.accepts(answer):
        raise Failed(f"{workload.path}: a wrong answer of {len(answer)} bytes")
    if response.getheader("Transfer-Encoding"):
        return "chunked"
    return "length" if response.getheader("Content-Length") else "close"


def check_close(port: int, workload: Workload) -> None:
    """wrk goes on using a connection that the server does not close."""
    request = f"GET {workload.path} HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n"
    try:
        with socket.create_connection(("127.0.0.1", port), CLOSE_SECONDS) as s:
            s.sendall(request.encode())
            while s.recv(65536):
                pass
    except socket.timeout:
        raise Failed("does not close a connection when it is asked to") from None
    except OSError as e:
        raise Failed(f"{workload.path}: {e}") from None
