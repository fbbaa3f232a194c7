from __future__ import annotations

import json
import pickle
import struct
from dataclasses import replace
from pathlib import Path

import pytest
import safetensors.torch
import torch

from fcn_studio import paths
from fcn_studio.core.classes import ClassTable
from fcn_studio.errors import CheckpointError, FcnStudioError
from fcn_studio.fcn.model.architecture import Architecture
from fcn_studio.fcn.model.build import build
from fcn_studio.fcn.weights.catalogue import METADATA_KEY, bundled, resolve
from fcn_studio.fcn.weights.checkpoint import (
    Checkpoint,
    Preprocessing,
    adapt,
    load_checkpoint,
    save_checkpoint,
)

TINY = Architecture("slim", 0.125, 16, True, "same", 8, (), 0.1)


def fresh(*names: str, architecture: Architecture = TINY) -> Checkpoint:
    torch.manual_seed(1)
    table = ClassTable.from_names(names or ("background", "cell", "debris"))
    network = build(architecture, len(table))
    return Checkpoint(architecture, table, Preprocessing(input_scale=0.5), network.state_dict())


def raw(path: Path) -> tuple[dict[str, torch.Tensor], dict[str, object]]:
    with safetensors.safe_open(path, framework="pt") as file:
        tensors = {key: file.get_tensor(key) for key in file.keys()}  # noqa: SIM118 - no mapping
        return tensors, json.loads(file.metadata()[METADATA_KEY])


def write(path: Path, tensors: dict[str, torch.Tensor], meta: object) -> Path:
    text = meta if isinstance(meta, str) else json.dumps(meta)
    safetensors.torch.save_file(tensors, path, {METADATA_KEY: text})
    return path


def test_everything_survives_a_round_trip(tmp_path: Path) -> None:
    checkpoint = replace(
        fresh("background", "Zelle", "Schmutz ☂"),
        temperature=1.5,
        parent="ab" * 32,
        trained_on=("a.png", "b/ä.jpg"),
        validation={"mean_iou": 0.5, "iou": {"Zelle": 0.25}},
    )
    path = tmp_path / "net.safetensors"
    digest = save_checkpoint(checkpoint, path)
    loaded = load_checkpoint(path)
    assert (loaded.sha256, loaded.path, loaded.name) == (digest, path, "net")
    assert [c.name for c in loaded.table] == ["background", "Zelle", "Schmutz ☂"]
    assert (
        replace(loaded, table=checkpoint.table, state=checkpoint.state, sha256="", path=None, name="") == checkpoint
    )
    assert all(torch.equal(loaded.state[key], value) for key, value in checkpoint.state.items())
    image = torch.randn(1, 3, 40, 33)
    original = build(checkpoint.architecture, 3)
    original.load_state_dict(dict(checkpoint.state))
    with torch.inference_mode():
        assert torch.equal(loaded.build()(image), original.eval()(image))
    assert [p.name for p in tmp_path.iterdir()] == ["net.safetensors"]


def test_a_built_network_does_not_share_its_weights_with_the_checkpoint() -> None:
    checkpoint = fresh()
    before = checkpoint.state["score_fr.weight"].clone()
    with torch.no_grad():
        checkpoint.build().score_fr.weight.add_(1)
    assert torch.equal(checkpoint.state["score_fr.weight"], before)


def test_half_precision_is_half_the_size_and_nearly_the_same(tmp_path: Path) -> None:
    checkpoint = fresh()
    save_checkpoint(checkpoint, tmp_path / "full.safetensors")
    save_checkpoint(checkpoint, tmp_path / "half.safetensors", half=True)
    assert (tmp_path / "half.safetensors").stat().st_size < 0.6 * (tmp_path / "full.safetensors").stat().st_size
    loaded = load_checkpoint(tmp_path / "half.safetensors")
    for key, value in checkpoint.state.items():
        assert loaded.state[key].dtype == value.dtype
        assert torch.allclose(loaded.state[key].float(), value.float(), atol=1e-3)


