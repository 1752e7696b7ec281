"""Put a report together as data: everything that the page and the JSON show, and nothing that they compute.

Defines: ``Report``, ``Source``, ``assemble``.
"""

from __future__ import annotations

import hashlib
import importlib.metadata
import importlib.resources
import platform
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from analysis.errors import AnalysisError
from analysis.reading import export, mapping, numbers, table
from analysis.reading.census import census
from analysis.reading.numbers import Numbers
from analysis.reading.ratings import Ratings
from analysis.report.parts.measured import Metrics, measured
from analysis.report.parts.section import Section, section
from analysis.report.parts.tried import SEED
from analysis.report.words import methods
from analysis.report.words.deviations import Changes, changed, deviations, real, status_of
from analysis.report.words.required import Requirement, required
from analysis.study import Study
from mushra_app.conduct import MULTI_STIMULUS, called, check_run
from mushra_app.ratings import read_peeks
from stimuli import manifest as sets
from stimuli.experiment import identity
from stimuli.manifest import Manifest, file_sha256

SCHEMA = 3
CAUTIONS = ("excerpts-by-outputs", "fixed-gain")
"""Rules whose breach colours every number of the report, so that it is said beside the conclusion."""
PACKAGES = ("hidden-reference", "numpy", "pandas", "scipy", "matplotlib")


@dataclass(frozen=True)
class Report:
    """A whole report. ``listeners`` counts those whose ratings are analysed, ``finished`` those of them who finished
    all their sessions; ``counts`` are of rows, and of missing cells.

    ``cautions`` limit every conclusion: how items were chosen, and gains that were not the same for all. ``plan`` is
    what was carried out; ``deviations`` say where that is not what was planned.
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
    finished: int
    counts: dict[str, int]
    census: tuple[str, ...]
    sections: tuple[Section, ...]
    metrics: Metrics | None
    methods: str
    primary: str
    plan: dict[str, Any]
    deviations: tuple[str, ...]
    left_out: tuple[dict[str, str], ...]
    cautions: tuple[str, ...]
    rules_not_met: tuple[dict[str, Any], ...]
    required: tuple[Requirement, ...]
    seed: int
    versions: dict[str, str]
    hashes: dict[str, str]


@dataclass(frozen=True)
class Source:
    """Where ratings come from: an export or the app's database with the set that was heard; or a mapped table.

    ``metrics``: a file of objective metrics, instead of the set's own. ``peek`` and ``by``: why, and who, where
    the study in the database still runs; ``peeks``: the file of such looks that came with an export.
    """

    ratings: Path | None
    folder: Path | None = None
    mapping: Path | None = None
    data: Path | None = None
    study: str | None = None
    metrics: Path | None = None
    version: int | None = None
    peek: str = ""
    by: str = "the command line"
    peeks: Path | None = None

    def read(self) -> tuple[Ratings, Manifest | None]:
        """The ratings, and the manifest of the set that was heard; None for another tool's.

        Raises
        ------
        AnalysisError
            Where it is not said what to read, or what was read can't be analysed.
        """
        if (self.ratings is None) == (self.data is None):
            raise AnalysisError("name either a file of ratings, or the app's data folder with --data")
        if self.mapping is not None:
            if self.ratings is None or self.folder is not None:
                raise AnalysisError("--mapping is for a file of ratings of another tool, without --stimuli and --data")
            return table.read_table(self.ratings, mapping.load(self.mapping)), None
        if self.folder is None:
            raise AnalysisError(
                "name the stimulus set that was heard with --stimuli, or, for another tool's ratings, say how to read "
                "them with --mapping"
            )
        manifest = sets.read(self.folder)
        if self.data is not None:
            place = export.Place(self.data, self.study, self.version, self.peek, self.by)
            return export.load(place, manifest), manifest
        assert self.ratings is not None
        looks = read_peeks(self.peeks) if self.peeks else ()
        return export.load(self.ratings, manifest, looks), manifest

    def numbers(self, found: Ratings, manifest: Manifest | None) -> Numbers | None:
        """Objective metrics of the sounds that were rated; None for another tool's where no file of them is named."""
        if self.metrics is not None:
            items = [item.name for item in manifest.items] if manifest else sorted(found.frame["item"].unique())
            return numbers.of_file(self.metrics, found.study.stimuli_id, items, list(found.study.roles))
        return numbers.of_set(self.folder, manifest) if manifest and self.folder else None

    def hashes(self, exported: str, metrics: Path | None) -> dict[str, str]:
        """SHA-256 of the files that a report was made from.

        Ratings out of a database have that of their export, ``exported``; ``metrics`` is the file that metrics were
        read from.
        """
        files = {"ratings": self.ratings, "mapping": self.mapping, "metrics": metrics}
        if self.folder is not None:
            files["manifest"] = self.folder / sets.FILE_NAME
        known = {"ratings": exported} if exported else {}
        return known | {name: file_sha256(path) for name, path in files.items() if path is not None}


