"""The loader, driven as gowsgi drives it: in an interpreter of its own without a __main__ file.

    python -m unittest discover -s pyhost/loader

Needs the stdlib only; the tests of Flask apps need Flask, and on Python 3.11, where all
tests must run, its absence is a failure.
"""

import importlib.util
import os
import subprocess
import sys
import unittest

from case import HERE, Case, wsgi

HAS_FLASK = importlib.util.find_spec("flask") is not None
NEEDS_FLASK = unittest.skipUnless(HAS_FLASK, "Flask is not installed for this Python")


class Forms(Case):
    """Every way to name an app that is there."""

    FILES = {
        "app.py": wsgi("app", "app")
        + wsgi("application", "application")
        + wsgi("other", "other")
        + "class site: pass\nsite = site()\nsite.deep = site\nsite.app = other\n"
        + "def create_app(name='x', debug=False, level=1):\n"
        + "    text = f'{name} {debug} {level}'.encode()\n"
        + "    return lambda environ, start_response: [text]\n"
        + "class Holder:\n    def __init__(self): self.app = other\n"
        + "class Iterable:\n    def __init__(self, environ, start_response): pass\n"
        + "    def __iter__(self): return iter([b'class'])\n"
        + "class Callable:\n    def __call__(self, environ, start_response): return [b'instance']\n"
        + "    def method(self, environ, start_response): return [b'method']\n"
        + "instance = Callable()\n",
        "pkg/__init__.py": wsgi("application", "package"),
        "pkg/web.py": "from . import application as up\n" + wsgi("app", "web"),
        "my-app.wsgi": wsgi("application", "script"),
        "run": wsgi("application", "no suffix"),
        "dashed-name.py": wsgi("application", "dashed"),
        "proj/__init__.py": "",
        "proj/wsgi.py": wsgi("application", "django"),
    }
    CALL = 'create_app("test", debug=True)'
    TABLE = [
        # spec, name, body
        (dict(module="app:app"), "app:app", "app"),
        (dict(module="app : other "), "app:other", "other"),
        (dict(module="app", callable="app"), "app:app", "app"),
        (dict(module="app"), "app:application", "application"),
        (dict(module="app:site.app"), "app:site.app", "other"),
        (dict(module="app", callable="site.deep.deep.app"), "app:site.deep.deep.app", "other"),
        (dict(module="app:create_app()"), "app:create_app()", "x False 1"),
        (dict(module="app:create_app"), "app:create_app()", "x False 1"),
        (dict(module="app", callable="create_app()"), "app:create_app()", "x False 1"),
        (dict(module="app:" + CALL), "app:" + CALL, "test True 1"),
        (dict(module='app:create_app(name="a:b", level=-2)'), 'app:create_app(name="a:b", level=-2)', "a:b False -2"),
        (dict(module="app:create_app([1, {'k': (None,)}])"), None, "[1, {'k': (None,)}] False 1"),
        (dict(module="app:Holder().app"), "app:Holder().app", "other"),
        (dict(module="app:Iterable"), "app:Iterable", "class"),
        (dict(module="app:Callable()"), "app:Callable()", "instance"),
        (dict(module="app:instance.method"), "app:instance.method", "method"),
        (dict(module="pkg"), "pkg:application", "package"),
        (dict(module="pkg.web:app"), "pkg.web:app", "web"),
        (dict(module="pkg.web"), "pkg.web:app", "web"),
        (dict(module="pkg:web.app", before="import pkg.web"), "pkg:web.app", "web"),
        (dict(module="proj.wsgi"), "proj.wsgi:application", "django"),
        (dict(module="app.py:app"), "app:app", "app"),
        (dict(wsgi_file="app.py"), "app:application", "application"),
        (dict(wsgi_file="app.py", callable="app"), "app:app", "app"),
        (dict(wsgi_file="./app.py", callable=CALL), "app:" + CALL, "test True 1"),
        (dict(wsgi_file="app.py:other"), "app:other", "other"),
        (dict(wsgi_file="pkg/web.py"), "pkg.web:app", "web"),
        (dict(wsgi_file="pkg/__init__.py"), "pkg:application", "package"),
        (dict(wsgi_file="pkg"), "pkg:application", "package"),
        (dict(wsgi_file="my-app.wsgi"), "my-app.wsgi:application", "script"),
        (dict(wsgi_file="run"), "run:application", "no suffix"),
        (dict(wsgi_file="dashed-name.py"), "dashed-name:application", "dashed"),
        (dict(positional="app:app"), "app:app", "app"),
        (dict(positional="app"), "app:application", "application"),
        (dict(positional="app.py"), "app:application", "application"),
        (dict(positional="app.py", callable="app"), "app:app", "app"),
        (dict(positional="pkg/web.py:app"), "pkg.web:app", "web"),
        (dict(positional="pkg.web"), "pkg.web:app", "web"),
        (dict(positional="pkg/"), "pkg:application", "package"),
        (dict(positional="my-app.wsgi"), "my-app.wsgi:application", "script"),
        (dict(positional="run"), "run:application", "no suffix"),
        (dict(positional="dashed-name:application"), "dashed-name:application", "dashed"),
        (dict(), "app:app", "app"),
        (dict(callable="other", module=None, positional=""), "app:other", "other"),
    ]

    def test_forms(self):
        self.write_all(self.FILES)
        for spec, name, body in self.TABLE:
            with self.subTest(**spec):
                result = self.load(**spec)
                self.assert_app(result, name or spec["module"], body)
                self.assertFalse(result["diagnosed"], "the error texts were compiled without an error")
                self.assertIsNone(result["env"])
                self.assertEqual(result["stderr"], "")
                unnamed = ":" not in "".join(v or "" for v in spec.values()) and "callable" not in spec
                self.assertEqual(bool(result["note"]), unnamed, result["note"])

    def test_absolute_path_elsewhere(self):
        self.write_all({"../else where/sub/__init__.py": "", "../else where/sibling.py": "word = b'sibling'",
                        "../else where/sub/main.py": "import sibling\ndef app(e, s): return [sibling.word]",
                        "../else where/plain.wsgi": "import sibling\ndef application(e, s): return [sibling.word]"})
        where = os.path.join(self.root, "else where")
        result = self.load(wsgi_file=os.path.join(where, "sub", "main.py"), after="result['path'] = sys.path[:2]")
        self.assert_app(result, "sub.main:app", "sibling")
        self.assertEqual(result["path"], [where, self.cwd])
        result = self.load(positional="../else where/plain.wsgi")
        self.assert_app(result, "../else where/plain.wsgi:application", "sibling")

    def test_the_file_is_imported_once(self):
        self.write(app="import models\n" + wsgi("app") + "count = models.count", models="import app\ncount = 1")
        result = self.load(wsgi_file="app.py", after="result['body'] = str(sys.modules['models'].app.count)")
        self.assert_app(result, "app:app", "1")

    def test_import_path_is_not_repeated(self):
        self.write(app=wsgi())
        result = self.load(wsgi_file=os.path.join(self.cwd, "app.py"), after="result['path'] = sys.path")
        self.assertEqual(result["path"].count(self.cwd), 1)

    def test_linked_file_and_linked_directory(self):
        self.write(src__app=wsgi("app") + "import sib", src__sib="")
        os.symlink("src/app.py", os.path.join(self.cwd, "link.py"))
        os.symlink("src", os.path.join(self.cwd, "current"))
        self.assert_app(self.load(wsgi_file="link.py"), "app:app")
        result = self.load(wsgi_file="current/app.py")
        self.assertEqual(result["file"], os.path.join(self.cwd, "current", "app.py"))

    def test_working_directory_with_init(self):
        self.write_all({"__init__.py": "", "models.py": "import app\nassert app.__name__ == 'app'",
                        "app.py": "import models\n" + wsgi("app")})
        self.assert_app(self.load(positional="app.py"), "app:app")
        self.write(rel="from .models import app\n" + wsgi("application"))
        self.assert_app(self.load(positional="rel.py"), "cwd.rel:application")

    def test_the_named_file_wins(self):
        table = {
            # file: name it gets, what else has that name
            "time.py": "time.py",  # built in
            "site.py": "site.py",  # imported before the app
            "pydoc.py": "pydoc",  # stdlib, not imported
            "test.py": "test",
            "app.py": "app.py",  # there is a package app/
            "__main__.py": "__main__.py",
            "a.b.py": "a.b.py",
        }
        self.write_all({"app/__init__.py": wsgi("create_app", "package")})
        for file, name in table.items():
            with self.subTest(file):
                self.write_all({file: wsgi("application", file)})
                self.assert_app(self.load(wsgi_file=file), name + ":application", file)
                os.remove(os.path.join(self.cwd, file))
        self.write_all({"site.py": wsgi("app", "mine")})
        self.assert_app(self.load(module="site:app"), "site:app", "mine")

    def test_script_beside_module_of_its_name(self):
        self.write_all({"app.wsgi": "from app import app as application", "app.py": wsgi("app", "module")})
        self.assert_app(self.load(wsgi_file="app.wsgi"), "app.wsgi:application", "module")
        self.assertEqual(sorted(os.listdir(self.cwd)), ["app.py", "app.wsgi"])
        result = self.load(wsgi_file="app.wsgi", env={"PYTHONDONTWRITEBYTECODE": ""})
        self.assertEqual(len(os.listdir(os.path.join(self.cwd, "__pycache__"))), 1)
        self.assertEqual(result["module"], "gowsgi_file_app")

    def test_package_shadows_file_inside_package(self):
        self.write_all({"p/__init__.py": "word = b'up'", "p/app/__init__.py": "",
                        "p/app.py": "from . import word\ndef app(e, s): return [word]"})
        self.assert_app(self.load(wsgi_file="p/app.py"), "p/app.py:app", "up")

    def test_module_that_replaces_itself(self):
        self.write(app="import sys\nclass M: __name__ = 'app'; __file__ = __file__\n" + wsgi("f") +
                   "M.app = staticmethod(f)\nsys.modules['app'] = M()")
        self.assert_app(self.load(module="app:app"), "app:app")

    def test_module_getattr(self):
        self.write(app=wsgi("f") + "def __getattr__(name):\n    if name == 'lazy': return f\n    raise AttributeError(name)")
        self.assert_app(self.load(module="app:lazy"), "app:lazy")
        self.assert_error(self.load(module="app:crazy"), "not-found", 'has no "crazy"')

    def test_warnings(self):
        self.write(app=wsgi("app") + wsgi("b", "b"), other=wsgi())
        table = [
            (dict(module="app:app", wsgi_file="other.py"), "app:app", "--wsgi-file other.py is not"),
            (dict(module="app:app", callable="b"), "app:app", "app after the colon is used and --callable b is not"),
            (dict(module="app.py"), "app:app", "--module app.py is a file"),
        ]
        for spec, name, phrase in table:
            with self.subTest(**spec):
                result = self.load(**spec)
                self.assert_app(result, name)
                self.assertEqual([phrase in w for w in result["warnings"]], [True], result["warnings"])
        self.assertEqual(self.load(module="app:b", callable="b")["warnings"], [])


