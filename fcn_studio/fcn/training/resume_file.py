"""The state file of a training: when it is due, how it is written, and what is read back, without unpickling."""

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

_log = logging.getLogger(__name__)

_MOST_SHARE = 0.05
"""Of the time, that writing may take: the state of a VGG-16 is two gigabytes."""


class StateFile:
    """Where a training keeps, now and then, all that it needs to go on after a crash."""

    def __init__(self, path: Path, every: float | None) -> None:
        """Nothing is written yet.

        Args:
            path: the file.
            every: seconds between two writes; None for never.
        """
        self._path, self._every = path, every
        self._written_at, self._cost = time.perf_counter(), 0.0

    def is_due(self, *, soon: bool) -> bool:
        """Whether it is time to write; ``soon``: something costly has just been done that should not be lost."""
        if self._every is None:
            return False
        pause = self._cost / _MOST_SHARE
        return time.perf_counter() - self._written_at >= (pause if soon else max(self._every, pause))

    def write(self, tensors: Mapping[str, Tensor], values: Mapping[str, Any]) -> str:
        """Replace the file; a sentence if it cannot be written, which is no reason to end a training."""
        began = time.perf_counter()
        metadata = json.dumps({"format": FORMAT, **values}, allow_nan=False)
        held = {key: value.detach().cpu().contiguous() for key, value in tensors.items()}
        try:
            write_atomically(self._path, safetensors.torch.save(held, {STATE_KEY: metadata}))
        except ProjectError as error:
            _log.warning("state not kept: %s", error)
            return f"the training could not be kept to go on with after a crash: {error}"
        finally:
            self._written_at = time.perf_counter()
            self._cost = self._written_at - began
        return ""

    def remove(self) -> None:
        """The training has finished; what cannot be deleted now is written over by the next."""
        try:
            self._path.unlink(missing_ok=True)
        except OSError as error:
            _log.warning("%s is left behind: %s", self._path, error)


def read_tensors(state: Unfinished) -> dict[str, Tensor]:
    """The tensors of a state file.

    Raises:
        TrainingError: if it is damaged.
    """
    try:
        with safetensors.safe_open(state.path, framework="pt") as file:
            return {key: file.get_tensor(key) for key in file.keys()}  # noqa: SIM118 - no mapping
    except (OSError, safetensors.SafetensorError) as error:
        raise TrainingError(
            f"{state.path}: the unfinished training is damaged ({error!s:.200}); delete the file and train anew"
        ) from error


def chance(device: torch.device) -> dict[str, Tensor]:
    """The states of torch's sources of chance, on the CPU and on the device."""
    states = {"chance.cpu": torch.get_rng_state()}
    if device.type == "cuda":
        states["chance.cuda"] = torch.cuda.get_rng_state(device)
    return states


def restore_chance(tensors: Mapping[str, Tensor], device: torch.device) -> None:
    """Bring torch's sources of chance back to what `chance` gave."""
    torch.set_rng_state(tensors["chance.cpu"])
    if device.type == "cuda" and "chance.cuda" in tensors:
        torch.cuda.set_rng_state(tensors["chance.cuda"], device)
