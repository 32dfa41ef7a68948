"""A Flask app with a fault in each route, for gowsgi smoke.

Covers: exceptions that Flask catches and logs, chained ones, what breaks WSGI, hangs with and without the GIL, an
end of the process, a crash of C code.
"""

import ctypes
import os
import threading
import time

from flask import Flask, Response, request

app = Flask(__name__)


@app.get("/ok")
def ok():
    return "ok"


@app.get("/zero")
def zero():
    who = request.args.get("who", "nobody")
    raise ValueError(f"fault of {who}") from ZeroDivisionError("the cause")


@app.get("/header")
def header():
    return Response("x", headers={"Not A Name": "1"})


@app.get("/text")
def text():
    return Response(iter(["text", "not bytes"]), direct_passthrough=True)


@app.get("/later")
def later():
    def chunks():
        yield b"sent"
        raise KeyError("in the middle")

    return Response(chunks())


@app.get("/stuck")
def stuck():
    threading.Event().wait()


@app.get("/slow")
def slow():
    time.sleep(2)
    return "slow"


@app.get("/exit")
def leave():
    os._exit(3)


@app.get("/crash")
def crash():
    ctypes.string_at(0)


@app.get("/errors")
def errors():
    request.environ["wsgi.errors"].write("what went wrong\n")
    return "no", 503
