"""``.fcn-studio/predictions``, what networks predicted for the images of a project.

Each file is an 8-bit grey PNG of two or three planes one below the other, each of the image's size: the label map in
the network's own class indices, the uncertainty, and the second guess if the network gave one. A text chunk of JSON
says of what it is::

    {"checkpoint": "c0...", "planes": 3, "doubt": 0.031, "levels": [null, null],
     "image": {"sha256": "9a...", "state": [...]}}

The network's own indices keep their meaning when the project's classes change, and the user's class map is applied
when a prediction is read. A file counts only for the network, the image and the grey levels that it names. All of it
can be deleted: what is missing, damaged or of something else is predicted anew. The folder is bounded, and the oldest
files go first.
"""

from __future__ import annotations

import json
import os
import shutil
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import numpy as np

from fcn_studio.core.grey_levels import GreyLevels
from fcn_studio.core.prediction import Prediction, doubt
from fcn_studio.core.sample import Sample
from fcn_studio.errors import FcnStudioError, ProjectError
from fcn_studio.formats.atomic import CANNOT_READ, os_errors_as, refuse_outside, write_atomically
from fcn_studio.formats.images.scan import scan_masks
from fcn_studio.formats.project.image_digests import ImageDigests, ImageOrigin
from fcn_studio.formats.project.prediction_index import (
    LIVE,
    PredictionSummary,
    levels_json,
    read_index,
    share,
    write_index,
)
from fcn_studio.formats.strict_json import parse, text, whole
from fcn_studio.formats.voc.masks import encode_grey, read_grey, read_text_chunk
from fcn_studio.i18n import tr

DEFAULT_BYTES = 1 << 30
RESERVE = 100 << 20
"""Bytes of the disk that are left to masks, which cannot be made again."""
_CHUNK = "fcn_studio_prediction"
_HEAD_BYTES = 1 << 16
"""Bytes of a file besides its pixels, at most."""


