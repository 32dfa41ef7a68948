"""What a process tells of its app that is being written, and the bytecode that it does not take."""

import os
import py_compile
import subprocess
import sys
import unittest

import case

RUN = """
import sys
sys.path.insert(0, sys.argv[1]); import gowsgi_dev
sys.path[0] = ''
gowsgi_dev.distrust_bytecode()
"""


class Dev(case.Case):
    def dev(self, code):
        done = self.python("-B", "-c", RUN + code, case.HERE)
        self.assertEqual(done.returncode, 0, done.stderr)
        return done.stdout.splitlines()

    def test_files(self):
        self.write_all({"a.py": "import b", "b.py": "", "c.py": "", "x/site-packages/inst.py": ""})
        out = self.dev("import a, json\nsys.path.append('x/site-packages'); import inst\nsys.modules['odd'] = 3\n"
                       "print(gowsgi_dev.loaded()['files'])\nimport c\nprint(gowsgi_dev.loaded()['files'])\nprint(gowsgi_dev.loaded()['files'])")
        path = lambda name: os.path.join(self.cwd, name)
        own = os.path.join(case.HERE, "gowsgi_dev.py")
        self.assertEqual([eval(line) for line in out], [sorted([own, path("a.py"), path("b.py")]), [path("c.py")], []])

    def test_folders(self):
        self.write_all({"a.py": "from flask import Flask, Blueprint\ndef make():\n    app = Flask(__name__, template_folder='t')\n"
                                "    app.register_blueprint(Blueprint('b', __name__, template_folder='u'))\n    return app\nsite = make()\n"})
        try:
            import flask  # noqa: F401
        except ImportError:
            self.skipTest("no Flask")
        out = self.dev("import a\nprint(gowsgi_dev.loaded()['folders'])")
        self.assertEqual(eval(out[0]), [os.path.join(self.cwd, "t"), os.path.join(self.cwd, "u")])

    def bytecode(self, age, written):
        """Whether bytecode of an old version is taken: age of the source, and when the bytecode was written after it."""
        self.write(m="X = 'old'\n")
        source = os.path.join(self.cwd, "m.py")
        second = int(os.stat(source).st_mtime) - age
        os.utime(source, (second, second))
        compiled = py_compile.compile(source, doraise=True)
        with open(source, "w") as f:
            f.write("X = 'new'\n")
        os.utime(source, (second + 0.5, second + 0.5))
        os.utime(compiled, (second + written, second + written))
        return self.dev("import m; print(m.X)")

    def test_bytecode(self):
        self.assertEqual(self.bytecode(100, 0.2), ["new"])  # of the version before
        self.assertEqual(self.bytecode(100, 1.5), ["new"])  # perhaps
        self.assertEqual(self.bytecode(100, 10), ["old"])  # what nobody saves: bytecode is taken where it must be right

    def test_bytecode_is_written_of_old_sources(self):
        self.write(m="X = 1\n")
        source = os.path.join(self.cwd, "m.py")
        cache = os.path.join(self.cwd, "__pycache__")
        for age, wanted in ((0, False), (100, True)):
            at = os.stat(source).st_mtime - age
            os.utime(source, (at, at))
            done = subprocess.run([sys.executable, "-c", RUN + "import m", case.HERE], cwd=self.cwd, stderr=subprocess.PIPE,
                                  env={k: v for k, v in os.environ.items() if not k.startswith("PYTHON")})
            self.assertEqual((done.returncode, os.path.isdir(cache)), (0, wanted), done.stderr)


if __name__ == "__main__":
    unittest.main()