def assemble(source: Source, changes: Changes | None = None, *, tell: Callable[[str], object] = str) -> Report:
    """Read ratings and the set they belong to, analyse, and gather.

    Parameters
    ----------
    changes : what is asked for instead of what the plan says.
    tell : is told the name of each part before its work begins.

    Raises
    ------
    AnalysisError, RatingsError, ManifestError
        Where the ratings or the set can't be read, or do not belong together.
    """
    changes = changes or Changes()
    tell("reading")
    found, manifest = source.read()
    changes = real(found.study, changes)
    study = changed(found.study, changes)
    tell("metrics")
    beside = source.numbers(found, manifest)
    status = partial(status_of, found.study, changes=changes, fixed=manifest is not None, running=found.running)
    sections = tuple(
        section(asked, found, study, numbers=beside, status=status(asked.name), tell=_of(asked.name, tell))
        for asked in study.attributes
        if (found.frame["attribute"] == asked.name).any()
    )
    rules = (*(manifest.rules if manifest else ()), *(check_run(found.run) if found.run else ()))
    name = called(rules) if manifest and found.run else MULTI_STIMULUS
    return Report(
        schema_number=SCHEMA,
        title=study.title,
        method=name,
        simulated=found.simulated,
        simulated_listeners=found.simulated_listeners,
        study=study.name,
        study_id=study.study_id,
        stimuli_id=study.stimuli_id,
        listeners=found.listeners,
        finished=found.finished,
        counts=_counts(found),
        census=(*census(found.frame, study).sentences, *found.notes),
        sections=sections,
        metrics=measured(beside) if beside else None,
        methods=methods.paragraph(found, study, sections, manifest=manifest, name=name, numbers=beside),
        primary=study.primary,
        plan=study.plan.model_dump(mode="json") | _filled(study),
        deviations=_deviations(found, changes, sections, study=study, manifest=manifest),
        left_out=tuple(entry.model_dump() for entry in manifest.left_out) if manifest else (),
        cautions=tuple(f"{rule.message} ({rule.rule})." for rule in rules if not rule.passed and rule.rule in CAUTIONS),
        rules_not_met=tuple(rule.model_dump() | {"authority": rule.authority} for rule in rules if not rule.passed),
        required=required(manifest, found.run),
        seed=SEED,
        versions={"python": platform.python_version(), **{n: importlib.metadata.version(n) for n in PACKAGES}},
        hashes=source.hashes(found.sha256, beside.file if beside else None)
        | _plan_sha256(manifest)
        | {"the analysis code": _code_sha256()},
    )


def _of(attribute: str, tell: Callable[[str], object]) -> Callable[[str], object]:
    """Is told the parts of one attribute's work, and tells whose they are."""
    return lambda part: tell(f"{attribute}: {part}")


def _filled(study: Study) -> dict[str, Any]:
    """Keys of the plan that a file may leave out, so that every report has them."""
    plan = study.plan
    return {"primary": study.primary, "equivalence_margin": plan.equivalence_margin, "precision": plan.precision}


def _deviations(
    found: Ratings, changes: Changes, sections: Sequence[Section], *, study: Study, manifest: Manifest | None
) -> tuple[str, ...]:
    """Where what was done is not what was planned; ``study`` has the plan as it was carried out."""
    return deviations(
        found.study,
        changes,
        listeners=found.finished,
        partly=found.listeners - found.finished,
        widest=_widest(sections, study),
        untested=_untested(study, manifest, sections),
        peeks=found.peeks,
    )


def _counts(found: Ratings) -> dict[str, int]:
    names = ("rows", "training", "attention_checks", "unfinished", "missing", "not_shown")
    return {name: getattr(found, name) for name in names} | {"analysed": len(found.frame)}


def _widest(sections: Sequence[Section], study: Study) -> float | None:
    """The longest reach of an interval of the primary attribute's planned contrasts, for the planned inference."""
    own = next((one for one in sections if one.attribute == study.primary), None)
    if own is None:
        return None
    general = own.general.contrasts if own.general else ()
    rows = general if study.plan.inference == "items in general" else own.these.contrasts
    return max((max(row.high - row.difference, row.difference - row.low) for row in rows), default=None)


def _untested(study: Study, manifest: Manifest | None, sections: Sequence[Section]) -> list[str]:
    """What was planned and is not in these ratings."""
    found = (
        [f"The system {entry.system} was left out: {entry.reason}" for entry in manifest.left_out] if manifest else []
    )
    heard = {one.attribute for one in sections}
    found += [f"The attribute {asked.name} has no ratings." for asked in study.attributes if asked.name not in heard]
    wanted = len(study.contrasts)
    for one in sections:
        if len(one.excluded) == one.listeners:
            found.append(f"{one.attribute}: the planned rules exclude every listener; the results are of all of them.")
        tested = {
            "items in general": len(one.general.contrasts) if one.general else 0,
            "these items": len(one.these.contrasts),
        }[study.plan.inference]
        if tested < wanted:
            found.append(f"{one.attribute}: {tested} of {wanted} planned contrasts could be tested.")
    return found


def _plan_sha256(manifest: Manifest | None) -> dict[str, str]:
    """The hash that a preregistration has."""
    return {} if manifest is None else {"plan and design": identity(manifest.experiment.model_dump(mode="json"))}


def _code_sha256() -> str:
    """SHA-256 over all modules and templates of this room, by name: what a report was made by."""
    root = importlib.resources.files("analysis")
    digest = hashlib.sha256()
    with importlib.resources.as_file(root) as folder:
        for path in sorted(folder.rglob("*")):
            if path.suffix in (".py", ".html", ".css"):
                digest.update(f"{path.relative_to(folder).as_posix()}\0".encode() + path.read_bytes() + b"\0")
    return digest.hexdigest()
