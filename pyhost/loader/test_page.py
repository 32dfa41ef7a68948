"""Who gets a page about an exception, in which form, and what the page shows of it."""

import json
import os
import sys
import threading
import types
import unittest
import unittest.mock
import weakref
from html.parser import HTMLParser

import gowsgi_loader

sys.modules.setdefault("_gowsgi_loader", gowsgi_loader)
for name in ("gowsgi_page", "gowsgi_report", "gowsgi_layout"):
    with open(os.path.join(os.path.dirname(os.path.abspath(__file__)), name + ".py"), encoding="utf-8") as f:
        gowsgi_loader.EMBEDDED["_" + name] = f.read()

page = gowsgi_loader.embedded("_gowsgi_page")
report = gowsgi_loader.embedded("_gowsgi_report")
layout = gowsgi_loader.embedded("_gowsgi_layout")

ENVIRON = {"REQUEST_METHOD": "GET", "REQUEST_URI": "/x?a=1", "QUERY_STRING": "a=1", "REMOTE_ADDR": "127.0.0.1",
           "SERVER_PROTOCOL": "HTTP/1.1", "HTTP_HOST": "localhost:5000", "wsgi.url_scheme": "http"}


def caught(f, *args):
    try:
        f(*args)
    except BaseException as e:
        return e
    raise AssertionError("nothing was raised")


def failing(value):
    local = value  # noqa: F841
    raise ValueError("it failed")


def locals_of(e):
    made = report.report(e, ENVIRON, b"")
    return dict(made["exceptions"][0]["frames"][-1]["locals"])


class Clients(unittest.TestCase):
    def test_is_local(self):
        for local, changed in [
            (True, {}),
            (True, {"REMOTE_ADDR": "::1"}),
            (True, {"REMOTE_ADDR": "127.8.9.10"}),
            (True, {"REMOTE_ADDR": "::ffff:127.0.0.1"}),
            (True, {"REMOTE_ADDR": "", "HTTP_HOST": "anything.example"}),  # a UNIX socket
            (False, {"REMOTE_ADDR": "10.0.0.1"}),
            (False, {"REMOTE_ADDR": "::ffff:10.0.0.1"}),
            (False, {"REMOTE_ADDR": "localhost"}),
            (False, {"HTTP_X_FORWARDED_FOR": "127.0.0.1, 8.8.8.8"}),
            (False, {"HTTP_X_FORWARDED_FOR": "unknown"}),
            (True, {"HTTP_X_FORWARDED_FOR": "127.0.0.1, [::1]"}),
            (False, {"HTTP_FORWARDED": "for=127.0.0.1"}),
            (False, {"HTTP_X_REAL_IP": "8.8.8.8"}),
            (False, {"REMOTE_ADDR": "", "HTTP_X_FORWARDED_FOR": "8.8.8.8"}),
            (True, {"HTTP_HOST": "LOCALHOST"}),
            (True, {"HTTP_HOST": "my.app.localhost:80"}),
            (True, {"HTTP_HOST": "[::1]"}),
            (True, {"HTTP_HOST": "192.168.0.2:5000"}),
            (False, {"HTTP_HOST": "notlocalhost"}),
            (False, {"HTTP_HOST": "127.0.0.1.example"}),
            (False, {"HTTP_HOST": ""}),
        ]:
            with self.subTest(changed):
                self.assertEqual(page.is_local({**ENVIRON, **changed}), local)

    def test_forms(self):
        for accept, kind in [("", "text"), ("*/*", "text"), ("text/html", "html"), ("application/json", "json"),
                             ("application/json;q=0.2, text/html;q=0.3", "html"), ("image/webp;;q=;", "text")]:
            self.assertEqual(page.wanted(accept), kind, accept)

    def test_withheld(self):
        called = []
        made = page.Page(0, False)(ValueError(), {**ENVIRON, "REMOTE_ADDR": "8.8.8.8"}, b"", lambda *a: called.append(a))
        self.assertEqual((made, called), (None, []))
        made = page.Page(0, True)(ValueError(), {**ENVIRON, "REMOTE_ADDR": "8.8.8.8"}, b"", lambda *a: called.append(a))
        self.assertIn(b"ValueError", made)
        self.assertEqual(called[0][0], "500 Internal Server Error")

    def test_never_raises(self):
        with unittest.mock.patch.object(report, "report", side_effect=KeyboardInterrupt), \
                unittest.mock.patch("sys.stderr") as stderr:
            self.assertIsNone(page.Page(0, False)(ValueError(), ENVIRON, b"", None))
        self.assertIn("KeyboardInterrupt", str(stderr.write.mock_calls))


