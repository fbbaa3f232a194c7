from __future__ import annotations

import numpy as np
import torch

from fcn_studio.core.regions.clicks import Clicks
from fcn_studio.fcn.live.click_fit import likely_inside
from fcn_studio.fcn.live.features import FeatureMap, Features


def halves() -> Features:
    """Features of an image of 64 x 48 pixels whose left and right half differ, of a working image half as large."""
    noise = torch.from_numpy(np.random.default_rng(0).normal(0, 0.1, (4, 24, 32)))
    values = noise + torch.where(torch.arange(32) < 16, 1.0, -1.0)
    return Features((FeatureMap(1, values.half()),), (4, 0, 0), (24, 32), (48, 64))


def test_pixels_that_look_like_a_click_and_are_near_are_likely() -> None:
    likely = likely_inside(halves(), Clicks(((16.5, 24.5),)), None)
    assert (likely.dtype, likely.shape) == (np.uint8, (24, 32))
    assert (likely[8:16, 4:12] > 128).all()
    assert (likely[:, 18:] < 128).all()


def test_a_click_outside_makes_its_place_unlikely() -> None:
    inside, outside = (16.5, 12.5), (16.5, 40.5)
    likely = likely_inside(halves(), Clicks((inside,), (outside,)), None)
    assert likely[6, 8] > 128 > likely[20, 8]


def test_clicks_correct_a_prediction_and_leave_the_rest_of_it() -> None:
    prior = np.zeros((48, 64), np.uint8)
    prior[:, 32:] = 250
    likely = likely_inside(halves(), Clicks(((56.5, 24.5),), ((40.5, 24.5),)), prior)
    assert likely[12, 28] > 128 > likely[12, 20]
    assert (likely[:, :14] < 128).all()
