from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from torch.nn import functional

from fcn_studio import paths
from fcn_studio.core.classes import VOID, ClassInfo, ClassTable, map_by_name
from fcn_studio.core.metrics import ConfusionMatrix
from fcn_studio.core.prediction import Prediction
from fcn_studio.core.snapshot import pack
from fcn_studio.errors import DeviceError, ImageError
from fcn_studio.fcn.device import CPU
from fcn_studio.fcn.inference import predictor as predict_module
from fcn_studio.fcn.inference.argmax import DOUBTED
from fcn_studio.fcn.inference.evaluate import evaluate
from fcn_studio.fcn.inference.predictor import Predictor
from fcn_studio.fcn.model.architecture import Architecture
from fcn_studio.fcn.model.build import build
from fcn_studio.fcn.transforms import normalise, resized
from fcn_studio.fcn.weights.checkpoint import Checkpoint, Preprocessing, load_checkpoint
from tests.fcn.conftest import write_png

TABLE = ClassTable(tuple(ClassInfo(i, name, (0, 0, 0)) for i, name in ((0, "a"), (3, "b"), (200, "c"))), 201)


def checkpoint(input_scale: float = 1.0, padding: str = "same", seed: int = 3) -> Checkpoint:
    torch.manual_seed(seed)
    architecture = Architecture("slim", 0.125, 16, True, padding, 8, (), 0.0)
    network = build(architecture, 3)
    for module in network.modules():
        if isinstance(module, torch.nn.Conv2d):
            torch.nn.init.kaiming_normal_(module.weight, nonlinearity="relu")
    pre = Preprocessing("bgr", (100.0, 110.0, 120.0), (50.0, 60.0, 70.0), input_scale)
    return Checkpoint(architecture, TABLE, pre, network.state_dict(), sha256="ef" * 32, temperature=2.0)


