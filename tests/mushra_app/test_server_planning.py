"""Plans of many listeners: balanced over them by numbers, pure in their seeds, and what ``mushra design`` says."""

from __future__ import annotations

import itertools
import json
import random
from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest
import tiny_set
from click.testing import CliRunner
from commands import mushra
from server_guests import Guest
from sqlalchemy import select

from mushra_app import schema
from mushra_app.config import Settings
from mushra_app.db import Database
from mushra_app.design_cli import design as command
from mushra_app.models import ListeningSession
from mushra_app.publish import publish
from mushra_app.session import planning
from mushra_app.session.design import Design, plan
from mushra_app.session.planning import Spread
from stimuli.errors import ExperimentError
from stimuli.experiment import load

FILE = """
[experiment]
name = "plan"
title = "Plan"
[[attributes]]
name = "overall"
question = "How good?"
[[attributes]]
name = "clean"
question = "How clean?"
anchors = ["lowpass-3500"]
[[items]]
song = "one"
excerpt = { rule = "energy", length_s = 10, count = 2 }
[[items]]
song = "two"
excerpt = { start_s = 0, length_s = 5 }
[[items]]
song = "three"
excerpt = { start_s = 0, length_s = 5 }
[[items]]
song = "warm"
use = "training"
excerpt = { start_s = 0, length_s = 4 }
[[systems]]
name = "a"
kind = "repet"
[[systems]]
name = "b"
kind = "repet_sim"
[[systems]]
name = "c"
kind = "centre_cancellation"
[[anchors]]
kind = "lowpass"
cutoff_hz = 3500
[[anchors]]
kind = "lowpass"
cutoff_hz = 7000
[test]
"""


@pytest.fixture
def file(tmp_path) -> Path:
    path = tmp_path / "experiment.toml"
    path.write_text(FILE)
    return path


def design_for(conditions: int, items: int, **more) -> Design:
    names, songs = tuple("abcdefghijkl"[:conditions]), tuple(f"item {number}" for number in range(items))
    return Design(("overall",), (), songs, {("overall", song): names for song in songs}, **more)


