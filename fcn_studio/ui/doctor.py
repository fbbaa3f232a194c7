"""The command ``doctor``: versions, device, Qt platform, and what is missing.

Qt is tried in a process of its own, because a missing system library or platform plugin ends a process.
"""

from __future__ import annotations

import multiprocessing
import os
import platform
import re
import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass, field
from importlib import metadata
from multiprocessing.queues import SimpleQueue
from pathlib import Path

from fcn_studio import __version__, paths
from fcn_studio.errors import FcnStudioError
from fcn_studio.fcn.weights.catalogue import bundled, read_info
from fcn_studio.i18n import ENGLISH, as_text, catalogues, ended, language, tr, tr_n, tr_noop
from fcn_studio.i18n.columns import padded
from fcn_studio.ui.runtime.platform_probe import DEBIAN_PACKAGES, PACKAGES, has_display

_TIMEOUT_S = 900
"""Longest time of a probe: the first import of torch compiles its modules, which takes minutes on a busy machine."""

_CPU_INDEX = "https://download.pytorch.org/whl/cpu"
"""Where PyTorch publishes its builds without CUDA."""


@dataclass
class Report:
    """Findings of the examination.

    Attributes:
        facts: (what, value) pairs; what is English, and a key in JSON.
        missing: what is missing, and how to get it.
        hints: what could be changed, and how.
    """

    facts: list[tuple[str, str]] = field(default_factory=list)
    missing: list[str] = field(default_factory=list)
    hints: list[str] = field(default_factory=list)

    @property
    def healthy(self) -> bool:
        """Whether nothing is missing."""
        return not self.missing

    def lines(self) -> list[str]:
        """Return the report as text."""
        rows = [f"{padded(tr(what), 24)} {value}" for what, value in self.facts]
        return [
            *rows,
            *self.hints,
            *([tr("missing: {what}", what=what) for what in self.missing] or [tr("nothing is missing")]),
        ]

    def as_json(self) -> dict[str, object]:
        """Return the report for ``--json``."""
        return {"facts": dict(self.facts), "missing": self.missing, "hints": self.hints, "healthy": self.healthy}


def examine() -> Report:
    """Examine everything that the program needs."""
    report = Report()
    report.facts += [("FCN Studio", __version__), ("Python", platform.python_version())]
    report.facts += [(tr_noop("System"), platform.platform())]
    _language(report)
    _packages(report)
    _torch(report)
    _qt(report, "offscreen")
    if has_display():
        _qt(report, None)
    else:
        report.facts.append((tr_noop("display"), tr("none; the window needs one, all other commands work")))
    _networks(report)
    _folders(report)
    return report


def _language(report: Report) -> None:
    """Add the language, and those that there are."""
    there = catalogues()
    report.facts.append(
        (tr_noop("language"), tr("{code} of {codes}", code=language(), codes=", ".join([ENGLISH, *there])))
    )
    if not there:
        report.missing.append(tr("catalogues of other languages than English; reinstall fcn-studio"))


def _folders(report: Report) -> None:
    """Add the folders outside of projects, and whether they can be written."""
    for what, folder, effect in (
        (tr_noop("settings"), paths.config_dir(), tr("Without it settings are not kept.")),
        (tr_noop("logs, crash reports"), paths.state_dir() / "logs", tr("Without it a crash leaves no report.")),
        (tr_noop("stroke journals"), paths.state_dir() / "journals", tr("Without it only saved strokes are safe.")),
    ):
        reason = _cannot_write(folder)
        report.facts.append((what, str(folder) if reason else tr("{folder}, can be written", folder=folder)))
        if reason:
            sentence = tr("{folder} cannot be written ({reason}); make it writable", folder=folder, reason=reason)
            report.missing.append(as_text((ended(sentence), effect)))


def _cannot_write(folder: Path) -> str:
    """Return why no file can be written in a folder, or "".

    The folder may not exist yet.
    """
    try:
        there = next(parent for parent in (folder, *folder.parents) if parent.exists())
        with tempfile.TemporaryFile(dir=there) as file:
            file.write(b"some bytes, for a disk that is full")
    except OSError as error:
        return error.strerror or str(error)
    return ""


def _packages(report: Report) -> None:
    for package in PACKAGES:
        try:
            report.facts.append((package, metadata.version(package)))
        except metadata.PackageNotFoundError:
            if package == "torchvision" and paths.is_packaged():  # the recipe leaves it out: nothing uses it
                continue
            report.missing.append(tr("Python package {package}; run: pip install {package}", package=package))
    rivals = [name for name in ("opencv-python", "opencv-contrib-python") if _installed(name)]
    if rivals:
        names = " ".join(rivals)
        report.missing.append(
            tr("a single cv2; run: pip uninstall {names}, then reinstall opencv-python-headless", names=names)
        )


