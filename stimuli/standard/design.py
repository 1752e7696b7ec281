"""Rules of the experiment file: what can be said before any sound is made.

Conventions: lengths in seconds; an item whose excerpts are found by a rule counts as often as it makes one.
Defines: ``EXPERIMENT_RULES``, ``FEWEST_ITEMS``.
"""

from __future__ import annotations

import math

from stimuli.experiment import AnalysisPlan, Attribute, Experiment, Item, LowpassAnchor
from stimuli.standard.rule import Rule, listed

MOST_HIDDEN = 12
FEWEST_ITEMS = 5
ITEMS_PER_SYSTEM = 1.5
LONGEST_S = 12.0
REQUIRED_ANCHORS_HZ = (3500, 7000)
OVERALL = ("overall", "basic", "quality")
"""One of these words is in the name or the question of an attribute that asks for the whole."""
LABELS = Attribute.model_fields["labels"].default
SCREENING = AnalysisPlan.model_fields["exclude"].default


def _tested(experiment: Experiment) -> list[Item]:
    return [item for item in experiment.items if item.use != "training"]


def _count(experiment: Experiment) -> int:
    return sum(len(item.keys) for item in _tested(experiment))


def _hidden_signals(experiment: Experiment) -> str | None:
    # One trial asks one attribute, and hears the anchors of that one.
    found = max(experiment.signals_on_page(attribute.name) for attribute in experiment.attributes)
    if found <= MOST_HIDDEN:
        return None
    room = MOST_HIDDEN - (found - experiment.systems_on_page())
    beside = f"room for {room} systems beside reference and anchors" if room > 1 else "too many anchors for any systems"
    return f"{found} hidden signals per trial, {beside}"


def _linked_systems(experiment: Experiment) -> str | None:
    heard = experiment.test.items_per_listener
    pages = _count(experiment) if heard == "all" else heard
    systems, on_page = len(experiment.systems), experiment.systems_on_page()
    # The first page brings all of its systems; each further one must share one of them and brings the rest.
    needed = math.ceil((systems - 1) / (on_page - 1)) if on_page > 1 else 1
    return (
        f"{pages} pages of {on_page} of {systems} systems for each listener, at least {needed} are needed to link them"
        if pages < needed
        else None
    )


def _open_reference(experiment: Experiment) -> str | None:
    found = " and ".join(experiment.test.references) or "nothing"
    return None if "reference" in experiment.test.references else f"heard openly: {found}, no reference"


def _switching(experiment: Experiment) -> str | None:
    return "sounds are cross-faded into one another" if experiment.test.switching == "crossfade" else None


def _lowpass_anchors(experiment: Experiment) -> str | None:
    heard = experiment.anchors_of(experiment.attributes[0].name)
    there = {one.cutoff_hz for one in experiment.anchors if isinstance(one, LowpassAnchor) and one.name in heard}
    missing = [f"{cutoff / 1000:g} kHz" for cutoff in REQUIRED_ANCHORS_HZ if cutoff not in there]
    return f"no low-pass anchor at {' and '.join(missing)}" if missing else None


def _items(experiment: Experiment) -> str | None:
    found = _count(experiment)
    return f"{found} items in the test" if found < FEWEST_ITEMS else None


def _items_per_system(experiment: Experiment) -> str | None:
    found, systems = _count(experiment), len(experiment.systems)
    wanted = ITEMS_PER_SYSTEM * systems
    return f"{found} items for {systems} systems, about {wanted:g} are wanted" if found < wanted else None


def _excerpt_length(experiment: Experiment) -> str | None:
    long = [item for item in experiment.items if item.excerpt.length_s > LONGEST_S]
    places = listed(f"{item.key} ({item.excerpt.length_s:g} s)" for item in long)
    return f"longer than {LONGEST_S:g} s: {places}" if long else None


def _excerpts_by_outputs(experiment: Experiment) -> str | None:
    chosen = [item.key for item in _tested(experiment) if item.excerpt.rule == "disagreement"]
    return f"chosen by where the systems' outputs disagree: {listed(chosen)}" if chosen else None


def _training(experiment: Experiment) -> str | None:
    return None if any(item.use != "test" for item in experiment.items) else "no item is used for training"


def _training_covers(experiment: Experiment) -> str | None:
    def heard(item: Item) -> tuple[object, ...]:
        return item.song, item.excerpt, experiment.target_of(item)

    trained = [heard(item) for item in experiment.items if item.use != "test"]
    new = [key for item in _tested(experiment) if heard(item) not in trained for key in item.keys]
    # Where there is no training at all, the rule before says so.
    return f"rated, and not heard in training: {listed(new)}" if trained and new else None


