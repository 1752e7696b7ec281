"""Every rule of screening: at its boundary, where it can't be applied, and what it does to whole panels."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import get_args

import numpy as np
import pandas as pd
import pytest
from simulated_panel import KINDS, panel

from analysis.errors import AnalysisError
from analysis.statistics.listeners import attention, behaviour, flat, rank_order, screening, stated, unreliable
from analysis.statistics.listeners.all_rules import Screening, screen_all
from analysis.statistics.listeners.chance import CHANCE, agreement
from analysis.statistics.listeners.consistency import consistency
from analysis.study import Asked, Study
from stimuli.description.plan import ExclusionRule
from stimuli.experiment import AnalysisPlan

STUDY = Study(
    name="s", title="S", study_id="", stimuli_id="",
    attributes=(Asked("overall", "?"), Asked("noise", "?", mid_anchor_rule=False)),
    primary="overall", roles={"reference": "hidden_reference", "mid": "anchor", "low": "anchor", "a": "system"},
    reference="reference", mid_anchor="mid", plan=AnalysisPlan(), contrasts=(), systems_on_page=3,
)  # fmt: skip
EVERY = get_args(ExclusionRule)


def verdict(table: pd.DataFrame, listener: str) -> dict:
    """What a table says of a listener."""
    return table[table["listener"] == listener].iloc[0].to_dict()


def screened(frame: pd.DataFrame, rules=EVERY, checks: pd.DataFrame | None = None, attribute="overall") -> Screening:
    """All rules on a panel."""
    return screen_all(
        frame, pd.DataFrame() if checks is None else checks, study=STUDY, attribute=attribute, rules=rules
    )


def pages(slips: int, count: int, **columns: tuple) -> pd.DataFrame:
    """Three sounds on each of a listener's pages; a column has the first value where the page is to slip."""
    rows = [
        {"listener": "L", "item": f"i{n:02d}", "replicate": 0, "condition": c, "rating": rating}
        | {name: values[0] if n < slips and c == "a" else values[1] for name, values in columns.items()}
        for n in range(count)
        for c, rating in (("reference", 100.0), ("low", 20.0), ("a", 60.0))
    ]
    return pd.DataFrame(rows)


@pytest.mark.parametrize(("slips", "out"), [(3, False), (4, True)])
@pytest.mark.parametrize(
    ("rule", "column", "values"),
    [("not-heard", "heard_s", (0.0, 4.0)), ("not-heard", "plays", (0, 3)), ("too-fast", "trial_s", (5.9, 5.9))],
)
def test_more_than_fifteen_percent_of_pages_exclude(
    rule: str, column: str, values: tuple, slips: int, out: bool
) -> None:
    frame = pages(slips, 20, **{column: values})
    if rule == "too-fast":
        frame["trial_s"] = np.where(frame["item"] < f"i{slips:02d}", 5.9, 6.0)  # three sounds: at least 6 s
    found = verdict(getattr(behaviour, rule.replace("-", "_"))(frame), "L")
    assert (found["slips"], found["trials"], found["excluded"]) == (slips, 20, out)
    assert found["value"] == slips / 20 and found["limit"] == 0.15
    assert found["reason"].endswith(f"on {slips} of 20 trials ({5 * slips} %" + (", more than 15 %)" if out else ")"))


def test_pages_of_which_nothing_is_on_record_are_no_trials() -> None:
    frame = pages(4, 20, heard_s=(0.0, np.nan))
    frame.loc[frame["condition"] != "a", "heard_s"] = np.nan
    assert verdict(behaviour.not_heard(frame), "L")["trials"] == 4


@pytest.mark.parametrize(("spread", "slips"), [(5.0, 4), (5.1, 0)])
def test_five_points_are_flat_and_more_are_not(spread: float, slips: int) -> None:
    others = [pages(0, 20).assign(listener=f"M{n}") for n in range(3)]
    own = pages(0, 20)
    flat_page = own["item"] < "i04"
    own.loc[flat_page, "rating"] = own.loc[flat_page, "condition"].map({"reference": 50 + spread, "low": 50, "a": 50})
    found = verdict(flat.flat_ratings(pd.concat([own, *others]), "reference", ["low"]), "L")
    assert (found["slips"], found["trials"], found["excluded"]) == (slips, 20, slips > 3)