class Values(unittest.TestCase):
    def test_masks(self):
        for name in ("password", "DB_PASSWD", "pwd", "api_key", "Authorization", "auth", "csrf_token", "cookies", "credentials", "secret"):
            self.assertEqual(report.safe_repr(name, "x"), report.MASK, name)
        for name in ("name", "author", "authors", "tok", "path"):
            self.assertEqual(report.safe_repr(name, "x"), "'x'", name)
        for nothing in (None, False, ""):
            self.assertEqual(report.safe_repr("password", nothing), repr(nothing))
        for value, shown in [
            ({"password": "x", "user": "y"}, "{'password': ********, 'user': 'y'}"),
            ({"a": {"token": "x"}}, "{'a': {'token': ********}}"),
            ([{b"secret": "x"}], "[{b'secret': ********}]"),
            (types.MappingProxyType({"token": "x"}), "mappingproxy({'token': ********})"),
            (types.SimpleNamespace(password="x y", n=1), "namespace(password=********, n=1)"),
            ("GET /?token=abc&b=1", "'GET /?token=********&b=1'"),
            ("postgres://u:p@host/db", "'postgres://u:********@host/db'"),
            ('{"password": "x \\" y", "b": 1}', None),
        ]:
            text = report.safe_repr("value", value)
            self.assertEqual(text, shown or text)
            self.assertNotIn("x y", text)

    def test_bounds(self):
        deep = []
        for _ in range(1000):
            deep = [deep]
        for value in ("x" * 10**7, b"x" * 10**7, list(range(10**6)), {i: "y" * 1000 for i in range(10**5)}, deep, 10**100000,
                      {"a": {"b": {"c": {"d": {}}}}}):
            self.assertLess(len(report.safe_repr("v", value)), 1000)

    def test_names_of_reprlib(self):
        list_ = type("list", (), {"__repr__": lambda self: "mine"})
        self.assertEqual(report.safe_repr("v", list_()), "mine")

    def test_bad_reprs(self):
        class Bad:
            def __init__(self, what):
                self.what = what

            def __repr__(self):
                if isinstance(self.what, BaseException):
                    raise self.what
                return self.what

        for what in (ValueError(), SystemExit(), KeyboardInterrupt(), 3):
            self.assertIn("<the repr of this Bad raised ", report.safe_repr("v", Bad(what)))
        report.safe_repr("v", Bad("\ud800")).encode()

    def test_hanging(self):
        gate = threading.Event()

        class Hangs:
            def __repr__(self):
                gate.wait(30)
                return "late"

        try:
            texts = report.describe(["a", "b", "c"], [1, Hangs(), 3])
            self.assertEqual(texts, ["1", "<its repr takes too long>", "3"])
            texts = report.describe(["a"] * 50, [Hangs() for _ in range(50)])
            self.assertEqual((texts[0], texts[-1]), ("<its repr takes too long>", "<not shown: the others took too long>"))
        finally:
            gate.set()
        for thread in threading.enumerate():
            if thread.name == "gowsgi-page":
                thread.join(10)
        self.assertEqual(texts[0], "<its repr takes too long>")  # a late one changes nothing


