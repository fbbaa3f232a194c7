"""Large pictures come in stages: each in its place, painted on from the first moment, never at a stroke's cost."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image
from PySide6.QtWidgets import QLabel
from pytestqt.qtbot import QtBot

from fcn_studio.core.history import History
from fcn_studio.core.image_pyramid import ImagePyramid, levels_of
from fcn_studio.errors import ImageTooLarge
from fcn_studio.formats.images import image_loading
from fcn_studio.formats.images.images import read_image
from fcn_studio.formats.voc.masks import read_mask
from fcn_studio.ui.canvas.composers import ImageComposer
from fcn_studio.ui.canvas.sampling import Sampling
from fcn_studio.ui.canvas.view_cache import LayerCache
from fcn_studio.ui.canvas.view_state import ViewState
from fcn_studio.ui.dialogs.questions import LargeImageDialog
from fcn_studio.ui.saving import autosave
from fcn_studio.ui.session import image_prefetch, images
from fcn_studio.ui.session.image_prefetch import ImagePrefetch
from fcn_studio.ui.session.session import Session
from tests.helpers import paint
from tests.ui.conftest import Studio, draw_project

WIDTH, HEIGHT = 517, 389


def smooth(width: int = WIDTH, height: int = HEIGHT) -> NDArray[np.uint8]:
    small = np.random.default_rng(4).integers(40, 216, (height // 48 + 2, width // 48 + 2, 3), np.uint8)
    return cv2.resize(small, (width, height), interpolation=cv2.INTER_CUBIC)


@pytest.fixture(autouse=True)
def small_counts_as_large(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(image_loading, "REDUCED_SIDE", 64)
    for module in (images, image_prefetch):
        monkeypatch.setattr(module, "STAGED_FROM", WIDTH * HEIGHT)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Three small pictures and, second in the list, a large one."""
    made = draw_project(tmp_path / "project", images=3)
    Image.fromarray(smooth()).save(made / "picture-000b.jpg", quality=95)
    return made


def drawn(picture: ImagePyramid, view: ViewState) -> NDArray[np.uint8]:
    """What the canvas draws of the image: uint8 (h, w, 3)."""
    sampling = Sampling(view)
    pixels = LayerCache(ImageComposer(picture, None)).pixels(sampling)[sampling.inside.slices]
    return np.ascontiguousarray(pixels).view(np.uint8).reshape(*pixels.shape, 4)[..., :3]


@pytest.mark.parametrize("scale", [0.2, 0.45, 1.0, 1.5, 3.0])
def test_each_stage_lies_where_the_whole_picture_does(tmp_path: Path, scale: float) -> None:
    path = tmp_path / "a.jpg"
    Image.fromarray(smooth()).save(path, quality=95, subsampling=0)
    view = ViewState(WIDTH, HEIGHT, 300, 220).fit()
    for _ in range(2):
        view = view.zoom_at((150, 110), scale / view.scale)
    whole, reduced = read_image(path), image_loading.reduced_image(path)
    assert reduced is not None
    expected = drawn(ImagePyramid(whole), view).astype(float)
    picture = ImagePyramid.awaited(WIDTH, HEIGHT)
    assert picture.level_for(scale) is None
    assert len(np.unique(drawn(picture, view).reshape(-1, 3), axis=0)) == 1
    picture.begin(reduced)
    assert np.abs(drawn(picture, view) - expected).mean() < 3
    elsewhere = ImagePyramid.awaited(WIDTH, HEIGHT)
    elsewhere.begin(np.roll(reduced, 1, axis=1))
    assert np.abs(drawn(elsewhere, view) - expected).mean() > 5  # the measure sees a shift of one of its pixels
    picture.complete(levels_of(whole))
    assert np.array_equal(drawn(picture, view), expected)


def test_a_picture_of_another_size_is_no_stage() -> None:
    with pytest.raises(ValueError, match="awaited"):
        ImagePyramid.awaited(10, 20).complete([np.zeros((10, 20, 3), np.uint8)])


