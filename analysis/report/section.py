"""One attribute's part of the report: what was asked, and what the listeners said, as data and drawings.

What can't be computed from these ratings is left out, and ``problems`` says why in a sentence each.

Defines: ``Section``, ``section``.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import pandas as pd
from scipy import stats

from analysis.errors import AnalysisError
from analysis.metrics.score import METRICS
from analysis.report import figures
from analysis.report.conclusion import conclusion
from analysis.report.layout import Layout, layout_of, paired, warnings_of
from analysis.report.wording import count
from analysis.statistics.description import summaries
from analysis.statistics.listeners import screening, verdicts
from analysis.statistics.these_items import rank_tests
from analysis.study import of_manifest
from stimuli.experiment import Attribute, Experiment
from stimuli.manifest import Manifest

METRIC, METRIC_LABEL = "si_sdr_db", "SI-SDR in dB"
FEWEST_FOR_INTERVAL = 6
"""Listeners from which a distribution-free 95 % interval of the median difference exists."""
Rows = list[dict[str, Any]]


@dataclass(frozen=True)
class Section:
    """One attribute: what was asked, and what the listeners said.

    ``listeners`` rated, and the results are of the ``kept``: those whom screening left, or all where it left none.
    ``incomplete`` says how pages were laid out that held some of the systems each, by design.
    """

    attribute: str
    question: str
    listeners: int
    kept: int
    conclusion: tuple[str, ...]
    conditions: Rows
    contrasts: Rows
    incomplete: Layout | None
    friedman: dict[str, float] | None
    cells: Rows
    screening: Rows
    excluded: tuple[str, ...]
    excepted_items: tuple[str, ...]
    sensitivity: Rows
    agreement: Rows
    spearman: dict[str, float]
    problems: tuple[str, ...]
    figures: dict[str, str] = field(repr=False)


def section(attribute: Attribute, frame: pd.DataFrame, manifest: Manifest, metrics: pd.DataFrame) -> Section:
    """Screen, describe, test and draw one attribute.

    Parameters
    ----------
    attribute : the attribute that was asked.
    frame : its rated rows (see ``analysis.reading``), one at least.
    metrics : what ``analysis.metrics.score`` found for the set.
    """
    plan, roles = manifest.experiment.analysis, _roles(manifest)
    problems: list[str] = []
    study = of_manifest(manifest)
    looked_at = {"reference": study.reference, "mid_anchor": study.mid_anchor_of(attribute.name)}
    screened = screening.screen(frame, plan.exclude, **looked_at)
    kept = _kept(frame, screened, problems)
    problems += _warnings(
        frame,
        kept,
        screened,
        {
            rule: needed
            for rule, needed in zip(screening.RULES, looked_at.values(), strict=True)
            if rule in plan.exclude
        },
    )
    means, before = summaries.listener_means(kept), summaries.listener_means(frame)
    layout = layout_of(frame, manifest.experiment)
    problems += warnings_of(kept, layout)
    of_pair, before_of_pair = paired(kept, layout), paired(frame, layout)
    contrasts = _contrasts(of_pair, set(means.columns), manifest.experiment, problems)
    summary = _ordered(summaries.per_condition(kept), roles)
    per_item = summaries.per_cell(kept)
    beside = per_item.merge(metrics[["item", "condition", *METRICS]], on=["item", "condition"], how="inner")
    beside = beside.dropna(subset=list(METRICS))  # mean rating and mean metric are over the same items
    listeners = int(kept["listener"].nunique())
    who = count(listeners, "listener") + (" (simulated)" if kept["simulated"].any() else "")
    return Section(
        attribute=attribute.name,
        question=attribute.question,
        listeners=int(frame["listener"].nunique()),
        kept=listeners,
        conclusion=conclusion(contrasts, manifest.experiment, who),
        conditions=[row | {"role": roles[row["condition"]]} for row in rows(summary)],
        contrasts=_before_and_after(contrasts, before_of_pair),
        incomplete=layout,
        friedman=None if layout else _tried(problems, lambda: rank_tests.friedman(means)),
        cells=rows(per_item),
        screening=rows(screened),
        excluded=tuple(screening.excluded(screened)),
        excepted_items=tuple(
            screening.excepted_items(frame, looked_at["mid_anchor"]) if screening.RULES[1] in plan.exclude else ()
        ),
        sensitivity=_sensitivity(before, means, list(summary["condition"])),
        agreement=_agreement(beside),
        spearman=_spearman(beside),
        problems=tuple(problems),
        figures=_drawn(attribute, roles, means=means, summary=summary, per_item=per_item)
        | ({"contrasts": figures.contrasts(contrasts)} if len(contrasts) else {})
        | ({"agreement": figures.agreement(beside, METRIC, METRIC_LABEL, roles)} if len(beside) else {}),
    )


def rows(frame: pd.DataFrame) -> Rows:
    """Plain Python rows; a missing number is None."""
    return [
        {str(name): None if pd.isna(value) else value for name, value in row.items()}
        for row in frame.astype(object).to_dict("records")
    ]


def _kept(frame: pd.DataFrame, screened: pd.DataFrame, problems: list[str]) -> pd.DataFrame:
    kept = frame[~frame["listener"].isin(screening.excluded(screened))]
    if len(kept):
        return kept
    problems.append("Every listener was excluded by the screening; all results are those before screening.")
    return frame


def _warnings(
    frame: pd.DataFrame, kept: pd.DataFrame, screened: pd.DataFrame, needs: dict[str, str | None]
) -> list[str]:
    """What a reader must know of these ratings before the results."""
    found = []
    if verdicts.one_slip_excludes(screened).any():
        found.append("There are so few trials that a single slip excludes a listener; read the screening with care.")
    found += [
        f"The screening rule {rule} could not be applied: no {needed} was rated."
        for rule, needed in needs.items()
        if needed not in set(frame["condition"])
    ]
    if (number := kept["listener"].nunique()) < FEWEST_FOR_INTERVAL:
        left = f"Only {count(number, 'listener')} {'is' if number == 1 else 'are'}"
        found.append(
            f"{left} left: a 95 % interval of a median difference needs {FEWEST_FOR_INTERVAL}; with fewer it runs "
            "from the smallest to the largest value, and covers less."
        )
    if kept["rating"].nunique() == 1:
        found.append(f"All ratings are equal ({kept['rating'].iloc[0]:g}): nothing tells the conditions apart.")
    return found


def _contrasts(
    of_pair: rank_tests.Paired, heard: set[str], experiment: Experiment, problems: list[str]
) -> pd.DataFrame:
    """The planned contrasts that these ratings allow; Holm's correction is over those."""
    possible = []
    for first, second in [(a.condition, b.condition) for a, b in experiment.planned_contrasts]:
        if missing := [name for name in (first, second) if name not in heard]:
            problems.append(f"The planned contrast {first} − {second} can't be made: {missing[0]} was not heard.")
        elif len(of_pair(first, second).dropna()) < 2:
            problems.append(
                f"The planned contrast {first} − {second} can't be made: fewer than two listeners rated both."
            )
        else:
            possible.append((first, second))
    return rank_tests.compare(of_pair, possible)


