"""Ratings simulated from variance components: what a test of given counts could yield.

A rating is the mean of its condition + listener + item + listener:item + listener:condition + item:condition +
residual, all random parts normal and independent; what happens on the way to the slider is said by ``Answers``.

Conventions: points; the same seed gives the same ratings. Beside the systems there can be the standard's hidden
reference and anchors, on every page; the frame is a rating frame with a column ``conduct`` (``careful``, or the kind of
carelessness of this listener). Defines: ``Answers``, ``Careless``, ``STANDARDS``, ``simulate``.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

import numpy as np
import pandas as pd

from analysis.errors import AnalysisError
from analysis.statistics.planning.components import Components
from analysis.statistics.planning.trials import Trials

STANDARDS: Mapping[str, float] = {"reference": 96, "lowpass-7000": 52, "lowpass-3500": 24}
"""Means of the hidden reference and the two anchors. The reference's is of those ratings that are not 100."""
REFERENCE_SD = 7
HIGHEST = 100


@dataclass(frozen=True)
class Careless:
    """Listeners who do not do what they are asked: a share of all (0 to 1), rounded to whole listeners.

    ``random``: any whole number from 0 to 100 for anything. ``flat``: one number for everything, the listener's own.
    ``reversed``: 100 minus what was meant, as where the scale is read upside down.
    """

    share: float
    kind: Literal["random", "flat", "reversed"] = "random"


@dataclass(frozen=True)
class Answers:
    """How what is heard becomes a rating.

    ``bounded``: whole numbers from 0 to 100, so that there is a ceiling; else as the model has it. ``noise``: factors
    of the residual's standard deviation for conditions; 1 where not named. ``reference_at_100``: share of the hidden
    reference's ratings that are 100 where bounded; the others lie below as the half of a normal distribution does.
    ``missing``: share of ratings that are not there, at random.
    """

    bounded: bool = False
    noise: Mapping[str, float] = field(default_factory=dict)
    reference_at_100: float = 0.78
    missing: float = 0.0
    careless: Careless | None = None

    def __post_init__(self) -> None:
        shares = {"reference_at_100": self.reference_at_100, "missing": self.missing}
        shares |= {"careless.share": self.careless.share} if self.careless else {}
        for name, share in shares.items():
            if not 0 <= share <= 1:
                raise AnalysisError(f"{name}: found {share}; expected a share from 0 to 1")


def simulate(
    components: Components,
    trials: Trials,
    means: Mapping[str, float],
    *,
    seed: int | np.random.Generator,
    answers: Answers | None = None,
) -> pd.DataFrame:
    """Simulate the ratings of a test.

    Parameters
    ----------
    components : standard deviations of the random parts.
    trials : counts; as many systems as ``means`` names beside the reference and the anchors.
    means : true mean of every condition, the systems in any order; the names in ``STANDARDS`` stand on every page.
    seed : whole number, or a generator that goes on.
    answers : what happens on the way to the slider; None for nothing.

    Returns
    -------
    DataFrame
        A rating frame: listener, item, target (empty for one target), replicate, condition, rating, conduct.

    Raises
    ------
    AnalysisError
        Where means are of another number of systems than ``trials`` says, or ``noise`` names no condition.
    """
    how, rng = answers or Answers(), np.random.default_rng(seed)
    systems = [name for name in means if name not in STANDARDS]
    if len(systems) != trials.systems:
        raise AnalysisError(f"means: found {len(systems)} systems ({', '.join(systems)}); expected {trials.systems}")
    if strange := [name for name in how.noise if name not in means]:
        raise AnalysisError(f"noise: {', '.join(strange)} has no mean; expected one of {', '.join(means)}")
    ratings = _heard(components, trials, means, how, rng)
    if how.bounded:
        ratings = _on_scale(ratings, list(means), how, rng)
    conduct = _spoilt(ratings, how, rng)
    there = _shown(trials, list(means), rng)
    if how.missing:
        there &= rng.random(there.shape) >= how.missing
    frame = _frame(ratings, there, trials, list(means))
    return frame.assign(conduct=frame["listener"].map(dict(zip(_names("L", trials.listeners), conduct, strict=True))))


