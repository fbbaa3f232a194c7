"""Conversion of weight files of others to checkpoints.

It runs in a process that may be lost.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from fcn_studio.errors import ArchitectureUndecided, CheckpointError
from fcn_studio.fcn.weights.caffemodel import read_caffemodel
from fcn_studio.fcn.weights.checkpoint import write_temporary
from fcn_studio.fcn.weights.key_mapping import checkpoint_of
from fcn_studio.fcn.weights.published import PublishedNetwork
from fcn_studio.fcn.weights.torch_pickle import read_pth
from fcn_studio.i18n import tr
from fcn_studio.paths import open_file

_PYTORCH_HEADS = (b"PK", b"\x80")
"""How a zip archive and a pickle begin."""


def convert(
    source: Path,
    out: Path,
    row: PublishedNetwork | None = None,
    classes: tuple[str, ...] = (),
    note: str = "",
    architecture: str = "",
) -> None:
    """Convert a ``.caffemodel`` or ``.pth`` to a checkpoint of ours.

    The network is the same.

    Args:
        source: the file.
        out: where nobody's file lies yet.
        row: the published network that it is, if that is known.
        classes: the names of its classes, where no row says them.
        note: what is to be known of it.
        architecture: name of its architecture, where the file does not tell it; "" otherwise.

    Raises:
        CheckpointError: if it is damaged, no known network, or has values that are no numbers.
        ProjectError: if the checkpoint cannot be written.
    """
    weights = read_foreign(source)
    try:
        checkpoint = checkpoint_of(weights, row, classes, architecture, scales_known=not _is_pytorch(source))
    except ArchitectureUndecided as error:
        raise ArchitectureUndecided(f"{source}: {error}", error.names) from error
    except CheckpointError as error:
        raise CheckpointError(f"{source}: {error}") from error
    with open_file(source) as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    origin, licence = (row.url, row.licence) if row is not None else (source.name, "")
    imported = replace(checkpoint, source=origin, source_sha256=digest, licence=licence, note=note)
    write_temporary(imported, out)


def read_foreign(source: Path) -> Mapping[str, Tensor]:
    """Read name -> weight of a foreign file.

    Its first bytes decide how it is read.

    Raises:
        CheckpointError: if it cannot be read.
    """
    return read_pth(source) if _is_pytorch(source) else _caffe_weights(source)


def _is_pytorch(source: Path) -> bool:
    """Return whether a file begins as PyTorch's do.

    Raises:
        CheckpointError: if it cannot be read.
    """
    try:
        with open_file(source) as file:
            return file.read(2).startswith(_PYTORCH_HEADS)
    except OSError as error:
        raise CheckpointError(
            tr("{path}: the file cannot be read: {reason}", path=source, reason=error.strerror or error)
        ) from error


def _caffe_weights(source: Path) -> dict[str, Tensor]:
    """Read the blobs of a ``.caffemodel`` under PyTorch's names.

    They are the names that PyTorch would give them.

    Raises:
        CheckpointError: if it cannot be read.
    """
    weights = {}
    for layer in read_caffemodel(source):
        if len(layer.blobs) > 2:
            raise CheckpointError(
                tr(
                    "{path}: layer '{layer}' has {count} blobs; no known kind does",
                    path=source,
                    layer=layer.name,
                    count=len(layer.blobs),
                )
            )
        for kind, blob in zip(("weight", "bias"), layer.blobs, strict=False):
            # Copied once: places in the file are not aligned for floats.
            weights[f"{layer.name}.{kind}"] = torch.from_numpy(np.array(blob, dtype=np.float32, order="C"))
    return weights
