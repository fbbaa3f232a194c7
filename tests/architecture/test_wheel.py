"""The sdist builds a wheel with all that the program needs: in an empty environment, its window opens."""

from __future__ import annotations

import re
import runpy
import subprocess
import sys
import sysconfig
import tarfile
import venv
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]

OPEN_THE_WINDOW = """
import os, pathlib, sys
import fcn_studio
from fcn_studio import i18n, paths
from fcn_studio.settings import Settings
from fcn_studio.ui.app import application, build
inside = pathlib.Path(fcn_studio.__file__).parent
assert inside.is_relative_to(sys.prefix), inside
assert paths.resource("icons").is_relative_to(inside), paths.resource("icons")
assert i18n.catalogues() == ["zh_CN"]
app = application()
studio = build(Settings())
studio.window.show()
app.processEvents()
assert studio.window.isVisible()
studio.window.close()
studio.shut_down()
print("opened")
"""


def built(target: str, source: Path, into: Path) -> Path:
    """Build an sdist or a wheel from a folder."""
    words = [sys.executable, "-m", "hatchling", "build", "--target", target, "--directory", into]
    subprocess.run(words, cwd=source, check=True, capture_output=True)
    (file,) = (path for path in into.iterdir() if path.suffix in (".gz", ".whl"))
    return file


def wheel_of_the_sdist(tmp_path: Path) -> zipfile.ZipFile:
    """Build the wheel as installers do that get the sdist."""
    with tarfile.open(built("sdist", ROOT, tmp_path / "sdist")) as archive:
        archive.extractall(tmp_path / "unpacked", filter="data")
    (unpacked,) = (tmp_path / "unpacked").iterdir()
    for needed in (".ci/bootstrap.py", "docs/screenshot.png", "packaging/fcn-studio.spec", "tests/conftest.py"):
        assert (unpacked / needed).is_file(), needed
    return zipfile.ZipFile(built("wheel", unpacked, tmp_path / "wheel"))


def files_of(folder: str) -> dict[str, bytes]:
    """Return the files of a folder of the checkout that belong to it."""
    paths = [path for path in (ROOT / folder).rglob("*") if path.is_file() and "__pycache__" not in path.parts]
    return {path.relative_to(ROOT / folder).as_posix(): path.read_bytes() for path in paths}


@pytest.mark.slow
def test_the_wheel_of_the_sdist_opens_its_window_in_an_empty_environment(tmp_path: Path) -> None:
    wheel = wheel_of_the_sdist(tmp_path)
    content = {name: wheel.read(name) for name in wheel.namelist()}
    metadata = {name.partition("/")[2]: data for name, data in content.items() if ".dist-info/" in name}
    package = {name: data for name, data in content.items() if ".dist-info/" not in name}
    expected = {f"fcn_studio/{name}": data for name, data in files_of("fcn_studio").items()}
    expected |= {f"fcn_studio/_resources/{name}": data for name, data in files_of("resources").items()}
    assert package == expected

    licences = (
        "LICENSE",
        "resources/fonts/OFL.txt",
        "resources/networks/Apache-2.0.txt",
        "resources/networks/voc.md",
    )
    assert {f"licenses/{name}" for name in licences} <= metadata.keys()
    assert b"fcn-studio = fcn_studio.__main__:main" in metadata["entry_points.txt"]
    description = metadata["METADATA"].decode()
    assert "pip install fcn-studio" in description
    assert ".ci/" not in description
    assert re.findall(r"\]\((?!https?:|#)", description) == []

    home = tmp_path / "venv"
    venv.create(home, with_pip=False, symlinks=True)
    python = home / ("Scripts/python.exe" if sys.platform == "win32" else "bin/python")
    scheme = {"base": str(home), "platbase": str(home), "installed_base": str(home)}
    packages = Path(sysconfig.get_path("purelib", "venv", vars=scheme))
    wheel.extractall(packages)
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


def test_links_of_the_description_lead_to_the_source_where_it_is_known() -> None:
    describe = runpy.run_path(str(ROOT / "packaging" / "description.py"))["description"]
    cut = "<!-- not on PyPI -->\nx\n<!-- /not on PyPI -->\n"
    text = f"a\n\n![p](docs/p.png)\n\n{cut}\n[b](c/d.md) [e](https://f) [g](#h)\n"
    assert describe(text, None) == "a\n\nb (`c/d.md`) [e](https://f) [g](#h)\n"
    known = describe(text, "https://s/t")
    assert "![p](https://s/t/raw/main/docs/p.png)" in known
    assert "[b](https://s/t/blob/main/c/d.md)" in known