def noise(height: int, width: int, seed: int = 0) -> np.ndarray:
    rng = np.random.default_rng(seed)
    coarse = rng.integers(0, 256, (height // 8 + 1, width // 8 + 1, 3), np.uint8)
    return resized(coarse, (height, width))


@pytest.mark.parametrize("scale", [1.0, 0.67, 1.5])
@pytest.mark.parametrize("size", [(1, 1), (37, 61), (90, 120)])
def test_a_prediction_is_the_argmax_of_upsampled_scores(size: tuple[int, int], scale: float) -> None:
    predictor = Predictor(checkpoint(scale))
    image = noise(*size)
    prediction = predictor.predict(image, "x.png")
    assert (prediction.image_id, prediction.checkpoint) == ("x.png", "ef" * 32)
    assert prediction.label_map.dtype == prediction.uncertainty.dtype == np.uint8
    small = resized(image, (max(1, round(size[0] * scale)), max(1, round(size[1] * scale))))
    with torch.inference_mode():
        scores = checkpoint(scale).build()(
            normalise(torch.from_numpy(small[None]), predictor.checkpoint.preprocessing)
        )
        scores = functional.interpolate(scores, size, mode="bilinear", align_corners=False)[0]
    expected = np.array([0, 3, 200], np.uint8)[scores.argmax(0).numpy()]
    assert (prediction.label_map == expected).mean() > 0.999
    doubt = 255 * (1 - (scores / 2.0).softmax(0).amax(0).numpy())
    assert np.abs(prediction.uncertainty - doubt).max() <= 1.0
    second = np.array([0, 3, 200], np.uint8)[scores.argsort(0, descending=True)[1].numpy()]
    asked = prediction.uncertainty >= DOUBTED
    assert prediction.second_guess is not None
    assert (prediction.second_guess[asked] == second[asked]).mean() > 0.999
    assert (prediction.second_guess[~asked] == VOID).all()


def test_input_is_normalised_in_the_networks_channel_order() -> None:
    red = torch.tensor([[[[200, 20, 10]]]], dtype=torch.uint8)
    values = normalise(red, Preprocessing("bgr", (10.0, 0.0, 0.0), (1.0, 2.0, 4.0), 1.0))
    assert values.flatten().tolist() == [0.0, 10.0, 50.0]


@pytest.mark.parametrize("padding", ["same", "caffe"])
def test_tiles_give_what_the_whole_gives(padding: str) -> None:
    predictor = Predictor(checkpoint(0.8, padding))
    image = noise(700, 500)
    scaled = resized(image, (560, 400))
    whole, doubt, second = predictor._label(scaled, (700, 500), CPU, 576)
    tiled, tiled_doubt, tiled_second = predictor._label(scaled, (700, 500), CPU, 256)
    assert len(np.unique(whole)) > 1
    assert (tiled == whole).mean() > 0.9999
    assert (tiled_second == second).mean() > 0.999
    assert np.abs(tiled_doubt.astype(int) - doubt).max() <= 1


@pytest.mark.parametrize("name", ["street", "voc"])
def test_tiles_of_the_bundled_networks_give_what_the_whole_gives(name: str) -> None:
    """A strip, since their halo is some hundred pixels."""
    predictor = Predictor(load_checkpoint(paths.resource("networks") / f"{name}.safetensors"))
    image = noise(75, 1700)
    whole, doubt, _ = predictor._label(image, (75, 1700), CPU, 1728)
    tiled, tiled_doubt, _ = predictor._label(image, (75, 1700), CPU, 256)
    assert doubt.std() > 1
    np.testing.assert_array_equal(tiled, whole)
    assert np.abs(tiled_doubt.astype(int) - doubt).max() <= 1


def test_large_images_are_tiled_to_the_memory_there_is(monkeypatch: pytest.MonkeyPatch) -> None:
    predictor = Predictor(checkpoint())
    assert predictor._fitting_tile((300, 400), CPU) == 416
    tile = predictor._fitting_tile((30_000, 40_000), CPU)
    assert 256 <= tile < 30_000
    fits, too_much = ((side + 2 * predictor._halo,) * 2 for side in (tile, tile + 32))
    assert predictor._least_bytes_for(fits) <= predict_module.free_memory(CPU) < predictor._least_bytes_for(too_much)
    monkeypatch.setattr(predict_module, "free_memory", lambda device: 0)
    assert predictor._fitting_tile((300, 400), CPU) == 256


def test_running_out_of_memory_goes_down_the_ladder(monkeypatch: pytest.MonkeyPatch) -> None:
    predictor = Predictor(checkpoint())
    image = noise(600, 40)
    expected = predictor.predict(image).label_map
    honest, tried = predictor._label, []

    def tight(scaled: object, shape: object, device: object, tile: int) -> object:
        tried.append(tile)
        if tile > 256:
            raise torch.OutOfMemoryError("no")
        return honest(scaled, shape, device, tile)  # type: ignore[arg-type]

    monkeypatch.setattr(predictor, "_label", tight)
    assert (predictor.predict(image).label_map == expected).mean() > 0.999
    assert tried == [608, 512, 256]


def test_no_memory_at_all_is_a_sentence_and_other_errors_are_bugs(monkeypatch: pytest.MonkeyPatch) -> None:
    predictor = Predictor(checkpoint())
    errors: list[Exception] = [MemoryError()]

    def fails(*_: object) -> None:
        raise errors[0]

    monkeypatch.setattr(predictor, "_label", fails)
    with pytest.raises(DeviceError, match="30 x 20 pixels"):
        predictor.predict(noise(20, 30))
    errors[0] = RuntimeError("shapes differ")
    with pytest.raises(RuntimeError, match="shapes differ"):
        predictor.predict(noise(20, 30))


def test_figures_are_in_the_truths_indices(tmp_path: Path) -> None:
    truth_table = ClassTable.from_names(["C", "other", "a"])
    predictor = Predictor(checkpoint())
    confusion = ConfusionMatrix()
    snapshot = []
    for number in range(3):
        image = noise(40, 50, number)
        path = write_png(tmp_path / f"{number}.png", image)
        truth = np.full((40, 50), [2, 0, 255][number], np.uint8)
        snapshot.append(pack(path.name, str(path), truth))
        mapping = map_by_name(TABLE, truth_table)
        assert mapping == {0: 2, 200: 0}
        confusion.add(truth, predictor.predict(image).mapped(mapping).label_map)
    generator = evaluate(predictor, snapshot, truth_table)
    assert [next(generator) for _ in snapshot] == [1, 2, 3]
    with pytest.raises(StopIteration) as stop:
        next(generator)
    assert stop.value.value == confusion.figures([0, 1, 2])
    assert stop.value.value.absent == (1,)


def test_a_retired_class_of_the_truth_is_scored_no_more_than_void(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write_png(tmp_path / "0.png", noise(40, 50))
    names = ClassTable.from_names(["a", "C", "gone"])
    table = ClassTable(tuple(replace(c, retired=c.name == "gone") for c in names.classes), names.next_index)
    rows = np.array([[0, 1, 2, 2, 2], [0, 1, 1, 0, 1]], np.uint8)
    truth, guess = np.repeat(rows, 10, 1)[:, None, :].repeat(40, 1)
    monkeypatch.setattr(Predictor, "predict_many", lambda *_: [Prediction("0.png", guess, guess, "")])
    figures = []
    for labels in (truth, np.where(truth == 2, 255, truth).astype(np.uint8)):
        snapshot = [pack("0.png", str(path), labels)]
        work = evaluate(Predictor(checkpoint()), snapshot, table, {0: 0, 1: 1}, boundary=True)
        assert next(work) == 1
        with pytest.raises(StopIteration) as stop:
            next(work)
        figures.append(stop.value.value)
    assert figures[0] == figures[1]
    assert figures[0].mean_iou == figures[0].mean_boundary == 1


def test_an_image_that_changed_its_size_is_named(tmp_path: Path) -> None:
    path = write_png(tmp_path / "moved.png", noise(20, 30))
    labelled = pack("moved.png", str(path), np.zeros((21, 30), np.uint8))
    with pytest.raises(ImageError, match=r"moved\.png"):
        next(evaluate(Predictor(checkpoint()), [labelled], TABLE))


def test_a_checkpoint_without_temperature_is_softmax() -> None:
    image = noise(30, 30)
    warm, plain = (Predictor(replace(checkpoint(), temperature=t)).predict(image) for t in (4.0, 1.0))
    np.testing.assert_array_equal(warm.label_map, plain.label_map)
    assert warm.uncertainty.mean() > plain.uncertainty.mean()
