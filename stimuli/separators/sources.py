"""Systems that give named sources: what they can be asked for, and what their accompaniment is.

A source that a system names is its own estimate. Where it names no ``accompaniment``, this is the sum of all sources
but the vocals; where it gives the vocals alone, the mixture minus the vocals. Where it gives the accompaniment alone,
the vocals are the mixture minus that.

Defines: ``gives``, ``made_of``, ``answer``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from stimuli.separators import Sound, mixed

VOCALS, ACCOMPANIMENT = "vocals", "accompaniment"


def gives(sources: Sequence[str]) -> tuple[str, ...]:
    """The sources, and whichever of vocals and accompaniment the rest of the mixture is."""
    if tuple(sources) == (ACCOMPANIMENT,):
        return (ACCOMPANIMENT, VOCALS)
    derived = ACCOMPANIMENT not in sources and VOCALS in sources
    return (*sources, *([ACCOMPANIMENT] if derived else []))


def made_of(sources: Sequence[str], target: str) -> tuple[str, ...]:
    """The sources that a target follows from."""
    if target in sources:
        return (target,)
    return tuple(source for source in sources if source != VOCALS) or (VOCALS,)


def answer(sources: Sequence[str], target: str, estimates: Mapping[str, Sound], mixture: Sound) -> Sound:
    """The estimate of a target out of those of its sources."""
    parts = made_of(sources, target)
    if target not in sources and len(sources) == 1:
        return mixture - estimates[parts[0]]
    return mixed(estimates[part] for part in parts)


def told(sources: Sequence[str]) -> str:
    """What the accompaniment is, for the record; empty where there is none."""
    if ACCOMPANIMENT in sources:
        return "own estimate"
    if VOCALS not in sources:
        return ""
    rest = made_of(sources, ACCOMPANIMENT)
    return "mixture minus vocals" if rest == (VOCALS,) else f"sum of {', '.join(rest)}"
