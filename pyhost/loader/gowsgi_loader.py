"""Find, import and resolve the WSGI application.

gowsgi embeds this file and executes it once, on the thread that is Python's main
thread, as module `_gowsgi_loader`. It is compiled at every start, and start-up time
counts: it imports only `sys` and `os`, and all that words an error lies in
gowsgi_diagnosis.py, compiled when there is an error. embedded() does that: whoever
executes this file sets EMBEDDED, the sources of the other embedded modules by name.

    load(spec) -> dict     never raises; once for each app

spec (all optional strings; "" and None are the same):
    module      --module      pkg.mod, mod:attr, mod:site.attr, mod:create_app("test", debug=True)
    wsgi_file   --wsgi-file   a path with any suffix
    callable    --callable    what may follow the colon in `module`
    positional  the bare argument, and what --mount names: any form of `module`, a path, or path:attr
None of module, wsgi_file and positional: wsgi.py, then app.py of the working directory.
sys.path[0] must be the working directory already.

The dict of a loaded app: app (the callable), name ("app:app", for people), module (its
key in sys.modules), file (may be ""), type ("flask.Flask"), note (which callable was
taken; "" when it was named), warnings (list of sentences).
The dict of a failure: error, message (one line), traceback ("" unless app-error).
    "usage"      what was asked for can't be meant: ambiguous, no WSGI app, ASGI
    "not-found"  no such module, file or attribute
    "app-error"  the app's own code raised; the traceback is as python would print it
"""

import os
import sys

EMBEDDED = {}  # "_gowsgi_diagnosis" -> source
SERVED = []  # the apps, once they are loaded
FOLDERS = []  # that were put on sys.path for files

FACTORIES = ("create_app", "make_app")
FILE_PREFIX = "gowsgi_file_"  # of modules that no import statement can name


class LoadError(Exception):
    """A failure: its kind, one line for people and, for the app's own, its traceback."""

    def __init__(self, kind, message, traceback=""):
        super().__init__(message)
        self.kind, self.message, self.traceback = kind, message, traceback


def load(spec):
    """Return the app or why there is none; the module's docstring has both shapes."""
    try:
        with _FlaskRunIgnored():
            return _load({k: (v or "").strip() for k, v in spec.items()})
    except LoadError as e:
        failure = e
    except BaseException as e:  # SystemExit included: the app must not end the server from here
        failure = _diagnosis().app_failure("the app could not be loaded", e)
    return {
        "error": failure.kind,
        "message": _printable(" ".join(failure.message.split())),
        "traceback": _printable(failure.traceback),
    }


def embedded(name):
    """The embedded module of that name, executed at its first use."""
    module = sys.modules.get(name)
    if module is None:
        module = type(sys)(name)
        exec(compile(EMBEDDED[name], f"<{name}>", "exec", dont_inherit=True), module.__dict__)
        sys.modules[name] = module
    return module


def _diagnosis():
    return embedded("_gowsgi_diagnosis")


def _load(spec):
    sources = [k for k in ("positional", "module", "wsgi_file") if spec.get(k)]
    if "positional" in sources and len(sources) > 1:
        raise LoadError("usage", f'the app is named twice: {spec["positional"]!r} and '
                                 f'--{sources[1].replace("_", "-")} {spec[sources[1]]!r}; give one of them')
    warnings, order = [], ("application", "app")
    if len(sources) > 1:  # uWSGI loads the module and skips the file
        warnings.append(f'--module {spec["module"]} is used and --wsgi-file {spec["wsgi_file"]} is not')
    if sources:
        target, expression, is_path = _parse_target(spec[sources[0]], sources[0])
        if is_path and sources[0] == "module":
            warnings.append(f"--module {target} is a file: loaded as --wsgi-file would")
    else:
        target, expression, is_path = _discover()
        order = ("app", "application")  # the order of `flask run`
    if spec.get("callable"):
        if expression and expression != spec["callable"]:  # uWSGI too prefers what the colon says
            warnings.append(f'{expression} after the colon is used and --callable {spec["callable"]} is not')
        expression = expression or spec["callable"]

    steps = parse_expression(expression) if expression else None  # before the app's code runs
    module = _import_file(target) if is_path else _import_module(target)
    stem = module.__name__.rpartition(".")[2]
    shown = target if stem.startswith(FILE_PREFIX) else module.__name__
    note = ""
    if steps:
        expression, app = _named_app(module, shown, expression, steps)
    else:
        expression, app = _unnamed_app(module, shown, order)
        note = f'took "{expression}" ({type_name(app)}) from {target if is_path else "module " + target}'
        if not sources:
            note += f", found in {os.getcwd()}"
    SERVED.append(app)
    if is_path and len(SERVED) > 1:
        warnings += _clashes(target)
    return {
        "app": app,
        "name": _printable(f"{shown}:{expression}"),
        "module": _printable(module.__name__),
        "file": _printable(getattr(module, "__file__", None) or ""),
        "type": _printable(type_name(app)),
        "note": _printable(note),
        "warnings": [_printable(w) for w in warnings],
    }


