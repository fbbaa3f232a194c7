"""Division of images by share, in groups that stay together."""

from __future__ import annotations

from collections import Counter

from fcn_studio.core.sample import Split
from fcn_studio.core.splitting.divide import divide
from fcn_studio.core.splitting.groups import GroupBy, together

SHARES = {Split.TRAIN: 0.6, Split.VAL: 0.2, Split.TEST: 0.2}
IDS = [f"{place}/{name}_{number:03}.png" for place in "ab" for name in ("x", "y", "z7") for number in range(10)]


def test_shares_and_rare_classes_are_spread() -> None:
    classes = {image_id: frozenset({0, 1 + number % 5 // 4}) for number, image_id in enumerate(IDS)}
    found = divide([[image_id] for image_id in IDS], classes, {}, SHARES)
    assert Counter(found.values()) == {Split.TRAIN: 36, Split.VAL: 12, Split.TEST: 12}
    rare = Counter(found[image_id] for image_id, there in classes.items() if 2 in there)
    assert rare[Split.TRAIN] in (7, 8)
    assert {rare[Split.VAL], rare[Split.TEST]} <= {2, 3}
    assert found == divide([[image_id] for image_id in reversed(IDS)], classes, {}, SHARES)


def test_images_that_belong_together_stay_together() -> None:
    assert [len(group) for group in together(IDS, GroupBy.FOLDER)] == [30, 30]
    assert [group[0] for group in together(IDS, GroupBy.SEQUENCE)] == IDS[::10]
    assert together(IDS[:4], GroupBy.NOTHING, [(0, 3)]) == [[IDS[0], IDS[3]], [IDS[1]], [IDS[2]]]
    groups = together(IDS, GroupBy.SEQUENCE, [(0, 15)])
    found = divide(groups, {}, {}, SHARES)
    assert all(len({found[image_id] for image_id in group}) == 1 for group in groups)
    assert found[IDS[0]] is found[IDS[15]]
    assert set(found.values()) == set(Split)


def test_fixed_images_stay_and_draw_their_group() -> None:
    fixed = {IDS[0]: Split.TEST, IDS[1]: Split.TEST, IDS[12]: Split.VAL}
    found = divide(together(IDS, GroupBy.SEQUENCE), {}, fixed, {Split.TRAIN: 1.0, Split.VAL: 0.0, Split.TEST: 0.0})
    assert Counter(found[image_id] for image_id in IDS[:10]) == {Split.TEST: 10}
    assert found[IDS[12]] is found[IDS[11]] is Split.VAL
    assert {found[image_id] for image_id in IDS[20:]} == {Split.TRAIN}
