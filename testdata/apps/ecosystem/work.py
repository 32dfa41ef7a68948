"""What child processes of apps/ecosystem run: it must be importable on its own."""

import os
import sys


def square(n):
    return n * n


def describe(queue):
    queue.put({"executable": os.path.basename(sys.executable), "pid": os.getpid()})
