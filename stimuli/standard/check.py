"""Hold an experiment, and the set built from it, against ITU-R BS.1534-3.

Defines: ``check_experiment``, ``check_set``.
"""

from __future__ import annotations

from collections.abc import Iterable

from stimuli.experiment import Experiment
from stimuli.manifest import Clip, RuleResult
from stimuli.standard.design import EXPERIMENT_RULES
from stimuli.standard.estimates import ESTIMATE_RULES
from stimuli.standard.sets import BuiltSet
from stimuli.standard.sounds import SET_RULES


def check_experiment(experiment: Experiment) -> tuple[RuleResult, ...]:
    """Hold an experiment file against the rules that need no sound."""
    return tuple(rule.result(experiment) for rule in EXPERIMENT_RULES)


def check_set(experiment: Experiment, clips: Iterable[Clip]) -> tuple[RuleResult, ...]:
    """Hold the clips of a built set against the rules that need sound; what was not measured is not judged."""
    built = BuiltSet(experiment, tuple(clips))
    rules = (*SET_RULES, *ESTIMATE_RULES)
    return tuple(rule.result(built) for rule in rules if built.measured or not rule.needs_facts)
