"""Checkpoints, each in one safetensors file.

A checkpoint is a network with all that is needed to use it. The metadata key ``fcn_studio`` holds JSON: format,
architecture, classes, preprocessing, temperature, parent, training image ids, validation figures. A checkpoint's
identity is the sha256 of its file. Files are never unpickled; nothing is built or allocated before the header has
been checked against the architecture it claims.
"""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import safetensors
import safetensors.torch
import torch
from torch import Tensor

from fcn_studio.core.class_map import ClassMap, rows_for
from fcn_studio.core.classes import ClassInfo, ClassTable
from fcn_studio.errors import CheckpointError, NetworkCannotHelp, ProjectError
from fcn_studio.fcn.model.architecture import Architecture
from fcn_studio.fcn.model.build import build
from fcn_studio.fcn.model.fcn import Network
from fcn_studio.fcn.weights.catalogue import MAX_HEADER, METADATA_KEY, ORIGIN_KEYS, read_header
from fcn_studio.formats.atomic import CANNOT_WRITE, os_errors_as, write_atomically
from fcn_studio.formats.strict_json import parse, text
from fcn_studio.i18n import tr
from fcn_studio.paths import open_file

FORMAT = 1
_DTYPES = {"F32", "F16", "BF16", "I64"}


@dataclass(frozen=True, slots=True)
class Preprocessing:
    """Preprocessing of an image for the network.

    It is stored with the weights.

    Attributes:
        channel_order: "rgb" or "bgr", the order of ``mean``, ``std`` and the network's input channels.
        mean: subtracted, in 0..255.
        std: divided by, in 0..255; all positive.
        input_scale: factor on width and height of the image before the network.

    Raises:
        CheckpointError: on construction, if a value makes no sense.
    """

    channel_order: str = "rgb"
    mean: tuple[float, float, float] = (123.0, 117.0, 104.0)
    std: tuple[float, float, float] = (58.0, 57.0, 57.0)
    input_scale: float = 1.0

    def __post_init__(self) -> None:
        sensible = (
            self.channel_order in ("rgb", "bgr")
            and len(self.mean) == len(self.std) == 3
            and all(math.isfinite(value) for value in (*self.mean, *self.std, self.input_scale))
            and min(self.std) > 0
            and 0.01 <= self.input_scale <= 2  # more costs memory without end
        )
        if not sensible:
            raise CheckpointError(tr("the preprocessing makes no sense: {preprocessing}", preprocessing=self))


@dataclass(frozen=True)
class Checkpoint:
    """A network: its shape, weights, classes and how to feed it.

    Attributes:
        architecture: from which it is built.
        table: its classes; channel k of the scores is the k-th of them. None is retired.
        preprocessing: of its input.
        state: name -> weight, float32 on the CPU (int64 for counters).
        temperature: scores are divided by it before a softmax that is shown to people.
        parent: sha256 of the checkpoint it was fine-tuned from, or "".
        trained_on: image ids of its training set.
        validation: its validation figures under plain names, or None.
        sha256: of its file, 64 hex digits; "" while it has none.
        path: of its file, None while it has none.
        name: what people call it.
        source: where it, or what it was fine-tuned from, was downloaded or imported from.
        source_sha256: of that file.
        licence: in its publisher's words.
        note: what else is to be known of it.
    """

    architecture: Architecture
    table: ClassTable
    preprocessing: Preprocessing
    state: Mapping[str, Tensor] = field(repr=False)
    temperature: float = 1.0
    parent: str = ""
    trained_on: tuple[str, ...] = field(default=(), repr=False)
    validation: Mapping[str, object] | None = field(default=None, repr=False)
    sha256: str = ""
    path: Path | None = None
    name: str = ""
    source: str = ""
    source_sha256: str = ""
    licence: str = ""
    note: str = ""

    def build(self) -> Network:
        """Build the network with these weights, in evaluation mode on the CPU.

        Raises:
            NetworkCannotHelp: if it knows no class.
        """
        if not len(self.table):
            raise NetworkCannotHelp(
                tr(
                    "The network '{name}' knows no class and cannot label: it is a start for fine-tuning.",
                    name=self.name,
                )
            )
        with torch.device("meta"):
            network = build(self.architecture, len(self.table))
        network.load_state_dict({key: value.clone() for key, value in self.state.items()}, assign=True)
        return network.eval()

    @property
    def class_indices(self) -> tuple[int, ...]:
        """Class index of each score channel."""
        return tuple(info.index for info in self.table)


def active_table(table: ClassTable) -> ClassTable:
    """Return the active classes of a table in index order.

    They are the classes of a network.
    """
    return ClassTable(tuple(sorted(table.active, key=lambda info: info.index)), table.next_index)