def test_a_picture_beyond_16_bits_is_drawn_at_its_far_end() -> None:
    wide = np.zeros((8, 40_000, 3), np.uint8)
    wide[:, 36_000:] = 90
    for scale in (0.3, 1.0, 1.5, 4.0):
        view = ViewState(40_000, 8, 64, 16).fit()
        view = view.zoom_at((0, 0), scale / view.scale).zoom_at((0, 0), 1.0).pan(-int(39_000 * scale), 0)
        picture = ImagePyramid.awaited(40_000, 8)
        picture.complete(levels_of(wide))
        assert drawn(picture, view).max() == 90


def test_a_large_picture_is_painted_on_before_it_is_there(
    make_session: Callable[[], Session], folder: Path, qtbot: QtBot
) -> None:
    session = make_session()
    session.open_folder(folder)
    stages_seen: list[tuple[int, ...]] = []
    session.pictures.arrived.connect(lambda: stages_seen.append(session.picture.level_for(0.1).shape))  # type: ignore[union-attr]
    session.go_to(1)
    assert session.picture is not None
    assert session.picture.image_rgb is None
    assert session.document is not None
    paint(session.document)
    qtbot.waitUntil(lambda: session.picture is not None and session.picture.image_rgb is not None)
    assert stages_seen[0] == (49, 65, 3)
    assert len(stages_seen) == 2
    assert np.array_equal(session.picture.image_rgb, read_image(folder / "picture-000b.jpg"))
    assert session.document.label_map[10, 10] == 1


def test_stages_of_a_picture_that_was_left_are_dropped(
    make_session: Callable[[], Session], folder: Path, qtbot: QtBot
) -> None:
    session = make_session()
    session.open_folder(folder)
    for row in (1, 0, 1, 2):
        session.go_to(row)
    left = session.picture
    session.pictures._worker._executor.submit(lambda: None).result()
    qtbot.wait(20)
    assert session.picture is left
    assert left is not None
    assert left.size == (64, 48)


@pytest.mark.parametrize("alone", [False, True])
def test_damage_found_late_costs_no_stroke(
    make_session: Callable[[], Session], folder: Path, qtbot: QtBot, alone: bool
) -> None:
    path = folder / "picture-000b.jpg"
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    if alone:
        for other in folder.glob("*.png"):
            other.unlink()
    session = make_session()
    problems: list[str] = []
    session.problem.connect(problems.append)
    session.refused.connect(lambda error: problems.append(str(error)))
    session.open_folder(folder)
    if not alone:
        session.go_to(1)
    assert session.document is not None
    paint(session.document)
    image_id = session.document.image_id
    qtbot.waitUntil(lambda: bool(problems))
    assert len(problems) == 1
    assert "picture-000b.jpg: the image is damaged or cut off" in problems[0]
    assert image_id in session.failures
    if alone:
        assert session.document is None
    else:
        assert session.document.image_id == "picture-001.png"
    session.autosave.drain()
    assert session.project is not None
    mask = session.project.annotations.mask_path(session.project.sample(image_id))
    assert read_mask(mask, (WIDTH, HEIGHT), session.table).label_map[10, 10] == 1


def test_an_image_over_the_limit_is_asked_about_once(make_session: Callable[[], Session], folder: Path) -> None:
    session = make_session()
    session.open_folder(folder)
    assert session.project is not None
    session.project.max_pixels = 100_000
    asked: list[tuple[Path, int]] = []
    session.pictures.too_large.connect(lambda path, question: asked.append((path, question.pixels)))
    for _ in range(2):
        with pytest.raises(ImageTooLarge, match="over the limit"):
            session.go_to(1)
    assert asked == [(folder / "picture-000b.jpg", WIDTH * HEIGHT)]
    assert session.index == 0