class _FlaskRunIgnored:
    """Flask's app.run() at import level would serve for ever and the import never end.

    Flask itself ignores the call, and says so, while this variable tells it that its own
    CLI loads the app. It goes afterwards: children of the app must not inherit it.
    """

    def __enter__(self):
        self.before = os.environ.get("FLASK_RUN_FROM_CLI")
        os.environ["FLASK_RUN_FROM_CLI"] = "true"

    def __exit__(self, *exc_info):
        if self.before is not None:
            os.environ["FLASK_RUN_FROM_CLI"] = self.before
        else:
            os.environ.pop("FLASK_RUN_FROM_CLI", None)  # the app may have cleared it


_FUNCTION = type(load)
_METHOD = type(_FlaskRunIgnored().__enter__)
_VARARGS, _COROUTINE, _ASYNC_GENERATOR = 0x04, 0x80, 0x200  # bits of code.co_flags


# --- what is asked for -------------------------------------------------------------


def _discover():
    """`flask run` without a name: wsgi.py, then app.py, each also as a package."""
    for name in ("wsgi", "app"):
        if os.path.isfile(name + ".py"):
            return name + ".py", "", True
        if os.path.isfile(os.path.join(name, "__init__.py")):
            return name, "", False
    raise _diagnosis().nothing_named()


def _parse_target(text, source):
    """Split "target:expression" and tell whether target is a path or a module's name."""
    target, colon, expression = text, "", ""
    if not os.path.isfile(text):  # a path may hold a colon itself
        target, colon, expression = (part.strip() for part in text.partition(":"))
    if colon and expression.isdigit():
        raise LoadError("usage", f"{text!r} names no app; to listen there say --http {text}")
    if colon and not (target and expression):
        raise LoadError("usage", f"{text!r} lacks what belongs {'after' if target else 'before'} the colon; "
                                 "write module:callable, as in app:app")
    if source == "wsgi_file" or "/" in target or target in (".", "..") or target.endswith(".py"):
        return target, expression, True
    if os.path.isfile(target) and not os.path.isfile(target.replace(".", "/") + ".py"):
        # proj.wsgi is Django's module; a file of that name counts where there is no such module.
        if source == "positional" or target.endswith(".wsgi"):
            return target, expression, True
    if not all(target.split(".")) or any(c.isspace() for c in target):
        raise LoadError("usage", f"{target!r} is no module's name; write it with dots, as in package.module")
    return target, expression, False


