from __future__ import annotations

import pytest

from fcn_studio.core.rules import PaintRules


def test_two_only_rules_are_refused() -> None:
    with pytest.raises(ValueError, match="more than one"):
        PaintRules(only_unlabelled=True, only_over=3)
