"""The analysis plan: what will be made of the ratings, fixed before the first one.

A contrast is written ``"a - b"``: condition a against condition b. ``on`` narrows it to levels of the factors target,
dataset and group: ``"a - b on target=vocals"`` narrows both sides, ``"a on dataset=seen - a on dataset=unseen"``
compares one condition with itself.

Conventions: ratings and margins in points of the scale (0 to 100). Keys that say nothing are not among what is hashed,
so that older experiment files keep their identity. Defines: ``AnalysisPlan``, ``Contrast``, ``Side``, ``contrast``.
"""

from __future__ import annotations

import re
from typing import Literal, NamedTuple, Self

from pydantic import Field, field_validator, model_validator

from stimuli.description.model import Model
from stimuli.errors import shown

Factor = Literal["target", "dataset", "group"]
FACTORS: tuple[Factor, ...] = ("target", "dataset", "group")
ExclusionRule = Literal[
    "bs1534-hidden-reference",
    "bs1534-mid-anchor",
    "inexperienced",
    "attention-check",
    "headphone-check",
    "not-heard",
    "too-fast",
    "flat-ratings",
    "unreliable",
    "rank-order",
]
"""Names of the rules by which listeners may be left out; nothing else leaves anybody out."""


class Side(NamedTuple):
    """One side of a contrast: a condition, and where: pairs of factor and level, none for everywhere."""

    condition: str
    on: tuple[tuple[str, str], ...] = ()

    def __str__(self) -> str:
        """As it is written in a file."""
        where = ", ".join(f"{factor}={level}" for factor, level in self.on)
        return f"{self.condition} on {where}" if where else self.condition


class Contrast(NamedTuple):
    """The mean of ``first`` minus that of ``second``."""

    first: Side
    second: Side

    def __str__(self) -> str:
        """As it is written in a file."""
        if self.first.on == self.second.on:
            return f"{self.first.condition} - {self.second}"
        return f"{self.first} - {self.second}"


def contrast(text: str) -> Contrast:
    """Read ``"a - b on target=vocals"``.

    Raises
    ------
    ValueError
        With what was expected, where the text is no contrast.
    """
    left, dash, right = text.partition(" - ")
    if not dash:
        raise ValueError(f'found {shown(text)}; expected "a - b", with spaces around the minus')
    first, second = _side(left), _side(right)
    first = first._replace(on=first.on or second.on)
    if not first.condition or not second.condition:
        raise ValueError(f'found {shown(text)}; expected "a - b", a condition on both sides')
    if bool(first.on) != bool(second.on):
        raise ValueError(f"found {shown(text)}; the second side says nothing of where: write its level too")
    if first == second:
        raise ValueError(f"found {shown(text)}; both sides are the same")
    return Contrast(first, second)


def _side(text: str) -> Side:
    condition, _, where = text.strip().partition(" on ")
    levels = [re.fullmatch(r"\s*(\w+)\s*=\s*(.+?)\s*", part) for part in where.split(",")] if where else []
    for level in levels:
        if level is None or level[1] not in FACTORS:
            raise ValueError(f"found {shown(text)}; after 'on' expected {' or '.join(f'{f}=…' for f in FACTORS)}")
    return Side(condition.strip(), tuple(sorted((level[1], level[2]) for level in levels if level)))


class AnalysisPlan(Model):
    """What will be tested, fixed before the first rating."""

    inference: Literal["items in general", "these items"] = "these items"
    """What a conclusion is about: music like these items, or exactly these."""
    contrasts: tuple[str, ...] = ()
    adjust: Literal["holm", "hochberg", "tukey"] = "holm"
    exclude: tuple[ExclusionRule, ...] = ("bs1534-hidden-reference", "bs1534-mid-anchor")
    listeners: int = Field(default=20, ge=2)
    """Listeners to reach; with ``precision``, at most."""
    primary: str = Field(default="", exclude_if=lambda value: not value)
    """The attribute that the conclusion rests on; the first one where it is empty. All others are exploratory."""
    equivalence_margin: float | None = Field(default=None, gt=0, le=50, exclude_if=lambda value: value is None)
    """Points within which two conditions count as equally good."""
    precision: float | None = Field(default=None, gt=0, le=50, exclude_if=lambda value: value is None)
    """Stop before all ``listeners`` are there, once no planned interval reaches further than so many points."""

    @property
    def adjust_on_means(self) -> str:
        """The adjustment of tests on listener means and of bands, for which Tukey's is not made: Holm's then."""
        return "holm" if self.adjust == "tukey" else self.adjust

    @field_validator("contrasts")
    @classmethod
    def _readable(cls, contrasts: tuple[str, ...]) -> tuple[str, ...]:
        for text in contrasts:
            contrast(text)
        return contrasts

    @model_validator(mode="after")
    def _tukey_is_of_all_pairs(self) -> Self:
        if self.adjust == "tukey" and self.contrasts:
            raise ValueError('adjust = "tukey" is for all pairs of systems: leave contrasts out, or write "holm"')
        return self
