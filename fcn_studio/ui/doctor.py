"""The command ``doctor``: versions, device, Qt platform, and what is missing.

Qt is tried in a process of its own, because a missing system library or platform plugin ends a process.
"""

from __future__ import annotations

import os
import platform
import re
import subprocess
import sys
import tempfile
from dataclasses import dataclass, field
from importlib import metadata
from pathlib import Path

from fcn_studio import __version__, paths
from fcn_studio.errors import FcnStudioError
from fcn_studio.fcn.weights.catalogue import bundled, read_info
from fcn_studio.i18n import tr, tr_n, tr_noop
from fcn_studio.ui.runtime.platform_probe import DEBIAN_PACKAGES, PACKAGES, has_display

_PROBE = (
    "from PySide6.QtWidgets import QApplication; app = QApplication([]); "
    "from PySide6.QtGui import QFontDatabase; print(app.platformName(), len(QFontDatabase.families()))"
)


@dataclass
class Report:
    """Findings of the examination.

    Attributes:
        facts: (what, value) pairs; what is English, and a key in JSON.
        missing: what is missing, and how to get it.
    """

    facts: list[tuple[str, str]] = field(default_factory=list)
    missing: list[str] = field(default_factory=list)

    @property
    def healthy(self) -> bool:
        """Whether nothing is missing."""
        return not self.missing

    def lines(self) -> list[str]:
        """Return the report as text."""
        rows = [f"{tr(what):24} {value}" for what, value in self.facts]
        return rows + ([tr("missing: {what}", what=what) for what in self.missing] or [tr("nothing is missing")])

    def as_json(self) -> dict[str, object]:
        """Return the report for ``--json``."""
        return {"facts": dict(self.facts), "missing": self.missing, "healthy": self.healthy}


def examine() -> Report:
    """Examine everything that the program needs."""
    report = Report()
    report.facts += [("FCN Studio", __version__), ("Python", platform.python_version())]
    report.facts += [(tr_noop("System"), platform.platform())]
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
            report.missing.append(f"{sentence}. {effect}")


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


def _run(code: str, environment: dict[str, str] | None = None) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
        env={**os.environ, **(environment or {})},
    )


def _torch(report: Report) -> None:
    """Load torch and torchvision as the network's process does.

    This finds mixed builds.
    """
    done = _run(
        "import torch, torchvision; from fcn_studio.fcn.device import choose_device, describe_device; "
        "print(describe_device(choose_device()))"
    )
    if done.returncode == 0:
        report.facts.append((tr_noop("network runs on"), done.stdout.strip()))
    else:
        report.missing.append(
            tr(
                "torch and torchvision that load together ({reason}); run: pip install --force-reinstall torch "
                "torchvision, both from the same index",
                reason=_last(done.stderr),
            )
        )


def _qt(report: Report, platform_name: str | None) -> None:
    done = _run(_PROBE, {"QT_QPA_PLATFORM": platform_name} if platform_name else None)
    what = f"Qt ({platform_name or 'display'})"
    if done.returncode == 0:
        name, fonts = done.stdout.split()
        words = tr_n("platform {name}, {n} font family", "platform {name}, {n} font families", int(fonts), name=name)
        report.facts.append((what, words))
        return
    library = re.search(r"(lib[\w.+-]+\.so[.\d]*)", done.stderr)
    reason = tr("the system library {name} is missing", name=library[1]) if library else _last(done.stderr)
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
