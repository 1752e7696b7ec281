"""What ratings are like: each thing planted once, counted and said."""

from __future__ import annotations

from pathlib import Path

import pytest

from analysis.reading.census import Census, Confounded, census
from analysis.reading.mapping import Mapping
from analysis.reading.table import read_table

NAMES = ("listener", "item", "condition", "session", "attribute", "rating")
Row = tuple[str, ...]
FULL = [(who, item, c, "1", "overall", "50") for who in "pqrstu" for item in "ijklmn" for c in ("ref", "a", "b", "c")]


def counted(folder: Path, rows: list[Row]) -> Census:
    """The census of a table."""
    (folder / "t.csv").write_text("\n".join(",".join(row) for row in [NAMES, *rows]), encoding="utf-8")
    columns = {name: name for name in NAMES}
    systems = sorted({row[2] for row in rows} - {"ref"})
    roles = {"reference": "ref", "systems": systems}
    mapping = {"title": "T", "columns": columns, "roles": roles, "duplicates": "replicates"}
    found = read_table(folder / "t.csv", Mapping.model_validate(mapping))
    return census(found.frame, found.study)


def test_a_whole_table_is_counted_and_nothing_else_said(tmp_path: Path) -> None:
    found = counted(tmp_path, FULL)
    assert found.sentences == ("6 listeners rated 4 conditions of 6 items: 144 ratings.",)
    assert (found.ratings, found.listeners, found.items, found.conditions, found.holes) == (144, 6, 6, 4, 0)
    assert not (found.confounded or found.on_few_items or found.with_few_ratings or found.incomplete_listeners)


def without(*wanted: dict[str, str]) -> list[Row]:
    """The whole table less the rows that match any of these."""
    places = [{NAMES.index(name): text for name, text in one.items()} for one in wanted]
    return [row for row in FULL if not any(all(row[n] in text for n, text in one.items()) for one in places)]


PLANTED = {
    "a hole": (
        without({"listener": "p", "item": "i", "condition": "a"}),
        {"holes": 1},
        "1 rating of a condition that others rated on the same item is missing.",
    ),
    "replicates": ([*FULL, *FULL[:4]], {"replicated": 4}, "4 cells of listener, item and condition hold more than one"),
    "sessions": (
        [*FULL[:-1], (*FULL[-1][:3], "2", *FULL[-1][4:])],
        {"listeners_in_several_sessions": 1},
        "1 listener rated in more than one session.",
    ),
    "incomplete blocks": (
        without({"listener": "p", "item": "i"}, {"listener": "q", "item": "j"}),
        {"incomplete_listeners": 2, "holes": 0},
        "2 listeners did not rate all 6 items: blocks are incomplete",
    ),
    "few items": (
        without({"condition": "c", "item": "kl"}),
        {"on_few_items": ("c",), "holes": 0},
        "Rated on few of the 6 items: c (4)",
    ),
    "few ratings": (
        without({"listener": "p", "item": "ijkl"}),
        {"with_few_ratings": ("p",)},
        "Few ratings, where the middle listener gave 24: p (8).",
    ),
    "other items": (
        without({"condition": "a", "item": "ijk"}, {"condition": "b", "item": "lmn"}),
        {"confounded": (Confounded("overall", "a", "b", "item"),), "holes": 0},
        "Confounded: No item was rated with both a and b: their difference can't be told from that of their items.",
    ),
    "other listeners": (
        without({"condition": "a", "listener": "pqr"}, {"condition": "b", "listener": "stu"}),
        {"confounded": (Confounded("overall", "a", "b", "page"),)},
        "Confounded: No listener rated both a and b on one page",
    ),
}


@pytest.mark.parametrize("name", PLANTED)
def test_what_is_unusual_is_counted_and_said(tmp_path: Path, name: str) -> None:
    rows, counts, sentence = PLANTED[name]
    found = counted(tmp_path, rows)
    assert {key: getattr(found, key) for key in counts} == counts
    assert any(told.startswith(sentence) for told in found.sentences), found.sentences


def test_each_attribute_is_looked_at_by_itself(tmp_path: Path) -> None:
    """Whole together, and yet no item has both systems for either attribute."""
    rows = [row for row in without({"condition": "c"}) if (row[2] == "a") == (row[1] in "ijk") or row[2] == "ref"]
    other = [
        (*row[:4], "noise", row[5])
        for row in without({"condition": "c"})
        if (row[2] == "a") != (row[1] in "ijk") or row[2] == "ref"
    ]
    found = counted(tmp_path, [*rows, *other])
    assert [(pair.attribute, pair.by) for pair in found.confounded] == [("overall", "item"), ("noise", "item")]
    assert any(told.startswith("noise: Confounded: No item was rated with both a and b") for told in found.sentences)


def test_the_order_of_rows_changes_nothing(tmp_path: Path) -> None:
    rows = PLANTED["other items"][0]
    assert counted(tmp_path, rows[::-1]) == counted(tmp_path, rows)
