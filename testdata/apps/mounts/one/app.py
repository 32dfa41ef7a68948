"""A Flask app that is mounted beside another one of the same file name.

Covers: url_for, static files and templates' root in an app behind --mount.
"""

from flask import Flask, jsonify, redirect, request, url_for

app = Flask(__name__)
NAME = "one"


@app.route("/")
def index():
    return jsonify(name=NAME, script=request.environ["SCRIPT_NAME"], path=request.environ["PATH_INFO"],
                   deep=url_for("deep", word="x y"), static=url_for("static", filename="a.css"), root=app.root_path)


@app.route("/deep/<path:word>")
def deep(word):
    return jsonify(name=NAME, word=word, here=request.url)


@app.route("/back")
def back():
    return redirect(url_for("index"))


@app.route("/raise")
def fail():
    raise ValueError(NAME)
