"""Excerpts found by a rule: where sound was planted, the rule must find it."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from small_world import RATE_HZ, noise

from stimuli.errors import StimuliError
from stimuli.experiment import Excerpt
from stimuli.sources import excerpts
from stimuli.sources.song import SynthesisedSong

LENGTH_S = 40.0


def song(voice: tuple[float, float] = (12, 18), clicks: tuple[float, float] = (22, 28)) -> SynthesisedSong:
    """Forty seconds: singing in one place, a loud band in another, many onsets in a third."""
    time = np.arange(round(LENGTH_S * RATE_HZ)) / RATE_HZ
    sung = noise(1, LENGTH_S) * ((time >= voice[0]) & (time < voice[1]))[:, None]
    band = noise(2, LENGTH_S) * np.where((time >= 31) & (time < 37), 2.0, 0.2)[:, None].astype(np.float32)
    inside = (time >= clicks[0]) & (time < clicks[1])
    ticks = (np.exp(-40 * (time % 0.15)) * inside)[:, None].astype(np.float32) * noise(3, LENGTH_S) * 4
    return SynthesisedSong("S", RATE_HZ, {"vocals": sung, "other": band + ticks})


def found(rule: str, **more: float) -> list[float]:
    wanted = Excerpt(rule=rule, length_s=6.0, **more)
    return excerpts.starts(wanted, excerpts.curve(rule, song()), LENGTH_S)


@pytest.mark.parametrize(("rule", "start_s"), [("vocal-activity", 12.0), ("energy", 31.0), ("onset-density", 22.0)])
def test_a_rule_finds_what_it_looks_for(rule, start_s) -> None:
    assert found(rule)[0] == pytest.approx(start_s, abs=0.3)


def test_several_excerpts_do_not_overlap_and_the_best_comes_first() -> None:
    starts = found("energy", count=4)
    assert starts[0] == pytest.approx(31.0, abs=0.3) and len(starts) == 4
    assert all(later - earlier >= 6 for earlier, later in itertools.pairwise(sorted(starts)))
    assert min(starts) >= 0 and max(starts) <= 34


def test_equal_ones_are_ordered_by_the_seed_and_by_nothing_else() -> None:
    flat = np.ones(400)
    chosen = {
        seed: excerpts.starts(Excerpt(rule="energy", length_s=6.0, seed=seed), flat, LENGTH_S) for seed in range(9)
    }
    again = excerpts.starts(Excerpt(rule="energy", length_s=6.0, seed=3), flat, LENGTH_S)
    assert chosen[3] == again and len({starts[0] for starts in chosen.values()}) > 5


def test_as_many_as_fit_are_found_wherever_the_best_one_lies() -> None:
    """A first choice in the middle of the room must not make the others impossible."""
    for seed in range(20):
        wanted = Excerpt(rule="energy", length_s=6.0, count=6, seed=seed)
        assert len(excerpts.starts(wanted, np.ones(400), LENGTH_S)) == 6


def test_too_many_and_too_long_are_said() -> None:
    with pytest.raises(StimuliError, match=r"6 excerpts of 6 s that don't overlap fit, 7 are asked for; lower count"):
        found("energy", count=7)
    with pytest.raises(StimuliError, match=r"40.00 s long: 0 excerpts of 50 s"):
        excerpts.starts(Excerpt(rule="energy", length_s=50), np.ones(400), LENGTH_S)
    without = SynthesisedSong("S", RATE_HZ, {"drums": noise(1, 5)})
    with pytest.raises(StimuliError, match="the rule vocal-activity needs the stem vocals; found drums; use rule"):
        excerpts.curve("vocal-activity", without)


def test_systems_disagree_where_they_differ() -> None:
    one, other = noise(1, 20), noise(1, 20).copy()
    other[8 * RATE_HZ : 14 * RATE_HZ] = noise(2, 6)
    values = excerpts.disagreement([one, other], noise(1, 20), RATE_HZ)
    assert excerpts.starts(Excerpt(rule="disagreement", length_s=6.0), values, 20.0)[0] == pytest.approx(8.0, abs=0.2)
    assert excerpts.disagreement([one, one], one, RATE_HZ).max() < 1e-9


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        ({"length_s": 5}, "either start_s or rule"),
        ({"start_s": 1, "rule": "energy"}, "either start_s or rule"),
        ({"start_s": 1, "count": 2}, "count and seed belong to an excerpt that is found by a rule"),
    ],
)
def test_an_excerpt_is_given_or_found(wrong, says) -> None:
    with pytest.raises(ValueError, match=says):
        Excerpt(**wrong)