def test_flat_pages_of_sounds_that_most_can_t_tell_apart_are_no_slips() -> None:
    same = pd.concat([pages(0, 20).assign(listener=f"M{n}", rating=80.0) for n in range(5)])
    with pytest.raises(AnalysisError, match="most listeners rated all sounds within 5 points"):
        flat.flat_ratings(same, "reference", ["low"])
    with pytest.raises(AnalysisError, match="no page holds ratings of the hidden reference and of an anchor"):
        flat.flat_ratings(same, "reference", ["other"])


def checks(*ratings: tuple[float, ...]) -> pd.DataFrame:
    """Attention checks of one listener: the reference's rating, then those of the copies."""
    return pd.DataFrame(
        [
            {"listener": "L", "session": "1", "trial": f"t{n}", "item": "i", "attribute": "overall",
             "condition": "low" if place else "reference", "rating": rating}
            for n, page in enumerate(ratings)
            for place, rating in enumerate(page)
        ]
    )  # fmt: skip


@pytest.mark.parametrize(("page", "failed"), [((100, 20, 99), 0), ((100, 20, 100), 1), ((90, 20, 91), 1)])
def test_a_check_is_passed_by_the_reference_above_all_copies(page: tuple, failed: int) -> None:
    good = [(100.0, 10.0, 10.0)] * 6
    found = verdict(attention.attention_check(checks(*good, page), "reference"), "L")
    assert (found["slips"], found["trials"], found["excluded"]) == (failed, 7, False)
    assert verdict(attention.attention_check(checks(page), "reference"), "L")["excluded"] == bool(failed)


def test_checks_say_nothing_where_a_low_pass_need_not_sound_worse() -> None:
    failed = checks((10.0, 90.0))
    frame = pages(0, 8)
    assert screened(frame, ["attention-check"], failed).excluded == ("L",)
    told = screened(frame, ["attention-check"], failed.assign(attribute="noise"), attribute="noise")
    assert told.excluded == () and "need not sound worse" in told.unusable["attention-check"]


def test_what_was_stated_is_read_off_and_silence_is_not_held_against_anybody() -> None:
    frame = pd.concat(
        [pages(0, 2).assign(listener=name, experience=said, headphone_check=check)
         for name, said, check in (("A", "experienced", "passed"), ("B", "inexperienced", "failed"), ("C", "", ""))]
    )  # fmt: skip
    for found in (stated.inexperienced(frame), stated.headphone_check(frame)):
        assert dict(zip(found["listener"], found["excluded"], strict=True)) == {"A": False, "B": True}
    with pytest.raises(AnalysisError, match="nothing in the column experience"):
        stated.inexperienced(frame[frame["listener"] == "C"])


def test_a_rule_that_can_t_be_applied_gives_no_verdict_and_a_sentence() -> None:
    found = screened(pages(0, 20)[["listener", "item", "condition", "rating"]])
    usable = {"bs1534-hidden-reference", "flat-ratings"}
    assert set(found.rows["rule"]) == usable and set(found.unusable) == set(EVERY) - usable
    assert found.unusable["bs1534-mid-anchor"] == (
        "The screening rule bs1534-mid-anchor could not be applied: no mid was rated."
    )
    assert "nobody" not in found.excluded and found.excluded == ()


def test_a_mid_anchor_that_need_not_sound_bad_excludes_nobody() -> None:
    frame = pages(0, 20).replace({"condition": {"low": "mid"}})
    frame.loc[frame["condition"] == "mid", "rating"] = 99.0
    others = [pages(0, 20).replace({"condition": {"low": "mid"}}).assign(listener=f"M{n}") for n in range(5)]
    everybody = pd.concat([frame, *others])
    assert screened(everybody, ["bs1534-mid-anchor"]).excluded == ("L",)
    told = screened(everybody, ["bs1534-mid-anchor"], attribute="noise")
    assert told.excluded == () and "need not sound bad" in told.unusable["bs1534-mid-anchor"]


