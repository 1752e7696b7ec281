"""The experiment description: what a person writes in ``experiment.toml``.  CONTRACT

Task: read the file once, report every mistake at once with its place, and hand out frozen models that
the rest of the house trusts without checking again.

Conventions: times in seconds (``_s``), frequencies in Hz, loudness in LUFS, levels in dB, true peak in
dBTP. Paths in the file are relative to the file's own folder. A *condition* is anything rated: the hidden
reference, an anchor or a system; condition names are unique and ``reference`` is reserved.

Defines: ``Experiment``, whose parts are described in ``stimuli.description`` and can be had from here, ``load``,
``parse``, ``identity``, ``study_id``. It imports pydantic and the standard library only, so that every room can
afford it.
"""

from __future__ import annotations

import hashlib
import json
import tomllib
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field, StringConstraints, ValidationError

from stimuli.description.classical import (
    CentreCancellationSystem,
    PanningMaskSystem,
    RepetSimLibrosaSystem,
    RepetSimSystem,
    RepetSystem,
)
from stimuli.description.conditions import (
    AnyAnchor,
    AnySystem,
    FilesSystem,
    LowpassAnchor,
    MixtureAnchor,
)
from stimuli.description.ensembles import MinimumMagnitudeSystem, SpleeterSystem
from stimuli.description.low_rank import (
    LrrSystem,
    MlrrSystem,
    NmfSystem,
    RpcaF0System,
    RpcaSystem,
    SparseVoiceSystem,
)
from stimuli.description.mistakes import sentences
from stimuli.description.model import Line, Lines, Model, Name, Slug, StemName
from stimuli.description.oracles import (
    AnyOracle,
    Damage,
    OracleBinaryMaskSystem,
    OracleComplexMaskSystem,
    OracleRatioMaskSystem,
    OracleSystem,
)
from stimuli.description.outside import CommandSystem, OnnxSystem, PluginSystem, TorchCheckpointSystem
from stimuli.description.plan import FACTORS, AnalysisPlan, Contrast, ExclusionRule, Side, contrast
from stimuli.description.pretrained import DemucsSystem, OpenUnmixSystem
from stimuli.description.session import Attribute, Completion, Question, Setup, Test
from stimuli.description.singers import MedleyVoxSystem
from stimuli.description.sounds import Excerpt, Item, Loudness, Songs
from stimuli.description.speech import DeepFilterNetSystem, RnnoiseSystem
from stimuli.description.system import FilteredSystem
from stimuli.errors import ExperimentError, shown

__all__ = [
    "FACTORS",
    "REFERENCE",
    "AnalysisPlan",
    "AnyAnchor",
    "AnyOracle",
    "AnySystem",
    "Attribute",
    "CentreCancellationSystem",
    "CommandSystem",
    "Completion",
    "Contrast",
    "Damage",
    "DeepFilterNetSystem",
    "DemucsSystem",
    "Excerpt",
    "ExclusionRule",
    "Experiment",
    "FilesSystem",
    "FilteredSystem",
    "Header",
    "Item",
    "Loudness",
    "LowpassAnchor",
    "LrrSystem",
    "MedleyVoxSystem",
    "MinimumMagnitudeSystem",
    "MixtureAnchor",
    "MlrrSystem",
    "NmfSystem",
    "OnnxSystem",
    "OpenUnmixSystem",
    "OracleBinaryMaskSystem",
    "OracleComplexMaskSystem",
    "OracleRatioMaskSystem",
    "OracleSystem",
    "PanningMaskSystem",
    "PluginSystem",
    "Question",
    "RepetSimLibrosaSystem",
    "RepetSimSystem",
    "RepetSystem",
    "RnnoiseSystem",
    "RpcaF0System",
    "RpcaSystem",
    "Setup",
    "Side",
    "Slug",
    "Songs",
    "SparseVoiceSystem",
    "SpleeterSystem",
    "Test",
    "TorchCheckpointSystem",
    "contrast",
    "identity",
    "load",
    "parse",
    "study_id",
]

Language = Annotated[str, StringConstraints(pattern=r"^[a-z]{2,3}$")]

REFERENCE = "reference"
"""Condition name of the hidden reference."""


class Header(Model):
    """What the test is called and what is asked of the systems."""

    name: Slug
    title: Name
    method: Literal["mushra"] = "mushra"
    target: StemName = "accompaniment"
    contact: Line = ""


