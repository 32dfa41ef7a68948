"""What the tests of the embedded modules share: a working directory and an interpreter to load in."""

import json
import os
import subprocess
import sys
import tempfile
import textwrap
import unittest

HERE = os.path.dirname(os.path.abspath(__file__))

# What the embedding does, then one WSGI call; the result goes to the file named first.
DRIVER = """
import json, os, sys
sys.path[0] = os.getcwd()
read = lambda name: open(os.path.join(sys.argv[1], name + ".py"), encoding="utf-8").read()
loader = type(sys)("_gowsgi_loader")
sys.modules["_gowsgi_loader"] = loader
exec(compile(read("gowsgi_loader"), "<_gowsgi_loader>", "exec"), loader.__dict__)
loader.EMBEDDED = {"_gowsgi_diagnosis": read("gowsgi_diagnosis")}
exec(sys.argv[4])
result = loader.load(json.loads(sys.argv[3]))
app = result.pop("app", None)
result["env"] = os.environ.get("FLASK_RUN_FROM_CLI")
result["diagnosed"] = "_gowsgi_diagnosis" in sys.modules
if app is not None:
    environ = {"REQUEST_METHOD": "GET", "PATH_INFO": "/", "SERVER_NAME": "x", "SERVER_PORT": "80",
               "wsgi.url_scheme": "http", "wsgi.input": None, "wsgi.errors": sys.stderr}
    result["body"] = b"".join(app(environ, lambda *a: None)).decode()
exec(sys.argv[5])
json.dump(result, open(sys.argv[2], "w"))
"""


def wsgi(name="application", body="ok"):
    return f"def {name}(environ, start_response):\n    start_response('200 OK', [])\n    return [b'{body}']\n"


class Case(unittest.TestCase):
    """A temporary working directory with the files of an app."""

    def setUp(self):
        directory = tempfile.TemporaryDirectory()
        self.addCleanup(directory.cleanup)
        self.root = os.path.realpath(directory.name)
        self.cwd = os.path.join(self.root, "cwd")
        os.mkdir(self.cwd)

    def write(self, **files):
        """Files by path; __ stands for / and a name without a dot gets .py."""
        self.write_all({name.replace("__", "/") + ".py": text for name, text in files.items()})

    def write_all(self, files):
        for name, text in files.items():
            path = os.path.join(self.cwd, name)
            os.makedirs(os.path.dirname(path), exist_ok=True)
            with open(path, "w", encoding="utf-8") as f:
                f.write(textwrap.dedent(text))

    def python(self, *args, **options):
        env = {k: v for k, v in os.environ.items() if not k.startswith(("FLASK_", "PYTHON"))}
        env["PYTHONDONTWRITEBYTECODE"] = "1"  # two versions of a file within one second
        env.update(options.pop("env", {}))
        return subprocess.run([sys.executable, *args], cwd=self.cwd, env=env, stdout=subprocess.PIPE,
                              stderr=subprocess.PIPE, universal_newlines=True, timeout=60, **options)

    def load(self, before="", after="", env=(), **spec):
        out = os.path.join(self.root, "result.json")
        done = self.python("-c", DRIVER, HERE, out, json.dumps(spec), before, after, env=dict(env))
        self.assertEqual(done.returncode, 0, done.stderr)
        with open(out) as f:
            result = json.load(f)
        result["stdout"], result["stderr"] = done.stdout, done.stderr
        return result

    def assert_app(self, result, name, body="ok", note=None):
        self.assertNotIn("error", result, result)
        self.assertEqual((result["name"], result["body"]), (name, body))
        if note is not None:
            self.assertEqual(result["note"], note)

    def assert_error(self, result, kind, *phrases):
        self.assertEqual(result.get("error"), kind, result)
        self.assertNotIn("\n", result["message"])
        self.assertEqual(bool(result["traceback"]), kind == "app-error", result["traceback"])
        for phrase in phrases:
            self.assertIn(phrase, result["message"])
