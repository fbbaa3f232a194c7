from __future__ import annotations

import cv2
import numpy as np

from fcn_studio.core.geometry import Rect
from fcn_studio.core.regions.clicks import Clicks, clicked_region


def test_the_border_of_a_reduced_region_follows_the_edges_of_the_whole_picture() -> None:
    columns, rows = np.meshgrid(np.arange(480), np.arange(320))
    truth = (columns - 200) ** 2 + (rows - 150) ** 2 < 90**2
    image = np.where(truth[..., None], (60, 130, 50), (140, 120, 100)).astype(np.uint8)
    likely = np.asarray(cv2.resize(truth.astype(np.uint8) * 255, (60, 40), interpolation=cv2.INTER_AREA), np.uint8)
    likely[:5, 50:] = 255  # not connected with the click
    region = clicked_region(image, Clicks(((200.5, 150.5),)), likely)
    assert region is not None
    found = np.zeros_like(truth)
    found[region.rect.slices] = region.stencil != 0
    plain = cv2.resize((likely >= 128).astype(np.uint8), (480, 320), interpolation=cv2.INTER_NEAREST)[:, :390] != 0
    wrong, before = (np.count_nonzero(mask[:, :390] != truth[:, :390]) for mask in (found, plain))
    assert not found[:, 390:].any()
    assert wrong < before / 3
    rough = clicked_region(image, Clicks(((200.5, 150.5),)), likely, rough=True)
    assert rough is not None
    assert np.count_nonzero((rough.within(Rect(0, 0, 480, 320)) != 0)[:, :390] != plain) < before
