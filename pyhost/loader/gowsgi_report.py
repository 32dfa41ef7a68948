"""What there is to say about an exception in a request. Embedded as `_gowsgi_report`.

    report(exception, environ, body) -> dict, ready for JSON

    type, message   of the exception
    traceback       as Python prints it
    exceptions      it, and what it comes from or holds, each: relation ("" for itself), type, message, notes, frames
                    frame: file, line, function, library, source ([[number, text]]), locals ([[name, text]])
    request         method, url, protocol, remote, args, form, body, headers (pairs, secrets masked)
    python          version

Everything is bounded, in length and count. Secrets are masked by their names: of locals, of the keys of
mappings, and of what looks like name=value or name: value in any other repr.
"""

import builtins
import contextvars
import itertools
import linecache
import re
import reprlib
import sys
import threading
import time
import traceback
from collections.abc import Mapping
from urllib.parse import parse_qsl

MASK = "********"

_CONTEXT = 5                    # lines of source before and after
_OUTERMOST, _INNERMOST = 8, 24  # frames shown of a deep stack
_LOCALS = 40                    # of a frame
_EXCEPTIONS = 12                # of a chain, with the members of groups
_LINE, _VALUE = 400, 600        # characters
_MESSAGE, _TRACEBACK = 4000, 100_000
_PAIRS = 100                    # headers, args, fields of a form

_NAMES = r"passw|passphrase|pwd|token|secret|key|auth(?!or(?!i))|cookie|credential|session_?id|csrf|signature"
_secret_name = re.compile(_NAMES, re.IGNORECASE).search
_pair = re.compile(rf"""((?:{_NAMES})[\w.-]*['"]?\s*[:=]\s*)"""
                   r"""(b?'(?:[^'\\]|\\.)*(?:'|$)|b?"(?:[^"\\]|\\.)*(?:"|$)|[^\s,;&)}\]]+)""", re.IGNORECASE)
_url_password = re.compile(r"(://[^\s/:@]*:)[^\s/@]+@")


def report(exception, environ, body):
    exceptions = _exceptions(exception)
    _fill_locals(exceptions)
    return {
        "type": _type_name(exception),
        "message": _message(exception),
        "traceback": _traceback(exception),
        "exceptions": exceptions,
        "request": _request(environ, body),
        "python": sys.version.split()[0],
    }


# --- the exceptions and their frames -----------------------------------------------


def _exceptions(exception):
    """The exception, what it comes from and what it holds, the outermost first."""
    found, seen, todo = [], set(), [(exception, "")]
    while todo and len(found) < _EXCEPTIONS:
        e, relation = todo.pop(0)
        if id(e) in seen:
            continue
        seen.add(id(e))
        found.append({"relation": relation, "type": _type_name(e), "message": _message(e),
                      "notes": _notes(e), "frames": _frames(e)})
        members = getattr(e, "exceptions", None)
        if isinstance(members, (tuple, list)):
            todo += [(m, f"{i + 1} of {len(members)} in the group") for i, m in enumerate(members)
                     if isinstance(m, BaseException)]
        if e.__cause__ is not None:
            todo.append((e.__cause__, "the direct cause"))
        elif e.__context__ is not None and not e.__suppress_context__:
            todo.append((e.__context__, "being handled when it came"))
    return found


def _type_name(e):
    kind = type(e)
    return kind.__qualname__ if kind.__module__ in ("builtins", "__main__") else f"{kind.__module__}.{kind.__qualname__}"


def _message(e):
    try:
        return _cut(str(e), _MESSAGE)
    except BaseException as failure:
        return f"<its str() raised {type(failure).__name__}>"


def _notes(e):
    notes = getattr(e, "__notes__", None)  # 3.11
    return [_cut(n, _MESSAGE) for n in notes[:10] if isinstance(n, str)] if isinstance(notes, list) else []


def _traceback(e):
    try:
        return _cut("".join(traceback.format_exception(type(e), e, e.__traceback__)), _TRACEBACK)
    except BaseException:
        return f"{_type_name(e)} (its traceback could not be formatted)\n"


