"""Fails where somebody who writes it looks on.

Covers: exceptions with locals of all kinds, chains and groups, templates, modules that don't parse,
deep stacks, pages that are large, an app with its own handler, and one inside Werkzeug's debugger.
"""

import os
import sys
import time

from flask import Flask, Response, render_template, request
from werkzeug.debug import DebuggedApplication

SCRATCH = os.environ.get("SCRATCH", "/tmp")
SECRET = "".join(["h1d", "den"])  # the word itself must not stand in any source that a page shows

app = Flask(__name__)
app.config["SECRET_KEY"] = SECRET


class Raises:
    def __repr__(self):
        raise RuntimeError("no repr for you")


class Hangs:
    def __repr__(self):
        time.sleep(600)


class User:
    def __repr__(self):
        return f"User(name='ada', password='{SECRET} in repr', age=36)"


@app.route("/")
def index():
    return "index"


@app.route("/boom", methods=["GET", "POST"])
def boom():
    visible = "see me"
    password = SECRET + "-local"
    api_token = SECRET.encode()
    nothing_secret = None
    settings = {"name": "shop", "db_password": SECRET, "nested": {"auth": SECRET}}
    config, user, url = app.config, User(), f"postgres://ada:{SECRET}@db/shop"
    markup = "<script>alert('xss')</script>"
    raises, long = Raises(), list(range(100000))
    raise ValueError(f"<i>boom</i> & {len(locals())}")  # the line that failed


@app.route("/hangs")
def hangs():
    first, hangs, last = "first value", Hangs(), "last value"
    raise ValueError(f"{first} {last} {hangs is None}")


@app.route("/chain")
def chain():
    try:
        try:
            {}["the cause"]
        except KeyError as e:
            raise ValueError("the effect") from e
    except ValueError:
        raise TypeError("the last")  # noqa: B904 (it is the test)


@app.route("/group")
def group():
    raise ExceptionGroup("two at once", [ValueError("the first"), TypeError("the second")])  # noqa: F821 (3.11)


@app.route("/template")
def template():
    return render_template("fails.html", items=[1, 2, 0])


@app.route("/template-syntax")
def template_syntax():
    return render_template("syntax.html")


@app.route("/syntax")
def syntax():
    with open(os.path.join(SCRATCH, "broken.py"), "w") as f:
        f.write("x = 1\ny = (2,\nz = 3 3\n")
    sys.path.insert(0, SCRATCH)
    import broken  # noqa: F401

    return "imported"


@app.route("/deep")
def deep():
    def descend(n):
        return descend(n + 1) + 1

    return str(descend(0))


@app.route("/large")
def large():
    rows = [dict.fromkeys(range(30), "x" * 100) for _ in range(300)]

    def descend(n):
        a = b = c = d = e = f = g = h = rows[n % 300]
        if n == 20:
            raise ValueError("large " + "y" * 3000)
        return descend(n + 1), a, b, c, d, e, f, g, h

    return str(descend(0))


@app.route("/late")
def late():
    def body():
        yield "begun"
        raise ValueError("too late")

    return Response(body())


@app.route("/missing-file")
def missing_file():
    return open(os.path.join(SCRATCH, "no such file")).read()


@app.route("/slow")
def slow():
    time.sleep(0.6)  # what makes it slow, by the line's measure
    return "slow"


@app.route("/exit")
def leaves():
    sys.exit(3)


@app.route("/stops")
def stops():
    x = 41  # for the debugger to print
    breakpoint()  # noqa: T100
    return f"went on with {x} {request.path}"


# An app that has an answer of its own for exceptions.
handled = Flask("handled")


@handled.route("/boom")
def handled_boom():
    raise ValueError("not for the page")


@handled.errorhandler(500)
def handle(e):
    return "its own answer", 500


# One whose developer has decided.
decided = Flask("decided")
decided.config["PROPAGATE_EXCEPTIONS"] = False
decided.add_url_rule("/boom", view_func=handled_boom)

# Flask's own debugger, as `flask run --debug` has it.
debugged = DebuggedApplication(app, evalex=True)


def application(environ, start_response):
    """No Flask."""
    start_response("200 OK", [("X-Started", "yes"), ("Content-Length", "5")])
    here = environ["PATH_INFO"]
    environ["REMOTE_ADDR"] = "127.0.0.1"  # as a middleware that believes a header would
    if here == "/iter":
        return (1 / 0 for _ in range(1))
    raise ValueError(here)
