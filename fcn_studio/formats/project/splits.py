"""``.fcn-studio/splits.json``, which images are for training and which for validation.

The file maps image ids to "train" or "val". An image that is in it never changes its split. A verified image gets
there when it is first trained on, validated on or exported. What the ImageSets lists name is never assigned. The file
needs no lock: it is replaced whole, and two processes that assign the same images agree.

In projects of before there was the file, the split followed from an image's id. Their images keep that split when
they are first needed. A new project gets an empty file before its project file.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path

from fcn_studio.core.sample import ImageClasses, Sample, Split, assign, by_hash, split_of, val_images_wanted
from fcn_studio.errors import ProjectError
from fcn_studio.formats.atomic import CANNOT_READ, os_errors_as, refuse_outside, write_atomically
from fcn_studio.formats.images.scan import MAX_LIST_BYTES
from fcn_studio.formats.strict_json import parse
from fcn_studio.formats.voc.voc import read_splits
from fcn_studio.i18n import tr
from fcn_studio.paths import read_file

NAME = "splits.json"


class Splits:
    """The splits of a project's images.

    It may be used by several threads.
    """

    def __init__(self, project: Path, path: Path, val_percent: Callable[[], int], *, new: bool) -> None:
        """Read the ImageSets lists, and look for the file, which is read when it is first needed.

        Args:
            project: the folder of the project.
            path: the file, in that folder.
            val_percent: returns the share of verified images that is for validation.
            new: whether the project has no project file yet.
        """
        self._path, self._project, self._val_percent = path, project, val_percent
        self._listed = read_splits(project)
        self._lock = threading.Lock()
        self._by_id = not new and not path.exists()
        """Whether the splits still follow from the ids, as in a project of before there was the file."""
        self._read: dict[str, Split] | None = {} if self._by_id or not path.exists() else None
        self._stored = self._read is None

    def of(self, sample: Sample) -> Split:
        """Return the split of an image; one that has none yet is for training.

        Raises:
            ProjectError: if the file is broken.
        """
        if (listed := self._listed.get(sample.mask_id)) is not None:
            return listed
        if (assigned := self._assigned().get(sample.image_id)) is not None:
            return assigned
        return split_of(sample.image_id, self._val_percent()) if self._by_id else Split.TRAIN

    def expected(self, verified: Sequence[Sample]) -> dict[str, Split]:
        """Return image id -> split as numerous as they will be after `assign`, without looking at classes."""
        found = {sample.image_id: self.of(sample) for sample in verified}
        pending = self.pending(verified)
        if not self._by_id and pending:
            free = [s.image_id for s in verified if s.mask_id not in self._listed]
            there = sum(found[image_id] is Split.VAL for image_id in free)
            more = max(0, val_images_wanted(len(free), self._val_percent()) - there)
            found |= dict.fromkeys(by_hash(pending)[:more], Split.VAL)
        return found

    def pending(self, verified: Iterable[Sample]) -> list[str]:
        """Return the ids of verified images that are in no list and have no split yet."""
        assigned = self._assigned()
        return [s.image_id for s in verified if s.mask_id not in self._listed and s.image_id not in assigned]

    def assign(self, samples: Iterable[Sample], classes: ImageClasses) -> None:
        """Give each verified image a split, if it has none.

        Nothing is written; `store` does that.

        Args:
            samples: all images that a person has worked on.
            classes: class indices in each of them that is verified. The others get a split only where it follows
                from the id.

        Raises:
            ProjectError: if the file is broken.
        """
        with self._lock:
            assigned = self._assigned()
            free = [sample.image_id for sample in samples if sample.mask_id not in self._listed]
            if self._by_id:
                added = {image_id: split_of(image_id, self._val_percent()) for image_id in free}
            else:
                added = assign({i: classes[i] for i in free if i in classes}, assigned, self._val_percent())
            if added:
                self._read, self._by_id, self._stored = {**added, **assigned}, False, False

    def store(self) -> None:
        """Write the file if it does not hold all splits.

        Raises:
            ProjectError: if it cannot be written.
        """
        with self._lock:
            if self._stored or self._by_id:
                return
            refuse_outside(self._project, self._path)
            rows = {image_id: split.value for image_id, split in sorted(self._assigned().items())}
            write_atomically(self._path, (json.dumps(rows, indent=0) + "\n").encode("ascii"))
            self._stored = True

    def _assigned(self) -> Mapping[str, Split]:
        """Return what is assigned. Raises: ProjectError if the file is broken."""
        if self._read is None:
            with os_errors_as(CANNOT_READ, self._path):
                data = read_file(self._path, MAX_LIST_BYTES)
            try:
                self._read = {image_id: Split(value) for image_id, value in parse(data).items()}
            except (ValueError, TypeError, AttributeError) as error:
                raise ProjectError(
                    tr(
                        "{path} is broken ({reason}); restore it from a copy, or delete it to divide the images anew",
                        path=self._path,
                        reason=error,
                    )
                ) from error
        return self._read
