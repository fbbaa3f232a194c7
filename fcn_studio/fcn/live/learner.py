"""Fit of scores to the pixels of strokes, and prediction with them."""

from __future__ import annotations

import hashlib
from collections import OrderedDict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from fcn_studio.core.class_map import ClassMap, can_help, map_classes, rows_for
from fcn_studio.core.classes import VOID, ClassTable
from fcn_studio.core.labels import LabelMap, values_in
from fcn_studio.core.prediction import Prediction
from fcn_studio.core.snapshot import LabelledImage
from fcn_studio.errors import TrainingError
from fcn_studio.fcn.inference.evaluate import read_labelled
from fcn_studio.fcn.live.class_shares import with_shares
from fcn_studio.fcn.live.feature_store import FeatureStore
from fcn_studio.fcn.live.features import Features
from fcn_studio.fcn.live.top_two import top_two
from fcn_studio.fcn.training.linear_fit import LinearFit, LinearScores
from fcn_studio.i18n import tr

PIXELS = 2_500
"""Pixels of the open image that are learned from, at most."""

_PIXELS_OF_OTHERS, _LEAST_OF_OTHERS = 1_000, 160
"""Pixels of each other image: so many are kept, and of many images at least so many are learned from."""

_KEPT, _SURE, _TRUST = 100, 0.7, 0.002
"""Pixels of a class that the base knows and nobody has painted: about how many, how likely the base must find them,
and how much they count beside those of a human."""

_COLOURS_ALONE = 2 / 3
"""How much the picture's own features count beside the taps while a single image is learned from; else as much."""

_UNSEEN = 0.5
"""How far probabilities are corrected by the shares of an image of which no pixel was learned from."""

_SAMPLES = 32
_STEPS_COLD, _STEPS_WARM = 3, 1


@dataclass(frozen=True)
class Sample:
    """Labelled pixels of an image, with their features.

    Attributes:
        features: float32 (n, D).
        classes: class indices, int64 (n,).
        moments: mean and standard deviation of each feature over the image, float32 (D,).
        weight: how much its pixels count.
    """

    features: Tensor
    classes: Tensor
    moments: tuple[Tensor, Tensor]
    weight: float = 1.0

    def thinned(self, most: int) -> Sample:
        """Return every so many-th of the pixels, about as many as asked for."""
        step = max(1, round(len(self.classes) / most))
        return Sample(self.features[::step], self.classes[::step], self.moments)


@dataclass(frozen=True)
class LiveScores:
    """Linear scores of some classes of a project.

    Attributes:
        linear: the scores, one a class.
        indices: class index of each.
        seen: whether pixels of the image that they are for were learned from.
    """

    linear: LinearScores
    indices: tuple[int, ...]
    seen: bool

    def only(self, wanted: Tensor) -> LiveScores:
        """Return the scores of some classes, bool (C,)."""
        linear = LinearScores(self.linear.weight[wanted], self.linear.bias[wanted])
        return LiveScores(linear, tuple(np.array(self.indices)[wanted.numpy()].tolist()), self.seen)

    @property
    def sha256(self) -> str:
        """Identity of the scores, 64 hex digits."""
        data = self.linear.weight.numpy().tobytes() + self.linear.bias.numpy().tobytes() + bytes(self.indices)
        return hashlib.sha256(data).hexdigest()


