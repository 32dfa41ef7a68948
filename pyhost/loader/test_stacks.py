"""Stacks of all threads, and the orderly end."""

import subprocess
import sys
import threading
import unittest
import unittest.mock

import gowsgi_stacks


class Parked:
    """A thread that waits in `park` until the test is over."""

    def __init__(self, name, depth=0):
        self.ready, self.leave = threading.Event(), threading.Event()
        self.thread = threading.Thread(target=self.descend, args=(depth,), name=name)

    def descend(self, depth):
        if depth:
            self.descend(depth - 1)
        else:
            self.park()

    def park(self):
        self.ready.set()
        self.leave.wait()  # the line that must be shown

    def __enter__(self):
        self.thread.start()
        self.ready.wait(10)
        return self.thread.ident

    def __exit__(self, *exc_info):
        self.leave.set()
        self.thread.join(10)


class Dump(unittest.TestCase):
    def test_threads(self):
        with Parked("gowsgi-1") as first, Parked("mine") as second:
            text = gowsgi_stacks.dump({99: "GET /native, 9 s", first: "GET /slow, 12.3 s"})
            blocks = text.split("\n\n")
            self.assertEqual(blocks[0], "Thread 0x63: GET /native, 9 s\n  no Python frame: idle, or in the server")
            self.assertTrue(blocks[1].startswith(f"Thread gowsgi-1 (0x{first:x}): GET /slow, 12.3 s\n  File "))
            self.assertRegex(blocks[1], r'in park\n    self.leave.wait\(\)  # the line that must be shown\n')
            mine = next(b for b in blocks[2:] if b.startswith("Thread mine "))
            self.assertEqual(mine.splitlines()[0], f"Thread mine (0x{second:x})")
            self.assertTrue(text.endswith("\n"))
            self.assertNotIn(f"0x{threading.get_ident():x}", text)
            self.assertNotIn("gowsgi_stacks.py", text)

    def test_deep_stack(self):
        with Parked("deep", 300) as ident:
            text = gowsgi_stacks.dump({ident: "x"}).split("\n\n")[0]
        lines = text.splitlines()
        gap = next(i for i, line in enumerate(lines) if line.startswith("  ... "))
        self.assertEqual(sum(line.startswith("  File") for line in lines[:gap]), 20)
        self.assertEqual(sum(line.startswith("  File") for line in lines[gap:]), 100)

    def test_never_raises(self):
        for target, value in [("sys._current_frames", None), ("linecache.getline", None), ("threading._active", None),
                              ("threading._active", {1: object()}), ("_thread.get_ident", None)]:
            with Parked("t") as ident, unittest.mock.patch(target, value):
                self.assertIn("Thread" if "get_ident" not in target and "frames" not in target else "can't be read",
                              gowsgi_stacks.dump({ident: "x"}), target)

    def test_one_stack(self):
        with Parked("gowsgi-1") as ident, Parked("other"):
            text = gowsgi_stacks.stack(ident)
            self.assertTrue(text.startswith(f"Thread gowsgi-1 (0x{ident:x})\n  File "), text)
            self.assertIn("in park\n    self.leave.wait()", text)
            self.assertNotIn("other", text)
            with unittest.mock.patch("sys._current_frames", None):
                self.assertIn("can't be read", gowsgi_stacks.stack(ident))
        self.assertIn("no Python frame", gowsgi_stacks.stack(99))

    def test_no_thread(self):
        self.assertIsInstance(gowsgi_stacks.dump({threading.get_ident(): "me"}), str)

    def test_imports_nothing_of_threading(self):
        done = subprocess.run([sys.executable, "-S", "-c", "import sys; sys.path.insert(0, sys.argv[1]); import gowsgi_stacks as s;"
                               "s.dump({1: 'x'}); s.shutdown(); print('threading' in sys.modules)",
                               gowsgi_stacks.__file__.rpartition("/")[0]],
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, universal_newlines=True, check=True)
        self.assertEqual(done.stdout, "False\n")


class Shutdown(unittest.TestCase):
    """As at the end of a script, and every stage in spite of the one before."""

    def run_code(self, code):
        code = ("import sys, os, atexit\nsys.path.insert(0, sys.argv[1])\nimport gowsgi_stacks\n" + code +
                "\ngowsgi_stacks.shutdown()\nos._exit(0)\n")
        done = subprocess.run([sys.executable, "-c", code, gowsgi_stacks.__file__.rpartition("/")[0]],
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE, universal_newlines=True, timeout=30)
        self.assertEqual(done.returncode, 0, done.stderr)
        return done.stdout, done.stderr

    def test_order(self):
        out, err = self.run_code("""
import threading, concurrent.futures
main = threading.main_thread()
pool = concurrent.futures.ThreadPoolExecutor(1)
gate = threading.Event()
pool.submit(lambda: (gate.wait(), sys.stdout.write("pool\\n")))
threading.Thread(target=lambda: (gate.wait(), sys.stdout.write("thread\\n"))).start()
threading.Thread(target=threading.Event().wait, daemon=True).start()
atexit.register(print, "atexit 1")
atexit.register(print, "atexit 2")
threading.Timer(0.05, gate.set).start()
""")
        lines = out.split("\n")
        self.assertEqual(sorted(lines[:2]), ["pool", "thread"])
        self.assertEqual(lines[2:], ["atexit 2", "atexit 1", ""])
        self.assertEqual(err, "")

    def test_failures(self):
        out, err = self.run_code("""
import threading
atexit.register(print, "last")
atexit.register(sys.exit, 3)
atexit.register(lambda: 1 / 0)
threading._shutdown = lambda: {}["k"]
""")
        self.assertEqual(out, "last\n")
        self.assertEqual(err.count("ZeroDivisionError: division by zero"), 1, err)
        self.assertEqual(err.count("KeyError: 'k'"), 1, err)

    def test_streams_are_gone(self):
        self.assertEqual(self.run_code("sys.stdout.close(); sys.stderr = None"), ("", ""))

    def test_twice(self):
        self.assertEqual(self.run_code("import threading; atexit.register(print, 1); gowsgi_stacks.shutdown()"), ("1\n", ""))

    def test_private_names_are_there(self):
        import atexit

        self.assertTrue(callable(threading._shutdown))
        self.assertTrue(callable(atexit._run_exitfuncs))
        self.assertTrue(callable(sys._current_frames))

    def test_without_private_shutdown(self):
        out, _ = self.run_code("""
import threading
threading.Thread(target=print, args=("thread",)).start()
del threading._shutdown
""")
        self.assertEqual(out, "thread\n")


if __name__ == "__main__":
    unittest.main()
