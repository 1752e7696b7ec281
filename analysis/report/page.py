"""The report as one self-contained HTML page, or as JSON: both from the same data.

Defines: ``html``, ``as_json``.
"""

from __future__ import annotations

import dataclasses
import importlib.resources
import json
import re
from collections.abc import Mapping
from typing import Any

import jinja2
from markupsafe import Markup

from analysis.report.assemble import Report
from analysis.report.methods import RULES
from analysis.report.wording import points, probability

TEMPLATES = importlib.resources.files("analysis.report") / "templates"


def html(report: Report) -> str:
    """The page: no script, no request to anywhere, figures as inline SVG."""
    loader = jinja2.FileSystemLoader(str(TEMPLATES))
    environment = jinja2.Environment(loader=loader, autoescape=True, trim_blocks=True, lstrip_blocks=True)
    environment.filters |= {
        "p": probability,
        "points": _points,
        "interval": _interval,
        "correlation": _correlation,
        "svg": Markup,
        "glued": _glued,
    }
    style = Markup((TEMPLATES / "report.css").read_text(encoding="utf-8"))
    return environment.get_template("report.html").render(report=report, style=style, rules=RULES)


def as_json(report: Report) -> str:
    """The same content without the figures; numbers unrounded, missing values null."""
    content: dict[str, Any] = dataclasses.asdict(report)
    for section in content["sections"]:
        del section["figures"]
    return json.dumps(content, indent=1, ensure_ascii=False, allow_nan=False, default=_plain) + "\n"


def _points(value: float | None) -> str:
    """A rating or a level with one decimal; a dash where there is none."""
    return "–" if value is None else points(value)


def _glued(sentence: str) -> str:
    """No line may break inside "95 %" or "p = 0.012"."""
    return re.sub(r"(\d) %|\b(p) ([=<]) ", lambda m: m[0].replace(" ", "\u00a0"), sentence)


def _interval(row: Mapping[str, Any]) -> str:
    """The 95 % interval of a row; a dash where one listener gives none."""
    return "–" if row["low"] is None else f"{_points(row['low'])} to {_points(row['high'])}"


def _correlation(value: float) -> str:
    return f"{value:.2f}".replace("-", "−")


def _plain(value: Any) -> Any:
    """numpy's numbers as Python's."""
    return value.item()
