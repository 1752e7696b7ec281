"""Where what was done is not what the plan says, and what was asked for beside the plan.

A report is *confirmatory* for the primary attribute as it was planned; all other attributes, and everything after a
change on the command line, are *exploratory*.

Defines: ``Changes``, ``real``, ``changed``, ``status_of``, ``deviations``.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

from analysis.errors import AnalysisError
from analysis.report.words.wording import level
from analysis.study import Study
from mushra_app.ratings import Peek
from stimuli.experiment import AnalysisPlan, contrast

Status = Literal["confirmatory", "exploratory"]


@dataclass(frozen=True)
class Changes:
    """What somebody asked for on the command line, instead of what the plan says; None and empty: nothing."""

    inference: str | None = None
    adjust: str | None = None
    equivalence_margin: float | None = None
    exclude: tuple[str, ...] | None = None
    contrasts: tuple[str, ...] = ()

    def __bool__(self) -> bool:
        return self != Changes()


def real(study: Study, changes: Changes) -> Changes:
    """The changes without those that ask for what the plan says anyway."""
    plan = study.plan.model_dump()
    same = [name for name, value in vars(changes).items() if name != "contrasts" and value == plan.get(name)]
    found = replace(changes, **dict.fromkeys(same))
    return replace(found, contrasts=()) if found.contrasts == tuple(map(str, study.contrasts)) else found


def changed(study: Study, changes: Changes) -> Study:
    """The study with its plan as somebody wants it now.

    Raises
    ------
    AnalysisError
        Where the change makes no plan, or names a condition that the study does not have.
    """
    if not changes:
        return study
    wanted = {name: value for name, value in vars(changes).items() if value not in (None, ())}
    if changes.exclude == ():  # asked for: nobody is left out
        wanted["exclude"] = ()
    try:
        plan = AnalysisPlan.model_validate(study.plan.model_dump() | wanted)
    except ValueError as error:
        raise AnalysisError(f"the command line: {_first_line(error)}") from None
    contrasts = tuple(map(contrast, changes.contrasts)) or study.contrasts
    for one in contrasts:
        for side in one:
            if side.condition not in study.roles:
                raise AnalysisError(
                    f"--contrast {one}: {side.condition!r} is no condition of this study; "
                    f"expected one of {', '.join(study.roles)}"
                )
    return replace(study, plan=plan, contrasts=contrasts)


def status_of(
    study: Study, attribute: str, changes: Changes, *, fixed: bool, running: bool = False
) -> tuple[Status, str]:
    """Whether an attribute's results are those that were planned, and why in a few words.

    ``fixed``: the plan is part of a study that was published before anybody rated, not of a file written afterwards;
    ``running``: the study still takes ratings.
    """
    if not fixed:
        return "exploratory", "nothing shows that the plan was fixed before the ratings were there"
    if running:
        return "exploratory", "the study is still running"
    if changes:
        return "exploratory", "something else was asked for than the plan says"
    if attribute != study.primary:
        return "exploratory", f"the plan rests its conclusion on {study.primary}"
    return "confirmatory", "as the plan says"


def deviations(
    planned: Study,
    changes: Changes,
    *,
    listeners: int,
    partly: int = 0,
    widest: float | None,
    untested: Sequence[str],
    peeks: Sequence[Peek] = (),
) -> tuple[str, ...]:
    """Every deviation in a sentence.

    Parameters
    ----------
    planned : the study with its plan as it was fixed.
    listeners : how many finished all their sessions.
    partly : how many finished some of them and not all; their ratings are analysed, too.
    widest : the longest reach of a planned interval to one side, in points; None where no contrast was tested.
    untested : sentences on planned contrasts and attributes that the ratings do not allow.
    peeks : looks at the conditions while the study ran.
    """
    looks = (f"Somebody looked at the conditions while the study ran, on {at}: {reason}" for at, reason in peeks)
    stopped = _stopped(planned.plan, listeners, widest)
    return (*_asked_for(planned, changes), *looks, *stopped, *_in_part(partly, planned.sessions), *untested)


def _asked_for(planned: Study, changes: Changes) -> list[str]:
    plan, found = planned.plan, []
    told = {
        "inference": ("inference for", plan.inference),
        "adjust": ("adjustment by", plan.adjust),
        "equivalence_margin": ("a margin of equivalence of", plan.equivalence_margin or "none"),
        "exclude": ("exclusion by", ", ".join(plan.exclude) or "no rule"),
        "contrasts": ("the contrasts", ", ".join(map(str, planned.contrasts))),
    }
    for name, (words, before) in told.items():
        value = getattr(changes, name)
        if value is None or (value == () and name == "contrasts"):
            continue
        now = (", ".join(value) or "no rule") if isinstance(value, tuple) else value
        found.append(
            f"Asked for on the command line: {words} {now}; the plan says {before}. All results are exploratory."
        )
    return found


def _stopped(plan: AnalysisPlan, listeners: int, widest: float | None) -> list[str]:
    """Whether as many listened as planned, or as the stopping rule allows."""
    if plan.precision is None:
        return (
            [] if listeners == plan.listeners else [f"{plan.listeners} listeners were planned, {listeners} finished."]
        )
    if listeners > plan.listeners:
        return [f"At most {plan.listeners} listeners were planned, {listeners} finished."]
    if listeners < plan.listeners and (widest is None or widest > plan.precision):
        reach = "no interval could be made" if widest is None else f"the widest interval reaches {widest:.1f} points"
        return [
            f"{listeners} {'listener' if listeners == 1 else 'listeners'} finished, but the plan goes on to "
            f"{plan.listeners} until no planned interval reaches further than {level(plan.precision)} points, "
            f"and {reach}."
        ]
    return []


def _in_part(listeners: int, sessions: int) -> list[str]:
    """Whether some have not heard all that they were to hear."""
    if not listeners:
        return []
    return [
        f"{listeners} {'more listener has' if listeners == 1 else 'more listeners have'} finished some of {sessions} "
        "sessions and not all; the ratings of finished sessions are analysed."
    ]


def _first_line(error: ValueError) -> str:
    """What a validation error says first, without its machine's head."""
    details = getattr(error, "errors", None)
    return details()[0]["msg"].removeprefix("Value error, ") if details else str(error)
