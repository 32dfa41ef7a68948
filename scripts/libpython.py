"""Writes build/TAG/python3.pc and build/TAG/env for the interpreter that runs it.

scripts/lib.sh runs this file with the chosen interpreter and reads the one
line it prints: the directory build/TAG. All that is written comes from
sysconfig, never from a guess about the platform. A failure is one line on
stderr that names what to install, and exit code 1.

TAG is the ABI and a hash of everything that changes what the C compiler sees,
so that several interpreters can be built for side by side. It also goes to the
compiler as -DGOWSGI_PYTHON_TAG: Go's build cache keys on flags, but neither on
pkg-config's answer nor on headers outside of the package, so without the
define a change of interpreter would silently reuse the old objects.
"""

import hashlib
import os
import platform
import subprocess
import sys
import sysconfig

OLDEST = (3, 9)
MINOR = "%d.%d" % sys.version_info[:2]


def var(name):
    return sysconfig.get_config_var(name) or ""


def fail(message):
    sys.exit("gowsgi: " + message)


def install_hint():
    """The command that brings headers and libpython for this interpreter."""
    base = getattr(sys, "base_prefix", sys.prefix)
    if os.sep + ".pyenv" + os.sep in base + os.sep or os.environ.get("PYENV_ROOT", "\0") in base:
        return "PYTHON_CONFIGURE_OPTS=--enable-shared pyenv install --force " + platform.python_version()
    if sys.platform == "darwin":
        return "brew install python@" + MINOR
    if base == "/usr":
        return "apt-get install python3-dev libpython%s-dev" % MINOR
    return "rebuild it with ./configure --enable-shared"


def first_dir_with(name, dirs):
    for directory in dirs:
        if name and directory and os.path.isfile(os.path.join(directory, name)):
            return directory
    return ""


def include_dirs():
    """Where Python.h and pyconfig.h are (two directories on some systems)."""
    # INCLUDEPY is the build machine's path in relocated interpreters (uv,
    # python-build-standalone); get_path follows the interpreter.
    dirs = [sysconfig.get_path("include"), sysconfig.get_path("platinclude"), var("INCLUDEPY"), var("CONFINCLUDEPY")]
    found = []
    for header in ("Python.h", "pyconfig.h"):
        directory = first_dir_with(header, dirs)
        if not directory:
            fail("%s has no %s (C headers); install them: %s" % (sys.executable, header, install_hint()))
        if directory not in found:
            found.append(directory)
    return found


def lib_dirs():
    libdir, multiarch = var("LIBDIR"), var("MULTIARCH")
    prefix_lib = os.path.join(getattr(sys, "base_prefix", sys.prefix), "lib")
    return [libdir, os.path.join(libdir, multiarch), prefix_lib, os.path.join(prefix_lib, multiarch), var("LIBPL")]


def is_system_dir(directory):
    """True where the dynamic linker looks by itself; all else needs an rpath."""
    system = ["/lib", "/usr/lib", "/lib64", "/usr/lib64"]
    system += [os.path.join(name, var("MULTIARCH")) for name in system if var("MULTIARCH")]
    return os.path.realpath(directory) in [os.path.realpath(name) for name in system]


def shared_libs():
    """Link flags for a shared libpython, or nothing."""
    name = "libpython%s.%s" % (var("LDVERSION") or MINOR, "dylib" if sys.platform == "darwin" else "so")
    # PYTHONFRAMEWORK: macOS' framework builds keep libpythonX.Y.dylib in LIBDIR.
    if not (var("Py_ENABLE_SHARED") or var("PYTHONFRAMEWORK")):
        return []
    directory = first_dir_with(name, lib_dirs())
    if not directory:
        return []
    flags = ["-L" + directory, "-lpython" + (var("LDVERSION") or MINOR)]
    if not is_system_dir(directory):
        flags.append("-Wl,-rpath," + directory)
    return flags


def static_libs(tag_dir):
    """Link flags for a static libpython, or nothing.

    Extension modules look up the C API in the executable, so all of the
    archive must be in it and be exported. --whole-archive can't be said here:
    Go repeats these flags for each cgo package, and a second copy would be a
    duplicate of every symbol. An archive with one member, all of libpython,
    has the same effect and may be repeated.
    """
    name = var("LIBRARY") or "libpython%s.a" % MINOR
    directory = first_dir_with(name, [var("LIBPL")] + lib_dirs())
    if not directory:
        return []
    archive = os.path.join(directory, name)
    whole = os.path.join(tag_dir, "libgowsgi_python.a")
    mac = sys.platform == "darwin"
    if not os.path.exists(whole):
        os.makedirs(tag_dir, exist_ok=True)
        member = os.path.join(tag_dir, "libpython.o")
        load_all = ["-Wl,-all_load", archive] if mac else ["-Wl,--whole-archive", archive, "-Wl,--no-whole-archive"]
        compiler = os.environ.get("CC", "cc").split()
        subprocess.run(compiler + ["-r", "-nostdlib", "-o", member] + load_all, check=True)
        subprocess.run(["ar", "rcs", whole + ".tmp", member], check=True)
        os.remove(member)
        os.replace(whole + ".tmp", whole)
    flags = ["-L" + tag_dir, "-lgowsgi_python"]
    for name in ("LIBS", "SYSLIBS", "MODLIBS"):
        flags += [flag for flag in var(name).split() if not flag.startswith("-Wl,-rpath")]
    return flags if mac else flags + ["-rdynamic"]


