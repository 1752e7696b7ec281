"""What the mixed model must give when the same ratings are written otherwise."""

from __future__ import annotations

import dataclasses

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from mixed_ratings import crossed, with_factors

from analysis.errors import AnalysisError
from analysis.statistics.mixed import means
from analysis.statistics.mixed.by_pair import by_pair
from analysis.statistics.mixed.deviance import solve
from analysis.statistics.mixed.fit import Fit, fit
from analysis.statistics.mixed.terms import maximal
from stimuli.experiment import Contrast, Side, contrast

PAIRS = [contrast("c00 - c01"), contrast("c00 - c02"), contrast("c01 - c02")]
NUMBERS = ["difference", "se", "df", "t", "p", "p_adjusted", "low", "high"]


def fitted(frame: pd.DataFrame) -> Fit:
    return fit(frame, maximal(frame))


def assert_same(found: pd.DataFrame, expected: pd.DataFrame) -> None:
    np.testing.assert_allclose(found[NUMBERS], expected[NUMBERS], rtol=2e-5, atol=1e-9)


@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(seed=st.integers(0, 10_000), missing=st.sampled_from([0.0, 0.1, 0.4]))
def test_order_and_names_of_rows_change_nothing(seed: int, missing: float) -> None:
    frame = crossed(seed, missing=missing)
    expected = fitted(frame)
    rng = np.random.default_rng(seed)
    turned = frame.sample(frac=1, random_state=seed)
    for column in ("listener", "item", "condition"):
        names = sorted(frame[column].unique())
        turned[column] = turned[column].map(
            dict(zip(names, rng.permutation([f"x{name}" for name in names]), strict=True))
        )
    renamed = dict(zip(frame.loc[turned.index, "condition"], turned["condition"], strict=True))
    pairs = [Contrast(*(Side(renamed[side.condition]) for side in pair)) for pair in PAIRS]
    found = fitted(turned)
    assert found.deviance == pytest.approx(expected.deviance, abs=1e-7)
    assert found.variances == pytest.approx(expected.variances, rel=1e-4, abs=1e-6)
    assert_same(means.contrasts(found, pairs), means.contrasts(expected, PAIRS))
    try:
        of_pairs = by_pair(frame, PAIRS)
    except AnalysisError:  # so few are drawn of a pair now and then that they leave no residual
        with pytest.raises(AnalysisError, match="leave no residual"):
            by_pair(turned, pairs)
    else:
        assert_same(by_pair(turned, pairs), of_pairs)


@pytest.mark.parametrize("missing", [0.0, 0.3])
@pytest.mark.parametrize("scale", [1e-3, 7.0, 1e4])
def test_another_scale_scales_the_answers(scale: float, missing: float) -> None:
    frame = crossed(11, missing=missing)
    expected, found = fitted(frame), fitted(frame.assign(rating=scale * frame["rating"]))
    residuals = expected.observations - len(expected.names)
    assert found.deviance == pytest.approx(expected.deviance + 2 * residuals * np.log(scale), abs=1e-6)
    assert found.theta == pytest.approx(expected.theta, rel=1e-5)
    own, same = means.contrasts(found, PAIRS), means.contrasts(expected, PAIRS)
    own[["difference", "se", "low", "high"]] /= scale
    assert_same(own, same)
    near, far = (means.equivalence(each, margin) for each, margin in ((same, 20), (own, 20)))
    np.testing.assert_allclose(far["p_equivalence"], near["p_equivalence"], rtol=1e-4)


@pytest.mark.parametrize("missing", [0.0, 0.3])
def test_points_for_everybody_move_the_means_alone(missing: float) -> None:
    frame = crossed(12, missing=missing)
    for shift in (-60.0, 1e5):
        expected, found = fitted(frame), fitted(frame.assign(rating=frame["rating"] + shift))
        assert found.deviance == pytest.approx(expected.deviance, abs=1e-6)
        assert_same(means.contrasts(found, PAIRS), means.contrasts(expected, PAIRS))
        moved = means.estimated_means(found)["mean"] - means.estimated_means(expected)["mean"]
        np.testing.assert_allclose(moved, shift, rtol=1e-9)


