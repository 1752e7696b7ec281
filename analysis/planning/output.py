"""A plan as text, page, figure and data.

Conventions: files are written whole or not at all. Defines: ``Simulation``, ``text``, ``as_json``, ``write``.
"""

from __future__ import annotations

import dataclasses
import importlib.resources
import json
from importlib.metadata import version
from pathlib import Path
from typing import Any, NamedTuple

import jinja2
from markupsafe import Markup

from analysis.errors import AnalysisError
from analysis.files import write_text
from analysis.planning.figure import draw
from analysis.planning.plan import Plan

SCHEMA = 1
FORMS = (".html", ".svg", ".json", ".csv")
TEMPLATES = importlib.resources.files("analysis.planning") / "templates"


class Simulation(NamedTuple):
    """How a plan was held against simulation."""

    runs: int
    seed: int


def text(plan: Plan, simulation: Simulation | None) -> str:
    """What the command prints: the table, then what it means."""
    asked = plan.asked
    lines = [
        f"Smallest difference of two systems found with {100 * asked.power:.3g} % power, in points ({_about(plan)})",
        *_grid(plan, "difference", "{:.1f}"),
    ]
    if simulation:
        lines += [
            f"Share of {simulation.runs} simulated tests that found that difference (seed {simulation.seed})",
            *_grid(plan, "simulated_power", "{:.0%}"),
        ]
    return "\n".join([*lines, *plan.conclusion, *plan.notes, f"Components: {asked.source}."])


def _grid(plan: Plan, column: str, form: str) -> list[str]:
    """One column of the rows as a table: a line for each number of listeners, a column for each of items."""
    wide = plan.rows.pivot(index="listeners", columns="items", values=column)
    cells = [[str(people), *map(form.format, row)] for people, row in zip(wide.index, wide.to_numpy(), strict=True)]
    heads = ["listeners", *(f"{count} items" for count in wide.columns)]
    return ["", *("  ".join(f"{cell:>9}" for cell in line) for line in [heads, *cells]), ""]


def check_form(path: Path) -> None:
    """Refuse a name whose ending says no form, before any work is done."""
    if path.suffix not in FORMS:
        raise AnalysisError(f"--out: found {path.name}; expected a name that ends with {', '.join(FORMS)}")


def write(path: Path, plan: Plan, simulation: Simulation | None, title: str) -> None:
    """Write the plan to a file, in the form that its name ends with.

    Raises
    ------
    AnalysisError
        For another ending, and where the place can't be written to.
    """
    forms = {".html": _html, ".svg": lambda plan, *_: draw(plan).file(), ".json": as_json, ".csv": _csv}
    check_form(path)
    write_text(path, forms[path.suffix](plan, simulation, title))


def _about(plan: Plan) -> str:
    return "these items" if plan.asked.claim.inference == "these items" else "items in general"


def _html(plan: Plan, simulation: Simulation | None, title: str) -> str:
    loader = jinja2.FileSystemLoader(str(TEMPLATES))
    environment = jinja2.Environment(loader=loader, autoescape=True, trim_blocks=True, lstrip_blocks=True)
    return environment.get_template("plan.html").render(
        plan=plan,
        rows=plan.rows.to_dict("records"),
        components=dataclasses.asdict(plan.asked.components),
        inference=plan.asked.claim.inference,
        figure=Markup(draw(plan).svg()),
        simulated=simulation.runs if simulation else 0,
        seed=simulation.seed if simulation else 0,
        title=title,
        version=version("hidden-reference"),
    )


def as_json(plan: Plan, simulation: Simulation | None, title: str) -> str:
    """The plan as data."""
    asked = plan.asked
    content: dict[str, Any] = {
        "schema": SCHEMA,
        "title": title,
        "version": version("hidden-reference"),
        "components": dataclasses.asdict(asked.components),
        "source": asked.source,
        "base": dataclasses.asdict(asked.base),
        "claim": dataclasses.asdict(asked.claim) | {"alpha": asked.claim.alpha},
        "power": asked.power,
        "difference": asked.difference,
        "margin": asked.margin,
        "simulation": simulation._asdict() if simulation else None,
        "rows": plan.rows.to_dict("records"),
        "conclusion": plan.conclusion,
        "notes": plan.notes,
    }
    return json.dumps(content, indent=1, ensure_ascii=False, allow_nan=False) + "\n"


def _csv(plan: Plan, simulation: Simulation | None, title: str) -> str:
    return plan.rows.to_csv(index=False, lineterminator="\n", float_format="%.6g")
