"""Lists of the networks to choose from.

They say what is known of each network. Listing reads files, so it does not belong on the GUI thread.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING

from fcn_studio.core.training import Verdict
from fcn_studio.errors import CheckpointError, ProjectError
from fcn_studio.fcn.weights.catalogue import NetworkInfo, read_info
from fcn_studio.formats.project.run_label import RunLabel, read_run_label
from fcn_studio.formats.project.run_result import RunResult, read_run_result
from fcn_studio.formats.timings import Timing, Timings
from fcn_studio.i18n import ended, tr
from fcn_studio.jobs.networks import all_networks

if TYPE_CHECKING:  # start-up: what only an open project needs is imported where it is used
    from fcn_studio.formats.project.project_folder import ProjectFolder


_MOST_FILES = 10
"""Files outside of project and library that are looked at: ``current.json`` may be anybody's, and name many."""


class Origin(StrEnum):
    """Where a network comes from."""

    BUNDLED = "bundled"
    RUN = "run"
    INSTALLED = "installed"
    ELSEWHERE = "elsewhere"
    PUBLISHED = "published"


@dataclass(frozen=True)
class ListedNetwork:
    """One network to choose, or to download first.

    Attributes:
        origin: see `Origin`.
        title: what people call it.
        path: its checkpoint file; None while it is not on this computer.
        info: what its header says; None if the file is damaged or not there.
        changed_at: when the file was written, seconds since the epoch; 0 if unknown.
        result: of a run, what became of it; None if it left none.
        note: a sentence on what is wrong with it, or "".
        architecture: its shape, in words.
        timing: how long it last took for an image here.
        label: of a run, what its user says of it.
    """

    origin: Origin
    title: str
    path: Path | None
    info: NetworkInfo | None
    changed_at: float = 0.0
    result: RunResult | None = None
    note: str = ""
    architecture: str = ""
    timing: Timing | None = None
    label: RunLabel = field(default_factory=RunLabel)

    @property
    def key(self) -> tuple[Origin, str]:
        """By which it is found again in another list."""
        return self.origin, str(self.path or self.title)

    @property
    def is_candidate(self) -> bool:
        """Whether it is a run's network that was not adopted."""
        return self.result is not None and self.result.verdict == Verdict.CANDIDATE

    @property
    def reference(self) -> str | Path:
        """Reference that a project writes down for the network.

        It is its name if this program knows it by one, else its file.

        Raises:
            ValueError: if it is not on this computer.
        """
        if self.path is None:
            raise ValueError(f"{self.title} is not here")
        return self.path.stem if self.origin in (Origin.BUNDLED, Origin.INSTALLED) else self.path


def list_networks(project: ProjectFolder | None, timings: Timings) -> tuple[ListedNetwork, ...]:
    """List the networks on this computer that a project may use.

    Bundled ones come first, then its runs, newest first, then others.
    """
    found = [_listed(Origin(origin), network, timings) for origin, network in all_networks(project)]
    known = {row.path for row in found}
    elsewhere = _used_files(project) if project is not None else []
    found += [_listed(Origin.ELSEWHERE, file, timings) for file in elsewhere if file not in known]
    order = list(Origin)

    def place(row: ListedNetwork) -> tuple[int, bool, float]:
        return order.index(row.origin), not row.label.pinned, -row.changed_at if _is_run(row) else 0

    return tuple(sorted(found, key=place))


def _is_run(row: ListedNetwork) -> bool:
    return row.origin is Origin.RUN


def _used_files(project: ProjectFolder) -> list[Path]:
    """Return the files that the project uses or used last.

    They may lie anywhere.
    """
    try:
        files = (used.path(project.folder) for used in project.runs.chain())
        return list(dict.fromkeys(file for file in files if file is not None and file.is_file()))[:_MOST_FILES]
    except ProjectError:  # told when the project was opened
        return []


def _listed(origin: Origin, network: NetworkInfo | Path, timings: Timings) -> ListedNetwork:
    """Return what is known of one network.

    A path stands for a file that could not be read.
    """
    path = network if isinstance(network, Path) else network.path
    info = None if isinstance(network, Path) else network
    if origin is Origin.ELSEWHERE:
        with suppress(CheckpointError):
            info = read_info(path)
    title = tr("run {number}", number=path.parent.name) if origin is Origin.RUN else path.stem
    result, label = None, RunLabel()
    note = "" if info is not None else tr("{path} is damaged: no network can be read from it.", path=path)
    if origin is Origin.RUN:
        try:
            label = read_run_label(path.parent)
            result = read_run_result(path.parent)
        except ProjectError as error:
            note = note or ended(error)
        title = label.name or title
    words, timing = "", None
    if info is not None:
        words, timing = architecture_words(info.architecture), timings.of(info.sha256)
    return ListedNetwork(origin, title, path, info, _written_at(path), result, note, words, timing, label)


def _written_at(path: Path) -> float:
    try:
        return path.stat().st_mtime
    except OSError:
        return 0.0


def architecture_words(architecture: Mapping[str, object]) -> str:
    """Return a checkpoint's architecture in words: "FCN-8s, slim VGG-16 of width 0.25"."""
    from fcn_studio.fcn.model.architecture import Architecture

    try:
        return Architecture.from_json(dict(architecture)).title
    except CheckpointError:
        return tr("unknown to this version")
