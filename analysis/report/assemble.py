"""Put a report together as data: everything that the page and the JSON show, and nothing that they compute.

Defines: ``Report``, ``assemble``.
"""

from __future__ import annotations

import importlib.metadata
import platform
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from analysis.metrics.score import score
from analysis.reading import export as reading
from analysis.reading.ratings import Ratings
from analysis.report import methods
from analysis.report.section import Rows, Section, rows, section
from mushra_app.conduct import called, check_run
from stimuli import manifest as sets
from stimuli.manifest import Manifest, file_sha256

SCHEMA = 1
CAUTIONS = ("excerpts-by-outputs", "fixed-gain")
"""Rules whose breach colours every number of the report, so that it is said beside the conclusion."""
PACKAGES = ("hidden-reference", "numpy", "pandas", "scipy", "matplotlib")


@dataclass(frozen=True)
class Report:
    """A whole report. ``listeners`` counts those who finished; ``counts`` are of rows, and of missing cells.

    ``cautions`` limit every conclusion: how items were chosen, and gains that were not the same for all.
    """

    schema_number: int
    title: str
    method: str
    simulated: bool
    simulated_listeners: int
    study: str
    study_id: str
    stimuli_id: str
    listeners: int
    counts: dict[str, int]
    sections: tuple[Section, ...]
    metrics: Rows
    methods: str
    plan: dict[str, Any]
    deviations: tuple[str, ...]
    left_out: Rows
    cautions: tuple[str, ...]
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
    sections = tuple(
        section(attribute, own, manifest, metrics)
        for attribute in manifest.experiment.attributes
        if len(own := found.frame[found.frame["attribute"] == attribute.name])
    )
    rules = (*manifest.rules, *check_run(found.run or ()))
    name = called(rules)
    return Report(
        schema_number=SCHEMA,
        title=manifest.experiment.experiment.title,
        method=name,
        simulated=found.simulated,
        simulated_listeners=found.simulated_listeners,
        study=found.study.name,
        study_id=manifest.study_id,
        stimuli_id=manifest.stimuli_id,
        listeners=int(found.frame["listener"].nunique()),
        counts=_counts(found),
        sections=sections,
        metrics=rows(metrics),
        methods=methods.paragraph(manifest, found, sections, name),
        plan=manifest.experiment.analysis.model_dump(mode="json"),
        deviations=_deviations(manifest, found, sections),
        left_out=[entry.model_dump() for entry in manifest.left_out],
        cautions=tuple(f"{rule.message} ({rule.rule})." for rule in rules if not rule.passed and rule.rule in CAUTIONS),
        rules_not_met=[rule.model_dump() | {"authority": rule.authority} for rule in rules if not rule.passed],
        versions={"python": platform.python_version(), **{n: importlib.metadata.version(n) for n in PACKAGES}},
        hashes={"ratings": file_sha256(ratings_path), "manifest": file_sha256(folder / sets.FILE_NAME)},
    )


def _counts(found: Ratings) -> dict[str, int]:
    return {
        "rows": found.rows,
        "training": found.training,
        "attention_checks": found.attention_checks,
        "unfinished": found.unfinished,
        "missing": found.missing,
        "not_shown": found.not_shown,
        "analysed": len(found.frame),
    }


def _deviations(manifest: Manifest, found: Ratings, sections: tuple[Section, ...]) -> tuple[str, ...]:
    """Where what was done is not what the plan says."""
    plan, listeners = manifest.experiment.analysis, found.frame["listener"].nunique()
    deviations = []
    if listeners != plan.listeners:
        deviations.append(f"{plan.listeners} listeners were planned, {listeners} finished.")
    if plan.inference == "items in general":
        deviations.append("The plan asks for items in general; only exactly these items were tested.")
    deviations += [f"The system {entry.system} was left out: {entry.reason}" for entry in manifest.left_out]
    heard = {one.attribute for one in sections}
    deviations += [
        f"The attribute {attribute.name} has no ratings."
        for attribute in manifest.experiment.attributes
        if attribute.name not in heard
    ]
    wanted = len(manifest.experiment.planned_contrasts)
    deviations += [
        f"{one.attribute}: {len(one.contrasts)} of {wanted} planned contrasts could be tested."
        for one in sections
        if len(one.contrasts) < wanted
    ]
    return tuple(deviations)
