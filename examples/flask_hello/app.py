"""The Flask app that scripts/run.sh serves."""

from flask import Flask, jsonify
from markupsafe import escape

app = Flask(__name__)


@app.get("/")
def index():
    return "<p>Hello, World!</p>\n"


@app.get("/hello/<name>")
def hello(name):
    return f"<p>Hello, {escape(name)}!</p>\n"


@app.get("/api/hello")
def api_hello():
    return jsonify(message="Hello, World!")
