"""What every Python thread is doing, and an orderly end. Embedded as `_gowsgi_stacks`.

No function raises. None imports threading: the thread that does so first
becomes its MainThread, and only the app's import may decide that.
"""

import _thread
import sys

_OUTERMOST, _INNERMOST = 20, 100  # frames shown of a stack too deep to print


def dump(threads):
    """The stacks of all Python threads but the caller's, as text, innermost call last.

    threads maps thread idents to what they are at ("GET /slow, 12.3 s"; "" for nothing).
    They come first and in the order given, also when Python runs no frame on them.
    """
    try:
        frames = sys._current_frames()
        # Positions first: reading source lines lets the other threads run on.
        stacks = {ident: _positions(frame) for ident, frame in frames.items()}
        del frames  # or their locals live until the text is made
        names = _names()
        order = list(threads) + sorted(i for i in stacks if i not in threads)
        me = _thread.get_ident()
        text = "\n".join(_thread_text(i, names.get(i, ""), threads.get(i, ""), stacks.get(i, []))
                         for i in order if i != me)
        return _encodable(text)
    except BaseException as e:
        return f"Python's stacks can't be read: {type(e).__name__}: {e}\n"


def stack(ident):
    """The stack of one Python thread as text, innermost call last."""
    try:
        positions = _positions(sys._current_frames().get(ident))
        return _encodable(_thread_text(ident, _names().get(ident, ""), "", positions))
    except BaseException as e:
        return f"Python's stacks can't be read: {type(e).__name__}: {e}\n"


def _encodable(text):
    return text.encode("utf-8", "backslashreplace").decode("utf-8")  # C reads no surrogates


def _positions(frame):
    positions = []
    while frame is not None:
        code = frame.f_code
        positions.append((code.co_filename, frame.f_lineno or code.co_firstlineno, code.co_name, frame.f_globals))
        frame = frame.f_back
    return positions[::-1]


def _names():
    threading = sys.modules.get("threading")
    try:
        # Not enumerate(): it waits for a lock, which a wedged thread may hold.
        return {ident: thread.name for ident, thread in list(threading._active.items())}
    except Exception:
        return {}


def _thread_text(ident, name, label, stack):
    lines = [f"Thread {name} (0x{ident:x})" if name else f"Thread 0x{ident:x}"]
    if label:
        lines[0] += ": " + label
    if not stack:
        lines.append("  no Python frame: idle, or in the server")
    skipped = len(stack) - _OUTERMOST - _INNERMOST
    for i, position in enumerate(stack):
        if skipped > 0 and i == _OUTERMOST:
            lines.append(f"  ... {skipped} frames ...")
        if skipped <= 0 or i < _OUTERMOST or i >= _OUTERMOST + skipped:
            lines.extend(_frame_lines(*position))
    return "\n".join(lines) + "\n"


def _frame_lines(file, number, function, module_globals):
    yield f'  File "{file}", line {number}, in {function}'
    try:
        import linecache

        source = linecache.getline(file, number, module_globals).strip()
    except Exception:
        source = ""
    if source:
        yield "    " + source


def shutdown():
    """End the app as the end of a python script does, short of finalizing the interpreter.

    Waits for the app's non-daemon threads, runs atexit functions, flushes: what
    Py_FinalizeEx does first. Call it on Python's main thread, and with a deadline:
    a thread of the app may never end. What fails is printed and doesn't stop the rest.
    """
    for stage in (_wait_for_threads, _run_atexit, _flush):
        try:
            stage()
        except SystemExit:
            pass  # an atexit function's sys.exit() means nothing at this point
        except BaseException as e:
            _print(e)


def _wait_for_threads():
    threading = sys.modules.get("threading")
    if threading is None:
        return
    if hasattr(threading, "_shutdown"):  # 3.9 to 3.13 at least
        threading._shutdown()
        return
    for thread in threading.enumerate():
        if not thread.daemon and thread is not threading.main_thread():
            thread.join()


def _run_atexit():
    import atexit  # built in

    try:
        atexit._run_exitfuncs()  # no public name does it; there from 3.9 to 3.13 at least
    except BaseException:
        if sys.version_info >= (3, 10):
            raise
        # 3.9 has printed the exception before it raises it again


def _flush():
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except Exception:
            pass  # None, closed, or nobody reads it: then nobody misses it


def _print(e):
    try:
        import traceback

        traceback.print_exception(type(e), e, e.__traceback__)
    except BaseException:
        sys.__excepthook__(type(e), e, e.__traceback__)
