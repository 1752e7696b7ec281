"""Do the statistics hold what they promise? False positives, coverage, power and screening on simulated tests.

Two systems, a and b, are equal in truth among others that are not. Every analysis tests a - b at 5 %:

* ``primary`` is the package's own primary analysis; it may call 6.5 % of the tests false at most on every pattern, and
  its 95 % intervals must hold a true difference in 93 to 97.5 % of the tests of most patterns (``covered``);
* ``all systems`` is one mixed model of all systems, whose variances are pooled over them;
* ``both systems`` is one of all ratings of the two systems, whichever page they stood on;
* ``listener means`` is Student's paired t over listeners' means, and ``cells`` Student's t over all ratings, as if each
  were a listener of its own: what people do, for comparison.

``power`` is at the difference that the planner says is found with 80 %. Screening: how many of the careless listeners
the package's rules find, and how many careful ones they lose.

    make bench, or: python tests/bench/bench_validity.py      prints and writes tests/bench/results/validity.json
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from joblib import Parallel, delayed
from scipy import stats

from analysis.statistics.description import summaries
from analysis.statistics.mixed.by_pair import by_pair
from analysis.statistics.mixed.fit import fit
from analysis.statistics.mixed.means import contrasts
from analysis.statistics.mixed.terms import maximal
from analysis.statistics.planning import power
from analysis.statistics.planning.components import Components
from analysis.statistics.planning.simulate import Answers, simulate
from analysis.statistics.planning.trials import Trials
from stimuli.experiment import contrast

RESULTS = Path(__file__).resolve().parent / "results" / "validity.json"
CONTRAST = [contrast("a - b")]
LIMITS = {"false positives": 0.065, "coverage": [0.93, 0.975]}
ALPHA = 0.05


class Found(NamedTuple):
    """What an analysis says of a - b."""

    difference: float
    se: float
    df: float


@dataclass(frozen=True)
class Pattern:
    """A kind of test; ``others``: means of the systems beside a and b, which lie at ``level``."""

    components: Components
    trials: Trials
    answers: Answers = field(default_factory=Answers)
    level: float = 50.0
    others: tuple[float, ...] = (60.0, 70.0)

    def means(self, difference: float = 0.0) -> dict[str, float]:
        """True means before the slider, a better than b by so many points."""
        names = [f"other {number + 1}" for number in range(len(self.others))]
        return {"a": self.level + difference, "b": self.level} | dict(zip(names, self.others, strict=True))

    def truth(self, difference: float) -> float:
        """Difference of the means of a and b on the scale, behind the slider."""
        if not self.answers.bounded:
            return difference
        first, second = (self._on_scale(name, mean) for name, mean in list(self.means(difference).items())[:2])
        return first - second

    def _on_scale(self, name: str, mean: float) -> float:
        """Mean of the rounded and clipped normal distribution: the sum of its upper tails at 1 to 100."""
        parts = dataclasses.asdict(self.components) | {
            "residual": self.components.residual * self.answers.noise.get(name, 1.0)
        }
        spread = np.sqrt(sum(value**2 for value in parts.values()))
        return float(stats.norm.sf(np.arange(0.5, 100), mean, spread).sum())


def _normal(lc: float, ic: float, residual: float, listeners: int, items: int, **more: Any) -> Pattern:
    others = more.pop("others", (60.0, 70.0))
    components = Components(7, 5, more.pop("li", 0), lc, ic, residual)
    answers = more.pop("answers", Answers())
    level = more.pop("level", 50.0)
    return Pattern(components, Trials(listeners, items, systems=2 + len(others), **more), answers, level, others)


def patterns() -> dict[str, Pattern]:
    """All patterns: the normal ones of the reference, and those that break the model's assumptions."""
    sisec = (3.1, 8.6, 7.4)
    found = {
        f"{lc:g}/{ic:g}/{e:g}, {people} x {items}": _normal(lc, ic, e, people, items)
        for lc, ic, e, people, items in (
            (6, 4, 9, 20, 10),
            (6, 4, 9, 10, 10),
            (6, 4, 9, 20, 5),
            (6, 4, 9, 60, 10),
            (6, 0, 9, 20, 10),
            (0, 0, 9, 20, 10),
            (*sisec, 14, 14),
            (*sisec, 20, 5),
            (*sisec, 20, 10),
            (*sisec, 20, 20),
            (*sisec, 40, 10),
            (6, 4, 9, 20, 8),
            (6, 4, 9, 8, 5),
            (0, 4, 9, 20, 8),
        )
    }
    both_noisy, one_noisy = Answers(noise={"a": 3, "b": 3}), Answers(noise={"a": 3})
    rest_quiet = (60.0, 70.0, 40.0)
    ceiling, low = Answers(bounded=True), (60.0, 40.0)
    beside = (98.0, 98.0)
    for name, parts in {"6/4/9": (6, 4, 9), "SiSEC08": sisec}.items():
        lc, ic, e = parts
        for items in (5, 8):
            at = f"{name}, 20 x {items}"
            found |= {
                f"both noisy, {at}": _normal(lc, ic, e / 1.5, 20, items, answers=both_noisy, others=rest_quiet),
                f"one noisy, {at}": _normal(lc, ic, e / 1.5, 20, items, answers=one_noisy, others=rest_quiet),
                f"at the ceiling, {at}": _normal(lc, ic, e, 20, items, answers=ceiling, level=92.0, others=low),
                f"others at the ceiling, {at}": _normal(lc, ic, e, 20, items, answers=ceiling, others=beside),
                f"20 % missing, {at}": _normal(lc, ic, e, 20, items, answers=Answers(missing=0.2), li=5),
                f"3 of 6 on a page, {at}": _normal(
                    lc, ic, e, 20, items, per_page=3, others=(60.0, 70.0, 40.0, 30.0), li=5
                ),
            }
        found[f"both noisy, at the ceiling, 20 % missing, {name}, 20 x 8"] = _normal(
            lc, ic, e / 1.5, 20, 8, level=80.0, others=(95.0, 60.0, 40.0),
            answers=Answers(bounded=True, noise={"a": 3, "b": 3}, missing=0.2),
        )  # fmt: skip
        found[f"half of 16 items each, {name}, 20"] = _normal(lc, ic, e, 20, 16, per_listener=8)
    return found


