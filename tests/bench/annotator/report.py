"""The table of the simulated annotator: seconds, savings with intervals, and what they depend on."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from tests.bench.annotator.arms import FIRST, Record
from tests.bench.annotator.sight import StopRule
from tests.bench.annotator.times import THINK

THOUGHTS = (0.0, THINK, 2 * THINK)
"""Seconds of thought before an act for which the savings are given."""

LEGAL = 0.005
"""An arm whose mean accuracy is so much below that of another is not compared with it."""

_DRAWS = 4000


def row(name: str, rule: StopRule, record: Record) -> dict[str, Any]:
    """Return one line of the JSONL file."""
    fields = dict(vars(record))
    for key, effort in (("rule", record.rule), ("equal", record.equal)):
        fields[key] = {"total": effort.total(), **vars(effort)}
    return {"set": name, "tolerance": rule.tolerance, "area": rule.area, **fields}


def saving(ours: Sequence[float], theirs: Sequence[float]) -> tuple[float, float, float]:
    """Return the share of seconds saved, with the ends of its paired bootstrap interval of 95 %."""
    one, other = np.asarray(ours), np.asarray(theirs)
    drawn = np.random.default_rng(0).integers(len(one), size=(_DRAWS, len(one)))
    means = 1 - one[drawn].mean(1) / other[drawn].mean(1)
    low, high = np.percentile(means, (2.5, 97.5))
    return float(1 - one.mean() / other.mean()), float(low), float(high)


def table(arms: Mapping[str, Sequence[Record]]) -> Iterator[str]:
    """Yield the lines about one stream and stop rule."""
    later = {name: [record for record in records if record.place > FIRST] for name, records in arms.items()}
    if not all(later.values()):
        yield f"  fewer than {FIRST + 1} images: no figures"
        return
    yield f"  images {FIRST + 1} to {max(record.place for record in next(iter(later.values())))}, seconds an image"
    yield f"  {'arm':14} {'start':>6} | {'rule':>6} {'accuracy':>8} | {'equal':>6} {'accuracy':>8} {'mIoU':>6}"
    for name, records in later.items():
        yield (
            f"  {name:14} {_mean(record.start_accuracy for record in records):6.3f}"
            f" | {_mean(record.rule.total() for record in records):6.0f}"
            f" {_mean(record.rule_accuracy for record in records):8.4f}"
            f" | {_mean(record.equal.total() for record in records):6.0f}"
            f" {_mean(record.accuracy for record in records):8.4f}"
            f" {_mean(record.mean_iou for record in records):6.3f}"
        )
    for reference in ("P", "B"):
        for name in later:
            if reference in later and name != reference and not (reference == "B" and name == "P"):
                yield from _savings(name, reference, later)
    for name, records in later.items():
        yield f"  {name}: {_shares(records)}"


def _savings(name: str, reference: str, arms: Mapping[str, Sequence[Record]]) -> Iterator[str]:
    ours, theirs = arms[name], arms[reference]
    words = []
    for think in THOUGHTS:
        found = saving([r.equal.total(think) for r in ours], [r.equal.total(think) for r in theirs])
        words.append("M {:.2f}: {:4.0%} [{:.0%}, {:.0%}]".format(think, *found))
    lost = _mean(r.accuracy for r in theirs) - _mean(r.accuracy for r in ours)
    verdict = "; ".join(words) if lost <= LEGAL else f"not comparable: accuracy {lost:.4f} lower"
    yield f"  {name + ' against ' + reference:18} at equal accuracy  {verdict}"
    lost = _mean(r.rule_accuracy for r in theirs) - _mean(r.rule_accuracy for r in ours)
    found = saving([r.rule.total() for r in ours], [r.rule.total() for r in theirs])
    verdict = "{:4.0%} [{:.0%}, {:.0%}]".format(*found)
    note = "" if lost <= LEGAL else f", not comparable: accuracy {lost:.4f} lower"
    yield f"  {'':18} at the stop rule   {verdict}{note}"


def _shares(records: Sequence[Record]) -> str:
    """Return where the seconds go, in percent."""
    spent: Counter[str] = Counter()
    for record in records:
        spent.update(record.equal.seconds)
        spent["thought"] += THINK * sum(record.equal.acts.values())  # type: ignore[assignment]
        spent["looking"] += record.equal.fixed  # type: ignore[assignment]
        spent["waiting"] += record.equal.waited  # type: ignore[assignment]
    whole = sum(spent.values())
    return ", ".join(f"{name} {seconds / whole:.0%}" for name, seconds in spent.most_common() if seconds > 0)


def _mean(values: Iterator[float]) -> float:
    return float(np.mean(list(values)))