class Unnamed(Case):
    """Which callable is taken when none is named."""

    def test_order(self):
        both = wsgi("app", "app") + wsgi("application", "application")
        factory = "def make_app():\n    return lambda e, s: [b'made']\n"
        for text, name, body in [
            (both, "application", "application"),
            (wsgi("app"), "app", "ok"),
            (factory, "make_app()", "made"),
            (factory + factory.replace("make", "create"), "create_app()", "made"),
            ("application = 'text'\n" + wsgi("app"), "app", "ok"),
            ("application = None\ndef app(): pass\n" + factory, "make_app()", "made"),
            ("async def app(scope, receive, send): pass\n" + wsgi(), "application", "ok"),
        ]:
            with self.subTest(name):
                self.write(hello=text)
                note = f'took "{name}" (function) from module hello'
                self.assert_app(self.load(module="hello"), "hello:" + name, body, note)
                self.assert_app(self.load(wsgi_file="hello.py"), "hello:" + name, body, note.replace("module hello", "hello.py"))

    def test_discovery(self):
        self.write_all({"app/__init__.py": wsgi("app", "package")})
        self.assert_app(self.load(), "app:app", "package", f'took "app" (function) from module app, found in {self.cwd}')
        self.write(app=wsgi("app", "file") + wsgi("application", "not first"))
        self.assert_app(self.load(), "app.py:app", "file", f'took "app" (function) from app.py, found in {self.cwd}')
        self.write(wsgi="from app import app as application")
        self.assert_app(self.load(), "wsgi:application", "package")

    def test_nothing_to_take(self):
        for text, kind, *phrases in [
            ("", "not-found", "hello has no application or app", "no callables of its own"),
            ("from json import dumps\ndef view(): pass\nclass Site:\n    def __init__(self, a): pass\n" + wsgi("serve"),
             "not-found", "hello has callables: serve(environ, start_response); others: view(), class Site"),
            ("def create_app(config, debug=False, *, key): pass", "usage",
             "the factory create_app(config, debug=..., *, key) of hello needs arguments", "'hello:create_app(\"...\")'"),
            ("app = 'text'", "usage", '"app" of hello is not callable, it is str'),
            ("def app(): pass", "usage", "is app(), which can't be called with (environ, start_response)", "add ()"),
            ("class app: pass", "usage", "name an instance of it"),
            ("def create_app(): pass", "usage", "what create_app() of hello returned is None; is a return"),
            ("async def create_app(): pass", "usage", "returned is a coroutine"),
        ]:
            with self.subTest(text):
                self.write(hello=text)
                result = self.load(module="hello")
                self.assert_error(result, kind, *phrases)
                self.assertEqual(result["stderr"], "")

    def test_nothing_to_discover(self):
        self.assert_error(self.load(), "not-found", "neither wsgi.py nor app.py is in " + self.cwd, "no Python file is there")
        self.write(main=wsgi())
        self.assert_error(self.load(), "not-found", "files there: main.py", "gowsgi app:app")


