"""Make the environment of the clients if there is none, and run the tests of this folder in it.

::

    python -m tests.clients [arguments of pytest]

The environment lies in ``.clients``, or where ``FCN_STUDIO_CLIENTS`` says. It sees the packages of the Python that
makes it, so torch is not installed again. Delete the folder to make it anew.
"""

from __future__ import annotations

import os
import subprocess
import sys
import sysconfig
import venv
from pathlib import Path

HERE = Path(__file__).parent
ROOT = HERE.parent.parent


def main() -> int:
    folder = Path(os.environ.get("FCN_STUDIO_CLIENTS", ROOT / ".clients")).absolute()
    if not folder.exists():
        make_environment(folder)
    command = [sys.executable, "-m", "pytest", "-rs", str(HERE), *sys.argv[1:]]
    return subprocess.call(command, cwd=ROOT, env=os.environ | {"FCN_STUDIO_CLIENTS": str(folder)})


def make_environment(folder: Path) -> None:
    """Install each package of ``packages.txt`` without what it says it needs; tests skip what cannot be had."""
    venv.create(folder, with_pip=True)
    python = python_of(folder)
    ask = "import sysconfig; print(sysconfig.get_path('purelib'))"
    packages = subprocess.run([python, "-c", ask], check=True, capture_output=True, text=True).stdout.strip()
    Path(packages, "project.pth").write_text(sysconfig.get_path("purelib"), encoding="utf-8")
    install = [str(python), "-m", "pip", "install", "--quiet", "--no-deps", "--disable-pip-version-check"]
    for line in (HERE / "packages.txt").read_text(encoding="utf-8").splitlines():
        if line and not line.startswith("#") and subprocess.call([*install, *line.split()]):
            print(f"not installed: {line}", file=sys.stderr)


def python_of(folder: Path) -> Path:
    return folder / ("Scripts/python.exe" if os.name == "nt" else "bin/python")


if __name__ == "__main__":
    sys.exit(main())
