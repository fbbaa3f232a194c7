from __future__ import annotations

import threading
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
import torch

from fcn_studio.core.classes import VOID, ClassTable
from fcn_studio.core.snapshot import LabelledImage, pack
from fcn_studio.core.training import Level
from fcn_studio.fcn.device import CPU
from fcn_studio.fcn.model.architecture import Architecture
from fcn_studio.fcn.model.build import build
from fcn_studio.fcn.training.batch_sources import FeatureSource
from fcn_studio.fcn.training.crop_sampler import (
    CropSampler,
    DecodedImages,
    PrefetchQueue,
    channel_lut,
    channel_pixels,
    pixel_of_value,
    value_counts,
)
from fcn_studio.fcn.training.recipe import (
    augmentation_for,
    batch_size_for,
    class_weights,
    parameter_groups,
    recipe_for,
    working_scale,
)
from fcn_studio.fcn.transforms import Augmentation, random_view
from fcn_studio.fcn.weights.checkpoint import Preprocessing
from tests.fcn.conftest import write_png

TABLE = ClassTable.from_names(["a", "b", "c"])
PLAIN = Augmentation((40, 56), (1.0, 1.0), aspect=0, flip=False, colour=0)


def coordinates(height: int, width: int) -> np.ndarray:
    """An image whose red is its column and whose green is its row."""
    rows, columns = np.mgrid[:height, :width]
    return np.dstack([columns, rows, np.zeros_like(rows)]).astype(np.uint8)


def labelled(folder: Path, label_map: np.ndarray, name: str = "x") -> LabelledImage:
    path = write_png(folder / f"{name}.png", coordinates(*label_map.shape))
    return pack(path.name, str(path), label_map)


def test_snapshots_hold_what_was_packed() -> None:
    label_map = np.arange(12, dtype=np.uint8).reshape(3, 4)
    packed = pack("a", "a.png", label_map)
    np.testing.assert_array_equal(packed.label_map(), label_map)
    assert packed.shape == (3, 4)
    assert not packed.label_map().flags.writeable
    np.testing.assert_array_equal(pack("a", "a.png", label_map[:, ::2]).label_map(), label_map[:, ::2])
    with pytest.raises(ValueError, match="uint8"):
        pack("a", "a.png", label_map.astype(np.int64))


