"""Tells what the process looks like from inside.

Covers: --chdir, --pythonpath, --virtualenv, --env, --pyargv, sys.executable, sys.argv,
encodings, the standard streams, what is in the process at import.
"""

import os
import sys

from probe import App, arg, reply, reply_json, validator

application = App()
argv_at_import = list(sys.argv)
env_at_import = dict(os.environ)


@application.at("/")
def index(environ, start_response):
    return reply(start_response, "index")


@application.at("/process")
def process(environ, start_response):
    import flask  # only a working virtualenv has it

    return reply_json(
        start_response,
        {
            "cwd": os.getcwd(),
            "argv": argv_at_import[1:],
            "program": argv_at_import[:1],
            "prefix": sys.prefix,
            "base": sys.base_prefix,
            "executable": sys.executable,
            "flask": os.path.dirname(flask.__file__),
            "env": env_at_import.get(arg(environ, "env")),
            "path": sys.path,
            "filesystem": sys.getfilesystemencoding(),
            "stdout": getattr(sys.stdout, "encoding", None),
            "has main": "__main__" in sys.modules,
            "flags": {"utf8": sys.flags.utf8_mode, "dev": sys.flags.dev_mode},
            "standard streams": [s is not None for s in (sys.stdin, sys.stdout, sys.stderr)],
        },
    )


validated = validator(application)
