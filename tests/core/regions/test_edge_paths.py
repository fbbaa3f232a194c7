from __future__ import annotations

import numpy as np
import pytest

from fcn_studio.core.regions.edge_paths import EdgePaths

CENTRE, RADIUS = 100.0, 40.0


@pytest.fixture
def disc() -> np.ndarray:
    """A bright disc on a dark ground: uint8 (200, 200, 3)."""
    ys, xs = np.mgrid[:200, :200] + 0.5
    inside = np.hypot(xs - CENTRE, ys - CENTRE) < RADIUS
    return np.where(inside[..., None], np.uint8(200), np.uint8(40)).repeat(3, axis=2)


@pytest.mark.parametrize("reach", [120.0, 320.0])
def test_a_path_follows_the_edge_between_two_points_on_it(disc: np.ndarray, reach: float) -> None:
    path = EdgePaths(disc, (CENTRE - RADIUS, CENTRE), reach).to((CENTRE, CENTRE - RADIUS))
    assert (path[0], path[-1]) == ((CENTRE - RADIUS, CENTRE), (CENTRE, CENTRE - RADIUS))
    assert len(path) > 4
    away = [abs(np.hypot(x - CENTRE, y - CENTRE) - RADIUS) for x, y in path]
    assert max(away) < 3 * max(1, reach / 160)


def test_outside_the_window_the_path_is_straight(disc: np.ndarray) -> None:
    assert EdgePaths(disc, (60.0, 100.0), 30).to((180.0, 100.0)) == [(60.0, 100.0), (180.0, 100.0)]


def test_at_the_corner_of_the_image(disc: np.ndarray) -> None:
    path = EdgePaths(disc, (0.0, 0.0), 50).to((20.0, 20.0))
    assert (path[0], path[-1]) == ((0.0, 0.0), (20.0, 20.0))


def test_with_more_sensitivity_weaker_edges_count(disc: np.ndarray) -> None:
    noise = np.random.default_rng(0).integers(50, 54, disc.shape)
    faint = (disc // 10 + noise).astype(np.uint8)
    away = []
    for sensitivity in (0.25, 6.0):
        path = EdgePaths(faint, (CENTRE - RADIUS, CENTRE), 120, sensitivity).to((CENTRE, CENTRE - RADIUS))
        away.append(max(abs(np.hypot(x - CENTRE, y - CENTRE) - RADIUS) for x, y in path))
    assert away[1] < 3 < away[0]