@pytest.mark.parametrize("seed", range(20))
@pytest.mark.parametrize("shape", [(6, 4, 3), (8, 8, 1), (5, 4, 5), (9, 6, 3), (7, 7, 2), (3, 4, 3)])
def test_pages_of_all_listeners_are_exactly_balanced_when_squares_are_full(shape, seed: int) -> None:
    conditions, items, listeners = shape
    plans = planning.planned(design_for(conditions, items), listeners, seed)
    (found,) = planning.balance_of("", planning.pages_of(plans, "overall"))
    equal = Spread(found.orders // conditions, found.orders // conditions, found.orders / conditions)
    assert (found.positions, found.neighbours) == (equal, equal)


@pytest.mark.parametrize("seed", range(20))
def test_replicates_count_when_the_next_listener_goes_on(seed: int) -> None:
    plans = planning.planned(design_for(6, 5, replicates=1), 3, seed)
    (found,) = planning.balance_of("", planning.pages_of(plans, "overall"))
    assert found.positions == found.neighbours == Spread(5, 5, 5.0)


@pytest.mark.parametrize("seed", range(10))
def test_any_number_of_listeners_is_within_one_of_equal_and_squares_of_their_own_would_not_be(seed: int) -> None:
    for listeners in range(1, 31):
        plans = planning.planned(design_for(8, 5), listeners, seed)
        (found,) = planning.balance_of("", planning.pages_of(plans, "overall"))
        assert found.positions.largest - found.positions.smallest <= 1
        assert found.neighbours.largest - found.neighbours.smallest <= 1
    alone = [
        trial.order for one in range(30) for trial in plan(design_for(8, 5), seed * 1000 + one)
    ]  # each with a square of their own: what listeners would have without sharing
    (found,) = planning.balance_of("", alone)
    assert found.positions.largest - found.positions.smallest > 4


@pytest.mark.parametrize("replicates", [0, 1, 2])
def test_items_are_balanced_over_listeners_and_never_follow_themselves(replicates: int) -> None:
    plans = planning.planned(design_for(6, 6, replicates=replicates), 12, 5)
    (found,) = planning.balance_of("", planning.rounds_of(plans, "overall"))
    assert found.orders == 12 * (replicates + 1)
    assert found.positions.smallest == found.positions.largest == found.orders // 6
    assert found.neighbours.smallest == found.neighbours.largest == found.orders // 6
    for one in plans:
        assert all(first.item != second.item for first, second in itertools.pairwise(one))
        assert max(Counter((trial.item, trial.order) for trial in one).values()) == 1


@pytest.mark.parametrize("seed", range(10))
@pytest.mark.parametrize("trained", [2, 3, 4])
def test_training_gives_way_so_that_the_tests_rounds_stay_balanced_in_every_attribute(trained, seed: int) -> None:
    whole = design_for(6, 4, replicates=1)
    both = ("overall", "clean")
    hidden = {(attribute, item): whole.hidden["overall", item] for attribute in both for item in whole.test}
    plans = planning.planned(replace(whole, attributes=both, training=whole.test[:trained], hidden=hidden), 6, seed)
    for attribute in both:
        (items,) = planning.balance_of("", planning.rounds_of(plans, attribute))
        (pages,) = planning.balance_of("", planning.pages_of(plans, attribute))
        assert items.positions == items.neighbours == Spread(3, 3, 3.0)
        assert pages.positions == pages.neighbours == Spread(8, 8, 8.0)
    assert all(first.item != second.item for one in plans for first, second in itertools.pairwise(one))


@pytest.mark.parametrize("seed", range(200))
def test_whatever_is_asked_for_every_page_is_there_once_and_no_item_follows_itself(seed: int) -> None:
    draw = random.Random(seed)
    whole = design_for(draw.randint(5, 9), draw.randint(6, 9))
    attributes = ("overall", "clean", "close")[: draw.randint(1, 3)]
    asked = replace(
        whole,
        attributes=attributes,
        training=whole.test[: draw.choice((0, 2, 3, 4))],
        hidden={
            (attribute, item): whole.hidden["overall", item][draw.choice((0, 0, 1)) :]
            for attribute in attributes
            for item in whole.test
        },
        replicates=draw.randint(0, 2),
        sessions=draw.randint(1, 2),
        per_listener=draw.choice((None, 6)),
        attention_checks=draw.randint(0, 1),
        attention=("a", "b"),
    )
    for one in planning.planned(asked, 4, seed):
        rated = Counter((t.attribute, t.item, t.replicate) for t in one if t.block == "test")
        assert len(rated) == len(attributes) * (asked.replicates + 1) * (asked.per_listener or len(asked.test))
        assert set(rated.values()) == {1}
        assert all(first.item != second.item for first, second in itertools.pairwise(one))
        pages = [t for t in one if t.block != "attention"]
        assert all(sorted(t.order) == sorted(asked.hidden[t.attribute, t.item]) for t in pages)
        assert max(Counter((t.item, t.order) for t in pages).values()) == 1


def test_a_plan_is_a_function_of_seeds_and_place() -> None:
    asked = replace(design_for(6, 4), listener=3, shared=11)
    assert plan(asked, 7) == plan(asked, 7)
    assert plan(asked, 7) != plan(replace(asked, listener=4), 7)
    assert plan(asked, 7) != plan(replace(asked, shared=12), 7)
    assert planning.planned(asked, 5, 1) == planning.planned(asked, 5, 1) != planning.planned(asked, 5, 2)


def test_no_position_tells_a_condition_at_any_place_in_the_queue() -> None:
    """For the 1st and the 4th listener over 2000 studies; chi-square, 99.99 % point of 25 degrees of freedom."""
    for listener in (0, 3):
        places = Counter()
        for seed in range(2000):
            places.update(
                enumerate(plan(replace(design_for(6, 4), listener=listener, shared=seed), seed + 9999)[1].order)
            )
        assert len(places) == 36
        assert sum((count - 2000 / 6) ** 2 / (2000 / 6) for count in places.values()) < 62.0


def test_balance_sees_a_planted_fault_and_counts_what_never_occurred() -> None:
    even = planning.pages_of(planning.planned(design_for(4, 4), 2, 1), "overall")
    (found,) = planning.balance_of("", [tuple(sorted(order)) for order in even])
    assert found.positions == Spread(0, 8, 2.0) and found.neighbours == Spread(0, 8, 2.0)


def test_samples_are_heard_equally_often_and_the_graph_of_who_heard_what_is_told() -> None:
    sampled = design_for(4, 6, per_listener=2)
    heard = planning.heard_by(sampled, planning.planned(sampled, 9, 3))
    assert set(heard.values()) == {3}
    three = planning.planned(sampled, 3, 3)
    assert sorted(len(group) for group in planning.groups_of(sampled, three)) == [2, 2, 2]
    assert [len(group) for group in planning.groups_of(sampled, planning.planned(sampled, 30, 3))] == [6]
    assert len(planning.groups_of(sampled, planning.planned(sampled, 1, 3))) == 5


def test_the_design_of_a_file_has_its_items_anchors_and_time(file: Path) -> None:
    experiment = load(file)
    found = planning.design_of(experiment)
    assert found.test == ("one (1)", "one (2)", "two", "three") and found.training == ("warm",)
    assert found.hidden["overall", "two"] == ("a", "b", "c", "lowpass-3500", "lowpass-7000", "reference")
    assert found.hidden["clean", "warm"] == ("a", "b", "c", "lowpass-3500", "reference")
    (one,) = planning.planned(found, 1, 0)
    seconds = 2.0 * (10 + 10 + 5 + 5 + 4) * (6 + 5)
    assert planning.seconds_of(experiment, one, factor=2.0) == {1: seconds}


def test_the_command_prints_the_same_plan_twice_and_the_proof(file: Path) -> None:
    asked = [str(file), "--listeners", "30", "--seed", "4"]
    text, again = (CliRunner().invoke(command, asked) for _ in range(2))
    assert text.exit_code == 0 and text.output == again.output
    assert text.output != CliRunner().invoke(command, [*asked[:-1], "5"]).output
    assert "overall: sounds on a page" in text.output and "--factor" in text.output
    assert "All items hang together" in text.output
    lines = [line for line in text.output.splitlines() if line.startswith("clean: sounds on a page")]
    assert [line.split()[-3:] for line in lines] == [["24", "24", "24"]] * 2


def test_the_command_tells_machines_all_of_it(file: Path) -> None:
    answer = CliRunner().invoke(command, [str(file), "--listeners", "3", "--format", "json"])
    told = json.loads(answer.output)
    assert told["schema"] == 1 and told["experiment"] == "plan" and len(told["experiment_sha256"]) == 64
    assert [len(one["trials"]) for one in told["listeners"]] == [10] * 3
    page = next(found for found in told["balance"] if found["what"] == "overall: sounds on a page")
    assert page["positions"] == {"smallest": 2, "largest": 2, "expected": 2.0}
    assert told["heard_by"] == {"one (1)": 3, "one (2)": 3, "two": 3, "three": 3}


def test_items_that_nobody_links_are_said(file: Path) -> None:
    file.write_text(FILE + "items_per_listener = 2\n")
    answer = CliRunner().invoke(command, [str(file), "--listeners", "2"])
    assert "2 groups that no listener links" in answer.output
    assert "items in a round" not in answer.output


def test_sessions_have_their_own_time(file: Path) -> None:
    file.write_text(FILE + "sessions = 2\nattention_checks = 1\n")
    answer = CliRunner().invoke(command, [str(file), "--listeners", "8"])
    assert answer.exit_code == 0 and "attention" in answer.output
    assert [line.split()[:2] for line in answer.output.splitlines()[-5:-3]] == [["1", "7"], ["2", "5"]]


@pytest.mark.parametrize("listeners", ["0", "1001", "many"])
def test_a_count_that_is_none_is_refused(file: Path, listeners: str) -> None:
    answer = CliRunner().invoke(command, [str(file), "--listeners", listeners])
    assert answer.exit_code == 2 and "--listeners" in answer.output


def test_a_file_with_mistakes_or_none_is_refused(tmp_path: Path) -> None:
    done = mushra("design", tmp_path / "no.toml", "--listeners", 2)
    assert done.returncode == 2 and "no such file" in done.stderr
    (tmp_path / "bad.toml").write_text("[experiment]\n")
    with pytest.raises(ExperimentError, match="name"):
        CliRunner().invoke(command, [str(tmp_path / "bad.toml"), "--listeners", "2"], catch_exceptions=False)


def test_people_who_enrol_take_up_the_square_where_the_last_one_stopped(tmp_path: Path) -> None:
    settings = Settings(data_dir=tmp_path / "data")
    database = Database(settings)
    schema.require(database, settings)
    tiny_set.make(tmp_path / "set")
    publish(tmp_path / "set", database, settings)
    for number in range(15):
        Guest(database, simulated=number % 3 == 1)
    with database.reading() as db:
        plans = [
            [
                tuple(slot.clip.condition.name for slot in trial.slots if slot.hidden)
                for trial in sitting.trials
                if trial.block == "test"
            ]
            for sitting in db.scalars(select(ListeningSession).order_by(ListeningSession.id))
            if not sitting.listener.simulated
        ]
    assert len(plans) == 10, "people; the programs among them took no row of theirs"
    (found,) = planning.balance_of("", [order for one in plans for order in one])
    assert found.positions.smallest == found.positions.largest == len(plans[0]) * 2
    assert found.neighbours.smallest == found.neighbours.largest
