"""Upsampling of score maps by a whole factor, fixed bilinear or learned.

Source of the kernel: ``upsample_filt`` in surgery.py of the released FCNs; kernel 2 * factor is theirs for the VGG-16
nets, 2 * factor - 1 for the AlexNet.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional


def bilinear_kernel(size: int, *, dtype: torch.dtype = torch.float32, device: torch.device | None = None) -> Tensor:
    """Return the kernel (size, size) of bilinear interpolation.

    It upsamples by (size + 1)

    2.
    """
    factor = (size + 1) // 2
    steps = torch.arange(size, dtype=dtype, device=device)
    ramp = 1 - (steps - (size - 1) / 2).abs() / factor
    return ramp[:, None] * ramp[None, :]


class BilinearUpsample(nn.Module):
    """Bilinear interpolation by a whole factor, with one kernel for every channel.

    Gives (n - 1) * factor + kernel cells for n, fading to zero at the rim: exactly the released nets' fixed
    deconvolution, at a cost linear in the number of classes.
    """

    def __init__(self, factor: int, kernel: int | None = None) -> None:
        """Set the factor and the kernel's side.

        The side is 2 * factor if not given.
        """
        super().__init__()
        self.factor, self.kernel = factor, kernel or 2 * factor

    def forward(self, scores: Tensor) -> Tensor:
        """Upsample scores (N, C, h, w).

        The result is (N, C, (h - 1) * factor + kernel, ...).
        """
        channels = scores.shape[1]
        kernel = bilinear_kernel(self.kernel, dtype=scores.dtype, device=scores.device)
        weight = kernel.expand(channels, 1, -1, -1)
        return functional.conv_transpose2d(scores, weight, stride=self.factor, groups=channels)


class LearnedUpsample(nn.ConvTranspose2d):
    """Upsampling with learned weights (C, C, kernel, kernel), which begin bilinear."""

    def __init__(self, channels: int, factor: int, kernel: int | None = None) -> None:
        """Begin as bilinear interpolation."""
        super().__init__(channels, channels, kernel or 2 * factor, stride=factor, bias=False)

    def reset_parameters(self) -> None:
        """Make it bilinear interpolation."""
        with torch.no_grad():
            self.weight.copy_(dense_bilinear(self.in_channels, self.kernel_size[0]).to(self.weight.device))


def dense_bilinear(channels: int, size: int) -> Tensor:
    """Return the weight that interpolates each channel for itself.

    It is (C, C, size, size).
    """
    return torch.eye(channels)[:, :, None, None] * bilinear_kernel(size)


def is_bilinear(weight: Tensor) -> bool:
    """Return whether a weight (C, C, k, k) is bilinear interpolation.

    Such a weight need not be kept.
    """
    channels, size = weight.shape[0], weight.shape[2]
    if weight.shape != (channels, channels, size, size):
        return False
    return bool(torch.allclose(weight.float().cpu(), dense_bilinear(channels, size), rtol=0, atol=1e-6))


def adapted_upsampling(weight: Tensor, sources: Sequence[int | None]) -> Tensor:
    """Return a learned weight (C, C, k, k) for other classes.

    New classes interpolate.

    Args:
        weight: of the old classes.
        sources: for each new class its old channel, or None.
    """
    adapted = dense_bilinear(len(sources), weight.shape[2]).to(weight.dtype)
    new = torch.tensor([row for row, old in enumerate(sources) if old is not None], dtype=torch.long)
    old = torch.tensor([old for old in sources if old is not None], dtype=torch.long)
    adapted[new[:, None], new] = weight[old[:, None], old]
    return adapted
