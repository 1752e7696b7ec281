"""The objective metrics of a report, as rows: which they are, their numbers, and where there is none.

Defines: ``Metrics``, ``MetricInfo``, ``NumberRow``, ``Missing``, ``measured``.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass

from analysis.metrics.family import FAMILIES, family
from analysis.reading.numbers import Numbers
from analysis.report.parts.results import rows_of


@dataclass(frozen=True)
class MetricInfo:
    """One metric. ``better``: where a good one lies, ``higher``, ``lower`` or near ``zero``. ``basis``: what was
    measured, ``render`` (cut from the whole sounds before any gain), ``clip`` (what was heard, its gain undone) or
    ``given`` (somebody else's number); several with a comma."""

    name: str
    label: str
    unit: str
    better: str
    source: str
    family: str
    basis: str


@dataclass(frozen=True)
class NumberRow:
    """A metric of a condition on an item; where there is no number, ``reason`` says why."""

    item: str
    condition: str
    metric: str
    value: float | None
    basis: str
    reason: str


@dataclass(frozen=True)
class Missing:
    """Numbers that are not there for one reason: of which metrics (empty: of all) and of which sounds."""

    metrics: str
    sounds: str
    reason: str


@dataclass(frozen=True)
class Metrics:
    """All metrics of what was heard. ``notes``: what a reader must know of them, a sentence each; ``valid``: by family,
    for what sounds its numbers mean something; ``versions``: of what computed them, where that is known."""

    known: tuple[MetricInfo, ...]
    numbers: tuple[NumberRow, ...]
    missing: tuple[Missing, ...]
    notes: tuple[str, ...]
    valid: dict[str, str]
    versions: dict[str, str]


def measured(found: Numbers) -> Metrics:
    """The rows of what was read or computed."""
    by = found.frame.groupby("metric")
    families, bases = by["family"].first(), by["basis"].unique()
    known = tuple(
        MetricInfo(**dataclasses.asdict(metric), family=families[name], basis=", ".join(sorted(bases[name])))
        for name, metric in found.metrics.items()
    )
    valid = {name: family(name).valid for name in dict.fromkeys(families[list(found.metrics)]) if name in FAMILIES}
    return Metrics(
        known,
        rows_of(NumberRow, found.frame),
        _missing(found),
        found.notes,
        {name: said for name, said in valid.items() if said},
        dict(found.versions),
    )


def _missing(found: Numbers) -> tuple[Missing, ...]:
    """Sounds that lack the same metrics for the same reason stand together."""
    lacking = found.frame[found.frame["value"].isna()]
    everywhere = found.frame.groupby(["item", "condition"]).ngroups
    sounds: dict[tuple[str, tuple[str, ...]], list[str]] = {}
    for (reason, item, condition), own in lacking.groupby(["reason", "item", "condition"], sort=False):
        names = () if len(own) == len(found.metrics) else tuple(found.metrics[name].label for name in own["metric"])
        sounds.setdefault((str(reason), names), []).append(f"{item}, {condition}")
    return tuple(
        Missing(", ".join(names), "all sounds" if len(own) == everywhere else "; ".join(own), reason)
        for (reason, names), own in sounds.items()
    )
