#!/usr/bin/env python3
"""Inference: the networks as they label here, against the same networks run plainly, at equal output.

Usage: python benchmarks/inference.py [--runs 3] [--quick] [--json FILE]

FCN-8s VGG-16 is compared with pytorch-fcn's FCN8s, written anew below as published: dense transposed convolutions,
typed-in crops, channels first, float32, no_grad. The slim network is compared with its plain eager self: autograd on,
channels first. Both plain ones give labels and uncertainty by softmax and argmax of whole scores. Weights and images
are the same, runs take turns, on one thread; CPU seconds count. With a CUDA card there are milliseconds an image and
the share of what a large matrix product reaches on it in the same run. ``--quick`` leaves VGG-16 out but for one run
at 375 x 500. The exit code is 1 if a bar is missed.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from fcn_studio.fcn.inference.argmax import ArgmaxUpsampler, InterpolationAxis  # noqa: E402
from fcn_studio.fcn.inference.fast_network import FastNetwork  # noqa: E402
from fcn_studio.fcn.model.architecture import Architecture  # noqa: E402
from fcn_studio.fcn.model.build import build  # noqa: E402
from fcn_studio.fcn.model.fcn import Network  # noqa: E402
from fcn_studio.fcn.model.upsampling import BilinearUpsample, bilinear_kernel  # noqa: E402
from fcn_studio.fcn.transforms import normalise  # noqa: E402
from fcn_studio.fcn.weights.checkpoint import Preprocessing  # noqa: E402

CAFFE = Preprocessing("bgr", (104.00698793, 116.66876762, 122.67891434), (1.0, 1.0, 1.0), 1.0)
BARS = {"FCN-8s VGG-16, 375x500": 1.5, "slim, 360x480": 1.8}
PLENTY = 2**40
Row = dict[str, Any]


class PlainFCN8s(nn.Module):
    """pytorch-fcn's FCN8s, layer by layer as published."""

    def __init__(self, classes: int) -> None:
        super().__init__()
        channels = 3
        for stage, (wide, depth) in enumerate(((64, 2), (128, 2), (256, 3), (512, 3), (512, 3)), start=1):
            for i in range(1, depth + 1):
                padding = 100 if stage == i == 1 else 1
                self.add_module(f"conv{stage}_{i}", nn.Conv2d(channels, wide, 3, padding=padding))
                channels = wide
        self.fc6, self.fc7 = nn.Conv2d(512, 4096, 7), nn.Conv2d(4096, 4096, 1)
        self.score_fr = nn.Conv2d(4096, classes, 1)
        self.score_pool3, self.score_pool4 = nn.Conv2d(256, classes, 1), nn.Conv2d(512, classes, 1)
        for name, factor in (("upscore2", 2), ("upscore_pool4", 2), ("upscore8", 8)):
            self.add_module(name, dense_upsampling(classes, factor))

    def forward(self, x: Tensor) -> Tensor:
        """Scores (N, C, H, W) of a normalised image."""
        size, h = x.shape[2:], x
        for stage, depth in enumerate((2, 2, 3, 3, 3), start=1):
            for i in range(1, depth + 1):
                h = functional.relu(self.get_submodule(f"conv{stage}_{i}")(h), inplace=True)
            h = functional.max_pool2d(h, 2, 2, ceil_mode=True)
            if stage == 3:
                pool3 = h
            if stage == 4:
                pool4 = h
        h = functional.relu(self.fc7(functional.relu(self.fc6(h), inplace=True)), inplace=True)
        h = self.get_submodule("upscore2")(self.score_fr(h))
        h = h + self.score_pool4(pool4)[:, :, 5 : 5 + h.shape[2], 5 : 5 + h.shape[3]]
        h = self.get_submodule("upscore_pool4")(h)
        h = h + self.score_pool3(pool3)[:, :, 9 : 9 + h.shape[2], 9 : 9 + h.shape[3]]
        whole: Tensor = self.get_submodule("upscore8")(h)
        return whole[:, :, 31 : 31 + size[0], 31 : 31 + size[1]].contiguous()


def dense_upsampling(classes: int, factor: int) -> nn.ConvTranspose2d:
    """A transposed convolution from every class to every class, whose weights are bilinear for each with itself."""
    layer = nn.ConvTranspose2d(classes, classes, 2 * factor, stride=factor, bias=False)
    with torch.no_grad():
        layer.weight.zero_()
        layer.weight[range(classes), range(classes)] = bilinear_kernel(2 * factor)
    return layer


def with_random_weights(network: nn.Module) -> nn.Module:
    """Weights that keep the size of activations."""
    torch.manual_seed(0)
    for module in network.modules():
        if isinstance(module, nn.Conv2d):
            nn.init.kaiming_normal_(module.weight, nonlinearity="relu")
    return network.eval()


