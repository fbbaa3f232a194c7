"""Cache of the histories of images that are not open."""

from __future__ import annotations

import hashlib
import threading
from collections import OrderedDict
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np

from fcn_studio.core.document import Document
from fcn_studio.core.history import AnnotationState, History
from fcn_studio.core.labels import Labels


def fingerprint(labels: Labels, state: AnnotationState) -> bytes:
    """Return the sha256 of an annotation: size, status, origin and pixels."""
    digest = hashlib.sha256(repr((labels.shape, state.status.value, state.prelabelled_by)).encode("utf-8"))
    for array in (labels.label_map, labels.provenance):
        digest.update(np.ascontiguousarray(array).data)
    return digest.digest()


@dataclass(frozen=True)
class _Kept:
    history: History
    annotation: bytes
    size: int


class HistoryCache:
    """Steps of images that are not open, within a budget of bytes.

    It belongs to one thread and does slow work in another. A history is given back only to an unchanged
    annotation.

    A history that rests here has no thread. The image that was left the longest ago is forgotten first.
    """

    def __init__(self) -> None:
        self._executor = ThreadPoolExecutor(1, thread_name_prefix="kept")
        self._resting: dict[str, Future[None]] = {}
        self._kept: OrderedDict[str, _Kept] = OrderedDict()
        self._lock = threading.Lock()
        """Of ``_kept`` and ``_budget``, which the thread changes too."""
        self._budget = 0

    @property
    def size_bytes(self) -> int:
        """Size of all steps, in bytes."""
        with self._lock:
            return sum(kept.size for kept in self._kept.values())

    def limit(self, budget_bytes: int) -> None:
        """Set the budget and forget what is beyond it."""
        with self._lock:
            self._budget = budget_bytes
            self._trim()

    def keep(self, document: Document) -> None:
        """Take the history of a document that is being left.

        Nobody else may use it or change the document from then on.
        """
        history = document.history
        if not (history.can_undo or history.can_redo):
            history.close()
            return
        self._resting = {image_id: future for image_id, future in self._resting.items() if not future.done()}
        labels = Labels(document.label_map, document.provenance)
        state = AnnotationState(document.status, document.prelabelled_by)
        image_id = document.image_id
        self._resting[image_id] = self._executor.submit(self._rest, image_id, history, labels, state)

    def has(self, image_id: str) -> bool:
        """Return whether there are steps of an image.

        They may be of another annotation than it has now.
        """
        with self._lock:
            return image_id in self._kept or image_id in self._resting

    def take(self, image_id: str, annotation: bytes) -> History | None:
        """Return the steps of an image that is being opened.

        None if there are none of this annotation.

        Either way nothing of the image is kept afterwards. ``annotation``: its `fingerprint` as it is now.
        """
        resting = self._resting.pop(image_id, None)
        if resting is not None:
            resting.result()
        with self._lock:
            kept = self._kept.pop(image_id, None)
        return kept.history if kept is not None and kept.annotation == annotation else None

    def clear(self) -> None:
        """Forget all of them."""
        resting, self._resting = self._resting, {}
        for future in resting.values():
            future.result()
        with self._lock:
            self._kept.clear()

    def close(self) -> None:
        """Forget all of them and end the thread."""
        self.clear()
        self._executor.shutdown(wait=True)

    def _rest(self, image_id: str, history: History, labels: Labels, state: AnnotationState) -> None:
        """Compress a history and store it with the annotation's fingerprint."""
        history.stop_thread()
        kept = _Kept(history, fingerprint(labels, state), history.bytes_now)
        with self._lock:
            self._kept[image_id] = kept
            self._trim()

    def _trim(self) -> None:
        total = sum(kept.size for kept in self._kept.values())
        while self._kept and total > self._budget:
            _, forgotten = self._kept.popitem(last=False)
            total -= forgotten.size
