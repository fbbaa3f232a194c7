from __future__ import annotations

import copy
from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from fcn_studio.errors import DeviceError
from fcn_studio.fcn.inference import blockwise_vgg, fast_network, pad100_cache
from fcn_studio.fcn.inference import predictor as predict_module
from fcn_studio.fcn.inference.fast_network import FastNetwork, fold_batch_norm
from fcn_studio.fcn.inference.pad100_cache import BlankBorder, bands, margin_of
from fcn_studio.fcn.inference.predictor import Predictor
from fcn_studio.fcn.model.architecture import Architecture
from fcn_studio.fcn.model.backbones import VGGTrunk
from fcn_studio.fcn.model.build import build
from fcn_studio.fcn.model.fcn import FCN
from fcn_studio.fcn.transforms import normalise
from fcn_studio.fcn.weights.checkpoint import Preprocessing

from .test_predictor import checkpoint, noise

PRE = Preprocessing("bgr", (100.0, 110.0, 120.0), (50.0, 60.0, 70.0), 1.0)
PLENTY = 2**40
SIZES = [(1, 1), (16, 17), (33, 47), (97, 131), (64, 333)]


def network(padding: str, *, batch_norm: bool = True, stride: int = 8) -> FCN:
    torch.manual_seed(1)
    made = build(Architecture("slim", 0.125, 16, batch_norm, padding, stride, (), 0.0), 3).eval()
    assert isinstance(made, FCN)
    for module in made.modules():
        if isinstance(module, nn.Conv2d):
            nn.init.kaiming_normal_(module.weight, nonlinearity="relu")
            if module.bias is not None:
                nn.init.normal_(module.bias, std=0.1)
        if isinstance(module, nn.BatchNorm2d):
            nn.init.normal_(module.bias, std=0.2)
            module.running_mean = torch.randn_like(module.bias) * 0.2
            module.running_var = torch.rand_like(module.bias) + 0.5
    return made


def trunk_of(made: FCN) -> VGGTrunk:
    assert isinstance(made.trunk, VGGTrunk)
    return made.trunk


def pictures(*size: int) -> Tensor:
    return torch.from_numpy(np.stack([noise(*size, seed) for seed in (0, 1)]))


def furthest(ours: Tensor, theirs: Tensor) -> float:
    """Largest difference, relative to the largest value."""
    assert ours.shape == theirs.shape
    return float((ours - theirs).abs().max() / theirs.abs().max())


# --- the blank border -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("batch_norm", [True, False])
def test_taps_without_the_border_are_the_trunks(batch_norm: bool) -> None:
    trunk = trunk_of(network("caffe", batch_norm=batch_norm)).double()
    border = BlankBorder(trunk)
    with torch.inference_mode():
        for size in SIZES:
            images = torch.randn(2, 3, *size, dtype=torch.float64)
            ours, theirs = border.taps(images), trunk(images)
            assert set(ours) == {8, 16}
            assert max(furthest(ours[stride], theirs[stride]) for stride in ours) < 1e-12


@pytest.mark.parametrize("size", [1, 15, 16, 100, 375, 500])
def test_bands_are_the_cells_whose_field_meets_the_image(size: int) -> None:
    trunk = trunk_of(network("caffe"))
    for stride, band in zip((2, 4, 8, 16), bands(trunk, size), strict=True):
        if stride not in trunk.grids:
            continue
        grid = trunk.grids[stride]
        sees = [
            cell
            for cell in range(band.high + 20)
            if grid.stride * cell + grid.offset + grid.reach >= 0
            and grid.stride * cell + grid.offset - grid.reach <= size - 1
        ]
        assert (sees[0], sees[-1] + 1) == (band.low, band.high)


def test_a_changed_pixel_changes_nothing_outside_of_the_band() -> None:
    trunk = trunk_of(network("caffe"))
    with torch.inference_mode():
        black, white = trunk(torch.zeros(1, 3, 40, 40)), trunk(torch.full((1, 3, 40, 40), 9.0))
    for stride, number in ((8, 2), (16, 3)):
        changed = (black[stride] != white[stride]).any(1)[0].any(1).nonzero().flatten()
        band = bands(trunk, 40)[number]
        first, last = int(changed[0]), int(changed[-1])
        assert band.low <= first
        assert last < band.high
        assert last - first + 1 >= band.high - band.low - 2, "the band is no wider than it must be"