def parse_expression(text):
    """`a.b` or `f("x", y=1).c` as steps: (name, None) gets an attribute, (None, (args, kwargs)) calls."""
    plain = text[:-2] if text.endswith("()") else text
    if all(part.isidentifier() for part in plain.split(".")):
        steps = [(part, None) for part in plain.split(".")]
        return steps + [(None, ((), {}))] if text != plain else steps
    import ast  # the forms above do without: it takes as long to import as this file to compile

    def walk(node):
        if isinstance(node, ast.Name):
            return [(node.id, None)]
        if isinstance(node, ast.Attribute):
            return walk(node.value) + [(node.attr, None)]
        if isinstance(node, ast.Call) and all(k.arg for k in node.keywords):
            args = tuple(ast.literal_eval(a) for a in node.args)
            kwargs = {k.arg: ast.literal_eval(k.value) for k in node.keywords}
            return walk(node.func) + [(None, (args, kwargs))]
        raise ValueError

    try:
        return walk(ast.parse(text, mode="eval").body)
    except (SyntaxError, ValueError, TypeError, MemoryError, RecursionError):
        raise LoadError("usage", f"{text!r} names no callable; write a name (app), a dotted name (site.app) or a "
                                 'call with literal arguments (create_app("test", debug=True))') from None


# --- importing ---------------------------------------------------------------------


def _import_module(name):
    here = os.getcwd() if FOLDERS else sys.path[0] or os.getcwd()
    file = os.path.join(here, name + ".py")
    if os.path.isfile(file) and not os.path.isfile(os.path.join(here, name, "__init__.py")):
        if not _imports_as([name], here, file):
            return _import_file(file)  # site.py: python has imported its own site already
    return _import_name(name)


def _import_name(name):
    try:
        # For __import__ python strips the import machinery's frames as it does for `import`;
        # with a fromlist it returns the last module of a dotted name, not the first.
        module = __import__(name, None, None, ("__name__",))
    except BaseException as e:
        raise _diagnosis().import_failure(name, e) from None
    if getattr(module, "__file__", None) is None and hasattr(module, "__path__"):
        raise LoadError("not-found", f'"{name}" is a directory without __init__.py and has no app of its own; '
                                     f'name a module in it, or go there first: --chdir {name.replace(".", "/")}')
    return module


def _import_file(text):
    """Import a file under the name by which the app's other modules import it, if it has one.

    One name means one copy: `from app import db` elsewhere finds this module, and what is
    pickled here loads in a multiprocessing child, which is given our sys.path.
    """
    path = _existing_file(text)
    folder, file = os.path.split(path)
    stem, suffix = os.path.splitext(file)
    package = []
    if suffix == ".py":
        folder, package = _package_root(folder, path)
    if not same_file(sys.path[0] or os.getcwd(), folder):
        sys.path.insert(0, folder)
    FOLDERS.append(folder)
    if suffix == ".py" and "." not in stem:
        parts = package if stem == "__init__" else package + [stem]
        if parts and _imports_as(parts, folder, path):
            return _import_name(".".join(parts))
    return _exec_file(path, stem, package, folder)


def _existing_file(text):
    path = os.path.abspath(text)
    if os.path.isdir(path):
        path = os.path.join(path, "__init__.py")
        if not os.path.isfile(path):
            raise LoadError("not-found", f"{text} is a directory and no package; to serve the app in it: --chdir {text}")
    if not os.path.exists(path):
        raise _diagnosis().no_such_file(text, path)
    # As for python's script: a linked file counts where it really is, a linked directory
    # above it (/srv/current) stays as it was named.
    return os.path.realpath(path) if os.path.islink(path) else path


def _package_root(folder, path):
    """Walk up over packages: the directory for sys.path and the packages' names.

    The working directory is where to import from even if it holds an __init__.py: siblings
    say `from app import db`, and `proj.app` would be a second copy of app. Only a file
    right in it that imports relatively shows itself to be a member of that package.
    """
    package, cwd, start = [], os.getcwd(), folder
    while os.path.isfile(os.path.join(folder, "__init__.py")):
        if same_file(folder, cwd) and not (folder == start and _imports_relatively(path)):
            break
        parent, name = os.path.split(folder)
        if not name:
            break
        folder, package = parent, [name] + package
    return folder, package


def _imports_relatively(path):
    try:
        with open(path, "rb") as f:
            words = (line.split(None, 2) for line in f)
            return any(w[0] == b"from" and w[1].startswith(b".") for w in words if len(w) > 2)
    except OSError:
        return False  # the import will say it better


