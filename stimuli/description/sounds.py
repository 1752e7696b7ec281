"""What is heard: songs, the excerpts cut from them, and how loud they are.

Conventions: times in seconds, loudness in LUFS, true peak in dBTP. Defines: ``Songs``, ``Excerpt``, ``Item``,
``Loudness``.
"""

from __future__ import annotations

from typing import Literal, Self

from pydantic import Field, model_validator

from stimuli.description.model import Line, Model, Name, StemName

Rule = Literal["vocal-activity", "energy", "onset-density", "disagreement"]


class Songs(Model):
    """Where the songs come from: a folder or an fsspec URL, in the layout of a data set.

    Songs keep their sample rate; ``resample_hz`` brings them and all estimates to another one (soxr HQ).
    """

    layout: Literal["musdb", "dsd100", "mir1k", "ikala", "medleydb", "medleyvox", "pairs", "demo"] = "musdb"
    root: str = Field(default="songs", min_length=1)
    resample_hz: int | None = Field(default=None, ge=8000, le=192_000)


class Excerpt(Model):
    """The part of the song that is heard: given by its start, or found by a rule.

    With a ``rule``, ``count`` stretches that don't overlap are found in each song, the best first; equal ones are
    ordered by ``seed``.
    """

    start_s: float | None = Field(default=None, ge=0)
    length_s: float = Field(default=10.0, gt=0.5, le=600)
    rule: Rule | None = None
    count: int = Field(default=1, ge=1, le=20)
    seed: int = Field(default=0, ge=0)

    @model_validator(mode="after")
    def _given_or_found(self) -> Self:
        if (self.start_s is None) == (self.rule is None):
            raise ValueError("an excerpt has either start_s or rule; write one of them")
        if self.rule is None and (self.count, self.seed) != (1, 0):
            raise ValueError("count and seed belong to an excerpt that is found by a rule; remove them")
        return self


class Item(Model):
    """One excerpt of one song: what a trial is about. A rule with a count above one makes several."""

    song: Name
    excerpt: Excerpt
    name: Name | None = None
    target: StemName | None = None
    dataset: Line = ""
    use: Literal["test", "training", "both"] = "test"

    @property
    def key(self) -> str:
        """The item's name; the song's where none is given."""
        return self.name or self.song

    @property
    def keys(self) -> tuple[str, ...]:
        """Names of all the items that this entry makes."""
        count = self.excerpt.count
        return (self.key,) if count == 1 else tuple(f"{self.key} ({number})" for number in range(1, count + 1))


class Loudness(Model):
    """How loud the clips are. ``item``: one gain shared by everything of an item; ``each``: each matched."""

    target_lufs: float = Field(default=-23.0, ge=-40, le=-10)
    match: Literal["item", "each", "none"] = "item"
    ceiling_dbtp: float = Field(default=-1.0, ge=-12, le=0)
