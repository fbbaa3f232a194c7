"""Mask and image line up on every way through the program, however the camera was held."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageOps
from torchvision.datasets import VOCSegmentation

from fcn_studio.core.classes import ClassTable, voc_palette
from fcn_studio.core.labels import made_by_human
from fcn_studio.core.sample import Status
from fcn_studio.fcn.training.crop_sampler import DecodedImages, channel_lut
from fcn_studio.formats.exporters import BY_NAME
from fcn_studio.formats.images.images import image_size, read_image
from fcn_studio.formats.project.project_folder import ProjectFolder
from fcn_studio.formats.voc.masks import read_mask, write_mask
from fcn_studio.jobs.snapshot import collect_now

TABLE = ClassTable.from_names(["background", "red", "green", "blue"])
WIDTH, HEIGHT = 48, 32


def stored() -> np.ndarray:
    """A picture as the camera stores it: three patches on white, none of which lies where a turn leaves it."""
    image = np.full((HEIGHT, WIDTH, 3), 255, np.uint8)
    image[:16, :16] = 255, 0, 0
    image[:16, 32:] = 0, 255, 0
    image[16:, 16:32] = 0, 0, 255
    return image


def labelled_by_colour(image_rgb: np.ndarray) -> np.ndarray:
    """The label map that the picture itself says: each patch by its colour."""
    strong = image_rgb.astype(int) > 128
    label_map = np.zeros(image_rgb.shape[:2], np.uint8)
    for index, colour in enumerate(((1, 0, 0), (0, 1, 0), (0, 0, 1)), start=1):
        label_map[(strong == np.array(colour, bool)).all(2)] = index
    return label_map


def written(folder: Path, suffix: str, orientation: int) -> Path:
    """The picture with an EXIF orientation."""
    exif = Image.Exif()
    exif[0x0112] = orientation
    options = {"quality": 95, "subsampling": 0} if suffix == ".jpg" else {}
    path = folder / "JPEGImages" / f"turned{suffix}"
    path.parent.mkdir(parents=True)
    Image.fromarray(stored()).save(path, exif=exif, **options)
    return path


def by_another_reader(path: Path) -> np.ndarray:
    """The picture as Pillow's own function turns it."""
    with Image.open(path) as image:
        return np.asarray(ImageOps.exif_transpose(image).convert("RGB"))


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("suffix", [".jpg", ".png", ".tif"])
def test_label_map_and_image_line_up_everywhere(tmp_path: Path, suffix: str, orientation: int) -> None:
    path = written(tmp_path / "project", suffix, orientation)
    before = path.read_bytes()
    seen = read_image(path)
    truth = labelled_by_colour(seen)
    assert [int((truth == i).sum()) for i in range(4)] == [768, 256, 256, 256]
    assert (truth == labelled_by_colour(by_another_reader(path))).all()
    assert image_size(path) == seen.shape[1::-1]
    assert seen.shape[:2] == ((HEIGHT, WIDTH) if orientation < 5 else (WIDTH, HEIGHT))

    with ProjectFolder.open(tmp_path / "project", writable=True, table=TABLE) as project:
        (sample,) = project.samples
        project.annotations.save(sample, made_by_human(truth), Status.VERIFIED)
    with ProjectFolder.open(tmp_path / "project", writable=False) as project:
        (sample,) = project.samples
        assert (project.annotations.load(sample, image_size(path)).labels.label_map == truth).all()
        snapshot = collect_now(project)
        (labelled,) = snapshot.train + snapshot.val
        trained_image, trained_truth = DecodedImages([labelled], channel_lut(TABLE))[0]
        assert (labelled_by_colour(trained_image) == trained_truth).all()
        assert (trained_truth == truth).all()
        list(BY_NAME["voc"].run(project, tmp_path / "out", project.samples))
    assert path.read_bytes() == before

    tree = tmp_path / "out" / "VOCdevkit" / "VOC2012"
    with Image.open(tree / "JPEGImages" / "turned.jpg") as image:  # a reader that knows nothing of EXIF
        plain = np.asarray(image)
    with Image.open(tree / "SegmentationClass" / "turned.png") as mask:
        exported = np.asarray(mask)
    assert (exported == truth).all()
    assert (labelled_by_colour(plain) == exported).all()


def test_the_check_sees_a_picture_that_is_not_turned(tmp_path: Path) -> None:
    for orientation in range(2, 9):  # the negative control: no turn leaves the patches in place
        seen = labelled_by_colour(read_image(written(tmp_path / str(orientation), ".png", orientation)))
        left = labelled_by_colour(stored())
        assert seen.shape != left.shape or (seen != left).any()


def test_all_256_values_come_through_every_reader(tmp_path: Path) -> None:
    values = np.arange(256, dtype=np.uint8).reshape(16, 16)
    table = ClassTable.from_names(f"class {i}" for i in range(255))
    tree = tmp_path / "VOCdevkit" / "VOC2012"
    for folder in ("JPEGImages", "SegmentationClass", "ImageSets/Segmentation"):
        (tree / folder).mkdir(parents=True)
    Image.new("RGB", (16, 16)).save(tree / "JPEGImages" / "a.jpg")
    (tree / "ImageSets" / "Segmentation" / "train.txt").write_text("a\n")
    path = tree / "SegmentationClass" / "a.png"
    write_mask(path, values)
    assert (read_mask(path, (16, 16), table).label_map == values).all()
    with Image.open(path) as mask:
        assert (np.asarray(mask) == values).all()
        assert (np.asarray(mask.convert("RGB")) == voc_palette()[values]).all()
    (_, mask), *_ = VOCSegmentation(tmp_path, year="2012", image_set="train")
    assert (np.asarray(mask) == values).all()
    with ProjectFolder.open(tree, writable=True, table=table) as project:
        (sample,) = project.samples
        found = project.annotations.load(sample, (16, 16)).labels
        assert (found.label_map == values).all()
        project.annotations.save(sample, made_by_human(values[::-1].copy()), Status.VERIFIED)
        assert (project.annotations.load(sample, (16, 16)).labels.label_map == values[::-1]).all()
