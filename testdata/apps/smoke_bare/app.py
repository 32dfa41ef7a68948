"""A WSGI app without a framework, for gowsgi smoke. It has no URL map."""


def application(environ, start_response):
    if environ["PATH_INFO"] == "/fault":
        raise LookupError("a bare fault")
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [b"bare ", environ["PATH_INFO"].encode()]