@pytest.mark.parametrize("flip", [False, True])
def test_image_and_labels_of_a_view_stay_together(flip: bool) -> None:
    image = coordinates(90, 120)
    labels = (image[:, :, 0] // 30 + 4 * (image[:, :, 1] // 30)).astype(np.uint8)
    augmentation = Augmentation((40, 56), (0.5, 2.0), flip=flip, colour=0)
    rng = np.random.default_rng(0)
    for _ in range(20):
        view, view_labels = random_view(image, labels, augmentation, rng)
        assert view.shape == (40, 56, 3)
        assert view_labels.shape == (40, 56)
        inside = view_labels != VOID
        seen = view[:, :, 0] // 30 + 4 * (view[:, :, 1] // 30)
        assert (seen == view_labels)[inside].mean() > 0.9


def test_outside_of_the_image_nothing_is_labelled() -> None:
    labels = np.ones((10, 12), np.uint8)
    _, view = random_view(coordinates(10, 12), labels, PLAIN, np.random.default_rng(1))
    assert (view == 1).sum() == 120
    assert (view == VOID).sum() == 40 * 56 - 120


@pytest.mark.parametrize("anchor", [(0, 0), (119, 89), (60, 0), (3, 88), (77, 31)])
def test_a_view_shows_its_anchor(anchor: tuple[int, int]) -> None:
    labels = np.full((90, 120), VOID, np.uint8)
    labels[anchor[1], anchor[0]] = 1
    rng = np.random.default_rng(2)
    for scale in (1.0, 1.7):
        augmentation = Augmentation((40, 56), (scale, scale), flip=True, colour=0.5)
        for _ in range(10):
            assert 1 in random_view(coordinates(90, 120), labels, augmentation, rng, anchor)[1]


def test_hardly_labelled_images_are_shown_where_they_are_labelled(tmp_path: Path) -> None:
    label_map = np.full((200, 250), VOID, np.uint8)
    label_map[180:184, 10:14] = 0
    label_map[5:9, 240:244] = 2
    images = DecodedImages([labelled(tmp_path, label_map)], channel_lut(TABLE))
    sampler = CropSampler(images, PLAIN, np.ones(3), 0)
    pixels, channels = sampler.batch(range(30))
    assert pixels.shape == (30, 40, 56, 3)
    found = [set(np.unique(view)) - {VOID} for view in channels]
    assert all(found)
    assert {0} in found
    assert {2} in found


def test_every_image_is_seen_equally_often(tmp_path: Path) -> None:
    snapshot = [labelled(tmp_path, np.full((40, 56), value, np.uint8), str(value)) for value in range(3)]
    sampler = CropSampler(DecodedImages(snapshot, channel_lut(TABLE)), PLAIN, np.ones(3), 0)
    _, channels = sampler.batch(range(9))
    for start in (0, 3, 6):
        assert sorted(int(view[20, 20]) for view in channels[start : start + 3]) == [0, 1, 2]


def test_a_view_is_decided_by_its_number(tmp_path: Path) -> None:
    snapshot = [labelled(tmp_path, np.full((40, 56), value, np.uint8), str(value)) for value in range(3)]
    augmentation = Augmentation((24, 32), (0.8, 1.2))

    def views(numbers: Sequence[int], seed: int = 1) -> np.ndarray:
        sampler = CropSampler(DecodedImages(snapshot, channel_lut(TABLE)), augmentation, np.ones(3), seed)
        return sampler.batch(numbers)[0]

    together = views(range(7))
    np.testing.assert_array_equal(views([5, 2, 6]), together[[5, 2, 6]])
    assert (views(range(7), seed=2) != together).any()


def test_a_file_that_is_gone_is_seen_as_another(tmp_path: Path) -> None:
    snapshot = [labelled(tmp_path, np.full((40, 56), value, np.uint8), str(value)) for value in range(3)]
    Path(snapshot[1].image_path).unlink()
    left_out: dict[str, str] = {}
    images = DecodedImages(snapshot, channel_lut(TABLE), left_out=left_out)
    _, channels = CropSampler(images, PLAIN, np.ones(3), 0).batch(range(12))
    assert {int(view[20, 20]) for view in channels} == {0, 2}
    assert list(left_out) == ["1.png"]


def test_retired_and_unknown_classes_are_not_trained(tmp_path: Path) -> None:
    table = ClassTable.from_names(["a", "b", "c"])
    lut = channel_lut(ClassTable((table.classes[0], table.classes[2]), 3))
    assert lut[[0, 1, 2, 3, VOID]].tolist() == [0, VOID, 1, VOID, VOID]
    label_map = np.array([[0, 1, 2, 2], [3, 2, VOID, 0]], np.uint8)
    assert channel_pixels([labelled(tmp_path, label_map)], lut)[:, :3].tolist() == [[2, 3, 0]]


def test_images_much_too_large_are_kept_shrunk(tmp_path: Path) -> None:
    label_map = np.zeros((80, 120), np.uint8)
    label_map[:, 60:] = 1
    images = DecodedImages([labelled(tmp_path, label_map)], channel_lut(TABLE), largest_scale=0.12)
    assert images.shrink == 4
    image, channels = images[0]
    assert image.shape == (20, 30, 3)
    assert (channels[:, :15] == 0).all()
    assert (channels[:, 15:] == 1).all()
    assert DecodedImages([], channel_lut(TABLE), largest_scale=0.85).shrink == 1


def test_the_feeder_ends_and_hands_errors_over() -> None:
    calls = iter(range(100))
    feeder = PrefetchQueue(lambda: next(calls), ahead=2)
    assert [next(feeder) for _ in range(5)] == [0, 1, 2, 3, 4]
    feeder.close()
    feeder.close()

    def fails() -> int:
        raise OSError("gone")

    broken = PrefetchQueue(fails)
    with pytest.raises(OSError, match="gone"):
        next(broken)
    broken.close()
    assert not [t for t in threading.enumerate() if t.name == "training-feeder"]


def test_the_feeder_makes_again_what_memory_did_not_suffice_for() -> None:
    calls = iter([0, MemoryError("full"), RuntimeError("out of memory"), 1, 2])

    def make() -> int:
        result = next(calls)
        if isinstance(result, Exception):
            raise result
        return result

    feeder, found = PrefetchQueue(make), list[object]()
    while len(found) < 5:
        try:
            found.append(next(feeder))
        except (MemoryError, RuntimeError) as error:
            found.append(type(error))
    feeder.close()
    assert found == [0, MemoryError, RuntimeError, 1, 2]


def test_values_are_counted_and_placed_as_in_one_piece(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("fcn_studio.fcn.training.crop_sampler._COUNTED", 20)
    values = np.random.default_rng(0).integers(0, 5, (13, 9), np.uint8)
    values[4] = 1
    np.testing.assert_array_equal(value_counts(values), np.bincount(values.ravel(), minlength=256))
    for value in range(5):
        places = [pixel_of_value(values, value, number) for number in range(np.count_nonzero(values == value))]
        assert places == [(x, y) for y, x in np.argwhere(values == value).tolist()]


def test_class_weights_are_the_root_of_median_frequency_within_limits() -> None:
    weights = class_weights(np.array([100, 400, 900, 0, 10**9, 1]))
    np.testing.assert_allclose(weights, [2, 1, 2 / 3, 1, 0.3, 3])


def test_the_rate_rises_and_falls() -> None:
    recipe = recipe_for(Level.SCRATCH, batch_norm=True, foreign=True, images=10)
    rates = [recipe.rate(i / 100) for i in range(101)]
    assert rates[10] == max(rates) == pytest.approx(1, abs=1e-3)
    assert 0 < rates[100] < 0.001
    assert 0 < rates[0] < 0.02


def test_levels_change_what_they_say() -> None:
    network = build(Architecture("slim", 0.125, 16), 3)
    changed = {}
    for level in Level:
        parameter_groups(network, recipe_for(level, batch_norm=True, foreign=False, images=5))
        changed[level] = {name for name, p in network.named_parameters() if p.requires_grad}
    assert {name.split(".")[0] for name in changed[Level.QUICK]} == {"score_fr", "score_pool4", "score_pool3"}
    assert not [name for name in changed[Level.FULL] if ".stage1." in name or ".stage2." in name]
    assert changed[Level.QUICK] < changed[Level.FULL] < changed[Level.SCRATCH]
    assert len(changed[Level.SCRATCH]) == len(list(network.parameters()))


def test_crops_and_scales_follow_the_images() -> None:
    assert working_scale([(360, 480)] * 3) == 0.67
    assert working_scale([(200, 256)]) == 1.0
    assert working_scale([(200, 256)], 1280, 1.5) == 1.5
    assert working_scale([(750, 1000)], 1280, 1.5) == 1.28
    assert working_scale([(3000, 4000)]) == 0.25
    assert augmentation_for(Level.SCRATCH, [(360, 480)], 0.67, CPU).shape == (160, 208)
    assert augmentation_for(Level.SCRATCH, [(60, 64)], 1.0, CPU).shape == (80, 80)


def test_few_images_are_learned_in_small_steps() -> None:
    for device, expected in ((CPU, [2, 2, 3, 4]), (torch.device("cuda"), [2, 2, 3, 8])):
        assert [batch_size_for(Level.SCRATCH, None, images=n, device=device) for n in (1, 2, 3, 100)] == expected
    assert batch_size_for(Level.FULL, None, images=100, device=CPU) == 2
    assert [batch_size_for(Level.FULL, n, images=1, device=CPU) for n in (1, 8)] == [1, 8]  # what is asked for rules


def test_cached_features_above_the_range_of_float16_stay_finite(tmp_path: Path) -> None:
    network = build(Architecture("slim", 0.125, 16), 3).eval()
    snapshot = [labelled(tmp_path, np.zeros((40, 48), np.uint8))]
    seen = {}
    for factor in (1.0, 1e6):

        def features(images: torch.Tensor, factor: float = factor) -> dict[int, torch.Tensor]:
            return {8: factor * torch.ones(1, 2, 5, 6)}

        network.features = features  # type: ignore[method-assign, assignment]
        source = FeatureSource(
            DecodedImages(snapshot, channel_lut(TABLE)), network, Preprocessing(), 1, 0, lambda: None
        )
        for _ in source.fill():
            pass
        (batch,) = source.batch(CPU)
        assert isinstance(batch.inputs, dict)
        seen[factor] = batch.inputs[8]
    assert torch.equal(seen[1.0], torch.ones(1, 2, 5, 6))
    assert torch.allclose(seen[1e6], torch.tensor(1e6), rtol=0.01)


def test_turned_and_mirrored_views_keep_image_and_labels_together() -> None:
    image = coordinates(90, 120)
    labels = (image[:, :, 0] // 30 + 4 * (image[:, :, 1] // 30)).astype(np.uint8)
    augmentation = Augmentation((40, 56), (0.8, 1.5), colour=0, vertical_flip=True, rotation=180)
    rng = np.random.default_rng(0)
    upside_down = turned = 0
    for _ in range(40):
        view, view_labels = random_view(image, labels, augmentation, rng)
        inside = view_labels != VOID
        x, y = view[:, :, 0].astype(int), view[:, :, 1].astype(int)
        away = inside & (np.abs(x % 30 - 15) < 12) & (np.abs(y % 30 - 15) < 12)
        assert (view_labels[away] == (x // 30 + 4 * (y // 30))[away]).all()
        down, along = y[-1, 28] - y[0, 28], x[-1, 28] - x[0, 28]
        upside_down += down < 0
        turned += abs(along) > 5
    assert 5 < upside_down < 35
    assert turned > 10


def test_a_turned_view_shows_its_anchor() -> None:
    labels = np.zeros((90, 120), np.uint8)
    labels[7, 110] = 1
    labels[6:9, 109:112] = 1
    augmentation = Augmentation((40, 56), (0.8, 1.5), colour=0, vertical_flip=True, rotation=180)
    rng = np.random.default_rng(1)
    for _ in range(60):
        _, view_labels = random_view(coordinates(90, 120), labels, augmentation, rng, (110, 7))
        assert (view_labels == 1).any()