def test_one_slip_that_excludes_is_warned_of() -> None:
    assert "One slip is enough" in screened(pages(0, 6), ["bs1534-hidden-reference"]).warnings[0]
    assert screened(pages(0, 7), ["bs1534-hidden-reference"]).warnings == ()


def test_nobody_is_excluded_but_by_a_rule_of_the_plan() -> None:
    frame = panel(np.random.default_rng(1), ["random", "flat", "reversed"])
    assert screened(frame, []).excluded == ()
    told = screened(frame, ["rank-order"])
    assert set(told.excluded) == set(told.rows.loc[told.rows["excluded"], "listener"])
    assert set(told.rows["rule"]) == {"rank-order"}


def test_consistency_equals_r(r_folder: Path) -> None:
    frame = pd.read_csv(r_folder / "data" / "mushra_screening.csv").rename(columns={"score": "rating"})
    answers = json.loads((r_folder / "R" / "R_reference2.json").read_text())
    found = consistency(frame.sample(frac=1, random_state=3))
    names = {"F_cond": "f_condition", "ms_cond": "ms_condition", "ms_item": "ms_item", "ms_inter": "ms_interaction"}
    for listener, own in found.iterrows():
        for name, value in answers["retest"][listener].items():
            assert own[name] == pytest.approx(np.nan if value is None else value, rel=1e-9, nan_ok=True)
        if listener != "FLAT":  # R's F of 1 is rounding
            for key, name in (names | {"ms_res": "ms_residual"}).items():
                assert own[name] == pytest.approx(answers["listener_anova"][listener][key], rel=1e-9)
    assert np.isnan(found.loc["FLAT", ["f_condition", "reliability", "pearson"]].astype(float)).all()


def test_the_rules_see_what_the_set_was_made_for(r_folder: Path) -> None:
    frame = pd.read_csv(r_folder / "data" / "mushra_screening.csv").rename(columns={"score": "rating"})
    excluded = {
        "unreliable": screening.excluded(unreliable.unreliable(frame)),
        "rank-order": screening.excluded(rank_order.rank_order(frame)),
        "flat-ratings": screening.excluded(flat.flat_ratings(frame, "reference", ["anchor35", "anchor70"])),
    }
    assert excluded == {
        "unreliable": ["FLAT", "RANDOM"],
        "rank-order": ["FLAT", "INVERT", "RANDOM"],
        "flat-ratings": ["FLAT"],
    }, "an inverted scale is reliable, and only the order shows it"


def test_items_where_a_condition_lacks_its_second_rating_are_left_out_of_the_mean_squares(r_folder: Path) -> None:
    frame = pd.read_csv(r_folder / "data" / "mushra_screening.csv").rename(columns={"score": "rating"})
    hole = frame.drop(frame[(frame["listener"] == "G01") & (frame["item"] == "I03")].index[-1:])
    without = frame[~((frame["listener"] == "G01") & (frame["item"] == "I03"))]
    one, other = (consistency(rows)["f_condition"] for rows in (hole, without))
    assert one["G01"] == pytest.approx(other["G01"]) and one.drop("G01").equals(other.drop("G01"))


def test_chance_is_what_dealing_out_anew_gives() -> None:
    draw = np.random.default_rng(8)
    page = pd.Series(np.repeat(np.arange(8), [2, 3, 4, 5, 6, 6, 6, 6]))
    x, y = pd.Series(draw.normal(size=38)) + page * 3, draw.permutation(38).astype(float)
    who = pd.Series("L", index=page.index)
    noise = agreement(who, page, x, pd.Series(y))["noise"].iloc[0]
    order = [np.lexsort((draw.random(38), page)) for _ in range(2000)]
    dealt = [agreement(who, page, x, pd.Series(y[places]))["agreement"].iloc[0] for places in order[:600]]
    assert np.std(dealt) == pytest.approx(noise, rel=0.1) and abs(np.mean(dealt)) < 0.03
    assert np.mean(np.array(dealt) > CHANCE * noise) < 0.05


