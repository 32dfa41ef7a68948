"""Tell `gowsgi smoke` what its requests do to the app. Embedded as `_gowsgi_probe`.

    wrap(app, fd, validate) -> an app around it

What is told goes to descriptor fd, one JSON object a line. For a request with the header
X-Gowsgi-Smoke, which the app never sees, in this order:

    {"id": ..., "thread": threading.get_ident()}                   before the app is called
    {"id": ..., "done": true, "traceback": ..., "invalid": ..., "errors": ...}   at its end

traceback: exceptions that the app let out or that it logged, as Flask and Django do; invalid:
the breach of PEP 3333 that wsgiref.validate found; errors: what went to wsgi.errors. Each "" for
nothing. A request without the header goes straight to the app.
"""

import json
import os
from _thread import allocate_lock, get_ident

_KEY = "HTTP_X_GOWSGI_SMOKE"
_LONGEST = 64 * 1024  # characters of a traceback, or of wsgi.errors


def wrap(app, fd, validate):
    return _Probe(app, fd, validate)


def wrap_all(apps, fd, validate):
    return tuple(wrap(app, fd, validate) for app in apps)


class _Probe:
    def __init__(self, app, fd, validate):
        import contextvars
        import logging

        self.app, self.fd = app, fd
        self.writing = allocate_lock()
        self.current = contextvars.ContextVar("gowsgi_smoke", default=None)
        self.checked = _validated(app) if validate else lambda environ, start_response, request: app(
            environ, start_response)
        make = logging.getLogRecordFactory()

        def made(*args, **kwargs):
            record = make(*args, **kwargs)
            request = self.current.get()
            if request is not None and isinstance(record.exc_info, tuple):
                request.raised(record.exc_info[1])
            return record

        logging.setLogRecordFactory(made)  # of all hooks, the one that changes no app's logging

    def __call__(self, environ, start_response):
        number = environ.pop(_KEY, None)
        if number is None:
            return self.app(environ, start_response)
        request = _Request(number)
        self.current.set(request)
        self.tell({"id": number, "thread": get_ident()})
        environ["wsgi.errors"] = _Errors(environ["wsgi.errors"], request)
        try:
            return _Body(self, request, self.checked(environ, start_response, request))
        except BaseException as e:
            request.raised(e)
            self.end(request)
            raise

    def end(self, request):
        self.current.set(None)
        self.tell({"id": request.number, "done": True, "traceback": "\n".join(request.tracebacks)[-_LONGEST:],
                   "invalid": request.invalid, "errors": "".join(request.errors)[-_LONGEST:]})

    def tell(self, what):
        line = json.dumps(what).encode() + b"\n"
        with self.writing:  # longer lines take several writes
            try:
                while line:
                    line = line[os.write(self.fd, line):]
            except OSError:
                pass  # nobody listens any more: the end is near


class _Request:
    def __init__(self, number):
        self.number = number
        self.exceptions, self.tracebacks, self.errors, self.invalid = [], [], [], ""

    def raised(self, e):
        """Take down an exception, once, from the app's first frame on."""
        import traceback

        if e is None or any(e is other for other in self.exceptions):
            return
        self.exceptions.append(e)
        tb, last = e.__traceback__, ""
        while tb is not None and _is_ours(tb):
            tb = tb.tb_next
        walk = e.__traceback__
        while walk is not None:
            walk, last = walk.tb_next, walk.tb_frame.f_code.co_filename
        if isinstance(e, AssertionError) and last == _validator_file():
            self.invalid = self.invalid or str(e) or "wsgiref.validate refuses it"
        try:
            text = "".join(traceback.format_exception(type(e), e, tb))
        except Exception:
            text = f"{type(e).__name__}: its traceback can't be printed\n"
        self.tracebacks.append(text)


def _is_ours(tb):
    return tb.tb_frame.f_code.co_filename in (__name__, f"<{__name__}>", _validator_file())


def _validator_file():
    import wsgiref.validate

    return wsgiref.validate.check_environ.__code__.co_filename


class _Body:
    """The app_iter: its end is the request's."""

    def __init__(self, probe, request, body):
        self.probe, self.request, self.body = probe, request, body
        self.chunks = iter([body] if isinstance(body, bytes) else body)  # bytes are gowsgi's own leniency

    def __iter__(self):
        return self

    def __next__(self):
        try:
            return next(self.chunks)
        except StopIteration:
            raise
        except BaseException as e:
            self.request.raised(e)
            raise

    def close(self):
        try:
            if hasattr(self.body, "close"):
                self.body.close()
        except BaseException as e:
            self.request.raised(e)
            raise
        finally:
            self.probe.end(self.request)


class _Errors:
    """wsgi.errors, which keeps what passes."""

    def __init__(self, stream, request):
        self.stream, self.request = stream, request
        self.flush = stream.flush

    def write(self, text):
        self.request.errors.append(str(text))
        return self.stream.write(text)

    def writelines(self, lines):
        for line in lines:
            self.write(line)


# --- wsgiref.validate --------------------------------------------------------------


def _validated(app):
    """The app inside wsgiref.validate, which refuses three things that PEP 3333 does not: reading
    wsgi.input without a size, a Content-Type with 204 and 304, and none with the others. The
    server gets the headers as the app gave them."""
    from wsgiref.validate import validator

    def checked(environ, start_response, request):
        given = []

        def to_server(status, headers, *exc_info):
            return start_response(status, given[-1], *exc_info)

        def inside(environ, start_response):
            def start(status, headers, *exc_info):
                given.append(headers)
                if type(headers) is list:
                    headers = _judged(status, headers)
                return start_response(status, headers, *exc_info)

            environ["wsgi.input"] = _AnySize(environ["wsgi.input"])
            return app(environ, start)

        return validator(inside)(environ, to_server)

    return checked


def _judged(status, headers):
    """The headers without, or with, a Content-Type as the validator wants it for the status."""
    try:
        typed = [h for h in headers if h[0].lower() == "content-type"]
        if status[:3] in ("204", "304"):
            return [h for h in headers if h not in typed]
        return headers if typed else headers + [("Content-Type", "application/octet-stream")]
    except Exception:
        return headers  # the validator says what is wrong with them


class _AnySize:
    """wsgi.input for apps that read without a size, which the validator wants named."""

    def __init__(self, stream):
        self.stream = stream
        self.readline, self.readlines = stream.readline, stream.readlines

    def read(self, size=-1):
        return self.stream.read(size)

    def __iter__(self):
        return iter(self.stream)
