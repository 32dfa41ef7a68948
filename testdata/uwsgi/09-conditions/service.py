import os


def application(environ, start_response):
    body = "conditions %s %s: %s, %s" % (
        environ["REQUEST_METHOD"], environ["PATH_INFO"], os.environ.get("COLOUR"), os.environ.get("GREETING"))
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [body.encode("latin-1")]
