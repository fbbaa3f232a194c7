"""Fit of scores to the pixels of strokes, and prediction with them."""

from __future__ import annotations

import hashlib
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from fcn_studio.core.classes import ClassTable
from fcn_studio.core.grey_levels import GreyLevels
from fcn_studio.core.prediction import Prediction
from fcn_studio.core.snapshot import LabelledImage
from fcn_studio.errors import TrainingError
from fcn_studio.fcn.live.extractor import FeatureExtractor
from fcn_studio.fcn.live.features import Features
from fcn_studio.fcn.live.top_two import top_two
from fcn_studio.fcn.training.linear_fit import LinearFit, LinearScores
from fcn_studio.formats.images.images import MAX_PIXELS, read_image
from fcn_studio.i18n import tr

_MEMORY = 256 << 20
_PIXELS_A_CLASS = 400
_OTHERS_PIXELS_A_CLASS = 60
_STEPS = 2


@dataclass(frozen=True)
class Sample:
    """Labelled pixels of an image, with their features.

    Attributes:
        features: float32 (n, D).
        classes: class indices, int64 (n,).
    """

    features: Tensor
    classes: Tensor


class LiveLearner:
    """Scores that follow the strokes, and what is kept between two fits.

    Attributes:
        extractor: what makes features.
    """

    def __init__(self, extractor: FeatureExtractor) -> None:
        self.extractor = extractor
        self._features: OrderedDict[str, Features] = OrderedDict()
        self._samples: OrderedDict[tuple[str, str], Sample] = OrderedDict()
        self._last: tuple[ClassTable, LinearScores] | None = None

    def features(self, path: str, levels: GreyLevels, pixels: int = 0) -> Features:
        """Return the features of an image file.

        Raises:
            ImageError: if it cannot be read.
        """
        key = _identity(path, levels)
        found = self._features.get(key)
        if found is None:
            image = read_image(Path(path), max_pixels=max(MAX_PIXELS, pixels), levels=levels)
            found = self.extractor.features(image)
            self._features[key] = found
        self._features.move_to_end(key)
        while sum(kept.nbytes for kept in self._features.values()) > _MEMORY and len(self._features) > 1:
            self._features.popitem(last=False)
        return found

    def sample(self, image: LabelledImage, table: ClassTable, pixels_a_class: int) -> Sample:
        """Return a sample of the labelled pixels of an image.

        Raises:
            ImageError: if it cannot be read.
        """
        flat = image.label_map().ravel()
        rng = np.random.default_rng(0)
        drawn = [_drawn(np.flatnonzero(flat == info.index), pixels_a_class, rng) for info in table.active]
        pixels = np.concatenate(drawn)
        features = self.features(image.image_path, image.levels, flat.size)
        if features.full_size != image.shape:
            raise TrainingError(tr("{path} has changed its size since it was labelled", path=image.image_path))
        return Sample(features.at(pixels), torch.from_numpy(flat[pixels].astype(np.int64)))

    def fit(self, samples: Sequence[Sample], table: ClassTable) -> LinearScores:
        """Return scores fitted to samples, from the last ones on.

        Raises:
            TrainingError: if fewer than two classes have pixels.
        """
        indices = torch.tensor([info.index for info in table.active])
        channel = torch.full((256,), -1)
        channel[indices] = torch.arange(len(indices))
        features = torch.cat([sample.features for sample in samples])
        channels = channel[torch.cat([sample.classes for sample in samples])]
        counts = torch.bincount(channels, minlength=len(indices))
        if int((counts > 0).sum()) < 2:
            raise TrainingError(tr("Live needs strokes of two classes: paint a second one."))
        weights = (1.0 / counts.clamp(min=1).float())[channels]
        zero = LinearScores(torch.zeros(len(indices), features.shape[1]), torch.zeros(len(indices)))
        fit = LinearFit(features, channels, weights, zero)
        start = self._last[1] if self._last is not None and self._last[0] == table else zero
        for _ in range(_STEPS):
            start = fit.step(start)
            if fit.converged:
                break
        self._last = table, start
        return start

    @torch.inference_mode()
    def predict(self, image: LabelledImage, table: ClassTable, scores: LinearScores) -> Prediction:
        """Label an image with fitted scores."""
        features = self.features(image.image_path, image.levels, image.shape[0] * image.shape[1])
        probabilities = features.scores(scores.weight, scores.bias).softmax(0).numpy()
        indices = np.array([info.index for info in table.active], np.uint8)
        labels, doubt, _ = top_two(probabilities, indices, features.full_size)
        digest = hashlib.sha256(scores.weight.numpy().tobytes() + scores.bias.numpy().tobytes()).hexdigest()
        return Prediction(image.image_id, labels, doubt, digest)


def _drawn(pixels: NDArray[np.int64], most: int, rng: np.random.Generator) -> NDArray[np.int64]:
    return np.sort(rng.choice(pixels, min(most, len(pixels)), replace=False))


def _identity(path: str, levels: GreyLevels) -> str:
    """Return what tells a file from others and from its earlier states."""
    status = Path(path).stat()
    return f"{path}/{status.st_size}/{status.st_mtime_ns}/{levels}"
