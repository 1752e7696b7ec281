"""What may be known of a test while it runs: the rules' verdicts and the intervals' widths, and nothing beside."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import small_study
from click.testing import CliRunner

from analysis.errors import AnalysisError
from analysis.monitoring import cli, precision, running, screen
from analysis.report import assemble
from mushra_app import stored_ratings
from mushra_app.ratings import Row
from mushra_app.stored_ratings import Stored

SYSTEMS = ("ours", "theirs", "classic", "lowpass")


class World:
    """A stimulus set, and a database that holds whatever rows a test wants."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch, **plan: Any) -> None:
        self.folder = folder / "set"
        self.manifest = small_study.build(self.folder, small_study.experiment(**plan))
        self.rows: list[Row] = small_study.rows(self.manifest)
        self.looks: list[str] = []
        monkeypatch.setattr(stored_ratings, "read_database", self.stored)

    def stored(self, data_dir: Path, study: str | None, *, blind: bool, look: str, **_: Any) -> Stored:
        self.looks.append(look)
        assert blind, "a look at a running test that names no condition asks for no reason"
        return Stored([_complete(row) for row in self.rows], running=True, peeks=())

    def read(self) -> running.Running:
        return running.read(self.folder, Path("data"), None)


def _complete(row: Row) -> Row:
    from mushra_app.ratings import COLUMNS

    return {column.name: row.get(column.name) for column in COLUMNS} | {
        name: row.get(name, "") for name in ("listener_group", "excerpt", "dataset", "engine", "saved_at", "place")
    }


@pytest.fixture
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> World:
    return World(tmp_path, monkeypatch, inference="items in general", precision=4.0)


def spoil(world: World, listener: str) -> None:
    """Somebody misses every hidden reference."""
    for row in world.rows:
        if row["listener"] == listener and row["condition"] == "reference":
            row["rating"] = 40.0


def test_every_rule_looks_and_the_plans_are_marked(world: World) -> None:
    spoil(world, "L03")
    found = screen.screened(world.read())
    by_rule = {finding.rule: finding for finding in found.findings}
    missed = by_rule["bs1534-hidden-reference"]
    assert [(one.listener, one.slips, one.trials) for one in missed.failed] == [("L03", 7, 7)]
    assert missed.planned and len(missed.judged) == 8 and not by_rule["flat-ratings"].planned
    assert set(by_rule) >= {"bs1534-mid-anchor", "flat-ratings", "rank-order"}, by_rule


def test_verdicts_and_widths_are_those_of_the_report(world: World) -> None:
    spoil(world, "L05")
    export_file = small_study.save(world.folder.parent / "ratings.csv", world.rows)
    (section,) = assemble.assemble(assemble.Source(export_file, world.folder)).sections
    read = world.read()
    failed = {one.listener for found in screen.screened(read).findings if found.planned for one in found.failed}
    assert failed == set(section.excluded) == {"L05"}
    assert section.general is not None
    for inference, rows in (("items in general", section.general.contrasts), ("these items", section.these.contrasts)):
        found = precision.precision(concluding(read, inference), "a key")
        expected = sorted(max(row.high - row.difference, row.difference - row.low) for row in rows)
        assert sorted(one.reach or 0 for one in found.contrasts) == pytest.approx(expected, abs=0.0051)
        assert (found.listeners, found.kept, len(expected)) == (8, 7, 3)


def concluding(read: running.Running, inference: str) -> running.Running:
    """The same ratings, with a plan that concludes about something else."""
    study = read.ratings.study
    study = replace(study, plan=study.plan.model_copy(update={"inference": inference}))
    return replace(read, ratings=replace(read.ratings, study=study))


def test_letters_are_shuffled_by_the_key_and_stay_as_they_are(world: World) -> None:
    read = world.read()
    orders = {tuple(one.reach for one in precision.precision(read, str(key)).contrasts) for key in range(8)}
    assert len(orders) > 1, "the key shuffles"
    assert precision.precision(read, "a") == precision.precision(read, "a")
    before = meant(read)
    world.rows = [row for row in world.rows if row["listener"] != "L07"]
    assert meant(world.read()) == before and list(before) == ["A", "B", "C"]


def meant(read: running.Running) -> dict[str, str]:
    """Which contrast each letter stands for, told by its width, which no two share."""
    found = precision.precision(read, "a").contrasts
    widths = {width: name for name, width in precision._in_general(read.ratings.frame, read.ratings.study).items()}
    return {one.label: widths[one.reach or 0] for one in found}


