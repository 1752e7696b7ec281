"""What a plan starts from: components from a preset, a pilot or the command line, and an experiment file.

Defines: ``components_of``, ``pilot``, ``Study``, ``study_of``.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from analysis.errors import AnalysisError
from analysis.statistics.planning.components import PRESETS, Components, of_pilot
from analysis.statistics.planning.power import Inference
from analysis.statistics.planning.trials import Trials
from stimuli.experiment import Contrast, Experiment, load

NAMES = tuple(field.name for field in dataclasses.fields(Components))
NEEDED = ("listener_condition", "item_condition", "residual")
NOT_SYSTEMS = ("hidden_reference", "anchor")


@dataclass(frozen=True)
class Study:
    """What an experiment file says of its plan; ``left_out``: sentences on contrasts that are not planned for."""

    trials: Trials
    inference: Inference
    contrasts: int
    margin: float | None
    left_out: tuple[str, ...]


def components_of(preset: str | None, ratings: Path | None, own: Mapping[str, float]) -> tuple[Components, str]:
    """Components and a sentence on where they are from; ``own`` figures take the place of the others.

    Raises
    ------
    AnalysisError
        For a preset that is not there, two sources at once, none at all, or a figure that is needed.
    """
    if preset and ratings:
        raise AnalysisError("--components and --pilot: expected one of them; a pilot is the better one")
    if preset and preset not in PRESETS:
        raise AnalysisError(f"--components: found {preset!r}; expected one of {', '.join(PRESETS)}")
    if ratings:
        found, source = pilot(ratings)
    elif preset:
        found, source = PRESETS[preset].components, f"{preset}: {PRESETS[preset].source}"
    elif own:
        if missing := [name for name in NEEDED if name not in own]:
            raise AnalysisError(f"--sd: {', '.join(missing)} is missing; give it, or name a preset with --components")
        return Components(**{name: own.get(name, 0.0) for name in NAMES}), "standard deviations as given"
    else:
        raise AnalysisError(
            "nothing says how far ratings scatter; give ratings of a pilot with --pilot, or a preset with --components "
            f"({', '.join(PRESETS)})"
        )
    if own:
        changed = ", ".join(f"{name} {value:g}" for name, value in own.items())
        return dataclasses.replace(found, **own), f"{source}; as given: {changed}"
    return found, source


def pilot(path: Path) -> tuple[Components, str]:
    """Estimate the components from a file of ratings: an export, or any CSV with listener, item, condition, rating.

    Rows of training, of attention checks, of unfinished sessions and without a rating are left out, and where roles are
    named also those of the hidden reference and the anchors, as they vary otherwise than systems do.
    """
    try:
        rows = pd.read_csv(path, dtype=str, keep_default_na=False)
    except FileNotFoundError:
        raise AnalysisError(f"{path}: no such file; export ratings with: mushra export --out {path.name}") from None
    except (OSError, ValueError) as error:
        raise AnalysisError(f"{path}: can't be read as CSV: {error}") from None
    if missing := [name for name in ("listener", "item", "condition", "rating") if name not in rows]:
        raise AnalysisError(f"{path}: the columns {', '.join(missing)} are missing; found {', '.join(rows.columns)}")
    kept = _usable(rows)
    if "attribute" in kept and kept["attribute"].nunique() > 1:
        names = ", ".join(sorted(kept["attribute"].unique()))
        raise AnalysisError(f"{path}: ratings of several attributes ({names}); leave one in the file")
    number = pd.to_numeric(kept["rating"], errors="coerce")
    if number.isna().any():
        line = int(kept.index[number.isna()][0]) + 2
        raise AnalysisError(f"{path}: line {line}: rating: found {kept['rating'][line - 2]!r}; expected a number")
    frame = kept.assign(rating=number.astype(float))
    counts = {name: frame[name].nunique() for name in ("listener", "item", "condition")}
    told = ", ".join(f"{count} {name}{'' if count == 1 else 's'}" for name, count in counts.items())
    return of_pilot(frame), f"estimated from {len(frame)} ratings of {path.name} ({told})"


def _usable(rows: pd.DataFrame) -> pd.DataFrame:
    unwanted = rows["rating"] == ""
    for column, value in (("training", "true"), ("attention_check", "true"), ("finished", "false")):
        if column in rows:
            unwanted |= rows[column].str.lower() == value
    if "role" in rows:
        unwanted |= rows["role"].isin(NOT_SYSTEMS)
    return rows[~unwanted]


def study_of(path: Path) -> Study:
    """Counts, claim and margin of an experiment file."""
    experiment = load(path)
    planned = [one for one in experiment.planned_contrasts if _within(one)]
    left_out = [
        f"{one} compares different items or listeners and is not planned for: the figures are of two systems on the "
        "same pages."
        for one in experiment.planned_contrasts
        if not _within(one)
    ]
    items = min((len(_items(experiment, one)) for one in planned), default=len(_items(experiment)))
    heard = experiment.test.items_per_listener
    share = 1.0 if heard == "all" else heard / len(_items(experiment))
    per_page = experiment.test.systems_per_page
    if len(experiment.systems) < 2:
        raise AnalysisError(f"{path.name}: one system; nothing is compared with it that could be planned for")
    trials = Trials(
        listeners=experiment.analysis.listeners,
        items=items,
        systems=len(experiment.systems),
        replicates=experiment.test.replicates,
        per_page=None if per_page == "all" else per_page,
        per_listener=None if share == 1 else max(1, round(share * items)),
    )
    plan = experiment.analysis
    return Study(trials, plan.inference, max(len(planned), 1), plan.equivalence_margin, tuple(left_out))


def _within(wish: Contrast) -> bool:
    """Whether both sides stand on the same pages of the same listeners."""
    return wish.first.on == wish.second.on and all(factor != "group" for factor, _ in wish.first.on)


def _items(experiment: Experiment, wish: Contrast | None = None) -> Sequence[str]:
    """Items of the test, or those of them that a contrast is on."""
    on = dict(wish.first.on) if wish else {}
    return [
        key
        for item in experiment.items
        if item.use != "training"
        and on.get("target", experiment.target_of(item)) == experiment.target_of(item)
        and on.get("dataset", item.dataset) == item.dataset
        for key in item.keys
    ]
