"""The second half of the name MUSHRA: every rule of a run, each with a run that breaks just that one."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from server_guests import Guest, calibrate
from studio_people import AN_OWNER

from mushra_app.conduct import MULTI_STIMULUS, MUSHRA, RUN_RULES, Sitting, called, check_run, sittings_of
from mushra_app.export import rows, run_of
from mushra_app.studio.test import overview
from mushra_app.study import lifecycle

GOOD = Sitting("L-1", False, True, "experienced", "headphones", 78.0, frozenset({"bs1534"}))
OTHERS = (GOOD, replace(GOOD, listener="L-2", level_db_a=74.0), replace(GOOD, listener="L-3", level_db_a=82.0))


def broken(*sittings: Sitting) -> dict[str, str]:
    return {result.rule: result.message for result in check_run(sittings) if not result.passed}


def test_a_good_run_earns_the_name() -> None:
    assert broken(*OTHERS) == {} and called(check_run(OTHERS)) == MUSHRA
    assert broken(*(replace(one, transducer="loudspeakers") for one in OTHERS)) == {}


CASES: list[tuple[str, dict[str, Any], str]] = [
    ("run-people", {"simulated": True}, "1 of 4 sessions by programs, not people; a rehearsal earns no name"),
    ("run-training", {"trained": False}, "1 of 4 sessions without training; give an item"),
    ("run-assessors", {"experience": "inexperienced"}, "1 of 4 sessions by listeners who did not say"),
    ("run-assessors", {"experience": ""}, "1 of 4 sessions by listeners who did not say"),
    ("run-transducer", {"transducer": "loudspeakers"}, "listened on: headphones, loudspeakers; ask for"),
    ("run-transducer", {"transducer": ""}, "listened on: headphones, not recorded; ask for"),
    ("run-level", {"level_db_a": None}, "no calibrated listening level is on record for 1 of 4 sessions; calibrate"),
    ("run-level", {"level_db_a": 73.9}, "1 of 4 sessions at another level (73.9 to 82 dB(A)); calibrate"),
    (
        "run-switching",
        {"fade_modes": frozenset({"bs1534", "crossfade"})},
        "1 of 4 sessions with other switching (crossfade); set",
    ),
    (
        "run-switching",
        {"fade_modes": frozenset({"crossfade"})},
        "1 of 4 sessions with other switching (crossfade); set",
    ),
    ("run-sounds", {"altered": 2}, "1 of 4 sessions in which the browser decoded sounds otherwise than they were"),
    ("run-switching", {"fade_modes": frozenset({""})}, "1 of 4 sessions with other switching, or it was not recorded"),
]


@pytest.mark.parametrize(("rule", "change", "sentence"), CASES)
def test_each_rule_is_broken_alone_and_takes_the_name(rule: str, change: dict[str, Any], sentence: str) -> None:
    run = (*OTHERS, replace(GOOD, listener="L-4", **change))
    found = broken(*run)
    assert set(found) == {rule} and found[rule].startswith(sentence)
    assert called(check_run(run)) == (MUSHRA if rule == "run-sounds" else MULTI_STIMULUS)


def test_nobody_yet_earns_nothing() -> None:
    assert broken() == {"run-people": "nobody has finished the test yet; " + RUN_RULES[0].mend}


def test_every_rule_has_a_case() -> None:
    assert {case[0] for case in CASES} == {rule.id for rule in RUN_RULES}


def row(**changes: Any) -> dict[str, Any]:
    told = {"listener": "L-1", "session": "1", "simulated": False, "finished": True, "training": False}
    return (
        told
        | {"experience": "experienced", "transducer": "headphones", "level_db_a": 78.0, "altered": 0}
        | {"fade_mode": "bs1534"}
        | changes
    )


def test_rows_are_gathered_by_session() -> None:
    """One training serves several sessions; what is not finished is no part of the run; training's player neither."""
    found = sittings_of(
        [
            row(training=True, fade_mode="crossfade"),
            row(),
            row(session="2", fade_mode="crossfade"),
            row(session="2"),
            row(session="3", listener="L-2"),
            row(session="4", listener="L-3", finished=False),
            row(session="5", listener="L-4", finished=False, training=True),
            row(session="6", listener="L-4"),
        ]
    )
    assert found == (
        GOOD,
        replace(GOOD, fade_modes=frozenset({"bs1534", "crossfade"})),
        replace(GOOD, listener="L-2", trained=False),
        replace(GOOD, listener="L-4"),
    )


def test_the_studio_names_what_is_missing_even_of_a_set_with_a_silent_clip(published) -> None:
    """The database keeps an infinite loudness as null, which no manifest would pass with."""
    broken = {"rule": "items", "clause": "7", "severity": "must", "passed": False, "message": "2 items"}
    with published.writing() as db:
        version = lifecycle.current(db, "tiny")
        clips = [clip | {"lufs_before": None} for clip in version.manifest["clips"]]
        version.manifest = version.manifest | {"clips": clips, "rules": [broken]}
    with published.reading() as db:
        page = overview.study(db, "tiny", AN_OWNER, listener_url="")
    assert page.called == MULTI_STIMULUS and [rule.rule for rule in page.broken] == ["items", "run-people"]


def test_the_database_and_an_export_tell_the_same(published) -> None:
    """Two ways to the same records: summed up in SQL for a page, and row by row for the report."""
    calibrate(published)
    Guest(published, at="Booth 1").finish()
    Guest(published, simulated=True, experience="inexperienced").finish()
    Guest(published).trial()  # begun, not finished
    with published.reading() as db:
        found = run_of(db, lifecycle.current(db, "tiny"))
        assert found == sittings_of(rows(db, "tiny")) and len(found) == 2
    assert found[0] == replace(GOOD, listener=found[0].listener)
    assert {result.rule for result in check_run(found) if not result.passed} == {
        "run-people",
        "run-assessors",
        "run-level",
    }