class Experiment(Model):
    """A whole experiment file."""

    experiment: Header
    attributes: tuple[Attribute, ...] = Field(min_length=1)
    songs: Songs = Songs()
    items: tuple[Item, ...] = Field(min_length=1)
    systems: tuple[AnySystem, ...] = Field(min_length=1)
    anchors: tuple[AnyAnchor, ...] = ()
    loudness: Loudness = Loudness()
    test: Test = Test()
    setup: Setup = Setup()
    completion: Completion = Completion()
    questions: tuple[Question, ...] = ()
    analysis: AnalysisPlan = AnalysisPlan()
    translations: dict[Language, dict[str, Lines]] = Field(default_factory=dict)
    """For every language, texts of this file as listeners with that language read them."""

    @property
    def conditions(self) -> tuple[str, ...]:
        """Names of everything rated, the hidden reference first."""
        return (REFERENCE, *(a.name for a in self.anchors), *(s.name for s in self.systems))

    @property
    def planned_contrasts(self) -> tuple[Contrast, ...]:
        """The planned contrasts; every pair of systems where the file names none."""
        names = [s.name for s in self.systems]
        if not self.analysis.contrasts:
            return tuple(Contrast(Side(a), Side(b)) for i, a in enumerate(names) for b in names[i + 1 :])
        return tuple(contrast(text) for text in self.analysis.contrasts)

    @property
    def primary_attribute(self) -> str:
        """Name of the attribute that the conclusion rests on."""
        return self.analysis.primary or self.attributes[0].name

    def anchors_of(self, attribute: str) -> frozenset[str]:
        """Names of the anchors that are heard for an attribute."""
        chosen = next(one.anchors for one in self.attributes if one.name == attribute)
        return frozenset(anchor.name for anchor in self.anchors if chosen == "all" or anchor.name in chosen)

    def conditions_of(self, attribute: str) -> tuple[str, ...]:
        """Names of everything rated for an attribute: the conditions without the anchors that are not heard for it."""
        unheard = {anchor.name for anchor in self.anchors} - self.anchors_of(attribute)
        return tuple(name for name in self.conditions if name not in unheard)

    def systems_on_page(self, systems: int | None = None) -> int:
        """How many systems stand on each page, where there are so many of them (those of the file, if not said)."""
        there = len(self.systems) if systems is None else systems
        wanted = self.test.systems_per_page
        return there if wanted == "all" else min(wanted, there)

    def signals_on_page(self, attribute: str) -> int:
        """Hidden signals of a page of an attribute: the hidden reference, its anchors, and the systems of the page."""
        return len(self.conditions_of(attribute)) - len(self.systems) + self.systems_on_page()

    @property
    def lowest_anchor(self) -> str | None:
        """Name of the low-pass anchor with the lowest cut-off: the worst sound that everybody can tell."""
        found = [anchor for anchor in self.anchors if isinstance(anchor, LowpassAnchor)]
        return min(found, key=lambda anchor: anchor.cutoff_hz).name if found else None

    def target_of(self, item: Item) -> str:
        """What the systems are asked for on this item."""
        return item.target or self.experiment.target