def analyses(frame: pd.DataFrame, names: tuple[str, ...]) -> dict[str, Found]:
    """Everything that is to be compared, on one simulated test."""
    return {name: ANALYSES[name](frame) for name in names}


def _row(rows: pd.DataFrame) -> Found:
    return Found(*(float(rows[column].iloc[0]) for column in Found._fields))


def _all_systems(frame: pd.DataFrame) -> Found:
    return _row(contrasts(fit(frame, maximal(frame)), CONTRAST))


def _both_systems(frame: pd.DataFrame) -> Found:
    return _all_systems(frame[frame["condition"].isin(["a", "b"])])


def _listener_means(frame: pd.DataFrame) -> Found:
    means = summaries.paired_means(frame, "a", "b")
    differences = means["a"] - means["b"]
    return Found(float(differences.mean()), float(differences.sem()), len(differences) - 1)


def _cells(frame: pd.DataFrame) -> Found:
    first, second = (frame.loc[frame["condition"] == name, "rating"] for name in "ab")
    n, m = len(first), len(second)
    variance = ((n - 1) * first.var() + (m - 1) * second.var()) / (n + m - 2)
    return Found(float(first.mean() - second.mean()), float(np.sqrt(variance * (1 / n + 1 / m))), n + m - 2)


ANALYSES = {
    "primary": lambda frame: _row(by_pair(frame, CONTRAST)),
    "all systems": _all_systems,
    "both systems": _both_systems,
    "listener means": _listener_means,
    "cells": _cells,
}
QUICK = ("primary", "both systems", "listener means", "cells")


def one(pattern: Pattern, seed: int, names: tuple[str, ...]) -> dict[str, tuple[bool, bool, bool]]:
    """One test of a pattern: for each analysis, false positive, true difference found, interval holds the truth."""
    least = power.smallest_difference(pattern.components, _as_planned(pattern))
    null = analyses(
        simulate(pattern.components, pattern.trials, pattern.means(), seed=seed, answers=pattern.answers), names
    )
    if pattern.answers.bounded:
        shifted = pattern.means(least)
        frame = simulate(pattern.components, pattern.trials, shifted, seed=seed + 10**9, answers=pattern.answers)
        real = analyses(frame, names)
    else:
        # Without ends of the scale all that changes is the difference itself, by as much.
        real = {name: own._replace(difference=own.difference + least) for name, own in null.items()}
    truth = pattern.truth(least)
    return {name: (_passed(null[name], 0), _passed(real[name], 0), not _passed(real[name], truth)) for name in names}


def _as_planned(pattern: Pattern) -> Trials:
    return pattern.trials


def _passed(found: Found, null: float) -> bool:
    return bool(abs(found.difference - null) / found.se > stats.t.ppf(1 - ALPHA / 2, found.df))


def cell(
    pattern: Pattern, runs: int, seed: int, *, jobs: int = 1, slow: int | None = None
) -> dict[str, dict[str, Any]]:
    """Shares over the runs of a pattern; the slow analysis on the first ``slow`` runs only."""
    seeds = [seed + run for run in range(runs)]
    few = runs if slow is None else min(slow, runs)
    tests = [delayed(one)(pattern, own, tuple(ANALYSES) if at < few else QUICK) for at, own in enumerate(seeds)]
    told = Parallel(n_jobs=jobs, batch_size=25)(tests) if jobs > 1 else [call(*args) for call, args, _ in tests]
    shares = {}
    for name in ANALYSES:
        own = np.array([run[name] for run in told if name in run])
        keys = ("false positives", "power", "coverage")
        shares[name] = dict(zip(keys, own.mean(axis=0).round(4).tolist(), strict=True)) | {"runs": len(own)}
    return shares
