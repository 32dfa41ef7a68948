"""A WSGI app without a framework, for gowsgi smoke. It has no URL map."""


def application(environ, start_response):
    if environ["PATH_INFO"] == "/fault":
        raise LookupError("a bare fault")
    start_response("200 OK", [("Content-Type", "text/plain")])
    if environ["PATH_INFO"] == "/bytes":
        return b"gowsgi takes it, PEP 3333 does not"
    return [b"bare ", environ["PATH_INFO"].encode()]
