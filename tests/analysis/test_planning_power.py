"""What can be found: the reference's table to its printed digits, and what must hold for any plan."""

from __future__ import annotations

import dataclasses
import itertools

import numpy as np
import pytest
from scipy import stats

from analysis.errors import AnalysisError
from analysis.statistics.planning import power
from analysis.statistics.planning.components import PRESETS, Components
from analysis.statistics.planning.simulate import simulate
from analysis.statistics.planning.trials import Trials

SISEC08, MODERATE = PRESETS["sisec08"].components, PRESETS["moderate"].components
THESE = power.Claim("these items")
NO_ITEMS = dataclasses.replace(MODERATE, item_condition=0)
LISTENERS, ITEMS = (10, 20, 30, 60), (5, 8, 12, 20, 30)
# Smallest true difference for 80 % power, as the project's reference prints it: a row for each number of items.
TABLE = {
    "sisec08": (
        SISEC08,
        "20.8 20.5 20.4 20.3 / 14.8 14.4 14.2 14.1 / 11.7 11.2 11.1 10.9 / 9.1 8.6 8.4 8.2 / 7.7 7.1 6.9 6.6",
    ),
    "6/4/9": (MODERATE, "13.1 11.0 10.3 9.7 / 11.1 8.8 8.0 7.2 / 10.1 7.7 6.8 5.9 / 9.4 6.9 5.9 4.9 / 9.1 6.4 5.5 4.4"),
    "6/0/9": (NO_ITEMS, "10.5 6.9 5.5 3.9 / 9.6 6.4 5.1 3.6 / 9.2 6.1 4.9 3.4 / 8.9 5.9 4.7 3.3 / 8.8 5.8 4.7 3.2"),
}


@pytest.mark.parametrize("name", TABLE)
def test_the_table_of_the_reference_is_reproduced_to_the_printed_digit(name: str) -> None:
    components, printed = TABLE[name]
    counts = [Trials(listeners, items) for listeners in LISTENERS for items in ITEMS]
    found = power.table(components, counts).set_index(["items", "listeners"])
    for items, row in zip(ITEMS, printed.split(" / "), strict=True):
        own = [f"{found.loc[(items, listeners), 'difference']:.1f}" for listeners in LISTENERS]
        assert own == row.split(), items


def test_for_these_items_it_is_students_t_over_listener_means() -> None:
    for listeners, items in itertools.product(LISTENERS, ITEMS):
        error, df = power.standard_error(MODERATE, Trials(listeners, items), "these items")
        assert df == listeners - 1
        assert error**2 == pytest.approx(2 * 36 / listeners + 2 * 81 / (listeners * items))
        # The reference's last column asks items for degrees of freedom, too: a little more, never less.
        without = power.smallest_difference(NO_ITEMS, Trials(listeners, items))
        assert 1 < without / power.smallest_difference(MODERATE, Trials(listeners, items), claim=THESE) < 1.04


def test_power_is_the_inverse_of_the_smallest_difference() -> None:
    for wanted, claim in itertools.product((0.5, 0.8, 0.95), (power.Claim(), THESE, power.Claim(contrasts=6))):
        trials = Trials(20, 8)
        least = power.smallest_difference(SISEC08, trials, power=wanted, claim=claim)
        assert power.power(SISEC08, trials, least, claim=claim) == pytest.approx(wanted, abs=1e-12)
        assert power.power(SISEC08, trials, -least, claim=claim) == pytest.approx(wanted, abs=1e-12)
        margin = power.smallest_margin(SISEC08, trials, power=wanted, claim=claim)
        assert power.equivalence_power(SISEC08, trials, margin, claim=claim) == pytest.approx(wanted, abs=1e-12)


def test_power_agrees_with_the_noncentral_t_distribution() -> None:
    for preset, listeners, items in itertools.product(PRESETS.values(), LISTENERS, ITEMS):
        trials = Trials(listeners, items)
        error, df = power.standard_error(preset.components, trials)
        least = power.smallest_difference(preset.components, trials)
        assert stats.nct.sf(stats.t.ppf(0.975, df), df, least / error) == pytest.approx(0.8, abs=0.02)


def test_equivalence_power_agrees_with_tests_of_drawn_means_and_deviations() -> None:
    trials, rng, draws = Trials(20, 8), np.random.default_rng(5), 200_000
    error, df = power.standard_error(MODERATE, trials, "these items")
    for margin, difference in ((5, 0), (5, 2), (8, 0), (8, 5), (3, 0)):
        mean = rng.normal(difference, error, draws)
        reach = stats.t.ppf(0.95, df) * error * np.sqrt(rng.chisquare(df, draws) / df)
        simulated = float((np.abs(mean) + reach < margin).mean())
        found = power.equivalence_power(MODERATE, trials, margin, difference=difference, claim=THESE)
        assert found == pytest.approx(simulated, abs=0.02), (margin, difference)


def test_more_of_anything_finds_smaller_differences() -> None:
    plan = Trials(20, 8, systems=6, per_page=3)
    least = power.smallest_difference(MODERATE, plan)
    for better in ({"listeners": 21}, {"items": 9}, {"replicates": 1}, {"per_page": 4}, {"per_page": None}):
        assert power.smallest_difference(MODERATE, dataclasses.replace(plan, **better)) < least, better
    for worse in ({"targets": 2}, {"per_page": 2}, {"systems": 7}):
        assert power.smallest_difference(MODERATE, dataclasses.replace(plan, **worse)) > least, worse


