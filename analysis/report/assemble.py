"""Put a report together as data: everything that the page and the JSON show, and nothing that they compute.

Defines: ``Report``, ``assemble``.
"""

from __future__ import annotations

import importlib.metadata
import platform
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from analysis import ratings as reading
from analysis.metrics.score import score
from analysis.ratings import Ratings
from analysis.report import methods
from analysis.report.section import Rows, Section, rows, section
from stimuli import manifest as sets
from stimuli.manifest import Manifest, file_sha256

SCHEMA = 1
PACKAGES = ("hidden-reference", "numpy", "pandas", "scipy", "matplotlib")


@dataclass(frozen=True)
class Report:
    """A whole report. ``listeners`` counts those who finished; ``counts`` are of rows, and of missing cells."""

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
    broken = [rule.model_dump() for rule in manifest.rules if not rule.passed]
    name = _name(broken, found)
    return Report(
        schema_number=SCHEMA,
        title=manifest.experiment.experiment.title,
        method=name,
        simulated=found.simulated,
        simulated_listeners=found.simulated_listeners,
        study=found.study,
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
        rules_not_met=broken,
        versions={"python": platform.python_version(), **{n: importlib.metadata.version(n) for n in PACKAGES}},
        hashes={"ratings": file_sha256(ratings_path), "manifest": file_sha256(folder / sets.FILE_NAME)},
    )


def _counts(found: Ratings) -> dict[str, int]:
    return {
        "rows": found.rows,
        "training": found.training,
        "unfinished": found.unfinished,
        "missing": found.missing,
        "analysed": len(found.frame),
    }


def _name(broken: Rows, found: Ratings) -> str:
    """What the test may be called: MUSHRA only with every "must" met and the standard's way of switching."""
    musts = any(rule["severity"] == "must" for rule in broken)
    return "multi-stimulus test" if musts or set(found.frame["fade_mode"]) != {methods.BS1534} else "MUSHRA test"


def _deviations(manifest: Manifest, found: Ratings, sections: tuple[Section, ...]) -> tuple[str, ...]:
    """Where what was done is not what the plan, or the standard on listening, says."""
    plan, listeners = manifest.experiment.analysis, found.frame["listener"].nunique()
    deviations = []
    if listeners != plan.listeners:
        deviations.append(f"{plan.listeners} listeners were planned, {listeners} finished.")
    if plan.inference == "items in general":
        deviations.append("The plan asks for items in general; only exactly these items were tested.")
    deviations += [f"The system {entry.system} was left out: {entry.reason}" for entry in manifest.left_out]
    if strange := int((found.frame["fade_mode"] != methods.BS1534).sum()):
        deviations.append(
            f"{strange} of {len(found.frame)} ratings were not given with the switching of BS.1534-3, clause 5.3 "
            "(5 ms out, then 5 ms in), or it was not recorded: the test is not called MUSHRA."
        )
    if len(kinds := sorted(set(found.frame["transducer"]))) > 1:
        used = ", ".join(kind or "not recorded" for kind in kinds)
        deviations.append(f"Listeners did not all use one type of transducer (BS.1534-3, clause 8): {used}.")
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
