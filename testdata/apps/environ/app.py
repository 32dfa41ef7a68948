"""Shows the environ to the test, as JSON.

Covers: CGI variables, PATH_INFO decoding, header names and joining, wsgi.* keys,
SCRIPT_NAME, X-Forwarded-*, that an environ belongs to one request.
"""

import os

from probe import event, reply_json, validator


def show(value):
    """Text as it is; anything else by type and repr, so that a bytes value can't pass for text."""
    return value if type(value) is str else f"{type(value).__name__}:{value!r}"


def application(environ, start_response):
    event(f"{environ['REQUEST_METHOD']} {environ.get('REQUEST_URI', '?')}".replace("\n", "?"))
    seen = {key: show(value) for key, value in environ.items()}
    seen["#type"] = type(environ).__name__
    seen["#file_wrapper"] = str(callable(environ.get("wsgi.file_wrapper")))
    seen["#process"] = os.environ.get("BB_CANARY", "")
    # What a request writes into its environ must not be there for the next.
    environ["app.leak"] = "leaked"
    environ["HTTP_LEAK"] = "leaked"
    environ["REQUEST_METHOD"] = "LEAKED"
    return reply_json(start_response, seen)


validated = validator(application)
