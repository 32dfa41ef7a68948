"""Say why an app can't be loaded: what is wrong, what there is instead, what to write.

Embedded, and compiled only when the loader has something to report. Every function
without an underscore returns a LoadError or a phrase of one; none raises.
"""

import os
import sys

from _gowsgi_loader import (
    FACTORIES,
    LoadError,
    arity,
    flask_apps,
    function_of,
    misfit,
    type_name,
)

_FUNCTION = type(arity)
_IMPORTED_NOISE = ("typing", "builtins", "werkzeug.local")  # callables that say nothing about the app


# --- modules and files -------------------------------------------------------------


def nothing_named():
    return LoadError("not-found", f"no app was named, and neither wsgi.py nor app.py is in {os.getcwd()}; name it: "
                                  f"gowsgi app:app, or gowsgi path/to/file.py{_python_files(os.getcwd(), '')}")


def no_such_file(text, path):
    folder, file = os.path.split(path)
    return LoadError("not-found", f"no such file: {text}{_python_files(folder, file)}")


def import_failure(name, e):
    missing = getattr(e, "name", None) or ""
    if isinstance(e, ModuleNotFoundError) and _app_frames(e.__traceback__) is None:
        if missing and (name + ".").startswith(missing + "."):  # else one of the app's own imports
            return LoadError("not-found", _no_such_module(name, missing))
    return _unreadable(e) or app_failure(f'module "{name}" failed to import', e)


def file_failure(path, e):
    return _unreadable(e, path) or app_failure(f"{path} failed to load", e)


def _unreadable(e, path=None):
    if isinstance(e, OSError) and _app_frames(e.__traceback__) is None:
        return LoadError("not-found", f"cannot read {e.filename or path}: {e.strerror or e}")
    return None


def _no_such_module(name, missing):
    parent, _, last = missing.rpartition(".")
    module = sys.modules.get(parent)
    if module is None:
        here = sys.path[0] or os.getcwd()
        return f'no module named "{missing}" in {here} or elsewhere on sys.path{_modules(here, missing)}'
    if not hasattr(module, "__path__"):  # app.app for app:app
        rest = name[len(parent) + 1:]
        return f'no module named "{missing}": "{parent}" is a module, not a package; did you mean "{parent}:{rest}"?'
    folder = next(iter(module.__path__), "")
    return f'no module named "{missing}" in package "{parent}" ({folder}){_modules(folder, last)}'


def _modules(folder, wanted):
    names = []
    for entry in _entries(folder):
        stem, suffix = os.path.splitext(entry)
        if suffix == ".py" and stem != "__init__":
            names.append(stem)
        elif os.path.isfile(os.path.join(folder, entry, "__init__.py")):
            names.append(entry)
    return _did_you_mean(wanted, names) + (f"; modules there: {_enumeration(names)}" if names else "; no module is there")


def _python_files(folder, wanted):
    if not os.path.isdir(folder):
        return f"; there is no directory {folder}"
    names = [n for n in _entries(folder) if n.endswith((".py", ".wsgi")) and n != "__init__.py"]
    by_stem = {os.path.splitext(n)[0]: n for n in names}  # the suffix makes all names alike
    guess = _guess(os.path.splitext(wanted)[0], list(by_stem))
    hint = f'; did you mean "{by_stem[guess]}"?' if guess else ""
    return hint + (f"; files there: {_enumeration(names)}" if names else "; no Python file is there")


def _entries(folder):
    try:
        return sorted(os.listdir(folder))
    except OSError:
        return []


# --- callables ---------------------------------------------------------------------


def attribute_failure(e, module, shown, obj, steps, i):
    name = steps[i][0]
    inside = hasattr(type(obj), name) and _app_frames(e.__traceback__) is not None  # a property's own error
    if inside or not isinstance(e, AttributeError):
        return app_failure(f'"{name}" of {shown} could not be read', e)
    rest = ".".join(n for n, _ in steps[i + 1:] if n)
    if obj is not module:
        before = ".".join(n for n, _ in steps[:i] if n)
        return LoadError("not-found", f'"{before}" of {shown} ({type_name(obj)}) has no attribute "{name}"'
                                      f"{_did_you_mean(name, dir(obj))}")
    for folder in getattr(module, "__path__", ()) if rest else ():
        if os.path.isfile(os.path.join(folder, name + ".py")):
            return LoadError("not-found", f'{shown} has no "{name}" but contains a module of that name; '
                                          f'did you mean "{shown}.{name}:{rest}"?')
    guess = _did_you_mean(name, [n for n, v in vars(module).items() if callable(v)])
    return LoadError("not-found", f'{shown} has no "{name}"{guess}; {_inventory(module, shown)}')


def call_failure(e, factory, expression, shown):
    if isinstance(e, TypeError) and _app_frames(e.__traceback__) is None:  # it never got inside
        if not callable(factory):
            return LoadError("usage", f"{expression} of {shown} can't be called, it is {type_name(factory)}; "
                                      "leave out the parentheses")
        signature = f"; it is {_signature(factory)}" if function_of(factory)[0] else ""
        return LoadError("usage", f"{expression} of {shown} can't be called like that: {_text(e)}{signature}")
    return app_failure(f"{expression} of {shown} failed", e)


def misfit_error(module, shown, expression, obj):
    if expression.endswith(")"):
        return LoadError("usage", f"what {expression} of {shown} returned {misfit(obj)}")
    return LoadError("usage", f'"{expression}" of {shown} {misfit(obj)}; {_inventory(module, shown)}')


