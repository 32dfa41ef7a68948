"""What the loader says when there is no app to load."""

import os
import sys

from case import Case, wsgi


class Mistakes(Case):
    """What can't be meant, and what isn't there."""

    FILES = {
        "app.py": "import types\n" + wsgi("app") + wsgi("admin") + "settings = {}\nclass Site:\n    def __call__(self, e, s): pass\n"
        "def create_app(name): pass\ndef make_site_app(a, b, c): pass\ndef get_none(): pass\ndef boom(): raise TypeError('inside')\n"
        "async def asgi(scope, receive, send): pass\nclass Starlette:\n    async def __call__(self, scope, receive, send): pass\n"
        "fast = Starlette()\ndef old_asgi(scope, receive, send): pass\ndef request(request): pass\nclass P:\n"
        "    @property\n    def bad(self): raise AttributeError('own')\np = P()\n",
        "pkg/__init__.py": "",
        "pkg/web.py": wsgi("app"),
        "bare/app.py": wsgi(),
        "manage.py": "",
    }
    TABLE = [
        (dict(module="appp:app"), "not-found", 'no module named "appp"', 'did you mean "app"?', "modules there: app, manage, pkg"),
        (dict(module="App"), "not-found", 'did you mean "app"?'),
        (dict(positional="pkg.wbe:app"), "not-found", 'in package "pkg"', 'did you mean "web"?'),
        (dict(module="nopkg.web.x"), "not-found", 'no module named "nopkg"'),
        (dict(module="app.app"), "not-found", '"app" is a module, not a package; did you mean "app:app"?'),
        (dict(module="app.admin.x"), "not-found", 'did you mean "app:admin.x"?'),
        (dict(module="pkg:web.app"), "not-found", 'did you mean "pkg.web:app"?'),
        (dict(module="bare:app"), "not-found", "without __init__.py", "--chdir bare"),
        (dict(positional="bare/"), "not-found", "--chdir bare"),
        (dict(positional="."), "not-found", "is a directory"),
        (dict(wsgi_file="ap.py"), "not-found", "no such file: ap.py", 'did you mean "app.py"?'),
        (dict(module="none.py"), "not-found", "no such file: none.py"),
        (dict(wsgi_file="no/where.py"), "not-found", "there is no directory"),
        (dict(module="app:ap"), "not-found", 'app has no "ap"', 'did you mean "app"?', "callables: app(environ, start_response)",
         "factories: create_app(name), make_site_app(a, b, c)"),
        (dict(module="app:__import__('os').system('false')"), "not-found", 'app has no "__import__"'),
        (dict(module="app:settings.app"), "not-found", '"settings" of app (dict) has no attribute "app"'),
        (dict(module="app:settings"), "usage", '"settings" of app is not callable, it is dict', "app has callables"),
        (dict(module="app:types"), "usage", "is not callable, it is module"),
        (dict(module="app:Site"), "usage", "a class whose instances can't be iterated"),
        (dict(module="app:create_app"), "usage", "is create_app(name), which can't be called", 'add ("...") with its arguments'),
        (dict(module="app:get_none"), "usage", "is get_none(), which can't be called", "add ()"),
        (dict(module="app:get_none()"), "usage", "what get_none() of app returned is None"),
        (dict(module="app:request"), "usage", "is request(request)"),
        (dict(module="app:create_app()"), "usage", "can't be called like that", "missing 1 required", "it is create_app(name)"),
        (dict(module="app:create_app(1, x=2)"), "usage", "unexpected keyword"),
        (dict(module="app:settings()"), "usage", "settings() of app can't be called, it is dict"),
        (dict(module="app:boom()"), "app-error", "boom() of app failed: TypeError: inside"),
        (dict(module="app:p.bad"), "app-error", '"bad" of app could not be read: AttributeError: own'),
        (dict(module="app:asgi"), "usage", "is an ASGI app (function) and gowsgi serves WSGI"),
        (dict(module="app:fast"), "usage", "is an ASGI app (app.Starlette)", "a2wsgi"),
        (dict(module="app:old_asgi"), "usage", "is an ASGI app"),
        (dict(module="app:"), "usage", "lacks what belongs after the colon"),
        (dict(positional=":app"), "usage", "lacks what belongs before the colon"),
        (dict(positional=":5000"), "usage", "say --http :5000"),
        (dict(positional="0.0.0.0:5000"), "usage", "say --http 0.0.0.0:5000"),
        (dict(module="app..x"), "usage", "no module's name"),
        (dict(positional="app app"), "usage", "no module's name"),
        (dict(positional="app", module="app"), "usage", "named twice", "--module 'app'"),
        (dict(positional="app", wsgi_file="app.py"), "usage", "named twice", "--wsgi-file 'app.py'"),
    ] + [
        (dict(module="app", callable=text), "usage", "literal arguments") for text in (
            "app:app", "app ; x", "a b", "create_app(open('x'))", "create_app(name)", "create_app(*[1])", "create_app(**{})",
            "apps[0]", "lambda: 1", "1", "create_app(", "f'{1}'", "(" * 300 + ")" * 300)
    ]

    def test_mistakes(self):
        self.write_all(self.FILES)
        for spec, kind, *phrases in self.TABLE:
            with self.subTest(**spec):
                result = self.load(**spec)
                self.assert_error(result, kind, *phrases)
                self.assertEqual(result["stderr"], "")

    def test_usage_is_told_before_the_app_runs(self):
        self.write(app="print('ran')")
        self.assertEqual(self.load(module="app:a b")["stdout"], "")

    def test_names_that_are_not_utf8(self):
        self.assert_error(self.load(wsgi_file="caf\udce9.py"), "not-found", "caf\\udce9.py")


