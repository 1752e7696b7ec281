"""What a person says of a table of published scores: where it is from, what its numbers mean, on which data.

A TOML file beside the table::

    source = "SDX'23, music demixing, leaderboard C"
    definition = "mdx"
    dataset = "MDXDB21"
    table = "leaderboard.csv"
    ignore = ["Rank", "Entries"]

Usual spellings of columns are known (``SPELLINGS`` in ``reader``); others are named in ``[columns]`` (what a column
means to its name) and ``[scores]`` (name of a column to a measure and a target, ``"SDR vocals"``). ``[systems]`` calls
somebody's system as a condition of yours is called.

Defines: ``Description``, ``load``.
"""

from __future__ import annotations

from pathlib import Path

from pydantic import Field

from analysis.metrics.published.definitions import DefinitionName
from analysis.reading.mapping import Model, loaded


class Columns(Model):
    """Names of the table's columns; those that are left empty are found by their usual spellings."""

    method: str = ""
    track: str = ""
    target: str = ""
    metric: str = ""
    score: str = ""
    time: str = ""

    @property
    def named(self) -> dict[str, str]:
        """A column's name to what it means."""
        return {name: meaning for meaning, name in self.model_dump().items() if name}


class Description(Model):
    """The whole file."""

    source: str = Field(min_length=1)
    """Who published it and where, for people."""
    definition: DefinitionName
    """What the numbers mean; it is never guessed, since tables only say SDR."""
    dataset: str = Field(min_length=1)
    """The songs that were scored."""
    table: str = Field(min_length=1)
    """CSV or TSV beside this file, or a folder of museval's JSON, ``METHOD/test/TRACK.json``."""
    target: str = ""
    """The target of all numbers, where the table names none."""
    columns: Columns = Columns()
    scores: dict[str, str] = Field(default_factory=dict)
    ignore: tuple[str, ...] = ()
    """Columns to pass over."""
    systems: dict[str, str] = Field(default_factory=dict)


def load(path: Path) -> Description:
    """Read a description.

    Raises
    ------
    AnalysisError
        With every mistake of the file at once, one line each.
    """
    return loaded(path, Description, "write source, definition, dataset and table of the published scores into it")