def test_nobody_is_judged_where_sounds_are_alike(shared: Path) -> None:
    ratings = pd.read_csv(shared / "data" / "ratings" / "s4_drc" / "ratings_long.csv", dtype={"item": str})
    with pytest.raises(AnalysisError, match="does not order the sounds clearly more like the others than by chance"):
        rank_order.rank_order(ratings)
    with pytest.raises(AnalysisError, match="no listener rated a sound twice"):
        unreliable.unreliable(ratings.assign(replicate=0))
    with pytest.raises(AnalysisError, match="there are 2 listeners, too few"):
        rank_order.rank_order(ratings[ratings["listener"].isin(["G00", "G01"])])


def test_agreement_is_with_the_others_and_not_with_oneself() -> None:
    """Against a plain loop: ranks within each page, of own ratings and of the mean of everybody else's."""
    frame = panel(np.random.default_rng(9), ["random"], listeners=6, items=10, replicates=2)
    frame = frame.drop(frame[(frame["listener"] == "careful-02") & (frame["condition"] == "b")].index)
    found = rank_order.rank_order(frame).set_index("listener")["value"]
    for name, own in frame.groupby("listener"):
        others = frame[frame["listener"] != name].groupby(["item", "condition"])["rating"].mean()
        x, y = [], []
        for (item, _), page in own.groupby(["item", "replicate"]):
            theirs = others.loc[item].loc[page["condition"]].round(9)
            x += list(page["rating"].rank() - (len(page) + 1) / 2)
            y += list(theirs.rank() - (len(page) + 1) / 2)
        assert found[name] == pytest.approx(np.dot(x, y) / np.sqrt(np.dot(x, x) * np.dot(y, y)))


def test_shifts_scales_names_and_order_change_no_verdict() -> None:
    frame = panel(np.random.default_rng(6), ["random", "reversed"], replicates=2)
    moved = frame.sample(frac=1, random_state=1).assign(
        rating=lambda t: 10 + t["rating"] / 2,
        condition=lambda t: "x" + t["condition"].str[::-1],
        item=lambda t: "y" + t["item"],
    )
    for rule in (rank_order.rank_order, unreliable.unreliable):
        one, other = rule(frame), rule(moved)
        pd.testing.assert_series_equal(one["excluded"], other["excluded"])
        np.testing.assert_allclose(one["value"], other["value"], atol=1e-9)


@pytest.mark.parametrize("sds", ["standards", "sisec08"])
def test_careless_listeners_are_found_and_careful_ones_are_kept(sds: str) -> None:
    """The rules' characteristics, small: panels of 20 with 0, 1 and 4 careless ones, 10 items."""
    draw = np.random.default_rng(21)
    there, found = Counter[str](), Counter[tuple[str, str]]()
    for run in range(24):
        careless = [KINDS[(run // 3 + place) % 3] for place in range((0, 1, 4)[run % 3])]
        frame = panel(draw, careless, replicates=2, sds=sds)
        there.update(name.partition("-")[0] for name in frame["listener"].unique())
        told = screened(frame, ["rank-order", "flat-ratings", "unreliable"]).rows
        for listener, rule in told.loc[told["excluded"], ["listener", "rule"]].itertuples(index=False):
            found[rule, listener.partition("-")[0]] += 1
    assert there["careful"] > 420 and there["random"] >= 12
    for rule, kind in (
        ("rank-order", "random"),
        ("unreliable", "random"),
        ("rank-order", "reversed"),
        ("flat-ratings", "flat"),
    ):
        assert found[rule, kind] >= 0.9 * there[kind], (rule, kind)
    assert all(found[rule, "careful"] <= 0.005 * there["careful"] for rule in EVERY)


def test_flat_and_empty_ratings_leak_no_warning(recwarn: pytest.WarningsRecorder) -> None:
    frame = panel(np.random.default_rng(2), [], replicates=2)
    frame["rating"] = np.where(frame["listener"] == "careful-00", 50.0, frame["rating"])
    frame.loc[(frame["listener"] == "careful-01"), "rating"] = np.nan
    told = screened(frame)
    assert "careful-00" in told.excluded and "careful-01" not in set(told.rows["listener"])
    every = screened(frame.assign(rating=50.0))
    assert {"rank-order", "unreliable", "flat-ratings"} <= set(every.unusable) and not recwarn.list
