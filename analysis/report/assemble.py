"""Put a report together as data: everything that the page and the JSON show, and nothing that they compute.

Defines: ``Report``, ``Section``, ``assemble``.
"""

from __future__ import annotations

import importlib.metadata
import platform
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pandas as pd
from scipy import stats

from analysis import ratings as reading
from analysis.errors import AnalysisError
from analysis.metrics.score import score
from analysis.report import figures, methods
from analysis.statistics import describe, nonparametric, screening
from stimuli import manifest as sets
from stimuli.experiment import Attribute
from stimuli.manifest import Manifest, file_sha256

SCHEMA = 1
PACKAGES = ("hidden-reference", "numpy", "pandas", "scipy", "matplotlib")
METRIC, METRIC_LABEL = "si_sdr_db", "SI-SDR in dB"
Rows = list[dict[str, Any]]


@dataclass(frozen=True)
class Section:
    """One attribute: what was asked, and what the listeners said."""

    attribute: str
    question: str
    conclusion: tuple[str, ...]
    conditions: Rows
    contrasts: Rows
    friedman: dict[str, float] | None
    cells: Rows
    screening: Rows
    excluded: tuple[str, ...]
    sensitivity: Rows
    agreement: Rows
    spearman: dict[str, float] | None
    problems: tuple[str, ...]
    figures: dict[str, str] = field(repr=False)


@dataclass(frozen=True)
class Report:
    """A whole report."""

    schema_number: int
    title: str
    method: str
    simulated: bool
    study: str
    study_id: str
    stimuli_id: str
    listeners: int
    counts: dict[str, int]
    sections: tuple[Section, ...]
    metrics: Rows
    methods: str
    plan: dict[str, Any]
    left_out: Rows
    rules_not_met: Rows
    versions: dict[str, str]
    hashes: dict[str, str]


def assemble(ratings_path: Path, folder: Path) -> Report:
    """Read ratings and the set they belong to, analyse, and gather.

    Raises
    ------
    AnalysisError, RatingsError, ManifestError
        Where the ratings or the set can't be read, or do not belong together.
    """
    manifest = sets.read(folder)
    found = reading.load(ratings_path, manifest)
    metrics = score(folder, manifest)
    experiment = manifest.experiment
    sections = tuple(
        _section(attribute, found.frame[found.frame["attribute"] == attribute.name], manifest, metrics)
        for attribute in experiment.attributes
        if (found.frame["attribute"] == attribute.name).any()
    )
    broken = [rule.model_dump() for rule in manifest.rules if not rule.passed]
    name = "multi-stimulus test" if any(rule["severity"] == "must" for rule in broken) else "MUSHRA test"
    return Report(
        schema_number=SCHEMA,
        title=experiment.experiment.title,
        method=name,
        simulated=found.simulated,
        study=found.study,
        study_id=manifest.study_id,
        stimuli_id=manifest.stimuli_id,
        listeners=int(found.frame["listener"].nunique()),
        counts={
            "rows": found.rows,
            "training": found.training,
            "unfinished": found.unfinished,
            "missing": found.missing,
            "analysed": len(found.frame),
        },
        sections=sections,
        metrics=_rows(metrics),
        methods=methods.paragraph(manifest, found, sections, name),
        plan=experiment.analysis.model_dump(mode="json"),
        left_out=[entry.model_dump() for entry in manifest.left_out],
        rules_not_met=broken,
        versions={"python": platform.python_version(), **{n: importlib.metadata.version(n) for n in PACKAGES}},
        hashes={"ratings": file_sha256(ratings_path), "manifest": file_sha256(folder / sets.FILE_NAME)},
    )


def _section(attribute: Attribute, frame: pd.DataFrame, manifest: Manifest, metrics: pd.DataFrame) -> Section:
    plan, roles = manifest.experiment.analysis, _roles(manifest)
    screened = screening.screen(frame, plan.exclude)
    out = screening.excluded(screened)
    kept = frame[~frame["listener"].isin(out)]
    problems = []
    if kept.empty:
        problems.append("Every listener was excluded by the screening; the results below are those before screening.")
        kept = frame
    if screened["one_slip_excludes"].any():
        problems.append("There are so few trials that a single slip excludes a listener; read the screening with care.")
    summary = _ordered(describe.per_condition(kept), roles)
    means = describe.listener_means(kept)
    per_item = describe.per_cell(kept)
    pairs = [pair for pair in manifest.experiment.planned_contrasts if set(pair) <= set(means.columns)]
    problems += [
        f"The planned contrast {first} − {second} can't be made: one of them was not heard."
        for first, second in manifest.experiment.planned_contrasts
        if not {first, second} <= set(means.columns)
    ]
    contrasts = _tried(problems, lambda: nonparametric.compare(means, pairs)) if pairs else None
    friedman = _tried(problems, lambda: nonparametric.friedman(means))
    beside = per_item.merge(metrics[["item", "condition", METRIC]], on=["item", "condition"], how="inner")
    order = list(summary["condition"])
    drawn = {"conditions": figures.conditions(means, summary, roles, attribute.labels)}
    if contrasts is not None:
        drawn["contrasts"] = figures.contrasts(contrasts)
    drawn["cells"] = figures.cells(per_item, order, roles, attribute.labels)
    drawn["agreement"] = figures.agreement(beside, METRIC, METRIC_LABEL, roles)
    return Section(
        attribute=attribute.name,
        question=attribute.question,
        conclusion=methods.conclusion(contrasts, manifest.experiment, kept["listener"].nunique()),
        conditions=[row | {"role": roles[row["condition"]]} for row in _rows(summary)],
        contrasts=_rows(contrasts) if contrasts is not None else [],
        friedman=friedman,
        cells=_rows(per_item),
        screening=_rows(screened),
        excluded=tuple(out),
        sensitivity=_sensitivity(frame, kept, order),
        agreement=_agreement(beside),
        spearman=_spearman(beside),
        problems=tuple(problems),
        figures=drawn,
    )


def _tried(problems: list[str], compute: Any) -> Any:
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
    both = {"before": describe.listener_means(before).mean(), "after": describe.listener_means(after).mean()}
    return [{"condition": name, **{when: float(means[name]) for when, means in both.items()}} for name in order]


def _agreement(beside: pd.DataFrame) -> Rows:
    """Per condition: mean rating and mean metric over the items."""
    return _rows(beside.groupby("condition", as_index=False, sort=True)[["mean", METRIC]].mean())


def _spearman(beside: pd.DataFrame) -> dict[str, float] | None:
    means = beside.groupby("condition")[["mean", METRIC]].mean().dropna()
    if len(means) < 3:
        return None
    rho = float(stats.spearmanr(means["mean"], means[METRIC]).statistic)  # type: ignore[attr-defined]
    return {"rho": rho, "conditions": len(means)}


def _rows(frame: pd.DataFrame) -> Rows:
    """Plain Python rows; a missing number is None."""
    return [
        {str(name): None if pd.isna(value) else value for name, value in row.items()}
        for row in frame.astype(object).to_dict("records")
    ]
