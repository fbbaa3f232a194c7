"""``.fcn-studio/runs``, the fine-tunes of a project.

It has a numbered folder for each fine-tune, and ``current.json``, which names the network in use.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from fcn_studio.core.class_map import ClassMap, check_class_map
from fcn_studio.errors import ProjectError
from fcn_studio.formats.atomic import CANNOT_READ, os_errors_as, refuse_outside, write_atomically
from fcn_studio.formats.strict_json import parse, text
from fcn_studio.i18n import tr, tr_noop
from fcn_studio.paths import read_file

CHECKPOINT = "best.safetensors"
"""The best network of a run, in its folder."""

_MAX_BYTES = 4 << 20
"""More than ten thousand networks one after the other."""


@dataclass(frozen=True, slots=True)
class UsedNetwork:
    """The network a project uses.

    Attributes:
        checkpoint: name of a bundled network, or a ``.safetensors`` file: relative to the project folder, with
            slashes, if it lies there, else absolute.
        sha256: identity of the checkpoint, 64 hex digits.
        compared: whether it was compared with the one before on enough validation images.
        class_map: what the user said that its classes mean here; the others go by name.
    """

    checkpoint: str
    sha256: str
    compared: bool = True
    class_map: ClassMap = field(default_factory=dict)

    def path(self, folder: Path) -> Path | None:
        """Return the checkpoint file of a project in ``folder``.

        It is None if the checkpoint is a bundled network's name. What has a separator or ends in ``.safetensors`` is
        a file, as on the command line.
        """
        is_file = any(mark in self.checkpoint for mark in ("/", "\\")) or self.checkpoint.endswith(".safetensors")
        return folder / self.checkpoint if is_file else None


def state_of(checkpoint: Path) -> Path:
    """Return the state file of the training that writes ``checkpoint``.

    The file holds what the training needs to go on. It is deleted once the training has finished.
    """
    return checkpoint.with_name(checkpoint.name + ".state")


class Runs:
    """The runs of one project."""

    def __init__(self, folder: Path, project: Path) -> None:
        """Take the runs in ``folder`` of the project folder ``project``.

        Nothing is made yet.
        """
        self.folder = folder
        self._project = project
        self._file = folder / "current.json"

    def new_dir(self) -> Path:
        """Make the next free run folder, ``0001``, ``0002`` and so on.

        Two processes never get the same.

        Raises:
            ProjectError: if it cannot be made.
        """
        refuse_outside(self._project, self._file)
        with os_errors_as(tr_noop("{path} cannot be made: {reason}"), self.folder):
            self.folder.mkdir(parents=True, exist_ok=True)
            number = max(self._numbers(), default=0)
            while True:
                number += 1
                path = self.folder / f"{number:04d}"
                try:
                    path.mkdir()
                except FileExistsError:
                    continue
                return path

    def _numbers(self) -> Iterator[int]:
        return (int(name) for name in os.listdir(self.folder) if name.isascii() and name.isdigit())

    def last(self) -> Path | None:
        """Return the folder of the last run, None without one."""
        if not self.folder.is_dir():
            return None
        number = max(self._numbers(), default=0)
        return self.folder / f"{number:04d}" if number else None

    def checkpoints(self) -> list[Path]:
        """Return the checkpoint of each run that has one, oldest first."""
        return sorted(self.folder.glob(f"[0-9]*/{CHECKPOINT}"))

    def holds(self, checkpoint: Path) -> bool:
        """Return whether a checkpoint is that of a run."""
        return checkpoint.resolve().is_relative_to(self.folder.resolve())

    def unfinished(self) -> list[Path]:
        """Return the folder of each run that can go on, oldest first."""
        return sorted(path.parent for path in self.folder.glob(f"[0-9]*/{state_of(Path(CHECKPOINT)).name}"))

    def current(self) -> UsedNetwork | None:
        """Return the network in use.

        It is None if no run has set one.

        Raises:
            ProjectError: if ``current.json`` is broken.
        """
        chain = self.chain()
        return chain[0] if chain else None

    def set_current(
        self, checkpoint: Path | str, sha256: str, *, compared: bool, class_map: ClassMap | None = None
    ) -> UsedNetwork:
        """Put another network in use, atomically.

        The one before is remembered. Where it is the one in use already, only what its classes mean is changed.

        Raises:
            ProjectError: if ``current.json`` is broken or cannot be written.
        """
        if isinstance(checkpoint, Path):
            inside = checkpoint.is_absolute() and checkpoint.is_relative_to(self._project)
            place = checkpoint.relative_to(self._project) if inside else checkpoint.absolute()
            checkpoint = place.as_posix()
        new = UsedNetwork(checkpoint, sha256, compared, dict(class_map or {}))
        chain = list(self.chain())
        if chain and (chain[0].checkpoint, chain[0].sha256) == (checkpoint, sha256):
            new = replace(new, compared=chain.pop(0).compared)
        self._write([new, *chain])
        return new

    def go_back(self) -> UsedNetwork | None:
        """Put the network before the current one in use again.

        The result is None if there was none, and then no network is set.

        Raises:
            ProjectError: as `set_current`.
        """
        chain = self.chain()[1:]
        self._write(chain)
        return chain[0] if chain else None

    def chain(self) -> Sequence[UsedNetwork]:
        """Return the current network and those before it, newest first.

        Raises:
            ProjectError: if ``current.json`` is broken.
        """
        with os_errors_as(CANNOT_READ, self._file):
            if not self._file.exists():
                return []
            data = read_file(self._file, _MAX_BYTES)
        try:
            fields = parse(data)
            return [_network(row) for row in ([fields, *fields["previous"]] if fields else [])]
        except (ValueError, TypeError, KeyError) as error:
            raise ProjectError(
                tr(
                    "{file} is broken ({reason}); delete it to use the bundled network again",
                    file=self._file,
                    reason=error,
                )
            ) from error

    def _write(self, chain: Sequence[UsedNetwork]) -> None:
        """Write the chain: the current network with those before it under ``previous``."""
        refuse_outside(self._project, self._file)
        rows = [_row(network) for network in chain]
        fields = {**rows[0], "previous": rows[1:]} if rows else {}
        write_atomically(self._file, json.dumps(fields, indent=2).encode("utf-8"))


def _network(row: dict[str, object]) -> UsedNetwork:
    """Return a network of the file.

    Raises: ValueError, TypeError or KeyError if the row is none.
    """
    checkpoint, sha256, compared = text(row["checkpoint"]), text(row["sha256"]), bool(row["compared"])
    return UsedNetwork(checkpoint, sha256, compared, check_class_map(row.get("class_map", {})))


def _row(network: UsedNetwork) -> dict[str, object]:
    """Return the row of a network in the file.

    It has no class map where all classes go by name.
    """
    row: dict[str, object] = {
        "checkpoint": network.checkpoint,
        "sha256": network.sha256,
        "compared": network.compared,
    }
    return row | ({"class_map": dict(network.class_map)} if network.class_map else {})
