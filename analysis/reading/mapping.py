"""How somebody else's ratings are to be read: which column is what, on which scale, and what is to be made of them.

A mapping is a TOML file that is written once for a table of any tool::

    title = "Codecs at 3 kbit/s"

    [columns]
    listener = "participant"
    item = "signal"
    condition = "system"
    rating = "score"

    [scale]
    min = 1
    max = 5

    [roles]
    reference = "original"
    anchors = ["lp35", "lp70"]
    mid_anchor = "lp70"

Every condition without a role is a system. A wide table has a column for every stimulus: ``layout = "wide"`` and a
``pattern`` such as ``"{item}-{condition}.wav"`` that its names follow; ``rating`` is then left out, and so is
``listener`` where each row is a listener who is not named.

Conventions: names of columns as in the table's first line. Defines: ``Mapping``, ``Columns``, ``Roles``, ``Scale``,
``Attribute``, ``Model``, ``load``, ``loaded``.
"""

from __future__ import annotations

import re
import tomllib
from pathlib import Path
from typing import Any, Literal, Self, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from analysis.errors import AnalysisError
from stimuli.experiment import AnalysisPlan

PLACES = ("item", "condition", "attribute", "replicate")
"""What the name of a wide table's column may hold."""


class Model(BaseModel):
    """Frozen, and refuses keys it does not know: a misspelt key must not be silently ignored."""

    model_config = ConfigDict(frozen=True, extra="forbid")


OfFile = TypeVar("OfFile", bound=Model)


class Columns(Model):
    """Names of the table's columns; those that are left empty are not there."""

    listener: str = ""
    item: str = ""
    condition: str = ""
    rating: str = ""
    attribute: str = ""
    replicate: str = ""
    """Which presentation: any numbers that grow, the first need not be 0."""
    song: str = ""
    target: str = ""
    dataset: str = ""
    group: str = ""
    session: str = ""

    @property
    def named(self) -> dict[str, str]:
        """What is there: what a column means to its name."""
        return {meaning: name for meaning, name in self.model_dump().items() if name}


class Roles(Model):
    """Conditions that do not compete. ``systems``, where they are named, are all that do: others are refused."""

    reference: str = ""
    anchors: tuple[str, ...] = ()
    mid_anchor: str = ""
    systems: tuple[str, ...] = ()

    @model_validator(mode="after")
    def _each_once(self) -> Self:
        names = [name for name in (self.reference, *self.anchors, *self.systems) if name]
        if twice := sorted({name for name in names if names.count(name) > 1}):
            raise ValueError(f"{', '.join(twice)}: has more than one role; give each condition one")
        if self.mid_anchor and self.mid_anchor not in self.anchors:
            raise ValueError(f"mid_anchor {self.mid_anchor!r} is none of the anchors; name it there too")
        return self


class Scale(Model):
    """The ends of the scale: worst and best. Ratings are brought to 0 to 100 linearly."""

    min: float = 0.0
    max: float = 100.0

    @model_validator(mode="after")
    def _has_a_length(self) -> Self:
        if not self.min < self.max:
            raise ValueError(f"min {self.min:g} is not below max {self.max:g}")
        return self


class Attribute(Model):
    """One attribute: its name as in the table, the question, its bands (worst first)."""

    name: str = Field(min_length=1)
    question: str = ""
    labels: tuple[str, ...] = ("Bad", "Poor", "Fair", "Good", "Excellent")
    mid_anchor_rule: bool = True
    """Whether the mid anchor must sound bad; a low-pass has no interference."""


