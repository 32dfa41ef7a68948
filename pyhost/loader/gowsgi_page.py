"""The answer to an exception in a request, under --dev. Embedded as `_gowsgi_page`.

    Page(app, remote)(exception, environ, body, start_response) -> bytes or None

The C seam calls it on the request's thread, in place of a bare 500, as long as no head has
been sent. environ is as the server made it, so that no middleware (ProxyFix) decides who is
on this machine; body is the request's, as far as it came along. What there is to say is
gathered by gowsgi_report.py and laid out by gowsgi_layout.py, both compiled at the first
exception. None: this client gets no page, or it can't be made.
"""

import sys

from _gowsgi_loader import embedded

_HEADERS = [
    ("Cache-Control", "no-store"),
    ("X-Content-Type-Options", "nosniff"),
    ("Referrer-Policy", "no-referrer"),
    ("Cross-Origin-Resource-Policy", "same-origin"),
]


def prepare(apps, remote):
    """The page for the apps, whose Flask apps let exceptions through from now on."""
    flasks = _flask_apps(apps)
    for flask in flasks:
        if flask.config.get("PROPAGATE_EXCEPTIONS") is None and not _handles_exceptions(flask):
            flask.config["PROPAGATE_EXCEPTIONS"] = True
    return Page(sum(1 for flask in flasks for _ in flask.url_map.iter_rules()), remote)


class Page:
    """routes is how many the app's Flask apps have; remote: clients on other machines see pages, too."""

    def __init__(self, routes, remote):
        self.routes, self.remote = routes, remote

    def __call__(self, exception, environ, body, start_response):
        try:
            if not (self.remote or is_local(environ)):
                return None
            report = embedded("_gowsgi_report").report(exception, environ, body)
            content_type, policy, page = embedded("_gowsgi_layout").render(report, wanted(environ.get("HTTP_ACCEPT", "")))
        except BaseException as e:  # the app's own exception is what counts: it is in the log
            print(f"gowsgi: the page for an exception could not be made: {type(e).__name__}: {e}", file=sys.stderr)
            return None
        headers = [("Content-Type", content_type), *_HEADERS] + ([("Content-Security-Policy", policy)] if policy else [])
        start_response("500 Internal Server Error", headers, (type(exception), exception, exception.__traceback__))
        return page


# --- who gets it -------------------------------------------------------------------


def is_local(environ):
    """Is the client on this machine?

    What X-Forwarded-For says was believed before, in REMOTE_ADDR, if the peer is a trusted proxy. Of any
    other it counts here all the same, against the client: a tunnel (ngrok) ends on this machine. A name
    of another domain in Host is a hostile page's whose DNS entry was bent to this machine.
    """
    peer = environ.get("REMOTE_ADDR", "")
    if peer and not _is_loopback(peer) or "HTTP_FORWARDED" in environ:
        return False
    for name in ("HTTP_X_FORWARDED_FOR", "HTTP_X_REAL_IP", "HTTP_CF_CONNECTING_IP"):
        if not all(_is_loopback(a.strip()) for a in environ.get(name, "").split(",") if a.strip()):
            return False
    return not peer or _is_own_name(environ.get("HTTP_HOST", "localhost"))  # a UNIX socket's peer is no browser


def _is_loopback(text):
    address = _address(text)
    return address is not None and (getattr(address, "ipv4_mapped", None) or address).is_loopback


def _is_own_name(host):
    name = host if host.endswith("]") else host.rpartition(":")[0] or host
    name = name.lower().rstrip(".")
    return name == "localhost" or name.endswith(".localhost") or _address(name) is not None


def _address(text):
    import ipaddress

    try:
        return ipaddress.ip_address(text.strip("[]"))
    except ValueError:
        return None


def wanted(accept):
    """The form that an Accept header asks for: html, json or text."""
    weights = {"html": 0.0, "json": 0.0}
    for item in accept.lower().split(","):
        media, *parameters = (part.strip() for part in item.split(";"))
        weight = 1.0
        for parameter in parameters:
            if parameter.startswith("q="):
                try:
                    weight = float(parameter[2:])
                except ValueError:
                    weight = 0.0
        for kind, names in (("html", ("text/html", "application/xhtml+xml")), ("json", ("application/json",))):
            if media in names or kind == "json" and media.endswith("+json"):
                weights[kind] = max(weights[kind], weight)
    best = max(weights, key=weights.get)  # html, if they are equal
    return best if weights[best] > 0 else "text"


# --- Flask -------------------------------------------------------------------------


def _flask_apps(apps):
    """The Flask apps in WSGI apps: themselves, or inside middleware as it is usually written."""
    flask = getattr(sys.modules.get("flask"), "Flask", None)
    found, seen, todo = [], set(), list(apps)
    while isinstance(flask, type) and todo and len(seen) < 50:
        obj = todo.pop(0)
        if id(obj) in seen:
            continue
        seen.add(id(obj))
        if issubclass(type(obj), flask):
            found.append(obj)
        inside = getattr(obj, "__dict__", None)
        inside = inside if isinstance(inside, dict) else {}
        todo += [inside[name] for name in ("app", "application", "wsgi_app") if inside.get(name) is not None]
        if isinstance(inside.get("mounts"), dict):  # werkzeug's DispatcherMiddleware
            todo += inside["mounts"].values()
        if type(obj) is _METHOD:  # app.wsgi_app
            todo.append(obj.__self__)
    return found


_METHOD = type(Page(0, False).__call__)


def _handles_exceptions(flask):
    """Has it a handler of its own for 500 or Exception?"""
    return any(codes.get(500) or any(issubclass(Exception, c) for c in codes.get(None) or ())
               for codes in flask.error_handler_spec.values())
