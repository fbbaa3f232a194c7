"""The rules of the house that a machine can check: imports, forbidden calls, file lengths."""

from __future__ import annotations

import ast
import pkgutil
from collections.abc import Iterator
from pathlib import Path

import pytest

import fcn_studio.fcn
import fcn_studio.jobs
from tests.helpers import ROOT, run_python

PACKAGE = ROOT / "fcn_studio"
SOURCES = sorted(PACKAGE.rglob("*.py"))


def test_imports_go_one_way() -> None:
    # In a process of its own: the linter configures logging, which would silence the loggers of later tests.
    done = run_python("import sys; from importlinter.cli import lint_imports; sys.exit(lint_imports(no_cache=True))")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "0 broken" in done.stdout


def loaded_by(*modules: str) -> set[str]:
    """Top-level names in ``sys.modules`` of a fresh interpreter after these imports."""
    code = "\n".join(
        ["import sys", *(f"import {m}" for m in modules), "print(*{m.split('.')[0] for m in sys.modules})"]
    )
    done = run_python(code)
    assert done.returncode == 0, done.stderr
    return set(done.stdout.split())


def test_the_window_loads_no_torch_and_no_plots() -> None:
    loaded = loaded_by("fcn_studio.ui.window.main_window", "fcn_studio.ui.app", "fcn_studio.cli")
    assert "PySide6" in loaded
    assert not loaded & {"torch", "torchvision", "safetensors", "pyqtgraph"}


def modules_of(*packages: object) -> Iterator[str]:
    for package in packages:
        for found in pkgutil.walk_packages(package.__path__, package.__name__ + "."):  # type: ignore[attr-defined]
            yield found.name


def test_the_network_and_its_jobs_load_no_qt() -> None:
    loaded = loaded_by(*modules_of(fcn_studio.fcn, fcn_studio.jobs))
    assert "torch" in loaded
    assert not loaded & {"PySide6", "shiboken6", "pyqtgraph"}


def test_importing_the_jobs_loads_no_torch() -> None:
    light = ("weights.catalogue", "weights.published", "weights.digests", "training.resume", "model.architecture")
    loaded = loaded_by(*modules_of(fcn_studio.jobs), *(f"fcn_studio.fcn.{name}" for name in light))
    assert not loaded & {"torch", "torchvision", "PySide6"}


def calls_in(path: Path) -> Iterator[tuple[str, ast.Call]]:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Call):
            yield ast.unparse(node.func), node


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: path.relative_to(PACKAGE).as_posix())
def test_no_call_that_the_design_forbids(path: Path) -> None:
    for name, call in calls_in(path):
        where = f"{path}:{call.lineno}"
        assert name not in ("cv2.imread", "cv2.imdecode"), f"{where}: read images with formats.images"
        assert not name.endswith(".terminate"), f"{where}: never terminate a thread or process"
        assert name not in ("pickle.load", "pickle.loads", "torch.load") or any(
            k.arg == "weights_only" and isinstance(k.value, ast.Constant) and k.value.value is True
            for k in call.keywords
        ), f"{where}: files are never unpickled"


Function = ast.FunctionDef | ast.AsyncFunctionDef


def functions_in(path: Path) -> Iterator[tuple[Function, int]]:
    """Functions of a file and their lines, those of the docstring counted as one."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, Function):
            length = (node.end_lineno or 0) - node.lineno + 1
            yield node, length - (ast.get_docstring(node, clean=False) or "").count("\n")


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: path.relative_to(PACKAGE).as_posix())
def test_files_have_at_most_500_lines_and_functions_50(path: Path) -> None:
    assert len(path.read_text(encoding="utf-8").splitlines()) <= 500
    for function, length in functions_in(path):
        assert length <= 50, f"{path}:{function.lineno} {function.name}: {length} lines"


def test_nine_functions_in_ten_have_at_most_20_lines() -> None:
    lengths = sorted(length for path in SOURCES for _, length in functions_in(path))
    assert lengths[9 * len(lengths) // 10] <= 20


def test_classes_have_under_30_public_methods_of_their_own() -> None:
    for path in SOURCES:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ClassDef):
                public = {f.name for f in node.body if isinstance(f, Function) and not f.name.startswith("_")}
                assert len(public) < 30, f"{path}:{node.lineno} {node.name}: {len(public)} public methods"


def test_rooms_have_at_most_25_modules() -> None:
    for room in {path.parent for path in SOURCES}:
        modules = [path for path in room.glob("*.py") if path.name != "__init__.py"]
        assert len(modules) <= 25, f"{room}: {len(modules)} modules"
