"""How pages were laid out, where each held some of the systems by design: what is compared then, and what is said.

A listener's mean of a condition is over the items on whose pages it stood. Where those are other items for every
condition, means differ for that alone; so two conditions are compared on the pages that held both, and no test looks
at all conditions at once.

Defines: ``Layout``, ``layout_of``, ``warnings_of``.
"""

from __future__ import annotations

from dataclasses import dataclass

import pandas as pd

from analysis.study import Study


@dataclass(frozen=True)
class Layout:
    """Incomplete pages: how many of the systems stood on each, and how many conditions in all."""

    systems: int
    systems_on_page: int
    conditions_on_page: int
    by_design: bool
    """Whether an experiment file says so, or only the ratings do."""


def layout_of(frame: pd.DataFrame, study: Study) -> Layout | None:
    """The layout of an attribute's pages, by its rated rows; None where all systems stood on each."""
    heard = set(frame["condition"].unique())
    systems = len(heard & set(study.systems))
    on_page = min(study.systems_on_page, systems)
    by_design = bool(study.stimuli_id)
    return Layout(systems, on_page, len(heard) - systems + on_page, by_design) if on_page < systems else None


def warnings_of(kept: pd.DataFrame, layout: Layout | None) -> list[str]:
    """Ratings that pages lack against their design, and what their design asks of a reader."""
    trials = kept.groupby(["listener", "item", "replicate"])["condition"].nunique()
    expected = layout.conditions_on_page if layout else kept["condition"].nunique()
    found = []
    if holes := int((trials < expected).sum()):
        found.append(
            f"{holes} of {len(trials)} trials lack the rating of a condition: the means of a listener's conditions are "
            "then over different items, and differ for that alone; contrasts are over the pages that held both."
        )
    if layout:
        held = "By design each page held" if layout.by_design else "Pages held at most"
        found.append(
            f"{held} {layout.systems_on_page} of the {layout.systems} systems, beside the hidden reference and all "
            "anchors. Tests on listener means are therefore over the pages that held both conditions of a contrast. No "
            "test over all conditions was made: Friedman's needs listeners who heard all of them on the same items. "
            "Means and medians of a condition are over the pages that held it; n counts its ratings."
        )
    return found
