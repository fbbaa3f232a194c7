"""Tests of `fcn_studio.core.regions.inner_points`."""

from __future__ import annotations

import numpy as np

from fcn_studio.core.labels import Provenance
from fcn_studio.core.regions.inner_points import inner_points


def test_each_region_with_room_has_a_point_well_inside() -> None:
    label_map = np.full((60, 80), 3, np.uint8)
    label_map[10:30, 5:25] = 1
    label_map[40:50, 60:76] = 1
    label_map[5, 40:70] = 7  # a line has no room
    label_map[50:, :20] = 255
    provenance = np.full_like(label_map, Provenance.HUMAN)
    provenance[:, 50:60] = Provenance.NOBODY
    points = inner_points(label_map, provenance)
    assert {point.class_index for point in points} == {1, 3}
    squares = [point for point in points if point.class_index == 1]
    assert [(point.x // 1, point.y // 1) for point in squares[:1]] in ([(14, 19)], [(15, 20)], [(14, 20)], [(15, 19)])
    assert 9 <= squares[0].radius <= 11
    for point in points:
        assert label_map[int(point.y), int(point.x)] == point.class_index
        assert provenance[int(point.y), int(point.x)] == Provenance.HUMAN
    assert [point.radius for point in points] == sorted((point.radius for point in points), reverse=True)


def test_a_large_image_is_looked_at_in_steps() -> None:
    label_map = np.zeros((1000, 1500), np.uint8)
    label_map[200:800, 300:900] = 5
    (point, *_) = (
        p for p in inner_points(label_map, np.full_like(label_map, Provenance.NETWORK)) if p.class_index == 5
    )
    assert abs(point.x - 600) < 8
    assert abs(point.y - 500) < 8
    assert abs(point.radius - 300) < 15
