"""The smallest WSGI app: what is left is the server.

Covers: / and /hello, thirteen bytes with their length.
"""

BODY = b"Hello, World!"
HEADERS = [("Content-Type", "text/plain; charset=utf-8"), ("Content-Length", str(len(BODY)))]


def app(environ, start_response):
    start_response("200 OK", list(HEADERS))
    return [BODY]