def _imports_as(parts, root, path):
    """Does `import a.b` give this very file? Not where time, an imported code.py or a package app/ is in the way."""
    if len(parts) > 1 and not _imports_as(parts[:-1], root, os.path.join(root, *parts[:-1], "__init__.py")):
        return False
    loaded = sys.modules.get(".".join(parts))
    if loaded is not None:
        return same_file(getattr(loaded, "__file__", None) or "", path)
    if len(parts) > 1:
        package = os.path.join(root, *parts, "__init__.py")
        return same_file(package, path) or not os.path.isfile(package)
    for finder in sys.meta_path:
        spec = finder.find_spec(parts[0], None) if hasattr(finder, "find_spec") else None
        if spec is not None:
            return same_file(spec.origin or "", path)
    return False


def _clashes(target):
    """Sentences about modules that two apps' folders have by the same name: sys.modules has room for one of them.

    The apps' own files are told apart: see _exec_file.
    """
    folder, own = FOLDERS[-1], os.path.splitext(os.path.basename(target))[0]
    for other in [os.getcwd()] + FOLDERS[:-1]:
        names = set() if same_file(other, folder) else (_names(other) & _names(folder)) - {own}
        if names:
            return [f"{target}: {other} has {', '.join(sorted(names))}, too, and all apps share one interpreter: an import "
                    "of that name gives the same module to each of them; rename one"]
    return []


def _names(folder):
    """What an import finds in a folder."""
    try:
        entries = os.listdir(folder)
    except OSError:  # the import has said it
        return set()
    files = {e[:-3] for e in entries if e.endswith(".py") and e[:-3].isidentifier()}
    return files | {e for e in entries if os.path.isfile(os.path.join(folder, e, "__init__.py"))}


def _exec_file(path, stem, package, root):
    """Load a file that no import statement reaches, under a name that is in nobody's way.

    app.wsgi often says `from app import app`: it must not take that name itself.
    """
    from importlib.machinery import SourceFileLoader
    from importlib.util import module_from_spec, spec_from_file_location

    class Uncached(SourceFileLoader):
        def path_stats(self, path):
            raise OSError  # no bytecode file: app.wsgi would share app.py's

    name = FILE_PREFIX + "".join(c if c.isalnum() else "_" for c in stem)
    if name in sys.modules:  # another app's file
        name = next(n for n in (f"{name}_{i}" for i in range(2, 1 << 30)) if n not in sys.modules)
    if package and _imports_as(package, root, os.path.join(root, *package, "__init__.py")):
        _import_name(".".join(package))
        name = ".".join(package + [name])
    module = module_from_spec(spec_from_file_location(name, path, loader=Uncached(name, path)))
    sys.modules[name] = module
    try:
        module.__spec__.loader.exec_module(module)
    except BaseException as e:
        raise _diagnosis().file_failure(path, e) from None
    return sys.modules.get(name, module)


# --- from the module to the callable ----------------------------------------------


def _named_app(module, shown, expression, steps):
    obj = module
    for i, (name, call) in enumerate(steps):
        if call is not None:
            obj = _call(obj, call, expression, shown)
            continue
        try:
            obj = getattr(obj, name)
        except BaseException as e:
            raise _diagnosis().attribute_failure(e, module, shown, obj, steps, i) from None
    if steps[-1][0] in FACTORIES and isinstance(obj, _FUNCTION) and arity(obj)[0] == 0:
        expression += "()"  # Flask's CLI takes a factory without its parentheses too
        obj = _call(obj, ((), {}), expression, shown)
    if misfit(obj):
        raise _diagnosis().misfit_error(module, shown, expression, obj)
    return expression, obj


def _unnamed_app(module, shown, order):
    for name in order:
        app = getattr(module, name, None)
        if app is not None and not misfit(app):
            return name, app
    flasks = flask_apps(module)
    if len({id(app) for app in flasks.values()}) == 1:
        return next(iter(flasks.items()))
    if not flasks:
        for name in FACTORIES:
            factory = getattr(module, name, None)
            if isinstance(factory, _FUNCTION) and arity(factory)[0] == 0:
                app = _call(factory, ((), {}), name + "()", shown)
                if misfit(app):
                    raise _diagnosis().misfit_error(module, shown, name + "()", app)
                return name + "()", app
    raise _diagnosis().none_to_take(module, shown, order)


