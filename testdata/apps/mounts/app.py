"""Plain WSGI: what else is mounted, and the main app.

Covers: --mount by a module's name, a factory, nested prefixes.
"""


def named(name):
    def app(environ, start_response):
        text = "|".join((name, environ["SCRIPT_NAME"], environ["PATH_INFO"], environ["QUERY_STRING"]))
        start_response("200 OK", [("Content-Type", "text/plain")])
        return [text.encode("latin-1")]

    return app


application = named("main")
nested = named("nested")


def create():
    return named("made")
