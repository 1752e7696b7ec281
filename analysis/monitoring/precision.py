"""How far the 95 % intervals of the planned contrasts reach so far, with nothing that says which is which.

Widths may be looked at while a test runs; differences, signs and p may not (the plan's ``precision`` is the only rule
by which a test ends early). So contrasts are called A, B, C … in an order that a key shuffles: it is the same at every
look, and says nothing to whoever does not have the key. The numbers are those of the report, on the listeners whom the
plan's screening leaves.

Conventions: points of the scale; the reach is the longer one of both sides of an interval.
Defines: ``SCHEMA``, ``Width``, ``Precision``, ``precision``.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import cache

import pandas as pd

from analysis.monitoring.running import Running
from analysis.report.parts import general, listeners
from analysis.report.parts.tried import Tried
from analysis.statistics.description import summaries
from analysis.statistics.these_items import rank_tests
from analysis.statistics.these_items.pairs import pair
from analysis.study import Study
from stimuli.experiment import Contrast

SCHEMA = 1


@dataclass(frozen=True)
class Width:
    """One contrast; ``reach`` is None where these ratings don't allow an interval yet."""

    label: str
    reach: float | None


@dataclass(frozen=True)
class Precision:
    """Widths so far. ``listeners`` have finished all their sessions, and ``partly`` some of them and not all, whose
    ratings count as in the report; ``kept`` of both are left by screening, and where that is nobody, the widths are
    those before screening. ``target`` is the plan's ``precision``, None where the plan
    has a fixed number of listeners, ``most``."""

    schema_number: int
    study: str
    study_id: str
    inference: str
    listeners: int
    partly: int
    kept: int
    simulated: bool
    most: int
    target: float | None
    contrasts: tuple[Width, ...]

    @property
    def reached(self) -> bool:
        """Whether the plan lets the test end here."""
        reaches = [one.reach for one in self.contrasts]
        wide = [reach for reach in reaches if reach is None or reach > (self.target or 0)]
        return self.target is not None and self.kept > 0 and bool(reaches) and not wide


def precision(running: Running, key: str) -> Precision:
    """Work out the widths of the primary attribute's planned contrasts; ``key`` shuffles their names.

    It has to be secret: whoever knows it knows which letter is which.
    """
    study, ratings = running.ratings.study, running.ratings
    frame = ratings.frame[ratings.frame["attribute"] == study.primary]
    found = listeners.screened(frame, ratings.checks, study, study.primary, Tried()) if len(frame) else None
    kept = found.kept if found else frame
    in_general = study.plan.inference == "items in general"
    reaches = (_in_general if in_general else _of_these)(kept, study) if len(kept) else {}
    keyed = f"{key} {study.study_id}"
    shuffled = sorted(map(str, study.contrasts), key=lambda name: hashlib.sha256(f"{keyed} {name}".encode()).digest())
    return Precision(
        schema_number=SCHEMA,
        study=study.name,
        study_id=study.study_id,
        inference=study.plan.inference,
        listeners=ratings.finished,
        partly=ratings.listeners - ratings.finished,
        kept=int(frame["listener"].nunique()) - (len(found.excluded) if found else 0),
        simulated=running.simulated,
        most=study.plan.listeners,
        target=study.plan.precision,
        contrasts=tuple(Width(_label(number), reaches.get(name)) for number, name in enumerate(shuffled)),
    )


def _in_general(frame: pd.DataFrame, study: Study) -> dict[str, float]:
    _, _, rows = general.contrasts(frame, study, Tried())
    return _reaches(rows[0]) if rows else {}


def _of_these(frame: pd.DataFrame, study: Study) -> dict[str, float]:
    @cache
    def means(contrast: Contrast) -> pd.DataFrame:
        return summaries.paired_means(frame, contrast)

    tried = Tried()
    possible = [one for one in study.contrasts if tried(lambda one=one: pair(means, one)) is not None]
    return _reaches(rank_tests.compare(means, possible)) if possible else {}


def _reaches(rows: pd.DataFrame) -> dict[str, float]:
    longest = pd.concat([rows["high"] - rows["difference"], rows["difference"] - rows["low"]], axis=1).max(axis=1)
    named = zip(rows["contrast"], longest, strict=True)
    # Two decimals: more of them would tell one width from another by what the ratings are.
    return {str(name): round(float(reach), 2) for name, reach in named if reach == reach}


def _label(number: int) -> str:
    """A, B … Z, A2, B2 …"""
    again, letter = divmod(number, 26)
    return chr(ord("A") + letter) + (str(again + 1) if again else "")
