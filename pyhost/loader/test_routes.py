"""The reader of URL maps, by what it takes for a Flask app. Needs the stdlib only."""

import functools
import json
import os
import unittest
from types import SimpleNamespace

from case import HERE


def module(name):
    namespace = {"__name__": f"_{name}"}
    with open(os.path.join(HERE, name + ".py"), encoding="utf-8") as f:
        exec(compile(f.read(), f"<_{name}>", "exec"), namespace)
    return SimpleNamespace(**namespace)


reader = module("gowsgi_routes")


def rule(text, methods=("GET", "HEAD", "OPTIONS"), **more):
    known = dict(rule=text, methods=set(methods) if methods is not None else None, endpoint=text.strip("/") or "index",
                 host=None, subdomain=None, build_only=False, websocket=False)
    return SimpleNamespace(**{**known, **more})


class App:
    """What of Flask is looked at."""

    def __init__(self, *rules, **config):
        self.url_map = SimpleNamespace(iter_rules=lambda: iter(rules))
        self.config = config

    def wsgi_app(self, environ, start_response):
        raise NotImplementedError

    def __call__(self, environ, start_response):
        return self.wsgi_app(environ, start_response)


class Middleware:
    def __init__(self, name, inner, mounts=None):
        setattr(self, name, inner)
        if mounts is not None:
            self.mounts = mounts

    def __call__(self, environ, start_response):
        raise NotImplementedError


def rules_of(app):
    found = reader.routes(app)
    return None if found is None else [r["rule"] for r in found]


class Routes(unittest.TestCase):
    def test_fields(self):
        app = App(rule("/"), rule("/u/<id>", ["DELETE", "POST"]), rule("/any", None))
        self.assertEqual(reader.routes(app), [
            dict(rule="/", methods=["GET"], endpoint="index", path="/", host=""),
            dict(rule="/u/<id>", methods=["DELETE", "POST"], endpoint="u/<id>", path="", host=""),
            dict(rule="/any", methods=["ANY"], endpoint="any", path="/any", host=""),
        ])
        self.assertEqual(json.loads(reader.routes_json([app], [""])), reader.routes(app))

    def test_what_a_get_reaches(self):
        for r, want in [
            (rule("/a"), "/a"), (rule("/a", ["POST"]), ""), (rule("/a/<b>"), ""), (rule("/a", build_only=True), ""),
            (rule("/a", websocket=True), ""), (rule("/a", host="<h>.org"), ""), (rule("/a", subdomain="s"), ""),
        ]:
            self.assertEqual(reader.routes(App(r))[0]["path"], want, r)

    def test_hosts(self):
        for r, want in [(rule("/a", host="h.org"), "h.org"), (rule("/a", subdomain="s"), "s.x.org")]:
            route = reader.routes(App(r, SERVER_NAME="x.org"))[0]
            self.assertEqual((route["host"], route["path"]), (want, "/a"))

    def test_middleware(self):
        app = App(rule("/a"))

        def closure(environ, start_response):
            return app(environ, start_response)

        for wrapped in [
            Middleware("app", app), Middleware("application", Middleware("wsgi_app", app)), closure, app.wsgi_app,
            functools.partial(app), functools.partial(app.wsgi_app), Middleware("wrapped", closure),
        ]:
            self.assertEqual(rules_of(wrapped), ["/a"], wrapped)

    def test_mounts(self):
        app, api = App(rule("/")), App(rule("/"), rule("/s"))
        wrapped = Middleware("app", Middleware("app", app), {"/api": Middleware("app", api), "/v2/": api})
        self.assertEqual(rules_of(wrapped), ["/", "/api/", "/api/s", "/v2/", "/v2/s"])
        app.wsgi_app = Middleware("app", app.wsgi_app, {"/api": api})
        self.assertEqual(rules_of(app), ["/", "/api/", "/api/s"])

    def test_several(self):
        app, plain = App(rule("/"), rule("/s")), Middleware("app", None)
        for apps, prefixes, want in [
            ([app, app], ["", "/b"], ["/", "/s", "/b/", "/b/s"]),
            ([app, plain], ["/a", "/b"], ["/a/", "/a/s", "/b/"]),  # of an app without a map, its root
        ]:
            found = json.loads(reader.routes_json(apps, prefixes))
            self.assertEqual([r["rule"] for r in found], want)
            self.assertEqual([r["path"] for r in found], want)
        self.assertEqual(reader.routes_json([plain, plain], ["/a", "/b"]), "null")

    def test_no_map(self):
        class Magic:  # has an attribute of any name
            def __getattr__(self, name):
                if name == "url_map":
                    raise KeyError(name)
                return Magic()

            def __call__(self):
                raise NotImplementedError

        loop = Middleware("app", None)
        loop.app = loop
        for app in [lambda environ, start_response: [], loop, Magic(), Middleware("app", 5, {"/x": None})]:
            self.assertIsNone(reader.routes(app), app)
        self.assertEqual(reader.routes_json([loop], [""]), "null")
        self.assertEqual(reader.routes(App()), [])


if __name__ == "__main__":
    unittest.main()
