"""Every rule of the standard about a built set, each with one that breaks just that rule."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest
from small_world import SYSTEMS
from test_standard import EXPERIMENTS, broken, loaded

from stimuli.manifest import Clip, Facts, Provenance, Resemblance, Response, RuleResult
from stimuli.standard.check import check_set
from stimuli.standard.design import EXPERIMENT_RULES
from stimuli.standard.estimates import ESTIMATE_RULES
from stimuli.standard.sounds import SET_RULES

RATE_HZ = 48_000
CONDITIONS = {
    "open": ("reference", "reference"),
    "hidden": ("hidden_reference", "reference"),
    "low": ("anchor", "lowpass-3500"),
    "mid": ("anchor", "lowpass-7000"),
    "mixture": ("anchor", "mixture"),
    "home": ("system", "home"),
    "centre": ("system", "centre"),
    "oracle": ("system", "oracle"),
}
"""Clips of one item by a short name; a clip's token is that name and the item's number."""
GENEROUS = SYSTEMS.replace('kind = "files"', 'kind = "files"\nmax_lag_ms = 2')
ORACLE = '[[systems]]\nname = "oracle"\nkind = "oracle_ratio_mask"\n'
FINE = Resemblance(
    lag_s=0.0,
    polarity=1,
    correlation=0.9,
    gain_error_db=-0.5,
    side_correlation=0.8,
    side_db=-12.0,
    reference_side_db=-10.0,
    closer_to="",
    copy_of="",
)
HOLDS = {"ripple_db": 0.02, "at_8_7_db": -80.0, "from_9_7_db": -81.0}


def clip_of(name: str, item: int) -> Clip:
    role, condition = CONDITIONS[name]
    cutoff_hz = {"low": 3500, "mid": 7000}.get(name)
    return Clip(
        token=f"{name}-{item}",
        file=f"clips/{name}-{item}.flac",
        sha256=f"file of {name}-{item}",
        samples_sha256=f"samples of {condition} {item}",
        item=f"item {item}",
        condition=condition,
        role=role,  # pyright: ignore[reportArgumentType]
        rate_hz=RATE_HZ,
        frames=10 * RATE_HZ,
        channels=2,
        lufs_before=-18.0,
        lufs_after=-23.0,
        gain_db=-5.0,
        true_peak_dbtp=-3.0,
        sample_peak_dbfs=-3.1,
        lag_s=0.0,
        polarity=1,
        render_key="",
        provenance=Provenance(kind="made", version="1"),
        facts=Facts(
            momentary_lufs=-20.0,
            short_term_lufs=-21.0,
            range_lu=4.0,
            dc=0.0,
            end_step=0.0,
            clipped=0,
            dropout_s=0.0,
            resemblance=None if condition == "reference" else FINE,
            response=Response(cutoff_hz=cutoff_hz, **HOLDS) if cutoff_hz else None,
        ),
    )


CLIPS = tuple(clip_of(name, item) for item in range(6) for name in CONDITIONS)


@pytest.fixture
def judged(tmp_path) -> Callable[..., dict[str, RuleResult]]:
    """The rules that a set breaks after changes, by token, to clips, their facts, resemblance or response."""
    described = loaded(tmp_path, systems=GENEROUS + ORACLE)

    def judge(changes: dict[str, dict[str, Any]]) -> dict[str, RuleResult]:
        return broken(check_set(described, [changed(clip, changes.get(clip.token, {})) for clip in CLIPS]))

    return judge


def changed(clip: Clip, change: dict[str, Any]) -> Clip:
    """Keys are looked for where they belong: in the clip, its facts, and what these hold."""
    facts = clip.facts
    assert facts
    for part in ("resemblance", "response"):
        inner = getattr(facts, part)
        mine = {key: value for key, value in change.items() if inner and key in type(inner).model_fields}
        # A clip has a lag and a polarity as well; the rules read the resemblance.
        facts = facts.model_copy(update={part: inner and inner.model_copy(update=mine)})
    facts = facts.model_copy(update={key: value for key, value in change.items() if key in Facts.model_fields})
    own = {key: value for key, value in change.items() if key in Clip.model_fields}
    return clip.model_copy(update={"facts": facts, **own})


def test_a_good_set_breaks_none(tmp_path) -> None:
    results = check_set(loaded(tmp_path), CLIPS)
    assert broken(results) == {}
    assert [result.rule for result in results] == [rule.id for rule in (*SET_RULES, *ESTIMATE_RULES)]


Case = tuple[str, dict[str, dict[str, Any]], str]
SETS: list[Case] = [
    (
        "same-format",
        {"home-1": {"frames": 479_999}},
        r"rate, length or channels of their own: home in item 1 \(48000 Hz, 479999 frames, 2 channels; the others "
        r"48000 Hz, 480000 frames, 2 channels\); build the set again",
    ),
    (
        "hidden-is-reference",
        {"hidden-2": {"samples_sha256": "others"}},
        r"other samples than the open reference: reference in item 2; build the set again",
    ),
    (
        "different-sounds",
        {"home-0": {"samples_sha256": "one"}, "centre-0": {"samples_sha256": "one"}},
        r"the same samples under several names: home = centre in item 0; leave one of them out",
    ),
    (
        "true-peak",
        {f"home-{n}": {"true_peak_dbtp": 0.3} for n in range(6)} | {"centre-0": {"true_peak_dbtp": 0.0001}},
        r"true peak above 0 dBTP: home in item 0 \(0\.3 dBTP\), centre in item 0 \(0\.0001 dBTP\), home in item 1 "
        r".* and 2 more; lower loudness\.ceiling_dbtp",
    ),
    (
        "reference-loudness",
        {"open-1": {"lufs_after": -23.51}},
        r"references differ by 0\.51 LU, from -23\.51 LUFS in item 1 to -23\.00 LUFS in item 5; lower",
    ),
    (
        "shared-gain",
        {"low-1": {"gain_db": -4.99}, "hidden-2": {"gain_db": -5.5}},
        r"another gain than the reference's: reference in item 2 \(-0\.5 dB\), lowpass-3500 in item 1 \(\+0\.01 dB\); ",
    ),
    (
        "loudness-in-item",
        {"home-3": {"lufs_after": -26.1}},
        r"more than 3 LU from the reference's loudness: home in item 3 \(-3\.1 LU\); look for a wrong level",
    ),
    (
        "anchor-response",
        {"low-0": {"ripple_db": 0.12, "at_8_7_db": -24.0}, "mid-1": {"from_9_7_db": -49.5}},
        r"outside the mask \(.*this project's convention\): lowpass-3500 in item 0 \(ripple 0\.12 dB, -24 dB at 4 kHz\)"
        r", lowpass-7000 in item 1 \(-49\.5 dB from 9 kHz\); build the set again",
    ),
    (
        "anchor-lag",
        {"mid-1": {"lag_s": -0.5 / RATE_HZ}},
        r"not at the reference's place in time: lowpass-7000 in item 1 \(-0\.50 samples\); build the set again",
    ),
    (
        "clipping",
        {"open-1": {"clipped": 4}, "hidden-1": {"clipped": 4}, "mixture-1": {"clipped": 9}},
        r"flat tops of clipping: reference in item 1 \(4 samples\), mixture in item 1 \(9 samples\); use sources",
    ),
    ("dc", {"home-1": {"dc": 0.002}}, r"offset \(DC\) above 0\.001: home in item 1 \(0\.002 of full scale\); remove"),
    (
        "end-click",
        {"low-1": {"end_step": 0.01}},
        r"begins or ends with a step above 0\.001: lowpass-3500 in item 1 \(0\.01 of full scale\); build the set again",
    ),
    ("drop-outs", {"home-1": {"dropout_s": 0.3}}, r"silent where the reference is not: home in item 1 \(0\.3 s\); lis"),
    (
        "lag",
        {"home-1": {"lag_s": 0.0025}, "centre-2": {"lag_s": -0.0015}},
        r"not at the reference's place in time: home in item 1 \(2\.5 ms = 120\.0 samples late, at most 2 ms\), "
        r"centre in item 2 \(1\.5 ms = 72\.0 samples early, at most 1 ms\); shift the estimates by as much",
    ),
    (
        "polarity",
        {"home-1": {"polarity": -1, "side_correlation": -0.8}},
        r"upside down \(inverted polarity\): home in item 1 \(correlation -0\.90\); multiply the estimates by -1",
    ),
    (
        "gain-error",
        {"home-1": {"gain_error_db": 4.0}, "centre-1": {"gain_error_db": -3.5}},
        r"the target more than 3 dB from its level.*: home in item 1 \(\+4 dB\), centre in item 1 \(-3\.5 dB\); look",
    ),
    (
        "swapped-channels",
        {"home-1": {"side_correlation": -0.7}},
        r"left and right are swapped: home in item 1 \(left - right correlates by -0\.70\); swap the channels",
    ),
    (
        "dual-mono",
        {"home-1": {"side_db": -90.0}},
        r"both channels are the same: home in item 1 \(left - right at -90\.0 dB, the reference's at -10\.0 dB\)",
    ),
    (
        "wrong-target",
        {f"home-{n}": {"closer_to": "vocals"} for n in range(4)},
        r"nearer to another stem than to the target: home \(vocals in 4 of 6 items\); check the system's path",
    ),
    (
        "copy-of-mixture",
        {"centre-1": {"copy_of": "mixture"}},
        r"a copy of the mixture: centre in item 1; check the system's path",
    ),
    (
        "copy-of-reference",
        {"home-5": {"copy_of": "reference"}, "oracle-5": {"copy_of": "reference"}},
        r"a copy of the reference: home in item 5; check the system's path",
    ),
]
AT_FAULT = {"reference-loudness": {"open-1", "open-5"}, "copy-of-reference": {"home-5"}}


@pytest.mark.parametrize(("rule", "changes", "sentence"), SETS, ids=[case[0] for case in SETS])
def test_each_rule_of_a_set_is_broken_alone(judged, rule, changes, sentence) -> None:
    found = judged(changes)
    assert set(found) == {rule}
    assert re.match(sentence, found[rule].message), found[rule].message
    assert set(found[rule].clips) == AT_FAULT.get(rule, set(changes))


@pytest.mark.parametrize(
    "changes",
    [
        {"home-1": {"true_peak_dbtp": 0.0}},
        {"open-1": {"lufs_after": -23.5}, "open-2": {"lufs_after": -23.0}},
        {"low-1": {"gain_db": -5.0009}, "mixture-1": {"gain_db": -9.0}, "home-1": {"gain_db": -9.0}},
        {"home-1": {"lufs_after": -26.0}, "centre-1": {"lufs_after": -20.0}, "mixture-1": {"lufs_after": -10.0}},
        {"low-1": {"ripple_db": 0.1, "at_8_7_db": -25.0, "from_9_7_db": -50.0}},
        {"mid-1": {"ripple_db": None, "at_8_7_db": None, "from_9_7_db": None}},
        {"low-1": {"lag_s": 0.25 / RATE_HZ + 4e-8}, "mid-1": {"lag_s": None}, "mixture-1": {"lag_s": 0.1}},
        {"home-1": {"dc": 0.001, "end_step": 0.001, "dropout_s": 0.2}, "low-1": {"dropout_s": 3.0}},
        {"home-1": {"lag_s": 0.002}, "centre-1": {"lag_s": -0.001}},
        {"home-1": {"lag_s": None, "polarity": -1, "side_correlation": None}, "mixture-1": {"polarity": -1}},
        {"home-1": {"gain_error_db": 3.0}, "centre-1": {"gain_error_db": -3.0}, "home-2": {"gain_error_db": None}},
        {"home-1": {"side_correlation": -0.5}, "centre-1": {"side_correlation": -1.0, "reference_side_db": -30.0}},
        {"home-1": {"side_db": -60.0}, "centre-1": {"side_db": -200.0, "reference_side_db": -40.0}},
        {"home-1": {"side_correlation": None, "side_db": None, "reference_side_db": None}},
        {f"home-{n}": {"closer_to": "vocals"} for n in range(3)},
        {"mixture-1": {"samples_sha256": "one", "copy_of": "mixture"}, "home-2": {"samples_sha256": "one"}},
        {"oracle-1": {"copy_of": "reference"}},
    ],
)
def test_a_set_at_the_edge_of_a_rule_breaks_none(judged, changes) -> None:
    assert judged(changes) == {}


def test_an_inverted_estimate_with_swapped_channels_has_both_faults(judged) -> None:
    assert set(judged({"home-1": {"polarity": -1, "side_correlation": 0.9}})) == {"polarity", "swapped-channels"}


def test_an_item_that_lacks_a_condition_is_named(tmp_path) -> None:
    found = broken(check_set(loaded(tmp_path), [clip for clip in CLIPS if clip.token not in ("hidden-1", "home-2")]))
    assert set(found) == {"same-conditions"}
    assert found["same-conditions"].message == (
        "missing: reference (hidden reference) in item 1, home (system) in item 2; build the set again"
    )


def test_an_anchor_that_is_in_no_item_is_missed(tmp_path) -> None:
    found = broken(check_set(loaded(tmp_path), [clip for clip in CLIPS if clip.condition != "lowpass-7000"]))
    assert set(found) == {"same-conditions"}
    assert "lowpass-7000 (anchor) in item 4 and 1 more; " in found["same-conditions"].message


def test_what_was_not_measured_is_not_judged(tmp_path) -> None:
    results = check_set(loaded(tmp_path), [clip.model_copy(update={"facts": None}) for clip in CLIPS])
    assert [result.rule for result in results] == [rule.id for rule in SET_RULES if not rule.needs_facts]
    assert "true-peak" in {result.rule for result in results}


def test_every_rule_has_a_case_and_a_name_of_its_own() -> None:
    rules = [rule.id for rule in (*EXPERIMENT_RULES, *SET_RULES, *ESTIMATE_RULES)]
    assert len(set(rules)) == len(rules)
    assert {case[0] for case in (*EXPERIMENTS, *SETS)} | {"same-conditions"} == set(rules)
