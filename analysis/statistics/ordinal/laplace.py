"""Likelihood of the cumulative-logit model with crossed random effects, by Laplace's approximation, and its gradient.

A rating of listener l, item i and condition c lies in band y or below with probability F(threshold_y - eta), F the
logistic function, eta[l, i, c] = shift_c + first[l, c] + second[i, c]. What a listener adds, ``first[l] = P u_l``,
comes of standard normal u_l by loadings P: a column for the listener, one more for each condition with that listener,
each times its standard deviation. Items are alike, with Q and v_i.

The integral over u and v is approximated at its integrand's mode (Tierney and Kadane 1986, doi:10.2307/2287970; for
this model as in Christensen's R package ordinal).

Conventions: bands count from 0; a logistic F makes log p = log F(upper - eta) + log F(eta - lower) + a term of the
band's width alone, and its derivatives by eta F(upper - eta) + F(lower - eta) - 1 and minus the two densities' sum.
Defines: ``Table``, ``Laplace``.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import special

from analysis.statistics.ordinal.curvature import Curvature

MOST_STEPS = 60
MODE_FOUND = 1e-20
"""Newton decrement at which a mode counts as found: below rounding, as differences of gradients are taken."""
SMALLEST = 1e-6
ROUNDING = 1e-12


@dataclass(frozen=True)
class Table:
    """Ratings as bands in cells: ``cell`` is a rating's place in an array of ``shape`` (first, second, condition)."""

    cell: np.ndarray
    band: np.ndarray
    shape: tuple[int, int, int]

    def total(self, values: np.ndarray) -> np.ndarray:
        """Sums of the ratings' values over cells."""
        return np.bincount(self.cell, values, minlength=int(np.prod(self.shape))).reshape(self.shape)


class Laplace:
    """The log-likelihood of a table; ``terms`` holds, for the first and the second side, each term's loadings.

    The loadings of a term are conditions by effects of one listener (or item): a column of ones for an intercept, the
    identity for an effect of each condition. Modes are kept from call to call, as the next ones lie near.
    """

    def __init__(self, table: Table, terms: tuple[list[np.ndarray], list[np.ndarray]]) -> None:
        self.table = table
        self.terms = tuple(_side_by_side(own, table.shape[2]) for own in terms)
        self.modes = tuple(
            np.zeros((count, sum(term.shape[1] for term in own)))
            for count, own in zip(table.shape[:2], terms, strict=True)
        )

    def __call__(
        self, thresholds: np.ndarray, shifts: np.ndarray, sds: tuple[np.ndarray, np.ndarray]
    ) -> tuple[float, list[np.ndarray]]:
        """Log-likelihood and its gradient by thresholds, shifts, and both sides' standard deviations."""
        loadings = [
            sum(
                (sd * term for sd, term in zip(own, terms, strict=True)), np.zeros((self.table.shape[2], side.shape[1]))
            )
            for own, terms, side in zip(sds, self.terms, self.modes, strict=True)
        ]
        edges = np.concatenate([[-np.inf], thresholds, [np.inf]])
        bands = _Bands(edges[self.table.band + 1], edges[self.table.band])
        curvature, value = self._find_modes(bands, shifts, loadings)
        wide = np.log(-np.expm1(-np.diff(edges)))
        counts = np.bincount(self.table.band, minlength=len(wide))
        value += float(counts @ wide) - curvature.log_determinant / 2
        return value, self._gradient(bands, curvature, sds, _of_widths(counts, edges))

    def _eta(self, shifts: np.ndarray, loadings: list[np.ndarray], modes: tuple[np.ndarray, ...]) -> np.ndarray:
        first, second = (own @ loading.T for own, loading in zip(modes, loadings, strict=True))
        return (shifts + first[:, None, :] + second[None, :, :]).ravel()[self.table.cell]

    def _find_modes(self, bands: _Bands, shifts: np.ndarray, loadings: list[np.ndarray]) -> tuple[Curvature, float]:
        """Newton's method with halved steps; the integrand is log-concave, so it ends at the one mode."""
        value = self._move_to(self.modes, bands, shifts, loadings)
        steps_left = MOST_STEPS
        while True:
            score = self.table.total(bands.score)
            slopes = [
                score.sum(axis=1 - side) @ loading - mode
                for side, (loading, mode) in enumerate(zip(loadings, self.modes, strict=True))
            ]
            curvature = Curvature(self.table.total(bands.weight), loadings)
            steps = curvature.solve(slopes)
            steps_left -= 1
            if sum(float((slope * step).sum()) for slope, step in zip(slopes, steps, strict=True)) < MODE_FOUND:
                return curvature, value
            if not steps_left:
                raise FloatingPointError("the mode of the random effects was not found")
            before, scale, value_before = self.modes, 1.0, value
            while True:
                self.modes = tuple(mode + scale * step for mode, step in zip(before, steps, strict=True))
                value = self._move_to(self.modes, bands, shifts, loadings)
                if value >= value_before - ROUNDING * abs(value_before) or scale < SMALLEST:
                    break
                scale /= 2

    def _move_to(
        self, modes: tuple[np.ndarray, ...], bands: _Bands, shifts: np.ndarray, loadings: list[np.ndarray]
    ) -> float:
        """Look at the bands from these effects; the log of the integrand, but for the widths."""
        prior = sum(float((mode**2).sum()) for mode in modes) / 2
        return bands.look_from(self._eta(shifts, loadings, modes)) - prior

    def _gradient(
        self, bands: _Bands, curvature: Curvature, sds: tuple[np.ndarray, np.ndarray], of_widths: np.ndarray
    ) -> list[np.ndarray]:
        """Three ways lead to the likelihood: the integrand at its mode, its curvature, and the mode that moves."""
        variance, traces = curvature.variance_of_eta()
        own = variance.ravel()[self.table.cell]
        moved = self.table.total(bands.third * own / 2)
        pulled = curvature.solve(
            [moved.sum(axis=1 - side) @ loading for side, loading in enumerate(curvature.loadings)]
        )
        pull = self._eta(np.zeros(self.table.shape[2]), curvature.loadings, tuple(pulled))
        upper, lower = bands.slopes(own, pull)
        last = len(of_widths) + 1
        by_upper = np.bincount(self.table.band, upper, minlength=last)[:-1]
        by_lower = np.bincount(self.table.band, lower, minlength=last)[1:]
        by_eta, score = self.table.total(-upper - lower), self.table.total(bands.score)
        by_sds = [
            np.array(
                [
                    _of_sd(term, by_eta.sum(axis=1 - side), self.modes[side])
                    - _of_sd(term, score.sum(axis=1 - side), pulled[side])
                    - _of_determinant(sd, term, traces[side], len(self.modes[side]))
                    for sd, term in zip(sds[side], self.terms[side], strict=True)
                ]
            )
            for side in (0, 1)
        ]
        return [by_upper + by_lower + of_widths, by_eta.sum(axis=(0, 1)), *by_sds]


