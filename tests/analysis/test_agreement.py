"""Metrics held against ratings as a whole: planted truths, what must not matter, sentences, and real votes."""

from __future__ import annotations

import dataclasses
import resource
import time
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy import stats
from simulated_metrics import follows, metrics, quality, ratings, values

from analysis.agreement import correlations
from analysis.agreement.agreement import Agreement, agreement
from analysis.errors import AnalysisError
from analysis.metrics.family import Metric

DRAW = np.random.default_rng(1)
TRUE = quality(DRAW, 12, 5)
RATED = ratings(DRAW, TRUE, 10)
NAMES = ("good_db", "twin_db", "poor_db", "noise_db")
GOOD = follows(DRAW, TRUE, 3)
MEASURED = values(
    good_db=GOOD,
    twin_db=follows(DRAW, TRUE, 3),
    poor_db=follows(DRAW, TRUE, 30),
    noise_db=DRAW.normal(0, 1, TRUE.shape),
)


@pytest.fixture(scope="module")
def found() -> Agreement:
    """Two metrics that follow the ratings equally well, one that does hardly, one that does not."""
    return agreement(RATED, MEASURED, metrics(*NAMES), base="poor_db", seed=1)


def test_what_follows_the_ratings_is_best_and_its_equal_can_not_be_told_from_it(found: Agreement) -> None:
    assert {row.metric for row in found.metrics[:2]} == {"good_db", "twin_db"}
    assert found.best == found.metrics[0].metric == found.comparisons[0].first
    apart = {row.second: row.apart for row in found.comparisons}
    other = found.metrics[1].metric
    assert apart == {other: False, "poor_db": True, "noise_db": True}
    assert found.sentence.startswith(f"Of 4 metrics, {found.best} agrees best with listeners")
    assert f"but it can't be told from {other}. It is shown to agree about other systems too" in found.sentence


def test_coefficients_are_scipys_over_the_cells(found: Agreement) -> None:
    for row in found.metrics:
        own, heard = found.cells[row.metric], found.cells["rating"]
        assert row.pearson == pytest.approx(stats.pearsonr(own, heard)[0])
        assert row.spearman == pytest.approx(stats.spearmanr(own, heard)[0])
        assert row.kendall == pytest.approx(stats.kendalltau(own, heard)[0])
        by_item = [cells for _, cells in found.cells.groupby("item")]
        taus = np.array([stats.kendalltau(cells[row.metric], cells["rating"])[0] for cells in by_item])
        assert row.within == pytest.approx(taus.mean())
        assert row.spearman_low < row.spearman < row.spearman_high
        assert (row.cells, row.items, row.conditions) == (60, 12, 5)
    assert found.spread == pytest.approx(found.cells["rating"].std())


def test_the_matrix_is_spearman_of_everything_with_everything(found: Agreement) -> None:
    wanted = found.cells[["rating", *NAMES]].corr("spearman")
    pd.testing.assert_frame_equal(found.matrix, wanted, check_exact=False)


def test_increments_say_what_the_noise_lacks(found: Agreement) -> None:
    p = {row.metric: row.p_adjusted for row in found.increments}
    assert p["good_db"] < 0.001
    assert p["noise_db"] > 0.05
    assert "poor_db" not in p


def test_shares_of_being_best_add_up_and_equal_metrics_halve_theirs() -> None:
    both = MEASURED[["item", "condition"]].assign(a=MEASURED["good_db"], b=MEASURED["good_db"], c=MEASURED["noise_db"])
    found = agreement(RATED, both, metrics("a", "b", "c"), base="c", draws=200, seed=1)
    assert [row.best_share for row in found.metrics] == [0.5, 0.5, 0]
    first = found.comparisons[0]
    assert (first.difference, first.low, first.high, first.p, first.apart) == (0, 0, 0, 1, False)


