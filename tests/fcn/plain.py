"""The networks of the family written out plainly, with typed-in crops and dense transposed convolutions.

They know nothing of the program, and bear the names of the released networks and of the article.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

DEPTHS = (2, 2, 3, 3, 3)


def interpolating(classes: int, size: int) -> Tensor:
    """Dense weight (C, C, size, size) of bilinear interpolation, a number at a time."""
    factor = (size + 1) // 2
    middle = factor - 1 if size % 2 else factor - 0.5
    weight = torch.zeros(classes, classes, size, size)
    for c in range(classes):
        for i in range(size):
            for j in range(size):
                weight[c, c, i, j] = (1 - abs(i - middle) / factor) * (1 - abs(j - middle) / factor)
    return weight


class PlainFCN(nn.Module):
    """FCN-32s, -16s, -8s and -8s at once over VGG-16."""

    def __init__(self, widths: list[int], fc: int, classes: int, stride: int, at_once: bool) -> None:
        super().__init__()
        self.stride, self.at_once = stride, at_once
        channels = 3
        for number, (wide, depth) in enumerate(zip(widths, DEPTHS, strict=True), start=1):
            for i in range(1, depth + 1):
                pad = 100 if number == i == 1 else 1
                self.add_module(f"conv{number}_{i}", nn.Conv2d(channels, wide, 3, padding=pad))
                channels = wide
        self.fc6 = nn.Conv2d(channels, fc, 7)
        self.fc7 = nn.Conv2d(fc, fc, 1)
        self.score_fr = nn.Conv2d(fc, classes, 1)
        if stride == 32:
            self.upscore = nn.ConvTranspose2d(classes, classes, 64, stride=32, bias=False)
        if stride <= 16:
            self.score_pool4 = nn.Conv2d(widths[3], classes, 1)
            self.upscore2 = nn.ConvTranspose2d(classes, classes, 4, stride=2, bias=False)
        if stride == 16:
            self.upscore16 = nn.ConvTranspose2d(classes, classes, 32, stride=16, bias=False)
        if stride == 8:
            self.score_pool3 = nn.Conv2d(widths[2], classes, 1)
            self.upscore_pool4 = nn.ConvTranspose2d(classes, classes, 4, stride=2, bias=False)
            self.upscore8 = nn.ConvTranspose2d(classes, classes, 16, stride=8, bias=False)

    def forward(self, image: Tensor) -> Tensor:
        height, width = image.shape[2:]
        pools, x = [], image
        for number, depth in enumerate(DEPTHS, start=1):
            for i in range(1, depth + 1):
                x = functional.relu(self.get_submodule(f"conv{number}_{i}")(x))
            x = functional.max_pool2d(x, 2, stride=2, ceil_mode=True)
            pools.append(x)
        x = functional.relu(self.fc6(x))
        x = functional.relu(self.fc7(x))
        score = self.score_fr(x)
        if self.stride == 32:
            return self.upscore(score)[:, :, 19 : 19 + height, 19 : 19 + width]
        upscore2 = self.upscore2(score)
        h, w = upscore2.shape[2:]
        pool4 = pools[3] * 0.01 if self.at_once else pools[3]
        score = upscore2 + self.score_pool4(pool4)[:, :, 5 : 5 + h, 5 : 5 + w]
        if self.stride == 16:
            return self.upscore16(score)[:, :, 27 : 27 + height, 27 : 27 + width]
        upscore_pool4 = self.upscore_pool4(score)
        h, w = upscore_pool4.shape[2:]
        pool3 = pools[2] * 0.0001 if self.at_once else pools[2]
        score = upscore_pool4 + self.score_pool3(pool3)[:, :, 9 : 9 + h, 9 : 9 + w]
        return self.upscore8(score)[:, :, 31 : 31 + height, 31 : 31 + width]


class PlainAlexNet(nn.Module):
    """FCN-32s over CaffeNet, or, without groups and normalisation, over torchvision's AlexNet."""

    def __init__(self, widths: list[int], fc: int, classes: int, groups: int) -> None:
        super().__init__()
        self.norm = groups == 2
        self.conv1 = nn.Conv2d(3, widths[0], 11, stride=4, padding=100)
        self.conv2 = nn.Conv2d(widths[0], widths[1], 5, padding=2, groups=groups)
        self.conv3 = nn.Conv2d(widths[1], widths[2], 3, padding=1)
        self.conv4 = nn.Conv2d(widths[2], widths[3], 3, padding=1, groups=groups)
        self.conv5 = nn.Conv2d(widths[3], widths[4], 3, padding=1, groups=groups)
        self.fc6 = nn.Conv2d(widths[4], fc, 6)
        self.fc7 = nn.Conv2d(fc, fc, 1)
        self.score_fr = nn.Conv2d(fc, classes, 1)
        self.upscore = nn.ConvTranspose2d(classes, classes, 63, stride=32, bias=False)

    def normed(self, x: Tensor) -> Tensor:
        """Caffe's LRN: each number over (1 + 1e-4 / 5 * sum of squares of five channels) ** 0.75."""
        if not self.norm:
            return x
        squares = functional.pad(x * x, (0, 0, 0, 0, 2, 2))
        total = sum(squares[:, i : i + x.shape[1]] for i in range(5))
        return x / (1 + 1e-4 / 5 * total) ** 0.75

    def forward(self, image: Tensor) -> Tensor:
        height, width = image.shape[2:]
        x = functional.relu(self.conv1(image))
        x = self.normed(functional.max_pool2d(x, 3, stride=2, ceil_mode=True))
        x = functional.relu(self.conv2(x))
        x = self.normed(functional.max_pool2d(x, 3, stride=2, ceil_mode=True))
        x = functional.relu(self.conv3(x))
        x = functional.relu(self.conv4(x))
        x = functional.relu(self.conv5(x))
        x = functional.max_pool2d(x, 3, stride=2, ceil_mode=True)
        x = functional.relu(self.fc7(functional.relu(self.fc6(x))))
        return self.upscore(self.score_fr(x))[:, :, 18 : 18 + height, 18 : 18 + width]