class Several(Case):
    """More than one app in an interpreter: --mount."""

    AFTER = """
result["also"] = []
for spec in {specs}:
    more = loader.load(spec)
    app = more.pop("app", None)
    more["body"] = b"".join(app({{}}, lambda *a: None)).decode() if app else ""
    result["also"].append(more)
result["modules"] = sorted(m for m in sys.modules if "app" in m)
"""

    def several(self, *specs):
        result = self.load(positional=specs[0], after=self.AFTER.format(specs=[{"positional": s} for s in specs[1:]]))
        self.assertNotIn("error", result, result)
        return [result] + result["also"]

    def test_files_of_one_name(self):
        self.write_all({f"{d}/app.{suffix}": wsgi(body=d + suffix) for d in "ab" for suffix in ("py", "wsgi")})
        self.write(app=wsgi(body="cwd"))
        apps = self.several("a/app.py", "b/app.py", "a/app.wsgi", "b/app.wsgi", "app", "app.py", "a/app.py:application")
        self.assertEqual([a["body"] for a in apps], ["apy", "bpy", "awsgi", "bwsgi", "cwd", "cwd", "apy"])
        self.assertEqual(len({a["module"] for a in apps[:5]}), 5)
        self.assertEqual((apps[0]["module"], apps[6]["module"]), ("app", "app"))  # one name, one copy
        for a in apps:
            self.assertEqual(a["warnings"], [])

    def test_modules_of_one_name(self):
        self.write_all({"a/one.py": "import models\n" + wsgi(), "a/models.py": "", "b/two.py": wsgi(), "b/models.py": "",
                        "b/kit/__init__.py": "", "c/three.py": wsgi(), "c/kit/__init__.py": "", "d/four.py": wsgi()})
        apps = self.several("a/one.py", "b/two.py", "c/three.py", "d/four.py")
        self.assertEqual([len(a["warnings"]) for a in apps], [0, 1, 1, 0])
        self.assertIn(os.path.join(self.cwd, "a") + " has models, too", apps[1]["warnings"][0])
        self.assertIn(os.path.join(self.cwd, "b") + " has kit, too", apps[2]["warnings"][0])

    def test_failure(self):
        self.write(app=wsgi(), bad="1 / 0\n")
        failed = self.several("app", "bad", "app:nope")[1:]
        self.assertEqual([f["error"] for f in failed], ["app-error", "not-found"])
        self.assertIn("ZeroDivisionError", failed[0]["traceback"])


