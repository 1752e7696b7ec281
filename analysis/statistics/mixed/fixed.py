"""Fixed effects: the columns of the model matrix, what they mean, and which can't be told apart.

Conventions: treatment coding; the first level of a factor is its baseline. A column is the product of the indicators
of its levels. Columns that are sums of earlier ones (empty cells of an interaction) are left out, as R does.

Defines: ``FixedEffects``, ``fixed_effects``.
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from analysis.statistics.mixed.terms import Terms

Column = tuple[tuple[str, str], ...]
"""Pairs of factor and level; none for the intercept."""
ALIASED = 1e-9


@dataclass(frozen=True)
class FixedEffects:
    """The columns of the model matrix. ``kept``: positions of those estimated; ``null``: what the data can't see."""

    factors: dict[str, tuple[str, ...]]
    columns: tuple[Column, ...]
    kept: np.ndarray
    null: np.ndarray  # (all columns, dimensions that are aliased)

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the estimated columns."""
        return tuple(name_of(self.columns[position]) for position in self.kept)

    @property
    def aliased(self) -> tuple[str, ...]:
        """Names of the columns that were left out."""
        return tuple(name_of(column) for position, column in enumerate(self.columns) if position not in self.kept)

    def rows(self, points: Sequence[Mapping[str, str]]) -> np.ndarray:
        """Rows of the full model matrix for points, each a level of every factor."""
        return np.array(
            [[all(point[factor] == level for factor, level in column) for column in self.columns] for point in points],
            float,
        )

    def grid(self, **chosen: str) -> list[dict[str, str]]:
        """All points of the factors' levels that agree with what was chosen."""
        choices = [(chosen[factor],) if factor in chosen else levels for factor, levels in self.factors.items()]
        return [dict(zip(self.factors, point, strict=True)) for point in itertools.product(*choices)]

    def estimable(self, weights: np.ndarray) -> np.ndarray:
        """Whether each row of weights over all columns is a combination of rows that were observed."""
        scale = np.maximum(np.abs(weights).max(axis=-1, initial=0), 1)
        return (np.abs(weights @ self.null) <= 1e-8 * scale[..., None]).all(axis=-1)


def name_of(column: Column) -> str:
    """As the column is written in tables: ``condition=a, target=vocals``."""
    return ", ".join(f"{factor}={level}" for factor, level in column) or "(Intercept)"


def fixed_effects(
    terms: Terms, levels: Mapping[str, np.ndarray], where: Mapping[str, np.ndarray], seen: np.ndarray
) -> tuple[FixedEffects, np.ndarray]:
    """The columns over groups and cells (G, K, kept).

    Parameters
    ----------
    levels : of each factor; the first is the baseline.
    where : the number of the level of each factor, over groups and cells (G, K).
    seen : whether a group rated a cell (G, K); what nobody rated decides nothing.
    """
    used = [column for column in levels if any(column in term for term in terms.fixed)]
    factors = {factor: tuple(str(level) for level in levels[factor]) for factor in used}
    columns: list[Column] = [()]
    for term in terms.fixed:
        choices = [[(factor, level) for level in factors[factor][1:]] for factor in term]
        columns += [tuple(column) for column in itertools.product(*choices)]
    matrices = np.ones((*seen.shape, len(columns)))
    for position, column in enumerate(columns):
        for factor, level in column:
            matrices[:, :, position] *= where[factor] == factors[factor].index(level)
    distinct = np.unique(matrices[seen], axis=0)
    kept = _independent(distinct)
    null = _null_space(distinct, kept)
    return FixedEffects(factors, tuple(columns), kept, null), matrices[:, :, kept]


def _independent(matrix: np.ndarray) -> np.ndarray:
    """Positions of the columns that are no combination of columns before them."""
    basis = np.zeros((len(matrix), 0))
    kept = []
    for position, column in enumerate(matrix.T):
        rest = column - basis @ (basis.T @ column)
        rest -= basis @ (basis.T @ rest)
        if (norm := np.linalg.norm(rest)) > ALIASED * max(np.linalg.norm(column), 1):
            basis = np.column_stack([basis, rest / norm])
            kept.append(position)
    return np.array(kept, int)


def _null_space(matrix: np.ndarray, kept: np.ndarray) -> np.ndarray:
    """Combinations of columns that are zero in every row: one per column left out."""
    left_out = [position for position in range(matrix.shape[1]) if position not in kept]
    null = np.zeros((matrix.shape[1], len(left_out)))
    if left_out:
        null[kept] = np.linalg.lstsq(matrix[:, kept], matrix[:, left_out], rcond=None)[0]
        null[left_out, range(len(left_out))] = -1
    return null
