"""Numbers of images that have each class, counted while a dialog is open."""

from __future__ import annotations

from collections import Counter
from collections.abc import Generator, Mapping, Sequence
from pathlib import Path
from time import monotonic

from PySide6.QtCore import QObject, Signal

from fcn_studio.core.classes import ClassTable
from fcn_studio.formats.voc.masks import indices_in
from fcn_studio.i18n import listed, tr, tr_n
from fcn_studio.ui.runtime.worker import Worker

_INTERVAL_S = 0.5
"""How often what was found is shown."""

_MOST_NAMED = 12

Found = Mapping[int, frozenset[int]]
"""Row of an image -> class indices in its mask."""


class ClassCounts(QObject):
    """Counter of the images that have each class; it reads each mask once, in a thread.

    Args:
        masks: file of each image's mask; it may be missing.
        table: the classes.

    Signals:
        changed(): more masks have been read.
    """

    changed = Signal()

    def __init__(self, masks: Sequence[Path], table: ClassTable) -> None:
        super().__init__()
        self._masks, self._table = masks, table
        self._found: dict[int, frozenset[int]] = {}
        self._worker = Worker("class counts", self)
        self._worker.stepped.connect(self._take)
        self._worker.finished.connect(self.changed)

    def words(self, rows: Sequence[int]) -> str:
        """Return how many images of these rows have each class; what is not known is read meanwhile."""
        missing = [row for row in rows if row not in self._found]
        if missing and not self._worker.running:
            self._worker.start(_indices(self._masks, missing))
        counts = Counter(index for row in rows for index in self._found.get(row, ()))
        known = [(info.name, counts[info.index]) for info in self._table if counts[info.index]]
        shown = [f"{name} {count:,}" for name, count in known[:_MOST_NAMED]]
        if len(known) > _MOST_NAMED:
            shown.append(tr_n("{n} more class", "{n:,} more classes", len(known) - _MOST_NAMED))
        if missing:
            shown.append(tr("counting…"))
        return tr("Images with each class: {counts}", counts=listed(shown)) if shown else ""

    def close(self) -> None:
        """End the thread."""
        self._worker.close()

    def _take(self, found: Found) -> None:
        self._found.update(found)
        self.changed.emit()


def _indices(masks: Sequence[Path], rows: Sequence[int]) -> Generator[Found, None, None]:
    """Yield what the masks of some rows have, at intervals."""
    found, since = dict[int, frozenset[int]](), monotonic()
    for row in rows:
        found[row] = indices_in(masks[row]) or frozenset()
        if monotonic() - since > _INTERVAL_S:
            yield found
            found, since = {}, monotonic()
    yield found
