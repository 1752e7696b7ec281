"""What the report says in words: the conclusion, deviations, the preregistration, blanks of the standard's list."""

from __future__ import annotations

from dataclasses import replace
from typing import get_args

import pytest
import small_study

from analysis.errors import AnalysisError
from analysis.preregistration import preregistration
from analysis.report.parts.results import ContrastRow, RankRow
from analysis.report.words.conclusion import conclusion
from analysis.report.words.deviations import Changes, changed, deviations, real, status_of
from analysis.report.words.required import required
from analysis.statistics.listeners.rules import RULES
from analysis.study import Study, of_manifest
from stimuli.experiment import AnalysisPlan, ExclusionRule, Question
from stimuli.manifest import Manifest


def modelled(first: str, second: str, difference: float, p: float, **more: object) -> ContrastRow:
    """A contrast by the mixed model."""
    plain = {"se": 1.0, "df": 20.0, "t": 1.0, "p": p / 2, "low": difference - 2, "high": difference + 2}
    none = {"resampled_low": None, "resampled_high": None}
    name = {"contrast": f"{first} - {second}", "first": first, "second": second}
    return ContrastRow(**name, difference=difference, p_adjusted=p, **plain, **none, **more)  # type: ignore[arg-type]


def ranked(first: str, second: str, difference: float, p: float) -> RankRow:
    """A contrast on listener means."""
    name = {"contrast": f"{first} - {second}", "first": first, "second": second}
    tests = {"v": 10.0, "p": p / 2, "exact": True, "rank_biserial": 0.5}
    permuted = {"p_permutation": p, "p_permutation_adjusted": p}
    limits = {"low": difference - 1, "high": difference + 1}
    both = {"difference": difference, "mean_difference": difference, "p_adjusted": p, "listeners": 20}
    return RankRow(**name, **both, **limits, **tests, **permuted)  # type: ignore[arg-type]


ALIKE = {"low_90": -1.0, "high_90": 3.0, "p_equivalence": 0.004, "equivalent": True}


def said(
    inference: str, general: list[ContrastRow], these: list[RankRow], margin: float | None = None
) -> tuple[str, str]:
    plan = AnalysisPlan.model_validate({"inference": inference, "equivalence_margin": margin})
    return conclusion(plan, general, these, listeners="20 listeners", planned=max(len(general), len(these)))


def test_the_first_line_is_about_what_the_plan_asks_about() -> None:
    rows = [modelled("a", "b", -8.0, 0.001)], [ranked("a", "b", 0.5, 0.4)]
    first, second = said("items in general", *rows)
    assert first.startswith(
        "For items in general, as 20 listeners heard a sample of them: b was rated 8.0 points above a"
    )
    assert "(95 %: 6.0 to 10.0, p = 0.001)" in first
    assert second.startswith(
        "For exactly these items, as 20 listeners heard them: the contrast a - b shows no difference"
    )
    assert said("these items", *rows) == (second, first)


def test_no_difference_is_a_finding_only_with_a_margin() -> None:
    alike, open_ = modelled("a", "b", 1.0, 0.6, **ALIKE), modelled("a", "c", 3.0, 0.2, **ALIKE | {"equivalent": False})
    first, _ = said("items in general", [alike, open_], [], 5.0)
    assert "a and b are equally good within 5 points (difference 1.0, 90 %: −1.0 to 3.0, p = 0.004)" in first
    assert "1 planned contrast shows no difference, nor is equality within 5 points shown" in first
    alone, _ = said("items in general", [modelled("a", "b", 1.0, 0.6)], [])
    assert "no proof of equality" in alone and "equally good" not in alone


def test_a_difference_within_the_margin_is_both() -> None:
    first, _ = said("items in general", [modelled("a", "b", 2.0, 0.01, **ALIKE)], [], 5.0)
    assert "a was rated 2.0 points above b" in first and first.endswith(", and by less than 5.")


def test_the_largest_come_first_and_the_rest_is_counted() -> None:
    rows = [modelled("a", f"s{n}", float(n), 0.001) for n in range(1, 6)]
    first, second = said("items in general", rows, [])
    assert first.index("above s5") < first.index("above s4") < first.index("above s3")
    assert "2 further contrasts differed" in first and "above s2" not in first
    assert "no planned contrast could be tested" in second


@pytest.fixture
def planned(study: Manifest) -> Study:
    """The small study with a plan of 20 listeners."""
    return of_manifest(study)


def test_everything_asked_for_on_the_command_line_is_a_deviation(planned: Study) -> None:
    changes = Changes("items in general", "hochberg", 3.0, ("flat-ratings",), ("ours - lowpass-7000",))
    found = changed(planned, changes)
    assert (found.plan.inference, found.plan.adjust, found.plan.equivalence_margin) == (
        "items in general",
        "hochberg",
        3,
    )
    assert found.plan.exclude == ("flat-ratings",) and [str(c) for c in found.contrasts] == ["ours - lowpass-7000"]
    told = deviations(planned, changes, listeners=20, widest=1.0, untested=())
    assert len(told) == 5 and all("Asked for on the command line" in sentence for sentence in told)
    assert "the plan says bs1534-hidden-reference, bs1534-mid-anchor" in told[3]
    assert status_of(planned, planned.primary, changes, fixed=True)[0] == "exploratory"
    assert status_of(planned, planned.primary, Changes(), fixed=True) == ("confirmatory", "as the plan says")
    assert status_of(planned, "another", Changes(), fixed=True)[0] == "exploratory"
    assert status_of(planned, planned.primary, Changes(), fixed=False)[0] == "exploratory"
    assert deviations(planned, Changes(), listeners=20, widest=1.0, untested=()) == ()


