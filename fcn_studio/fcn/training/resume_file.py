"""The resume file of a training, written and read without pickle."""

from __future__ import annotations

import json
import logging
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import safetensors
import safetensors.torch
import torch
from torch import Tensor

from fcn_studio.errors import ProjectError, TrainingError
from fcn_studio.fcn.training.resume import FORMAT, STATE_KEY, Unfinished
from fcn_studio.formats.atomic import write_atomically
from fcn_studio.i18n import tr

_log = logging.getLogger(__name__)

_MOST_SHARE = 0.05
"""Share of the time that writing may take: the file of a VGG-16 has two gigabytes."""


class StateFile:
    """File with all that a training needs to resume.

    It is written from time to time, in case of a crash.
    """

    def __init__(self, path: Path, every: float | None) -> None:
        """Prepare without writing.

        Args:
            path: the file.
            every: seconds between two writes; None writes nothing.
        """
        self._path, self._every = path, every
        self._written_at, self._cost = time.perf_counter(), 0.0

    def is_due(self, *, soon: bool) -> bool:
        """Return whether to write now.

        ``soon`` means right after something costly.
        """
        if self._every is None:
            return False
        pause = self._cost / _MOST_SHARE
        return time.perf_counter() - self._written_at >= (pause if soon else max(self._every, pause))

    def write(self, tensors: Mapping[str, Tensor], values: Mapping[str, Any]) -> str:
        """Replace the file.

        Returns a sentence if it cannot be written, else "".
        """
        began = time.perf_counter()
        metadata = json.dumps({"format": FORMAT, **values}, allow_nan=False)
        held = {key: value.detach().cpu().contiguous() for key, value in tensors.items()}
        try:
            write_atomically(self._path, safetensors.torch.save(held, {STATE_KEY: metadata}))
        except ProjectError as error:
            _log.warning("state not kept: %s", error)
            return tr("after a crash this training cannot be resumed: {reason}", reason=error)
        finally:
            self._written_at = time.perf_counter()
            self._cost = self._written_at - began
        return ""

    def remove(self) -> None:
        """Delete the file.

        One that cannot be deleted is overwritten by the next training.
        """
        try:
            self._path.unlink(missing_ok=True)
        except OSError as error:
            _log.warning("%s is left behind: %s", self._path, error)


def read_tensors(state: Unfinished) -> dict[str, Tensor]:
    """Read the tensors of a resume file.

    Raises:
        TrainingError: if it is damaged.
    """
    try:
        with safetensors.safe_open(state.path, framework="pt") as file:
            return {key: file.get_tensor(key) for key in file.keys()}  # noqa: SIM118 - no mapping
    except (OSError, safetensors.SafetensorError) as error:
        raise TrainingError(
            tr(
                "{path}: the unfinished training is damaged ({reason}); delete the file and start a new training",
                path=state.path,
                reason=f"{error!s:.200}",
            )
        ) from error


def rng_state(device: torch.device) -> dict[str, Tensor]:
    """Return the states of torch's random generators.

    They are those on the CPU and on the device.
    """
    states = {"chance.cpu": torch.get_rng_state()}
    if device.type == "cuda":
        states["chance.cuda"] = torch.cuda.get_rng_state(device)
    return states


def restore_rng_state(tensors: Mapping[str, Tensor], device: torch.device) -> None:
    """Restore torch's random generators from what `rng_state` returned."""
    torch.set_rng_state(tensors["chance.cpu"])
    if device.type == "cuda" and "chance.cuda" in tensors:
        torch.cuda.set_rng_state(tensors["chance.cuda"], device)
