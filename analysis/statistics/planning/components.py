"""How far ratings scatter, and why: standard deviations of a rating's random parts.

A rating is the true mean of its condition plus the listener's own level, the item's, what this listener hears in this
item, what this listener thinks of this condition, what this condition does to this item, and a rest. What a test can
find depends on the last three; the first three are shared by all conditions of a page and cancel in differences.

Conventions: standard deviations in points of the scale (0 to 100). The presets are figures out of published tests, not
their data; ``source`` says where they are from. Defines: ``Components``, ``Preset``, ``PRESETS``, ``of_pilot``.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, fields

import pandas as pd

from analysis.errors import AnalysisError
from analysis.statistics.mixed.fit import fit
from analysis.statistics.mixed.terms import maximal


@dataclass(frozen=True)
class Components:
    """Standard deviations in points; 0 where a part does not vary.

    ``item_condition`` is what makes a system good on one item and poor on another; ``listener_condition`` what makes
    one listener like a system more than others do; ``residual`` is of one rating.

    Raises
    ------
    AnalysisError
        For a figure below 0 or above 100, and where all of those that matter for a difference are 0.
    """

    listener: float
    item: float
    listener_item: float
    listener_condition: float
    item_condition: float
    residual: float

    def __post_init__(self) -> None:
        for field in fields(self):
            found = getattr(self, field.name)
            if not (math.isfinite(found) and 0 <= found <= 100):
                raise AnalysisError(f"{field.name}: found {found}; expected a standard deviation of 0 to 100 points")
        if self.listener_condition == self.item_condition == self.residual == 0:
            raise AnalysisError(
                "listener_condition, item_condition and residual are all 0: every difference would be found; "
                "give at least a residual, or take a preset"
            )


@dataclass(frozen=True)
class Preset:
    """Components of a test that was run, and where its figures are from."""

    components: Components
    source: str


PRESETS: Mapping[str, Preset] = {
    "sisec08": Preset(
        Components(
            listener=3.40, item=10.7, listener_item=5.40, listener_condition=3.09, item_condition=8.58, residual=7.35
        ),
        "music separation, basic audio quality: 9 systems of the Signal Separation Evaluation Campaign 2008, rated by "
        "14 listeners on 14 trials, as kept in SEBASS-DB (Kastner and Herre, IWAENC 2022)",
    ),
    "ward2018-quality": Preset(
        Components(
            listener=8.50, item=1.99, listener_item=5.51, listener_condition=0, item_condition=21.9, residual=14.2
        ),
        "singing-voice separation, sound quality: 24 listeners, 16 songs of 5 systems each (Ward and others, ICASSP "
        "2018). Every song had other systems, so item_condition holds the differences between systems too and is an "
        "upper bound; listener_condition is in the residual",
    ),
    "ward2018-interferer": Preset(
        Components(listener=8.89, item=0, listener_item=6.03, listener_condition=0, item_condition=23.7, residual=13.4),
        "singing-voice separation, interference: the same test as ward2018-quality, with the same reservations",
    ),
    "codec2024": Preset(
        Components(
            listener=12.2, item=2.72, listener_item=7.26, listener_condition=6.54, item_condition=10.3, residual=15.7
        ),
        "speech codecs: 7 codecs, 19 listeners with 8 of 16 items each (Stahl, Windtner and Sontacchi, IEEE Access "
        "2024), a mixed model of the published ratings",
    ),
    "compressor2024": Preset(
        Components(
            listener=14.6, item=1.21, listener_item=0, listener_condition=3.26, item_condition=1.47, residual=16.5
        ),
        "models of a dynamic range compressor that hardly differ: 4 models, 19 listeners, 11 items, no anchors, "
        "listeners from the web (Yin and others, S4 compressor models, 2024), a mixed model of the published ratings",
    ),
    "moderate": Preset(
        Components(listener=7, item=5, listener_item=0, listener_condition=6, item_condition=4, residual=9),
        "round figures of no test: careful listeners, and systems that behave alike on all items",
    ),
}
"""Where no pilot is at hand; tests differ by far more than these, so a pilot is better."""


def of_pilot(frame: pd.DataFrame) -> Components:
    """Estimate components from ratings of a pilot by the mixed model of the analysis (REML).

    Without replicates the residual holds what a listener hears in one item under one condition, too.

    Parameters
    ----------
    frame : columns listener, item, condition, rating; of systems, without the hidden reference and the anchors, which
        vary otherwise. Where several ratings are missing the estimate is of those that are there.

    Raises
    ------
    AnalysisError
        For fewer than two listeners, items or conditions, and where the ratings can't tell a part that matters from
        others.
    """
    for column in ("listener", "item", "condition"):
        if (count := frame[column].nunique()) < 2:
            raise AnalysisError(f"pilot: {count} {column} in {len(frame)} ratings; components need two at least")
    plain = frame[["listener", "item", "condition", "rating"]]
    terms = maximal(plain)
    if lost := [name for name in ("listener:condition", "item:condition") if name not in terms.random_names]:
        raise AnalysisError(f"pilot: {' and '.join(lost)} can't be estimated: {' '.join(terms.left_out)}")
    variances = fit(plain, terms).variances
    return Components(**{name: math.sqrt(variances.get(TERMS[name], 0.0)) for name in TERMS})


TERMS = {
    "listener": "listener",
    "item": "item",
    "listener_item": "listener:item",
    "listener_condition": "listener:condition",
    "item_condition": "item:condition",
    "residual": "residual",
}
"""Names of the components as the mixed model has them."""