def test_blank_responses_are_shared_and_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    border = BlankBorder(trunk_of(network("caffe")))
    with torch.inference_mode():
        border.taps(torch.zeros(1, 3, 20, 36))
        held = border._held()
        border.taps(torch.zeros(1, 3, 36, 100))
        assert (len(border._blanks), border._held()) == (1, held)
        monkeypatch.setattr(pad100_cache, "_CACHE_BYTES", 2 * held)
        for width in range(20, 30):
            border.taps(torch.zeros(1, 3, 20, width))
    assert 1 <= len(border._blanks) <= 2


def test_only_padded_trunks_have_a_border() -> None:
    assert BlankBorder.fits(network("caffe").trunk)
    assert not BlankBorder.fits(network("same").trunk)
    assert not BlankBorder.fits(nn.Conv2d(1, 1, 1))
    assert (margin_of(trunk_of(network("caffe"))), margin_of(trunk_of(network("same")))) == (99, 0)


# --- the engine -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("stride", [8, 32])
@pytest.mark.parametrize("padding", ["same", "caffe"])
def test_the_engine_gives_the_networks_scores(padding: str, stride: int) -> None:
    plain = network(padding, stride=stride)
    engine = FastNetwork(copy.deepcopy(plain), PRE)
    with torch.inference_mode():
        for size in (*SIZES, (300, 290)):
            images = pictures(*size)
            theirs = plain(normalise(images, PRE))
            for budget in (PLENTY, 0):
                ours = engine.score_map(images, budget).whole()
                assert furthest(ours, theirs) < 1e-5
                assert float((ours.argmax(1) == theirs.argmax(1)).float().mean()) > 0.99999


def test_blocks_really_are_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    engine = FastNetwork(network("caffe"), PRE)
    asked: list[tuple[int, int]] = []
    honest = blockwise_vgg.convolved

    def watched(stage: nn.Module, x: Tensor, padding: int) -> Tensor:
        asked.append((x.shape[2], x.shape[3]))
        return honest(stage, x, padding)

    monkeypatch.setattr(blockwise_vgg, "convolved", watched)
    with torch.inference_mode():
        engine.score_map(pictures(700, 300), 0)
    assert len(asked) > 6
    assert max(max(size) for size in asked) <= blockwise_vgg.SMALLEST_BLOCK + 2 * 24


def test_strips_of_scores_are_the_whole_scores() -> None:
    for stride in (8, 16, 32):
        with torch.inference_mode():
            scores = FastNetwork(network("same", stride=stride), PRE).score_map(pictures(75, 93), PLENTY)
            whole = scores.whole()
            for first in range(0, 75, 7):
                part = scores.only(1).part((first, min(75, first + 7)), (30, 70))
                torch.testing.assert_close(part[0], whole[1, :, first : first + 7, 30:70], rtol=0, atol=1e-6)


def test_folded_normalisation_leaves_no_layer_behind() -> None:
    folded = network("same")
    images = torch.randn(1, 3, 40, 50)
    with torch.inference_mode():
        before = folded(images)
        fold_batch_norm(folded)
        assert furthest(folded(images), before) < 1e-5
    assert not [m for m in folded.modules() if isinstance(m, nn.BatchNorm2d)]


def test_normalisation_behind_a_relu_is_not_folded() -> None:
    layers = nn.Sequential(nn.Conv2d(3, 4, 1), nn.ReLU(), nn.BatchNorm2d(4)).eval()
    fold_batch_norm(layers)
    assert isinstance(layers[2], nn.BatchNorm2d)


def test_float32_is_strict_only_while_it_scores() -> None:
    before = torch.backends.cudnn.allow_tf32
    seen = []
    engine = FastNetwork(network("same"), PRE)
    engine.network.score_fr.register_forward_hook(lambda *_: seen.append(torch.backends.cudnn.allow_tf32))
    with torch.inference_mode():
        engine.score_map(pictures(20, 20), PLENTY)
    assert seen == [False]
    assert torch.backends.cudnn.allow_tf32 == before


