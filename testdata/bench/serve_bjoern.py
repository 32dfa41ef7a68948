"""Serves module:callable with bjoern, which has no command of its own.

    python serve_bjoern.py HOST PORT MODULE:CALLABLE
"""

import importlib
import sys

import bjoern

host, port, name = sys.argv[1:]
module, _, callable_ = name.partition(":")
app = getattr(importlib.import_module(module), callable_)
bjoern.run(app, host, int(port), listen_backlog=1024)
