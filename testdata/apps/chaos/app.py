"""A Flask app whose every answer tells which request it is for, and that counts its runs.

Covers: what scripts/chaos.sh asks while processes die, are exchanged, stopped and flooded: answers at
once, after a wait, to bodies small and streamed, in pieces and large; a leak of 1 MB a request.
"""

import os
import time

from flask import Flask, Response, request

app = Flask(__name__)
journal = os.open(os.environ.get("CHAOS_JOURNAL", os.devnull), os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
leaked = []
LARGE = b"l" * (1 << 20)


@app.before_request
def count():
    """One atomic append for each run: it survives what kills the process."""
    if "id" in (request.view_args or {}):
        os.write(journal, b"%d\n" % request.view_args["id"])


@app.get("/echo/<int:id>")
def echo(id):
    return str(id)


@app.get("/nap/<int:id>")
def nap(id):
    time.sleep(0.005)
    return str(id)


@app.post("/post/<int:id>")
def post(id):
    return f"{id} {len(request.get_data())}"


@app.get("/stream/<int:id>")
def stream(id):
    def pieces():
        yield f"{id} "
        for _ in range(8):
            yield "s" * 20000
        yield f" {id}"

    return Response(pieces(), mimetype="text/plain")


@app.get("/leak/<int:id>")
def leak(id):
    leaked.append(b"x" * (1 << 20))
    return str(id)


@app.get("/large")
def large():
    return Response(LARGE[: int(request.args["bytes"])], mimetype="application/octet-stream")
