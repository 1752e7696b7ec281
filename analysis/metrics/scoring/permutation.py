"""Which of some estimates without order belongs to which reference: two singers of a duet, the voices of a choir.

Rule: the assignment with the greatest sum of SI-SDR. An SI-SDR counts as at most 100 dB, which is the rounding of a
copy, and as at least -100 dB, which is what silence or an estimate without anything of the reference gets. Of
assignments with equal sums the first one in the order of names counts, references first.

Conventions: sounds are float64 (frames, channels) of one shape. Defines: ``Assignment``, ``assigned``.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from scipy.optimize import linear_sum_assignment

from analysis.errors import AnalysisError
from analysis.metrics.signals import COPY_DB, si_sdr

RULE = "the assignment with the greatest sum of SI-SDR"
EQUAL_DB = 1e-9
"""Sums that differ by less are equal: rounding depends on the order of adding."""


@dataclass(frozen=True)
class Assignment:
    """``pairs``: name of each reference to that of its estimate; ``sum_db``: what the rule made greatest."""

    pairs: Mapping[str, str]
    sum_db: float

    @property
    def sentence(self) -> str:
        """Who belongs to whom, and by which rule."""
        pairs = ", ".join(f"{estimate} is {reference}" for reference, estimate in self.pairs.items())
        return f"estimates without order: {pairs} (by {RULE}: {self.sum_db:.2f} dB)"


def assigned(references: Mapping[str, np.ndarray], estimates: Mapping[str, np.ndarray]) -> Assignment:
    """The estimate of each reference.

    Raises
    ------
    AnalysisError
        Where there are more of the ones than of the others, or their shapes differ.
    """
    if len(references) != len(estimates):
        raise AnalysisError(
            f"{len(estimates)} estimates for {len(references)} references; give as many of the ones as of the others"
        )
    shapes = {sound.shape for sound in (*references.values(), *estimates.values())}
    if len(shapes) > 1:
        raise AnalysisError(
            "references and estimates differ in length or channels; render all with one length and number of channels"
        )
    names, others = sorted(references), sorted(estimates)
    alike = np.array([[_within(si_sdr(references[name], estimates[other])) for other in others] for name in names])
    order = _first_of_the_best(alike)
    pairs = {name: others[order[names.index(name)]] for name in references}
    return Assignment(pairs, float(alike[np.arange(len(order)), order].sum()))


def _first_of_the_best(alike: np.ndarray) -> list[int]:
    """Column of each row: row after row the first column with which the greatest sum can still be reached."""
    left, order = list(range(len(alike))), []
    for row in range(len(alike)):
        best = _greatest(alike[row:][:, left])
        for column in left:
            rest = [other for other in left if other != column]
            if alike[row, column] + _greatest(alike[row + 1 :][:, rest]) >= best - EQUAL_DB:
                order.append(column)
                left = rest
                break
    return order


def _greatest(alike: np.ndarray) -> float:
    return float(alike[linear_sum_assignment(alike, maximize=True)].sum())


def _within(value_db: float) -> float:
    """An SI-SDR within the limits."""
    return float(np.clip(value_db, -COPY_DB, COPY_DB))