def test_names_order_and_the_scale_of_ranks_do_not_matter(found: Agreement) -> None:
    names = {item: f"z{99 - int(item[1:])}" for item in MEASURED["item"]}
    moved = MEASURED.assign(item=MEASURED["item"].map(names)).sample(frac=1, random_state=1)
    moved["good_db"] = np.exp(moved["good_db"] / 20)
    moved["poor_db"] = 3 * moved["poor_db"] + 40
    rated = RATED.assign(item=RATED["item"].map(names), listener="x" + RATED["listener"]).sample(frac=1, random_state=2)
    other = agreement(rated, moved, metrics(*reversed(NAMES)), base="poor_db", seed=1)
    before, after = ({row.metric: row for row in one.metrics} for one in (found, other))
    for name in NAMES:
        for coefficient in ("spearman", "kendall", "within", "pairs_right"):
            assert getattr(after[name], coefficient) == pytest.approx(getattr(before[name], coefficient))
    assert after["poor_db"].pearson == pytest.approx(before["poor_db"].pearson)
    assert after["poor_db"].rmse_cubic == pytest.approx(before["poor_db"].rmse_cubic)
    assert abs(after["good_db"].pearson - before["good_db"].pearson) > 0.01


def test_a_seed_gives_the_same_and_another_nearly(found: Agreement) -> None:
    again, other = (agreement(RATED, MEASURED, metrics(*NAMES), base="poor_db", seed=seed) for seed in (1, 2))
    assert again.metrics == found.metrics
    assert other.metrics[0].spearman_low != found.metrics[0].spearman_low
    assert other.metrics[0].spearman_low == pytest.approx(found.metrics[0].spearman_low, abs=0.02)


def test_metrics_of_distance_are_turned_and_one_that_is_turned_wrongly_is_named() -> None:
    lower = agreement(RATED, MEASURED.assign(good_db=-GOOD.ravel()), metrics("good_db", better="lower"), seed=1)
    higher = agreement(RATED, MEASURED, metrics("good_db"), seed=1)
    assert dataclasses.asdict(lower.metrics[0]) == pytest.approx(dataclasses.asdict(higher.metrics[0]), nan_ok=True)
    assert (lower.cells["good_db"] == -higher.cells["good_db"]).all()
    wrong = agreement(RATED, MEASURED, metrics("good_db", better="lower"), seed=1)
    assert any("good_db runs against the ratings" in problem for problem in wrong.problems)
    assert wrong.best == ""


def test_of_many_metrics_some_run_against_ratings_by_chance_and_that_is_not_said() -> None:
    names = [f"m{number}_db" for number in range(24)]
    draw = np.random.default_rng(11)
    noise = values(**{name: draw.normal(0, 1, TRUE.shape) for name in names})
    found = agreement(RATED, noise, metrics(*names), draws=300, seed=1)
    assert any(row.spearman_high < 0 for row in found.metrics), "by itself"
    assert not any("runs against" in problem for problem in found.problems)
    wrong = agreement(RATED, noise.assign(m0_db=-GOOD.ravel()), metrics(*names), draws=300, seed=1)
    (said,) = [problem for problem in wrong.problems if "runs against" in problem]
    assert said.startswith("m0_db runs against the ratings: Spearman -0.") and "simultaneous" in said


def test_a_metric_in_other_units_agrees_equally_well() -> None:
    both = values(a=GOOD, b=2 * GOOD)
    for names in (("a", "b"), ("b", "a")):
        said = agreement(RATED, both, metrics(*names), draws=100, seed=1).sentence
        assert said.startswith(f"{names[0]} and {names[1]} agree equally well with listeners")


