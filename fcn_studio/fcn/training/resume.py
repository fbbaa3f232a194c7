"""Trainings that have not ended: what their state file says, read from its header alone, without torch.

The file lies beside the checkpoint (`formats.project.runs.state_of`): safetensors with all tensors of the training,
and JSON with all its numbers under the metadata key ``fcn_studio_training``. It is bound to what the training was
begun with.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from fcn_studio.core.classes import ClassTable
from fcn_studio.core.snapshot import LabelledImage
from fcn_studio.core.training import TrainConfig
from fcn_studio.errors import CheckpointError, TrainingError
from fcn_studio.fcn.weights.catalogue import read_header
from fcn_studio.formats.strict_json import parse, text, whole
from fcn_studio.paths import open_file

STATE_KEY = "fcn_studio_training"
FORMAT = 1

_WORDS = {
    "settings": "other settings",
    "classes": "another class table",
    "images": "other images or labels",
    "base": "another network to start from",
}


@dataclass(frozen=True)
class Unfinished:
    """A training that can go on.

    Attributes:
        path: the state file.
        config: what it was told.
        base: path of the network that it started from, or "".
        step: optimiser steps done.
        position: batches drawn.
        stage: number of the stage it is in.
        bound: digests of what it was begun with (`bound_to`).
        values: all its numbers.
    """

    path: Path
    config: TrainConfig
    base: str
    step: int
    position: int
    stage: int
    bound: Mapping[str, str]
    values: Mapping[str, Any]

    def require_same(self, bound: Mapping[str, str]) -> None:
        """Refuse to go on with something else than it was begun with.

        Raises:
            TrainingError: if it is something else.
        """
        for part, words in _WORDS.items():
            if self.bound.get(part) != bound[part]:
                raise TrainingError(
                    f"{self.path}: this training was begun with {words}; bring them back, or train anew"
                )


def read_unfinished(path: Path) -> Unfinished:
    """What the state file of a training says.

    Raises:
        TrainingError: if it is not there, damaged, or of another version.
    """
    try:
        with open_file(path) as file, damage_told(path):
            values = parse(read_header(file)["__metadata__"][STATE_KEY])
            if values["format"] != FORMAT:
                raise ValueError(f"format {values['format']!r:.20} is not {FORMAT}")
            return Unfinished(
                path=path,
                config=TrainConfig.from_json(values["config"]),
                base=text(values["base"]),
                step=whole(values["learner"]["steps"]),
                stage=whole(values["stage"]),
                position=whole(values["position"]),
                bound={part: text(values["bound"][part]) for part in _WORDS},
                values=values,
            )
    except FileNotFoundError as error:
        raise TrainingError(f"{path}: there is no unfinished training to go on with") from error
    except OSError as error:
        raise TrainingError(f"{path}: the unfinished training cannot be read: {error.strerror or error}") from error


@contextmanager
def damage_told(path: Path) -> Iterator[None]:
    """Turn what comes of a state file that is not as it should be into a sentence.

    Raises:
        TrainingError: in place of errors of kind, key, value and shape.
    """
    try:
        yield
    except (LookupError, TypeError, ValueError, AttributeError, RuntimeError, CheckpointError) as error:
        raise TrainingError(
            f"{path}: the unfinished training is damaged or of another version ({error!s:.200}); "
            "delete the file and train anew"
        ) from error


def bound_to(
    config: TrainConfig,
    train_set: Sequence[LabelledImage],
    val_set: Sequence[LabelledImage],
    table: ClassTable,
    base_sha256: str,
) -> dict[str, str]:
    """Digests of what a training is begun with; where image files lie and how often it is kept have no part in it."""
    images = hashlib.sha256()
    for name, snapshot in (("train", train_set), ("val", val_set)):
        images.update(name.encode())
        for image in snapshot:
            images.update(repr((image.image_id, image.shape)).encode())
            images.update(image.label_map().tobytes())
    settings = asdict(replace(config, keep_every=None))
    return {
        "settings": _digest(json.dumps(settings, sort_keys=True)),
        "classes": _digest(repr([(c.index, c.name) for c in table.active])),
        "images": images.hexdigest(),
        "base": base_sha256,
    }


def _digest(words: str) -> str:
    return hashlib.sha256(words.encode("utf-8", "surrogatepass")).hexdigest()