def adapt(checkpoint: Checkpoint, table: ClassTable, class_map: ClassMap | None = None) -> Checkpoint:
    """Return the network for another class table.

    It is a new checkpoint without a file. The trunk is kept, and so are the score rows of classes that mean the same:
    as ``class_map`` says, else by name (exact, then casefolded). The other rows start at zero.

    The temperature is set to 1 unless the classes are the same: it was found for a softmax over all the old classes.
    """
    target = active_table(table)
    position = {info.index: row for row, info in enumerate(checkpoint.table)}
    same = rows_for(target, checkpoint.table, class_map)
    sources = [position.get(same.get(info.index, -1)) for info in target]
    with torch.device("meta"):
        network = build(checkpoint.architecture, max(1, len(checkpoint.table)))
    state = {key: network.adapted(key, value, sources) for key, value in checkpoint.state.items()}
    same_classes = len(sources) == len(position) and set(sources) == set(position.values())
    return replace(
        checkpoint,
        table=target,
        state=state,
        temperature=checkpoint.temperature if same_classes else 1.0,
        parent=checkpoint.sha256,
        validation=None,
        sha256="",
        path=None,
        name="",
        note="",
    )


def save_checkpoint(checkpoint: Checkpoint, path: Path | str, *, half: bool = False) -> str:
    """Write a checkpoint atomically.

    The file is the old or the new one, never a part.

    Args:
        checkpoint: what to write; its ``sha256``, ``path`` and ``name`` are not stored.
        path: the file, usually ``*.safetensors``; missing folders are made.
        half: store what has more than one dimension, nearly all of it, in half precision, at half the size.

    Returns:
        sha256 of the file: the checkpoint's identity.

    Raises:
        CheckpointError: if a weight is not finite.
        ProjectError: if the file cannot be written.
    """
    path = Path(path)
    tensors, metadata = _to_store(checkpoint, path, half=half)
    data = safetensors.torch.save(tensors, metadata)
    write_atomically(path, data)
    return hashlib.sha256(data).hexdigest()


def write_temporary(checkpoint: Checkpoint, path: Path) -> None:
    """Write a checkpoint to a temporary place.

    It is not written atomically, and there is no copy in memory.

    Raises:
        CheckpointError: if a weight is not finite.
        ProjectError: if the file cannot be written.
    """
    tensors, metadata = _to_store(checkpoint, path, half=False)
    with os_errors_as(CANNOT_WRITE, path):
        try:
            safetensors.torch.save_file(tensors, path, metadata)
        except safetensors.SafetensorError as error:  # its words for a full disk, too
            raise OSError(str(error)) from error


def _to_store(checkpoint: Checkpoint, path: Path, *, half: bool) -> tuple[dict[str, Tensor], dict[str, str]]:
    """Return weights and metadata as a file holds them.

    Raises:
        CheckpointError: if a weight is not finite.
    """
    tensors = {}
    for key, value in checkpoint.state.items():
        stored = as_stored(value, half=half)
        if not bool(torch.isfinite(stored).all()):
            raise CheckpointError(
                tr(
                    "{path}: not written, because weight '{weight}' has a value that is not a number",
                    path=path,
                    weight=key,
                )
            )
        tensors[key] = stored.contiguous()
    metadata = _metadata_text(checkpoint)
    if len(metadata) > MAX_HEADER // 2:  # nobody could read it: hundreds of thousands of names
        metadata = _metadata_text(replace(checkpoint, trained_on=()))
    return tensors, {METADATA_KEY: metadata}


def as_stored(value: Tensor, *, half: bool) -> Tensor:
    """Return a weight as a file holds it.

    ``half`` applies to more than one dimension.
    """
    stored = value.detach().cpu()
    if not stored.is_floating_point():
        return stored
    return stored.to(torch.float16 if half and stored.ndim > 1 else torch.float32)


def load_checkpoint(path: Path | str) -> Checkpoint:
    """Read and check a checkpoint.

    Raises:
        CheckpointError: if it is not one of ours, damaged, or its weights do not fit its own description.
    """
    path = Path(path)
    try:
        with open_file(path) as file:
            header = read_header(file)  # before safetensors, which would read headers of any size
            digest = hashlib.file_digest(file, "sha256").hexdigest()
        described = _described(parse(header["__metadata__"][METADATA_KEY]))
        with safetensors.safe_open(path, framework="pt") as weights:
            state = _read_weights(weights, described)
    except KeyError as error:
        raise CheckpointError(
            tr(
                "{path}: this safetensors file was not written by FCN Studio (it has no {key}); "
                "choose a checkpoint from a run or from the bundled networks",
                path=path,
                key=error,
            )
        ) from error
    except CheckpointError as error:
        raise CheckpointError(f"{path}: {error!s:.400}") from error
    except OSError as error:
        raise CheckpointError(
            tr("{path}: the checkpoint cannot be read: {reason}", path=path, reason=error.strerror or error)
        ) from error
    except (safetensors.SafetensorError, ValueError, TypeError) as error:
        raise CheckpointError(
            tr(
                "{path}: the file is damaged or no safetensors checkpoint ({reason}); get a fresh copy",
                path=path,
                reason=f"{error!s:.400}",
            )
        ) from error
    return replace(described, state=state, sha256=digest, path=path, name=path.stem)