def test_weights_that_are_no_numbers_are_not_written(tmp_path: Path) -> None:
    checkpoint = fresh()
    path = tmp_path / "net.safetensors"
    save_checkpoint(checkpoint, path)
    before = path.read_bytes()
    state = {**checkpoint.state, "score_fr.bias": torch.full((3,), torch.nan)}
    with pytest.raises(CheckpointError, match="score_fr"):
        save_checkpoint(replace(checkpoint, state=state), path)
    assert path.read_bytes() == before


def test_a_failed_write_leaves_the_old_file(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    with pytest.raises(FcnStudioError, match="file"):
        save_checkpoint(fresh(), tmp_path / "file" / "net.safetensors")


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"short",
        b"\xff" * 64,
        struct.pack("<Q", 2**62) + b"{}",
        struct.pack("<Q", 40) + b"{}",
        struct.pack("<Q", 2) + b"{}",
        struct.pack("<Q", 4) + b"nope" + b"\0" * 64,
        pickle.dumps({"conv1_1.weight": [1.0]}),
    ],
)
def test_files_that_are_no_checkpoint_are_refused_by_name(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "strange.safetensors"
    path.write_bytes(content)
    with pytest.raises(CheckpointError, match=r"strange\.safetensors"):
        load_checkpoint(path)


def test_a_checkpoint_cut_anywhere_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "cut.safetensors"
    save_checkpoint(fresh(), path)
    whole = path.read_bytes()
    for part in range(16):
        path.write_bytes(whole[: len(whole) * part // 16])
        with pytest.raises(CheckpointError, match=r"cut\.safetensors"):
            load_checkpoint(path)


def test_missing_file_and_folder_are_refused(tmp_path: Path) -> None:
    for path in (tmp_path / "absent.safetensors", tmp_path):
        with pytest.raises(CheckpointError, match="cannot be read"):
            load_checkpoint(path)


def test_lying_descriptions_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "liar.safetensors"
    save_checkpoint(fresh(), path)
    tensors, meta = raw(path)
    lies: list[object] = [
        "{", "null", "[]", "[" * 100_000, {},
        meta | {"format": 2},
        meta | {"architecture": {}},
        meta | {"classes": []},
        meta | {"classes": [{"index": 1}]},
        meta | {"classes": [{"index": 300, "name": "a", "colour": [0, 0, 0]}]},
        meta | {"classes": [{"index": 0, "name": "a", "colour": [0, 0, 999]}]},
        meta | {"classes": [{"index": 0, "name": "a", "colour": "red"}]},
        meta | {"classes": [{"index": 0, "name": n, "colour": [0, 0, 0]} for n in "ab"]},
        meta | {"temperature": 0},
        meta | {"temperature": "hot"},
        meta | {"trained_on": 3},
        meta | {"validation": []},
        meta | {"preprocessing": {}},
        meta | {"preprocessing": {"channel_order": "hsv", "mean": [1, 2, 3], "std": [1, 2, 3], "input_scale": 1}},
        meta | {"preprocessing": {"channel_order": "rgb", "mean": [1, 2], "std": [1, 2, 3], "input_scale": 1}},
        meta | {"preprocessing": {"channel_order": "rgb", "mean": [1, 2, 3], "std": [1, 2, 0], "input_scale": 1}},
    ]  # fmt: skip
    for lie in lies:
        with pytest.raises(CheckpointError, match=r"liar\.safetensors"):
            load_checkpoint(write(path, tensors, lie))
    safetensors.torch.save_file(tensors, path)
    with pytest.raises(CheckpointError, match="not written by FCN Studio"):
        load_checkpoint(path)


def test_weights_that_do_not_fit_their_description_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "liar.safetensors"
    save_checkpoint(fresh(), path)
    tensors, meta = raw(path)
    bias, weight = tensors["score_fr.bias"], tensors["score_fr.weight"]
    assert isinstance(meta["classes"], list)
    variance = "trunk.head.bn6.running_var"
    lies = [
        (tensors | {"score_fr.bias": bias[:-1].clone()}, meta),
        (tensors | {"score_fr.bias": torch.tensor([0.0, torch.inf, 0.0])}, meta),
        (tensors | {"score_fr.bias": bias.to(torch.float64)}, meta),
        (tensors | {"score_fr.weight": weight.flatten()}, meta),
        (tensors | {variance: -tensors[variance]}, meta),
        (tensors | {"extra": bias.clone()}, meta),
        ({key: value for key, value in tensors.items() if key != "score_fr.bias"}, meta),
        (tensors, meta | {"classes": meta["classes"][:2]}),
        (tensors, meta | {"architecture": replace(TINY, width=2.0, fc=8192).as_json()}),
    ]
    for state, description in lies:
        with pytest.raises(CheckpointError, match=r"liar\.safetensors"):
            load_checkpoint(write(path, state, description))


def test_adapting_keeps_the_rows_of_same_named_classes() -> None:
    checkpoint = replace(
        fresh("background", "Cell", "debris"),
        sha256="cd" * 32,
        validation={"mean_iou": 1.0},
        licence="MIT",
        note="good",
    )
    table = ClassTable.from_names(["debris", "nucleus", "cell"]).added("late")
    adapted = adapt(checkpoint, table)
    for layer in ("score_fr", "score_pool4", "score_pool3"):
        for kind in ("weight", "bias"):
            old, new = checkpoint.state[f"{layer}.{kind}"], adapted.state[f"{layer}.{kind}"]
            assert torch.equal(new[0], old[2])
            assert torch.equal(new[2], old[1])
            assert not new[[1, 3]].any()
    same = [key for key in checkpoint.state if key.startswith("trunk.")]
    assert all(torch.equal(adapted.state[key], checkpoint.state[key]) for key in same)
    assert (adapted.parent, adapted.sha256, adapted.validation) == ("cd" * 32, "", None)
    assert (adapted.licence, adapted.note) == ("MIT", "")
    assert adapted.build()(torch.zeros(1, 3, 8, 8)).shape == (1, 4, 8, 8)


@pytest.mark.parametrize(
    ("names", "temperature"),
    [
        (("background", "Cell", "debris"), 0.3),
        (("debris", "background", "cell"), 0.3),
        (("background", "cell"), 1.0),
        (("background", "cell", "debris", "new"), 1.0),
        (("background", "cell", "new"), 1.0),
    ],
    ids=["the same", "in another order", "one less", "one more", "another"],
)
def test_a_temperature_is_for_the_classes_it_was_found_for(names: tuple[str, ...], temperature: float) -> None:
    checkpoint = replace(fresh("background", "Cell", "debris"), temperature=0.3)
    assert adapt(checkpoint, ClassTable.from_names(names)).temperature == temperature


def test_adapting_leaves_retired_classes_out() -> None:
    table = ClassTable.from_names(["background", "cell", "debris"])
    retired = replace(table, classes=tuple(replace(c, retired=c.index == 1) for c in table))
    assert adapt(fresh(), retired).class_indices == (0, 2)


def test_names_and_files_are_told_apart(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "networks"
    folder.mkdir()
    (folder / "street.safetensors").touch()
    monkeypatch.setattr(paths, "resource", tmp_path.joinpath)
    assert list(bundled()) == ["street"]
    assert resolve("street") == folder / "street.safetensors"
    assert resolve(str(folder / "street.safetensors")) == folder / "street.safetensors"
    with pytest.raises(CheckpointError, match=r"'stret'.*street"):
        resolve("stret")
    with pytest.raises(CheckpointError, match="no such checkpoint file"):
        resolve("street.safetensors")
    with pytest.raises(CheckpointError, match="no such checkpoint file"):
        resolve("./street")


def test_adapting_keeps_the_rows_of_classes_that_were_said_to_mean_the_same() -> None:
    checkpoint = fresh("car", "truck", "Sky")
    table = ClassTable.from_names(["vehicle", "sky", "tree"])
    adapted = adapt(checkpoint, table, {"truck": 0, "car": 255, "Sky": 2})
    for layer in ("score_fr", "score_pool4", "score_pool3"):
        for kind in ("weight", "bias"):
            old, new = checkpoint.state[f"{layer}.{kind}"], adapted.state[f"{layer}.{kind}"]
            assert torch.equal(new[0], old[1])
            assert not new[1].any()
            assert torch.equal(new[2], old[2])
