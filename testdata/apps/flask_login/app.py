"""A small app as a Flask user writes it: accounts, login, notes, SQLite.

Covers: the app factory, one database connection per request, transactions under
concurrency, password hashing, login_required, ownership, pagination, 403 and 404.
"""

import functools
import os
import sqlite3

from flask import Blueprint, Flask, abort, current_app, g, jsonify, redirect, render_template, request, session, url_for
from probe import validated_flask
from werkzeug.security import check_password_hash, generate_password_hash

SCHEMA = """
CREATE TABLE IF NOT EXISTS user (
    id INTEGER PRIMARY KEY,
    name TEXT UNIQUE NOT NULL,
    password TEXT NOT NULL
);
CREATE TABLE IF NOT EXISTS note (
    id INTEGER PRIMARY KEY,
    author INTEGER NOT NULL REFERENCES user (id),
    text TEXT NOT NULL
);
CREATE TABLE IF NOT EXISTS visits (n INTEGER NOT NULL);
"""

auth = Blueprint("auth", __name__)
notes = Blueprint("notes", __name__, url_prefix="/notes")


def database():
    if "database" not in g:
        g.database = sqlite3.connect(current_app.config["DATABASE"], timeout=30)
        g.database.row_factory = sqlite3.Row
    return g.database


def close_database(error=None):
    connection = g.pop("database", None)
    if connection is not None:
        connection.close()


def login_required(view):
    @functools.wraps(view)
    def wrapped(**kwargs):
        if g.user is None:
            return redirect(url_for("auth.login", next=request.path))
        return view(**kwargs)

    return wrapped


@auth.before_app_request
def load_user():
    g.user = None
    if (user_id := session.get("user")) is not None:
        g.user = database().execute("SELECT * FROM user WHERE id = ?", (user_id,)).fetchone()


@auth.post("/register")
def register():
    name, password = request.form["name"], request.form["password"]
    hashed = generate_password_hash(password, method="pbkdf2:sha256:1000")
    try:
        with database() as db:
            db.execute("INSERT INTO user (name, password) VALUES (?, ?)", (name, hashed))
    except sqlite3.IntegrityError:
        return render_template("login.html", error=f"{name} is taken"), 409
    return redirect(url_for("auth.login"))


@auth.route("/login", methods=["GET", "POST"])
def login():
    if request.method == "GET":
        return render_template("login.html", error=None)
    user = database().execute("SELECT * FROM user WHERE name = ?", (request.form["name"],)).fetchone()
    if user is None or not check_password_hash(user["password"], request.form["password"]):
        return render_template("login.html", error="wrong name or password"), 401
    session.clear()
    session["user"] = user["id"]
    return redirect(request.args.get("next") or url_for("notes.index"))


@auth.post("/logout")
def logout():
    session.clear()
    return redirect(url_for("auth.login"))


@notes.get("/")
@login_required
def index():
    rows = database().execute("SELECT id, text FROM note WHERE author = ? ORDER BY id", (g.user["id"],)).fetchall()
    return jsonify(user=g.user["name"], notes=[dict(row) for row in rows])


@notes.post("/")
@login_required
def create():
    with database() as db:
        cursor = db.execute("INSERT INTO note (author, text) VALUES (?, ?)", (g.user["id"], request.form["text"]))
    return jsonify(id=cursor.lastrowid), 201, {"Location": url_for(".show", number=cursor.lastrowid)}


@notes.route("/<int:number>", methods=["GET", "DELETE"])
@login_required
def show(number):
    row = database().execute("SELECT * FROM note WHERE id = ?", (number,)).fetchone()
    if row is None:
        abort(404)
    if row["author"] != g.user["id"]:
        abort(403)
    if request.method == "DELETE":
        with database() as db:
            db.execute("DELETE FROM note WHERE id = ?", (number,))
        return "", 204
    return jsonify(dict(row))


def visit():
    """Count under concurrency; a lost update would show."""
    with database() as db:
        db.execute("BEGIN IMMEDIATE")
        n = db.execute("SELECT n FROM visits").fetchone()["n"] + 1
        db.execute("UPDATE visits SET n = ?", (n,))
    return str(n)


def create_app():
    app = Flask(__name__)
    app.config.update(SECRET_KEY="test", DATABASE=os.path.join(os.environ.get("SCRATCH", "/tmp"), "app.sqlite"))
    with sqlite3.connect(app.config["DATABASE"]) as db:
        db.executescript(SCHEMA)
        db.execute("INSERT INTO visits VALUES (0)")
    db.close()
    app.register_blueprint(auth)
    app.register_blueprint(notes)
    app.add_url_rule("/visit", view_func=visit, methods=["POST"])
    app.teardown_appcontext(close_database)
    return app


application = create_app()
validated = validated_flask(application)