class AppErrors(Case):
    """The app's own exceptions, told as python itself tells them."""

    def assert_as_python(self, phrase, **spec):
        """python runs the file as a script: the same frames, minus whoever imports."""
        expected = self.python(os.path.join(self.cwd, "app.py")).stderr
        result = self.load(**(spec or {"module": "app"}))
        self.assert_error(result, "app-error", phrase)
        self.assertEqual(result["traceback"], expected)
        self.assertIsNone(result["env"])

    def test_tracebacks(self):
        for text, phrase in [
            ("x = 1\n1 / 0\n", 'module "app" failed to import: ZeroDivisionError: division by zero'),
            ("def application(:\n    pass\n", "SyntaxError"),
            ("if 1:\nx = 1\n", "IndentationError"),
            ("import missing_here\n", f"No module named 'missing_here' (is it installed in {sys.prefix}?)"),
            ("import json.missing_here\n", "No module named 'json.missing_here'"),
            ("from json import missing_here\n", "ImportError: cannot import name 'missing_here'"),
            ("import deeper\n", "KeyError: 'k'"),
            ("import broken\n", "SyntaxError"),
            ("try:\n    1 / 0\nexcept Exception as e:\n    raise ValueError('x') from e\n", "ValueError: x"),
            ("try:\n    {}['a']\nexcept Exception:\n    [][1]\n", "IndexError"),
            ("raise KeyboardInterrupt\n", "KeyboardInterrupt"),
            ("def f():\n    f()\nf()\n", "RecursionError"),
            ("class E(Exception):\n    def __str__(self): raise OSError\nraise E\n", "<its str() failed>"),
            ("raise ValueError('a\\nb \\udce9')\n", "ValueError: a b \\udce9"),
        ]:
            with self.subTest(text):
                self.write(app=text, deeper="def f():\n    return {}['k']\nf()\n", broken="x = (\n")
                if "udce9" in text or "class E" in text:
                    self.assert_error(self.load(module="app"), "app-error", phrase)
                    continue  # python's own printing of these varies
                if "KeyboardInterrupt" in text or "RecursionError" in phrase:
                    result = self.load(wsgi_file="app.py")
                    self.assert_error(result, "app-error", phrase)
                    self.assertTrue(result["traceback"].startswith("Traceback (most recent call last):\n  File \"" + self.cwd))
                    continue
                self.assert_as_python(phrase)
                self.assert_as_python(phrase, positional="app.py")

    def test_in_a_script(self):
        self.write_all({"x.wsgi": "import app\n", "app.py": "1 / 0\n"})
        result = self.load(wsgi_file="x.wsgi")
        self.assert_error(result, "app-error", "x.wsgi failed to load: ZeroDivisionError")
        lines = result["traceback"].splitlines()
        self.assertIn("x.wsgi", lines[1])
        self.assertNotIn("importlib", result["traceback"])
        self.assertNotIn("_gowsgi", result["traceback"])

    def test_in_a_factory(self):
        self.write(app="def create_app():\n    import missing_here\n")
        for spec in (dict(module="app"), dict(module="app:create_app()")):
            result = self.load(**spec)
            self.assert_error(result, "app-error", "create_app() of app failed: ModuleNotFoundError")
            self.assertEqual(result["traceback"].count("  File "), 1)

    def test_exit(self):
        for text, phrase in [("sys.exit(3)", "it called sys.exit(3)"), ("sys.exit()", "it called sys.exit()"),
                             ("sys.exit('bye')", "it called sys.exit('bye')"), ("exit(1)", "it called sys.exit(1)")]:
            self.write(app="import sys\n" + text)
            result = self.load(module="app")
            self.assert_error(result, "app-error", 'module "app" failed to import: ' + phrase)
            self.assertIn(f'app.py", line 2, in <module>\n    {text}\n', result["traceback"])

    def test_missing_import_of_the_same_name(self):
        self.write(pkg__web="import pkg.missing")
        self.write_all({"pkg/__init__.py": "import pkg.web2"})
        self.assert_error(self.load(module="pkg.web2"), "app-error", "No module named 'pkg.web2'")

    def test_shadowed_stdlib(self):
        """What traceback imports may be broken by the app's directory: C prints then."""
        self.write_all({"linecache.txt": "raise RuntimeError('mine')\n", "tokenize.txt": "boom(\n", "app.py": "{}['k']\n"})
        shadow = "for name in ('linecache', 'tokenize'):\n    sys.modules.pop(name, None)\n" \
                 "    os.rename(name + '.txt', name + '.py')\nsys.path_importer_cache.clear()"  # python -c needs them itself
        result = self.load(before=shadow, module="app")
        self.assert_error(result, "app-error", "KeyError: 'k'")
        self.assertTrue(result["traceback"].endswith("KeyError: 'k'\n"), result["traceback"])
        self.assertIn("app.py", result["traceback"])

    def test_fault_of_the_loader_is_shown(self):
        result = self.load(before="loader._load = None", module="app")
        self.assert_error(result, "app-error", "the app could not be loaded: TypeError")
        self.assertIn("_gowsgi_loader", result["traceback"])

    def test_unreadable(self):
        self.write(app=wsgi())
        os.mkdir(os.path.join(self.cwd, "loop"))
        os.symlink("x.wsgi", os.path.join(self.cwd, "loop", "x.wsgi"))
        self.assert_error(self.load(wsgi_file="loop/x.wsgi"), "not-found", "no such file")
        self.write_all({"y.wsgi": wsgi()})
        for file in ("app.py", "y.wsgi"):  # root may read everything, so reading is made to fail
            result = self.load(before="import _io, importlib.machinery, importlib.util; _io.open_code = os.listdir", wsgi_file=file)
            self.assert_error(result, "not-found", f"cannot read {os.path.join(self.cwd, file)}: Not a directory")
