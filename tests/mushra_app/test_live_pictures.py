"""The small pictures of the tab "Live": what they draw, held against what they were told."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mushra_app.studio.live import ages, pace, squares
from mushra_app.studio.live.timeline import LANE, WIDTH, Happened, timeline
from mushra_app.study.sittings import Sitting, _read, age_s

NOW = datetime(2026, 1, 1, tzinfo=UTC)
TIMES = st.lists(st.floats(0.0, 1e6), min_size=1, max_size=40)


def sitting(*times_s: float) -> Sitting:
    trials = "e" * len(times_s)
    return Sitting(
        "L", "", 1, "started", False, False, True, NOW, NOW, trials, "1" * len(trials), dict(enumerate(times_s, 1))
    )


@given(TIMES)
def test_quartiles_are_numpys(times: list[float]) -> None:
    assert pace.quartiles(sorted(times)) == pytest.approx(np.percentile(times, [25, 50, 75]))


@given(st.lists(TIMES, min_size=1, max_size=5))
def test_no_picture_of_times_is_lower_than_what_it_shows(sessions: list[list[float]]) -> None:
    found = pace.pace([sitting(*times) for times in sessions])
    assert found and found.top_s > 0
    assert all(0 <= step.lower <= step.median <= step.upper <= found.top_s * (1 + 1e-9) for step in found.steps)
    assert sum(step.count for step in found.steps) == sum(map(len, sessions))


def test_without_a_save_there_is_no_pace_and_no_bar() -> None:
    assert pace.pace([sitting()]) is None
    assert [bar.count for bar in pace.stops([2, 2, 4], 3)] == [0, 2, 0, 1] and pace.stops([], 0) == ()


def test_marks_tell_kinds_by_shape_and_states_by_path() -> None:
    found = squares.marks("tea", "100", here=2)
    assert (found.saved.count("M"), found.to_come.count("M"), bool(found.here), found.stopped) == (1, 2, True, "")
    assert "a5 5" in found.saved and "h10v10" in found.to_come and "l5-6" in found.to_come
    assert squares.marks("tea", "111", stopped=4).stopped == "", "after the last trial there is no mark"
    assert re.findall(r"M([\d.]+) ", squares.marks("ee", "00").to_come) == ["2", "16"]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2,e,0,0 1,t,1,305", ("te", "10", {1: 30.5})),
        ("1,e,2,200 1,e,10,100 1,e,1,300", ("e", "1", {1: 10.0})),  # revision 10 is later than 2
        ("10,a,0,0 9,e,1,7", ("ea", "10", {9: 0.7})),
        ("", ("", "", {})),
    ],
)
def test_trials_are_read_in_the_order_of_the_session(text: str, expected: object) -> None:
    assert _read(text) == expected


def boxes(path: str) -> list[tuple[float, float, float]]:
    """Left, top and width of every bar."""
    return [tuple(map(float, found)) for found in re.findall(r"M([\d.]+) ([\d.]+)h([\d.]+)", path)]  # type: ignore[misc]


def test_a_sound_plays_until_the_next_switch_or_pause_or_the_end() -> None:
    events = [
        Happened(0, "play", 0),
        Happened(2, "switch", 1),
        Happened(3, "slider", 1),
        Happened(4, "pause", 1),
        Happened(6, "blur", None),
        Happened(7, "focus", None),
        Happened(8, "play", 0),
    ]
    found = timeline(events, ["1", "2"], 10.0)
    assert [(lane.heard_s, lane.moved) for lane in found.lanes] == [(4.0, 0), (2.0, 1)]
    assert boxes(found.lanes[0].plays) == [(0, 4, 0.2 * WIDTH), (0.8 * WIDTH, 4, 0.2 * WIDTH)]
    assert boxes(found.lanes[1].plays) == [(0.2 * WIDTH, LANE + 4, 0.2 * WIDTH)]
    assert boxes(found.away) == [(0.6 * WIDTH, 0, 0.1 * WIDTH)]


KINDS = st.sampled_from(["play", "pause", "switch", "seek", "loop", "slider", "gain", "blur", "focus"])


@given(
    st.lists(st.builds(Happened, st.floats(0, 1e7), KINDS, st.none() | st.integers(0, 2)), max_size=60),
    st.floats(0, 1e7),
)
def test_whatever_a_page_reports_stays_in_the_picture(events: list[Happened], length_s: float) -> None:
    found = timeline(events, ["1", "2", "Reference"], length_s)
    for lane in found.lanes:
        assert all(left >= 0 and left + width <= WIDTH + 1.1 for left, _, width in boxes(lane.plays))
    assert sum(lane.heard_s for lane in found.lanes) <= found.length_s * (1 + 1e-9) + 0.3
    assert 1 <= len(found.ticks) <= 8 and all(0 < x <= WIDTH for _, x in found.ticks)


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (0, "just now"),
        (59.9, "just now"),
        (60, "1 minute ago"),
        (3599, "59 minutes ago"),
        (3600, "1 hour ago"),
        (47.9 * 3600, "47 hours ago"),
        (48 * 3600, "2 days ago"),
    ],
)
def test_ages_are_in_the_largest_whole_unit(seconds: float, words: str) -> None:
    assert ages.ago(seconds) == words


def test_what_lies_in_the_future_is_just_now() -> None:
    assert age_s(NOW, NOW + timedelta(hours=1)) == 0 and age_s(NOW, NOW - timedelta(seconds=5)) == 5
