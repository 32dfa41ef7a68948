"""The uwsgi module, with a stand-in for the seam. Needs the stdlib only."""

import json
import os
import subprocess
import sys
import unittest

from case import HERE, Case

# Two processes and more of them share the locks as gowsgi's do: by a file that they inherit.
DRIVER = """
import json, os, sys, threading, time
lines = []
class seam:
    figures = "[]"
    @staticmethod
    def log(text, error): lines.append(("error " if error else "") + text)
    @classmethod
    def workers(cls): return cls.figures
def module(name, file):
    m = sys.modules[name] = type(sys)(name)
    with open(os.path.join({here!r}, file), encoding="utf-8") as f:
        exec(compile(f.read(), "<" + name + ">", "exec"), m.__dict__)
    return m
uwsgi = module("uwsgi", "gowsgi_uwsgi.py")
uwsgi._install(seam, sys.argv[1])
decorators = module("uwsgidecorators", "gowsgi_uwsgidecorators.py")
def until(condition):
    end = time.monotonic() + 30
    while not condition():
        if time.monotonic() > end: raise TimeoutError
        time.sleep(0.002)
def fails(f, *args):
    try: f(*args)
    except Exception as e: return type(e).__name__ + ": " + str(e)
"""


class UWSGI(Case):
    def settings(self, **more):
        return json.dumps({"options": None, "worker": 1, "workers": 4, "master": 7, "reloads": True, "locks": 2, "file": -1, **more})

    def start(self, code, file=None, **more):
        program = DRIVER.replace("{here!r}", repr(HERE)) + code
        pipes = dict(stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, universal_newlines=True)
        fds = () if file is None else (file,)
        p = subprocess.Popen([sys.executable, "-c", program, self.settings(file=-1 if file is None else file, **more)],
                             cwd=self.cwd, pass_fds=fds, **pipes)
        self.addCleanup(self.end, p)
        return p

    def end(self, p):
        if p.poll() is None:
            p.kill()
        p.communicate()

    def run_code(self, code, **more):
        p = self.start(code, **more)
        out, err = p.communicate(timeout=60)
        self.assertEqual((p.returncode, err), (0, ""))
        return out.splitlines()

    def locks_file(self):
        fd = os.open(os.path.join(self.root, "locks"), os.O_RDWR | os.O_CREAT)
        self.addCleanup(os.close, fd)
        return fd

    def test_names(self):
        out = self.run_code("""
print(uwsgi.worker_id(), uwsgi.numproc, uwsgi.masterpid(), uwsgi.version, uwsgi.version_info[:3])
print(sorted(n for n in dir(uwsgi) if not n.startswith("_")))
print(sorted(n for n in dir(decorators) if not n.startswith("_")))
print(uwsgi.log("a\\udc80"), lines, fails(uwsgi.log, b"a"))
""", worker=3)
        self.assertEqual(out, [
            "3 4 7 b'2.0.31' (2, 0, 31)",
            "['get_logvar', 'is_locked', 'lock', 'log', 'masterpid', 'numproc', 'opt', 'post_fork_hook', 'reload', "
            "'set_logvar', 'unlock', 'version', 'version_info', 'worker_id', 'workers']",
            "['lock', 'postfork', 'postfork_chain', 'postfork_chain_hook', 'timer']",
            "True ['a\\\\udc80'] TypeError: log() takes a str, not bytes",
        ])

    def test_opt(self):
        given = [("processes", "4", False), ("need-app", "true", True), ("bare", "", False), ("env", "A=1", False),
                 ("env", "B=gr\u00f6\u00dfe", False), ("lazy-apps", "false", False)]
        out = self.run_code("print(json.dumps({k: v if v is True else v.decode() for k, v in uwsgi.opt.items()}))",
                            options=[dict(key=k, value=v, bare=b) for k, v, b in given])
        self.assertEqual(json.loads(out[0]), {
            "processes": "4", "need-app": True, "bare": "", "env": "B=gr\u00f6\u00dfe", "lazy-apps": "false", "enable-threads": True,
            "master": True,
        })
        self.assertEqual(self.run_code("print(uwsgi.opt)", reloads=False), ["{'enable-threads': True, 'lazy-apps': True}"])

    def test_absent(self):
        out = self.run_code("""
for name in ("cache_get", "spool", "SPOOL_OK", "websocket_send", "add_timer", "connect", "chunked_read", "other", "__path__"):
    print(hasattr(uwsgi, name), fails(getattr, uwsgi, name))
print(hasattr(decorators, "cron"), fails(getattr, decorators, "cron"))
try:
    from uwsgi import cache_get
except ImportError as e:
    print(e.name)
""")
        for line, word in zip(out, ("redis", "celery", "celery", "WebSockets", "systemd", "threads", "wsgi.input", "documentation", "__path__",
                                    "APScheduler")):
            self.assertRegex(line, "^False AttributeError: .*" + word)
        self.assertEqual(out[-1], "uwsgi")

    def test_hook_is_absent_until_set(self):
        out = self.run_code("""
del uwsgi.post_fork_hook
print(hasattr(uwsgi, "post_fork_hook"))
uwsgi._started()
uwsgi.post_fork_hook = lambda: print("own")
uwsgi._started.__globals__["_timers"] = []
uwsgi._started()
""")
        self.assertEqual(out, ["False", "own"])

    def test_reload(self):
        out = self.run_code("""
import signal
got = []
signal.signal(signal.SIGHUP, lambda *a: got.append(1))
uwsgi._settings["master"] = os.getpid()
print(uwsgi.reload())
until(lambda: got)
uwsgi._settings["reloads"] = False
print(uwsgi.reload(), lines[0])
""")
        self.assertEqual(out[0], "True")
        self.assertRegex(out[1], "^None .*--master")

    def test_workers(self):
        figures = [dict(id=1, pid=9, accepting=1, requests=3, delta_requests=2, exceptions=0, harakiri_count=0, signals=0, signal_queue=0,
                        status="idle", rss=5, vsz=6, running_time=7, last_spawn=8, respawn_count=1, tx=9, avg_rt=1,
                        apps=[dict(id=0, mountpoint="/a", requests=3)], cores=None)]
        out = self.run_code(f"seam.figures = {json.dumps(figures)!r}\nprint(uwsgi.workers())")
        self.assertEqual(out, [
            "({'id': 1, 'pid': 9, 'requests': 3, 'delta_requests': 2, 'signals': 0, 'exceptions': 0, 'status': b'idle', 'rss': 5, "
            "'vsz': 6, 'running_time': 7, 'last_spawn': 8, 'respawn_count': 1, 'tx': 9, 'avg_rt': 1, "
            "'apps': ({'id': 0, 'mountpoint': b'/a', 'requests': 3},)},)"])

    def test_postfork(self):
        out = self.run_code("""
called = []
@decorators.postfork
def plain(): called.append("plain")
@decorators.postfork
def bad(): 1 / 0
@decorators.postfork(2)
def here(): called.append("here")
@decorators.postfork(1)
def elsewhere(): called.append("elsewhere")
decorators.postfork(lambda: called.append("call"))
plain()
uwsgi._started()
print(called, lines[0].splitlines()[0], lines[0].splitlines()[-1])
""", worker=2)
        self.assertEqual(out, ["['plain', 'plain', 'here', 'call'] error @postfork bad raised an exception ZeroDivisionError: division by zero"])

    def test_timer(self):
        out = self.run_code("""
ticks = {"one": 0, "all": 0, "third": 0, "late": 0}
@decorators.timer(0.01)
def one(n): ticks["one"] += 1
@decorators.timer(0.01, target="workers")
def every(n):
    ticks["all"] += 1
    raise SystemExit(n)
@decorators.timer(0.01, target="worker3")
def third(n): ticks["third"] += 1
print(ticks, threading.active_count())  # not before the app is loaded
uwsgi._started()
decorators.timer(0.01, signum=17, target="worker3")(lambda n: ticks.__setitem__("late", n))
until(lambda: ticks["all"] > 2 and ticks["third"] > 2 and ticks["late"] == 17)
print(ticks["one"], lines[0].splitlines()[0], {t.daemon for t in threading.enumerate()[1:]})
for target in ("spooler", "mule1", "workerx", "worker0", "worker-1", 3, None):
    print(fails(lambda: decorators.timer(1, target=target)))
print(fails(lambda: decorators.timer(0)(one)), fails(lambda: decorators.timer("1")(one)))
""", worker=3)
        self.assertEqual(out[0], "{'one': 0, 'all': 0, 'third': 0, 'late': 0} 1")
        self.assertEqual(out[1], "0 error a timer raised an exception {True}")
        for line in out[2:-1]:
            self.assertRegex(line, "^ValueError: a timer for .*: gowsgi has worker processes only")
        self.assertEqual(len(out), 10)

    # Who takes over a number waits until the process that had it is no more.
    def test_timer_runs_once(self):
        file = self.locks_file()
        code = """
n = []
decorators.timer(0.005)(lambda s: n.append(1))
uwsgi._started()
print("started", flush=True)
for line in sys.stdin:
    if line == "tick\\n":
        more = len(n) + 20
        until(lambda: len(n) >= more)
    print(len(n), flush=True)
"""

        def say(p, word):
            print(word, file=p.stdin, flush=True)
            return int(p.stdout.readline())

        first, second = self.start(code, file), None
        self.assertEqual(first.stdout.readline(), "started\n")
        say(first, "tick")
        second = self.start(code, file)
        self.assertEqual(second.stdout.readline(), "started\n")
        say(first, "tick")
        self.assertEqual(say(second, "count"), 0)
        first.kill()
        self.assertGreaterEqual(say(second, "tick"), 20)

    def test_locks(self):
        out = self.run_code("""
print(uwsgi.is_locked(), uwsgi.lock(), uwsgi.is_locked(), uwsgi.is_locked(1), uwsgi.unlock(), uwsgi.is_locked(), uwsgi.unlock())
print([fails(uwsgi.lock, n) for n in (-1, 3, "0", 1.5)])
order = []
uwsgi.lock(2)
t = threading.Thread(target=lambda: (uwsgi.lock(2), order.append("thread"), uwsgi.unlock(2)))
t.start()
order.append("main")
uwsgi.unlock(2)
t.join()
print(order)
@decorators.lock
def inside(x, *, y): return x, y, uwsgi.is_locked()
@decorators.lock
def bad(): 1 / 0
print(inside(1, y=2), fails(bad), uwsgi.is_locked(), inside.__name__)
""")
        self.assertEqual(out[0], "False None True False None False None")
        self.assertEqual(out[1].count("they are 0 to 2"), 4)
        self.assertEqual(out[2:], ["['main', 'thread']", "(1, 2, True) ZeroDivisionError: division by zero False inside"])

    def test_lock_and_a_raised_exception(self):
        """One that another thread raises behind an acquire that has succeeded leaves no lock behind."""
        out = self.run_code("""
import ctypes
outcomes = []
def wait():
    try:
        uwsgi.lock()
    except KeyError:
        outcomes.append("raised")
    else:
        uwsgi.unlock()
        outcomes.append("had it")
uwsgi.lock()
t = threading.Thread(target=wait)
t.start()
until(lambda: t.ident is not None)
ctypes.pythonapi.PyThreadState_SetAsyncExc(ctypes.c_ulong(t.ident), ctypes.py_object(KeyError))
uwsgi.unlock()
t.join()
print(uwsgi.is_locked(), outcomes, fails(lambda: (uwsgi.lock(), uwsgi.lock())))
uwsgi.unlock()
uwsgi.lock()
other = threading.Thread(target=uwsgi.unlock)
other.start()
other.join()
print(uwsgi.is_locked())
""")
        self.assertIn(out[0], [f"False ['{what}'] RuntimeError: this thread has the lock already: it would wait for itself"
                               for what in ("raised", "had it")])
        self.assertEqual(out[1], "False")

    def test_locks_between_processes(self):
        file, counter = self.locks_file(), os.path.join(self.root, "counter")
        with open(counter, "w") as f:
            f.write("0")
        code = f"""
def count():
    for _ in range(25):
        uwsgi.lock(1)
        with open({counter!r}) as f: n = int(f.read())
        time.sleep(0)
        with open({counter!r}, "w") as f: f.write(str(n + 1))
        uwsgi.unlock(1)
threads = [threading.Thread(target=count) for _ in range(3)]
for t in threads: t.start()
for t in threads: t.join()
"""
        running = [self.start(code, file) for _ in range(4)]
        for p in running:
            out, err = p.communicate(timeout=60)
            self.assertEqual((p.returncode, out, err), (0, "", ""))
        with open(counter) as f:
            self.assertEqual(f.read(), "300")

    def test_lock_of_the_dead(self):
        file = self.locks_file()
        holder = self.start("uwsgi.lock(); print('held', flush=True); sys.stdin.readline()", file)
        holder.stdout.readline()
        waiter = self.start("print(uwsgi.is_locked(), flush=True); uwsgi.lock(); print('mine', uwsgi.is_locked(1))", file)
        self.assertEqual(waiter.stdout.readline(), "True\n")
        holder.kill()
        self.assertEqual(waiter.communicate(timeout=60)[0], "mine False\n")

    # For the kernel a process is one: of two threads that wait for another process's, it makes a circle.
    def test_no_circle(self):
        file = self.locks_file()
        code = """
mine, other = {mine}, {other}
uwsgi.lock(mine)
print("held", flush=True)
sys.stdin.readline()
t = threading.Thread(target=lambda: (uwsgi.lock(other), uwsgi.unlock(other), print("had", flush=True)))
t.start()
print("waits", flush=True)
sys.stdin.readline()
uwsgi.unlock(mine)
t.join()
"""
        both = [self.start(code.replace("{mine}", str(a)).replace("{other}", str(b)), file) for a, b in ((0, 1), (1, 0))]
        for words in ("held\n", "waits\n"):
            for p in both:
                self.assertEqual(p.stdout.readline(), words)
            for p in both:
                print("go", file=p.stdin, flush=True)
        for p in both:
            self.assertEqual(p.stdout.readline(), "had\n")
            self.assertEqual(p.wait(30), 0)

    def test_fork(self):
        file = self.locks_file()
        out = self.run_code("""
uwsgi.lock()
pid = os.fork()
if pid == 0:
    print(uwsgi.is_locked(), flush=True)  # by its parent
    uwsgi.unlock()  # not its own
    print(uwsgi.is_locked(), flush=True)
    os._exit(0)
os.waitpid(pid, 0)
print(uwsgi.is_locked())
""", file=file)
        self.assertEqual(out, ["True", "True", "True"])


if __name__ == "__main__":
    unittest.main()
