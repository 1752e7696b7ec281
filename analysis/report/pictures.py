"""Every figure of a report as files of their own: SVG and PDF, black on nothing, one column of a paper wide.

Defines: ``write``.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from analysis.files import write_bytes, write_text
from analysis.report.assemble import Report
from analysis.report.figures.drawing import Drawing


def write(report: Report, folder: Path) -> list[Path]:
    """Write all figures into a folder, ``ATTRIBUTE-FIGURE.svg`` and ``.pdf``; returns their paths, sorted."""
    folder.mkdir(parents=True, exist_ok=True)
    written = []
    for name, drawing in _drawings(report):
        written.append(write_text(folder / f"{name}.svg", drawing.file()))
        written.append(write_bytes(folder / f"{name}.pdf", drawing.pdf()))
    return sorted(written)


def _drawings(report: Report) -> Iterator[tuple[str, Drawing]]:
    for section in report.sections:
        for name, drawings in section.figures.items():
            for number, drawing in enumerate(drawings):
                words = [section.attribute, name, *([drawing.name] if len(drawings) > 1 else [])]
                yield re.sub(r"[^a-z0-9.]+", "-", "-".join(words).lower()).strip("-") or str(number), drawing