def load(path: Path) -> Experiment:
    """Read an experiment file.

    Parameters
    ----------
    path : the TOML file.

    Raises
    ------
    ExperimentError
        With every mistake of the file at once, one line each:
        ``experiment.toml: systems[0].kind: found 'repets'; expected one of …``.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise ExperimentError([f"{path}: no such file; write one with: mushra new"]) from None
    except (OSError, UnicodeDecodeError) as error:
        raise ExperimentError([f"{path}: can't be read: {error}"]) from None
    return parse(text, path.name)


def parse(text: str, name: str = "experiment.toml") -> Experiment:
    """Read the text of an experiment file; ``name`` is what it is called in mistakes.

    Raises
    ------
    ExperimentError
        As ``load``.
    """
    try:
        written = tomllib.loads(text)
    except (ValueError, RecursionError) as error:  # also of a number too long to read, and of brackets without end
        raise ExperimentError([f"{name}: not valid TOML: {error}"]) from None
    try:
        found = Experiment.model_validate(written)
    except ValidationError as error:
        raise ExperimentError([f"{name}: {one}" for one in sentences(error.errors(), written, "mushra new")]) from None
    if problems := list(_contradictions(found)):
        raise ExperimentError([f"{name}: {problem}" for problem in problems])
    return found


def identity(payload: Any) -> str:
    """SHA-256 (hex) of a JSON value in canonical form: sorted keys, no spaces, UTF-8."""
    text = json.dumps(payload, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)
    return hashlib.sha256(text.encode("utf-8")).hexdigest()


def study_id(experiment: Experiment, stimuli_id: str) -> str:
    """Identity of all that a listener or a reviewer relies on: text, design, plan and the sounds."""
    return identity({"experiment": experiment.model_dump(mode="json"), "stimuli_id": stimuli_id})


def _contradictions(experiment: Experiment) -> list[str]:
    """Mistakes that no single key shows."""
    named = {
        "attributes": [a.name for a in experiment.attributes],
        "items": [key for item in experiment.items for key in item.keys],
        "questions": [q.name for q in experiment.questions],
        "systems and anchors": list(experiment.conditions),
    }
    problems = [
        f"{place}: the name {name!r} is used more than once; give each its own"
        for place, names in named.items()
        for name in sorted({n for n in names if names.count(n) > 1})
    ]
    problems += _plan_problems(experiment)
    anchors = [anchor.name for anchor in experiment.anchors]
    problems += [
        f"attributes[{index}].anchors: {name!r} is no anchor of this experiment; found {', '.join(anchors) or 'none'}"
        for index, attribute in enumerate(experiment.attributes)
        for name in (() if attribute.anchors == "all" else attribute.anchors)
        if name not in anchors
    ]
    if experiment.test.attention_checks and experiment.lowest_anchor is None:
        problems.append(
            "test.attention_checks: a check is made of copies of a low-pass anchor, and there is none; "
            'add [[anchors]] kind = "lowpass", cutoff_hz = 3500, or set it to 0'
        )
    if all(item.use == "training" for item in experiment.items):
        problems.append('items: every item has use = "training"; at least one must be rated in the test')
    tested = sum(len(item.keys) for item in experiment.items if item.use != "training")
    wanted = experiment.test.items_per_listener
    if wanted != "all" and not 1 <= wanted <= tested:
        problems.append(f"test.items_per_listener: found {wanted}; expected 1 to {tested} (the test's items), or 'all'")
    elif (heard := tested if wanted == "all" else wanted) < experiment.test.sessions:
        problems.append(f"test.sessions: found {experiment.test.sessions}; expected at most {heard}, an item for each")
    return [*problems, *_page_problems(experiment)]


def _page_problems(experiment: Experiment) -> list[str]:
    """Why so many systems can't stand on a page."""
    wanted, systems = experiment.test.systems_per_page, len(experiment.systems)
    if wanted == "all" or 2 <= wanted <= systems:
        return []
    found = f"test.systems_per_page: found {wanted}"
    if systems == 1:
        return [f"{found}; there is one system, so leave the key out, or write 'all'"]
    why = "one alone is compared with no other" if wanted < systems else f"there are {systems} systems"
    return [f"{found}; expected 2 to {systems}, or 'all': {why}"]


def _plan_problems(experiment: Experiment) -> list[str]:
    """What the plan names and the experiment does not have."""
    levels = {
        "target": {experiment.target_of(item) for item in experiment.items},
        "dataset": {item.dataset for item in experiment.items if item.dataset},
    }
    problems = []
    for index, text in enumerate(experiment.analysis.contrasts):
        place = f"analysis.contrasts[{index}]"
        sides = contrast(text)
        problems += [
            f"{place}: {shown(side.condition)} is no condition of this experiment; "
            f'write "a - b" with names out of {", ".join(experiment.conditions)}'
            for side in sides
            if side.condition not in experiment.conditions
        ]
        problems += [
            f"{place}: no item has {factor} {shown(level)}; found {', '.join(sorted(levels[factor])) or 'none'}"
            for factor, level in dict.fromkeys(pair for side in sides for pair in side.on)
            if factor in levels and level not in levels[factor]
        ]
    attributes = [attribute.name for attribute in experiment.attributes]
    if experiment.primary_attribute not in attributes:
        problems.append(
            f"analysis.primary: {shown(experiment.analysis.primary)} is no attribute of this experiment; "
            f"expected one of {', '.join(attributes)}"
        )
    return problems
