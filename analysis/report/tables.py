"""Every table of a report as a file of its own: CSV for machines, LaTeX (booktabs) for papers.

Defines: ``write``.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pandas as pd

from analysis.files import write_text
from analysis.report.assemble import Report


def write(report: Report, folder: Path) -> list[Path]:
    """Write all tables into a folder, ``ATTRIBUTE-TABLE.csv`` and ``.tex``; returns their paths, sorted."""
    folder.mkdir(parents=True, exist_ok=True)
    written = []
    for name, frame in _tables(report):
        for ending, text in (("csv", frame.to_csv(index=False)), ("tex", _latex(frame))):
            written.append(write_text(folder / f"{name}.{ending}", text))
    return sorted(written)


def _tables(report: Report) -> Iterator[tuple[str, pd.DataFrame]]:
    """Every non-empty tuple of rows of the metrics and of the sections, by where it stands."""
    parts = [("metrics", report.metrics)] if report.metrics else []
    for name, part in [*parts, *((section.attribute, section) for section in report.sections)]:
        for place, rows in _rows_in(part):
            yield f"{name}-{place}", pd.DataFrame([dataclasses.asdict(row) for row in rows])


def _rows_in(part: Any, place: str = "") -> Iterator[tuple[str, tuple[Any, ...]]]:
    for field in dataclasses.fields(part):
        value = getattr(part, field.name)
        name = f"{place}-{field.name}" if place else field.name
        if isinstance(value, tuple) and value and all(dataclasses.is_dataclass(row) for row in value):
            yield name.replace("_", "-"), value
        elif dataclasses.is_dataclass(value):
            yield from _rows_in(value, name)


def _latex(frame: pd.DataFrame) -> str:
    """A booktabs table with names as LaTeX reads them, and numbers with three decimals."""
    named = frame.rename(columns=lambda name: name.replace("_", " "))
    return named.to_latex(index=False, float_format="%.3f", na_rep="--", escape=True)