def _frames(e):
    positions, tb = [], e.__traceback__
    while tb is not None:
        positions.append((tb.tb_frame, tb.tb_lineno))
        tb = tb.tb_next
    skipped = len(positions) - _OUTERMOST - _INNERMOST
    if skipped > 0:
        positions[_OUTERMOST:_OUTERMOST + skipped] = [(None, skipped)]
    frames = [_frame(*position) for position in positions]
    if isinstance(e, SyntaxError) and e.filename and e.lineno:
        place = _place(e.filename, e.lineno, "", None)
        if not place["source"] and e.text:
            place["source"] = [[e.lineno, _cut(e.text.rstrip("\n"), _LINE)]]
        frames.append(place)
    return frames


def _frame(frame, line):
    if frame is None:
        return {"file": "", "line": 0, "function": f"... {line} frames ...", "library": True, "source": [], "locals": []}
    place = _place(frame.f_code.co_filename, line, frame.f_code.co_name, frame.f_globals)
    try:
        names = [n for n in list(frame.f_locals) if not n.startswith("__")]
        place["locals"] = [(n, frame.f_locals[n]) for n in names[:_LOCALS]]  # their values: _fill_locals
    except Exception:
        pass
    return place


def _place(file, line, function, module_globals):
    source = []
    try:
        linecache.checkcache(file)
        lines = linecache.getlines(file, module_globals)
        first = max(line - _CONTEXT, 1)
        source = [[first + i, _cut(text.rstrip("\n"), _LINE)] for i, text in enumerate(lines[first - 1:line + _CONTEXT])]
    except Exception:
        pass
    return {"file": file, "line": line, "function": function, "library": _is_library(file), "source": source, "locals": []}


def _is_library(file):
    """Is it a file that the app's people have not written?"""
    return file.startswith("<") or any(part in file for part in ("/site-packages/", "/dist-packages/", "/lib/python"))


# --- values ------------------------------------------------------------------------


def _fill_locals(exceptions):
    places = [p for e in exceptions for p in e["frames"]]
    values = [value for p in places for _, value in p["locals"]]
    names = [name for p in places for name, _ in p["locals"]]
    texts = iter(describe(names, values))
    for p in places:
        p["locals"] = [[name, next(texts)] for name, _ in p["locals"]]


_EACH, _ALL = 0.5, 2.5  # seconds that one repr, and all, may take


def describe(names, values):
    """The values' reprs, as far as their names allow.

    A repr is the app's code: it may hang. So another thread makes them, which is left behind with the one
    that hangs, and a new one goes on behind it.
    """
    texts = [None] * len(values)
    end = time.monotonic() + _ALL
    at = 0
    while at < len(values) and time.monotonic() < end:
        thread = _Describing(names, values, texts, at)
        thread.start()
        at = thread.watch(end)
    return ["<not shown: the others took too long>" if t is None else t for t in texts]


class _Describing(threading.Thread):
    def __init__(self, names, values, texts, at):
        super().__init__(name="gowsgi-page", daemon=True)
        self.names, self.values, self.texts, self.at = names, values, texts, at
        self.given_up = False
        self.context = contextvars.copy_context()  # proxies such as flask.g look there

    def run(self):
        self.context.run(self.describe)

    def describe(self):
        while self.at < len(self.values) and not self.given_up:
            text = safe_repr(self.names[self.at], self.values[self.at])
            if not self.given_up:
                self.texts[self.at] = text
                self.at += 1

    def watch(self, end):
        """Wait, as long as things move. Where the next thread is to begin."""
        while True:
            at, left = self.at, min(_EACH, end - time.monotonic())
            self.join(max(left, 0))
            if not self.is_alive():
                return max(self.at, at + 1)  # ended before its time: it can't, but must not be for ever
            if self.at == at or left <= 0:
                self.given_up = True
                self.texts[at] = "<its repr takes too long>"
                return at + 1


def safe_repr(name, value):
    """The repr of what is called name, bounded; never raises."""
    try:
        if is_secret(name, value):
            return MASK
        return _cut(hide(_describer.repr(value)), _VALUE)
    except BaseException as e:
        return f"<the repr of this {type(value).__name__} raised {type(e).__name__}>"


