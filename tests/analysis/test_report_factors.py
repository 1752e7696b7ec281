"""The report where a study has targets, data sets and groups: whose mean a contrast is, what can't be told apart."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path

import jsonschema
import numpy as np
import pandas as pd
import pytest

from analysis.report import page
from analysis.report.assemble import Report, Source, assemble
from analysis.statistics.planning.components import Components
from analysis.statistics.planning.simulate import simulate
from analysis.statistics.planning.trials import Trials

SMALL = Components(listener=5, item=5, listener_item=0, listener_condition=2, item_condition=1, residual=3)
COLUMNS = ("listener", "item", "condition", "rating", "replicate", "target", "dataset", "group")
MAPPING = 'title = "Factors"\n[columns]\n{columns}\n[analysis]\ninference = "items in general"\n{plan}\n'

Reported = Callable[..., Report]


@pytest.fixture
def reported(tmp_path: Path) -> Reported:
    """The report of a frame, over a table and a mapping; both its forms must be possible."""

    def report(frame: pd.DataFrame, plan: str = "") -> Report:
        there = [name for name in COLUMNS if name in frame]
        frame[there].to_csv(tmp_path / "r.csv", index=False)
        columns = "\n".join(f'{name} = "{name}"' for name in there)
        (tmp_path / "m.toml").write_text(MAPPING.format(columns=columns, plan=plan))
        found = assemble(Source(tmp_path / "r.csv", mapping=tmp_path / "m.toml"))
        jsonschema.Draft202012Validator(page.json_schema()).validate(json.loads(page.as_json(found)))
        assert "<svg" in page.html(found)
        return found

    return report


def ratings(seed: int = 1, **means: float) -> pd.DataFrame:
    """Twelve listeners, twelve items; a and b, and what else has a mean."""
    return simulate(SMALL, Trials(12, 12, systems=len(means)), means, seed=seed)


def few_drums(frame: pd.DataFrame, shift: float) -> pd.DataFrame:
    """Ten items of vocals and two of drums, on which b is better by ``shift``."""
    drums = frame["item"].isin(["I011", "I012"])
    lifted = frame["rating"] + np.where(drums & (frame["condition"] == "b"), shift, 0)
    return frame.assign(rating=lifted.clip(0, 100), target=np.where(drums, "drums", "vocals"))


def test_a_contrast_is_over_the_items_as_they_are_and_not_over_targets(reported: Reported) -> None:
    frame = few_drums(ratings(a=50, b=50), 30)
    (section,) = reported(frame).sections
    cells = frame.groupby(["condition", "item"])["rating"].mean().unstack("condition")
    assert section.general is not None
    for row in (section.general.contrasts[0], section.these.contrasts[0]):
        difference = getattr(row, "mean_difference", row.difference)
        assert difference == pytest.approx(float((cells["a"] - cells["b"]).mean()), abs=1e-6)
    assert section.general.joint is not None
    assert any("count the levels of target" in note for note in section.general.joint.notes)


def test_names_of_levels_change_nothing(reported: Reported) -> None:
    frame = few_drums(ratings(a=55, b=50), 10)
    frame = frame.assign(dataset=np.where(frame["target"] == "drums", "C", np.where(frame["item"] < "I006", "A", "B")))
    other = frame.assign(dataset=frame["dataset"].replace({"A": "Z"}))[::-1]
    asked = 'contrasts = ["a - b"]'
    first, second = (reported(own, asked).sections[0].general for own in (frame, other))
    assert first is not None and second is not None
    assert first.contrasts[0].difference == pytest.approx(second.contrasts[0].difference)
    assert first.contrasts[0].se == pytest.approx(second.contrasts[0].se)


def test_a_system_without_ratings_on_one_target_leaves_a_report(reported: Reported) -> None:
    frame = few_drums(ratings(a=50, b=52, c=60), 5)
    found = reported(frame[(frame["condition"] != "c") | (frame["target"] == "vocals")], 'adjust = "tukey"')
    assert found.sections[0].general is not None and len(found.sections[0].general.contrasts) == 3


def test_what_was_never_rated_on_one_item_is_said_beside_the_conclusion(reported: Reported) -> None:
    frame = ratings(a=50, b=52, c=60)
    early = frame["item"] <= "I006"
    apart = frame[~((frame["condition"] == "a") & early) & ~((frame["condition"] == "b") & ~early)]
    (section,) = reported(apart, 'adjust = "tukey"').sections
    assert section.general is not None
    assert {frozenset((row.first, row.second)) for row in section.general.contrasts} == {
        frozenset("ac"),
        frozenset("bc"),
    }
    assert any(re.match("(a - b|b - a): never rated on the same item", problem) for problem in section.problems)
    assert any("Holm's was taken" in problem for problem in section.problems)
    assert section.conclusion[0].endswith("1 planned contrast could not be tested.")


def test_levels_and_groups_are_compared(reported: Reported) -> None:
    frame = few_drums(ratings(a=50, b=50), 20)
    experts = frame["listener"] <= "L004"
    raised = frame["rating"] + np.where(experts & (frame["condition"] == "a"), 10, 0)
    frame = frame.assign(group=np.where(experts, "experts", "others"), rating=raised)
    asked = [
        "b - a on target=drums",
        "a on group=experts - a on group=others",
        "b on target=drums - b on target=vocals",
    ]
    (section,) = reported(frame, f"contrasts = {json.dumps(asked)}").sections
    assert section.general is not None
    found = {row.contrast: row for row in section.general.contrasts}
    assert found["b - a on target=drums"].difference == pytest.approx(20 - 10 / 3, abs=4)
    assert found[asked[1]].low < 10 < found[asked[1]].high
    assert found[asked[2]].difference == pytest.approx(20, abs=10), "whose items are five points apart anyway"
    assert "because the two are on different levels" in section.general.how
    assert any("the mixed model compares groups" in problem for problem in section.problems)


def test_a_plan_that_names_no_rule_leaves_nobody_out(reported: Reported) -> None:
    found = reported(ratings(a=50, b=60))
    assert found.plan["exclude"] == [] and found.sections[0].screening == ()
    assert (
        found.sections[0].status == "exploratory" and "nothing shows that the plan was fixed" in found.sections[0].why
    )


def test_replicates_of_incomplete_pages_leave_a_report(reported: Reported) -> None:
    """Nobody has an F of all conditions then, and a scale of logarithms without any number can't be drawn."""
    frame = simulate(
        SMALL, Trials(6, 4, systems=4, replicates=1, per_page=2), {"a": 50, "b": 55, "c": 60, "d": 65}, seed=2
    )
    (section,) = reported(frame).sections
    assert "consistency" not in section.figures
    (complete,) = reported(simulate(SMALL, Trials(6, 4, systems=2, replicates=1), {"a": 50, "b": 65}, seed=2)).sections
    assert "consistency" in complete.figures
