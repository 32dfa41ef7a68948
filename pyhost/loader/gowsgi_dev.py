"""What an app that is being written needs: which files it is made of, and no bytecode that is out of date.

Embedded as `_gowsgi_dev`, and run only where saved files reload the app. No function raises.

    distrust_bytecode()    before the app is imported
    loaded() -> dict       files: of modules imported since the last call; folders: of templates, likewise
"""

import os
import sys

_PLACES = ("site-packages", "dist-packages")  # what nobody edits lies in directories of these names
_YOUNG = 2  # seconds: a file system's clock, and pyc files, may know whole seconds only

_seen = set()


def distrust_bytecode():
    """Have Python take bytecode only if it was written well after the source was saved.

    It compares the source's size and whole second: a save within the same second and of the same
    size would not count.
    """
    external = sys.modules["_frozen_importlib_external"]
    loader = external.SourceFileLoader
    path_stats, cache_from_source = loader.path_stats, external.cache_from_source

    def trusted_stats(self, path):
        stats = path_stats(self, path)
        try:
            written = os.stat(cache_from_source(path)).st_mtime
        except (OSError, NotImplementedError):
            from time import time as now

            written = now()  # what is not there yet is written now, unless the source is young
        if written < stats["mtime"] + _YOUNG:
            raise OSError(f"the bytecode of {path} may be of its last version")  # compiled, and not written
        return stats

    loader.path_stats = trusted_stats


def loaded():
    """Absolute paths that were not told before."""
    try:
        modules = [m for m in list(sys.modules.values()) if m is not None]
        files = {file for file in map(_file, modules) if file}
        own = [m for m in modules if _file(m)]
        return {"files": _new(files), "folders": _new(_folders(own))}
    except BaseException:  # a module in sys.modules may be any object
        return {"files": [], "folders": []}


def _new(paths):
    new = sorted(paths - _seen)
    _seen.update(new)
    return [path.encode("utf-8", "surrogateescape").decode("utf-8", "replace") for path in new]


def _file(module):
    """The module's source, "" if it is the interpreter's or an installed package's."""
    try:
        file = module.__dict__.get("__file__")
    except Exception:
        return ""
    if not isinstance(file, str) or file.startswith("<"):
        return ""
    file = os.path.abspath(file)
    if file.endswith(".pyc"):
        return ""
    parts = file.split(os.sep)
    if any(place in parts for place in _PLACES) or file.startswith(_library()):
        return ""
    return file


def _library():
    """Where the standard library is, and the virtual environment's own."""
    return tuple({os.path.dirname(os.path.abspath(os.__file__)) + os.sep,
                  os.path.join(sys.prefix, "lib", "python%d.%d" % sys.version_info[:2]) + os.sep,
                  os.path.join(sys.base_prefix, "lib", "python%d.%d" % sys.version_info[:2]) + os.sep})


def _folders(modules):
    """The template folders of the Flask apps and blueprints that the modules have, and of the app that is served."""
    flask = sys.modules.get("flask")
    if flask is None:
        return set()
    kinds = tuple(k for k in (getattr(flask, "Flask", None), getattr(flask, "Blueprint", None)) if isinstance(k, type))
    owners = [v for m in modules for v in list(vars(m).values()) if issubclass(type(v), kinds)]
    owners += [a for a in getattr(sys.modules.get("_gowsgi_loader"), "SERVED", ()) if issubclass(type(a), kinds)]
    owners += [b for o in owners for b in list(getattr(o, "blueprints", {}).values())]
    folders = set()
    for owner in owners:
        try:
            _search_path(owner.jinja_loader, folders)
        except Exception:
            pass  # an app's own property
    return {f for f in folders if not any(place in f.split(os.sep) for place in _PLACES)}


def _search_path(loader, folders):
    for folder in getattr(loader, "searchpath", None) or ():
        folders.add(os.path.abspath(os.fspath(folder)))
    for inner in getattr(loader, "loaders", None) or ():
        _search_path(inner, folders)
    for inner in (getattr(loader, "mapping", None) or {}).values():
        _search_path(inner, folders)