def _call(factory, call, expression, shown):
    args, kwargs = call
    try:
        return factory(*args, **kwargs)
    except BaseException as e:
        raise _diagnosis().call_failure(e, factory, expression, shown) from None


def misfit(obj):
    """Why obj can't be a WSGI app, as a predicate for it, or None. What can't be seen from outside passes."""
    if not callable(obj):
        return _diagnosis().not_callable(obj)
    if _is_plain_class(obj) and not (hasattr(obj, "__iter__") or hasattr(obj, "__getitem__")):
        return "is a class whose instances can't be iterated, so no WSGI app; name an instance of it"
    f, bound = function_of(obj)
    if f is None:
        return None
    names = f.__code__.co_varnames[bound:f.__code__.co_argcount]
    if f.__code__.co_flags & (_COROUTINE | _ASYNC_GENERATOR) or names[:3] == ("scope", "receive", "send"):
        return (f"is an ASGI app ({type_name(obj)}) and gowsgi serves WSGI: wrap it "
                "(a2wsgi.ASGIMiddleware) or use an ASGI server")
    required, most = arity(obj)
    if required > 2 or most < 2:
        return _diagnosis().wrong_arguments(obj, required)
    return None


def function_of(obj):
    """The plain function that a call of obj enters, and how many of its parameters are bound; or (None, 0)."""
    if isinstance(obj, _FUNCTION):
        return obj, 0
    if isinstance(obj, _METHOD):
        return (obj.__func__, 1) if isinstance(obj.__func__, _FUNCTION) else (None, 0)
    owner, name = type(obj), "__call__"
    if _is_plain_class(obj):
        owner, name = obj, "__init__"
    elif isinstance(obj, type):
        return None, 0
    f = next((c.__dict__[name] for c in owner.__mro__ if name in c.__dict__), None)
    return (f, 1) if isinstance(f, _FUNCTION) else (None, 0)


def _is_plain_class(obj):
    """A class whose call gives an instance made by its __init__."""
    return isinstance(obj, type) and type(obj).__call__ is type.__call__ and obj.__new__ is object.__new__


def arity(obj):
    """How many positional arguments a call needs and takes; (0, inf) where that can't be seen."""
    f, bound = function_of(obj)
    if f is None:
        return 0, float("inf")
    code = f.__code__
    takes = max(code.co_argcount - bound, 0)
    needs = max(takes - len(f.__defaults__ or ()), 0)
    keywords = code.co_varnames[code.co_argcount:code.co_argcount + code.co_kwonlyargcount]
    if any(k not in (f.__kwdefaults__ or {}) for k in keywords):
        return max(needs, 1), 0  # no call without keywords fits
    return needs, float("inf") if code.co_flags & _VARARGS else takes


def flask_apps(module):
    """The module's Flask apps by name. Flask isn't imported for it: who has an app of it did that."""
    flask = getattr(sys.modules.get("flask"), "Flask", None)
    if not isinstance(flask, type):
        return {}
    # type(), not isinstance(): a proxy such as flask.current_app answers for what it stands for.
    return {n: v for n, v in list(vars(module).items()) if issubclass(type(v), flask)}


def type_name(obj):
    kind = type(obj)
    if isinstance(obj, type):
        return "class " + obj.__qualname__
    if kind.__module__ == "builtins":
        return kind.__name__
    package = kind.__module__.partition(".")[0]
    public = getattr(sys.modules.get(package), kind.__name__, None) is kind  # flask.Flask, not flask.app.Flask
    return f"{package if public else kind.__module__}.{kind.__qualname__}"


def same_file(a, b):
    try:
        return os.path.samefile(a, b)
    except OSError:
        return False


def _printable(text):
    """Text that encodes as UTF-8: names of files may hold surrogates, which C callers can't read."""
    return text.encode("utf-8", "backslashreplace").decode("utf-8")
