"""The closed form held against simulation: how often the package's own test finds a difference.

Conventions: ratings as ``simulate`` makes them, without ends of the scale. Defines: ``simulated_power``.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable

import numpy as np
import pandas as pd

from analysis.errors import AnalysisError
from analysis.statistics.description.summaries import paired_means
from analysis.statistics.mixed.primary import primary
from analysis.statistics.planning.components import Components
from analysis.statistics.planning.power import ONE_IN_GENERAL, Claim
from analysis.statistics.planning.simulate import simulate
from analysis.statistics.planning.trials import Trials
from analysis.statistics.these_items.rank_tests import wilcoxon
from stimuli.experiment import Contrast, Side

PAIR = Contrast(Side("a"), Side("b"))
LEVEL = 50.0


def simulated_power(
    components: Components,
    trials: Trials,
    difference: float,
    *,
    runs: int,
    rng: np.random.Generator,
    claim: Claim = ONE_IN_GENERAL,
    done: Callable[[], object] = lambda: None,
) -> float:
    """Share of simulated tests in which system a is found better than b, which it is by so many points.

    For items in general by the primary analysis; for these items by Wilcoxon's test of listener means, with what the
    items do to systems counted to the difference. A test whose ratings allow no analysis finds nothing.

    Parameters
    ----------
    runs : how many tests; the share is known within ``2 sqrt(share (1 - share) / runs)``.
    done : called after each.
    """
    means = {"a": LEVEL + difference, "b": LEVEL} | {f"c{number}": LEVEL for number in range(trials.systems - 2)}
    these = claim.inference == "these items"
    varying = dataclasses.replace(components, item_condition=0.0) if these else components
    found = 0
    for _ in range(runs):
        frame = simulate(varying, trials, means, seed=rng)
        if trials.targets > 1:
            frame = frame[frame["target"] == frame["target"].max()]  # the last one has the fewest items
        found += (_by_means if these else _by_model)(frame, claim.alpha)
        done()
    return found / runs


def _by_model(frame: pd.DataFrame, alpha: float) -> bool:
    try:
        row = primary(frame, [PAIR]).rows.iloc[0]
    except AnalysisError:
        return False
    return bool(row["p"] < alpha and row["difference"] > 0)


def _by_means(frame: pd.DataFrame, alpha: float) -> bool:
    first, second = paired_means(frame, PAIR).to_numpy(float).T
    return bool(wilcoxon(first, second)["p"] < alpha and first.mean() > second.mean())
