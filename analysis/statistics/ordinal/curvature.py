"""Curvature of an integrand in the random effects of two crossed sides, listeners and items, as blocks.

The effects of one listener (a row of the first side) load on that listener's cells by ``loadings``, conditions by
columns; an item's alike. The curvature I + L'WL, with W the cells' weights, is blockwise diagonal for either side
alone: the first side, which should be the larger, is eliminated block by block, and what is left is dense and of the
second side's size. A dense factor of everything would take hundreds of times as long for a hundred listeners.

Defines: ``Curvature``.
"""

from __future__ import annotations

import numpy as np
from scipy import linalg


class Curvature:
    """I + L'WL, factored, for ``weight`` of each cell (first, second, condition) and both sides' loadings."""

    def __init__(self, weight: np.ndarray, loadings: list[np.ndarray]) -> None:
        self.loadings = loadings
        first, second = loadings
        (many, few, _), columns, others = weight.shape, first.shape[1], second.shape[1]
        self._pairs = (first[:, :, None] * second[:, None, :]).reshape(len(first), columns * others)
        blocks = np.eye(columns) + _blocks(weight.sum(axis=1), first)
        cross = (weight.reshape(-1, len(first)) @ self._pairs).reshape(many, few, columns, others)
        cross = np.ascontiguousarray(cross.transpose(0, 2, 1, 3)).reshape(many, columns, few * others)
        left = np.asarray(linalg.block_diag(*(np.eye(others) + _blocks(weight.sum(axis=0), second))))
        self._inverse = np.linalg.inv(blocks)
        self._shared = self._inverse @ cross
        left -= cross.reshape(-1, few * others).T @ self._shared.reshape(-1, few * others)
        self._left = linalg.cho_factor(left, lower=True)
        self._shape = many, few, columns, others
        self.log_determinant = float(np.linalg.slogdet(blocks)[1].sum() + 2 * np.log(np.diagonal(self._left[0])).sum())

    def solve(self, slopes: list[np.ndarray]) -> list[np.ndarray]:
        """Inverse times a vector, given and returned as both sides' effects."""
        first, second = slopes
        _, few, _, others = self._shape
        rest = second.ravel() - np.einsum("lpk,lp->k", self._shared, first)
        found = linalg.cho_solve(self._left, rest)
        return [(self._inverse @ first[:, :, None])[:, :, 0] - self._shared @ found, found.reshape(few, others)]

    def variance_of_eta(self) -> tuple[np.ndarray, list[np.ndarray]]:
        """Variance of each cell's eta; and, by side, sums of the inverse's diagonal for each column of loadings."""
        many, few, columns, others = self._shape
        first, second, between = self._inverted()
        between = between.reshape(many, columns, few, others).transpose(0, 2, 1, 3).reshape(many * few, -1)
        own, other = (
            np.einsum("cp,lpr,cr->lc", loading, block, loading, optimize=True)
            for loading, block in zip(self.loadings, (first, second), strict=True)
        )
        variance = own[:, None, :] + other[None, :, :] - 2 * (between @ self._pairs.T).reshape(many, few, -1)
        return variance, [np.einsum("npp->p", block) for block in (first, second)]

    def _inverted(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Of the inverse: the first side's blocks, the second side's, and minus what lies between the sides."""
        many, few, columns, others = self._shape
        whole = linalg.cho_solve(self._left, np.eye(few * others))
        between = (self._shared.reshape(-1, few * others) @ whole).reshape(many, columns, few * others)
        items = np.arange(few)
        second = whole.reshape(few, others, few, others)[items, :, items, :]
        return self._inverse + between @ self._shared.transpose(0, 2, 1), second, between


def _blocks(weight: np.ndarray, loading: np.ndarray) -> np.ndarray:
    """Loadings' products, weighted by each listener's (item's) conditions: one block per listener."""
    columns = loading.shape[1]
    products = (loading[:, :, None] * loading[:, None, :]).reshape(len(loading), columns**2)
    return (weight @ products).reshape(-1, columns, columns)
