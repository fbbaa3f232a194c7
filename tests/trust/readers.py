"""What the program reads from disk, with small sound files to spoil. A new reader is one row of `READERS`."""

from __future__ import annotations

import ctypes
import io
import json
import os
import random
import shutil
import tempfile
import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from unittest import mock

import numpy as np
import tifffile
from PIL import Image, features
from PIL.PngImagePlugin import PngInfo

from fcn_studio.core.classes import ClassTable
from fcn_studio.core.document import Document
from fcn_studio.core.grey_levels import BY_FILE
from fcn_studio.core.history import AnnotationState, Motion, Step
from fcn_studio.core.journal import Recorder, replay
from fcn_studio.core.labels import Labels
from fcn_studio.core.prediction import Prediction
from fcn_studio.core.project import ProjectConfig
from fcn_studio.core.sample import Sample, Status
from fcn_studio.errors import ImageError, ProjectError
from fcn_studio.fcn.model.build import build
from fcn_studio.formats.checks.mask_picture import read_mask_picture
from fcn_studio.formats.class_sources import classes_of
from fcn_studio.formats.effort_log import read_gestures
from fcn_studio.formats.images import image_loading, images
from fcn_studio.formats.images.images import image_size, read_image
from fcn_studio.formats.images.picture_digest import picture_sha256
from fcn_studio.formats.importers import BY_NAME
from fcn_studio.formats.journal.journal import JournalFile, JournalHead, read_journal
from fcn_studio.formats.project.annotations import AnnotationStore
from fcn_studio.formats.project.image_digests import ImageDigests
from fcn_studio.formats.project.lock import ProjectLock
from fcn_studio.formats.project.prediction_cache import PredictionCache
from fcn_studio.formats.project.project_file import read_project_file, write_project_file
from fcn_studio.formats.project.records import read_provenance, read_record
from fcn_studio.formats.project.run_label import NAME as LABEL
from fcn_studio.formats.project.run_label import read_run_label
from fcn_studio.formats.project.run_result import NAME, read_run_result
from fcn_studio.formats.project.runs import Runs
from fcn_studio.formats.project.splits import Splits
from fcn_studio.formats.project.status_index import StatusIndex
from fcn_studio.formats.timings import Timings
from fcn_studio.formats.transaction import LAST, TransactionFolder
from fcn_studio.formats.voc.class_files import class_file_lines, read_class_file
from fcn_studio.formats.voc.lists import read_splits
from fcn_studio.formats.voc.masks import encode_grey, encode_mask, read_mask
from fcn_studio.jobs.runs import read_log
from fcn_studio.settings import SETTINGS, Settings
from tests.formats.importers.test_readers import coco, cvat, labelme
from tests.helpers import paint
from tests.trust import mutators
from tests.trust.mutators import Mutator, blind

Seed = tuple[bytes, Mutator]
"""A sound file, and the way to spoil it that knows its format."""

SIZE = (24, 20)
TABLE = ClassTable.from_names(["background", "cell", "débris", "a b"])
PIXELS = 12_000_000
"""Limit of the images read here, so that those that are allowed stay within the limits of time and memory."""


@dataclass(frozen=True)
class Reader:
    """A reader under attack.

    Attributes:
        read: reads the file at a path; None means that it was refused without an error.
        seeds: makes the sound files, always the same.
        place: where the file lies below its folder.
    """

    read: Callable[[Path], object]
    seeds: Callable[[], list[Seed]]
    place: str = "file"


def spoiled(reader: Reader, name: str, seed: int, number: int) -> bytes:
    """The spoiled file of a number: the same for the same seed."""
    rng = random.Random(f"{name}/{seed}/{number}")
    data, own = rng.choice(_seeds(reader))
    return (own if rng.random() < 0.6 else blind)(rng, data)


@cache
def _seeds(reader: Reader) -> list[Seed]:
    return reader.seeds()


# --- images -------------------------------------------------------------------------------------------------------


def _picture() -> Image.Image:
    rng = np.random.default_rng(5)
    ramp = np.linspace(0, 255, SIZE[0])[None, :, None] * np.ones((SIZE[1], 1, 3))
    return Image.fromarray((ramp * 0.8 + rng.integers(0, 50, (SIZE[1], SIZE[0], 3))).astype(np.uint8))


