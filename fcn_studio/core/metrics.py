"""Figures of semantic segmentation from one confusion matrix over the set.

Source: Long, Shelhamer & Darrell 2015, section 5 ("Metrics"): pixel accuracy, mean accuracy, mean IoU,
frequency-weighted IoU. A class that is predicted but absent from the truth counts as 0 in the mean IoU, as in the
authors' ``score.py``, in PASCAL VOC's development kit and in torchmetrics. A class absent from both is left out of
the mean, and listed.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fcn_studio.core.classes import VOID, ClassTable
from fcn_studio.core.labels import LabelMap


@dataclass(frozen=True)
class Figures:
    """Figures of a network on a set of images.

    All shares are 0..1.

    Attributes:
        pixel_accuracy: share of scored pixels that are right.
        mean_accuracy: mean over the classes of the truth of the share of their pixels that are right.
        mean_iou: mean of intersection over union over the classes of the truth and of the predictions.
        frequency_weighted_iou: IoU weighted by the classes' pixels.
        iou: class index -> IoU, for the same classes; 0 for one that is only predicted.
        pixels: class index -> true pixels, for the same classes.
        absent: class indices of the table that are neither in the truth nor predicted.
        images: number of images scored.
        confusion: true class index -> predicted index -> pixels, where there are any; 255 stands for none.
        boundary: class index -> boundary F-score at 2 pixels; empty if it was not asked for.
    """

    pixel_accuracy: float
    mean_accuracy: float
    mean_iou: float
    frequency_weighted_iou: float
    iou: Mapping[int, float]
    pixels: Mapping[int, int]
    absent: tuple[int, ...] = ()
    images: int = 0
    confusion: Mapping[int, Mapping[int, int]] = field(default_factory=dict, repr=False)
    boundary: Mapping[int, float] = field(default_factory=dict)

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Figures:
        """Make the figures from the JSON of their ``asdict``.

        Its keys are texts.

        Raises:
            KeyError, TypeError, ValueError, AttributeError: if the data are anything else.
        """
        names = ("iou", "pixels", "boundary")
        by_class: dict[str, Any] = {name: {int(i): value for i, value in data[name].items()} for name in names}
        by_class["confusion"] = {
            int(true): {int(i): count for i, count in row.items()} for true, row in data["confusion"].items()
        }
        return cls(**{**data, **by_class, "absent": tuple(data["absent"])})

    @property
    def mean_boundary(self) -> float:
        """Mean boundary F-score over the classes with a boundary.

        It is 0 if it was not asked for.
        """
        return sum(self.boundary.values()) / len(self.boundary) if self.boundary else 0.0

    def worst_confusions(self, most: int = 5) -> list[tuple[int, int, int]]:
        """Return (true index, predicted index, pixels) of the largest errors, largest first."""
        errors = [(t, p, n) for t, row in self.confusion.items() for p, n in row.items() if t != p]
        return sorted(errors, key=lambda error: -error[2])[:most]

    def details_as_json(self, table: ClassTable) -> dict[str, object]:
        """Return confusion matrix and boundaries with class names, for ``--json``."""

        def name(index: int) -> str:
            return "none" if index == VOID else table.name_of(index)

        details: dict[str, object] = {
            "confusion": {name(t): {name(p): n for p, n in row.items()} for t, row in self.confusion.items()}
        }
        if self.boundary:
            details["mean_boundary"] = self.mean_boundary
            details["boundary"] = {name(i): value for i, value in self.boundary.items()}
        return details

    def as_json(self, table: ClassTable) -> dict[str, object]:
        """Return the figures with class names, for ``--json``."""
        return {
            "pixel_accuracy": self.pixel_accuracy,
            "mean_accuracy": self.mean_accuracy,
            "mean_iou": self.mean_iou,
            "frequency_weighted_iou": self.frequency_weighted_iou,
            "iou": {table.name_of(i): value for i, value in self.iou.items()},
            "pixels": {table.name_of(i): value for i, value in self.pixels.items()},
            "absent": [table.name_of(i) for i in self.absent],
            "images": self.images,
        }


@dataclass
class ConfusionMatrix:
    """Counts of (true, predicted) class indices over a set of images.

    Attributes:
        counts: int64 (256, 256), row = true class index, column = predicted; row and column 255 hold what is
            void or unlabelled. Truth 255 is never scored; a prediction of 255 on a true class is an error.
        images: number of images added.
    """

    counts: NDArray[np.int64] = field(default_factory=lambda: np.zeros((256, 256), np.int64))
    images: int = 0

    @classmethod
    def total(cls, matrices: Sequence[ConfusionMatrix]) -> ConfusionMatrix:
        """Return the counts of several matrices together."""
        counts = sum((matrix.counts for matrix in matrices), np.zeros((256, 256), np.int64))
        return cls(counts, sum(matrix.images for matrix in matrices))

    def add(self, truth: LabelMap, prediction: LabelMap) -> None:
        """Count one image.

        Both arrays are uint8 (H, W) in the same class indices.

        Raises:
            ValueError: if the shapes differ.
        """
        if truth.shape != prediction.shape:
            raise ValueError(f"truth is {truth.shape}, prediction {prediction.shape}")
        pair = truth.ravel().astype(np.uint16) << 8 | prediction.ravel()
        self.counts += np.bincount(pair, minlength=65536).reshape(256, 256)
        self.images += 1

    def figures(self, indices: Iterable[int]) -> Figures:
        """Compute the figures over the given class indices (those of the table).

        Only pixels whose true class is one of these are scored: predictions on other pixels, as on those of a
        retired class, are no more errors than on void. A set with no scored pixel has figures of 0.
        """
        wanted = [i for i in indices if i != VOID]
        counts = self.counts[:VOID]
        true = counts.sum(1)
        hit = self.counts.diagonal()[:VOID]
        present = np.array([i for i in wanted if true[i] > 0], dtype=np.intp)
        if not len(present):
            return Figures(0.0, 0.0, 0.0, 0.0, {}, {}, tuple(wanted), self.images)
        union = true + self.counts[present, :VOID].sum(0) - hit
        counted = np.array([i for i in wanted if union[i] > 0], dtype=np.intp)
        total = float(true[present].sum())
        iou = hit[counted] / union[counted]
        return Figures(
            pixel_accuracy=float(hit[present].sum() / total),
            mean_accuracy=float((hit[present] / true[present]).mean()),
            mean_iou=float(iou.mean()),
            frequency_weighted_iou=float((true[counted] * iou).sum() / total),
            iou={int(i): float(v) for i, v in zip(counted, iou, strict=True)},
            pixels={int(i): int(true[i]) for i in counted},
            absent=tuple(i for i in wanted if union[i] == 0),
            images=self.images,
            confusion={int(i): self._row(i) for i in present},
        )

    def _row(self, true: int) -> dict[int, int]:
        """Return predicted index -> pixels of one true class."""
        return {int(i): int(self.counts[true, i]) for i in np.flatnonzero(self.counts[true])}


@dataclass(frozen=True)
class Uncertainty:
    """Standard errors of the differences between two networks that were scored on the same images.

    Attributes:
        mean_iou: of the difference in mean IoU.
        iou: class index -> of the difference in its IoU.
    """

    mean_iou: float
    iou: Mapping[int, float]


def uncertainty(
    first: Sequence[ConfusionMatrix], second: Sequence[ConfusionMatrix], indices: Sequence[int]
) -> Uncertainty | None:
    """Return how much chance there is in the choice of images, None for fewer than two.

    One image after the other is left out. The variance is ``(n - 1) / n`` times the sum of squared deviations of the
    differences so found.

    Source: Tukey 1958, the jackknife.

    Args:
        first: matrix of each image by one network.
        second: of the same images by the other one.
        indices: class indices of the table.
    """
    if len(first) < 2:
        return None
    means: list[float] = []
    by_class: dict[int, list[float]] = {index: [] for index in indices}
    for left_out in range(len(first)):
        one, other = (
            ConfusionMatrix.total([*matrices[:left_out], *matrices[left_out + 1 :]]).figures(indices)
            for matrices in (first, second)
        )
        means.append(other.mean_iou - one.mean_iou)
        for index, differences in by_class.items():
            differences.append(other.iou.get(index, 0.0) - one.iou.get(index, 0.0))
    return Uncertainty(_jackknife(means), {index: _jackknife(values) for index, values in by_class.items()})


def _jackknife(values: Sequence[float]) -> float:
    """Return the standard error of what was computed with one image after the other left out."""
    return float(np.std(values) * np.sqrt(len(values) - 1))