@pytest.mark.parametrize(("songs", "limits", "said"), [(3, False, "65 % with 3"), (4, True, "78 % with 4 songs")])
def test_few_songs_have_no_interval_or_a_warning(songs: int, said: str, *, limits: bool) -> None:
    song = "s" + (RATED["item"].str[1:].astype(int) % songs).astype(str)
    found = agreement(RATED.assign(song=song), MEASURED, metrics(*NAMES), draws=200, seed=1)
    assert any(f"{songs} songs: in simulated studies" in problem and said in problem for problem in found.problems)
    for row in (*found.metrics, *found.comparisons):
        ends = [value for name, value in vars(row).items() if name.endswith(("low", "high"))]
        assert np.isfinite(ends).all() if limits else np.isnan(ends).all()
    assert ("without an interval" in found.sentence) is not limits
    assert bool(found.best) is limits


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("size", [1e300, 1e-300])
def test_numbers_of_any_size_have_an_answer(size: float) -> None:
    both = MEASURED.assign(big_db=size / 1e3 * MEASURED["poor_db"])
    found = agreement(RATED, both, metrics("good_db", "big_db"), base="good_db", draws=100, seed=1)
    plain = agreement(RATED, both, metrics("good_db", "poor_db"), base="good_db", draws=100, seed=1)
    big, poor = (vars(one.metrics[1]) | {"metric": "", "label": ""} for one in (found, plain))
    assert big == pytest.approx(poor, nan_ok=True)
    assert found.increments[0].p == pytest.approx(plain.increments[0].p)


def test_another_sdr_is_the_base_where_the_first_has_few_numbers() -> None:
    few = MEASURED["good_db"].where(MEASURED["item"] < "i03")
    both = MEASURED.assign(mdx_sdr_db=few, si_sdr_db=MEASURED["good_db"])
    found = agreement(RATED, both, metrics("mdx_sdr_db", "si_sdr_db", "poor_db"), draws=20, seed=1)
    assert [(row.metric, row.base) for row in found.increments] == [("poor_db", "si_sdr_db")]


def test_noise_alone_has_no_best() -> None:
    draw = np.random.default_rng(5)
    names = [f"m{number}_db" for number in range(12)]
    noise = values(**{name: draw.normal(0, 1, TRUE.shape) for name in names})
    found = agreement(RATED, noise, metrics(*names), base="m0_db", seed=1)
    assert found.best == ""
    assert found.sentence.startswith("None of 12 metrics can be said to agree with listeners")
    one = agreement(RATED, noise, metrics("m0_db"), seed=1)
    assert "can't be said to agree" in one.sentence


def test_only_a_metric_of_points_has_an_error_of_its_own() -> None:
    both = [*metrics("good_db"), *metrics("poor_db", unit="points")]
    found = {row.metric: row for row in agreement(RATED, MEASURED, both, seed=1).metrics}
    errors = found["poor_db"].rmse ** 2
    table = agreement(RATED, MEASURED, both, seed=1).cells
    assert errors == pytest.approx(((table["poor_db"] - table["rating"]) ** 2).mean())
    assert np.isnan(found["good_db"].rmse)


def test_the_hidden_reference_and_lost_cells_are_spoken_of() -> None:
    perfect = RATED[RATED["condition"] == "c0"].assign(condition="reference", rating=100.0)
    holes = MEASURED.copy()
    holes.loc[3, "good_db"] = np.nan
    found = agreement(pd.concat([RATED, perfect]), holes, metrics(*NAMES), base="poor_db", seed=1)
    assert "hidden reference is left out" in found.problems[0]
    assert "1 cell " in found.problems[1]
    assert len(found.cells) == 59


def test_too_little_gives_a_sentence_and_no_number() -> None:
    few = agreement(RATED[RATED["condition"] < "c2"], MEASURED, metrics(*NAMES), seed=1)
    assert few.sentence.startswith("Metrics are not held against the ratings: 2 conditions")
    assert (few.metrics, few.comparisons, few.increments, few.best) == ((), (), (), "")
    nobody = agreement(RATED[:0], MEASURED, metrics(*NAMES), seed=1)
    assert "no metric has numbers" in nobody.sentence
    none = agreement(RATED, MEASURED[["item", "condition"]], [], seed=1)
    assert "no metric has numbers" in none.sentence


def test_a_metric_that_is_given_twice_is_refused() -> None:
    with pytest.raises(AnalysisError, match="given twice"):
        agreement(RATED, MEASURED, metrics("good_db", "good_db"), seed=1)


