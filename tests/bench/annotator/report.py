"""The table of the simulated annotator: seconds, savings with intervals, and what they depend on."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from tests.bench.annotator.arms import FIRST, Record
from tests.bench.annotator.person import Effort
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


def table(arms: Mapping[str, Sequence[Record]], *, equal: bool) -> Iterator[str]:
    """Yield the lines about one stream and stop rule.

    Args:
        arms: name of the arm -> what its images took.
        equal: whether the work went on until as many pixels were right as in P.
    """
    later = {name: [record for record in records if record.place > FIRST] for name, records in arms.items()}
    if not all(later.values()):
        yield f"  fewer than {FIRST + 1} images: no figures"
        return
    for moment in ("at the stop rule", "at equal accuracy") if equal else ("at the stop rule",):
        effort = _at_equal if moment == "at equal accuracy" else _at_rule
        yield f"  {moment}, mean of images {FIRST + 1} to {max(r.place for r in next(iter(later.values())))}"
        yield f"  {'arm':12} {'seconds':>7} {'acts':>5} {'accuracy':>8} {'first prediction':>16}  seconds by act"
        for name, records in later.items():
            efforts = [effort(record)[0] for record in records]
            yield (
                f"  {name:12} {_mean(e.total() for e in efforts):7.0f}"
                f" {_mean(sum(e.acts.values()) for e in efforts):5.0f}"
                f" {_mean(effort(record)[1] for record in records):8.4f}"
                f" {_mean(record.start_accuracy for record in records):16.3f}  {_shares(efforts)}"
            )
        pairs = [(name, reference) for reference in "PB" if reference in later for name in later]
        for name, reference in pairs:
            if name not in ("P", reference):
                yield _savings(name, reference, later, effort)


def _at_rule(record: Record) -> tuple[Effort, float]:
    return record.rule, record.rule_accuracy


def _at_equal(record: Record) -> tuple[Effort, float]:
    return record.equal, record.accuracy


def _savings(
    name: str,
    reference: str,
    arms: Mapping[str, Sequence[Record]],
    effort: Callable[[Record], tuple[Effort, float]],
) -> str:
    """Return the saving of an arm for each time of thought, and whether it may be compared."""
    ours, theirs = ([effort(record) for record in arms[arm]] for arm in (name, reference))
    words = []
    for think in THOUGHTS:
        found = saving([e.total(think) for e, _ in ours], [e.total(think) for e, _ in theirs])
        words.append("M {:.2f}: {:.0%} [{:.0%}, {:.0%}]".format(think, *found))
    lost = _mean(a for _, a in theirs) - _mean(a for _, a in ours)
    note = "" if lost <= LEGAL else f"  NOT COMPARABLE: accuracy {lost:.4f} lower"
    return f"  {name} against {reference} saves  {'; '.join(words)}{note}"


def _shares(efforts: Sequence[Effort]) -> str:
    """Return where the seconds go, in percent."""
    spent: dict[str, float] = defaultdict(float)
    for effort in efforts:
        for name, seconds in effort.seconds.items():
            spent[name] += seconds
        spent["thought"] += THINK * sum(effort.acts.values())
        spent["looking"] += effort.fixed
        spent["waiting"] += effort.waited
    whole = sum(spent.values())
    shares = sorted(((seconds / whole, name) for name, seconds in spent.items()), reverse=True)
    return ", ".join(f"{name} {share:.0%}" for share, name in shares if share >= 0.005)


def _mean(values: Iterable[float]) -> float:
    return float(np.mean(list(values)))
