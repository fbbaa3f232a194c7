#!/usr/bin/env python3
"""Installs all that FCN Studio needs on a fresh machine and runs it: ``bootstrap.py demo`` or ``bootstrap.py test``.

Only the standard library is used. It makes its own virtual environment (``.venv`` beside the checkout's files, or
where ``FCN_STUDIO_VENV`` says), and on a Debian-like Linux installs the system libraries that Qt's wheels expect.
``--python python3.13`` takes another Python than the one that runs it, and an environment of its own, ``.venv-3.13``.
"""

from __future__ import annotations

import argparse
import ctypes.util
import os
import shutil
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
VENV = Path(os.environ.get("FCN_STUDIO_VENV", ROOT / ".venv"))
BIN = VENV / ("Scripts" if os.name == "nt" else "bin")
PYTHON = BIN / ("python.exe" if os.name == "nt" else "python")

LIBRARIES = {
    "EGL": "libegl1", "GL": "libgl1", "OpenGL": "libopengl0", "xkbcommon-x11": "libxkbcommon-x11-0",
    "dbus-1": "libdbus-1-3", "fontconfig": "libfontconfig1", "freetype": "libfreetype6", "glib-2.0": "libglib2.0-0",
    "xcb-cursor": "libxcb-cursor0", "xcb-icccm": "libxcb-icccm4", "xcb-image": "libxcb-image0",
    "xcb-keysyms": "libxcb-keysyms1", "xcb-randr": "libxcb-randr0", "xcb-render-util": "libxcb-render-util0",
    "xcb-shape": "libxcb-shape0", "xcb-xinerama": "libxcb-xinerama0", "xcb-xkb": "libxcb-xkb1",
}  # fmt: skip
"""Library -> Debian's package of it."""

TWO_AT_A_TIME = ["-n", "2", "--dist", "loadfile", "--no-loadscope-reorder"]
"""Options of pytest for all tests. Tests of one file share a process; the many short files come last."""

PROGRAMS = {"Xvfb": "xvfb", "xvfb-run": "xvfb", "xauth": "xauth"}
"""Program -> Debian's package of it; the journeys of the tests open real windows on a virtual screen."""

CHINESE_FONT = Path("/usr/share/fonts/truetype/wqy/wqy-microhei.ttc")
"""A font in which pictures of the window in Chinese can be read; all tests pass without it."""


def main() -> int:
    """Install, then run; the exit code of what was run."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--python", help="run with this interpreter, in an environment of its own (.venv-X.Y)")
    parser.add_argument("what", choices=["demo", "test", "install"])
    parser.add_argument("arguments", nargs=argparse.REMAINDER, help="passed on to the demo or to pytest")
    options = parser.parse_args()
    if options.python:
        return run_with(options.python, [options.what, *options.arguments])
    if sys.version_info < (3, 11):  # noqa: UP036 - whoever runs it may have an older one
        sys.exit(f"FCN Studio needs Python 3.11 or newer; this is {sys.version.split()[0]}")
    system_libraries(test=options.what == "test")
    virtual_environment()
    install("[dev]" if options.what == "test" else "")
    if options.what == "install":
        return 0
    if options.what == "demo":
        return subprocess.call([BIN / "fcn-studio", "demo", *options.arguments])
    return checks(options.arguments)


def version_of(python: str | Path) -> str:
    """Return the version of an interpreter, as "3.13"."""
    code = "import sys; print('%d.%d' % sys.version_info[:2])"
    return subprocess.check_output([python, "-c", code], text=True).strip()


def run_with(python: str, words: list[str]) -> int:
    """Run this file with another interpreter; the exit code of that run."""
    environment = {"FCN_STUDIO_VENV": str(ROOT / f".venv-{version_of(python)}"), **os.environ}
    return subprocess.call([python, __file__, *words], env=environment)


def system_libraries(*, test: bool) -> None:
    """On a Debian-like system install what is missing; elsewhere Qt's wheels bring or find what they need."""
    if sys.platform != "linux":
        return
    missing = [package for library, package in LIBRARIES.items() if not ctypes.util.find_library(library)]
    if test:
        missing += [package for program, package in PROGRAMS.items() if not shutil.which(program)]
    if not missing:
        return
    if test and not CHINESE_FONT.exists():
        missing.append("fonts-wqy-microhei")  # no need: it only comes along, for screenshots
    become_root = [] if os.geteuid() == 0 else ["sudo", "-n"]
    if not all(map(shutil.which, ["apt-get", *become_root[:1]])):
        print(f"note: Qt may miss system libraries; on Debian they are in {' '.join(missing)}", flush=True)
        return
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    apt = [*become_root, "apt-get", "-qq", "-o", "Dpkg::Use-Pty=0"]
    print(f"installing system libraries: {' '.join(missing)}", flush=True)
    subprocess.run([*apt, "update"], env=environment, check=False)
    done = subprocess.run([*apt, "install", "-y", "--no-install-recommends", *missing], env=environment, check=False)
    if done.returncode != 0:
        print(f"note: not all could be installed; as root: apt-get install -y {' '.join(missing)}", flush=True)


