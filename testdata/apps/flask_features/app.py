"""What Flask users do, a route for each.

Covers: sessions, flash, templates, blueprints, url_for behind SCRIPT_NAME, error handlers,
hooks, uploads, send_file with Range and conditions, streaming with stream_with_context,
async views, abort, 404 and 405, JSON, redirects, cookies, converters, large forms.
"""

import asyncio
import hashlib
import io
import os
import time

from flask import (
    Blueprint,
    Flask,
    Response,
    abort,
    flash,
    g,
    get_flashed_messages,
    jsonify,
    make_response,
    redirect,
    render_template,
    request,
    send_file,
    send_from_directory,
    session,
    stream_with_context,
    url_for,
)
from probe import validated_flask

SCRATCH = os.environ.get("SCRATCH", "/tmp")

app = Flask(__name__)
app.secret_key = "a key of the tests"
app.config["MAX_FORM_MEMORY_SIZE"] = None
blog = Blueprint("blog", __name__, url_prefix="/blog", template_folder="templates/blog")


@app.before_request
def before():
    g.begun = time.perf_counter()
    g.seen = [request.path]


@app.after_request
def after(response):
    response.headers["X-After"] = "yes"
    return response


@app.teardown_request
def teardown(error):
    g.pop("seen", None)


@app.get("/")
def index():
    return "Hello from Flask"


@app.get("/greet/<name>")
def greet(name):
    return render_template("greet.html", name=name, items=["a", "b & c"])


@app.get("/count")
def count():
    session["count"] = session.get("count", 0) + 1
    return str(session["count"])


@app.post("/flash")
def put_flash():
    flash(request.form["message"], "info")
    return redirect(url_for("flashed"))


@app.get("/flashed")
def flashed():
    return jsonify(get_flashed_messages(with_categories=True))


@blog.get("/")
def posts():
    return render_template("posts.html", posts=["first", "second"])


@blog.get("/<int:number>")
def post(number):
    if number > 2:
        abort(404)
    return f"post {number}, next {url_for('.post', number=number + 1)}"


app.register_blueprint(blog)


@app.get("/urls")
def urls():
    return jsonify(
        index=url_for("index"),
        post=url_for("blog.post", number=1),
        static=url_for("static", filename="site.css"),
        external=url_for("index", _external=True),
        root=request.script_root,
        url=request.url,
        secure=request.is_secure,
        remote=request.remote_addr,
    )


@app.get("/redirect")
def moved():
    return redirect(url_for("index"), 301)


@app.errorhandler(404)
def not_found(error):
    return render_template("404.html", path=request.path), 404


class Teapot(Exception):
    pass


@app.errorhandler(Teapot)
def teapot(error):
    return jsonify(error=str(error)), 418


@app.get("/teapot")
def brew():
    raise Teapot("short and stout")


@app.get("/boom")
def boom():
    raise ValueError("boom in a view")


@app.get("/abort/<int:code>")
def aborted(code):
    abort(code)


@app.route("/methods", methods=["PUT", "PATCH", "DELETE"])
def methods():
    return request.method + " " + request.get_data(as_text=True)


@app.post("/json")
def json_echo():
    return jsonify(got=request.get_json(), args=request.args.to_dict(flat=False), type=request.content_type)


@app.post("/form")
def form():
    return jsonify(form=request.form.to_dict(flat=False), values=request.values.get("q"))


@app.post("/upload")
def upload():
    answer = {}
    for field, file in request.files.items(multi=True):
        data = file.read()
        answer.setdefault(field, []).append(
            [file.filename, file.content_type, len(data), hashlib.sha256(data).hexdigest()]
        )
    return jsonify(files=answer, form=request.form)


@app.post("/raw")
def raw():
    """Stream the body as it comes, with or without a length."""
    sha, total = hashlib.sha256(), 0
    while piece := request.stream.read(65536):
        sha.update(piece)
        total += len(piece)
    return jsonify(length=total, sha256=sha.hexdigest())


@app.post("/data")
def data():
    """The whole body at once; Flask gives nothing when a chunked body isn't wsgi.input_terminated."""
    return request.get_data()


@app.get("/file")
def file():
    return send_file(os.path.join(SCRATCH, "content"), mimetype="application/octet-stream")


@app.get("/attachment")
def attachment():
    return send_file(io.BytesIO(b"in memory"), download_name="sm\u00f6rg\u00e5s \u20ac.txt", as_attachment=True)


@app.get("/folder/<path:name>")
def folder(name):
    return send_from_directory(SCRATCH, name)


@app.get("/stream")
def stream():
    def rows():
        yield f"<{request.args['name']}>"
        for i in range(5):
            yield f"row {i};"

    return Response(stream_with_context(rows()), mimetype="text/plain")


@app.get("/events")
def events():
    """Server-sent events: each is on the wire before the next is made."""

    def feed():
        for name in ("one", "two"):
            yield f"data: {name}\n\n"
            with open(os.path.join(SCRATCH, "event-" + name), "rb", buffering=0) as fifo:
                fifo.read()

    return Response(feed(), mimetype="text/event-stream")


@app.get("/async")
async def async_view():
    async def part(n):
        await asyncio.sleep(0.001)
        return n * n

    return jsonify(sum=sum(await asyncio.gather(*(part(n) for n in range(10)))))


@app.get("/cookies")
def cookies():
    response = make_response(jsonify(request.cookies))
    response.set_cookie("first", "1", httponly=True, samesite="Lax")
    response.set_cookie("second", "zwei, 2; \u00e4", max_age=60)
    response.delete_cookie("old")
    return response


@app.get("/unicode/<path:text>")
def unicode_path(text):
    return jsonify(text=text, query=request.args.get("q"))


@app.get("/headers")
def headers():
    return jsonify(dict(request.headers))


@app.get("/nothing")
def nothing():
    return "", 204


@app.get("/cached")
def cached():
    response = make_response("cached body")
    response.add_etag()
    response.last_modified = 1_000_000_000
    return response.make_conditional(request)


application = app
validated = validated_flask(app)
