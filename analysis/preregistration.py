"""The analysis plan in plain words, to be deposited before the first listener comes: Markdown, out of an experiment.

Conventions: the same file gives the same bytes; the plan's hash is of everything in the file, so that a reviewer can
tell that nothing was changed. Defines: ``preregistration``.
"""

from __future__ import annotations

import importlib.metadata
from collections.abc import Sequence

from analysis.report.words.wording import count, level
from analysis.statistics.listeners.rules import RULES
from stimuli.experiment import Experiment, identity

MODEL = (
    "for each contrast a linear mixed model of its own two conditions (REML): of the differences of the two "
    "ratings on the pages that held both, with random intercepts of listener and item (within song), and of "
    "listener by item where there are replicates, and Satterthwaite's degrees of freedom; where fewer than half "
    "of the pages held both, of all ratings of the two, with random intercepts of listener by condition and "
    "item by condition as well, and Kenward and Roger's degrees of freedom (Satterthwaite's for more than 3,000 "
    "ratings); t, two-sided, at 5 %"
)


def preregistration(experiment: Experiment) -> str:
    """The plan of an experiment as a text with headings."""
    parts = [
        ("What is asked", _asked(experiment)),
        ("What is heard", _heard(experiment)),
        ("Who listens, and when it ends", _listeners(experiment)),
        ("Who is left out", _left_out(experiment)),
        ("What is tested", _tested(experiment)),
        ("What is exploratory", _exploratory(experiment)),
    ]
    head = [
        f"# Preregistration: {experiment.experiment.title}",
        "",
        f"Plan and design have the SHA-256 `{identity(experiment.model_dump(mode='json'))}`, "
        f"written by hidden-reference {importlib.metadata.version('hidden-reference')}. Any change in the experiment "
        "file makes another.",
    ]
    body = [line for title, lines in parts for line in ("", f"## {title}", "", *lines)]
    return "\n".join([*head, *body]) + "\n"


def _asked(experiment: Experiment) -> list[str]:
    return [
        f"* {attribute.name}{' (primary)' if attribute.name == experiment.primary_attribute else ''}: "
        f"{attribute.question} (0 to 100: {', '.join(attribute.labels)})"
        for attribute in experiment.attributes
    ]


def _heard(experiment: Experiment) -> list[str]:
    tested = [item for item in experiment.items if item.use != "training"]
    excerpts = sum(len(item.keys) for item in tested)
    datasets = sorted({item.dataset for item in tested if item.dataset})
    targets = sorted({experiment.target_of(item) for item in tested})
    test = experiment.test
    heard = "all of them" if test.items_per_listener == "all" else f"{test.items_per_listener} of them"
    return [
        f"* Systems: {', '.join(system.name for system in experiment.systems)}",
        f"* Hidden reference and anchors: {', '.join(('reference', *(anchor.name for anchor in experiment.anchors)))}",
        f"* {count(excerpts, 'item')} of {count(len({item.song for item in tested}), 'song')}; each listener hears "
        f"{heard}, {count(test.replicates + 1, 'time')} each",
        f"* Targets: {', '.join(targets)}" + (f"; data sets: {', '.join(datasets)}" if datasets else ""),
        f"* On each page: {experiment.systems_on_page()} of {count(len(experiment.systems), 'system')}",
    ]


def _listeners(experiment: Experiment) -> list[str]:
    plan = experiment.analysis
    ends = f"{count(plan.listeners, 'listener')} finish the test; then it is closed, whatever the ratings say."
    if plan.precision is not None:
        ends = (
            "The test is closed once the 95 % interval of every planned contrast reaches no further than "
            f"{level(plan.precision)} points to either side, or once {count(plan.listeners, 'listener')} have "
            "finished. Only widths of intervals are looked at before that, never means."
        )
    looked_for = [
        f"Only those take part who answer {' or '.join(f'“{one}”' for one in question.accept)} to “{question.text}”."
        for question in experiment.questions
        if question.accept
    ]
    return [ends, *looked_for]


def _left_out(experiment: Experiment) -> list[str]:
    rules = [f"* {rule}: {RULES[rule]}" for rule in experiment.analysis.exclude] or ["* nobody"]
    return [*rules, "* No rating is removed by itself. Results with everybody are reported beside."]


def _tested(experiment: Experiment) -> list[str]:
    plan = experiment.analysis
    general = plan.inference == "items in general"
    target = "music like these items" if general else "exactly these items"
    how = MODEL if general else "Wilcoxon's signed-rank test on listener means over items, two-sided, at 5 %"
    adjust = plan.adjust if general else plan.adjust_on_means
    lines: Sequence[str] = [f"  * {contrast}" for contrast in experiment.planned_contrasts]
    margin = (
        f"* Two conditions count as equally good where two one-sided tests at 5 % put their difference within "
        f"{level(plan.equivalence_margin)} points, each by itself."
        if plan.equivalence_margin
        else "* No claim of equality will be made: no margin of equivalence is planned."
    )
    return [
        f"* Conclusions are about {plan.inference}: {target}.",
        f"* Test: {how}.",
        f"* Contrasts of {experiment.primary_attribute}, adjusted by {adjust.capitalize()} over all of them:",
        *lines,
        margin,
    ]


def _exploratory(experiment: Experiment) -> list[str]:
    others = [a.name for a in experiment.attributes if a.name != experiment.primary_attribute]
    named = f"the attributes {', '.join(others)}, " if others else ""
    return [f"Everything else: {named}comparisons that are not named above, and objective metrics."]
