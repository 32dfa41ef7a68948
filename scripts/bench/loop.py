"""Calls a WSGI app in a loop, as a server with no costs of its own would.

    python loop.py MODULE:CALLABLE SECONDS < environ.json

Run by the Python that the servers use, in the directory of the app. Prints calls and
seconds as JSON. One call is what PEP 3333 asks of a server and no more: a copy of the
environ with a fresh wsgi.input, start_response that keeps its arguments, the result
iterated and joined, close() called if there is one.
"""

import importlib
import io
import json
import sys
import time

PATIENCE = 200  # calls between two looks at the clock


def main():
    name, seconds = sys.argv[1], float(sys.argv[2])
    template = json.load(sys.stdin)
    template["wsgi.version"] = tuple(template["wsgi.version"])
    template["wsgi.errors"] = sys.stderr
    sys.path.insert(0, "")
    module, _, callable_ = name.partition(":")
    app = getattr(importlib.import_module(module), callable_)
    for _ in range(PATIENCE):
        answer = call(app, template)
    if answer != ("200 OK", b"Hello, World!"):
        sys.exit(f"the app answered {answer}")
    calls, start = 0, time.perf_counter()
    cpu = time.process_time()
    while time.perf_counter() - start < seconds:
        for _ in range(PATIENCE):
            call(app, template)
        calls += PATIENCE
    print(json.dumps({"calls": calls, "seconds": time.perf_counter() - start,
                      "cpu": time.process_time() - cpu}))


def call(app, template):
    collected = []

    def start_response(status, headers, exc_info=None):
        collected[:] = [status, headers]
        return collected.append

    environ = dict(template)
    environ["wsgi.input"] = io.BytesIO()
    result = app(environ, start_response)
    try:
        body = b"".join(result)
    finally:
        if hasattr(result, "close"):
            result.close()
    return collected[0], body


main()
