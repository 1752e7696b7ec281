"""The contact sheet as one HTML file: style, script and pictures inside, and nothing asked for but the clips.

Defines: ``html``.
"""

from __future__ import annotations

import importlib.resources

import jinja2
from markupsafe import Markup

from stimuli.inspection.drawing import HEIGHT, RANGE_DB
from stimuli.inspection.pictures import COLUMNS, ROWS
from stimuli.inspection.sheet import Sheet

TEMPLATES = importlib.resources.files("stimuli.inspection") / "templates"


def html(sheet: Sheet) -> str:
    """The page; the same sheet gives the same bytes."""
    loader = jinja2.FileSystemLoader(str(TEMPLATES))
    environment = jinja2.Environment(
        loader=loader, autoescape=True, trim_blocks=True, lstrip_blocks=True, undefined=jinja2.StrictUndefined
    )
    return environment.get_template("sheet.html").render(
        sheet=sheet,
        style=_inside("sheet.css"),
        script=_inside("sheet.js"),
        box=(COLUMNS, HEIGHT),
        picture=(COLUMNS, ROWS),
        range_db=RANGE_DB,
    )


def _inside(name: str) -> Markup:
    """A file of ours that stands in the page as it is."""
    return Markup((TEMPLATES / name).read_text(encoding="utf-8"))