class _Bands:
    """Each rating's band, with its two ends, seen from where the ratings' etas are."""

    def __init__(self, upper: np.ndarray, lower: np.ndarray) -> None:
        self._ends = upper, lower

    def look_from(self, eta: np.ndarray) -> float:
        """Move to these etas; returns the log-likelihood but for the widths."""
        upper, lower = self._ends[0] - eta, self._ends[1] - eta
        self._upper, self._lower = special.expit(upper), special.expit(lower)
        return float(special.log_expit(upper).sum() + special.log_expit(-lower).sum())

    @property
    def score(self) -> np.ndarray:
        """First derivative of log p by eta."""
        return self._upper + self._lower - 1

    @property
    def weight(self) -> np.ndarray:
        """Minus its second derivative."""
        return _density(self._upper) + _density(self._lower)

    @property
    def third(self) -> np.ndarray:
        """Derivative of the weight by eta."""
        return -_density_slope(self._upper) - _density_slope(self._lower)

    def slopes(self, variance: np.ndarray, pull: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """What a step of the upper and of the lower end adds to the likelihood, but for the widths."""
        upper, lower = (
            direct - variance * _density_slope(end) / 2 - pull * _density(end)
            for direct, end in ((1 - self._upper, self._upper), (-self._lower, self._lower))
        )
        return upper, lower


def _side_by_side(terms: list[np.ndarray], conditions: int) -> list[np.ndarray]:
    """Each term's loadings in columns of its own, zero in those of the others."""
    empty = [np.zeros_like(term) for term in terms]
    none = np.zeros((conditions, 0))
    return [np.hstack([none, *empty[:n], term, *empty[n + 1 :]]) for n, term in enumerate(terms)]


def _density(cumulative: np.ndarray) -> np.ndarray:
    return cumulative * (1 - cumulative)


def _density_slope(cumulative: np.ndarray) -> np.ndarray:
    return cumulative * (1 - cumulative) * (1 - 2 * cumulative)


def _of_widths(counts: np.ndarray, edges: np.ndarray) -> np.ndarray:
    """Derivative of the bands' widths' part by thresholds: a threshold widens one band and narrows the next."""
    gain = np.zeros(len(counts))
    gain[1:-1] = counts[1:-1] / np.expm1(np.diff(edges[1:-1]))
    return gain[:-1] - gain[1:]


def _of_sd(term: np.ndarray, weight: np.ndarray, effects: np.ndarray) -> float:
    """Derivative by a standard deviation of what has this derivative by eta, at these effects."""
    return float(np.einsum("lc,cp,lp->", weight, term, effects, optimize=True))


def _of_determinant(sd: float, term: np.ndarray, traces: np.ndarray, count: int) -> float:
    """Derivative of half the log-determinant by a standard deviation; zero at zero, as the likelihood is even."""
    own = term.any(axis=0)
    return float((count * own.sum() - traces[own].sum()) / sd) if sd else 0.0
