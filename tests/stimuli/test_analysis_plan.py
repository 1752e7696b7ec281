"""The analysis plan as a person writes it: contrasts on levels of factors, and mistakes in a sentence each."""

from __future__ import annotations

import pytest

from stimuli import experiment
from stimuli.errors import ExperimentError
from stimuli.experiment import AnalysisPlan, Attribute, Contrast, Side, contrast

TARGET = (("target", "vocals"),)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a - b", Contrast(Side("a"), Side("b"))),
        ("my-model - lowpass-3500", Contrast(Side("my-model"), Side("lowpass-3500"))),
        ("a - b on target=vocals", Contrast(Side("a", TARGET), Side("b", TARGET))),
        (
            "a on dataset=seen - a on dataset=not seen",
            Contrast(Side("a", (("dataset", "seen"),)), Side("a", (("dataset", "not seen"),))),
        ),
        (
            "a - b on target=vocals, group=experts",
            Contrast(*(Side(name, (("group", "experts"), ("target", "vocals"))) for name in "ab")),
        ),
    ],
)
def test_a_contrast_is_read_and_written(text: str, expected: Contrast) -> None:
    assert contrast(text) == expected
    assert contrast(str(expected)) == expected


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("a", 'expected "a - b", with spaces around the minus'),
        ("a-b", "with spaces around the minus"),
        (" - b", "a condition on both sides"),
        ("a - a", "both sides are the same"),
        ("a on target=vocals - b", "the second side says nothing of where"),
        ("a - b on vocals", "after 'on' expected target=… or dataset=… or group=…"),
        ("a - b on item=x", "after 'on' expected"),
    ],
)
def test_what_is_no_contrast_is_said(text: str, sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence.replace("…", ".")):
        contrast(text)


def refused(write_experiment, more: str) -> str:
    with pytest.raises(ExperimentError) as caught:
        experiment.load(write_experiment(more=more))
    return str(caught.value)


@pytest.mark.parametrize(
    ("more", "sentence"),
    [
        (
            '[analysis]\ncontrasts = ["home - centre on target=drums"]\n',
            "no item has target 'drums'; found accompaniment",
        ),
        ('[analysis]\ncontrasts = ["home - centre on dataset=seen"]\n', "no item has dataset 'seen'; found none"),
        ('[analysis]\nprimary = "beauty"\n', "analysis.primary: 'beauty' is no attribute"),
        ("[analysis]\nequivalence_margin = 0\n", "analysis.equivalence_margin: found 0; expected more than 0"),
        ('[analysis]\nadjust = "tukey"\ncontrasts = ["home - centre"]\n', "is for all pairs of systems"),
        ('[analysis]\nexclude = ["bad-mood"]\n', "bs1534-hidden-reference"),
    ],
)
def test_a_mistake_in_the_plan_is_one_sentence(write_experiment, more: str, sentence: str) -> None:
    assert sentence in refused(write_experiment, more)


def test_new_keys_change_no_older_identity() -> None:
    """What says nothing is not hashed: a file of an earlier release keeps its study_id."""
    assert set(AnalysisPlan().model_dump()) == {"inference", "contrasts", "adjust", "exclude", "listeners"}
    assert "mid_anchor_rule" not in Attribute(name="a", question="?").model_dump()
    planned = AnalysisPlan(primary="a", equivalence_margin=5, precision=4).model_dump()
    assert (planned["primary"], planned["equivalence_margin"], planned["precision"]) == ("a", 5, 4)