class LiveLearner:
    """Scores that follow the strokes, and what is kept between two fits.

    Attributes:
        store: the features of images.
    """

    def __init__(self, store: FeatureStore) -> None:
        self.store = store
        self._samples: OrderedDict[tuple[object, ...], Sample] = OrderedDict()
        self._last: LiveScores | None = None

    def features(self, image: LabelledImage, cache: str) -> Features:
        """Return the features of an image.

        Raises:
            ImageError: if it cannot be read, or has changed its size.
        """
        read = partial(read_labelled, image)
        features = self.store.features(image.image_path, image.levels, cache, read)
        if features.full_size != image.shape:
            read()  # says so
        return features

    def knows(self, image: LabelledImage, table: ClassTable) -> bool:
        """Return whether the sample of an image is at hand."""
        return _key(image, table) in self._samples

    def sample(self, image: LabelledImage, table: ClassTable, cache: str) -> Sample:
        """Return a sample of the labelled pixels of an image that is not open.

        It is kept for the next fits.

        Raises:
            ImageError: as `features`.
        """
        key = _key(image, table)
        if key not in self._samples:
            self._samples[key] = drawn(image, self.features(image, cache), table, _PIXELS_OF_OTHERS)
        self._samples.move_to_end(key)
        while len(self._samples) > _SAMPLES:
            self._samples.popitem(last=False)
        return self._samples[key]

    def fit(self, features: Features, samples: Sequence[Sample], table: ClassTable, base_map: ClassMap) -> LiveScores:
        """Return scores fitted to samples, from the last scores on.

        Args:
            features: of the open image.
            samples: that of the open image, then those of others.
            table: the project's classes.
            base_map: what the classes of the base mean in the project.

        Raises:
            TrainingError: if fewer than two classes have pixels or are known to the base.
        """
        indices, prior = _indices(table), self._prior(table, base_map, features.groups)
        most = max(_LEAST_OF_OTHERS, PIXELS // max(1, len(samples) - 1))
        samples = [samples[0], *(sample.thinned(most) for sample in samples[1:])]
        first = max(1, len(samples) - 1)
        scales = _scales(samples, features.groups)
        samples += _known_to_base(features, samples, prior, indices)
        fit = _fit_of(samples, indices, prior, scales, first)
        if int(fit.fitted.sum()) < 2:
            raise TrainingError(tr("Live needs strokes of two classes; paint a second one."))
        warm = self._last is not None and self._last.indices == indices
        start, steps = (self._last.linear, _STEPS_WARM) if self._last and warm else (prior, _STEPS_COLD)
        self._last = LiveScores(_solved(fit, start, steps), indices, len(samples[0].classes) > 0)
        return self._last.only(fit.fitted)

    def fit_apart(self, samples: Sequence[Sample], groups: Sequence[int], table: ClassTable) -> LiveScores:
        """Return scores fitted to samples alone, whatever was fitted before.

        All images count the same.

        Args:
            samples: at least one.
            groups: number of features of each group.
            table: the project's classes.
        """
        indices, prior = _indices(table), self._prior(table, {}, groups)
        fit = _fit_of(samples, indices, prior, _scales(samples, groups, alike=True))
        return LiveScores(_solved(fit, prior, _STEPS_COLD), indices, seen=False).only(fit.fitted)

    def _prior(self, table: ClassTable, base_map: ClassMap, groups: Sequence[int]) -> LinearScores:
        """Return what the base knows of the project's classes, as scores that pass its own on."""
        known = self.store.extractor.checkpoint.table
        total = sum(groups)
        weight = torch.zeros(len(table.active), total)
        if can_help(map_classes(known, table, base_map), known):
            rows = {info.index: row for row, info in enumerate(sorted(table.active, key=lambda info: info.index))}
            columns = {info.index: total - len(known) + place for place, info in enumerate(known)}
            for ours, theirs in rows_for(table, known, base_map).items():
                weight[rows[ours], columns[theirs]] = 1
        return LinearScores(weight, torch.zeros(len(weight)))


@torch.inference_mode()
def predict(image_id: str, features: Features, scores: LiveScores) -> Prediction:
    """Return the prediction of an image by its features."""
    return _predicted(image_id, features, scores)[0]


@torch.inference_mode()
def predict_and_judge(
    image_id: str, features: Features, scores: LiveScores, label_map: LabelMap
) -> tuple[Prediction, LabelMap]:
    """Return the prediction of an image, and the probability of each pixel's own label.

    The probabilities are uint8 (H, W), ``round(255 * p)``; 255 where the scores do not know the label.

    Args:
        image_id: which image it is.
        features: of the image.
        scores: of classes of the project.
        label_map: uint8 (H, W), class indices or 255.
    """
    prediction, probabilities = _predicted(image_id, features, scores)
    likely = np.full(label_map.shape, 255, np.uint8)
    for index, plane in zip(scores.indices, probabilities, strict=True):
        own = (label_map == index).view(np.uint8)
        if cv2.countNonZero(own):
            wide = cv2.resize(plane, label_map.shape[::-1], interpolation=cv2.INTER_LINEAR)
            cv2.copyTo(cv2.convertScaleAbs(wide, alpha=255), own, likely)
    return prediction, likely


def _predicted(image_id: str, features: Features, scores: LiveScores) -> tuple[Prediction, NDArray[np.float32]]:
    """Return the prediction of an image, and the probabilities (C, h, w) of its working size."""
    even = features.scores(scores.linear.weight, scores.linear.bias).softmax(0)
    probabilities = with_shares(even, 1.0 if scores.seen else _UNSEEN).numpy()
    indices = np.array(scores.indices, np.uint8)
    labels, doubt, second = top_two(probabilities, indices, features.full_size)
    return Prediction(image_id, labels, doubt, scores.sha256, second), probabilities


def _key(image: LabelledImage, table: ClassTable) -> tuple[object, ...]:
    """Return what a sample depends on."""
    active = tuple(info.index for info in table.active)
    return image.image_id, image.image_path, image.levels, hashlib.sha256(image.packed).digest(), active


def drawn(image: LabelledImage, features: Features, table: ClassTable, most: int = PIXELS) -> Sample:
    """Return some labelled pixels, as many of each class as of any other if it has them."""
    flat = image.label_map().ravel()
    rng = np.random.default_rng(0)
    chosen = [np.zeros(0, np.int64)]
    values = set(values_in(flat).tolist())
    present = [info.index for info in table.active if info.index in values]
    for pixels in _pixels_of(flat, present):
        chosen.append(np.sort(rng.choice(pixels, min(most // len(present) + 1, len(pixels)), replace=False)))
    places = np.concatenate(chosen)
    return Sample(features.at(places), torch.from_numpy(flat[places].astype(np.int64)), features.moments)


def _pixels_of(flat: LabelMap, indices: Sequence[int]) -> Iterator[NDArray[np.int64]]:
    """Yield the pixels of each class, counted row by row.

    Args:
        flat: uint8 (n,), class indices or 255.
        indices: of the classes.
    """
    labelled = flat != VOID
    if np.count_nonzero(labelled) * 8 > len(flat):  # all places at once would take too much memory
        yield from (np.flatnonzero(flat == index) for index in indices)
        return
    places = np.flatnonzero(labelled)
    values = flat[places]
    yield from (places[values == index] for index in indices)


def _known_to_base(
    features: Features, samples: Sequence[Sample], prior: LinearScores, indices: Sequence[int]
) -> list[Sample]:
    """Return a sample of pixels of which the base is sure, of the classes that nobody has painted; or none.

    Without it, a painted class that the base does not know would take the place of all that it knows.
    """
    known = (prior.weight != 0).any(1)
    wanted = known & ~torch.isin(torch.tensor(indices), torch.cat([sample.classes for sample in samples]))
    if not wanted.any():
        return []
    scores = features.scores(prior.weight, prior.bias)
    likely, channels = scores.masked_fill(~known[:, None, None], -torch.inf).softmax(0).max(0)
    channels[likely < _SURE] = -1
    found = [torch.nonzero(channels.flatten() == channel)[:, 0] for channel in torch.nonzero(wanted)[:, 0]]
    cells = torch.cat([part[:: len(part) // _KEPT + 1] for part in found])
    (height, width), (full_height, full_width) = features.size, features.full_size
    rows = (cells // width * 2 + 1) * full_height // (2 * height)
    columns = (cells % width * 2 + 1) * full_width // (2 * width)
    classes = torch.tensor(indices)[channels.flatten()[cells]]
    return [Sample(features.at((rows * full_width + columns).numpy()), classes, features.moments, _TRUST)]


def _indices(table: ClassTable) -> tuple[int, ...]:
    """Return the class index of each channel."""
    return tuple(sorted(info.index for info in table.active))


def _fit_of(
    samples: Sequence[Sample],
    indices: Sequence[int],
    prior: LinearScores,
    moments: tuple[Tensor, Tensor],
    first: int = 1,
) -> LinearFit:
    """Return a fit to samples that has not begun; the first one counts as much as so many others."""
    channel = torch.full((256,), -1)
    channel[list(indices)] = torch.arange(len(indices))
    channels = [channel[sample.classes] for sample in samples]
    features = torch.cat([sample.features for sample in samples])
    weights = _weights(channels, len(indices), first)
    weights *= torch.cat([torch.full((len(sample.classes),), sample.weight) for sample in samples])
    return LinearFit(features, torch.cat(channels), weights, prior, moments=moments)


def _solved(fit: LinearFit, start: LinearScores, steps: int) -> LinearScores:
    """Return the scores of a fit after so many steps at most."""
    scores = start
    for _ in range(steps):
        scores = fit.step(scores)
        if fit.converged:
            break
    return scores


def _weights(channels: Sequence[Tensor], classes: int, first: int) -> Tensor:
    """Return how much each pixel counts.

    Every class counts the same. In each, the images count the same but for the first one.

    Args:
        channels: of the pixels of each image.
        classes: number of channels.
        first: number of other images that the first one counts as.
    """
    counts = torch.stack([torch.bincount(part, minlength=classes) for part in channels]).float()
    shares = (counts > 0).float()
    shares[0] *= first
    shares /= shares.sum(0).clamp(min=1)
    return torch.cat(
        [(row / count.clamp(min=1))[part] for row, count, part in zip(shares, counts, channels, strict=True)]
    )


def _scales(samples: Sequence[Sample], groups: Sequence[int], *, alike: bool = False) -> tuple[Tensor, Tensor]:
    """Return the mean and the scale of each feature, over the images that have pixels.

    They count as in `_weights`, or all the same if they are ``alike``. The groups count the same, whatever their
    numbers of features, but for `_COLOURS_ALONE`: the fit's penalty is on scaled features.
    """
    used = [sample.moments for sample in samples if len(sample.classes)] or [samples[0].moments]
    opened = float(len(used) - 1 or 1) if len(samples[0].classes) and not alike else 1.0
    shares = torch.tensor([opened] + [1.0] * (len(used) - 1))[:, None]
    shares /= shares.sum()
    means, deviations = (torch.stack(parts) for parts in zip(*used, strict=True))
    mean = (shares * means).sum(0)
    squares = (shares * (deviations**2 + (means - mean) ** 2)).sum(0)
    even = sum(groups[:2]) / 2
    factors = [(count / even) ** 0.5 for count in groups]
    factors[1] /= _COLOURS_ALONE if len(used) == 1 else 1
    return mean, squares.sqrt() * torch.tensor(factors).repeat_interleave(torch.tensor(groups))