@pytest.mark.parametrize("command", ["screen", "precision"])
@pytest.mark.parametrize("form", ["text", "json"])
def test_nothing_that_is_printed_names_a_condition_or_says_how_one_does(world: World, command: str, form: str) -> None:
    spoil(world, "L01")
    options = ["--stimuli", str(world.folder), "--data", "data", "--format", form]
    said = CliRunner().invoke(getattr(cli, command), options, catch_exceptions=False)
    assert said.exit_code == 0 and {"screen": "L01", "precision": "A"}[command] in said.output
    assert not [name for name in SYSTEMS if name in said.output], said.output
    if form == "json" and command == "precision":
        keys = set(json.loads(said.output)["contrasts"][0])
        assert keys == {"label", "reach"}, "a width, and never a difference, a sign or a p"


def test_without_a_key_the_letters_are_others_at_every_look_and_the_look_is_noted(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    def looked(*more: str) -> str:
        options = ["--stimuli", str(world.folder), "--data", "data", *more]
        return CliRunner().invoke(cli.precision, options, catch_exceptions=False).output

    assert len({looked() for _ in range(12)}) > 1  # six orders: one in 6 ** 11 draws only one of them
    assert looked("--key", "a") == looked("--key", "a")
    assert set(world.looks) == {"how wide the intervals are"}
    monkeypatch.setenv("MUSHRA_LETTERS_KEY", "a")
    monkeypatch.setenv("MUSHRA_JOB", "yes")
    assert looked() == looked("--key", "a") and world.looks[-1] == ""


def test_the_plan_ends_only_where_every_width_is_known_and_small_enough() -> None:
    def found(target: float | None, *reaches: float | None) -> bool:
        widths = tuple(precision.Width("A", reach) for reach in reaches)
        return precision.Precision(1, "s", "i", "these items", 9, 0, 9, False, 20, target, widths).reached

    assert found(4.0, 3.9, 4.0) and not found(4.0, 4.01, 1.0) and not found(4.0, None, 1.0)
    assert not found(None, 0.1) and not found(4.0)


def test_one_listener_gives_no_interval_and_no_error(world: World) -> None:
    world.rows = [row for row in world.rows if row["listener"] == "L00"]
    assert [one.reach for one in precision.precision(world.read(), "a").contrasts] == [None] * 3


def test_ratings_of_another_version_are_not_looked_at(world: World) -> None:
    older = [dict(row) | {"study_id": "0" * 64, "listener": f"O{row['listener']}"} for row in world.rows]
    world.rows = [*world.rows, *older]
    assert world.read().ratings.listeners == 8
    world.rows = older
    with pytest.raises(AnalysisError, match="holds no ratings"):
        world.read()


def test_simulated_listeners_are_left_aside_once_there_are_others(world: World) -> None:
    for row in world.rows:
        row["simulated"] = row["listener"] != "L00"
    assert (world.read().ratings.listeners, world.read().simulated) == (1, False)
    for row in world.rows:
        row["simulated"] = True
    assert (world.read().ratings.listeners, world.read().simulated) == (8, True)


def test_where_screening_leaves_nobody_nobody_counts_and_no_width_ends_the_test(world: World) -> None:
    for listener in {row["listener"] for row in world.rows}:
        spoil(world, listener)
    found = precision.precision(world.read(), "a key")
    assert (found.listeners, found.kept) == (8, 0) and all(one.reach for one in found.contrasts)
    assert not replace(found, target=50.0).reached and replace(found, target=50.0, kept=1).reached
    options = ["--stimuli", str(world.folder), "--data", "data"]
    said = CliRunner().invoke(cli.precision, options, catch_exceptions=False).output
    assert "these are the widths before it" in said and "8 listeners have finished; 0 count" in said


def test_whoever_has_finished_one_of_two_sessions_is_analysed_and_has_not_finished(world: World) -> None:
    for row in world.rows:
        again = row["listener"] in ("L00", "L01") and row["item"] in ("Song 5", "Song 6")
        row["session"] = f"{row['listener']}-{2 if again else 1}"
    read = world.read()
    read = replace(read, ratings=replace(read.ratings, study=replace(read.ratings.study, sessions=2)))
    found = precision.precision(read, "a key")
    assert (found.listeners, found.partly, found.kept) == (2, 6, 8) and screen.screened(read).listeners == 8
