"""The study behind somebody else's table: what its mapping says, held against what the table holds.

Defines: ``study_of``.
"""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from analysis.errors import AnalysisError
from analysis.reading.mapping import Mapping
from analysis.reading.ratings import PAGE
from analysis.statistics.sides import COLUMNS
from analysis.study import Asked, Study
from stimuli.experiment import Contrast, Side, contrast, identity


def study_of(path: Path, frame: pd.DataFrame, mapping: Mapping) -> Study:
    """The study; its identity is that of the mapping.

    Raises
    ------
    AnalysisError
        Where the mapping names a condition or attribute that the table does not have, or the other way round.
    """
    roles = _roles(path, frame, mapping)
    attributes = _attributes(path, frame, mapping)
    systems = [name for name, role in roles.items() if role == "system"]
    names = [attribute.name for attribute in attributes]
    if (primary := mapping.analysis.primary or names[0]) not in names:
        raise AnalysisError(f"{path}: analysis.primary: {primary!r} is none of the attributes {', '.join(names)}")
    rated = frame[frame["condition"].isin(systems) & frame["rating"].notna()]
    return Study(
        name=mapping.name or path.stem,
        title=mapping.title,
        study_id=identity(mapping.model_dump(mode="json")),
        stimuli_id="",
        attributes=attributes,
        primary=primary,
        roles=roles,
        reference=mapping.roles.reference or None,
        mid_anchor=mapping.roles.mid_anchor or None,
        plan=mapping.analysis,
        contrasts=_contrasts(path, frame, mapping, roles),
        systems_on_page=int(rated.groupby(PAGE)["condition"].nunique().max()) if len(rated) else 0,
    )


def _roles(path: Path, frame: pd.DataFrame, mapping: Mapping) -> dict[str, str]:
    """Conditions with their roles: the reference, the anchors, then the systems in the order of the table."""
    heard, named = list(frame["condition"].unique()), mapping.roles
    roles = {named.reference: "hidden_reference"} if named.reference else {}
    roles |= dict.fromkeys(named.anchors, "anchor") | dict.fromkeys(named.systems, "system")
    if missing := [name for name in roles if name not in heard]:
        raise AnalysisError(
            f"{path}: roles: no condition is called {', '.join(map(repr, missing))}; found "
            f"{', '.join(map(repr, sorted(heard)[:20]))}"
        )
    if named.systems and (strange := [name for name in heard if name not in roles]):
        line = frame.loc[frame["condition"] == strange[0], "line"].iloc[0]
        raise AnalysisError(
            f"{path}: line {line}: the condition {strange[0]!r} is not known; expected one of "
            f"{', '.join(map(repr, roles))}; correct it, or name it in roles"
        )
    return roles | {name: "system" for name in heard if name not in roles}


def _attributes(path: Path, frame: pd.DataFrame, mapping: Mapping) -> tuple[Asked, ...]:
    found = list(frame["attribute"].unique())
    if not mapping.attributes:
        return tuple(Asked(name, "") for name in found)
    known = [attribute.name for attribute in mapping.attributes]
    if strange := [name for name in found if name not in known]:
        line = frame.loc[frame["attribute"] == strange[0], "line"].iloc[0]
        raise AnalysisError(
            f"{path}: line {line}: the attribute {strange[0]!r} is not known; expected one of {', '.join(known)}"
        )
    return tuple(Asked(a.name, a.question, a.labels, a.mid_anchor_rule) for a in mapping.attributes)


def _contrasts(path: Path, frame: pd.DataFrame, mapping: Mapping, roles: dict[str, str]) -> tuple[Contrast, ...]:
    """The planned contrasts; every pair of systems where the mapping names none."""
    systems = [name for name, role in roles.items() if role == "system"]
    if not mapping.analysis.contrasts:
        return tuple(Contrast(Side(a), Side(b)) for i, a in enumerate(systems) for b in systems[i + 1 :])
    planned = tuple(contrast(text) for text in mapping.analysis.contrasts)
    for side in (side for one in planned for side in one):
        if side.condition not in roles:
            raise AnalysisError(
                f"{path}: analysis.contrasts: no condition is called {side.condition!r}; found {', '.join(roles)}"
            )
        for factor, level in side.on:
            column = COLUMNS[factor]
            levels = sorted(frame[column].unique()) if column in frame.columns else []
            if level not in levels:
                raise AnalysisError(
                    f"{path}: analysis.contrasts: no {factor} is called {level!r}; found {', '.join(levels) or 'none'}"
                )
    return planned