def hash_of(paths, words):
    digest = hashlib.sha256("\0".join(words).encode())
    for path in paths:
        with open(path, "rb") as file:
            digest.update(file.read())
    return digest.hexdigest()[:10]


def pc_quote(flag):
    return flag.replace("\\", "\\\\").replace(" ", "\\ ")


def go_quote(flag):
    """As Go reads lists of flags from the environment: quotes, no escapes."""
    return "'%s'" % flag if " " in flag else flag


def sh_quote(text):
    return "'" + text.replace("'", "'\\''") + "'"


def write_if_changed(path, text):
    try:
        with open(path) as file:
            if file.read() == text:
                return
    except OSError:
        pass
    with open(path + ".tmp", "w") as file:
        file.write(text)
    os.replace(path + ".tmp", path)


def env_text(tag, tag_dir, compat):
    """Shell lines; each keeps what the user's environment says, after ours.

    CGO_CPPFLAGS and not CGO_CFLAGS: Go puts pkg-config's -I between the two,
    and the compat directory must come before the interpreter's. cpy3 calls
    functions that CPython has deprecated since; pyhost, whose own flags come
    after these, asks for that warning again.
    """
    cpp = go_quote("-I" + compat) + " -DGOWSGI_PYTHON_TAG=" + tag + " -Wno-deprecated-declarations"
    return "\n".join(
        [
            # What the user had, kept apart: this may be read again by a nested
            # script, perhaps for another interpreter.
            "export OUTER_CGO_CPPFLAGS=${OUTER_CGO_CPPFLAGS-${CGO_CPPFLAGS-}}",
            "export OUTER_PKG_CONFIG_PATH=${OUTER_PKG_CONFIG_PATH-${PKG_CONFIG_PATH-}}",
            "export CGO_CPPFLAGS=%s${OUTER_CGO_CPPFLAGS:+ $OUTER_CGO_CPPFLAGS}" % sh_quote(cpp),
            "export PKG_CONFIG_PATH=%s${OUTER_PKG_CONFIG_PATH:+:$OUTER_PKG_CONFIG_PATH}" % sh_quote(tag_dir),
            "export CGO_ENABLED=1",
            "PYTHON_VERSION=" + platform.python_version(),
            "",
        ]
    )


def main(root):
    if sys.implementation.name != "cpython":
        fail("%s is %s, gowsgi embeds CPython; set PYTHON to a CPython %d.%d or newer" % ((sys.executable, sys.implementation.name) + OLDEST))
    if sys.version_info < OLDEST:
        fail("%s is Python %s, gowsgi needs %d.%d or newer; set PYTHON to one" % ((sys.executable, MINOR) + OLDEST))
    includes = include_dirs()
    compat = os.path.join(root, "pyhost", "compat")
    words = [sys.version, root] + includes + lib_dirs() + [str(var(n)) for n in ("Py_ENABLE_SHARED", "LDLIBRARY", "LIBS", "LIBPL")]
    headers = [os.path.join(compat, "Python.h"), os.path.join(includes[-1], "pyconfig.h")]
    tag = "cp%d%d%s_%s" % (sys.version_info[0], sys.version_info[1], getattr(sys, "abiflags", ""), hash_of(headers, words))
    tag_dir = os.path.join(root, "build", tag)
    libs = shared_libs() or static_libs(tag_dir)
    if not libs:
        fail("%s has neither a shared nor a static libpython; install one: %s" % (sys.executable, install_hint()))
    os.makedirs(tag_dir, exist_ok=True)
    pc = "Name: Python\nDescription: %s\nVersion: %s\nCflags: %s\nLibs: %s\n" % (
        "the CPython that gowsgi is built for, written by scripts/libpython.py",
        MINOR,
        " ".join(pc_quote("-I" + directory) for directory in includes),
        " ".join(pc_quote(flag) for flag in libs),
    )
    write_if_changed(os.path.join(tag_dir, "python3.pc"), pc)
    write_if_changed(os.path.join(tag_dir, "env"), env_text(tag, tag_dir, compat))
    print(tag_dir)


if __name__ == "__main__":
    main(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