@pytest.mark.parametrize("name", ["rating", "song", "item", "condition"])
def test_a_metric_that_is_called_as_a_column_of_cells_is_refused(name: str) -> None:
    with pytest.raises(AnalysisError, match=f"a metric is called '{name}'"):
        agreement(RATED, MEASURED.assign(**{name: MEASURED.get(name, 1.0)}), metrics("good_db", name), seed=1)


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("listeners", [1, 4])
def test_the_smallest_study_has_numbers_without_a_warning(listeners: int) -> None:
    draw = np.random.default_rng(8)
    true = quality(draw, 2, 3)
    measured = values(base=follows(draw, true, 2), m=follows(draw, true, 2))
    found = agreement(ratings(draw, true, listeners), measured, metrics("base", "m"), base="base", seed=1)
    assert len(found.metrics) == 2
    assert found.metrics[0].cells == 6


def votes(folder: Path) -> tuple[pd.DataFrame, pd.DataFrame]:
    """SiSEC 2018, pick the best of six: the 34 complete submissions, and SDR and OPS of the same excerpts."""
    given = pd.read_csv(folder / "ratings_long.csv").assign(replicate=0)
    whole = given.groupby("listener")["item"].transform("nunique") == 13
    metric = [pd.read_csv(folder / "original" / f"{name}.csv").set_index(["Song", "Algo"]) for name in ("sdr", "ops")]
    both = pd.concat(metric, axis=1).reset_index().rename(columns={"Song": "item", "Algo": "condition"})
    both["item"] = both["item"].str.replace("'", "_")
    return given[whole], both


def test_published_agreement_of_sdr_and_ops_with_votes(shared: Path) -> None:
    """Ward et al. (WIMP 2018): SDR follows the votes better than OPS; medians over songs of Spearman within a song.

    The poster prints no coefficient; the medians are those stored beside the data, from the same votes. Of others than
    these six systems they say little: mean votes and mean SDR of the six correlate by 0.70, which has a p of 0.12.
    """
    given, measured = votes(shared / "data" / "ratings" / "sisec18_best")
    both = [Metric("SDR", "SDR", "dB", "higher", ""), Metric("OPS", "OPS", "", "higher", "")]
    found = agreement(given, measured, both, base="SDR", seed=1)
    assert (len(found.cells), found.metrics[0].metric, found.best) == (78, "SDR", "")
    assert found.sentence.startswith(
        "Of 2 metrics, SDR goes along best with listeners for these 6 conditions: its rank"
    )
    assert "and it can be told from OPS. It is not shown to agree about other systems" in found.sentence
    assert found.comparisons[0].apart
    assert [row.pairs_right > 0.8 for row in found.metrics] == [True, False]
    song = pd.factorize(found.cells["item"])[0]
    one_song = (song == np.arange(13)[:, None]).astype(float)
    heard = np.tile(found.cells["rating"].to_numpy(), (13, 1))
    within = correlations.spearman(heard, found.cells[["SDR", "OPS"]].to_numpy(), one_song)
    np.testing.assert_allclose(np.median(within, axis=0), [0.8696565534786727, 0.33394720739540396], atol=1e-12)


def test_votes_in_which_metrics_change_places_are_seen(shared: Path) -> None:
    """The same votes with the two columns exchanged: the order is the data's and not the names'."""
    given, measured = votes(shared / "data" / "ratings" / "sisec18_best")
    swapped = measured.rename(columns={"SDR": "OPS", "OPS": "SDR"})
    found = agreement(given, swapped, metrics("SDR", "OPS"), base="SDR", draws=200, seed=1)
    assert (found.metrics[0].metric, found.comparisons[0].apart) == ("OPS", True)


def of_systems(draw: np.random.Generator, metrics_: int, conditions: int) -> dict[str, np.ndarray]:
    """Metrics that know nothing of the sound: one random number for each condition, and a little noise."""
    size = (12, conditions)
    return {f"m{k}_db": draw.normal(0, 1, size[1]) + draw.normal(0, 0.05, size) for k in range(metrics_)}


