"""Tells which thread serves.

Covers: stable thread identity, thread-locals that live as long as their thread, number of
threads, the main thread at import, background threads, what runs while all threads wait.
"""

import threading

from probe import App, arg, event, gate, reply, reply_json, validator

application = App()
local = threading.local()
imported_on = threading.current_thread()
imported_on_main = imported_on is threading.main_thread()


class Canary:
    """Lives in a thread-local: its end is the end of the thread's state."""

    def __init__(self):
        self.ident = threading.get_ident()

    def __del__(self):
        event("thread state lost")


@application.at("/who")
def who(environ, start_response):
    if not hasattr(local, "served"):
        local.served, local.canary = 0, Canary()
    local.served += 1
    thread = threading.current_thread()
    return reply_json(
        start_response,
        {
            "ident": threading.get_ident(),
            "native": threading.get_native_id(),
            "name": thread.name,
            "served": local.served,
            "same": local.canary.ident == threading.get_ident(),
            "main": thread is threading.main_thread(),
        },
    )


@application.at("/import")
def at_import(environ, start_response):
    return reply_json(start_response, {"main": imported_on_main, "name": imported_on.name})


@application.at("/gate")
def at_gate(environ, start_response):
    event("at " + arg(environ, "name"))
    gate(arg(environ, "name"))
    return reply(start_response, arg(environ, "name"))


ticks = 0
ticking = threading.Event()


def tick():
    """Counts without pause; needs the GIL for every step."""
    global ticks
    while not ticking.wait(0.001):
        ticks += 1


@application.at("/tick")
def start_ticking(environ, start_response):
    threading.Thread(target=tick, daemon=True).start()
    return reply(start_response, "ticking")


@application.at("/ticks")
def show_ticks(environ, start_response):
    return reply(start_response, str(ticks))


@application.at("/report")
def report(environ, start_response):
    """A thread that reports each tick to the test, so that it needs no request to see it run."""

    def run():
        n = 0
        while not ticking.wait(0.001) and n < 200:
            n += 1
            event(f"tick {n}")

    threading.Thread(target=run, daemon=True).start()
    return reply(start_response, "reporting")


barrier = threading.Barrier(4)


@application.at("/meet")
def meet(environ, start_response):
    """Returns when four requests are here at the same time."""
    barrier.wait(20)
    return reply(start_response, "met")


def spin(n):
    total = 0
    for i in range(n):
        total += i
    return total


@application.at("/spin")
def spinning(environ, start_response):
    """Pure Python work of some 100 ms or more that never waits."""
    spin(int(arg(environ, "n", "3000000")))
    return reply(start_response, "spun")


validated = validator(application)