@pytest.mark.parametrize("missing", [0.0, 0.3])
def test_points_of_a_condition_move_its_contrasts_alone(missing: float) -> None:
    frame = crossed(13, missing=missing)
    better = frame.assign(rating=frame["rating"] + 5 * (frame["condition"] == "c01"))
    expected, found = (means.contrasts(fitted(each), PAIRS) for each in (frame, better))
    np.testing.assert_allclose(found["difference"] - expected["difference"], [-5, 0, 5], atol=1e-7)
    np.testing.assert_allclose(found[["se", "df"]], expected[["se", "df"]], rtol=1e-5)


def test_every_row_twice_is_a_sharper_residual_and_not_more_listeners() -> None:
    """Identical replicates: only what is one rating's own becomes surer, never what is a listener's or an item's.

    Doubled rows claim that a rating repeats to the digit, so that the residual goes down and the terms go up. The same
    rows as other listeners claim twice the listeners, and narrow the intervals far more.
    """
    frame = crossed(14, (12, 10, 3))
    twice = pd.concat([frame, frame.assign(replicate=1)])
    others = pd.concat([frame, frame.assign(listener="copy of " + frame["listener"])])
    once, doubled, copied = (fitted(each) for each in (frame, twice, others))
    assert doubled.variances["residual"] < once.variances["residual"]
    assert doubled.variances["listener:condition"] > once.variances["listener:condition"]
    found = [means.contrasts(each, PAIRS).iloc[0] for each in (once, doubled, copied)]
    np.testing.assert_allclose([each["difference"] for each in found], found[0]["difference"], atol=1e-9)
    assert found[2]["se"] < found[1]["se"]
    assert found[1]["se"] / found[0]["se"] > 0.9


@pytest.mark.parametrize("groups", [False, True])
def test_listeners_who_share_a_pattern_are_solved_as_if_each_had_their_own(groups: bool) -> None:
    frame = crossed(15, (10, 6, 3))
    if groups:
        frame["listener_group"] = np.where(frame["listener"] < "l05", "a", "b")
    frame = frame.drop(index=[0, 1, 20])
    shared = fitted(frame).cells
    assert len(shared.counts) == (4 if groups else 3)
    pattern = shared.pattern
    single = dataclasses.replace(
        shared,
        pattern=np.arange(10),
        counts=shared.counts[pattern],
        shared=np.ones(10),
        group=shared.group[pattern],
    )
    ratios = np.array([0.5, 0.2, 0.4, 0.3, 0.1])
    one, other = (solve(cells, ratios, reml=True) for cells in (shared, single))
    assert one.deviance == pytest.approx(other.deviance, abs=1e-9)
    np.testing.assert_allclose(one.slope_at(70.0), other.slope_at(70.0), atol=1e-8)
    np.testing.assert_allclose(one.fixed_inverse, other.fixed_inverse, rtol=1e-9)


def test_complete_data_have_the_differences_of_plain_means() -> None:
    frame = crossed(16)
    plain = frame.groupby("condition")["rating"].mean()
    found = means.contrasts(fitted(frame), PAIRS)
    expected = [plain[pair.first.condition] - plain[pair.second.condition] for pair in PAIRS]
    np.testing.assert_allclose(found["difference"], expected, atol=1e-9)
    np.testing.assert_allclose(by_pair(frame, PAIRS)["difference"], expected, atol=1e-9)


def test_a_third_condition_does_not_enter_a_contrast_by_pair() -> None:
    frame = crossed(17, missing=0.2)
    wild = frame.assign(rating=frame["rating"].where(frame["condition"] != "c02", 3 * frame["rating"] - 100))
    pair = [contrast("c00 - c01")]
    assert_same(by_pair(wild, pair), by_pair(frame, pair))
    pooled = [means.contrasts(fitted(each), pair)["se"][0] for each in (frame, wild)]
    assert pooled[1] > 1.2 * pooled[0]


def test_sides_on_other_pages_are_compared_by_pair_too() -> None:
    frame = with_factors(8)
    wanted = [contrast("a on target=vocals - a on target=drums"), contrast("a - b on target=drums")]
    found = by_pair(frame, wanted)
    own = frame[frame["condition"] == "a"].groupby(["target", "listener", "item"])["rating"].mean()
    rough = own["vocals"].mean() - own["drums"].mean()
    assert found["difference"][0] == pytest.approx(rough, abs=3)
    whole = means.contrasts(fitted(frame), wanted)
    np.testing.assert_allclose(found["difference"], whole["difference"], atol=3)
    assert list(found["first"]) == ["a on target=vocals", "a on target=drums"]
    assert list(found["contrast"]) == [str(wish) for wish in wanted]