def _installed(package: str) -> bool:
    try:
        metadata.version(package)
    except metadata.PackageNotFoundError:
        return False
    return True


def _probe(function: Callable[[], tuple[str, ...]], **environment: str) -> tuple[tuple[str, ...], str]:
    """Run a function in a process of its own.

    A packaged program has no interpreter that could be given code; it starts itself again, as for the network.

    Args:
        function: without arguments, of the top level of a module.
        environment: variables that are set for it.

    Returns:
        what the function returns, or nothing if it failed; and what was written to standard error.
    """
    context = multiprocessing.get_context("spawn")
    results = context.SimpleQueue()
    with tempfile.TemporaryDirectory() as folder:
        said = Path(folder) / "stderr"
        process = context.Process(target=_in_process, args=(function, environment, str(said), results), daemon=True)
        process.start()
        process.join(_TIMEOUT_S)
        if process.is_alive():
            process.kill()
            process.join()
            return (), tr("it gave no answer for {seconds} s", seconds=_TIMEOUT_S)
        text = said.read_text("utf-8", "replace") if said.exists() else ""
    return (() if results.empty() else results.get()), text


def _in_process(
    function: Callable[[], tuple[str, ...]],
    environment: dict[str, str],
    said: str,
    results: SimpleQueue[tuple[str, ...]],
) -> None:
    with open(said, "wb") as file:
        os.dup2(file.fileno(), 2)  # the libraries write there themselves
    os.environ |= environment
    results.put(function())


def _probe_torch() -> tuple[str, ...]:
    from fcn_studio.fcn.device import check_torchvision, choose_device, describe_build, describe_device

    if not paths.is_packaged():
        check_torchvision()
    return describe_build(), describe_device(choose_device()).translated()


def _probe_qt() -> tuple[str, ...]:
    from PySide6.QtGui import QFontDatabase
    from PySide6.QtWidgets import QApplication

    app = QApplication([])
    return app.platformName(), str(len(QFontDatabase.families()))


def _torch(report: Report) -> None:
    """Load torch and torchvision as the network's process does.

    This finds mixed builds.
    """
    found, said = _probe(_probe_torch)
    if found:
        build, device = found
        report.facts += [(tr_noop("torch build"), build), (tr_noop("network runs on"), device)]
        report.hints += [] if paths.is_packaged() else _other_build(build)
    else:
        report.missing.append(
            tr(
                "torch and torchvision that load together ({reason}); run: pip install --force-reinstall torch "
                "torchvision, both from the same index",
                reason=_last(said),
            )
        )


def _other_build(build: str) -> list[str]:
    """Return how to change from a CUDA build to the CPU's, or back."""
    if sys.platform == "darwin":  # one build for CPU and Apple GPU
        return []
    if build != "CPU":
        return [
            tr(
                "The CPU build of torch takes 4 GB less. In a new environment run: pip install torch torchvision "
                "--index-url {index}, then: pip install fcn-studio",
                index=_CPU_INDEX,
            )
        ]
    return [
        tr(
            "An NVIDIA GPU needs the CUDA build of torch. In a new environment run the command that {page} shows for "
            "your system, then: pip install fcn-studio",
            page="https://pytorch.org/get-started/locally/",
        )
    ]


def _qt(report: Report, platform_name: str | None) -> None:
    found, said = _probe(_probe_qt, **({"QT_QPA_PLATFORM": platform_name} if platform_name else {}))
    what = f"Qt ({platform_name or 'display'})"
    if found:
        name, fonts = found
        words = tr_n("platform {name}, {n} font family", "platform {name}, {n} font families", int(fonts), name=name)
        report.facts.append((what, words))
        return
    library = re.search(r"(lib[\w.+-]+\.so[.\d]*)", said)
    reason = tr("the system library {name} is missing", name=library[1]) if library else _last(said)
    if sys.platform == "linux":
        packages = " ".join(DEBIAN_PACKAGES)
        report.missing.append(
            tr(
                "{what} does not start: {reason}; on Debian run: apt-get install -y {packages}",
                what=what,
                reason=reason,
                packages=packages,
            )
        )
    else:
        report.missing.append(tr("{what} does not start: {reason}", what=what, reason=reason))


def _last(text: str) -> str:
    lines = text.strip().splitlines()
    return lines[-1] if lines else tr("it ended without a message")


def _networks(report: Report) -> None:
    networks = bundled()
    if not networks:
        report.missing.append(tr("bundled networks; reinstall fcn-studio"))
    for name, path in networks.items():
        try:
            info = read_info(path)
        except FcnStudioError as error:
            report.missing.append(str(error))
        else:
            words = tr_n(
                "{n} class, {size:.1f} MB", "{n} classes, {size:.1f} MB", len(info.table), size=info.size / 1e6
            )
            report.facts.append((f"network {name}", words))
