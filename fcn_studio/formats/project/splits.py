"""``.fcn-studio/splits.json``, which images are for training, validation and test.

The file maps image ids to "train" or "val". A verified image gets there when it is first trained on, validated on or
exported, and keeps its split until a person changes it. What the ImageSets lists name is never assigned. The file
needs no lock: it is replaced whole, and two processes that assign the same images agree.

What a person chose has a second row, whose key is "/train/", "/val/" or "/test/" and the image id: no id begins with
a slash. It comes before the lists. The value of both rows of a test image is "val": earlier versions know no other
values, keep rows that they do not know, and so never train on a test image.

In projects of before there was the file, the split followed from an image's id. Their images keep that split when
they are first needed. A new project gets an empty file before its project file.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from pathlib import Path

from fcn_studio.core.sample import ImageClasses, Sample, Split, assign, by_hash, split_of, val_images_wanted
from fcn_studio.errors import ProjectError
from fcn_studio.formats.atomic import CANNOT_READ, os_errors_as, refuse_outside, write_atomically
from fcn_studio.formats.images.scan import MAX_LIST_BYTES
from fcn_studio.formats.strict_json import parse
from fcn_studio.formats.voc.lists import read_splits
from fcn_studio.i18n import tr
from fcn_studio.paths import read_file

NAME = "splits.json"

_STORED = {split.value: split for split in (Split.TRAIN, Split.VAL)}
"""Value in the file -> split."""


class Splits:
    """The splits of a project's images.

    It may be used by several threads.

    Attributes:
        lists: file name -> what this ImageSets list names.
    """

    def __init__(
        self, project: Path, samples: Sequence[Sample], path: Path, val_percent: Callable[[], int], *, new: bool
    ) -> None:
        """Read the ImageSets lists, and look for the file, which is read when it is first needed.

        Args:
            project: the folder of the project.
            samples: its images.
            path: the file, in that folder.
            val_percent: returns the share of verified images that is for validation.
            new: whether the project has no project file yet.
        """
        self._path, self._project, self._val_percent = path, project, val_percent
        listed = read_splits(project, samples)
        self.lists, self._listed = listed.lists, listed.splits
        self._samples = samples
        self._lock = threading.Lock()
        self._by_id = not new and not path.exists()
        """Whether the splits still follow from the ids, as in a project of before there was the file."""
        self._read: Mapping[str, Split] | None = None
        """The rows of the file."""
        self._chosen: dict[str, Split] = {}
        """What a person chose, by image id; complete once the file is read."""
        if self._by_id or not path.exists():
            self._read = {}
        self._new_choices: set[str] = set()
        self._stored = self._read is None

    def of(self, sample: Sample) -> Split:
        """Return the split of an image; one that has none yet is for training.

        Raises:
            ProjectError: if the file is broken.
        """
        assigned = self._assigned().get(sample.image_id)
        if (chosen := self._chosen.get(sample.image_id) or self._listed.get(sample.image_id)) is not None:
            return chosen
        if assigned is not None:
            return assigned
        return split_of(sample.image_id, self._val_percent()) if self._by_id else Split.TRAIN

    def decided(self, sample: Sample) -> Split | None:
        """Return the split of an image that has one, None if it has none yet or the file is broken."""
        try:
            has_one = self._by_id or sample.image_id in self._assigned() or sample.image_id in self._listed
            return self.of(sample) if has_one else None
        except ProjectError:
            return None

    @property
    def any_held_out(self) -> bool:
        """Whether an image is not for training; False if the file is broken."""
        try:
            held_out = any(split is not Split.TRAIN for split in self._assigned().values())
        except ProjectError:
            return False
        return held_out or any(split is not Split.TRAIN for split in self._listed.values())

    def expected(self, verified: Sequence[Sample]) -> dict[str, Split]:
        """Return image id -> split as numerous as they will be after `assign`, without looking at classes."""
        found = {sample.image_id: self.of(sample) for sample in verified}
        pending = self.pending(verified)
        if not self._by_id and pending:
            free = [i for i in found if i not in self._listed and found[i] is not Split.TEST]
            there = sum(found[image_id] is Split.VAL for image_id in free)
            more = max(0, val_images_wanted(len(free), self._val_percent()) - there)
            found |= dict.fromkeys(by_hash(pending)[:more], Split.VAL)
        return found

    def pending(self, verified: Iterable[Sample]) -> list[str]:
        """Return the ids of verified images that are in no list and have no split yet."""
        assigned = self._assigned()
        return [s.image_id for s in verified if s.image_id not in self._listed and s.image_id not in assigned]

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
            free = [s.image_id for s in samples if s.image_id not in self._listed and self.of(s) is not Split.TEST]
            if self._by_id:
                added = {image_id: split_of(image_id, self._val_percent()) for image_id in free}
            else:
                added = assign({i: classes[i] for i in free if i in classes}, assigned, self._val_percent())
            if added:
                self._take({**added, **assigned})
                self._by_id, self._stored = False, False

    def choose(self, images: Mapping[str, Split]) -> None:
        """Give images, by id, the splits that a person chose.

        They come before the lists. Nothing is written; `store` does that.

        Raises:
            ProjectError: if the file is broken.
        """
        with self._lock:
            rows = dict(self._assigned())
            if self._by_id:
                rows |= {i: split_of(i, self._val_percent()) for i in self._unlisted()}
            self._take({**_without(rows, images), **_rows_of(images)})
            self._by_id, self._stored = False, False
            self._new_choices.update(images)

    def store(self) -> None:
        """Write the file if it does not hold all splits.

        What another process has written since is kept.

        Raises:
            ProjectError: if it is broken, or cannot be written.
        """
        with self._lock:
            if self._stored or self._by_id:
                return
            refuse_outside(self._project, self._path)
            rows = self._assigned()
            if self._path.exists():
                rows = {**rows, **_without(self._rows_on_disk(), self._new_choices)}
            lines = {key: split.value for key, split in sorted(rows.items())}
            write_atomically(self._path, (json.dumps(lines, indent=0) + "\n").encode("ascii"))
            self._take(rows)
            self._stored, self._new_choices = True, set()

    def _unlisted(self) -> list[str]:
        return [sample.image_id for sample in self._samples if sample.image_id not in self._listed]

    def _assigned(self) -> Mapping[str, Split]:
        """Return the rows of the file. Raises: ProjectError if it is broken."""
        if self._read is None:
            self._take(self._rows_on_disk())
        assert self._read is not None
        return self._read

    def _take(self, rows: Mapping[str, Split]) -> None:
        chosen = (_choice_in(key) for key in rows if key.startswith("/"))
        self._chosen = dict(choice for choice in chosen if choice is not None)
        self._read = rows

    def _rows_on_disk(self) -> dict[str, Split]:
        """Return the rows of the file as it is now. Raises: ProjectError if it is broken."""
        with os_errors_as(CANNOT_READ, self._path):
            data = read_file(self._path, MAX_LIST_BYTES)
        try:
            return {key: _STORED[value] for key, value in parse(data).items()}
        except (KeyError, ValueError, TypeError, AttributeError) as error:
            raise ProjectError(
                tr(
                    "{path} is broken ({reason}); restore it from a copy, or delete it to divide the images anew",
                    path=self._path,
                    reason=error,
                )
            ) from error


def _rows_of(images: Mapping[str, Split]) -> dict[str, Split]:
    """Return the rows of what a person chose."""
    stored: dict[str, Split] = {i: Split.VAL if split is Split.TEST else split for i, split in images.items()}
    return stored | {f"/{images[i].value}/{i}": split for i, split in stored.items()}


def _without(rows: Mapping[str, Split], image_ids: Collection[str]) -> dict[str, Split]:
    """Return the rows of all other images."""
    left_out = {key for i in image_ids for key in (i, *(f"/{split.value}/{i}" for split in Split))}
    return {key: split for key, split in rows.items() if key not in left_out}


def _choice_in(key: str) -> tuple[str, Split] | None:
    """Return the image id and the split in the key of a choice, None if a later version wrote it."""
    _, name, image_id = key.split("/", 2) if key.count("/") > 1 else ("", "", "")
    return (image_id, Split(name)) if name in set(Split) else None