def picture(height: int, width: int) -> Tensor:
    """Coarse noise, uint8 (1, H, W, 3)."""
    coarse = torch.rand(1, 3, height // 8 + 1, width // 8 + 1, generator=torch.Generator().manual_seed(0)) * 255
    image = functional.interpolate(coarse, (height, width), mode="bilinear")
    return image.byte().permute(0, 2, 3, 1).contiguous()


def labelled(engine: FastNetwork, images: Tensor, classes: int) -> np.ndarray:
    """What labelling does behind the decoder of files: labels and uncertainty of a batch."""
    with torch.inference_mode():
        scores = engine.score_map(images, PLENTY)
        height, width = images.shape[1:3]
        labels, doubt, second = (np.empty((height, width), np.uint8) for _ in range(3))
        rows, columns = (
            InterpolationAxis.of(height, height, 0, height, 0),
            InterpolationAxis.of(width, width, 0, width, 0),
        )
        painter = ArgmaxUpsampler(tuple(range(classes)), 1.0)
        for number in range(len(images)):
            painter.write(scores.only(number), rows, columns, (labels, doubt, second))
        return labels


def plainly_labelled(scores: Tensor) -> tuple[Tensor, Tensor]:
    """The same two maps, from scores (1, C, H, W) of the whole image."""
    confidence, labels = scores.softmax(1).max(1)
    return labels.byte(), (255 * (1 - confidence)).round().byte()


def in_turns(variants: dict[str, Callable[[], object]], runs: int) -> dict[str, list[float]]:
    """CPU seconds of each, taking turns, after one run that does not count."""
    spent: dict[str, list[float]] = {name: [] for name in variants}
    for turn in range(runs + 1):
        for name, run in variants.items():
            start = time.process_time()
            run()
            if turn:
                spent[name].append(time.process_time() - start)
    return spent


def compared(
    title: str, plain: Callable[[], Tensor], engine: FastNetwork, image: Tensor, classes: int, runs: int
) -> Row:
    """One row of the table: times of both and how far they agree."""
    with torch.inference_mode():
        ours = engine.score_map(image, PLENTY).whole()
    theirs = plain().detach()
    difference = float((ours - theirs).abs().max() / theirs.abs().max())
    agreement = float((ours.argmax(1) == theirs.argmax(1)).float().mean())
    del ours, theirs
    spent = in_turns(
        {"plain": lambda: plain().argmax(1).byte(), "ours": lambda: labelled(engine, image, classes)}, runs
    )
    return {
        "network": title,
        **{
            f"{name} {what.__name__}": what(times)
            for name, times in spent.items()
            for what in (min, statistics.median)
        },
        "ratio": statistics.median(spent["plain"]) / statistics.median(spent["ours"]),
        "difference": difference,
        "agreement": agreement,
    }


def vgg16_rows(sizes: list[tuple[int, int]], runs: int) -> list[Row]:
    """FCN-8s VGG-16 with 21 classes against pytorch-fcn's."""
    network = with_random_weights(build(Architecture.vgg16(), 21))
    plain = PlainFCN8s(21).eval()
    names = {".".join(key.split(".")[-2:]): value for key, value in network.state_dict().items()}
    missing = plain.load_state_dict(names, strict=False).missing_keys
    assert all(key.startswith("upscore") for key in missing)
    assert isinstance(network, Network)
    engine = FastNetwork(network, CAFFE)
    rows = []
    for height, width in sizes:
        image = picture(height, width)
        x = normalise(image, CAFFE).contiguous()
        with torch.no_grad():
            title = f"FCN-8s VGG-16, {height}x{width}"
            rows.append(compared(title, lambda x=x: plain(x), engine, image, 21, runs))  # type: ignore[misc]
    return rows


def slim_row(runs: int) -> Row:
    """The slim network against its plain eager self."""
    plain = with_random_weights(build(Architecture.slim(), 11))
    twin = build(Architecture.slim(), 11)
    twin.load_state_dict(plain.state_dict())
    pre = Preprocessing()
    image = picture(360, 480)
    x = normalise(image, pre).contiguous()
    return compared("slim, 360x480", lambda: plain(x), FastNetwork(twin, pre), image, 11, runs)


def decoder_rows(runs: int, counts: Sequence[int] = (21, 60, 150)) -> list[dict[str, float]]:
    """The last upsampling of a 50 x 65 map by 8: dense, grouped and interpolated; milliseconds."""
    rows = []
    for classes in counts:
        scores = torch.randn(1, classes, 50, 65)
        last = scores.contiguous(memory_format=torch.channels_last)
        dense, grouped = dense_upsampling(classes, 8), BilinearUpsample(8)
        with torch.inference_mode():
            assert torch.allclose(interpolated(scores), grouped(scores), atol=1e-5)
            spent = in_turns(
                {
                    "dense": lambda x=scores, up=dense: up(x),  # type: ignore[misc]
                    "grouped": lambda x=scores, up=grouped: up(x),  # type: ignore[misc]
                    "grouped, channels last": lambda x=last, up=grouped: up(x),  # type: ignore[misc]
                    "interpolate": lambda x=scores: interpolated(x),  # type: ignore[misc]
                    "interpolate, channels last": lambda x=last: interpolated(x),  # type: ignore[misc]
                },
                runs,
            )
        rows.append({"classes": classes} | {name: 1000 * min(times) for name, times in spent.items()})
    return rows


def interpolated(scores: Tensor) -> Tensor:
    """The same by `interpolate`, which clamps at the rim where a transposed convolution fades: hence the zeros."""
    whole = functional.interpolate(functional.pad(scores, (1, 1, 1, 1)), scale_factor=8, mode="bilinear")
    return whole[:, :, 4:-4, 4:-4]


def cuda_rows() -> list[Row]:
    """Milliseconds an image on the card, by batch and precision, and the share of the card's matrix speed.

    TF32 stands for what one would get from the network's plain forward with PyTorch's own settings.
    """
    device = torch.device("cuda")
    network = with_random_weights(build(Architecture.vgg16(), 21))
    assert isinstance(network, Network)
    engines = {"float32": FastNetwork(network, CAFFE, half=False), "bf16": FastNetwork(network, CAFFE)}
    image = picture(375, 500)

    def scores_of(name: str, images: Tensor) -> Tensor:
        if name in engines:
            return engines[name].score_map(images, PLENTY).whole()
        with torch.backends.cudnn.flags(enabled=True, allow_tf32=True):
            scores: Tensor = network(normalise(images, CAFFE))
        return scores

    with torch.inference_mode():
        strict = scores_of("float32", image)  # on the CPU
        flops = {"TF32": counted(lambda: network(normalise(image, CAFFE)))}
        flops["float32"] = flops["bf16"] = counted(lambda: engines["float32"].score_map(image, PLENTY))
        network.to(device)
        peaks = {"float32": matrix_speed(torch.float32), "bf16": matrix_speed(torch.bfloat16)}
        peaks["TF32"] = peaks["float32"]
        rows = []
        for name in ("float32", "TF32", "bf16"):
            found = scores_of(name, image.to(device)).cpu()
            for batch in (1, 4, 8):
                images = image.to(device).repeat(batch, 1, 1, 1)
                seconds = card_seconds(lambda n=name, i=images: plainly_labelled(scores_of(n, i)))  # type: ignore[misc]
                rows.append(
                    {
                        "precision": name,
                        "batch": batch,
                        "ms an image": 1000 * seconds / batch,
                        "share of matrix speed": batch * flops[name] / seconds / peaks[name],
                        "difference": float((found - strict).abs().max() / strict.abs().max()),
                        "agreement": float((found.argmax(1) == strict.argmax(1)).float().mean()),
                    }
                )
    return rows


def counted(run: Callable[[], object]) -> int:
    """Floating point operations of a run."""
    from torch.utils.flop_counter import FlopCounterMode

    with FlopCounterMode(display=False) as counter:
        run()
    return int(counter.get_total_flops())


def matrix_speed(dtype: torch.dtype) -> float:
    """FLOP a second of a large matrix product on the card."""
    a = torch.randn(8192, 8192, device="cuda", dtype=dtype)
    return 2 * 8192**3 / card_seconds(lambda: a @ a)


def card_seconds(run: Callable[[], object], runs: int = 10) -> float:
    """Median wall seconds of something on the card."""
    times = []
    for _ in range(runs + 3):
        torch.cuda.synchronize()
        start = time.perf_counter()
        run()
        torch.cuda.synchronize()
        times.append(time.perf_counter() - start)
    return statistics.median(times[3:])


def show(rows: list[Any]) -> None:
    """Rows as a table."""
    for row in rows[:1]:
        print(f"{next(iter(row)):<24}" + "".join(f"{key:>27}" for key in list(row)[1:]))
    for row in rows:
        first, *rest = row.values()
        print(f"{first!s:<24}" + "".join(f"{value:27.4g}" for value in rest))


def main() -> int:
    """Run everything; the exit code says whether the bars were met."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--json", type=Path, metavar="FILE")
    options = parser.parse_args()
    torch.set_num_threads(1)
    sizes = [(375, 500)] if options.quick else [(375, 500), (360, 480)]
    rows = [slim_row(3 * options.runs), *vgg16_rows(sizes, 1 if options.quick else options.runs)]
    show(rows)
    decoder = decoder_rows(options.runs)
    print("\nupsampling by 8, milliseconds")
    show(decoder)
    cuda = cuda_rows() if torch.cuda.is_available() else []
    print()
    show(cuda) if cuda else print("no CUDA card here: nothing was measured on one")
    missed = [
        f"{row['network']}: {row['ratio']:.2f} x, the bar is {BARS[row['network']]} x at equal output"
        for row in rows
        if row["network"] in BARS
        and (row["ratio"] < BARS[row["network"]] or row["difference"] > 1e-5 or row["agreement"] < 0.9999)
    ]
    print(*(missed or ["every bar is met"]), sep="\n")
    if options.json:
        report = {"inference": rows, "decoder": decoder, "cuda": cuda, "missed": missed}
        options.json.write_text(json.dumps(report, indent=2))
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
