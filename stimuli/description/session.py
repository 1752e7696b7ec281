"""What people are asked, and how the test is run.

Conventions: texts that listeners read may be translated in ``[translations.<language>]``; waiting times in hours.
Defines: ``Attribute``, ``Test``, ``Setup``, ``Completion``, ``Question``.
"""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from stimuli.description.model import Lines, Model, Name, Paragraph, Slug


class Attribute(Model):
    """One thing that is asked; each attribute is a block of trials of its own (BS.1534-3, clause 6)."""

    name: Slug
    question: Name
    labels: tuple[Name, Name, Name, Name, Name] = ("Bad", "Poor", "Fair", "Good", "Excellent")
    instructions: Paragraph = ""
    """Said before the block; the house's own words where it is empty."""
    anchors: tuple[Slug, ...] | Literal["all"] = "all"
    """Names of the anchors that are heard for this attribute."""
    mid_anchor_rule: bool = Field(default=True, exclude_if=lambda value: value)
    """Whether a high rating of the 7 kHz anchor is a slip: not where other faults are asked for, like interference."""


class Test(Model):
    """How the test is run."""

    __test__ = False  # not a test class of pytest's

    references: tuple[Literal["reference", "mixture"], ...] = ("reference",)
    items_per_listener: int | Literal["all"] = "all"
    # Not among what is hashed where it says nothing, so that older files keep their identity.
    systems_per_page: int | Literal["all"] = Field(default="all", exclude_if=lambda value: value == "all")
    """Systems on each page, beside the hidden reference and all anchors; a balanced subset of them for every page."""
    replicates: int = Field(default=0, ge=0, le=3)
    break_every: int = Field(default=10, ge=0)
    sessions: int = Field(default=1, ge=1, le=10)
    """Sittings of each listener, with the items split over them; training is in the first."""
    hours_between_sessions: float = Field(default=12.0, ge=0, le=24 * 60)
    attention_checks: int = Field(default=0, ge=0, le=5)
    """Trials that only somebody who listens gets right: the reference among copies of the low anchor."""
    switching: Literal["bs1534", "crossfade"] = "bs1534"
    show_numbers: bool = True
    consent: Lines = (
        "You will hear short pieces of music and rate their quality. Taking part is voluntary and you may stop "
        "at any time. Your ratings are stored under a pseudonym and are used for research."
    )


class Setup(Model):
    """What listeners go through before the first trial of a session.

    ``level``: set the volume by a tone and by noise. ``sides``: hear left and right apart (finds mono, swapped channels
    and hands-free Bluetooth). ``headphones``: a screening that loudspeakers fail, by antiphase tones (Woods et al.
    2017, doi:10.3758/s13414-017-1361-2) or by Huggins pitch (Milne et al. 2021, doi:10.3758/s13428-020-01514-0).
    ``on_failure``: keep a note and say nothing, warn and let them go on, or refuse after a second try.
    """

    level: bool = True
    sides: bool = True
    headphones: Literal["off", "antiphase", "huggins"] = "off"
    on_failure: Literal["note", "warn", "refuse"] = "warn"


class Completion(Model):
    """What a listener gets at the end: a code to paste elsewhere, an address to return to.

    ``{code}`` in the address stands for that code, and not for the one that a listener keeps to withdraw.
    """

    code: Name | Literal[""] = ""
    return_url: Annotated[str, Field(pattern=r"^(https?://\S+)?$")] = ""


class Question(Model):
    """One question of the questionnaire; personal answers are kept apart so that they can be erased."""

    name: Slug
    text: Name
    type: Literal["text", "number", "choice"] = "text"
    choices: tuple[Name, ...] = ()
    when: Literal["before", "between", "after"] = "after"
    """``between``: at every break of the test."""
    required: bool = False
    personal: bool = False
    # Not among what is hashed where it says nothing, so that older files keep their identity.
    accept: tuple[Name, ...] = Field(default=(), exclude_if=lambda value: not value)
    """Whom the study looks for: with any other of the choices a listener is thanked, and hears nothing."""

    @model_validator(mode="after")
    def _choices_where_needed(self) -> Self:
        if (self.type == "choice") != bool(self.choices):
            raise ValueError('choices belong to type = "choice", and that type needs them')
        return self

    @model_validator(mode="after")
    def _accepts_what_can_be_answered(self) -> Self:
        if self.accept and not set(self.accept) < set(self.choices):
            raise ValueError(f"accept: found {list(self.accept)}; expected some of the choices, not all of them")
        if self.accept and (self.when != "before" or not self.required):
            raise ValueError('accept belongs to a question with when = "before" and required = true')
        return self