def _saved(image: Image.Image, kind: str, **options: object) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


def _images() -> list[Seed]:
    exif = Image.Exif()
    exif[0x0112], exif[0x010E] = 6, "a picture"
    picture = _picture()
    deep = Image.fromarray(np.arange(480, dtype=np.uint16).reshape(20, 24) * 100)
    return [
        *((data, mutators.png) for data in _pngs(picture, deep, exif)),
        *((data, mutators.jpeg) for data in _jpegs(picture, exif)),
        *((data, mutators.tiff) for data in _tiffs(picture, deep, exif)),
        *((data, mutators.header) for data in _others(picture, deep)),
    ]


def _pngs(picture: Image.Image, deep: Image.Image, exif: Image.Exif) -> Iterator[bytes]:
    text = PngInfo()
    text.add_text("Comment", "x" * 50, zip=True)
    text.add_itxt("Title", "ü" * 20)
    yield _saved(picture, "PNG", exif=exif, pnginfo=text, icc_profile=b"no profile", dpi=(72, 72))
    yield _saved(picture.quantize(9), "PNG", transparency=3)
    yield _saved(picture.convert("LA"), "PNG")
    yield _saved(picture.convert("1"), "PNG")
    yield _saved(deep, "PNG")
    yield _saved(picture, "PNG", save_all=True, append_images=[picture.rotate(90)])


def _jpegs(picture: Image.Image, exif: Image.Exif) -> Iterator[bytes]:
    yield _saved(picture, "JPEG", exif=exif)
    yield _saved(picture, "JPEG", progressive=True, icc_profile=b"no profile")
    yield _saved(picture.convert("CMYK"), "JPEG", restart_marker_blocks=2)
    yield _saved(picture.convert("L"), "JPEG")
    yield _saved(picture, "MPO", save_all=True, append_images=[picture])


def _tiffs(picture: Image.Image, deep: Image.Image, exif: Image.Exif) -> Iterator[bytes]:
    for compression in (None, "tiff_lzw", "tiff_adobe_deflate", "packbits", "jpeg"):
        yield _saved(picture, "TIFF", compression=compression, exif=exif)
    yield _saved(deep, "TIFF")
    yield _saved(Image.fromarray(np.linspace(-1, 9, 480, dtype=np.float32).reshape(20, 24)), "TIFF")
    yield _saved(Image.new("LAB", SIZE, (120, 130, 140)), "TIFF")
    yield _saved(picture.convert("1"), "TIFF", compression="group4")
    yield _saved(picture, "TIFF", save_all=True, append_images=[picture.rotate(90)])
    planes = np.moveaxis(np.asarray(picture.convert("RGB")).astype(np.float32), 2, 0)
    for compression in (None, "zlib"):
        yield _planes(planes, compression=compression)
        yield _planes((planes * 257).astype(np.uint16), compression=compression, tile=(16, 16))


def _planes(samples: np.ndarray, **options: object) -> bytes:
    file = io.BytesIO()
    tifffile.imwrite(file, samples, photometric="rgb", planarconfig="separate", metadata=None, **options)
    return file.getvalue()


def _others(picture: Image.Image, deep: Image.Image) -> Iterator[bytes]:
    yield _saved(picture, "GIF", save_all=True, append_images=[picture.rotate(90)])
    yield _saved(picture.quantize(5), "GIF", transparency=2, interlace=1)
    yield _saved(picture, "WEBP")
    yield _saved(picture.convert("RGBA"), "WEBP", lossless=True, save_all=True, append_images=[picture])
    yield _saved(picture, "BMP")
    yield _saved(picture.quantize(9), "BMP")
    yield _saved(picture, "PPM")
    yield _saved(deep, "PPM")
    yield b"P3\n# words\n3 2\n255\n" + b" ".join(b"%d" % n for n in range(18)) + b"\n"
    yield b"P1\n8 2\n0 1 0 1 0 1 0 1\n1111 0000\n"
    if features.check("jpg_2000"):
        yield _saved(picture, "JPEG2000")
        yield _saved(picture, "JPEG2000", no_jp2=True, irreversible=True)
    if features.check("avif"):
        yield _saved(picture, "AVIF", speed=10)


