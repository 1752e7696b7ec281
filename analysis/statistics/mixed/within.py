"""The algebra within listeners: their own random effects are eliminated, and one matrix over cells remains.

Within a listener V = I + sum over terms of ratio * Z Z' falls into blocks, ratios being variances relative to the
residual's. The term with most levels (listener:item) is diagonal there and goes first, by scalars; then the listener's
few other effects, batched over patterns. M below is the inverse of that V.

Conventions: shapes as in ``cells``: L listeners, U patterns, K cells, G groups, J diagonal levels, s inner columns.
Defines: ``Within``, ``eliminate``, ``slope_within``, ``modes_within``.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from analysis.statistics.mixed.cells import Cells


@dataclass(frozen=True)
class Within:
    """What is left of the ratings when all random effects within listeners are eliminated."""

    log_determinant: float
    shrink: np.ndarray  # (U, J) 1 / (1 + ratio * ratings) of the diagonal term
    weight: np.ndarray  # (U, J) ratio * shrink
    gram: np.ndarray  # (U, s, s) inner columns against each other, after the diagonal term
    gain: np.ndarray  # (U, s, s) what takes them out
    rest: np.ndarray  # (U, s, K) inner columns against cells, after the diagonal term
    cross: np.ndarray  # (G, K, K) C'MC, C the indicators of the cells
    totals: np.ndarray  # (G, K) C'My
    square_sum: float  # y'My


def eliminate(cells: Cells, ratios: np.ndarray) -> Within:
    """Eliminate the listeners' own effects at given ratios."""
    ratio = ratios[cells.diagonal] if cells.diagonal >= 0 else 0.0
    deviations = np.sqrt(ratios[cells.inner])
    shrink = 1 / (1 + ratio * cells.level_counts)
    weight = ratio * shrink
    taken = (cells.heads * weight[:, :, None]).transpose(0, 2, 1)[:, :, cells.level]
    rest = cells.counts[:, None, :] * (cells.inner_columns.T - taken)
    gram = rest @ cells.inner_columns
    root = np.linalg.cholesky(deviations[:, None] * gram * deviations + np.eye(len(deviations)))
    inverse = np.linalg.inv(root) * deviations
    gain = inverse.transpose(0, 2, 1) @ inverse
    levels, own = _against(cells, weight, cells.sums)
    gained = (gain[cells.pattern] @ own[:, :, None])[:, :, 0]
    explained = (weight[cells.pattern] * levels**2).sum() + (gained * own).sum()
    logs = 2 * np.log(np.diagonal(root, axis1=1, axis2=2)).sum(axis=1) - np.log(shrink).sum(axis=1)
    return Within(
        log_determinant=float(cells.shared @ logs),
        shrink=shrink,
        weight=weight,
        gram=gram,
        gain=gain,
        rest=rest,
        cross=_cross(cells, weight, inverse @ rest),
        totals=_totals(cells, weight[cells.pattern] * levels, gained, rest),
        square_sum=float(cells.square_sum - explained),
    )


def _against(cells: Cells, weight: np.ndarray, sums: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Sums per diagonal level (L, J), and inner columns against sums after the diagonal term (L, s)."""
    levels = cells.by_level(sums)
    taken = (weight[cells.pattern] * levels)[:, None, :] @ cells.heads[cells.pattern]
    return levels, sums @ cells.inner_columns - taken[:, 0]


def _cross(cells: Cells, weight: np.ndarray, halves: np.ndarray) -> np.ndarray:
    """C'MC of each group: the counts, less what the diagonal term and then the inner columns explain."""
    scaled = cells.counts * cells.shared[:, None]
    cross = np.empty((len(cells.members), *cells.same_level.shape))
    for group, own in enumerate(cells.members):
        flat = (halves[own] * np.sqrt(cells.shared[own])[:, None, None]).reshape(-1, len(cells.level))
        cross[group] = -(flat.T @ flat)
        cross[group] -= cells.same_level * ((scaled[own] * weight[own][:, cells.level]).T @ cells.counts[own])
        cross[group].flat[:: len(cells.level) + 1] += scaled[own].sum(axis=0)
    return cross


def _totals(cells: Cells, taken: np.ndarray, gained: np.ndarray, rest: np.ndarray) -> np.ndarray:
    """C'My of each group."""
    left = cells.sums - cells.counts[cells.pattern] * taken[:, cells.level]
    of_pattern = np.zeros(rest.shape[:2])
    np.add.at(of_pattern, cells.pattern, gained)
    return np.array(
        [
            left[listeners].sum(axis=0) - of_pattern[own].reshape(-1) @ rest[own].reshape(-1, len(cells.level))
            for own, listeners in zip(cells.members, cells.listeners, strict=True)
        ]
    )


def slope_within(cells: Cells, within: Within, spread: np.ndarray, fitted: np.ndarray, variance: float) -> np.ndarray:
    """Slope of the deviance in each ratio of a term within listeners, 0 in the others.

    Parameters
    ----------
    spread : (G, K, K) what P takes off M: P = M - M C spread C' M.
    fitted : (G, K) the fixed effects with the shared random ones.
    variance : of the residual.
    """
    project = np.eye(within.gain.shape[1]) - within.gram @ within.gain
    wide = np.concatenate([within.rest[own] @ spread[group] for group, own in enumerate(cells.members)])
    wide = wide[np.argsort(np.concatenate(cells.members), kind="stable")]
    inside = wide @ within.rest.transpose(0, 2, 1)
    diagonal, inner = modes_within(cells, within, fitted)
    traces = np.diagonal(project @ (within.gram - inside @ project.transpose(0, 2, 1)), axis1=1, axis2=2)
    slope = np.zeros(len(cells.row_levels))
    np.add.at(slope, cells.inner, cells.shared @ traces - (inner**2).sum(axis=0) / variance)
    if cells.diagonal >= 0:
        trace = _diagonal_trace(cells, within, spread, wide, inside)
        slope[cells.diagonal] = trace - (diagonal**2).sum() / variance
    return slope


def _diagonal_trace(cells: Cells, within: Within, spread: np.ndarray, wide: np.ndarray, inside: np.ndarray) -> float:
    """tr(Z'PZ) of the diagonal term."""
    heads = cells.heads * within.shrink[:, :, None]
    gained = heads @ within.gain
    quadratic = np.empty_like(cells.counts)
    for group, own in enumerate(cells.members):
        quadratic[own] = cells.counts[own] @ (cells.same_level * spread[group])
    blocks = cells.by_level(quadratic * cells.counts) * within.shrink**2
    mixed = cells.by_level(wide * cells.counts[:, None, :]) * within.shrink[:, None, :]
    per_pattern = (cells.level_counts * within.shrink - blocks).sum(axis=1)
    per_pattern -= (gained * (heads - 2 * mixed.transpose(0, 2, 1) + gained @ inside)).sum(axis=(1, 2))
    return float(cells.shared @ per_pattern)


def modes_within(cells: Cells, within: Within, fitted: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Z'Py of the diagonal term (L, J) and of the inner columns (L, s); times the ratio, the conditional modes."""
    group = cells.group[cells.pattern]
    levels, own = _against(cells, within.weight, cells.sums - cells.counts[cells.pattern] * fitted[group])
    gained = (within.gain[cells.pattern] @ own[:, :, None])[:, :, 0]
    shrink = within.shrink[cells.pattern]
    diagonal = shrink * (levels - (cells.heads[cells.pattern] @ gained[:, :, None])[:, :, 0])
    return diagonal, own - (within.gram[cells.pattern] @ gained[:, :, None])[:, :, 0]