def none_to_take(module, shown, order):
    """Nobody named the callable and nothing stands out."""
    flasks = flask_apps(module)
    if flasks:
        return LoadError("usage", f"{shown} has {len(flasks)} Flask apps and none is called application or app: "
                                  f"{_enumeration(list(flasks))}; name one, as in {shown}:{next(iter(flasks))}")
    for name in FACTORIES:
        factory = getattr(module, name, None)
        if isinstance(factory, _FUNCTION):  # one without needs would have been called
            call = name + '("...")'
            return LoadError("usage", f"the factory {_signature(factory)} of {shown} needs arguments; give them, "
                                      f"as in '{shown}:{call}'")
    found = ((name, getattr(module, name, None)) for name in order)
    misfits = [f'"{name}" of {shown} {misfit(obj)}' for name, obj in found if obj is not None]
    if misfits:
        return LoadError("usage", "; ".join(misfits + [_inventory(module, shown)]))
    return LoadError("not-found", f"{shown} has no {order[0]} or {order[1]}, no Flask app and no factory "
                                  f"{FACTORIES[0]} or {FACTORIES[1]}; {_inventory(module, shown)}")


def not_callable(obj):
    if obj is None:
        return "is None; is a return or an assignment missing?"
    if type_name(obj) == "coroutine":
        obj.close()  # or python warns that nobody awaited it
        return "is a coroutine: an async factory makes no WSGI app"
    return f"is not callable, it is {type_name(obj)}"


def wrong_arguments(obj, required):
    call = "()" if required == 0 else '("...") with its arguments'
    hint = f"; if it is a factory, add {call}" if isinstance(obj, _FUNCTION) else ""
    return f"is {_signature(obj)}, which can't be called with (environ, start_response){hint}"


def _signature(obj):
    name = getattr(obj, "__qualname__", None) or type_name(obj)
    f, bound = function_of(obj)
    if f is None:
        return f"{name}(...)"
    code, positional, keywords = f.__code__, f.__code__.co_argcount, f.__code__.co_kwonlyargcount
    names = list(code.co_varnames[bound:positional])
    optional = len(f.__defaults__ or ())
    words = [n + "=..." if i >= len(names) - optional else n for i, n in enumerate(names)]
    if code.co_flags & 0x04:
        words.append("*" + code.co_varnames[positional + keywords])
    elif keywords:
        words.append("*")
    for k in code.co_varnames[positional:positional + keywords]:
        words.append(k + "=..." if k in (f.__kwdefaults__ or {}) else k)
    return f"{name}({', '.join(words)})"


def _inventory(module, shown):
    """What the module does have."""
    flasks, apps, factories, others = list(flask_apps(module)), [], [], []
    for name, obj in list(vars(module).items()):
        if name.startswith("_") or name in flasks or not callable(obj):
            continue
        if not isinstance(obj, (_FUNCTION, type)):
            if type(obj).__module__ not in _IMPORTED_NOISE:
                (others if misfit(obj) else apps).append(f"{name} ({type_name(obj)})")
        elif getattr(obj, "__module__", None) != module.__name__:
            continue  # jsonify, render_template: imported
        elif isinstance(obj, type):
            (others if misfit(obj) else apps).append("class " + name)
        elif misfit(obj) and "app" in name.lower() or name in FACTORIES:
            factories.append(_signature(obj))
        else:
            (others if misfit(obj) else apps).append(_signature(obj))
    kinds = (("Flask apps", flasks), ("callables", apps), ("factories", factories), ("others", others))
    found = [f"{kind}: {_enumeration(names)}" for kind, names in kinds if names]
    return f"{shown} has {'; '.join(found)}" if found else f"{shown} has no callables of its own"


def _did_you_mean(wanted, names):
    guess = _guess(wanted, names)
    return f'; did you mean "{guess}"?' if guess else ""


def _guess(wanted, names):
    guess = [n for n in names if n.lower() == wanted.lower()]
    if wanted and not guess:
        from difflib import get_close_matches

        guess = get_close_matches(wanted, [n for n in names if not n.startswith("_")], 1)
    return guess[0] if guess else ""


def _enumeration(names, most=10):
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return ", ".join(names[:most]) + more


# --- the app's own exceptions ------------------------------------------------------


def app_failure(stage, e):
    """The LoadError for an exception that the app's code raised."""
    if isinstance(e, SystemExit):
        message = f"{stage}: it called sys.exit({'' if e.code is None else repr(e.code)})"
    else:
        message = f"{stage}: {type(e).__name__}: {_text(e)}".rstrip(": ")
    if isinstance(e, ModuleNotFoundError) and e.name and "." not in e.name:
        message += f" (is it installed in {sys.prefix}?)"
    return LoadError("app-error", message, _format(e))


def _app_frames(tb):
    """The traceback from the app's first frame on; above it lie the loader and the import machinery."""
    while tb is not None:
        frame = tb.tb_frame
        ours = str(frame.f_globals.get("__name__")).startswith("_gowsgi_")
        if not ours and not frame.f_code.co_filename.startswith("<frozen importlib"):
            return tb
        tb = tb.tb_next
    return None


def _format(e):
    tb = _app_frames(e.__traceback__)
    if tb is None and not isinstance(e, (SyntaxError, ImportError, OSError, SystemExit)):
        tb = e.__traceback__  # raised by no frame of the app: a fault of the loader, show all
    try:
        import traceback

        return "".join(traceback.format_exception(type(e), e, tb))
    except BaseException:  # a module of the app may shadow one that traceback imports
        return _format_in_c(e, tb)


def _format_in_c(e, tb):
    import io

    stderr, sys.stderr = sys.stderr, io.StringIO()
    try:
        sys.__excepthook__(type(e), e, tb)
        return sys.stderr.getvalue()
    finally:
        sys.stderr = stderr


def _text(e):
    try:
        return str(e)
    except BaseException:
        return "<its str() failed>"
