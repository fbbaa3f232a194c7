"""A light head of convolutions beside a trunk's taps.

It has context from the wider surroundings.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional

from fcn_studio.fcn.model.backbones import Features, Trunk

_CONTEXT_RADIUS = 7
"""Cells of the coarsest tap on each side of one that its context is the mean of: 224 pixels at stride 32."""

_FINE_WIDTH = 64
"""Most channels at strides under 8."""


class LightHead(nn.Module):
    """Head that adds the result of convolutions to each tap.

    The result of a tap's own convolutions lies behind its channels. The score layers over both begin with a weight of
    zero for the added channels, so that the network starts with the scores that it has without the head.

    The context is a mean over a square of fixed size, as large as a small image. Tiles then have the context that the
    whole image has there.

    Source: Liu, Rabinovich & Berg 2015, "ParseNet", for the context.

    Attributes:
        grids: stride -> geometry of the map given out there.
        channels: stride -> its number of channels.
    """

    def __init__(self, trunk: Trunk, strides: Sequence[int], width: int) -> None:
        """Lay out the layers.

        Args:
            trunk: whose taps it takes.
            strides: of the taps, coarsest first.
            width: channels of each convolution's result, at most 64 at strides under 8.
        """
        super().__init__()
        self._coarsest = strides[0]
        self.grids = {stride: trunk.grids[stride].conv(3, padding=1) for stride in strides}
        self.channels = {}
        self.convolutions = nn.ModuleDict()
        for stride in strides:
            channels, wide = trunk.channels[stride], min(width, _FINE_WIDTH) if stride < 8 else width
            if stride == self._coarsest:
                layers = [nn.Conv2d(channels, wide, 3, padding=1)]
            else:
                depthwise = nn.Conv2d(channels, channels, 3, padding=1, groups=channels)
                layers = [depthwise, nn.Conv2d(channels, wide, 1)]
            self.convolutions[f"stride{stride}"] = nn.Sequential(*layers)
            self.channels[stride] = channels + wide
        self.context = nn.Conv2d(trunk.channels[self._coarsest], width, 1)
        side = 2 * _CONTEXT_RADIUS + 1
        grid = trunk.grids[self._coarsest].conv(side, padding=_CONTEXT_RADIUS)
        self.grids[self._coarsest] = self.grids[self._coarsest].seeing(grid)

    def forward(self, features: Features) -> Features:
        """Return the taps with the head's channels behind their own."""
        joined = {}
        for stride, tap in features.items():
            added = functional.relu(self.convolutions[f"stride{stride}"](tap))
            if stride == self._coarsest:
                added = added + self._context_of(tap)
            joined[stride] = torch.cat([tap, added], 1)
        return joined

    def _context_of(self, tap: Tensor) -> Tensor:
        """Return the context of each cell of the coarsest tap.

        It is (N, C, h, w).
        """
        side = 2 * _CONTEXT_RADIUS + 1
        mean = functional.avg_pool2d(tap, side, 1, _CONTEXT_RADIUS, count_include_pad=False)
        return functional.relu(self.context(mean))
