"""The caches against their oracle: one pixel at a time by the definition, and incremental against full."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from fcn_studio.core.classes import VOID, ClassTable
from fcn_studio.core.geometry import Rect
from fcn_studio.core.image_pyramid import ImagePyramid
from fcn_studio.core.labels import Provenance
from fcn_studio.ui.canvas.colours import BACKDROP, class_pixels, disagreement_pixels, fade_table, heat_pixels
from fcn_studio.ui.canvas.composers import Composer, DisagreementComposer, HeatComposer, ImageComposer, LabelComposer
from fcn_studio.ui.canvas.hatch import Hatch
from fcn_studio.ui.canvas.sampling import Sampling
from fcn_studio.ui.canvas.view_cache import LayerCache
from fcn_studio.ui.canvas.view_state import ViewState

WIDTH, HEIGHT = 61, 47
TABLE = ClassTable.from_names(["background", "sky", "road", "pole", "tree"])
DPRS = (1.0, 1.25, 1.5, 2.0)


def make_arrays(seed: int = 0) -> tuple[NDArray[np.uint8], NDArray[np.uint8], NDArray[np.uint8]]:
    """An image, a label map of blocks with unlabelled and void parts, and its provenance."""
    rng = np.random.default_rng(seed)
    image = rng.integers(0, 256, (HEIGHT, WIDTH, 3), np.uint8)
    blocks = rng.choice(np.array([0, 1, 2, 3, 4, VOID], np.uint8), (HEIGHT // 5 + 1, WIDTH // 5 + 1))
    labels = blocks.repeat(5, 0).repeat(5, 1)[:HEIGHT, :WIDTH].copy()
    provenance = rng.integers(0, 4, labels.shape, np.uint8)
    provenance[labels != VOID] |= 2
    return image, labels, provenance


def make_view(dpr: float = 1.0, scale: float | None = None) -> ViewState:
    view = ViewState(WIDTH, HEIGHT, math.ceil(97 * dpr), math.ceil(71 * dpr)).fit()
    middle = view.width / 2, view.height / 2
    for _ in range(2):  # the first step may stop at 100 %
        view = view if scale is None else view.zoom_at(middle, scale / view.scale)
    return view


PIXELS = class_pixels(TABLE, [3], 0.5)
LINES = class_pixels(TABLE, [3], 0.9, lightness=130)


@pytest.mark.parametrize("scale", [0.13, 0.5, 0.9, 1.0, 1.37, 2.0, 7.3, 40.0])
def test_each_device_pixel_shows_the_image_pixel_under_its_centre(scale: float) -> None:
    _, labels, provenance = make_arrays()
    view = make_view(scale=scale).pan(9, -4)
    got = LayerCache(LabelComposer(labels, provenance, PIXELS, outline=False)).pixels(Sampling(view))
    expected = np.zeros((view.height, view.width), np.uint32)
    for y in range(view.height):
        for x in range(view.width):
            column, row = (math.floor(v) for v in view.to_image(x + 0.5, y + 0.5))
            if 0 <= column < WIDTH and 0 <= row < HEIGHT:
                value = labels[row, column]
                if value != VOID or provenance[row, column] != Provenance.NOBODY:
                    expected[y, x] = PIXELS[value]
    assert np.array_equal(got, expected)


@pytest.mark.parametrize("scale", [1.0, 2.0, 5.0])
def test_image_is_shown_as_it_is_from_100_percent(scale: float) -> None:
    image, _, _ = make_arrays()
    view = make_view(dpr=2, scale=scale)
    got = LayerCache(ImageComposer(ImagePyramid(image), None)).pixels(Sampling(view))
    x, y = (int(v) for v in view.to_device(20, 30))
    red, green, blue = (int(v) for v in image[30, 20])
    assert got[y, x] == 0xFF000000 | red << 16 | green << 8 | blue
    assert view.origin_x <= 0 or got[0, 0] == BACKDROP


def test_a_smooth_image_stays_in_place_at_every_zoom() -> None:
    """A grey ramp, sampled at any zoom, has at each device pixel the value its position says."""
    ramp = np.linspace(0, 255, 512).astype(np.uint8)
    image = np.repeat(np.repeat(ramp[None, :, None], 300, 0), 3, 2)
    for scale in (0.11, 0.26, 0.49, 0.7, 1.3, 1.9):
        view = ViewState(512, 300, 400, 300).fit()
        view = view.zoom_at((200, 150), scale / view.scale).zoom_at((200, 150), 1.0)
        got = LayerCache(ImageComposer(ImagePyramid(image), None)).pixels(Sampling(view)) & 0xFF
        inside = Sampling(view).inside
        columns = np.arange(inside.x0 + 8, inside.x1 - 8)
        wanted = (columns + 0.5 - view.origin_x) / view.scale / 512 * 255
        assert np.abs(got[150, columns] - wanted).max() < 2.5


def test_outline_draws_only_pixels_next_to_another_class() -> None:
    labels = np.full((HEIGHT, WIDTH), 1, np.uint8)
    labels[:, 30:] = 2
    provenance = np.full_like(labels, Provenance.HUMAN)
    view = make_view(scale=3.0)
    got = LayerCache(LabelComposer(labels, provenance, PIXELS, outline=True)).pixels(Sampling(view))
    edge = int(view.to_device(30, 0)[0])
    drawn = np.flatnonzero(got[view.height // 2])
    assert drawn.tolist() == [edge - 1, edge]
    assert got[view.height // 2, edge] == PIXELS[2]


def test_disagreement_is_outlined_where_both_say_something() -> None:
    labels = np.full((HEIGHT, WIDTH), VOID, np.uint8)
    labels[5:40, 5:55] = 1
    predicted = np.full_like(labels, 1)
    predicted[10:20, 10:20] = 2  # apart
    predicted[25:35, 25:35] = VOID  # a class that the project has not
    labels[10:20, 40:50], predicted[10:20, 40:50] = VOID, 3  # void, or unlabelled
    view = ViewState(WIDTH, HEIGHT, WIDTH, HEIGHT)
    pixels = disagreement_pixels(1.0)
    got = LayerCache(DisagreementComposer(labels, predicted, pixels)).pixels(Sampling(view))
    expected = np.zeros_like(got)
    expected[9:21, 9:21] = pixels[1]
    expected[10:20, 10:20] = pixels[2]
    expected[11:19, 11:19] = 0
    assert np.array_equal(got, expected)


def test_a_faded_image_ends_in_neutral_grey() -> None:
    assert len(set(fade_table(0.0).tolist())) == 1
    assert fade_table(1.0).tolist() == list(range(256))


def test_dark_lines_are_lightened_and_light_ones_are_not() -> None:
    plain, light = class_pixels(TABLE, (), 1.0), class_pixels(TABLE, (), 1.0, lightness=130)
    assert light[VOID] == plain[VOID]
    for pixel in light[:21].tolist():
        red, green, blue = pixel >> 16 & 255, pixel >> 8 & 255, pixel & 255
        assert 0.299 * red + 0.587 * green + 0.114 * blue > 128


def test_colours_are_premultiplied_and_hidden_classes_transparent() -> None:
    assert PIXELS[3] == 0
    assert PIXELS[1] >> 24 == 128
    assert all((PIXELS >> shift & 255 <= PIXELS >> 24).all() for shift in (0, 8, 16))
    assert PIXELS[0] >> 24 < PIXELS[1] >> 24  # background is fainter
    assert heat_pixels(0.7)[0] == 0


@st.composite
def scripts(draw: st.DrawFn) -> list[tuple[str, int, int, int]]:
    """A random order of strokes, pans, zooms and paints."""
    step = st.tuples(
        st.sampled_from(["stroke", "stroke", "pan", "pan", "zoom", "paint"]),
        st.integers(-30, WIDTH),
        st.integers(-30, HEIGHT),
        st.integers(1, 20),
    )
    return draw(st.lists(step, min_size=1, max_size=14))


def composer_makers(
    image: NDArray[np.uint8], labels: NDArray[np.uint8], provenance: NDArray[np.uint8]
) -> list[Callable[[], Composer]]:
    pyramid = ImagePyramid(image)
    predicted = np.roll(labels, 2, axis=1)
    return [
        lambda: LabelComposer(labels, provenance, PIXELS, outline=False),
        lambda: LabelComposer(labels, provenance, PIXELS, outline=True),
        lambda: LabelComposer(labels, None, PIXELS, outline=False),
        lambda: LabelComposer(labels, provenance, PIXELS, hatch=Hatch(LINES, 2)),
        lambda: DisagreementComposer(labels, predicted, disagreement_pixels(0.8)),
        lambda: HeatComposer(labels, heat_pixels(0.6)),
        lambda: ImageComposer(pyramid, fade_table(0.7)),
    ]


@settings(deadline=None, max_examples=60)
@given(script=scripts(), dpr=st.sampled_from(DPRS), seed=st.integers(0, 3))
def test_incremental_equals_full(script: list[tuple[str, int, int, int]], dpr: float, seed: int) -> None:
    image, labels, provenance = make_arrays(seed)
    rng = np.random.default_rng(seed)
    makers = composer_makers(image, labels, provenance)
    caches = [LayerCache(make()) for make in makers]
    view = make_view(dpr)
    for action, x, y, size in [*script, ("paint", 0, 0, 1)]:
        if action == "stroke":
            rect = Rect(x, y, x + size, y + size).intersect(Rect(0, 0, WIDTH, HEIGHT))
            if rect:
                labels[rect.slices] = rng.choice([1, 2, 3, VOID])
                provenance[rect.slices] = rng.integers(0, 4)
                for cache in caches[:-1]:
                    cache.invalidate(rect)
        elif action == "pan":
            view = view.pan(x, y)
        elif action == "zoom":
            view = view.zoom_at((x, y), size / 8)
        else:
            sampling = Sampling(view)
            for cache, make in zip(caches, makers, strict=True):
                full = LayerCache(make()).pixels(sampling)
                assert np.array_equal(cache.pixels(sampling), full)


@given(scale=st.floats(0.08, 0.95), height=st.integers(1, 30), width=st.integers(1, 60))
def test_borders_at_the_edge_follow_what_is_shown(scale: float, height: int, width: int) -> None:
    """Zoomed out, the last row or column of an image may be one that no device pixel shows."""
    labels = np.ones((height, width), np.uint8)
    sampling = Sampling(ViewState(width, height, 97, 71, scale, 5, 3))
    cache = LayerCache(LabelComposer(labels, None, PIXELS, outline=True))
    cache.pixels(sampling)
    for edge in (Rect(0, height - 1, width, height), Rect(width - 1, 0, width, height), Rect(0, 0, width, 1)):
        labels[edge.slices] = labels[edge.slices] % 3 + 1
        cache.invalidate(edge)
        full = LayerCache(LabelComposer(labels, None, PIXELS, outline=True)).pixels(sampling)
        assert np.array_equal(cache.pixels(sampling), full)


def test_many_small_changes_are_joined() -> None:
    _, labels, provenance = make_arrays()
    cache = LayerCache(LabelComposer(labels, provenance, PIXELS, outline=False))
    sampling = Sampling(make_view())
    cache.pixels(sampling)
    for i in range(45):
        labels[i, i] = 4
        provenance[i, i] = Provenance.HUMAN
        cache.invalidate(Rect(i, i, i + 1, i + 1))
    full = LayerCache(LabelComposer(labels, provenance, PIXELS, outline=False)).pixels(sampling)
    assert np.array_equal(cache.pixels(sampling), full)