def test_what_the_plan_says_anyway_is_no_change(planned: Study) -> None:
    same = Changes("these items", "holm", None, planned.plan.exclude, tuple(map(str, planned.contrasts)))
    assert real(planned, same) == Changes() and not real(planned, same)
    assert real(planned, Changes("items in general", "holm")) == Changes("items in general")


def test_leaving_nobody_out_can_be_asked_for(planned: Study) -> None:
    changes = Changes(exclude=())
    assert changed(planned, changes).plan.exclude == ()
    assert "exclusion by no rule" in deviations(planned, changes, listeners=20, widest=None, untested=())[0]


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        (Changes(contrasts=("ours - nobody",)), "'nobody' is no condition of this study; expected one of reference"),
        (Changes(contrasts=("ours",)), "spaces around the minus"),
        (Changes(adjust="tukey", contrasts=("ours - theirs",)), "is for all pairs of systems"),
    ],
)
def test_a_change_that_makes_no_plan_is_refused(planned: Study, changes: Changes, sentence: str) -> None:
    with pytest.raises(AnalysisError, match=sentence):
        changed(planned, changes)


def test_the_end_of_the_test_is_held_against_the_plan(planned: Study) -> None:
    def told(listeners: int, widest: float | None, **plan: float) -> tuple[str, ...]:
        own = replace(planned, plan=AnalysisPlan(**plan))  # type: ignore[arg-type]
        return deviations(own, Changes(), listeners=listeners, widest=widest, untested=())

    assert told(19, 1.0) == ("20 listeners were planned, 19 finished.",)
    assert told(12, 3.9, precision=4) == () == told(20, 9.0, precision=4)
    assert "the widest interval reaches 4.1 points" in told(12, 4.1, precision=4)[0]
    assert "no interval could be made" in told(12, None, precision=4)[0]
    assert told(21, 1.0, precision=4) == ("At most 20 listeners were planned, 21 finished.",)


def test_a_preregistration_says_the_plan_and_changes_with_it() -> None:
    plan = {"contrasts": ("ours - theirs",), "inference": "items in general", "equivalence_margin": 4.0}
    text = preregistration(small_study.experiment(**plan))
    assert text == preregistration(small_study.experiment(**plan))
    assert "  * ours - theirs\n" in text and "ours - classic" not in text
    assert "within 4 points" in text and "Satterthwaite" in text and "7 items of 7 songs" in text
    other = preregistration(small_study.experiment(**plan | {"equivalence_margin": 5.0}))
    assert other.splitlines()[2] != text.splitlines()[2]  # the hash
    words = preregistration(small_study.experiment(precision=3.0))
    assert "no further than 3 points" in words and "no margin of equivalence is planned" in words
    assert "Wilcoxon" in words and "ours - classic" in words
    asked = {"name": "ears", "text": "Do you hear well?", "type": "choice", "choices": ["yes", "no"], "when": "before"}
    looked_for = Question.model_validate(asked | {"required": True, "accept": ["yes"]})
    only = preregistration(small_study.experiment().model_copy(update={"questions": (looked_for,)}))
    assert "Only those take part who answer “yes” to “Do you hear well?”.\n" in only and "Only those" not in words


def test_what_the_standard_wants_and_nobody_recorded_is_blank(study: Manifest) -> None:
    answers = {one.asked: one.answer for one in required(study, None)}
    assert answers["selection of the material"] == "" and answers["transducer"] == ""
    assert "ours (made, version 1)" in answers["processing systems"] and answers["channel layout"] == "stereo"
    assert len(required(None, None)) < len(required(study, None))


def test_every_rule_that_a_plan_may_name_has_words() -> None:
    assert set(RULES) == set(get_args(ExclusionRule))
    every = preregistration(small_study.experiment(exclude=list(RULES)))
    assert all(f"* {rule}: {words}\n" in every for rule, words in RULES.items())


def test_whoever_finished_some_sessions_and_not_all_is_told_apart(study: Manifest) -> None:
    planned = replace(of_manifest(study), sessions=3)
    told = deviations(planned, Changes(), listeners=18, partly=2, widest=1.0, untested=())
    assert told == (
        "20 listeners were planned, 18 finished.",
        "2 more listeners have finished some of 3 sessions and not all; the ratings of finished sessions are analysed.",
    )
    (one,) = deviations(planned, Changes(), listeners=20, partly=1, widest=1.0, untested=())
    assert one.startswith("1 more listener has finished some of 3 sessions and not all;")
