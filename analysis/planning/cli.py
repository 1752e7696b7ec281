"""The command ``plan``. Errors are raised; ``mushra`` prints them and exits with 2."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from analysis.errors import AnalysisError

if TYPE_CHECKING:
    from analysis.planning.given import Study
    from analysis.planning.plan import Asked, Plan

FILE = click.Path(dir_okay=False, path_type=Path)
LISTENERS, ITEMS = (10, 20, 30), (5, 8, 12)
BASE = (20, 8)
"""What is planned where nothing is said: listeners and items of the table, and those of the conclusion."""


class Points(click.FloatRange):
    """A number of points above 0 and at most 100; what is no number is none."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Refuse nan, which lies in no range and beyond none."""
        found = super().convert(value, param, ctx)
        return found if found == found else self.fail(f"{value!r} is not a number of points", param, ctx)


POINTS = Points(0, 100, min_open=True)


@click.command()
@click.argument("experiment", type=FILE, required=False)
@click.option("--components", "preset", metavar="PRESET", help="Components of a published test: sisec08, moderate …")
@click.option("--pilot", type=FILE, help="Ratings to estimate the components from: an export, or any CSV.")
@click.option("--sd", "deviations", default="", help="Components in points: listener_condition=6,residual=9 …")
@click.option("--listeners", default="", help="Numbers of listeners: 10,20,30.")
@click.option("--items", default="", help="Numbers of items: 5,8,12.")
@click.option("--systems", type=int, help="How many systems there are; needed with --systems-per-page.")
@click.option("--systems-per-page", "per_page", type=int, help="Systems on each page, where not all fit.")
@click.option("--replicates", type=int, help="Further presentations of each item.")
@click.option("--targets", type=int, default=1, show_default=True, help="The items are shared out over so many.")
@click.option("--contrasts", type=click.IntRange(min=1), help="How many contrasts are tested together (Holm).")
@click.option("--inference", type=click.Choice(["items in general", "these items"]), help="What is to be claimed.")
@click.option("--power", "wanted", type=float, default=0.8, show_default=True)
@click.option("--difference", type=POINTS, help="A difference in points that must not be missed.")
@click.option("--margin", type=POINTS, help="Points within which two systems count as equally good.")
@click.option("--out", type=FILE, help="Where the plan goes: .html, .svg, .json or .csv.")
@click.option("--format", "form", type=click.Choice(["text", "json"]), default="text", show_default=True)
@click.option("--simulate", "runs", type=click.IntRange(min=1), help="Hold the table against so many simulated tests.")
@click.option("--seed", type=click.IntRange(min=0), default=1, show_default=True)
def plan(experiment: Path | None, out: Path | None, form: str, runs: int | None, seed: int, **told: Any) -> None:
    """Say how small a difference a test finds, for numbers of listeners and items.

    With an EXPERIMENT file its counts, claim and margin are the plan. How far ratings scatter is taken from a pilot, a
    published test, or given.
    """
    from analysis.planning.given import study_of
    from analysis.planning.output import Simulation, as_json, check_form, text, write
    from analysis.planning.plan import work_out

    if out:
        check_form(out)
    study = study_of(experiment) if experiment else None
    found = work_out(_asked(told, study))
    found = dataclasses.replace(found, notes=(*found.notes, *(study.left_out if study else ())))
    simulation = Simulation(runs, seed) if runs else None
    if simulation:
        found = _simulated(found, simulation.runs, simulation.seed)
    title = f"Plan of {experiment.name}" if experiment else "Plan of a listening test"
    click.echo(text(found, simulation) if form == "text" else as_json(found, simulation, title), nl=form == "text")
    if out:
        write(out, found, simulation, title)
        click.echo(f"wrote {out}", err=form == "json")


def _asked(told: dict[str, Any], study: Study | None) -> Asked:
    """What was told on the command line, over what the experiment file says."""
    from analysis.planning.given import components_of
    from analysis.planning.plan import Asked, grid
    from analysis.statistics.planning.power import Claim, half_more
    from analysis.statistics.planning.trials import Trials

    components, source = components_of(told["preset"], told["pilot"], _deviations(told["deviations"]))
    if told["per_page"] and not told["systems"] and not study:
        raise AnalysisError("--systems-per-page: say of how many with --systems")
    base = study.trials if study else Trials(*BASE)
    changes = {name: told[name] for name in ("systems", "per_page", "replicates") if told[name] is not None}
    base = dataclasses.replace(base, targets=told["targets"], **changes)
    listeners, items = _counts("--listeners", told["listeners"]), _counts("--items", told["items"])
    if study:
        listeners = listeners or [base.listeners, half_more(base.listeners), 2 * base.listeners]
        items = items or [base.items, half_more(base.items), 2 * base.items]
        listeners, items = [*listeners, base.listeners], [*items, base.items]
    else:
        listeners, items = listeners or list(LISTENERS), items or list(ITEMS)
        base = dataclasses.replace(base, listeners=_middle(listeners), items=_middle(items))
    claim = Claim(
        told["inference"] or (study.inference if study else "items in general"),
        told["contrasts"] or (study.contrasts if study else 1),
    )
    return Asked(
        components=components,
        source=source,
        base=base,
        counts=grid(base, listeners, items),
        claim=claim,
        power=told["wanted"],
        difference=told["difference"],
        margin=told["margin"] or (study.margin if study else None),
    )


def _simulated(found: Plan, runs: int, seed: int) -> Plan:
    """The plan with what the package's own analysis finds in simulated tests."""
    import numpy as np
    from tqdm import tqdm

    from analysis.statistics.planning.monte_carlo import simulated_power

    asked = found.asked
    shares = []
    with tqdm(total=runs * len(asked.counts), desc="simulated tests", unit="test", disable=None) as bar:
        for number, (own, least) in enumerate(zip(asked.counts, found.rows["difference"], strict=True)):
            # A generator for each row, so that a row's figure does not hang on which others are asked for.
            rng = np.random.default_rng([seed, number])
            shares.append(
                simulated_power(asked.components, own, least, runs=runs, rng=rng, claim=asked.claim, done=bar.update)
            )
    return dataclasses.replace(found, rows=found.rows.assign(simulated_power=shares))


def _middle(counts: list[int]) -> int:
    return sorted(counts)[len(counts) // 2]


def _counts(option: str, told: str) -> list[int]:
    """``10,20,30`` as numbers."""
    found = []
    for part in filter(None, (part.strip() for part in told.split(","))):
        if not part.isdecimal() or int(part) < 2:
            raise AnalysisError(f"{option}: found {part!r}; expected whole numbers of 2 or more, such as 10,20,30")
        found.append(int(part))
    return found


def _deviations(told: str) -> dict[str, float]:
    """``listener_condition=6,residual=9`` as numbers by name."""
    from analysis.planning.given import NAMES

    found = {}
    for part in filter(None, (part.strip() for part in told.split(","))):
        name, _, value = (piece.strip() for piece in part.partition("="))
        try:
            found[name] = float(value)
        except ValueError:
            name = ""
        if name not in NAMES:
            raise AnalysisError(f"--sd: found {part!r}; expected name=points with a name out of {', '.join(NAMES)}")
    return found
