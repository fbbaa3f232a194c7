"""The wheel carries all it needs: unpacked into an empty environment, its window opens."""

from __future__ import annotations

import subprocess
import sys
import sysconfig
import venv
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]

OPEN_THE_WINDOW = """
import os, pathlib, sys
import fcn_studio
from fcn_studio import paths
from fcn_studio.settings import Settings
from fcn_studio.ui.app import application, build
inside = pathlib.Path(fcn_studio.__file__).parent
assert inside.is_relative_to(sys.prefix), inside
assert paths.resource("icons").is_relative_to(inside), paths.resource("icons")
app = application()
studio = build(Settings())
studio.window.show()
app.processEvents()
assert studio.window.isVisible()
studio.window.close()
studio.shut_down()
print("opened")
"""


@pytest.mark.slow
def test_the_wheel_opens_its_window_in_an_empty_environment(tmp_path: Path) -> None:
    subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "--target", "wheel", "--directory", tmp_path / "dist"],
        cwd=ROOT,
        check=True,
        capture_output=True,
    )
    (wheel,) = (tmp_path / "dist").glob("*.whl")
    names = zipfile.ZipFile(wheel).namelist()
    for needed in ("fcn_studio/_resources/icons/brush.svg", "fcn_studio/_resources/fonts/Inter-Regular.otf"):
        assert needed in names
    assert not any(name.startswith("tests/") for name in names)

    home = tmp_path / "venv"
    venv.create(home, with_pip=False, symlinks=True)
    python = home / ("Scripts/python.exe" if sys.platform == "win32" else "bin/python")
    scheme = {"base": str(home), "platbase": str(home), "installed_base": str(home)}
    packages = Path(sysconfig.get_path("purelib", "venv", vars=scheme))
    zipfile.ZipFile(wheel).extractall(packages)
    # The dependencies are those of this environment; the package itself comes first, from the wheel.
    (packages / "dependencies.pth").write_text(sysconfig.get_path("purelib") + "\n")
    environment = {
        "QT_QPA_PLATFORM": "offscreen",
        "FCN_STUDIO_CONFIG_DIR": str(tmp_path / "config"),
        "FCN_STUDIO_STATE_DIR": str(tmp_path / "state"),
        "PATH": "",
    }
    done = subprocess.run(
        [python, "-c", OPEN_THE_WINDOW], env=environment, cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert done.stdout == "opened\n", done.stderr
