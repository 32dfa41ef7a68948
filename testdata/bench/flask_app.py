"""The Flask app that scripts/bench.sh puts under load.

Covers: a constant text, JSON of query arguments, a Jinja page of about 10 KiB, a form, an
echo, an upload that is read in pieces, a streamed response, a file, a view that waits, and
the environ it was called with.
"""

import os
import time

from flask import Flask, jsonify, render_template, request, send_file

app = Flask(__name__)

PIECE = bytes(64 * 1024)
ROWS = [
    {"name": f"Item {n}", "price": n * 1.25, "note": "<fresh> & ready", "sold": n % 3 == 0}
    for n in range(1, 61)
]


@app.get("/")
@app.get("/hello")
def hello():
    return "Hello, World!"


@app.get("/json")
def json():
    return jsonify(
        name=request.args.get("name"),
        page=request.args.get("page", type=int),
        tags=request.args.getlist("tag"),
        items=[{"id": n, "ok": True, "score": n / 4} for n in range(10)],
    )


@app.get("/page")
def page():
    return render_template("page.html", title="Stock", rows=ROWS, user="Ada")


@app.post("/form")
def form():
    return f"{request.form['name']}, {request.form['email']}: {len(request.form)} fields"


@app.post("/echo")
def echo():
    return request.get_data(), {"Content-Type": "application/octet-stream"}


@app.post("/upload")
def upload():
    size = 0
    while piece := request.stream.read(len(PIECE)):
        size += len(piece)
    return str(size)


@app.get("/stream")
def stream():
    return app.response_class((PIECE for _ in range(100)), mimetype="application/octet-stream")


@app.get("/file")
def file():
    return send_file(os.environ["BENCH_FILE"], mimetype="application/octet-stream")


@app.get("/sleep/<int:milliseconds>")
def sleep(milliseconds):
    time.sleep(milliseconds / 1000)
    return "slept"


@app.get("/environ")
def environ():
    """What the loop without a server needs to make the same calls (scripts/bench/loop.py)."""
    plain = (str, bool, int, tuple)
    return {key: value for key, value in request.environ.items() if isinstance(value, plain)}