class Children(Case):
    """Functions of the app's module run in a multiprocessing child started by spawn."""

    APP = """
        import multiprocessing
        def double(n): return 2 * n
        def app(environ, start_response):
            with multiprocessing.get_context("spawn").Pool(1) as pool:
                return [str(pool.map(double, [21])).encode()]
        if __name__ == "__mp_main__": raise SystemExit("the child ran the app as its main")
        """

    def test_spawn(self):
        self.write_all({"app.py": self.APP, "pkg/__init__.py": "", "pkg/web.py": self.APP, "my-app.py": self.APP})
        for spec, name in [
            (dict(wsgi_file="app.py"), "app:app"),
            (dict(module="pkg.web"), "pkg.web:app"),
            (dict(positional="my-app.py"), "my-app:app"),
        ]:
            with self.subTest(name):
                self.assert_app(self.load(**spec), name, "[42]")

    def test_elsewhere(self):
        self.write_all({"../other/app.py": self.APP})
        self.assert_app(self.load(wsgi_file="../other/app.py"), "app:app", "[42]")


class Flask(Case):
    HELLO = """from flask import Flask, current_app, request, jsonify
NAME = Flask(__name__)
@NAME.route('/')
def index(): return 'NAME'
"""

    def hello(self, name):
        return self.HELLO.replace("NAME", name)

    def test_flask_is_there(self):
        if sys.version_info[:2] == (3, 11):
            self.assertTrue(HAS_FLASK, "install Flask: on Python 3.11 no test may be skipped")

    @NEEDS_FLASK
    def test_forms(self):
        text = self.hello("app")
        factory = "def create_app(debug=False):\n    " + "\n    ".join(text.splitlines()) + "\n    return app\n"
        for code, expression, body in [
            (text, "app", "app"),
            (self.hello("site"), "site", "site"),
            (self.hello("site") + "alias = site\n", "site", "site"),
            (factory, "create_app()", "app"),
            (factory.replace("create", "make"), "make_app()", "app"),
        ]:
            with self.subTest(expression):
                self.write(hello=code)
                result = self.load(positional="hello.py")
                self.assert_app(result, "hello:" + expression, body, f'took "{expression}" (flask.Flask) from hello.py')
                self.assertEqual(result["type"], "flask.Flask")
                self.assert_app(self.load(module="hello:" + expression), "hello:" + expression, body)
        self.write(hello=factory)
        self.assert_app(self.load(module="hello:create_app"), "hello:create_app()", "app")

    @NEEDS_FLASK
    def test_ambiguous_and_wrong(self):
        two = self.hello("site") + "admin = Flask('admin')\n"
        self.write(hello=two)
        self.assert_error(self.load(module="hello"), "usage", "has 2 Flask apps", "site, admin", "as in hello:site")
        self.assert_error(self.load(module="hello:ste"), "not-found", 'did you mean "site"?',
                          "hello has Flask apps: site, admin; others: index()")
        self.assert_error(self.load(module="hello:Flask"), "usage", "name an instance")
        self.assert_error(self.load(module="hello:index"), "usage", "is index(), which")
        self.write(hello=two + "app = admin\n@app.route('/')\ndef a(): return 'admin'\n")
        self.assert_app(self.load(module="hello"), "hello:app", "admin")

    @NEEDS_FLASK
    def test_run_at_import_level(self):
        self.write(app=self.hello("app") + "app.run(port=1)\n")
        result = self.load()
        self.assert_app(result, "app:app", "app")
        self.assertIn("Ignoring a call to 'app.run()'", result["stdout"] + result["stderr"])
        self.assertIsNone(result["env"])
        self.assertEqual(self.load(env={"FLASK_RUN_FROM_CLI": "false"})["env"], "false")

    @NEEDS_FLASK
    def test_file_finds_its_folders(self):
        self.write_all({"my-app.wsgi": self.hello("application"), "my-app.py": self.hello("application")})
        for file in ("my-app.wsgi", "my-app.py"):
            after = "result['paths'] = [app.root_path, app.instance_path, app.template_folder]"
            result = self.load(wsgi_file=file, after=after)
            self.assert_app(result, file.replace(".py", "") + ":application", "application")
            self.assertEqual(result["paths"], [self.cwd, os.path.join(self.cwd, "instance"), "templates"])


class Start(unittest.TestCase):
    def test_little_is_imported(self):
        source = os.path.join(HERE, "gowsgi_loader.py")
        code = ("import sys\nwith open(sys.argv[1], 'rb') as f:\n    source = f.read()\nbefore = set(sys.modules)\n"
                "exec(compile(source, 'x', 'exec'))\nprint(*set(sys.modules) - before)")
        done = subprocess.run([sys.executable, "-S", "-c", code, source], stdout=subprocess.PIPE,
                              universal_newlines=True, check=True)
        allowed = {"os", "os.path", "stat", "_stat", "posixpath", "genericpath", "_collections_abc", "abc", "_abc"}
        self.assertLessEqual(set(done.stdout.split()), allowed)


if __name__ == "__main__":
    unittest.main()
