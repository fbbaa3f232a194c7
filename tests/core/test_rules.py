from __future__ import annotations

import pytest

from fcn_studio.core.classes import ClassTable
from fcn_studio.core.rules import PaintRules

TABLE = ClassTable.from_names(["background", "sky", "pole"])


@pytest.mark.parametrize(
    ("rules", "words"),
    [
        (PaintRules(), "everywhere"),
        (PaintRules(only_unlabelled=True), "only unlabelled"),
        (PaintRules(only_over=1), "only over sky"),
        (PaintRules(locked=frozenset({1})), "everywhere; sky (locked) is kept"),
        (
            PaintRules(hidden=frozenset({255, 1}), locked=frozenset({1, 2})),
            "everywhere; sky (locked), pole (locked), void (hidden) are kept",
        ),
    ],
)
def test_rules_in_words(rules: PaintRules, words: str) -> None:
    assert rules.describe(TABLE) == words


def test_two_only_rules_are_refused() -> None:
    with pytest.raises(ValueError, match="not both"):
        PaintRules(only_unlabelled=True, only_over=3)