class PredictionCache:
    """Predictions of a project on disk. Used by several threads.

    Attributes:
        limit: bytes of all files together; 0 keeps none.
        any_compared: whether any image was compared with labels, so that its differences may be known.
    """

    def __init__(
        self,
        folder: Path,
        index: Path,
        samples: Sequence[Sample],
        digests: ImageDigests,
        *,
        levels: Callable[[], GreyLevels],
        prepare: Callable[[], None],
    ) -> None:
        """Note where things lie. Nothing is read yet.

        Args:
            folder: where the files are.
            index: file of the numbers, see `prediction_index`.
            samples: all images of the project.
            digests: tells whether an image file is still the same.
            levels: returns the black and white that deep images are read with.
            prepare: called before anything is written; raises ProjectError if it must not be.
        """
        self.limit = DEFAULT_BYTES
        self.any_compared = False
        self._folder, self._index = folder, index
        self._samples, self._digests = samples, digests
        self._levels, self._prepare = levels, prepare
        self._lock = threading.RLock()
        self._files: _Files | None = None  # listed at the first write
        self._known: dict[str, PredictionSummary] = {}
        self._changed = False

    # --- predictions ------------------------------------------------------------------------------------------

    def write(self, sample: Sample, prediction: Prediction, differences: float | None = None) -> None:
        """Keep the prediction of an image.

        Nothing is kept if the image file has changed since it was opened.

        Args:
            sample: the image.
            prediction: in the network's own class indices.
            differences: see `PredictionSummary`.

        Raises:
            ProjectError: if the project was opened to read, the file cannot be written, or the disk is nearly full.
        """
        origin = self._digests.opened(sample)
        if origin is None:
            return
        path = self._folder / f"{sample.mask_id}.png"
        refuse_outside(self._folder.parent.parent, path)
        self._prepare()
        self._refuse_last_bytes()
        share_wrong = doubt(prediction)
        data = _encoded(prediction, origin, self._levels(), share_wrong)
        with self._lock:
            written = path.stat().st_mtime_ns if self._put(path, data) else 0
            _, size, modified, _ = origin.state
            self._known[sample.mask_id] = PredictionSummary(
                prediction.checkpoint, share_wrong, differences, (modified, size), written
            )
            self._changed = True

    def read(self, sample: Sample, checkpoint: str, size: tuple[int, int]) -> Prediction | None:
        """Return the prediction that a network made of an image as it is now.

        It is in the network's own class indices, and None if there is none that counts.

        Args:
            sample: the image.
            checkpoint: sha256 of the network.
            size: (width, height) of the image as displayed.
        """
        path = self._folder / f"{sample.mask_id}.png"
        width, height = size
        with suppress(OSError, ValueError, TypeError, KeyError, FcnStudioError):
            fields = parse(text(read_text_chunk(path, _CHUNK)))
            planes, origin = whole(fields["planes"]), ImageOrigin.parsed(fields["image"])
            made_by, largest = (fields["checkpoint"], fields["levels"]), 3 * width * height * 2 + _HEAD_BYTES
            if made_by != (checkpoint, levels_json(self._levels())) or planes not in (2, 3):
                return None
            if path.stat().st_size > largest or origin is None or self._digests.is_another(sample, origin):
                return None
            label_map, uncertainty, *rest = np.split(read_grey(path, (width, planes * height)), planes)
            return Prediction(sample.image_id, label_map, uncertainty, checkpoint, *rest)
        return None

    # --- summaries --------------------------------------------------------------------------------------------

    def summary(self, sample: Sample) -> PredictionSummary | None:
        """Return what is known of an image's prediction, without opening a file."""
        return self._known.get(sample.mask_id)

    def note_live(self, sample: Sample, prediction: Prediction, network: str) -> None:
        """Note the doubt of Live's prediction, unless the network in use has predicted the image.

        The prediction itself is not kept: it is out of date with the next stroke.

        Args:
            sample: the image.
            prediction: Live's.
            network: sha256 of the network in use.
        """
        origin, doubtful = self._digests.opened(sample), doubt(prediction)
        path = self._folder / f"{sample.mask_id}.png"
        with self._lock:
            known = self._known.get(sample.mask_id)
            if origin is None or (known is not None and known.checkpoint == network):
                return
            _, size, modified, _ = origin.state
            written = _modified(str(path))  # of another network's prediction, which does not count
            self._known[sample.mask_id] = PredictionSummary(LIVE, doubtful, None, (modified, size), written)
            self._changed = True

    @property
    def any_known(self) -> bool:
        """Whether any summary is known."""
        return bool(self._known)

    def note_differences(self, sample: Sample, differences: float | None) -> None:
        """Note how far the labels of an image differ from its prediction."""
        with self._lock:
            found = self._known.get(sample.mask_id)
            self.any_compared = self.any_compared or differences is not None
            if found is not None and found.differences != differences:
                self._known[sample.mask_id] = replace(found, differences=differences)
                self._changed = True

    def forget_differences(self) -> None:
        """Forget all differences: the classes of the network mean something else now."""
        with self._lock:
            self._known = {mask_id: replace(found, differences=None) for mask_id, found in self._known.items()}
            self._changed = True

    def forget_summaries(self) -> None:
        """Forget all summaries: deep images are read with other grey levels now."""
        with self._lock:
            self._known, self._changed = {}, True

    def load(self) -> Iterator[None]:
        """Find the summaries of all images, a few at each step.

        The caller decides how fast it goes on. What was written meanwhile stays.
        """
        levels = self._levels()
        index: dict[str, PredictionSummary] = {}
        for found_there in read_index(self._index, len(self._samples), levels):
            index |= found_there
            yield
        files = scan_masks(self._folder)
        for sample in self._samples if index or files else ():
            found = index.get(sample.mask_id)
            path = files.get(sample.mask_id)
            if path is not None and (found is None or _modified(path) != found.written):
                found, self._changed = _summary_in(Path(path), levels), True
            if found is not None and sample.mask_id not in self._known and found.is_of(sample.image_file):
                self._known.setdefault(sample.mask_id, found)
                self.any_compared = self.any_compared or found.differences is not None
            yield

    def save_index(self) -> None:
        """Write the summaries if any changed.

        Raises:
            ProjectError: if they cannot be written.
        """
        with self._lock:
            if self._changed:
                write_index(self._index, self._known, self._levels())
            self._changed = False

    def _refuse_last_bytes(self) -> None:
        """Raise ProjectError if the disk is nearly full."""
        folder = self._folder.parent
        with os_errors_as(CANNOT_READ, folder):
            free = shutil.disk_usage(folder if folder.is_dir() else folder.parent).free
        if free < RESERVE:
            raise ProjectError(
                tr("less than {mb} MB are free on the disk of {folder}", mb=RESERVE >> 20, folder=folder.parent)
            )

    def _put(self, path: Path, data: bytes) -> bool:
        """Write a file once the oldest ones have made room for it, and return whether there is room.

        A file that is larger than all of the room replaces its older state by nothing.

        Raises:
            ProjectError: if it cannot be written.
        """
        files, self._files = self._files or _Files(self._folder), None  # listed again if anything below fails
        files.forget(str(path))
        while files.bytes + len(data) > self.limit and (oldest := files.take_oldest()) is not None:
            with suppress(OSError):  # somebody else has deleted it
                Path(oldest).unlink()
        if fits := len(data) <= self.limit:
            write_atomically(path, data)
            files.add(str(path), len(data))
        else:
            with suppress(OSError):
                path.unlink()
        self._files = files
        return fits