class PlainArticle(nn.Module):
    """The article's FCN8; it takes multiples of 32 only."""

    def __init__(self, widths: list[int], classes: int) -> None:
        super().__init__()
        first, second, third, pool3, pool4 = widths
        joint = pool3 + pool4 + classes

        def block(inputs: int, outputs: int) -> list[nn.Module]:
            return [nn.Conv2d(inputs, outputs, 3, padding=1), nn.ReLU(), nn.BatchNorm2d(outputs)]

        self.stage1 = nn.Sequential(*block(3, first), nn.MaxPool2d(2))
        self.stage2 = nn.Sequential(*block(first, second), nn.MaxPool2d(2))
        self.stage3 = nn.Sequential(
            *block(second, third), *block(third, third), *block(third, pool3), nn.MaxPool2d(2)
        )
        self.stage4 = nn.Sequential(*block(pool3, pool4), *block(pool4, pool4), nn.MaxPool2d(2))
        self.stage5 = nn.Sequential(*block(pool4, classes), nn.MaxPool2d(2))
        self.upsample_2 = nn.ConvTranspose2d(pool4, pool4, 4, stride=2, padding=1)
        self.upsample_4 = nn.ConvTranspose2d(classes, classes, 4, stride=4)
        self.upsample_81 = nn.ConvTranspose2d(joint, joint, 4, stride=4)
        self.upsample_82 = nn.ConvTranspose2d(joint, joint, 4, stride=2, padding=1)
        self.final = nn.Sequential(nn.Conv2d(joint, classes, 7, padding=3))

    def forward(self, x: Tensor) -> Tensor:
        pool3 = self.stage3(self.stage2(self.stage1(x)))
        pool4 = self.stage4(pool3)
        joined = torch.cat([pool3, self.upsample_2(pool4), self.upsample_4(self.stage5(pool4))], 1)
        return self.final(self.upsample_82(self.upsample_81(joined)))
