"""Calibrate probabilities: temperature scaling, and scores without class weights."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from fcn_studio.core.classes import VOID
from fcn_studio.core.snapshot import LabelledImage
from fcn_studio.core.training import Calibration
from fcn_studio.errors import ImageError
from fcn_studio.fcn.device import is_out_of_memory
from fcn_studio.fcn.inference.evaluate import read_labelled
from fcn_studio.fcn.model.fcn import Network
from fcn_studio.fcn.training.crop_sampler import channel_lut
from fcn_studio.fcn.transforms import normalise, resized, resized_labels, scaled_size
from fcn_studio.fcn.weights.checkpoint import Checkpoint

_MOST_IMAGES = 64
_PIXELS = 2000
_LARGEST_SIDE = 1024
_BINS = 15
_NEWTON_STEPS = 30
_COLDEST, _HOTTEST = 0.2, 10.0


def calibrate(checkpoint: Checkpoint, held_out: Sequence[LabelledImage], device: torch.device) -> Calibration | None:
    """Find the temperature at which held-out truth is most likely.

    Returns None if no pixel can be scored.

    Source: Guo et al. 2017, "On Calibration of Modern Neural Networks", sections 2 (expected calibration error, 15
    bins) and 4.2 (temperature scaling).
    """
    scores, truth = _sampled(checkpoint, held_out, device)
    if not len(truth):
        return None
    temperature = fitted_temperature(scores, truth)
    return Calibration(
        temperature,
        calibration_error(scores / checkpoint.temperature, truth),
        calibration_error(scores / temperature, truth),
    )


def fitted_temperature(scores: Tensor, truth: Tensor) -> float:
    """Return the divisor of scores with the highest likelihood.

    The scores are (n, C), the channels of the truth (n,). Newton's method on the inverse temperature, in which the
    likelihood is convex.
    """
    scores = scores.double()
    right = scores.gather(1, truth[:, None])[:, 0]
    inverse = 1.0
    for _ in range(_NEWTON_STEPS):
        p = (inverse * scores).softmax(1)
        mean = (p * scores).sum(1)
        slope = float((mean - right).mean())
        bend = float(((p * scores**2).sum(1) - mean**2).mean())
        step = slope / max(bend, 1e-9)
        # At most half or double: far from the optimum the curvature differs.
        inverse = min(2 * inverse, 1 / _COLDEST, max(inverse / 2, 1 / _HOTTEST, inverse - step))
        if abs(step) < 1e-6 * inverse:
            break
    return 1 / inverse


def calibration_error(scores: Tensor, truth: Tensor) -> float:
    """Return the expected calibration error in 15 bins.

    The scores are (n, C), the channels of the truth (n,).
    """
    confidence, channel = scores.softmax(1).max(1)
    right = (channel == truth).double()
    bins = (confidence * _BINS).long().clamp(max=_BINS - 1)
    size = torch.zeros(_BINS, dtype=torch.float64)
    gap = torch.zeros(_BINS, dtype=torch.float64).index_add_(0, bins, confidence.double() - right)
    size.index_add_(0, bins, torch.ones_like(right))
    return float(gap.abs().sum() / size.sum())


def bias_without_class_weights(network: Network, weights: NDArray[np.float64]) -> dict[str, Tensor]:
    """Return the bias that cancels the loss's class weights.

    It removes them from the scores. A loss weighted by class teaches the odds of the classes times their weights; the
    logarithm of a weight less in a class's score is that weight less in its odds. It goes into the finest score
    layer, whose bias reaches all pixels. On CamVid (val, 34 images) mean IoU rose from 0.578 to 0.585 and pixel
    accuracy from 0.888 to 0.910, while mean accuracy fell from 0.76 to 0.71: signs and poles are found less often.
    """
    name = f"{network.score_layers[-1]}.bias"
    state = network.state_dict()
    if name not in state:
        return {}
    return {name: state[name] - torch.tensor(np.log(weights), dtype=torch.float32, device=state[name].device)}


def _sampled(
    checkpoint: Checkpoint, held_out: Sequence[LabelledImage], device: torch.device
) -> tuple[Tensor, Tensor]:
    """Return the scores and true channels of random pixels.

    Scores are float32 (n, C), channels int64 (n,).
    """
    network = checkpoint.build().to(device)
    lut = channel_lut(checkpoint.table)
    rng = np.random.default_rng(0)
    scores, truth = [], []
    every = max(1, len(held_out) // _MOST_IMAGES)
    for labelled in held_out[::every]:
        try:
            found = _of_image(checkpoint, network, labelled, lut, rng, device)
        except ImageError:  # the validation has reported it
            continue
        except (RuntimeError, MemoryError) as error:
            if not is_out_of_memory(error):
                raise
            continue
        scores.append(found[0])
        truth.append(found[1])
    if not truth:
        return torch.empty(0, len(checkpoint.table)), torch.empty(0, dtype=torch.long)
    return torch.cat(scores), torch.cat(truth)


@torch.inference_mode()
def _of_image(
    checkpoint: Checkpoint,
    network: Network,
    labelled: LabelledImage,
    lut: NDArray[np.uint8],
    rng: np.random.Generator,
    device: torch.device,
) -> tuple[Tensor, Tensor]:
    """Sample pixels of one image.

    Of a large image, they come from its middle.
    """
    pre = checkpoint.preprocessing
    shape = scaled_size(labelled.shape, pre.input_scale)
    starts = [max(0, (side - _LARGEST_SIDE) // 2) for side in shape]
    window = tuple(slice(start, start + _LARGEST_SIDE) for start in starts)
    image = np.ascontiguousarray(resized(read_labelled(labelled), shape)[window])
    channels = resized_labels(lut[labelled.label_map()], shape)[window].ravel()
    known = np.flatnonzero(channels != VOID)
    places = rng.choice(known, min(_PIXELS, len(known)), replace=False)
    scores = network(normalise(torch.from_numpy(image[None]).to(device), pre))[0].float()
    picked = scores.flatten(1)[:, torch.from_numpy(places).to(device)].T.cpu()
    return picked, torch.from_numpy(channels[places].astype(np.int64))