def _replicates(experiment: Experiment) -> str | None:
    return None if experiment.test.replicates else "no trial is presented twice"


def _first_attribute(experiment: Experiment) -> str | None:
    first, *others = experiment.attributes
    asked = f"{first.name} {first.question}".lower()
    missing = bool(others) and not any(word in asked for word in OVERALL)
    return f"of {len(experiment.attributes)} attributes the first is {first.name}" if missing else None


def _scale_labels(experiment: Experiment) -> str | None:
    other = [f"{one.name} ({', '.join(one.labels)})" for one in experiment.attributes if one.labels != LABELS]
    return f"labels of its own: {listed(other)}" if other else None


def _fixed_gain(experiment: Experiment) -> str | None:
    own = experiment.loudness.match == "each"
    return "every system gets a gain of its own, which can hide its faults or make some" if own else None


def _post_screening(experiment: Experiment) -> str | None:
    missing = [name for name in SCREENING if name not in experiment.analysis.exclude]
    return f"the plan does not exclude by {' and '.join(missing)}" if missing else None


EXPERIMENT_RULES: tuple[Rule[Experiment], ...] = (
    Rule(
        "hidden-signals",
        "5.3",
        "must",
        "at most 12 hidden signals per trial",
        _hidden_signals,
        "set test.systems_per_page, so that each page has a balanced part of the systems, or leave some out",
    ),
    Rule(
        "linked-systems",
        "practice",
        "note",
        "the pages of each listener link all systems",
        _linked_systems,
        "give listeners more items, or raise test.systems_per_page; else reference and anchors alone link them",
    ),
    Rule(
        "open-reference",
        "5.3",
        "must",
        "the reference can be heard openly",
        _open_reference,
        'add "reference" to test.references',
    ),
    Rule(
        "switching",
        "5.3",
        "must",
        "sounds are switched by 5 ms out, then 5 ms in",
        _switching,
        'set test.switching = "bs1534", or call it a multi-stimulus test',
    ),
    Rule(
        "lowpass-anchors",
        "5.1",
        "must",
        "both low-pass anchors are there",
        _lowpass_anchors,
        'add [[anchors]] kind = "lowpass", cutoff_hz = 3500 and 7000',
    ),
    Rule("items", "7", "must", "at least 5 items", _items, "add items: at least 5"),
    Rule(
        "items-per-system",
        "7",
        "should",
        "about 1.5 items for each system",
        _items_per_system,
        "add items if you can",
    ),
    Rule(
        "excerpt-length",
        "5.1",
        "should",
        "excerpts of at most 12 s",
        _excerpt_length,
        "cut them to about 10 s, or justify the length in the test report",
    ),
    Rule(
        "excerpts-by-outputs",
        "7",
        "should",
        "no excerpt was chosen by looking at the systems' outputs",
        _excerpts_by_outputs,
        "such items can't speak for items in general: choose another excerpt.rule, or say so in the test report",
    ),
    Rule(
        "training",
        "5.2",
        "must",
        "an item for training is there",
        _training,
        'give an item use = "training", or use = "both"',
    ),
    Rule(
        "training-covers",
        "5.2",
        "note",
        "all excerpts of the test are heard in training",
        _training_covers,
        'give them use = "both" if there is time for it',
    ),
    Rule(
        "replicates",
        "4.1",
        "should",
        "trials are repeated, so that reliability can be shown",
        _replicates,
        "set test.replicates = 1",
    ),
    Rule(
        "first-attribute",
        "6",
        "note",
        "overall quality is asked first",
        _first_attribute,
        "ask for overall quality first: what is asked before it can colour it",
    ),
    Rule(
        "scale-labels",
        "5.4",
        "note",
        f"the scale is labelled {', '.join(LABELS)}",
        _scale_labels,
        "leave labels out to have the standard's, or give yours in the test report",
    ),
    Rule(
        "fixed-gain",
        "7",
        "should",
        "the gain within a trial is fixed",
        _fixed_gain,
        'set loudness.match = "item", or say so in the test report',
    ),
    Rule(
        "post-screening",
        "4.1.2",
        "should",
        "assessors are screened by the hidden reference and by the mid anchor",
        _post_screening,
        "add it to analysis.exclude, or say in the test report how assessors were screened",
    ),
)