def virtual_environment() -> None:
    """Make the virtual environment if it is not there; Debian keeps ``venv`` in a package of its own."""
    if PYTHON.exists() and subprocess.call([PYTHON, "-m", "pip", "--version"], stdout=subprocess.DEVNULL) == 0:
        if version_of(PYTHON) != version_of(sys.executable):
            print(f"note: {VENV} has Python {version_of(PYTHON)}; --python makes another beside it", flush=True)
        return
    print(f"making the virtual environment {VENV}", flush=True)
    if subprocess.call([sys.executable, "-m", "venv", "--clear", VENV], stdout=subprocess.DEVNULL) == 0:
        return
    print("this Python came without ensurepip (Debian's python3-venv): virtualenv makes it instead", flush=True)
    with tempfile.TemporaryDirectory() as maker:
        pip = [sys.executable, "-m", "pip", "install", "--quiet", "--root-user-action", "ignore"]
        subprocess.check_call([*pip, "--target", maker, "virtualenv"])
        environment = {**os.environ, "PYTHONPATH": maker}
        subprocess.check_call([sys.executable, "-m", "virtualenv", "--quiet", "--clear", VENV], env=environment)


def install(extra: str) -> None:
    """Install the project and its dependencies; quick when nothing has changed."""
    print("installing FCN Studio and its dependencies (PyTorch is large: some minutes the first time)", flush=True)
    pip = [PYTHON, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    subprocess.check_call([*pip, "--editable", f"{ROOT}{extra}"], cwd=ROOT)
    # An editable installation is not compiled by pip, and where bytecode may not be written it never would be.
    subprocess.check_call([PYTHON, "-m", "compileall", "-q", ROOT / "fcn_studio"])


def checks(arguments: list[str]) -> int:
    """Lint, types, import contracts, site and tests; all are run, the first failure is the exit code.

    The tests wait now and then, so the others run beside them, one after another, and each is told when it has ended.
    With arguments pytest alone is run, in one process: a debugger and ``-s`` work.
    """
    tests = [BIN / "pytest", *(arguments or TWO_AT_A_TIME)]
    others: list[list[str | Path]] = [
        [BIN / "ruff", "check", "."],
        [BIN / "ruff", "format", "--check", "."],
        [BIN / "lint-imports"],
        [BIN / "mypy"],
        [BIN / "mkdocs", "build", "--strict", "--config-file", ".ci/mkdocs.yml"],
    ]
    with ThreadPoolExecutor(1) as beside:
        ended = [beside.submit(run_and_tell, command) for command in others if not arguments]
        print(shown(tests), flush=True)
        code = subprocess.call(tests, cwd=ROOT)
    return next((code for code in [*(each.result() for each in ended), code] if code), 0)


def run_and_tell(command: list[str | Path]) -> int:
    """Run a command, and print it with what it says once it has ended; its exit code."""
    done = subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False)
    print(f"\n{shown(command)}\n{done.stdout.decode(errors='replace')}", end="", flush=True)
    return done.returncode


def shown(command: list[str | Path]) -> str:
    """A command as a shell would be given it."""
    return f"$ {' '.join([Path(command[0]).name, *map(str, command[1:])])}"


if __name__ == "__main__":
    sys.exit(main())