def _heard(
    components: Components, trials: Trials, means: Mapping[str, float], how: Answers, rng: np.random.Generator
) -> np.ndarray:
    """Listeners by items by presentations by conditions, before the slider."""
    shape = (trials.listeners, trials.items, trials.presentations, len(means))
    ratings = np.broadcast_to(np.array(list(means.values()), float), shape).copy()
    parts = {
        "listener": (0,),
        "item": (1,),
        "listener_item": (0, 1),
        "listener_condition": (0, 3),
        "item_condition": (1, 3),
    }
    for name, axes in parts.items():
        size = [count if axis in axes else 1 for axis, count in enumerate(shape)]
        ratings += getattr(components, name) * rng.standard_normal(size)
    noise = np.array([how.noise.get(name, 1.0) for name in means])
    return ratings + components.residual * noise * rng.standard_normal(shape)


def _on_scale(ratings: np.ndarray, names: list[str], how: Answers, rng: np.random.Generator) -> np.ndarray:
    """Whole numbers from 0 to 100, the hidden reference mostly at its end."""
    if "reference" in names:
        below = np.abs(REFERENCE_SD * rng.standard_normal(ratings.shape[:3]))
        known = rng.random(ratings.shape[:3]) < how.reference_at_100
        ratings[..., names.index("reference")] = np.where(known, HIGHEST, HIGHEST - below)
    return np.clip(np.rint(ratings), 0, HIGHEST)


def _spoilt(ratings: np.ndarray, how: Answers, rng: np.random.Generator) -> np.ndarray:
    """Replace what careless listeners say, in place; returns the conduct of each listener."""
    listeners = len(ratings)
    conduct = np.full(listeners, "careful", dtype=object)
    if how.careless is None:
        return conduct
    chosen = rng.permutation(listeners)[: math.floor(how.careless.share * listeners + 0.5)]
    conduct[chosen] = how.careless.kind
    said = ratings[chosen]
    if how.careless.kind == "random":
        ratings[chosen] = rng.integers(0, HIGHEST + 1, said.shape)
    elif how.careless.kind == "flat":
        ratings[chosen] = rng.integers(0, HIGHEST + 1, (len(chosen), 1, 1, 1))
    else:
        ratings[chosen] = HIGHEST - said
    return conduct


def _shown(trials: Trials, names: list[str], rng: np.random.Generator) -> np.ndarray:
    """Which conditions stand on each page: True in the shape of the ratings.

    All parts of the systems that fit a page are dealt to the pages like shuffled cards, pack after pack, so that over
    whole packs all systems, and all pairs of systems, stand on equally many pages.
    """
    pages = (trials.listeners, trials.items, trials.presentations)
    shown = np.ones((math.prod(pages), len(names)), bool)
    if trials.per_page is not None:
        systems = [index for index, name in enumerate(names) if name not in STANDARDS]
        cards = np.zeros((math.comb(len(systems), trials.per_page), len(systems)), bool)
        for card, held in zip(cards, itertools.combinations(range(len(systems)), trials.per_page), strict=True):
            card[list(held)] = True
        packs = [rng.permutation(len(cards)) for _ in range(-(-len(shown) // len(cards)))]
        shown[:, systems] = cards[np.concatenate(packs)[: len(shown)]]
    shown = shown.reshape(*pages, len(names))
    if trials.per_listener is not None:
        # Listeners go on where the one before them stopped, so that items are heard equally often.
        item = (np.arange(trials.items) - trials.per_listener * np.arange(trials.listeners)[:, None]) % trials.items
        shown &= (item < trials.per_listener)[:, :, None, None]
    return shown


def _frame(ratings: np.ndarray, there: np.ndarray, trials: Trials, names: list[str]) -> pd.DataFrame:
    listener, item, replicate, condition = np.nonzero(there)
    targets = [""] if trials.targets == 1 else [f"target {number + 1}" for number in range(trials.targets)]
    return pd.DataFrame(
        {
            "listener": _names("L", trials.listeners)[listener],
            "item": _names("I", trials.items)[item],
            "target": np.array(targets, dtype=object)[item % trials.targets],
            "replicate": replicate,
            "condition": np.array(names, dtype=object)[condition],
            "rating": ratings[there],
        }
    )


def _names(letter: str, count: int) -> np.ndarray:
    """L001, L002 …: as many figures as needed, three at least, so that they sort as they count."""
    figures = max(3, len(str(count)))
    return np.array([f"{letter}{number + 1:0{figures}}" for number in range(count)], dtype=object)
