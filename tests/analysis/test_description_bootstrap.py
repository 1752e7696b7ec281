"""The two-way bootstrap: against drawing rows by hand, and how often its intervals hold what they are about."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from analysis.errors import AnalysisError
from analysis.statistics.description.bootstrap import cluster_interval
from stimuli.experiment import Side, contrast


def rated(
    draw: np.random.Generator, listeners: int = 12, items: int = 8, *, sd: tuple[float, ...] = (5, 6, 4, 4, 6)
) -> pd.DataFrame:
    """Two conditions: 60 and 55 points, with effects of listener, item, both with condition, and noise."""
    lean, ease = draw.normal(0, sd[0], (listeners, 1, 1)), draw.normal(0, sd[1], (1, items, 1))
    own = draw.normal(0, sd[2], (listeners, 1, 2)) + draw.normal(0, sd[3], (1, items, 2))
    values = np.array([60.0, 55.0]) + lean + ease + own + draw.normal(0, sd[4], (listeners, items, 2))
    places = np.indices(values.shape).reshape(3, -1)
    return pd.DataFrame(
        {
            "listener": [f"L{n:02d}" for n in places[0]],
            "item": [f"i{n:02d}" for n in places[1]],
            "condition": np.array(["a", "b"])[places[2]],
            "replicate": 0,
            "rating": values.ravel(),
        }
    )


def by_hand(frame: pd.DataFrame, condition: str, draws: int, seed: int) -> np.ndarray:
    """Means of one condition with rows drawn one by one."""
    draw = np.random.default_rng(seed)
    cells = frame[frame["condition"] == condition].set_index(["listener", "item"])["rating"].to_dict()
    listeners, items = (sorted(set(frame[name])) for name in ("listener", "item"))
    found = []
    for _ in range(draws):
        chosen = draw.choice(items, len(items))
        drawn = [(a, b) for a in draw.choice(listeners, len(listeners)) for b in chosen]
        found.append(np.mean([cells[cell] for cell in drawn if cell in cells]))
    return np.array(found)


def test_intervals_are_those_of_drawing_rows_by_hand_with_holes_too() -> None:
    frame = rated(np.random.default_rng(3), 8, 5).sample(frac=0.8, random_state=1)
    found = cluster_interval(frame, [Side("a")], draws=20_000, seed=1).iloc[0]
    drawn = by_hand(frame, "a", 4000, seed=2)
    spread = drawn.std()
    assert found["estimate"] == pytest.approx(frame.query("condition == 'a'")["rating"].mean())
    np.testing.assert_allclose([found["low"], found["high"]], np.quantile(drawn, [0.025, 0.975]), atol=0.12 * spread)


def test_a_contrast_is_of_differences_within_pages() -> None:
    frame = rated(np.random.default_rng(4))
    found = cluster_interval(frame, [contrast("a - b"), Side("a"), Side("b")], seed=1)
    wide = frame.pivot_table(index=["listener", "item"], columns="condition", values="rating")
    difference = (wide["a"] - wide["b"]).rename("rating").reset_index().assign(condition="d", replicate=0)
    alone = cluster_interval(difference, [Side("d")], seed=1)
    np.testing.assert_allclose(found.iloc[0, 1:].astype(float), alone.iloc[0, 1:].astype(float))
    width = found["high"] - found["low"]
    assert width[0] < np.hypot(width[1], width[2]), "what listeners and items share is no part of a difference"
    assert found["wanted"].tolist() == ["a - b", "a", "b"]


def test_pages_without_both_sides_say_nothing_of_a_difference() -> None:
    frame = rated(np.random.default_rng(5))
    odd = frame["item"].isin(["i00", "i01", "i02"]) & (frame["condition"] == "b")
    spoilt = frame[~odd].assign(rating=lambda t: t["rating"] + 1000 * t["item"].isin(["i00", "i01", "i02"]))
    kept = frame[~frame["item"].isin(["i00", "i01", "i02"])]
    found, expected = (cluster_interval(f, [contrast("a - b")], seed=1)["estimate"][0] for f in (spoilt, kept))
    assert found == pytest.approx(expected)


def test_seen_against_unseen_and_groups_are_differences_of_means() -> None:
    frame = rated(np.random.default_rng(6), 14, 10)
    frame["dataset"] = np.where(frame["item"] < "i05", "seen", "unseen")
    frame["listener_group"] = np.where(frame["listener"] < "L07", "x", "y")
    wanted = [contrast("a on dataset=seen - a on dataset=unseen"), contrast("a on group=x - b on group=y")]
    found = cluster_interval(frame, wanted, seed=1)
    a, b = (frame[frame["condition"] == c] for c in "ab")
    means = [
        own.groupby(by)["rating"].mean() for own, by in ((a, "dataset"), (a, "listener_group"), (b, "listener_group"))
    ]
    assert found["estimate"].tolist() == pytest.approx(
        [means[0]["seen"] - means[0]["unseen"], means[1]["x"] - means[2]["y"]]
    )
    assert (found["low"] < found["estimate"]).all() and (found["estimate"] < found["high"]).all()


def test_replicates_weigh_no_more_and_order_and_shift_do_not_matter() -> None:
    frame, wanted = rated(np.random.default_rng(7)), [Side("a"), contrast("a - b")]
    expected = cluster_interval(frame, wanted, seed=1)
    twice = pd.concat([frame, frame[frame["item"] < "i03"].assign(replicate=1)])
    pd.testing.assert_frame_equal(cluster_interval(twice, wanted, seed=1), expected)
    shuffled = cluster_interval(frame.sample(frac=1, random_state=2), wanted, seed=1)
    pd.testing.assert_frame_equal(shuffled, expected)
    shifted = cluster_interval(frame.assign(rating=frame["rating"] * 2 + 7), wanted, seed=1)
    np.testing.assert_allclose(shifted.iloc[0, 1:].astype(float), expected.iloc[0, 1:].astype(float) * 2 + 7)
    np.testing.assert_allclose(shifted.iloc[1, 1:].astype(float), expected.iloc[1, 1:].astype(float) * 2)
    assert not cluster_interval(frame, wanted, seed=2).equals(expected)


def test_excerpts_of_a_song_are_drawn_together() -> None:
    frame = rated(np.random.default_rng(8), 20, 12, sd=(1, 12, 1, 1, 1))
    frame["song"] = frame["item"].map(lambda item: f"s{int(item[1:]) // 4}")
    lifted = frame.assign(rating=frame["rating"] + 25 * (frame["song"] == "s0"))
    apart, together = (cluster_interval(lifted, [Side("a")], seed=1, unit=u).iloc[0] for u in ("item", "song"))
    assert apart["estimate"] == together["estimate"]
    assert together["high"] - together["low"] > 1.2 * (apart["high"] - apart["low"])


def test_intervals_hold_the_true_difference_about_nineteen_times_in_twenty() -> None:
    draw = np.random.default_rng(9)
    hits = []
    for seed in range(120):
        found = cluster_interval(rated(draw, 16, 14), [contrast("a - b")], draws=400, seed=seed).iloc[0]
        hits.append(found["low"] <= 5 <= found["high"])
    assert 0.87 <= np.mean(hits) <= 0.995


def test_what_is_missing_is_said() -> None:
    frame = rated(np.random.default_rng(1))
    for column in ("listener", "item"):
        with pytest.raises(AnalysisError, match=f"the bootstrap needs two {column}s or more, found 1"):
            cluster_interval(frame[frame[column] == frame[column].iloc[0]], [Side("a")], seed=1)
    found = cluster_interval(frame, [Side("nobody"), contrast("a - nobody")], seed=1)
    assert found[["estimate", "low", "high"]].isna().all(axis=None)
    assert cluster_interval(frame, [], seed=1).empty
