"""A sound Flask app for gowsgi smoke.

Covers: a login with a session cookie that is Secure, CSRF tokens, JSON, forms, uploads, redirects, statuses
without a body, mounted apps, routes with parameters and without.
"""

import os
import secrets

from flask import Flask, abort, jsonify, redirect, request, session
from werkzeug.middleware.dispatcher import DispatcherMiddleware
from werkzeug.middleware.proxy_fix import ProxyFix

app = Flask(__name__)
app.secret_key = "smoke"
app.config["SESSION_COOKIE_SECURE"] = True


@app.get("/")
def index():
    return f"<h1>Hello</h1> {session.get('user', 'nobody')}"


@app.get("/login")
def login_form():
    session["token"] = secrets.token_hex(8)
    return f'<form method="post"><input name="csrf" value="{session["token"]}"></form>'


@app.post("/login")
def login():
    if request.form.get("csrf") != session.get("token"):
        abort(400, "wrong token")
    session["user"] = request.form["user"]
    return redirect("/")


@app.get("/admin")
def admin():
    if "user" not in session:
        return redirect("/login")
    return f"{session['user']}'s page"


@app.get("/empty")
def empty():
    return "", 204


@app.post("/items")
def items():
    answer = jsonify(item={"id": 17, "tags": ["a", "b"], **request.get_json()}, big=9007199254740993)
    answer.status_code = 201
    answer.headers["Location"] = "/items/17"
    return answer


@app.get("/items/<int:number>")
def item(number):
    return jsonify(id=number, query=request.args.to_dict(flat=False), seen=sorted(request.headers.keys()),
                   environ=sorted(k for k in request.environ if "SMOKE" in k))


@app.route("/upload", methods=["POST", "PUT"])
def upload():
    if request.method == "PUT":
        return f"{request.content_type} {len(request.get_data())}"
    file = request.files["picture"]
    return f"{request.form['title']}: {file.filename} {file.content_type} {len(file.read())}"


@app.get("/variable")
def variable():
    return os.environ.get("SMOKE_VARIABLE", "")


@app.delete("/items/<int:number>")
def delete(number):
    return "", 204


api = Flask("api")


@api.get("/status")
def status():
    return jsonify(ok=True)


wrapped = DispatcherMiddleware(ProxyFix(app), {"/api": api})


def create_app():
    return wrapped