def test_who_says_yes_opens_it_and_all_that_are_no_larger(make_session: Callable[[], Session], folder: Path) -> None:
    session = make_session()
    session.open_folder(folder)
    project = session.project
    assert project is not None
    project.max_pixels = 100_000

    def allow(path: Path, question: ImageTooLarge) -> None:
        project.max_pixels = question.pixels

    session.pictures.too_large.connect(allow)
    session.go_to(1)
    assert session.index == 1
    session.go_to(0)
    session.pictures.too_large.disconnect(allow)
    session.go_to(1)
    assert session.index == 1


def test_what_is_read_ahead_is_bounded(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    large, small = folder / "picture-000b.jpg", folder / "picture-000.png"
    ahead = ImagePrefetch()
    try:
        ahead.want([large, small], 10**9)
        for future in list(ahead._images.values()):
            future.result()  # what has not begun when it is taken is not waited for
        assert ahead.taken(large) is None
        ready = ahead.taken(small)
        assert ready is not None
        assert np.array_equal(ready.image_rgb, read_image(small))
        assert ahead.taken(small) is None
        many = [folder / f"{number}.png" for number in range(100)]
        ahead.want(many, 10**9)
        assert len(ahead._images) * 4 * 20_000_000 <= image_prefetch.BUDGET
    finally:
        ahead.close()


@pytest.mark.parametrize("answer", [False, True])
def test_the_window_asks_with_what_it_takes(
    make_studio: Callable[[], Studio], folder: Path, monkeypatch: pytest.MonkeyPatch, answer: bool
) -> None:
    words: list[str] = []

    def asked(dialog: LargeImageDialog) -> bool:
        words.extend(label.text() for label in dialog.findChildren(QLabel))
        return answer

    monkeypatch.setattr(LargeImageDialog, "asked", asked)
    studio = make_studio()
    studio.window.open_folder(folder)
    assert studio.session.project is not None
    studio.session.project.max_pixels = 100_000
    studio.session.step(+1)
    opened = studio.session.document
    assert opened is not None
    assert opened.image_id == ("picture-000b.jpg" if answer else "picture-001.png")
    assert any(
        "picture-000b.jpg has 0 megapixels and needs about 0.0 GB of memory. Open it?" in text for text in words
    )


def test_a_step_over_all_is_packed_before_it_is_saved(
    make_session: Callable[[], Session], folder: Path, monkeypatch: pytest.MonkeyPatch, qtbot: QtBot
) -> None:
    monkeypatch.setattr(autosave, "LARGE_PIXELS", 0)
    session = make_session()
    session.autosave.idle_ms = 10
    session.open_folder(folder)
    assert session.document is not None
    compressing = [True]
    monkeypatch.setattr(History, "compressing", property(lambda _: compressing[0]))
    paint(session.document)
    session.autosave.save_soon()
    assert session.save_state == "unsaved"
    compressing[0] = False
    qtbot.waitUntil(lambda: session.save_state == "saved")
    compressing[0] = True  # for ever: then it is saved all the same
    paint(session.document, 2)
    monkeypatch.setattr(autosave, "MOST_PUT_OFF", 2)
    qtbot.waitUntil(lambda: session.save_state == "saved")


def test_the_window_shows_deep_images_by_the_rule_of_the_project(
    welcome: Studio, qtbot: QtBot, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(images, "STAGED_FROM", 20_000_000)
    monkeypatch.setattr(image_prefetch, "STAGED_FROM", 20_000_000)
    scene = np.random.default_rng(1).integers(0, 700, (16, 24)).astype(np.uint16)
    for name, top in (("a", 1000), ("b", 1030), ("c", 900)):
        scene[0, 0] = top
        Image.fromarray(scene).save(tmp_path / f"{name}.png")
    (tmp_path / "class_names.txt").write_text("background\ncell\n")
    welcome.window.open_folder(tmp_path)
    shown = []
    for row in range(3):  # the second and third are read ahead
        welcome.session.go_to(row)
        qtbot.wait(50)
        shown.append(np.array(welcome.session.picture.image_rgb[1:]))
    assert (shown[0] == shown[1]).all()
    assert (shown[0] == shown[2]).all()
