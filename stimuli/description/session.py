"""What people are asked, how the test is run, and what will be made of the ratings.

Defines: ``Attribute``, ``Test``, ``Question``, ``AnalysisPlan``.
"""

from __future__ import annotations

from typing import Literal, Self

from pydantic import Field, model_validator

from stimuli.description.model import Model, Name, Slug


class Attribute(Model):
    """One thing that is asked; each attribute is a block of trials of its own (BS.1534-3, clause 6)."""

    name: Slug
    question: Name
    labels: tuple[Name, Name, Name, Name, Name] = ("Bad", "Poor", "Fair", "Good", "Excellent")


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
