"""The pad-100 border of the released networks, computed once for all images.

conv1_1 of the released networks pads the image by 100 pixels, so that a 375 x 500 image is worked on as 573 x 698.
Beyond the image's receptive field every activation equals the response to an image of zeros ("blank response"), which
depends on the weights and, in its middle, not even on the place. So stages 1 to 4 are computed on the image and the
band around it that sees the image, and pasted into the blank response. What comes out is what the whole canvas gives.
"""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional

from fcn_studio.fcn.model.backbones import Features, VGGTrunk

_CACHE_BYTES = 64 * 2**20
_STAGES = 4
_PERIOD = 2**_STAGES


@dataclass(frozen=True, slots=True)
class Band:
    """The cells of one stage along one axis that must be computed.

    Attributes:
        begin, end: cells of the input that are convolved, without padding.
        low, high: cells of the output that result: all that see the image.
    """

    begin: int
    end: int
    low: int
    high: int


def margin_of(trunk: VGGTrunk) -> int:
    """Return the rows of zeros around the image beyond 'same' padding.

    On that canvas all convolutions pad by 1.
    """
    padding = convolutions(next(iter(trunk.stages.values())))[0].padding
    assert isinstance(padding, tuple)
    return int(padding[0]) - 1


def bands(trunk: VGGTrunk, size: int) -> tuple[Band, ...]:
    """Return what stages 1 to 4 must compute along an axis.

    The axis has ``size`` pixels. A stage's convolutions widen what sees the image by one cell each on both sides; its
    pooling halves that, outwards.
    """
    margin = margin_of(trunk)
    low, high = margin, margin + size
    length = size + 2 * margin
    plan = []
    for stage in stages_to_pool4(trunk):
        reach = len(convolutions(stage))
        low, high = (low - reach) // 2, -(-(high + reach) // 2)
        band = Band(2 * low - reach, 2 * high + reach, low, high)
        if band.begin < 0 or band.end > length:
            raise ValueError("what sees the image reaches the canvas's rim: the border is not blank anywhere")
        plan.append(band)
        length = -(-length // 2)
    return tuple(plan)


class BlankBorder:
    """Features of a padded trunk at the cost of the image.

    The blank border of the canvas is not computed. The blank responses are kept for the last image sizes modulo 16,
    at most 64 MB of them.
    """

    def __init__(self, trunk: VGGTrunk) -> None:
        """Take a trunk in evaluation mode.

        It must have a border that no pixel of the image reaches.
        """
        self._trunk = trunk
        self._margin = margin_of(trunk)
        self._blanks: OrderedDict[tuple[object, ...], tuple[Tensor, ...]] = OrderedDict()

    @staticmethod
    def fits(trunk: nn.Module) -> bool:
        """Return whether a trunk has a blank border.

        No pixel of the image reaches a blank border.
        """
        if not isinstance(trunk, VGGTrunk) or margin_of(trunk) == 0:
            return False
        try:
            bands(trunk, 1)
        except ValueError:
            return False
        return True

    def taps(self, images: Tensor) -> Features:
        """Compute pool3 and pool4 of normalised images.

        The images are (N, 3, H, W) of any size from 1x1.
        """
        height, width = images.shape[2:]
        blanks = self._blank_responses(images)
        features: Features = {}
        x = images.permute(0, 2, 3, 1)
        offsets = self._margin, self._margin
        lengths = height + 2 * self._margin, width + 2 * self._margin
        plans = zip(bands(self._trunk, height), bands(self._trunk, width), strict=True)
        for number, (stage, (rows, columns)) in enumerate(
            zip(stages_to_pool4(self._trunk), plans, strict=True), start=1
        ):
            canvas = _Canvas(blanks[number - 1], lengths)
            patch = canvas.part((rows.begin, rows.end), (columns.begin, columns.end), len(images))
            _paste(patch, x, offsets[0] - rows.begin, offsets[1] - columns.begin)
            x = convolved(stage, patch.permute(0, 3, 1, 2), padding=0).permute(0, 2, 3, 1)
            offsets = rows.low, columns.low
            lengths = -(-lengths[0] // 2), -(-lengths[1] // 2)
            if 2**number in self._trunk.grids:
                whole = _Canvas(blanks[number], lengths).part((0, lengths[0]), (0, lengths[1]), len(images))
                _paste(whole, x, *offsets)
                features[2**number] = whole.permute(0, 3, 1, 2)
        return features

    def _blank_responses(self, images: Tensor) -> tuple[Tensor, ...]:
        """Return the responses of a blank image, (h, w, C) each.

        They are its canvas and pool1 to pool4. The blank image is the smallest with the same remainders modulo 16.
        """
        height, width = ((size - 1) % _PERIOD + 1 for size in images.shape[2:])
        autocast = torch.is_autocast_enabled(images.device.type)
        key = (height, width, images.dtype, images.device, autocast)
        if key in self._blanks:
            self._blanks.move_to_end(key)
            return self._blanks[key]
        margin = 2 * self._margin
        x = images.new_zeros(1, height + margin, width + margin, 3).permute(0, 3, 1, 2)
        maps = [x]
        for stage in stages_to_pool4(self._trunk):
            x = convolved(stage, x, padding=1)
            maps.append(x)
        self._blanks[key] = tuple(m[0].permute(1, 2, 0).contiguous() for m in maps)
        while len(self._blanks) > 1 and self._held() > _CACHE_BYTES:
            self._blanks.popitem(last=False)
        return self._blanks[key]

    def _held(self) -> int:
        return sum(m.nbytes for maps in self._blanks.values() for m in maps)


@dataclass(frozen=True, slots=True)
class _Canvas:
    """A blank response (h, w, C) for a canvas.

    It is enlarged by repeating its middle row and column.
    """

    blank: Tensor
    lengths: tuple[int, int]

    def part(self, rows: tuple[int, int], columns: tuple[int, int], count: int) -> Tensor:
        """Copy some rows and columns for ``count`` images, (count, h, w, C)."""
        piece = self.blank
        for axis, (first, last) in enumerate((rows, columns)):
            middle, surplus = piece.shape[axis] // 2, self.lengths[axis] - self.blank.shape[axis]
            cells = torch.arange(first, last, device=piece.device)
            kept = torch.where(cells < middle, cells, (cells - surplus).clamp(min=middle))
            piece = piece.index_select(axis, kept)
        return piece.repeat(count, 1, 1, 1)


def stages_to_pool4(trunk: VGGTrunk) -> list[nn.Module]:
    """Return the stages before pool4.

    After pool4 every cell sees the image.
    """
    return list(trunk.stages.values())[:_STAGES]


def convolved(stage: nn.Module, x: Tensor, padding: int) -> Tensor:
    """Run a stage with ``padding`` for all convolutions, conv1_1 too."""
    for layer in stage.children():
        if isinstance(layer, nn.Conv2d):
            x = functional.conv2d(x, layer.weight, layer.bias, padding=padding)
        else:
            x = layer(x)
    return x


def convolutions(stage: nn.Module) -> list[nn.Conv2d]:
    """Return the convolutions of a stage, in order."""
    return [layer for layer in stage.children() if isinstance(layer, nn.Conv2d)]


def _paste(whole: Tensor, part: Tensor, top: int, left: int) -> None:
    """Write (N, h, w, C) into a larger one."""
    whole[:, top : top + part.shape[1], left : left + part.shape[2]] = part