def _read_image(path: Path) -> object:
    picture_sha256(path)
    size = image_size(path, max_pixels=PIXELS)
    image = read_image(path, max_pixels=PIXELS)
    assert image.shape == (size[1], size[0], 3), f"{image.shape} where the header says {size}"
    return image


def _read_stages(path: Path) -> object:
    """As a large image is read; the seeds are small, so that all is counted as large here."""
    with mock.patch.object(image_loading, "REDUCED_SIDE", 4), mock.patch.object(images, "IN_PLACE_FROM", 1):
        reduced = image_loading.reduced_image(path, max_pixels=PIXELS)
        whole = image_loading.whole_image(path, max_pixels=PIXELS)
    assert np.array_equal(whole, read_image(path, max_pixels=PIXELS)), "other pixels than read at once"
    return reduced, whole


# --- annotations --------------------------------------------------------------------------------------------------


def _label_map() -> np.ndarray:
    return (np.arange(SIZE[0] * SIZE[1]).reshape(SIZE[::-1]) // 40 % 4).astype(np.uint8)


def _masks() -> list[Seed]:
    label_map = _label_map()
    short = Image.fromarray(label_map)
    short.putpalette([0, 0, 0, 9, 9, 9, 200, 0, 0, 0, 200, 0])
    grey = Image.fromarray(label_map)
    files = [encode_mask(label_map), _saved(short, "PNG"), _saved(grey, "PNG"), _saved(grey.convert("1"), "PNG")]
    return [(data, mutators.png) for data in files]


def _read_mask(path: Path) -> object:
    label_map = read_mask(path, SIZE, TABLE).label_map
    assert label_map.shape == SIZE[::-1]
    assert set(np.unique(label_map).tolist()) <= {0, 1, 2, 3, 255}
    return label_map


def _read_mask_picture(path: Path) -> object:
    """Read what the check reads; what cannot be read must have its reason."""
    found = read_mask_picture(path, 1 << 24)
    assert bool(found.error) != bool(found.format)
    assert found.values is None or found.values.shape == found.size[::-1]
    if found.error:
        raise ImageError(found.error)
    return found.values


_FIELDS = json.dumps({"status": "in_progress", "mask_sha256": "5f" * 32, "prelabelled_by": None})


def _records() -> list[Seed]:
    provenance = _label_map()

    def other_text(rng: random.Random, data: bytes) -> bytes:
        return encode_grey(provenance, {"fcn_studio": mutators.json_text(rng, _FIELDS.encode()).decode("latin-1")})

    data = encode_grey(provenance, {"fcn_studio": _FIELDS})
    return [(data, mutators.png), (data, other_text)]


def _read_record(path: Path) -> object:
    record, provenance = read_record(path), read_provenance(path, SIZE)
    return None if record is None or provenance is None else (record, provenance)


def _index() -> list[Seed]:
    rows = {f"folder/picture {n}": (10**18 + n, 500, 10**18, 600, "verified") for n in range(5)}
    lines = b"".join(json.dumps({name: row}).encode() + b"\n" for name, row in rows.items())
    return [(json.dumps(rows).encode(), mutators.json_text), (lines, mutators.json_lines)]


def _read_index(path: Path) -> object:
    index = StatusIndex(path, 5)
    found = index.get("folder/picture 3", (10**18 + 3, 500, 10**18, 600))
    index.put("another", (1, 2, 3, 4), Status.NEW)
    index.save()
    assert StatusIndex(path, 5).get("another", (1, 2, 3, 4)) is Status.NEW
    return found


def _predicted() -> Prediction:
    uncertainty = np.full(SIZE[::-1], 9, np.uint8)
    return Prediction("a.png", _label_map(), uncertainty, "c0" * 32, np.full_like(uncertainty, 255))


def _cache(folder: Path) -> tuple[PredictionCache, Sample]:
    """The cache of a folder of one image."""
    sample = Sample("a.png", str(folder / "a.png"), "a")
    if not sample.image_path.exists():
        sample.image_path.write_bytes(b"a picture")
        os.utime(sample.image_path, (1, 1))
    state = folder / ".fcn-studio"
    places = state / "predictions", state / "prediction_index"
    return PredictionCache(*places, [sample], ImageDigests(), levels=lambda: BY_FILE, prepare=lambda: None), sample


def _predictions() -> list[Seed]:
    with tempfile.TemporaryDirectory() as folder:
        cache, sample = _cache(Path(folder))
        cache.write(sample, _predicted())
        data = (Path(folder) / ".fcn-studio" / "predictions" / "a.png").read_bytes()
    return [(data, mutators.png)]


def _read_prediction(path: Path) -> object:
    """What is spoiled is predicted anew: nothing is an error, and what is read is of the image's size."""
    cache, sample = _cache(path.parents[2])
    found = cache.read(sample, "c0" * 32, SIZE)
    assert found is None or found.label_map.shape == found.uncertainty.shape == SIZE[::-1]
    deque(cache.load(), 0)
    return found


def _prediction_index() -> list[Seed]:
    with tempfile.TemporaryDirectory() as folder:
        cache, sample = _cache(Path(folder))
        cache.write(sample, _predicted(), 0.25)
        cache.save_index()
        return [((Path(folder) / ".fcn-studio" / "prediction_index").read_bytes(), mutators.json_lines)]


def _read_prediction_index(path: Path) -> object:
    cache, sample = _cache(path.parents[1])
    deque(cache.load(), 0)
    found = cache.summary(sample)
    assert found is None or 0 <= found.doubt <= 1
    return found


def _read_adopted(path: Path) -> object:
    store = AnnotationStore(
        path.parent.parent,
        first_opening=False,
        rules=lambda: (TABLE, None),
        require_writable=lambda: None,
        prepare=lambda: None,
    )
    return store.masks or True


# --- journal ------------------------------------------------------------------------------------------------------


def _journals() -> list[Seed]:
    head = JournalHead("a/ü.jpg", 300, 280, "ab" * 32, AnnotationState(Status.NEW))
    document = Document("a/ü.jpg", Labels.unlabelled(280, 300), Status.NEW)
    recorder = Recorder()
    with tempfile.TemporaryDirectory() as folder:
        file = JournalFile.begin(Path(folder) / "a.journal", head)

        def note(motion: Motion, step: Step) -> None:
            file.append(recorder.entry(motion, step, Labels(document.label_map, document.provenance)).packed())

        document.stepped.connect(note)
        for number in range(3):
            paint(document, number, at=(40 + 100 * number, 250), size=60)
        document.undo()
        file.announce("cd" * 32)
        document.redo()
        file.close()
        data = (Path(folder) / "a.journal").read_bytes()
    return [(data, mutators.journal_frames), (data, blind)]


def _read_journal(path: Path) -> object:
    journal = read_journal(path)
    if journal.head.width * journal.head.height > PIXELS:
        return journal  # whoever replays it compares it with its image first
    with suppress(ValueError):
        replay(journal.entries, Labels.unlabelled(journal.head.height, journal.head.width), journal.head.state, 0)
    return journal


# --- project ------------------------------------------------------------------------------------------------------


def _projects() -> list[Seed]:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "a.toml"
        write_project_file(path, ProjectConfig(TABLE, "void", 30, "3f0c"), path.parent / "previous")
        plain = path.read_bytes()
    return [(plain, mutators.toml_text), (b"# mine\nother = 1\n" + plain + b"# end\n", mutators.toml_text)]


def _read_project(path: Path) -> object:
    config = read_project_file(path)
    assert 0 <= config.val_percent <= 100
    write_project_file(path, config, path.parent / "previous")
    assert read_project_file(path) == config
    return config


def _class_files() -> list[Seed]:
    return [("".join(f"{line}\n" for line in class_file_lines(TABLE, cvat=cvat)).encode(), blind) for cvat in (0, 1)]


def _class_lists() -> list[Seed]:
    rows = [{"id": info.index, "name": info.name, "color": "#0a0b0c"} for info in TABLE]
    values = ([info.name for info in TABLE], {"id2label": {"0": "sky", "7": "road"}}, {"categories": rows})
    return [(json.dumps(value).encode(), mutators.json_text) for value in values]


def _read_splits(path: Path) -> object:
    return read_splits(path.parents[2], [Sample("a.jpg", "a.jpg", "a"), Sample("b/ü.png", "b/ü.png", "b/ü")])


def _assigned() -> list[Seed]:
    return [(json.dumps({"a.png": "val", "sub/b.png": "train"}).encode(), mutators.json_text)]


def _read_assigned(path: Path) -> object:
    sample = Sample("a.png", str(path.parent / "a.png"), "a")
    return Splits(path.parent, [sample], path, lambda: 20, new=False).of(sample)


def _transactions() -> list[Seed]:
    paths = ["SegmentationClass/a.png", ".fcn-studio/provenance/a.png", "fcn-studio.toml"]
    states = ["ab" * 32, None, "cd" * 32]
    rows = {"note": {"targets": {"1": 2}}, "kept": True, "paths": paths, "old": states, "new": states}
    return [(json.dumps(rows).encode(), mutators.json_text)]


def _finish_transaction(path: Path) -> object:
    """What opening a project does with it. The transaction is moved, so that the next one finds its place free."""
    place = path.parents[1]
    transactions = TransactionFolder(
        place.parent, place, "SegmentationClass", ".fcn-studio/provenance", "fcn-studio.toml"
    )
    finished = transactions.finish()
    if transactions.last() is not None:
        shutil.rmtree(place / LAST)
    path.parent.mkdir(parents=True, exist_ok=True)
    return finished


def _current() -> list[Seed]:
    rows = [{"checkpoint": name, "sha256": "ab" * 32, "compared": True} for name in ("street", "a/b.safetensors")]
    mapped = {**rows[0], "class_map": {"Car": 2, "Tree": 255}}
    return [
        (json.dumps({**row, "previous": [mapped, *rows]}).encode(), mutators.json_text) for row in (*rows, mapped)
    ]


def _read_current(path: Path) -> object:
    """What the window does with it: find the network that it names, and describe that."""
    from fcn_studio.fcn.weights.catalogue import bundled, read_info, resolve

    current = Runs(path.parent, path.parent.parent).current()
    if current is None or current.checkpoint in bundled():
        return current
    try:
        file = current.path(path.parent.parent)
    except ValueError as error:  # pragma: no cover - a finding
        raise AssertionError(f"{current} has no path") from error
    if current.checkpoint == "a/b.safetensors":  # it is not there, and need not be
        return current
    return read_info(file or resolve(current.checkpoint))


def _run_results() -> list[Seed]:
    figures = {"mean_iou": 0.5, "iou": {"cell": 0.5}}
    rows = {"verdict": "adopted", "reasons": ["a"], "trained_on": 2, "val_ids": ["b"], "figures": figures}
    return [(json.dumps({**rows, "baseline": base}).encode(), mutators.json_text) for base in (None, figures)]


def _labels() -> list[Seed]:
    return [(json.dumps({"name": "a", "note": "b\nc", "pinned": True}).encode(), mutators.json_text)]


def _logs() -> list[Seed]:
    figures = dict.fromkeys(("pixel_accuracy", "mean_accuracy", "mean_iou", "frequency_weighted_iou"), 0.5)
    scored = {**figures, "iou": {"1": 0.5}, "pixels": {"1": 9}, "absent": [2], "images": 1, "boundary": {}}
    rows = [
        {"step": 1, "total_steps": 2, "fraction": 0.5, "loss": loss, "elapsed": 1.0, "cpu_seconds": 1.0, "figures": f}
        for loss, f in ((None, None), (0.5, scored))
    ]
    whole = "".join(json.dumps(row) + "\n" for row in rows).encode()
    return [(whole, blind), *((json.dumps(row).encode(), mutators.json_text) for row in rows)]


def _gestures() -> list[Seed]:
    rows = [[9.0, "a.png", "Fill", 1, 2, 7.5, 80], [9.5, "ü/b.png", "Verify", None, 0, 0.5, 0]]
    whole = "".join(json.dumps(row) + "\n" for row in rows).encode()
    return [(whole, blind), *((json.dumps(row).encode(), mutators.json_text) for row in rows)]


def _timings() -> list[Seed]:
    rows = {"ab" * 32: {"seconds": 0.25, "width": 480, "height": 360, "device": "CPU"}}
    return [(json.dumps(rows).encode(), mutators.json_text)]


def _read_timings(path: Path) -> object:
    """What cannot be read is forgotten, and never an error."""
    return Timings(path).of("ab" * 32)


def _lock() -> list[Seed]:
    fields = {"host": "elsewhere", "pid": 1, "started": "then"}
    return [(json.dumps(fields | {"host": host}).encode(), mutators.json_text) for host in ("elsewhere", _host())]


def _host() -> str:
    import socket

    return socket.gethostname()


def _read_lock(path: Path) -> object:
    with ProjectLock(path):
        pass
    return True


def _settings() -> list[Seed]:
    lines = [f"{s.key} = {json.dumps(s.default)}" for s in SETTINGS]
    return [("\n".join(["format = 1", *lines, 'recent = ["/a", "/b c"]']).encode(), mutators.toml_text)]


def _read_settings(path: Path) -> object:
    settings = Settings(path)
    for setting in SETTINGS:
        setting.accepted(settings[setting.key])
    settings.save()
    assert not Settings(path).notice, "what was saved cannot be read"
    return None if settings.notice else settings


# --- networks -----------------------------------------------------------------------------------------------------


def _checkpoints() -> list[Seed]:
    import torch

    from fcn_studio.fcn.model.architecture import Architecture
    from fcn_studio.fcn.weights.checkpoint import Checkpoint, Preprocessing, save_checkpoint

    torch.manual_seed(1)
    torch.set_num_threads(1)
    architecture = Architecture("slim", 0.05, 8, True, "same", 8, ((8, 0.5),), 0.1)
    checkpoint = Checkpoint(
        architecture, TABLE, Preprocessing(), build(architecture, len(TABLE)).state_dict(), trained_on=("a", "b")
    )
    with tempfile.TemporaryDirectory() as folder:
        save_checkpoint(checkpoint, Path(folder) / "a.safetensors", half=True)
        return [((Path(folder) / "a.safetensors").read_bytes(), mutators.safetensors)]


def _read_checkpoint(path: Path) -> object:
    from fcn_studio.fcn.weights.checkpoint import load_checkpoint

    return load_checkpoint(path)


def _read_header(path: Path) -> object:
    from fcn_studio.fcn.weights.catalogue import read_info

    return read_info(path)


def _caffemodels() -> list[Seed]:
    from tests.fcn.others import caffe_weights, caffemodel, narrow, network

    weights = caffe_weights(network(narrow(fc=8, width=0.05), classes=2), kernels=False)
    few = {name: weights[name] for name in ("conv1_1.weight", "conv1_1.bias", "score_fr.weight", "score_fr.bias")}
    files = [
        caffemodel(few),
        caffemodel(few, v1=True, old=True),
        caffemodel(few, odd=("conv1_1", "score_fr")),
        caffemodel(few, double=True),
    ]
    return [(data, mutators.wire) for data in files]


def _read_caffemodel(path: Path) -> object:
    from fcn_studio.fcn.weights.caffemodel import read_caffemodel

    layers = read_caffemodel(path)
    assert all(blob.nbytes <= 2 * path.stat().st_size for layer in layers for blob in layer.blobs)
    return layers


def _pths() -> list[Seed]:
    import torch

    from tests.fcn.others import caffe_weights, narrow, network

    torch.set_num_threads(1)
    weights = caffe_weights(network(narrow(fc=8, width=0.05), classes=2), kernels=False)
    few = {name: weights[name] for name in ("conv1_1.weight", "conv1_1.bias", "score_fr.weight", "score_fr.bias")}
    seeds = []
    for zipped in (True, False):
        buffer = io.BytesIO()
        torch.save(few, buffer, _use_new_zipfile_serialization=zipped)
        seeds.append((buffer.getvalue(), blind))
    return seeds


def _read_pth(path: Path) -> object:
    from fcn_studio.fcn.weights.torch_pickle import read_pth

    return read_pth(path)


# --- data sets of others ------------------------------------------------------------------------------------------


def _drawn(make: Callable[[Path], Path], place: str, mutator: Mutator) -> Reader:
    """The reader of a format of polygons, whose file lies at a place in its example."""

    def seeds() -> list[Seed]:
        with tempfile.TemporaryDirectory() as folder:
            return [((make(Path(folder)) / place).read_bytes(), mutator)]

    def read(path: Path) -> object:
        source = BY_NAME[make.__name__].open(path)
        return [source.read(item, None) for item in source.items] or None

    return Reader(read, seeds, Path(place).name)


READERS: dict[str, Reader] = {
    "image": Reader(_read_image, _images),
    "stages": Reader(_read_stages, _images),
    "mask": Reader(_read_mask, _masks),
    "mask picture": Reader(_read_mask_picture, _masks),
    "record": Reader(_read_record, _records),
    "index": Reader(_read_index, _index, ".fcn-studio/index"),
    "prediction": Reader(_read_prediction, _predictions, ".fcn-studio/predictions/a.png"),
    "prediction index": Reader(_read_prediction_index, _prediction_index, ".fcn-studio/prediction_index"),
    "adopted": Reader(_read_adopted, lambda: [(b"a\nb/c\n\xff\n", blind)], ".fcn-studio/adopted_masks"),
    "project": Reader(_read_project, _projects, "fcn-studio.toml"),
    "classes": Reader(read_class_file, _class_files, "class_names.txt"),
    "class list": Reader(classes_of, _class_lists, "classes.json"),
    "lists": Reader(_read_splits, lambda: [("a\n\nb/ü \n".encode(), blind)], "ImageSets/Segmentation/train.txt"),
    "splits": Reader(_read_assigned, _assigned, "splits.json"),
    "transaction": Reader(_finish_transaction, _transactions, "class_change/committed/transaction.json"),
    "current": Reader(_read_current, _current, "runs/current.json"),
    "journal": Reader(_read_journal, _journals, "a.journal"),
    "run result": Reader(lambda path: read_run_result(path.parent), _run_results, NAME),
    "run label": Reader(lambda path: read_run_label(path.parent), _labels, LABEL),
    "run log": Reader(lambda path: read_log(path.parent) or None, _logs, "log.jsonl"),
    "effort log": Reader(lambda path: read_gestures(path) or None, _gestures, "effort/a.jsonl"),
    "timings": Reader(_read_timings, _timings, "timings.json"),
    "lock": Reader(_read_lock, _lock, ".fcn-studio/lock"),
    "settings": Reader(_read_settings, _settings, "settings.toml"),
    "checkpoint": Reader(_read_checkpoint, _checkpoints, "a.safetensors"),
    "header": Reader(_read_header, _checkpoints, "a.safetensors"),
    "caffemodel": Reader(_read_caffemodel, _caffemodels, "a.caffemodel"),
    "coco": _drawn(coco, "annotations/instances_val2017.json", mutators.json_text),
    "labelme": _drawn(labelme, "x.json", mutators.json_text),
    "cvat": _drawn(cvat, "annotations.xml", mutators.xml_attributes),
    "pth": Reader(_read_pth, _pths, "a.pth"),
}
"""Every reader that is attacked."""


# --- controls -----------------------------------------------------------------------------------------------------


def _third(act: Callable[[], object]) -> Reader:
    """A reader that is sound but for its third file, so that a harness that goes on is told from one that ends."""
    calls: list[Path] = []

    def read(path: Path) -> object:
        calls.append(path)
        if len(calls) == 4:  # the sound file is read first
            act()
        if len(calls) % 2:
            raise ProjectError("refused")
        return True

    return Reader(read, lambda: [(b"abcdefgh", blind)])


def _burn(seconds: float) -> None:
    until = time.process_time() + seconds
    while time.process_time() < until:
        pass


def _fail() -> None:
    raise ValueError("no sentence")


CONTROLS: dict[str, Reader] = {
    "crashes": _third(lambda: ctypes.string_at(0)),
    "sleeps": _third(lambda: time.sleep(600)),
    "burns": _third(lambda: _burn(1.5)),
    "never ends": _third(lambda: _burn(600)),
    "allocates": _third(lambda: len(b"x" * (330 << 20))),
    "raises": _third(_fail),
}
"""Readers with a fault, for the proof that the harness sees it."""
