"""``mushra design``: the plan of a test before anybody listens, the proof of its balance, and the time it takes."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict
from importlib.metadata import version
from pathlib import Path
from typing import Any

import click

from mushra_app.session import planning
from mushra_app.session.blocks import linkable
from mushra_app.session.concurrence import blocks_of
from mushra_app.session.design import Design
from mushra_app.session.planning import Balance, Plan, Spread
from stimuli.experiment import Experiment, identity, load

MOST = 1000


@click.command()
@click.argument("experiment", type=click.Path(path_type=Path))
@click.option("--listeners", required=True, type=click.IntRange(1, MOST), help="How many listeners to plan for.")
@click.option("--seed", type=int, default=0, show_default=True, help="What the listeners' own seeds are drawn from.")
@click.option(
    "--factor",
    type=click.FloatRange(0.5, 20),
    default=planning.FACTOR,
    show_default=True,
    help="How often a listener hears each hidden sound through on a page; for the time.",
)
@click.option("--format", "form", type=click.Choice(["text", "json"]), default="text", show_default=True)
def design(experiment: Path, listeners: int, seed: int, factor: float, form: str) -> None:
    """Print the plan of so many listeners of EXPERIMENT: who hears what in which order, how balanced it is, how long.

    It reads the experiment file alone. Real listeners get plans of the same kind, out of seeds that are drawn when
    they come. It names every condition, so it is for you and not for listeners.
    """
    told = told_of(load(experiment), listeners, seed, factor)
    click.echo(json.dumps(told, indent=1, ensure_ascii=False) if form == "json" else "\n".join(_text(told)))


def told_of(experiment: Experiment, listeners: int, seed: int, factor: float) -> dict[str, Any]:
    """All that the command says, as JSON has it."""
    drawn_from = planning.design_of(experiment)
    plans = planning.planned(drawn_from, listeners, seed)
    return {
        "schema": 1,
        "experiment": experiment.experiment.name,
        "experiment_sha256": identity(experiment.model_dump(mode="json")),
        "version": version("hidden-reference"),
        "seed": seed,
        "factor": factor,
        "listeners": [
            {
                "listener": number,
                "seconds": {str(part): took for part, took in planning.seconds_of(experiment, one, factor).items()},
                "trials": [asdict(trial) for trial in one],
            }
            for number, one in enumerate(plans, 1)
        ],
        "balance": [asdict(found) for found in _balance(drawn_from, plans)],
        "blocks": [
            asdict(found)
            for attribute in drawn_from.attributes
            if (found := blocks_of(drawn_from, plans, attribute)) is not None
        ],
        "heard_by": planning.heard_by(drawn_from, plans),
        "groups": [sorted(group) for group in planning.groups_of(drawn_from, plans)],
    }


def _balance(drawn_from: Design, plans: Sequence[Plan]) -> list[Balance]:
    """Of the sounds on pages, and of the items in rounds where everybody hears the same ones."""
    found: list[Balance] = []
    for attribute in drawn_from.attributes:
        found += _on_pages(drawn_from, attribute, planning.pages_of(plans, attribute))
        if drawn_from.items_are_shared:
            found += planning.balance_of(f"{attribute}: items in a round", planning.rounds_of(plans, attribute))
    return found


def _on_pages(drawn_from: Design, attribute: str, pages: Sequence[tuple[str, ...]]) -> list[Balance]:
    """Of all sounds; where systems take turns, those that are on every page apart from those that are not."""
    what, item = f"{attribute}: sounds on a page", drawn_from.test[0]
    names = drawn_from.hidden[attribute, item]
    if len(pages[0]) == len(names):
        return planning.balance_of(what, pages)
    systems = drawn_from.systems_of(attribute, item)
    always = tuple(name for name in names if name not in systems)
    return [
        planning.balance_among(f"{what}, always there", pages, always),
        planning.balance_among(f"{what}, systems", pages, systems),
    ]


def _text(told: dict[str, Any]) -> list[str]:
    """The lines to read."""
    return [
        f"{told['experiment']}: {len(told['listeners'])} listeners, seed {told['seed']}",
        "",
        *_trials(told),
        "",
        *_proof(told),
        "",
        *(line for found in told["blocks"] for line in _blocks(found)),
        *_items(told),
        "",
        *_time(told),
    ]


def _trials(told: dict[str, Any]) -> list[str]:
    rows = [("listener", "session", "trial", "block", "attribute", "item", "sounds, first one first")]
    for one in told["listeners"]:
        place, part = 0, 0
        for trial in one["trials"]:
            place, part = (place + 1 if trial["part"] == part else 1), trial["part"]
            sounds = ", ".join(trial["order"])
            rows.append(
                (str(one["listener"]), str(part), str(place), trial["block"], trial["attribute"], trial["item"], sounds)
            )
    return _columns(rows)


def _proof(told: dict[str, Any]) -> list[str]:
    rows = [("balance of the test's orders", "orders", "counted", "smallest", "largest", "if equal")]
    for found in told["balance"]:
        for counted, what in (
            ("positions", "each at each position"),
            ("neighbours", "each right after each other"),
        ):
            spread = Spread(**found[counted])
            rows.append(
                (
                    found["what"],
                    str(found["orders"]),
                    what,
                    str(spread.smallest),
                    str(spread.largest),
                    f"{spread.expected:.4g}",
                )
            )
    return _columns(rows)


def _blocks(found: dict[str, Any]) -> list[str]:
    """The proof of incomplete pages."""
    systems, per_page, pages = found["systems"], found["per_page"], found["pages_per_listener"]
    counts = (
        ("replications r: pages of a system", "replications"),
        ("the same, of the most uneven listener", "own_replications"),
        ("concurrences lambda: pages of a pair", "concurrences"),
        ("the same, of the most uneven listener", "own_concurrences"),
        ("listeners of a system with an item", "with_items"),
    )
    spreads = [(told, Spread(**found[name])) for told, name in counts]
    title = f"{found['attribute']}: {per_page} of {systems} systems on a page"
    by_item = found["by_item"]
    names = tuple(next(iter(by_item.values())))
    return [
        *_columns(
            [
                (title, "smallest", "largest", "if equal"),
                *((told, str(one.smallest), str(one.largest), f"{one.expected:.4g}") for told, one in spreads),
            ]
        ),
        f"Efficiency factor E = {found['efficiency']:.4f} of at most {found['most_efficient']:.4f}, which a balanced "
        "incomplete block design has.",
        _linked(found, systems=systems, per_page=per_page, pages=pages),
        f"All systems are on equally many pages whenever the number of listeners is a multiple of {systems}.",
        "",
        *_columns([("listeners of", *names), *((item, *map(str, by_item[item].values())) for item in by_item)]),
        "",
    ]


def _linked(found: dict[str, Any], *, systems: int, per_page: int, pages: int) -> str:
    """Whether pages link the systems, for how many listeners by themselves, and why not for all."""
    groups, linking, listeners = found["groups"], found["linking"], found["listeners"]
    together = (
        "The pages of all listeners link all systems"
        if len(groups) == 1
        else f"The systems fall into {len(groups)} groups that no page links, but for reference and anchors: "
        + "; ".join(", ".join(group) for group in groups)
    )
    why = "" if linkable(systems, per_page, pages) else f": {pages} pages of {per_page} can't link {systems}"
    return f"{together}. Those of {linking} of {listeners} listeners do so by themselves{why}."


def _items(told: dict[str, Any]) -> list[str]:
    rows = [("item of the test", "listeners"), *((item, str(count)) for item, count in told["heard_by"].items())]
    groups = told["groups"]
    said = (
        "All items hang together: every two are linked by listeners who heard both, or by a chain of such items."
        if len(groups) == 1
        else f"The items fall into {len(groups)} groups that no listener links, so that ratings can't be compared "
        f"across them: {'; '.join(', '.join(group) for group in groups)}. Plan more listeners, or more items for each."
    )
    return [*_columns(rows), said]


def _time(told: dict[str, Any]) -> list[str]:
    minutes = [
        (part, seconds / 60, len([trial for trial in one["trials"] if str(trial["part"]) == part]))
        for one in told["listeners"]
        for part, seconds in one["seconds"].items()
    ]
    rows = [("session", "trials", "minutes per listener")]
    for part in dict.fromkeys(part for part, _, _ in minutes):
        own = [took for which, took, _ in minutes if which == part]
        trials = [count for which, _, count in minutes if which == part]
        rows.append((part, _range(min(trials), max(trials), "d"), _range(min(own), max(own), ".1f")))
    return [
        *_columns(rows),
        f"Assumed: each hidden sound of a page is heard through {told['factor']:g} times (--factor); a page takes",
        "hidden sounds × excerpt length × that. Training and attention checks are counted; reading, questions, setting",
        "up and breaks are not.",
    ]


def _range(low: float, high: float, form: str) -> str:
    shown = f"{low:{form}}", f"{high:{form}}"
    return shown[0] if shown[0] == shown[1] else f"{shown[0]} to {shown[1]}"


def _columns(rows: Sequence[tuple[str, ...]]) -> list[str]:
    """Rows as columns of equal width; numbers to the right."""
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    numeric = [all(row[column].replace(".", "").isdigit() for row in rows[1:]) for column in range(len(rows[0]))]
    return [
        "  ".join(
            f"{cell:>{width}}" if right else f"{cell:<{width}}"
            for cell, width, right in zip(row, widths, numeric, strict=True)
        ).rstrip()
        for row in rows
    ]