class Reports(unittest.TestCase):
    def test_frame(self):
        made = report.report(caught(failing, "shown"), ENVIRON, b"")
        frame = made["exceptions"][0]["frames"][-1]
        self.assertEqual((frame["function"], frame["library"]), ("failing", False))
        self.assertIn([frame["line"], '    raise ValueError("it failed")'], frame["source"])
        self.assertEqual(frame["locals"], [["value", "'shown'"], ["local", "'shown'"]])
        json.dumps(made)

    def test_keeps_nothing(self):
        class Thing:
            pass

        thing = Thing()
        e, gone = caught(failing, thing), weakref.ref(thing)
        report.report(e, ENVIRON, b"")
        del e, thing
        self.assertIsNone(gone())  # without the cycle collector's help

    def test_many_locals(self):
        names = {f"v{i}": i for i in range(500)}
        e = caught(exec, "raise ValueError", {"__name__": "x"}, names)
        self.assertEqual(len(locals_of(e)), 40)

    def test_chain_that_is_a_ring(self):
        a, b = ValueError("a"), ValueError("b")
        a.__cause__, b.__cause__ = b, a
        self.assertEqual([e["message"] for e in report.report(a, ENVIRON, b"")["exceptions"]], ["a", "b"])

    def test_from_none(self):
        def f():
            try:
                raise KeyError
            except KeyError:
                raise ValueError from None

        self.assertEqual(len(report.report(caught(f), ENVIRON, b"")["exceptions"]), 1)

    @unittest.skipIf(sys.version_info < (3, 11), "exception groups and notes came with 3.11")
    def test_large_group(self):
        group = ExceptionGroup("g", [ValueError(i) for i in range(1000)])  # noqa: F821
        group.add_note("a note")
        made = report.report(group, ENVIRON, b"")["exceptions"]
        self.assertEqual((len(made), made[0]["notes"], made[1]["relation"]), (12, ["a note"], "1 of 1000 in the group"))

    def test_unprintable(self):
        class Unprintable(Exception):
            def __str__(self):
                raise RuntimeError

        made = report.report(Unprintable(), ENVIRON, b"")
        self.assertEqual(made["message"], "<its str() raised RuntimeError>")
        for kind in ("html", "json", "text"):
            layout.render(made, kind)

    def test_syntax_error(self):
        e = caught(compile, "x = 1\ny = = 2\n", "/no/such/file.py", "exec")
        place = report.report(e, ENVIRON, b"")["exceptions"][0]["frames"][-1]
        self.assertEqual((place["file"], place["line"], place["source"]), ("/no/such/file.py", 2, [[2, "y = = 2"]]))
        report.report(SyntaxError("made by hand"), ENVIRON, b"")

    def test_request(self):
        made = report.report(ValueError(), {
            **ENVIRON, "HTTP_COOKIE": "a=1", "HTTP_AUTHORIZATION": "Basic x", "HTTP_X_NAME": "caf\u00c3\u00a9",
            "CONTENT_TYPE": "application/x-www-form-urlencoded; charset=utf-8", "CONTENT_LENGTH": "9",
        }, b"a=1&pwd=2&e=")["request"]
        headers = dict(made["headers"])
        self.assertEqual((headers["Cookie"], headers["Authorization"], headers["X-Name"]), (report.MASK, report.MASK, "caf\u00e9"))
        self.assertEqual((made["args"], made["form"]), ([["a", "1"]], [["a", "1"], ["pwd", report.MASK], ["e", ""]]))
        self.assertEqual(made["url"], "http://localhost:5000/x?a=1")
        made = report.report(ValueError(), {**ENVIRON, "QUERY_STRING": "&".join("a" * 2000)}, b"\xff\x00")["request"]
        self.assertEqual((made["args"], made["body"]), ([], "2 bytes"))


class Parsed(HTMLParser):
    """Every element that a page has, and its text."""

    def __init__(self, html):
        super().__init__()
        self.elements, self.text = [], ""
        self.feed(html)

    def handle_starttag(self, tag, attrs):
        self.elements.append((tag, dict(attrs)))

    def handle_data(self, data):
        self.text += data