def is_secret(name, value):
    """Has a value to be masked for its name? One that says nothing, such as None, has not."""
    if isinstance(name, bytes):
        name = name.decode("latin-1")
    return isinstance(name, str) and _secret_name(name) is not None and not (value is None or value is False or value == "")


def hide(text):
    """Mask what looks like a secret with its name."""
    return _url_password.sub(rf"\g<1>{MASK}@", _pair.sub(rf"\g<1>{MASK}", text))


class _Describer(reprlib.Repr):
    """reprlib's bounds, and no secrets in mappings."""

    def __init__(self):
        super().__init__()
        self.maxlevel = 3
        self.maxlist = self.maxtuple = self.maxset = self.maxfrozenset = self.maxdeque = self.maxarray = self.maxdict = 16
        self.maxstring = self.maxother = self.maxlong = _VALUE

    def repr1(self, x, level):
        kind = type(x)  # isinstance would ask a proxy for what it stands for
        if issubclass(kind, Mapping):
            return self.mapping(x, kind, level)
        if kind in (bytes, bytearray):
            return _cut(builtins.repr(x[:self.maxstring]), self.maxstring)
        if kind.__module__ != "builtins" and hasattr(self, "repr_" + kind.__name__) and kind.__module__ != "collections":
            return self.repr_instance(x, level)  # a class of the app that is called list
        return super().repr1(x, level)

    def mapping(self, x, kind, level):
        if level <= 0:
            return "{...}"
        items = []
        for key, value in itertools.islice(x.items(), self.maxdict):
            shown = MASK if is_secret(key, value) else self.repr1(value, level - 1)
            items.append(f"{self.repr1(key, level - 1)}: {shown}")
        if len(x) > self.maxdict:
            items.append("...")
        text = "{" + ", ".join(items) + "}"
        return text if kind is dict else f"{kind.__name__}({text})"

    def repr_instance(self, x, level):
        return _cut(builtins.repr(x), self.maxother)


_describer = _Describer()


def _cut(text, most):
    """Text that encodes as UTF-8, its middle left out if it is too long."""
    if len(text) > most:
        text = f"{text[:most * 2 // 3]} ... {text[-(most // 3):]}"
    return text.encode("utf-8", "backslashreplace").decode("utf-8")


# --- the request -------------------------------------------------------------------


def _request(environ, body):
    content_type = environ.get("CONTENT_TYPE", "")
    form = []
    if content_type.lower().startswith("application/x-www-form-urlencoded"):
        form = _fields(body.decode("latin-1"))
    headers = [(key[5:], value) for key, value in environ.items() if key.startswith("HTTP_")]
    headers += [(key, environ[key]) for key in ("CONTENT_TYPE", "CONTENT_LENGTH") if environ.get(key)]
    return {
        "method": environ.get("REQUEST_METHOD", ""),
        "url": _cut(hide(_url(environ)), 2000),
        "protocol": environ.get("SERVER_PROTOCOL", ""),
        "remote": environ.get("REMOTE_ADDR", "") or "UNIX socket",
        "args": _fields(environ.get("QUERY_STRING", "")),
        "form": form,
        "body": f"{len(body)} bytes" if body and not form else "",
        "headers": [_named(key.replace("_", "-").title(), _text(value)) for key, value in headers[:_PAIRS]],
    }


def _url(environ):
    host = environ.get("HTTP_HOST") or "{SERVER_NAME}:{SERVER_PORT}".format_map(environ)
    target = environ.get("REQUEST_URI", "")
    return f"{environ.get('wsgi.url_scheme', 'http')}://{_text(host)}{_text(target)}" if target.startswith("/") else _text(target)


def _fields(text):
    try:
        pairs = parse_qsl(_text(text), keep_blank_values=True, errors="replace", max_num_fields=1000)
    except ValueError:
        return []
    return [_named(name, value) for name, value in pairs[:_PAIRS]]


def _named(name, value):
    return [_cut(name, 200), MASK if is_secret(name, value) else _cut(hide(value), _VALUE)]


def _text(value):
    """An environ's string, which is latin-1 by PEP 3333, as people mean it."""
    return value.encode("latin-1", "replace").decode("utf-8", "replace")
