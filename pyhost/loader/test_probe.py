"""The probe around an app, driven by wsgiref's environ as a server would. Needs the stdlib only."""

import io
import json
import logging
import os
import threading
import unittest
from wsgiref.util import setup_testing_defaults

from test_routes import module


class Probe(unittest.TestCase):
    def setUp(self):
        self.addCleanup(logging.setLogRecordFactory, logging.getLogRecordFactory())
        self.read, self.write = os.pipe()
        self.addCleanup(os.close, self.read)
        self.sent = None

    def call(self, app, number="7", validate=True, abort=False, **extra):
        """One request as gowsgi runs it: the body, and what was told of it."""
        probe = module("gowsgi_probe").wrap(app, self.write, validate)
        environ = {}
        setup_testing_defaults(environ)
        environ.update({"wsgi.errors": io.StringIO(), "QUERY_STRING": "", "wsgi.input": io.BytesIO(b"input"), **extra})
        if number:
            environ["HTTP_X_GOWSGI_SMOKE"] = number

        def start_response(status, headers, exc_info=None):
            self.sent = status, headers
            return lambda data: None

        body, raised = b"", None
        try:
            chunks = probe(environ, start_response)
            try:
                for chunk in chunks:
                    body += chunk
                    if abort:
                        break
            finally:
                if hasattr(chunks, "close"):
                    chunks.close()
        except BaseException as e:
            raised = e
        os.close(self.write)
        with os.fdopen(os.dup(self.read), encoding="utf-8") as told:
            lines = [json.loads(line) for line in told]
        return body, raised, lines

    def ok(self, environ, start_response):
        start_response("200 OK", [("Content-Type", "text/plain")])
        return [b"a", b"b"]

    def test_request(self):
        seen = {}

        def app(environ, start_response):
            seen.update(environ)
            return self.ok(environ, start_response)

        for validate in (True, False):
            with self.subTest(validate=validate):
                body, raised, told = self.call(app, validate=validate)
                self.assertEqual((body, raised), (b"ab", None))
                self.assertEqual(told, [
                    {"id": "7", "thread": threading.get_ident()},
                    {"id": "7", "done": True, "traceback": "", "invalid": "", "errors": ""},
                ])
                self.assertNotIn("HTTP_X_GOWSGI_SMOKE", seen)
            os.close(self.read)
            self.read, self.write = os.pipe()
        os.close(self.write)

    def test_other_requests_pass(self):
        body, raised, told = self.call(self.ok, number=None)
        self.assertEqual((body, raised, told), (b"ab", None, []))

    def last(self, app, **options):
        _, raised, told = self.call(app, **options)
        self.assertEqual([("done" in t, t["id"]) for t in told], [(False, "7"), (True, "7")])
        return raised, told[1]

    def test_raised(self):
        def app(environ, start_response):
            raise ValueError("out") from KeyError("cause")

        raised, told = self.last(app)
        self.assertIsInstance(raised, ValueError)
        self.assertTrue(told["traceback"].startswith("KeyError: 'cause'\n"), told)
        first = told["traceback"].split("Traceback (most recent call last):\n")[1].splitlines()[0]
        self.assertIn("test_probe.py", first)  # no frame of the probe's before the app's
        self.assertTrue(told["traceback"].endswith("ValueError: out\n"), told)
        self.assertEqual(told["invalid"], "")

    def test_raised_later(self):
        def app(environ, start_response):
            start_response("200 OK", [("Content-Type", "text/plain")])
            yield b"sent"
            raise SystemExit("late")

        raised, told = self.last(app)
        self.assertIsInstance(raised, SystemExit)
        self.assertTrue(told["traceback"].endswith("SystemExit: late\n"), told)

    def test_raised_in_close(self):
        class Body(list):
            def close(self):
                raise OSError("in close")

        def app(environ, start_response):
            self.ok(environ, start_response)
            return Body([b"x"])

        raised, told = self.last(app)
        self.assertIsInstance(raised, OSError)
        self.assertTrue(told["traceback"].endswith("OSError: in close\n"), told)

    def test_logged(self):
        """What a framework catches and logs, once, whatever the app's logging does with it."""
        log = logging.getLogger("probe.test")
        log.propagate = False
        log.addHandler(logging.NullHandler())

        def app(environ, start_response):
            try:
                raise ValueError("caught")
            except ValueError as e:
                log.error("Exception", exc_info=True)
                log.error("Exception", exc_info=e)
            thread = threading.Thread(target=elsewhere)
            thread.start()
            thread.join()
            return self.ok(environ, start_response)

        def elsewhere():
            try:
                raise KeyError("another's")
            except KeyError:
                log.exception("not of this request")

        raised, told = self.last(app)
        self.assertIsNone(raised)
        self.assertEqual(told["traceback"].count("ValueError: caught"), 1, told)
        self.assertNotIn("another's", told["traceback"])

    def test_errors(self):
        def app(environ, start_response):
            environ["wsgi.errors"].write("one\n")
            environ["wsgi.errors"].writelines(["two\n", "three\n"])
            environ["wsgi.errors"].flush()
            return self.ok(environ, start_response)

        stream = io.StringIO()
        _, told = self.last(app, **{"wsgi.errors": stream})
        self.assertEqual((told["errors"], stream.getvalue()), ("one\ntwo\nthree\n", "one\ntwo\nthree\n"))

    def test_aborted(self):
        _, told = self.last(self.ok, abort=True)
        self.assertEqual(told["traceback"], "")

    def test_invalid(self):
        def answers(status, headers, body=(b"x",)):
            def app(environ, start_response):
                start_response(status, headers)
                return body

            return app

        text = ("Content-Type", "text/plain")
        for app, words in [
            (answers("200 OK", [("A B", "c"), text]), "Bad header name"),
            (answers("200 OK", [text], ["text"]), "non-bytestring"),
            (answers("200 OK", [text], b"bytes"), "should not return a string"),
            (answers("200 OK", (text,)), "must be of type list"),
            (answers("200 OK", [("X", 5), text]), "value"),
            (answers("OK", [text]), "Status"),
            (lambda environ, start_response: [b"no start"], "start_response"),
            (lambda environ, start_response: None, "must return an iterator"),
        ]:
            with self.subTest(words):
                raised, told = self.last(app)
                self.assertIsInstance(raised, AssertionError)
                self.assertTrue(told["invalid"], told)
                if words != "Status":  # the words differ from version to version
                    self.assertIn(words.split()[-1].lower(), told["invalid"].lower())
                os.close(self.read)
                self.read, self.write = os.pipe()
                raised, told = self.last(app, validate=False)
                self.assertNotIsInstance(raised, AssertionError)
                self.assertEqual(told["invalid"], "")
                os.close(self.read)
                self.read, self.write = os.pipe()
        os.close(self.write)

    def test_bytes(self):
        def app(environ, start_response):
            self.ok(environ, start_response)
            return b"bytes"

        body, raised, _ = self.call(app, validate=False)
        self.assertEqual((body, raised), (b"bytes", None))

    def test_an_assertion_of_the_app(self):
        def app(environ, start_response):
            assert environ == 5, "the app's own"

        raised, told = self.last(app)
        self.assertEqual((str(raised), told["invalid"]), ("the app's own", ""))

    def test_stricter_than_the_spec(self):
        """What wsgiref.validate refuses and PEP 3333 does not reaches the server as the app gave it."""
        for status, headers in [
            ("204 No Content", [("Content-Type", "text/html"), ("X", "y")]),
            ("304 Not Modified", [("content-type", "text/html")]),
            ("302 Found", [("Location", "/")]),
        ]:
            def app(environ, start_response):
                self.assertEqual(environ["wsgi.input"].read(), b"input")
                start_response(status, headers)
                return []

            raised, told = self.last(app)
            self.assertEqual((raised, told["traceback"], self.sent), (None, "", (status, headers)))
            os.close(self.read)
            self.read, self.write = os.pipe()
        os.close(self.write)

    def test_nobody_listens(self):
        read, write = os.pipe()
        os.close(read)
        self.addCleanup(os.close, write)
        self.addCleanup(os.close, self.write)
        probe = module("gowsgi_probe").wrap(self.ok, write, False)
        body = b"".join(probe({"HTTP_X_GOWSGI_SMOKE": "1", "wsgi.errors": io.StringIO()}, lambda *args: None))
        self.assertEqual(body, b"ab")


if __name__ == "__main__":
    unittest.main()