class Layout(unittest.TestCase):
    EVIL = "</pre></script><img src=x onerror=alert(1)>\"'&"

    def test_escapes(self):
        kind = type(self.EVIL.replace("\0", ""), (Exception,), {"__module__": self.EVIL, "__qualname__": self.EVIL})
        e = caught(exec, compile("raise error", self.EVIL, "exec"), {"__name__": "x", "error": kind(self.EVIL)}, {self.EVIL: self.EVIL})
        e.__notes__ = [self.EVIL]
        environ = {key: self.EVIL for key in ENVIRON}
        environ.update({"REMOTE_ADDR": "127.0.0.1", "HTTP_" + self.EVIL: self.EVIL, "QUERY_STRING": "%3Cimg%3E=%3Cimg%3E"})
        content_type, policy, made = layout.render(report.report(e, environ, b""), "html")
        parsed = Parsed(made.decode())
        self.assertNotIn("img", [tag for tag, _ in parsed.elements])
        self.assertFalse([a for _, attrs in parsed.elements for a in attrs if a.startswith("on") or a in ("src", "href", "style")])
        self.assertGreater(parsed.text.count(self.EVIL), 8)
        self.assertEqual(content_type, "text/html; charset=utf-8")
        nonces = {attrs["nonce"] for tag, attrs in parsed.elements if tag in ("script", "style")}
        self.assertEqual(len(nonces), 1)
        self.assertIn(f"script-src 'nonce-{nonces.pop()}'", policy)

    def test_markup_is_not_inherited_by_accident(self):
        self.assertEqual(layout.tag("b", layout.Markup("<i>") + "<x>"), "<b>&lt;i&gt;&lt;x&gt;</b>")

    def test_surrogates(self):
        made = report.report(ValueError("\ud800"), ENVIRON, b"")
        for kind in ("html", "json", "text"):
            layout.render(made, kind)[2].decode()


class Flask(unittest.TestCase):
    """prepare() with a stand-in: what it looks at of Flask. The black box has the real one."""

    class Fake:
        def __init__(self, handlers=None, **config):
            self.config = config
            self.error_handler_spec = {None: handlers or {}}
            self.url_map = types.SimpleNamespace(iter_rules=lambda: iter("abc"))

        def wsgi_app(self, environ, start_response):
            raise NotImplementedError

    def setUp(self):
        patch = unittest.mock.patch.dict(sys.modules, {"flask": types.SimpleNamespace(Flask=self.Fake)})
        patch.start()
        self.addCleanup(patch.stop)

    def test_propagates(self):
        for app, want in [
            (self.Fake(), True),
            (self.Fake(PROPAGATE_EXCEPTIONS=None), True),
            (self.Fake(PROPAGATE_EXCEPTIONS=False), False),
            (self.Fake({404: {KeyError: 1}, None: {KeyError: 1}}), True),
            (self.Fake({500: {Exception: 1}}), None),
            (self.Fake({None: {Exception: 1}}), None),
            (self.Fake({None: {BaseException: 1}}), None),
        ]:
            page.prepare([app], False)
            self.assertIs(app.config.get("PROPAGATE_EXCEPTIONS"), want)

    def test_inside_middleware(self):
        first, second = self.Fake(), self.Fake()
        first.wsgi_app = types.SimpleNamespace(app=first.wsgi_app, mounts={"/api": types.SimpleNamespace(application=second)})
        made = page.prepare([types.SimpleNamespace(app=first.wsgi_app)], False)
        self.assertEqual((made.routes, first.config, second.config), (6, {"PROPAGATE_EXCEPTIONS": True}, {"PROPAGATE_EXCEPTIONS": True}))

    def test_others(self):
        ring = types.SimpleNamespace()
        ring.app = ring
        for app in (ring, len, lambda e, s: [], types.SimpleNamespace(app=None)):
            self.assertEqual(page.prepare([app], False).routes, 0)


if __name__ == "__main__":
    unittest.main()