class _Files:
    """The files below a folder, oldest first, with their sizes.

    Attributes:
        bytes: of all together.
    """

    def __init__(self, folder: Path) -> None:
        found = []
        for path in scan_masks(folder).values():
            with suppress(OSError):
                stat = os.stat(path)
                found.append((stat.st_mtime_ns, path, stat.st_size))
        self._sizes = {path: size for _, path, size in sorted(found)}
        self.bytes = sum(self._sizes.values())

    def add(self, path: str, size: int) -> None:
        """Note a new file."""
        self._sizes[path] = size
        self.bytes += size

    def forget(self, path: str) -> None:
        """Forget a file, if it is known."""
        self.bytes -= self._sizes.pop(path, 0)

    def take_oldest(self) -> str | None:
        """Forget the oldest file and return it, None if there is none."""
        path = next(iter(self._sizes), None)
        if path is not None:
            self.forget(path)
        return path


def _encoded(prediction: Prediction, origin: ImageOrigin, levels: GreyLevels, share_wrong: float) -> bytes:
    """Return the bytes of a file."""
    planes = [prediction.label_map, prediction.uncertainty]
    if prediction.second_guess is not None:
        planes.append(prediction.second_guess)
    fields = {
        "checkpoint": prediction.checkpoint,
        "planes": len(planes),
        "doubt": round(share_wrong, 6),
        "levels": levels_json(levels),
        "image": origin.fields,
    }
    return encode_grey(np.concatenate(planes), {_CHUNK: json.dumps(fields)})


def _summary_in(path: Path, levels: GreyLevels) -> PredictionSummary | None:
    """Return what the head of a file says, None if it is damaged or of other grey levels."""
    with suppress(OSError, ValueError, TypeError, KeyError):
        fields = parse(text(read_text_chunk(path, _CHUNK)))
        origin = ImageOrigin.parsed(fields["image"])
        if origin is not None and fields["levels"] == levels_json(levels):
            _, size, modified, _ = origin.state
            written = path.stat().st_mtime_ns
            return PredictionSummary(
                text(fields["checkpoint"]), share(fields["doubt"]), None, (modified, size), written
            )
    return None


def _modified(path: str) -> int:
    """Return the modification time (ns) of a file, 0 if it is gone."""
    try:
        return os.stat(path).st_mtime_ns
    except OSError:
        return 0