def _metadata_text(checkpoint: Checkpoint) -> str:
    """Return the description of the network as JSON, in ASCII.

    Names of images may not be valid Unicode.
    """
    pre = checkpoint.preprocessing
    fields = {
        "format": FORMAT,
        "architecture": checkpoint.architecture.as_json(),
        "classes": [{"index": c.index, "name": c.name, "colour": list(c.colour)} for c in checkpoint.table],
        "preprocessing": {
            "channel_order": pre.channel_order,
            "mean": list(pre.mean),
            "std": list(pre.std),
            "input_scale": pre.input_scale,
        },
        "temperature": checkpoint.temperature,
        "parent": checkpoint.parent,
        "trained_on": list(checkpoint.trained_on),
        "validation": checkpoint.validation,
        **{key: getattr(checkpoint, key) for key in ORIGIN_KEYS},
    }
    return json.dumps(fields, allow_nan=False, sort_keys=True)


def _described(data: object) -> Checkpoint:
    """Return the checkpoint that metadata describe, still without weights."""
    if not isinstance(data, dict) or data.get("format") != FORMAT:
        found = data.get("format") if isinstance(data, dict) else data
        raise CheckpointError(
            tr(
                "format {found} is not known here (this version reads {known}); update FCN Studio to use it",
                found=repr(found),
                known=FORMAT,
            )
        )
    try:
        pre = data["preprocessing"]
        mean, std = _triple(pre["mean"]), _triple(pre["std"])
        temperature = float(data["temperature"])
        trained_on = data["trained_on"]
        validation = data["validation"]
        if not (math.isfinite(temperature) and temperature > 0):
            raise CheckpointError(tr("temperature {value} is not a positive number", value=temperature))
        if not isinstance(trained_on, list) or not isinstance(validation, dict | None):
            raise TypeError("trained_on or validation")
        return Checkpoint(
            architecture=Architecture.from_json(data["architecture"]),
            table=_table(data["classes"]),
            preprocessing=Preprocessing(str(pre["channel_order"]), mean, std, float(pre["input_scale"])),
            state={},
            temperature=temperature,
            parent=str(data["parent"]),
            trained_on=tuple(str(image_id) for image_id in trained_on),
            validation=validation,
            source=text(data.get("source", "")),
            source_sha256=text(data.get("source_sha256", "")),
            licence=text(data.get("licence", "")),
            note=text(data.get("note", "")),
        )
    except (TypeError, ValueError, LookupError, OverflowError) as error:
        raise CheckpointError(
            tr("its description is incomplete or of the wrong kind ({reason})", reason=repr(error))
        ) from error


def _triple(values: Iterable[float]) -> tuple[float, float, float]:
    """Return exactly three numbers."""
    first, second, third = values
    return float(first), float(second), float(third)


def _table(rows: object) -> ClassTable:
    """Return the class table of a description."""
    if not isinstance(rows, list):
        raise CheckpointError(tr("its classes are not a list"))
    infos = []
    for row in rows:
        index, name, colour = row["index"], row["name"], row["colour"]
        good_colour = isinstance(colour, list) and len(colour) == 3 and all(c in range(256) for c in colour)
        if type(index) is not int or not isinstance(name, str) or not isinstance(colour, list) or not good_colour:
            raise CheckpointError(tr("class {row} is not an index, a name and a colour", row=row))
        infos.append(ClassInfo(index, name, (colour[0], colour[1], colour[2])))
    if [c.index for c in infos] != sorted(c.index for c in infos):
        raise CheckpointError(tr("its classes are not in the order of their indices"))
    try:
        return ClassTable(tuple(infos), infos[-1].index + 1 if infos else 0)
    except ProjectError as error:
        raise CheckpointError(str(error)) from error


def expected_state(architecture: Architecture, num_classes: int) -> dict[str, Tensor]:
    """Return the state dict that a network must have.

    It is on the meta device. Without classes its score layers have no rows.
    """
    with torch.device("meta"):
        network = build(architecture, max(1, num_classes))
    state: dict[str, Tensor] = network.state_dict()
    if num_classes:
        return state
    return {key: network.adapted(key, value, []) for key, value in state.items()}


def _read_weights(file: Any, described: Checkpoint) -> dict[str, Tensor]:
    """Read the weights and check them.

    Name, shape, type and finite values of each are checked.
    """
    expected = expected_state(described.architecture, len(described.table))
    differing = set(expected) ^ set(file.keys())
    if differing:
        raise CheckpointError(
            tr(
                "weight '{name}' is missing or too much for a {network}",
                name=min(differing),
                network=described.architecture.title,
            )
        )
    state = {}
    for key, model in expected.items():
        piece = file.get_slice(key)
        if list(piece.get_shape()) != list(model.shape) or piece.get_dtype() not in _DTYPES:
            raise CheckpointError(
                tr(
                    "weight '{name}' is {found}, but should be {wanted}",
                    name=key,
                    found=f"{piece.get_dtype()} {piece.get_shape()}",
                    wanted=list(model.shape),
                )
            )
        value = file.get_tensor(key).to(model.dtype, copy=True)
        if not bool(torch.isfinite(value).all()) or (key.endswith("running_var") and bool((value < 0).any())):
            raise CheckpointError(
                tr("weight '{name}' has a value that is no number; the training that made it failed", name=key)
            )
        state[key] = value
    return state