def _before_and_after(contrasts: pd.DataFrame, before: rank_tests.Paired) -> Rows:
    """The contrasts, each with Holm's p as it would be without screening."""
    if contrasts.empty:
        return []
    pairs = list(zip(contrasts["first"], contrasts["second"], strict=True))
    unscreened = rank_tests.compare(before, pairs)
    return rows(contrasts.assign(p_holm_unscreened=unscreened["p_holm"].to_numpy(float)))


def _tried(problems: list[str], compute: Callable[[], dict[str, float]]) -> dict[str, float] | None:
    """What can be computed; where it can't, the reason joins the problems."""
    try:
        return compute()
    except AnalysisError as error:
        problems.append(f"{error}.")
        return None


def _roles(manifest: Manifest) -> dict[str, str]:
    return {clip.condition: clip.role for clip in manifest.clips if clip.role not in ("reference", "mixture")}


def _ordered(summary: pd.DataFrame, roles: dict[str, str]) -> pd.DataFrame:
    """Hidden reference first, then systems and then anchors, each by falling median."""
    rank = {"hidden_reference": 0, "system": 1, "anchor": 2}
    keys = [(rank[roles[c]], -m, c) for c, m in zip(summary["condition"], summary["median"], strict=True)]
    return summary.iloc[sorted(range(len(keys)), key=keys.__getitem__)].reset_index(drop=True)


def _sensitivity(before: pd.DataFrame, after: pd.DataFrame, order: list[str]) -> Rows:
    """Mean of each condition with all listeners, and after screening."""
    return [{"condition": c, "before": float(before[c].mean()), "after": float(after[c].mean())} for c in order]


def _agreement(beside: pd.DataFrame) -> Rows:
    """Mean rating and mean metrics of each condition, and over how many items."""
    grouped = beside.groupby("condition", sort=True)
    means = grouped[["mean", *METRICS]].mean()
    return rows(means.assign(items=grouped["item"].nunique()).reset_index())


def _spearman(beside: pd.DataFrame) -> dict[str, float]:
    """Rank correlation of mean rating and each metric over conditions; ``conditions`` says how many."""
    means = beside.groupby("condition")[["mean", *METRICS]].mean()
    if len(means) < 3 or (means.nunique() == 1).any():
        return {}
    found = {name: float(stats.spearmanr(means["mean"], means[name])[0]) for name in METRICS}  # type: ignore[arg-type]
    return found | {"conditions": len(means)}


def _drawn(
    attribute: Attribute,
    roles: dict[str, str],
    *,
    means: pd.DataFrame,
    summary: pd.DataFrame,
    per_item: pd.DataFrame,
) -> dict[str, str]:
    """The figures that any ratings allow."""
    order = list(summary["condition"])
    return {
        "conditions": figures.conditions(means, summary, roles, attribute.labels),
        "cells": figures.cells(per_item, order, roles, attribute.labels),
    }