def test_metrics_that_are_a_random_number_of_each_condition_are_not_said_to_agree() -> None:
    """By the bootstrap, which keeps conditions, most of such studies have one that is said to: 85 % of 60 real ones."""
    draw, claimed, along = np.random.default_rng(7), 0, 0
    for study in range(8):
        rated = ratings(draw, quality(draw, 12, 8)[:, draw.permutation(8)], 8)
        columns = of_systems(draw, 5, 8)
        found = agreement(rated, values(**columns), metrics(*columns), base="", draws=60, seed=study)
        claimed += found.best != ""
        along += "goes along best with listeners for these 8 conditions" in found.sentence
        assert (" agrees " in found.sentence) is (found.best != "")
    assert claimed <= stats.binom.ppf(0.99, 8, 0.05)
    assert along >= 4


def test_a_metric_that_knows_the_sound_agrees_although_its_scale_moves_from_item_to_item() -> None:
    """As SDR's does: what is asked beyond these conditions leaves it nearly always the claim."""
    draw, claimed = np.random.default_rng(8), []
    for study in range(8):
        true = quality(draw, 12, 8)
        columns = {"sdr": follows(draw, true, 10, of_items=10), **of_systems(draw, 1, 8)}
        found = agreement(ratings(draw, true, 12), values(**columns), metrics(*columns), draws=60, seed=study)
        claimed.append(found.best == "sdr" and "shown to agree about other systems too" in found.sentence)
    assert sum(claimed) >= 7


@pytest.mark.proof
@pytest.mark.parametrize(("count", "conditions"), [(1, 8), (5, 8), (5, 5), (1, 3)])
def test_5_percent_of_studies_claim_agreement_of_a_metric_that_knows_nothing(count: int, conditions: int) -> None:
    draw, claimed = np.random.default_rng(9), 0
    for study in range(200):
        rated = ratings(draw, quality(draw, 12, conditions)[:, draw.permutation(conditions)], 8)
        columns = of_systems(draw, count, conditions)
        found = agreement(rated, values(**columns), metrics(*columns), base="", draws=100, seed=study)
        claimed += found.best != ""
    print(count, "metrics,", conditions, "conditions: claimed in", claimed / 200)
    assert claimed <= stats.binom.ppf(0.99, 200, 0.05)


@pytest.mark.proof
def test_equal_metrics_are_seldom_told_apart_and_noise_seldom_agrees() -> None:
    """Williams' test alone, cells taken for independent, tells 9 to 25 % of such studies' equal metrics apart."""
    names = [f"m{number}_db" for number in range(6)]
    apart, agreeing = [], []
    for study in range(200):
        draw = np.random.default_rng(study)
        true = quality(draw, 12, 5)
        rated = ratings(draw, true, 12, noise=15)
        for knows, into in ((1.0, apart), (0.0, agreeing)):
            columns = {name: follows(draw, knows * true, 8, of_items=8) for name in names}
            found = agreement(rated, values(**columns), metrics(*names), base="", draws=500, seed=study)
            into.append(any(row.apart for row in found.comparisons) if knows else found.best != "")
    print("told apart", np.mean(apart), "agree", np.mean(agreeing))
    assert np.mean(apart) <= 0.05
    assert np.mean(agreeing) <= 0.07


@pytest.mark.proof
def test_a_large_study_takes_seconds() -> None:
    """50 items, 8 conditions, 1,000 listeners, 30 metrics, 1,000 draws: 3.5 s of CPU when this was written."""
    draw = np.random.default_rng(1)
    true = quality(draw, 50, 8)
    rated = ratings(draw, true, 1000)
    names = [f"m{number}_db" for number in range(30)]
    measured = values(**{name: follows(draw, true, 2 + number) for number, name in enumerate(names)})
    before = time.process_time()
    found = agreement(rated, measured, metrics(*names), base="m0_db", seed=1)
    taken = time.process_time() - before
    print("CPU s", taken, "peak MB", resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e3)
    assert len(found.increments) == 29
    assert taken < 10
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss < 1e6
