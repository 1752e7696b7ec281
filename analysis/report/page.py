"""The report as one self-contained HTML page, or as JSON: both from the same data.

Defines: ``html``, ``as_json``, ``json_schema``.
"""

from __future__ import annotations

import dataclasses
import importlib.resources
import json
import re
from typing import Any

import jinja2
from markupsafe import Markup
from pydantic import TypeAdapter

from analysis.report.assemble import Report
from analysis.report.words.wording import level, points, probability
from stimuli.experiment import AnalysisPlan

TEMPLATES = importlib.resources.files("analysis.report") / "templates"
NONE = "–"


def html(report: Report) -> str:
    """The page: no script, no request to anywhere, figures as inline SVG."""
    loader = jinja2.FileSystemLoader(str(TEMPLATES))
    known = {metric.name: metric for metric in report.metrics.known} if report.metrics else {}
    environment = jinja2.Environment(loader=loader, autoescape=True, trim_blocks=True, lstrip_blocks=True)
    environment.filters |= {
        "p": lambda value: NONE if value is None else probability(value),
        "points": lambda value: NONE if value is None else points(value),
        "decimals": lambda value: NONE if value is None else _decimals(value),
        "percent": lambda value: NONE if value is None else f"{100 * value:.0f}\u00a0%",
        "number": lambda value: NONE if value is None else level(value),
        "interval": _interval,
        "svg": lambda drawings: Markup("\n".join(drawing.svg() for drawing in drawings)),
        "glued": _glued,
        "label": lambda name: known[name].label,
        "unit": lambda name: known[name].unit,
    }
    style = Markup((TEMPLATES / "report.css").read_text(encoding="utf-8"))
    return environment.get_template("report.html").render(
        report=report, style=style, adjust_on_means=AnalysisPlan(adjust=report.plan["adjust"]).adjust_on_means
    )


def as_json(report: Report) -> str:
    """The same content without the figures; numbers unrounded, missing values null."""
    content = dataclasses.asdict(dataclasses.replace(report, sections=()))
    content["sections"] = [dataclasses.asdict(dataclasses.replace(section, figures={})) for section in report.sections]
    for section in content["sections"]:
        del section["figures"]
    return json.dumps(content, indent=1, ensure_ascii=False, allow_nan=False, default=_plain) + "\n"


def json_schema() -> dict[str, Any]:
    """JSON Schema (2020-12) of what ``as_json`` writes."""
    schema = TypeAdapter(Report).json_schema(mode="serialization")
    section = schema["$defs"]["Section"]
    del section["properties"]["figures"]
    section["required"].remove("figures")
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **schema}


def _decimals(value: float) -> str:
    """A number with two decimals and a true minus; of large ones three digits count."""
    return (f"{value:.2f}" if abs(value) < 1000 else f"{float(f'{value:.3g}'):,.0f}").replace("-", "−")


def _glued(sentence: str) -> str:
    """No line may break inside "95 %" or "p = 0.012"; and a minus is a true one."""
    sentence = re.sub(r"(?<![\w-])-(?=\d)", "−", sentence)
    return re.sub(r"(\d) %|\b(p) ([=<]) ", lambda m: m[0].replace(" ", "\u00a0"), sentence)


def _interval(row: object, prefix: str = "", digits: int = 1) -> str:
    """The 95 % interval of a row; a dash where one listener gives none. Some have no lower limit."""
    low, high = getattr(row, f"{prefix}low"), getattr(row, f"{prefix}high")
    shown = points if digits == 1 else _decimals
    if low is None:
        return NONE if high is None else f"at most {shown(high)}"
    return f"{shown(low)} to {shown(high)}"


def _plain(value: Any) -> Any:
    """numpy's numbers as Python's."""
    return value.item()