@pytest.mark.parametrize("architecture", [Architecture.vgg16(), Architecture.slim()])
def test_the_estimates_cover_what_is_held(architecture: Architecture) -> None:
    with torch.device("meta"):
        trunk = trunk_of(build(architecture, 21))  # type: ignore[arg-type]
    first = 2 * 4 * trunk.channels_per_pixel
    assert blockwise_vgg.stem_bytes(trunk) > first
    behind = 4 * (trunk.channels[8] / 64 + trunk.channels[16] / 256 + trunk.channels[32] / 1024)
    assert behind < blockwise_vgg.deep_bytes(trunk) < blockwise_vgg.stem_bytes(trunk) / 3


# --- the predictor ----------------------------------------------------------------------------------------------


def test_little_memory_gives_the_same_maps(monkeypatch: pytest.MonkeyPatch) -> None:
    for padding in ("same", "caffe"):
        predictor = Predictor(checkpoint(0.9, padding))
        image = noise(420, 610)
        plenty = predictor.predict(image)
        monkeypatch.setattr(predict_module, "free_memory", lambda device: 0)
        little = predictor.predict(image)
        monkeypatch.undo()
        assert (plenty.label_map == little.label_map).mean() > 0.9999
        assert np.abs(plenty.uncertainty.astype(int) - little.uncertainty).max() <= 1


def test_the_weights_are_held_once() -> None:
    made = checkpoint()
    predictor = Predictor(made)
    assert not predictor.checkpoint.state
    assert made.state, "the caller's checkpoint is as it was"
    assert replace(predictor.checkpoint, state=made.state) == made


def test_many_are_predicted_as_one_by_one(monkeypatch: pytest.MonkeyPatch) -> None:
    predictor = Predictor(checkpoint(0.7))
    images = [noise(50, 60, seed) for seed in range(3)]
    single = [predictor.predict(image, str(i)) for i, image in enumerate(images)]
    assert predictor.batch_size((50, 60)) == 1
    monkeypatch.setattr(predictor, "batch_size", lambda shape: 4)
    monkeypatch.setattr(predictor, "predict", None)  # together, or not at all
    together = predictor.predict_many(images, ["0", "1", "2"])
    for ours, theirs in zip(together, single, strict=True):
        assert (ours.image_id, ours.checkpoint) == (theirs.image_id, theirs.checkpoint)
        assert (ours.label_map == theirs.label_map).mean() > 0.999
        assert np.abs(ours.uncertainty.astype(int) - theirs.uncertainty).max() <= 1


def test_a_batch_that_does_not_fit_is_taken_apart(monkeypatch: pytest.MonkeyPatch) -> None:
    predictor = Predictor(checkpoint())
    honest = predictor._label_all

    def tight(scaled: np.ndarray, *more: object) -> object:
        if len(scaled) > 1:
            raise torch.OutOfMemoryError("no")
        return honest(scaled, *more)  # type: ignore[arg-type]

    monkeypatch.setattr(predictor, "batch_size", lambda shape: 4)
    monkeypatch.setattr(predictor, "_label_all", tight)
    images = [noise(30, 40, seed) for seed in range(2)]
    assert [p.image_id for p in predictor.predict_many(images, ["a", "b"])] == ["a", "b"]
    monkeypatch.setattr(predictor, "_label_all", lambda *_: (_ for _ in ()).throw(MemoryError()))
    with pytest.raises(DeviceError):
        predictor.predict_many(images, ["a", "b"])


def test_images_of_several_sizes_are_predicted_apart(monkeypatch: pytest.MonkeyPatch) -> None:
    predictor = Predictor(checkpoint())
    monkeypatch.setattr(predictor, "batch_size", lambda shape: 4)
    found = predictor.predict_many([noise(20, 30), noise(30, 20)], ["a", "b"])
    assert [p.label_map.shape for p in found] == [(20, 30), (30, 20)]


@pytest.mark.parametrize("padding", ["same", "caffe"])
def test_half_precision_is_close(padding: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """bfloat16 features on the CPU stand for those of a card: scores stay float32 and close."""
    plain = network(padding)
    images = pictures(90, 120)
    with torch.inference_mode():
        exact = FastNetwork(copy.deepcopy(plain), PRE).score_map(images, PLENTY).whole()
        engine = FastNetwork(plain, PRE)
        monkeypatch.setattr(fast_network, "_precision", lambda *_, half: torch.autocast("cpu", torch.bfloat16))
        rough = engine.score_map(images, PLENTY).whole()
    assert rough.dtype == torch.float32
    assert 1e-5 < furthest(rough, exact) < 0.05
