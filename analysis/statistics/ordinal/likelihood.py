"""The cumulative-logit mixed model as a likelihood of one vector of parameters, and its maximum.

Conventions: the vector holds the thresholds, the shifts of all conditions but the first, and the standard deviations
of the random terms, side by side; its likelihood is even in each standard deviation.
Defines: ``TERMS``, ``Model``, ``maximum``.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np
import pandas as pd
from scipy import optimize

from analysis.errors import AnalysisError
from analysis.statistics.ordinal.laplace import Laplace, Table

TERMS = ("listener", "item", "listener:condition", "item:condition")
MOST_EFFECTS = 1500
"""Random effects of listeners or of items, whichever are fewer: their share of the curvature is a dense matrix."""
MOST_CELLS = 1_000_000
"""Listeners times items times conditions, rated or not."""


class Model:
    """The likelihood; ``order`` names the terms as their standard deviations stand in the vector."""

    def __init__(
        self, codes: Mapping[str, tuple[np.ndarray, pd.Index]], band: np.ndarray, terms: Sequence[str]
    ) -> None:
        self.sizes = {name: len(levels) for name, (_, levels) in codes.items()}
        # The side with more levels is the one that is eliminated block by block.
        self.sides = sorted(("listener", "item"), key=lambda side: -self.sizes[side])
        if unknown := set(terms) - set(TERMS):
            raise ValueError(f"no terms of this model: {', '.join(sorted(unknown))}; expected some of {TERMS}")
        self.terms = [[term for term in TERMS if term in terms and term.startswith(side)] for side in self.sides]
        self.order = [*self.terms[0], *self.terms[1]]
        conditions = self.sizes["condition"]
        loadings = [
            [np.eye(conditions) if ":" in term else np.ones((conditions, 1)) for term in own] for own in self.terms
        ]
        effects = [  # of each side
            sum(one.shape[1] for one in own) * self.sizes[side] for own, side in zip(loadings, self.sides, strict=True)
        ]
        if min(effects) > MOST_EFFECTS or self.sizes["listener"] * self.sizes["item"] * conditions > MOST_CELLS:
            raise AnalysisError(
                f"the ordinal model stood aside: {self.sizes['listener']} listeners, {self.sizes['item']} items and "
                f"{conditions} conditions are too many together"
            )
        shape = self.sizes[self.sides[0]], self.sizes[self.sides[1]], conditions
        cell = np.ravel_multi_index([codes[name][0] for name in (*self.sides, "condition")], shape)
        order = np.argsort(cell, kind="stable")
        self.table = Table(cell[order], band[order], shape)
        self.likelihood = Laplace(self.table, (loadings[0], loadings[1]))
        self.thresholds = int(band.max())
        self._cuts = np.cumsum([self.thresholds, conditions - 1, len(self.terms[0])])

    def __call__(self, parameters: np.ndarray) -> tuple[float, np.ndarray]:
        """Log-likelihood and gradient."""
        thresholds, shifts, first, second = np.split(parameters, self._cuts)
        value, by = self.likelihood(thresholds, np.concatenate([[0.0], shifts]), (first, second))
        return value, np.concatenate([by[0], by[1][1:], by[2], by[3]])

    def start(self) -> np.ndarray:
        """Thresholds by the bands' shares, no effect of conditions, random effects of moderate size."""
        shares = np.cumsum(np.bincount(self.table.band))[:-1] / len(self.table.band)
        shifts, sds = np.zeros(self.sizes["condition"] - 1), np.full(len(self.order), 0.5)
        return np.concatenate([np.log(shares / (1 - shares)), shifts, sds])


def maximum(model: Model) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Parameters at the maximum, the slope there and the information; BFGS on ordered thresholds, then Newton.

    The likelihood is even in each standard deviation, so that none of them needs a bound.

    Raises
    ------
    AnalysisError
        Where the search leaves the numbers that a computer has.
    """
    try:
        with np.errstate(all="ignore"):
            return _maximum(model)
    except (FloatingPointError, np.linalg.LinAlgError) as error:
        raise AnalysisError("the ordinal model found no answer: these ratings tell too little of its terms") from error


def _maximum(model: Model) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    count = model.thresholds

    def ordered(free: np.ndarray) -> np.ndarray:
        return np.concatenate([np.cumsum([free[0], *np.exp(free[1:count])]), free[count:]])

    def loss(free: np.ndarray) -> tuple[float, np.ndarray]:
        value, slope = model(ordered(free))
        tails = np.cumsum(slope[:count][::-1])[::-1]
        tails[1:] *= np.exp(free[1:count])
        return -value, -np.concatenate([tails, slope[count:]])

    start = model.start()
    free = np.concatenate([start[:1], np.log(np.diff(start[:count])), start[count:]])
    best = ordered(optimize.minimize(loss, free, jac=True, method="BFGS", options={"gtol": 1e-4, "maxiter": 300}).x)
    information = _information(model, best)
    for _ in range(2):
        step = np.linalg.lstsq(information, model(best)[1], rcond=None)[0]
        if (np.diff((best + step)[:count]) <= 0).any() or np.abs(step).max() > 1:
            break
        best = best + step
    return best, model(best)[1], information


def _information(model: Callable[[np.ndarray], tuple[float, np.ndarray]], at: np.ndarray) -> np.ndarray:
    """Minus the second derivatives, by central differences of the gradient."""
    step = 1e-4
    rows = [(model(at - step * unit)[1] - model(at + step * unit)[1]) / (2 * step) for unit in np.eye(len(at))]
    return (np.array(rows) + np.array(rows).T) / 2
