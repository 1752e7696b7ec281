"""What the first line of a published table means: which column is a method, a song, a score of what.

Defines: ``Header``, ``understood``, ``target_called``.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from analysis.errors import AnalysisError
from analysis.metrics.published.definitions import DEFINITIONS
from analysis.metrics.published.description import Description

SPELLINGS = {
    "method": ("method", "estimate", "system", "algo", "model", "team", "participant", "participants", "submission"),
    "track": ("track", "song"),
    "target": ("target", "name"),
    "metric": ("metric",),
    "score": ("score", "value"),
    "time": ("time",),
    "duration": ("duration",),
}
"""What a column means to how it is usually called. SiSEC's own tables say ``estimate`` and ``name``, museval's
``method`` and ``target``."""
LONG = ("target", "metric", "score", "time", "duration")
ALL = "all"
TARGETS = {
    **dict.fromkeys(("song", "mean", "average", "all", "overall", "total"), ALL),
    **{name: name for name in ("vocals", "drums", "bass", "other", "accompaniment", "guitar", "piano")},
    **{"dialog": "dialogue", "dialogue": "dialogue", "speech": "dialogue", "music": "music"},
    **{"effect": "effects", "effects": "effects", "sfx": "effects"},
}
"""How targets are spelled in names of columns to what they are; ``all`` is the mean over the targets."""
UNIT = re.compile(r"[\[(]\s*([^\])]*?)\s*[\])]\s*$")


@dataclass(frozen=True)
class Header:
    """``meanings``: what is meant to its column. ``scores``: columns of a wide table to (measure, target)."""

    meanings: Mapping[str, str]
    scores: Mapping[str, tuple[str, str]]


def understood(path: Path, names: Sequence[str], told: Description) -> Header:
    """Every column's meaning.

    Raises
    ------
    AnalysisError
        Where a column is not known, two mean the same, one that is named is not there, or a needed one is missing.
    """
    named = told.columns.named
    for name in (*named, *told.scores, *told.ignore):
        if name not in names:
            known = ", ".join(map(repr, names))
            raise AnalysisError(f"{path}: line 1: no column {name!r}, which its description names; found {known}")
    left = [name for name in names if name not in told.ignore]
    meanings: dict[str, str] = {}
    for name in left:
        meaning = named.get(name) or ("" if name in told.scores else _usual(name))
        if meaning and meaning not in set(named.values()) - {named.get(name)}:
            if meaning in meanings:
                raise AnalysisError(
                    f"{path}: line 1: both {meanings[meaning]!r} and {name!r} may be the {meaning}; say which in "
                    f"columns.{meaning}, and pass the other one over with ignore"
                )
            meanings[meaning] = name
    if "method" not in meanings:
        raise AnalysisError(f"{path}: line 1: no column says whose scores these are; name it in columns.method")
    rest = [name for name in left if name not in meanings.values()]
    if "score" in meanings:
        _check_long(path, meanings, rest, told)
        return Header(meanings, {})
    if strange := [meanings[meaning] for meaning in LONG if meaning in meanings]:
        raise _unknown(path, strange[0], told)
    return Header(meanings, _scores(path, rest, told))


def _check_long(path: Path, meanings: Mapping[str, str], rest: Sequence[str], told: Description) -> None:
    if rest:
        raise _unknown(path, rest[0], told)
    wanted = ("metric", *(() if told.target else ("target",)))
    if missing := [meaning for meaning in wanted if meaning not in meanings]:
        raise AnalysisError(f"{path}: line 1: no column of the {missing[0]}; name it in columns.{missing[0]}")
    if "time" in meanings and DEFINITIONS[told.definition].over_frames is None:
        raise AnalysisError(
            f"{path}: line 1: {meanings['time']!r} says that scores are of frames, and {told.definition} has none that "
            "all agree on; give one score for each song, or correct the definition"
        )


def _scores(path: Path, names: Sequence[str], told: Description) -> dict[str, tuple[str, str]]:
    found: dict[str, tuple[str, str]] = {}
    for name in names:
        unit = UNIT.search(name)
        if unit and unit[1].casefold() != "db" and name not in told.scores:
            raise AnalysisError(
                f"{path}: line 1: {name!r} is in {unit[1]!r}; expected scores in dB: pass the column over with ignore, "
                "or, if that is no unit, say what it means in [scores]"
            )
        meant = _score(told.scores.get(name, UNIT.sub("", name)), told)
        if meant is None:
            raise _unknown(path, name, told)
        if meant in found.values():
            raise AnalysisError(f"{path}: line 1: {name!r} is a second {' of '.join(meant)}; pass one over with ignore")
        found[name] = meant
    if not found:
        raise AnalysisError(f"{path}: line 1: no column of scores, such as 'SDR vocals'; found {', '.join(names)}")
    return found


def _score(text: str, told: Description) -> tuple[str, str] | None:
    """The measure and the target that a text names, in either order; None where it names none of this definition."""
    words = folded(text)
    for spelled, metric in DEFINITIONS[told.definition].metrics.items():
        if words == spelled and told.target:
            return metric, target_called(told.target)
        for rest in (words.removeprefix(f"{spelled}_"), words.removesuffix(f"_{spelled}")):
            if rest != words and rest in TARGETS:
                return metric, TARGETS[rest]
    return None


def target_called(text: str) -> str:
    """A target by its usual name, as it stands where it has none."""
    return TARGETS.get(folded(text), text.strip())


def folded(text: str) -> str:
    """Small letters and figures, with ``_`` between words."""
    return re.sub(r"[^a-z0-9]+", "_", text.casefold()).strip("_")


def _usual(name: str) -> str:
    return next((meaning for meaning, usual in SPELLINGS.items() if folded(name) in usual), "")


def _unknown(path: Path, name: str, told: Description) -> AnalysisError:
    metrics = ", ".join(dict.fromkeys(DEFINITIONS[told.definition].metrics.values()))
    return AnalysisError(
        f"{path}: line 1: the column {name!r} is not known; expected scores of {told.definition} ({metrics}) and whose "
        'they are: say what it means in [columns] or [scores] (for example "SDR vocals"), or pass it over with ignore'
    )