class Mapping(Model):
    """The whole file."""

    title: str = Field(min_length=1)
    name: str = ""
    """Short name; the table's, where it is empty."""
    layout: Literal["long", "wide"] = "long"
    delimiter: str = Field(default="", max_length=1)
    """Of a CSV; a comma, or a tab in .tsv, where it is empty."""
    pattern: str = ""
    columns: Columns = Columns()
    roles: Roles = Roles()
    scale: Scale = Scale()
    attributes: tuple[Attribute, ...] = ()
    duplicates: Literal["error", "replicates"] = "error"
    """What a second rating of the same cell is: a mistake, or a replicate, in the order of the file."""
    analysis: AnalysisPlan = AnalysisPlan(exclude=())

    @model_validator(mode="before")
    @classmethod
    def _excludes_by_what_it_names(cls, raw: Any) -> Any:
        """Nobody is left out but by rules that are named: two by themselves are an experiment file's."""
        if isinstance(raw, dict) and isinstance(raw.get("analysis"), dict):
            return raw | {"analysis": {"exclude": []} | raw["analysis"]}
        return raw

    @model_validator(mode="after")
    def _fits_its_layout(self) -> Self:
        if self.layout == "long":
            needed = ("listener", "item", "condition", "rating")
            if missing := [f"columns.{name}" for name in needed if not getattr(self.columns, name)]:
                raise ValueError(f"{', '.join(missing)}: missing; a long table has a column for each")
            if self.pattern:
                raise ValueError('pattern: is of wide tables; write layout = "wide", or leave it out')
            return self
        places = re.findall(r"\{(\w+)\}", self.pattern)
        if not {"item", "condition"} <= set(places) or set(places) - set(PLACES) or len(set(places)) < len(places):
            raise ValueError(
                f"pattern: found {self.pattern!r}; expected the names of a wide table's columns, such as "
                f'"{{item}}-{{condition}}.wav", with {{item}} and {{condition}}, each once'
            )
        if taken := [name for name in ("item", "condition", "rating", *places) if getattr(self.columns, name)]:
            raise ValueError(f"columns.{taken[0]}: a wide table has it in the names of its columns; leave it out")
        return self

    @model_validator(mode="after")
    def _attributes_once(self) -> Self:
        names = [attribute.name for attribute in self.attributes]
        if twice := sorted({name for name in names if names.count(name) > 1}):
            raise ValueError(f"attributes: {', '.join(twice)} stands there twice")
        if names and self.analysis.primary and self.analysis.primary not in names:
            raise ValueError(f"analysis.primary: {self.analysis.primary!r} is none of {', '.join(names)}")
        return self

    @property
    def regex(self) -> re.Pattern[str]:
        """The pattern, for whole names; what comes first takes as little as it can."""
        parts = re.split(r"\{(\w+)\}", self.pattern)
        return re.compile("".join(f"(?P<{p}>.+?)" if n % 2 else re.escape(p) for n, p in enumerate(parts)))


def load(path: Path) -> Mapping:
    """Read a mapping.

    Raises
    ------
    AnalysisError
        With every mistake of the file at once, one line each.
    """
    return loaded(path, Mapping, "write which column is what (see analysis.reading.mapping)")


def loaded(path: Path, kind: type[OfFile], otherwise: str) -> OfFile:
    """Read a TOML file as a model; ``otherwise`` says what to do where there is none. Raises as ``load`` does."""
    try:
        return kind.model_validate(tomllib.loads(path.read_text(encoding="utf-8")))
    except FileNotFoundError:
        raise AnalysisError(f"{path}: no such file; {otherwise}") from None
    except (OSError, UnicodeDecodeError) as error:
        raise AnalysisError(f"{path}: can't be read: {error}") from None
    except tomllib.TOMLDecodeError as error:
        raise AnalysisError(f"{path}: not valid TOML: {error}") from None
    except ValidationError as error:
        raise AnalysisError("\n".join(f"{path}: {_sentence(detail)}" for detail in error.errors())) from None


def _sentence(detail: object) -> str:
    """One line for one of pydantic's mistakes: place, finding, expectation."""
    assert isinstance(detail, dict)
    place = ".".join(map(str, detail["loc"]))
    if detail["type"] == "extra_forbidden":
        return f"{place}: this key is not known; remove it or correct its spelling"
    if detail["type"] == "missing":
        return f"{place}: is missing; add it"
    message = str(detail["msg"]).removeprefix("Value error, ")
    own = detail["type"] == "value_error"
    return f"{place}: {message}" + ("" if own else f"; found {detail['input']!r}") if place else message
