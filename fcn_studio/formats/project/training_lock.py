"""Lock that allows one training for each network.

The lock file lies beside the checkpoint that the training writes, and exists only while it runs.
"""

from __future__ import annotations

from pathlib import Path
from typing import NoReturn

from fcn_studio.errors import TrainingError
from fcn_studio.formats.atomic import CANNOT_WRITE, os_errors_as
from fcn_studio.formats.project.lock import BEING_MADE, FileLock, LockOwner, holder
from fcn_studio.i18n import tr


class TrainingLock(FileLock):
    """Held while a network is trained into ``checkpoint``.

    Raises:
        TrainingError: if a living process on this host trains it, or any process of another host.
        ProjectError: if the folder cannot be written.
    """

    def __init__(self, checkpoint: Path) -> None:
        """Take it, as any `FileLock`."""
        self._checkpoint = checkpoint
        with os_errors_as(CANNOT_WRITE, path := lock_of(checkpoint)):
            super().__init__(path)

    def _refuse(self, owner: LockOwner) -> NoReturn:
        """Raises: TrainingError."""
        raise _running(self._checkpoint, owner)


def lock_of(checkpoint: Path) -> Path:
    """Return where the lock of a training that writes ``checkpoint`` lies."""
    return checkpoint.with_name(checkpoint.name + ".lock")


def is_training(checkpoint: Path) -> bool:
    """Return whether a training that writes ``checkpoint`` runs now.

    The answer is as good as can be known.
    """
    return holder(lock_of(checkpoint)) is not None


def require_idle(checkpoint: Path) -> None:
    """Refuse to train what is just being trained.

    Raises:
        TrainingError: if `is_training`.
    """
    owner = holder(lock_of(checkpoint))
    if owner is not None:
        raise _running(checkpoint, owner)


def _running(checkpoint: Path, owner: LockOwner) -> TrainingError:
    """Return what is said of a training that runs."""
    if owner is BEING_MADE:
        return TrainingError(
            tr("{checkpoint}: its training is just beginning elsewhere; wait for it", checkpoint=checkpoint)
        )
    if owner.host != LockOwner.here().host:
        return TrainingError(
            tr(
                "{checkpoint}: its training is still running on host {host} (process {pid}); wait for it, or "
                "if that process is surely gone, delete {lock}",
                checkpoint=checkpoint,
                host=owner.host,
                pid=owner.pid,
                lock=lock_of(checkpoint),
            )
        )
    return TrainingError(
        tr(
            "{checkpoint}: its training is still running (process {pid}); wait for it, or stop it first",
            checkpoint=checkpoint,
            pid=owner.pid,
        )
    )
