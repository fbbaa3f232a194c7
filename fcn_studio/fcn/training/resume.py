"""Unfinished trainings, read from the header of their resume file, without torch.

The file lies beside the checkpoint (`formats.project.runs.state_of`): safetensors with all tensors of the training,
and JSON with all its numbers under the metadata key ``fcn_studio_training``. Digests tie it to the inputs of the
training.
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
from fcn_studio.i18n import tr, tr_noop
from fcn_studio.paths import open_file

STATE_KEY = "fcn_studio_training"
FORMAT = 1

_ADDED_LATER = ("flip", "vertical_flip", "rotation", "early_stop")

_CHANGED = {
    "settings": tr_noop("{path}: this training was started with other settings; restore them, or start a new one"),
    "classes": tr_noop("{path}: this training was started with another class table; restore it, or start a new one"),
    "images": tr_noop(
        "{path}: this training was started with other images or labels; restore them or start a new one"
    ),
    "base": tr_noop("{path}: this training was started from another network; choose it, or start a new one"),
}
"""Part of the inputs -> what to say where it has changed."""


@dataclass(frozen=True)
class Unfinished:
    """A training that can be resumed.

    Attributes:
        path: the resume file.
        config: its settings.
        base: path of the network that it started from, or "".
        step: optimiser steps done.
        position: batches drawn.
        stage: number of its stage.
        bound: digests of its inputs (`input_digests`).
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
        """Check that the inputs are those that the training was started with.

        Raises:
            TrainingError: if they have changed.
        """
        for part, sentence in _CHANGED.items():
            if self.bound.get(part) != bound[part]:
                raise TrainingError(tr(sentence, path=self.path))


def read_unfinished(path: Path) -> Unfinished:
    """Read the description of a resume file.

    Raises:
        TrainingError: if it is missing, damaged, or of another version.
    """
    try:
        with open_file(path) as file, reporting_damage(path):
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
                bound={part: text(values["bound"][part]) for part in _CHANGED},
                values=values,
            )
    except FileNotFoundError as error:
        raise TrainingError(tr("{path}: there is no unfinished training to resume", path=path)) from error
    except OSError as error:
        raise TrainingError(
            tr("{path}: the unfinished training cannot be read: {reason}", path=path, reason=error.strerror or error)
        ) from error


@contextmanager
def reporting_damage(path: Path) -> Iterator[None]:
    """Report errors of a damaged resume file as a sentence.

    Raises:
        TrainingError: in place of errors of type, key, value and shape.
    """
    try:
        yield
    except (LookupError, TypeError, ValueError, AttributeError, RuntimeError, CheckpointError) as error:
        raise TrainingError(
            tr(
                "{path}: the unfinished training is damaged or of another version ({reason}); "
                "delete the file and start a new training",
                path=path,
                reason=f"{error!s:.200}",
            )
        ) from error


def input_digests(
    config: TrainConfig,
    train_set: Sequence[LabelledImage],
    val_set: Sequence[LabelledImage],
    table: ClassTable,
    base_sha256: str,
) -> dict[str, str]:
    """Return digests of the inputs of a training.

    The folder of the images and the interval of the resume file do not count.
    """
    images = hashlib.sha256()
    for name, snapshot in (("train", train_set), ("val", val_set)):
        images.update(name.encode())
        for image in snapshot:
            images.update(repr((image.image_id, image.shape)).encode())
            images.update(image.label_map().tobytes())
    settings = asdict(replace(config, keep_every=None))
    usual = asdict(TrainConfig())
    for name in _ADDED_LATER:  # resume files of before they were there have digests without them
        if settings[name] == usual[name]:
            del settings[name]
    return {
        "settings": _digest(json.dumps(settings, sort_keys=True)),
        "classes": _digest(repr([(c.index, c.name) for c in table.active])),
        "images": images.hexdigest(),
        "base": base_sha256,
    }


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()