def test_scaling_the_components_scales_the_difference() -> None:
    doubled = Components(**{name: 2 * value for name, value in dataclasses.asdict(SISEC08).items()})
    trials = Trials(14, 9)
    assert power.smallest_difference(doubled, trials) == pytest.approx(2 * power.smallest_difference(SISEC08, trials))


def test_listener_and_item_levels_cancel_on_complete_pages() -> None:
    louder = dataclasses.replace(MODERATE, listener=30, item=30, listener_item=30)
    assert power.smallest_difference(louder, Trials(20, 8)) == power.smallest_difference(MODERATE, Trials(20, 8))


def test_a_contrast_on_one_target_has_only_the_items_of_that_target() -> None:
    of_three, alone = Trials(20, 25, targets=3), Trials(20, 8)
    assert power.smallest_difference(MODERATE, of_three) == power.smallest_difference(MODERATE, alone)


def test_all_systems_on_a_page_are_no_incomplete_block() -> None:
    whole, said = Trials(20, 8, systems=5), Trials(20, 8, systems=5, per_page=5)
    assert power.smallest_difference(MODERATE, said) == pytest.approx(power.smallest_difference(MODERATE, whole))


def test_pages_with_one_system_of_two_count_as_far_as_they_can_be_compared() -> None:
    """3 of 6 systems a page: both on 1/5 of the pages, one of them without the other on 3/10 for each."""
    only_noise = Components(0, 0, listener_item=0, listener_condition=0, item_condition=0, residual=10)
    trials = Trials(20, 10, systems=6, per_page=3)
    assert power.standard_error(only_noise, trials)[0] ** 2 == pytest.approx(2 * 100 / (200 * (1 / 5 + 3 / 10)))
    most_together = Trials(20, 10, systems=6, per_page=5)  # both on 2/3 of the pages: the differences are enough
    assert power.standard_error(only_noise, most_together)[0] ** 2 == pytest.approx(2 * 100 / (200 * 2 / 3))
    far = dataclasses.replace(only_noise, listener_item=100)
    assert power.standard_error(far, trials)[0] ** 2 == pytest.approx(2 * 100 / (200 * (1 / 5 + 3 / 10 / 101)))


def test_listeners_with_a_part_of_the_items_rate_fewer_pages_of_as_many_items() -> None:
    """Only the residual has fewer pages to be averaged over; all items are still heard."""
    error, _ = power.standard_error(MODERATE, Trials(20, 16, per_listener=8))
    assert error**2 == pytest.approx(2 * 36 / 20 + 2 * 16 / 16 + 2 * 81 / (20 * 8))
    whole = power.standard_error(MODERATE, Trials(20, 16))
    assert power.standard_error(MODERATE, Trials(20, 16, per_listener=16)) == pytest.approx(whole)


def test_several_contrasts_are_planned_for_the_first_step_of_holms_procedure() -> None:
    """A t of 1 - 0.05/2m: with 6 contrasts, 1 - 1/240."""
    error, df = power.standard_error(MODERATE, Trials(20, 8))
    found = power.smallest_difference(MODERATE, Trials(20, 8), claim=power.Claim(contrasts=6))
    assert found == pytest.approx(error * (stats.t.ppf(1 - 1 / 240, df) + stats.t.ppf(0.8, df)))


def test_the_table_says_what_half_as_many_again_would_do() -> None:
    (row,) = power.table(SISEC08, [Trials(20, 5)]).to_dict("records")
    assert row["more_listeners"] == power.smallest_difference(SISEC08, Trials(30, 5))
    assert row["more_items"] == power.smallest_difference(SISEC08, Trials(20, 8))
    (row,) = power.table(SISEC08, [Trials(20, 16, per_listener=8)]).to_dict("records")
    assert row["more_items"] == power.smallest_difference(SISEC08, Trials(20, 24, per_listener=12))


def test_these_items_are_found_as_often_as_said() -> None:
    """Student's t over listener means in 1,500 tests of 12 listeners: nothing of these items varies."""
    trials, runs = Trials(12, 6), 1500
    least = power.smallest_difference(MODERATE, trials, claim=THESE)
    everybody = Trials(trials.listeners * runs, trials.items)
    frame = simulate(NO_ITEMS, everybody, {"a": 50 + least, "b": 50}, seed=12)
    means = frame.groupby(["listener", "condition"])["rating"].mean().unstack("condition")
    differences = (means["a"] - means["b"]).to_numpy().reshape(runs, trials.listeners)
    found = float((stats.ttest_1samp(differences, 0, axis=1).pvalue < 0.05).mean())
    error, df = power.standard_error(MODERATE, trials, "these items")
    exact = stats.nct.sf(stats.t.ppf(0.975, df), df, least / error)
    low, high = stats.binom.ppf([0.0005, 0.9995], runs, exact) / runs
    assert low <= found <= high and exact == pytest.approx(0.8, abs=0.01)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: power.smallest_difference(MODERATE, Trials(5, 5), power=1.0), "power: found 1.0"),
        (lambda: power.Claim(contrasts=0), "contrasts: found 0"),
        (lambda: Trials(5, 5, per_listener=6), "items per listener: found 6; expected 1 to 5"),
        (lambda: power.smallest_margin(MODERATE, Trials(5, 5), power=0.2), "power: found 0.2"),
        (lambda: power.equivalence_power(MODERATE, Trials(5, 5), 0), "margin: found 0"),
        (
            lambda: power.standard_error(Components(1, 1, 1, 0, 5, 0), Trials(5, 5), "these items"),
            "every difference would be found",
        ),
    ],
)
def test_what_can_not_be_is_said(make, message: str) -> None:
    with pytest.raises(AnalysisError, match=message):
        make()
