"""Read the URL map of a Flask app, also behind middleware. Embedded as `_gowsgi_routes`.

    routes(app, prefix) -> list of dicts, or None when no app with a URL map is found
    routes_json(apps, prefixes) -> those of all apps as text

A dict has: rule ("/users/<id>", with the prefix it is mounted at), methods (sorted, without
HEAD and OPTIONS), endpoint, path (what to ask for: "" unless a GET needs no parameter) and
host (what the Host header must be; "" is anything).

Nothing is imported: what has a map like Werkzeug's is taken for a Flask app.
"""

_INNER = ("wsgi_app", "app", "application", "_app", "_application", "wrapped", "__wrapped__", "__self__", "func")
_DEPTH, _MOST = 20, 200  # of middleware, and of objects looked at: some have an attribute of any name


def routes(app, prefix=""):
    found = []
    _collect(app, prefix, found, set(), _DEPTH)
    return [route for route_list in found for route in route_list] if found else None


def routes_json(apps, prefixes):
    import json

    found = [routes(app, prefix) for app, prefix in zip(apps, prefixes)]
    if not any(f is not None for f in found):
        return json.dumps(None)
    # Of an app without a map beside others its root is known.
    return json.dumps([r for f, prefix in zip(found, prefixes) for r in (_root(prefix) if f is None else f)])


def _root(prefix):
    return [{"rule": prefix + "/", "methods": ["ANY"], "endpoint": "", "path": prefix + "/", "host": ""}]


def _collect(app, prefix, found, seen, depth):
    """Append the routes of each Flask app at or inside app, which is mounted at prefix."""
    if app is None or depth == 0 or len(seen) == _MOST or (id(app), prefix) in seen:
        return
    seen.add((id(app), prefix))
    url_map = _attribute(app, "url_map")
    if callable(getattr(url_map, "iter_rules", None)):
        found.append([_route(rule, prefix, app) for rule in url_map.iter_rules()])
    mounts = _attribute(app, "mounts")  # Werkzeug's DispatcherMiddleware
    for inner in _inside(app):
        _collect(inner, prefix, found, seen, depth - 1)
    if isinstance(mounts, dict):
        for path, inner in mounts.items():
            _collect(inner, prefix + str(path).rstrip("/"), found, seen, depth - 1)


def _inside(app):
    """What app may wrap: by the usual names, and for a function by what it has closed over."""
    for name in _INNER:
        inner = _attribute(app, name)
        if callable(inner):
            yield inner
    cells = _attribute(app, "__closure__")
    for cell in cells if isinstance(cells, tuple) else ():
        try:
            inner = cell.cell_contents
        except ValueError:  # not set yet
            continue
        if callable(inner) and not isinstance(inner, type):
            yield inner


def _attribute(obj, name):
    try:
        return getattr(obj, name, None)
    except Exception:  # a property of the app's
        return None


def _route(rule, prefix, app):
    methods = rule.methods  # None: any
    host, reachable = _host(rule, app)
    plain = "<" not in rule.rule and reachable and not rule.build_only and not getattr(rule, "websocket", False)
    return {
        "rule": prefix + rule.rule,
        "methods": sorted(methods - {"HEAD", "OPTIONS"}) if methods is not None else ["ANY"],
        "endpoint": str(rule.endpoint),
        "path": prefix + rule.rule if plain and (methods is None or "GET" in methods) else "",
        "host": host,
    }


def _host(rule, app):
    """The Host that the rule wants, and whether it can be told."""
    if getattr(rule, "host", None):
        return rule.host, "<" not in rule.host
    if getattr(rule, "subdomain", None):
        server = (_attribute(app, "config") or {}).get("SERVER_NAME")
        return f"{rule.subdomain}.{server}", bool(server) and "<" not in rule.subdomain
    return "", True
