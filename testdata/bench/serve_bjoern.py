"""Serves module:callable with bjoern, which has no command of its own.

    python serve_bjoern.py HOST PORT MODULE:CALLABLE PROCESSES
"""

import importlib
import os
import sys

import bjoern

host, port, name, processes = sys.argv[1:]
module, _, callable_ = name.partition(":")
app = getattr(importlib.import_module(module), callable_)
bjoern.listen(app, host, int(port), listen_backlog=1024)
for _ in range(int(processes) - 1):
    if os.fork() == 0:
        break
bjoern.run()
