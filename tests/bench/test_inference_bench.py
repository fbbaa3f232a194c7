"""The benchmark of inference yields figures, of networks that are equal."""

from __future__ import annotations

import torch

from benchmarks.inference import BARS, PlainFCN8s, decoder_rows, slim_row
from fcn_studio.fcn.model.architecture import Architecture
from fcn_studio.fcn.model.build import build


def test_the_slim_row_is_of_equal_networks() -> None:
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        row = slim_row(1)
    finally:
        torch.set_num_threads(threads)
    assert row["network"] in BARS
    assert row["difference"] < 1e-5
    assert row["agreement"] > 0.9999
    assert min(row["plain median"], row["ours median"], row["ratio"]) > 0


def test_ways_of_upsampling_are_timed() -> None:
    rows = decoder_rows(1, (3, 5))
    assert [row["classes"] for row in rows] == [3, 5]
    assert min(value for row in rows for value in row.values()) > 0


def test_the_published_network_has_our_layers() -> None:
    with torch.device("meta"):
        plain = {name: tuple(value.shape) for name, value in PlainFCN8s(21).state_dict().items()}
        ours = {
            ".".join(name.split(".")[-2:]): tuple(value.shape)
            for name, value in build(Architecture.vgg16(), 21).state_dict().items()
        }
    assert {name: shape for name, shape in plain.items() if not name.startswith("upscore")} == ours
