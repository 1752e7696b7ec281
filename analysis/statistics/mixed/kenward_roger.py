"""Kenward and Roger's adjusted covariance of fixed effects, and the degrees of freedom that go with it.

The estimated covariance takes the variances for known; with few listeners or items it is too small. The adjustment
adds what is lost, and the degrees of freedom match the first two moments of F, as R's pbkrtest does. It needs the
dense inverse of V over all ratings, and so is for small tests.

Notation of the paper, for variances k, l with G = Z Z' (the residual's is the identity): P_k = -X'V^-1 G_k V^-1 X,
Q_kl = X'V^-1 G_k V^-1 G_l V^-1 X, W the covariance of the variances from the expected information; V is linear in the
variances, so that its second derivatives (R_kl) are 0. Sources: Kenward and Roger (1997), doi:10.2307/2533558;
Halekoh and Hojsgaard (2014), doi:10.18637/jss.v059.i09. Defines: ``KenwardRoger``.
"""

from __future__ import annotations

import numpy as np
from scipy import linalg, sparse

from analysis.errors import AnalysisError
from analysis.statistics.mixed.fit import RESIDUAL, Fit

MOST_RATINGS = 3000
"""Ratings up to which the dense inverse is a matter of seconds and some hundred megabytes."""


class KenwardRoger:
    """Uncertainty of contrasts after Kenward and Roger (1997).

    Raises
    ------
    AnalysisError
        For more than 3,000 ratings.
    """

    def __init__(self, fit: Fit) -> None:
        if fit.observations > MOST_RATINGS:
            raise AnalysisError(
                f"Kenward and Roger's degrees of freedom stood aside: they are for at most {MOST_RATINGS} ratings, "
                f"found {fit.observations}; beyond that Satterthwaite's hardly differ"
            )
        self.estimates = fit.coefficients
        self._plain = fit.covariance
        names = [*fit.terms.random_names, RESIDUAL]
        self._p, q, traces = _derivatives(fit, [fit.variances[name] for name in names])
        plain, p = self._plain, self._p
        information = traces - 2 * np.einsum("ij,klji->kl", plain, q) + np.einsum("kij,lji->kl", plain @ p, plain @ p)
        self._w = 2 * np.linalg.pinv(information, hermitian=True)
        lost = np.einsum("kl,klij->ij", self._w, q - np.einsum("kia,ab,lbj->klij", p, plain, p))
        self.covariance = plain + 2 * plain @ lost @ plain

    def degrees(self, weights: np.ndarray) -> np.ndarray:
        """Degrees of freedom of each contrast (m,)."""
        return np.array([self._scaled(row[None, :])[1] for row in weights])

    def f_test(self, weights: np.ndarray) -> tuple[float, float]:
        """F, scaled, and its denominator's degrees of freedom, of all contrasts being 0; the rows are independent."""
        scale, degrees = self._scaled(weights)
        estimates = weights @ self.estimates
        wald = estimates @ np.linalg.solve(weights @ self.covariance @ weights.T, estimates)
        return float(scale * wald / len(weights)), degrees

    def _scaled(self, weights: np.ndarray) -> tuple[float, float]:
        """The factor that F is multiplied by, and its denominator's degrees of freedom (the paper's lambda and m)."""
        q = len(weights)
        theta = weights.T @ np.linalg.solve(weights @ self._plain @ weights.T, weights)
        turned = theta @ self._plain @ self._p @ self._plain
        single = np.trace(turned, axis1=1, axis2=2)
        a1 = float(single @ self._w @ single)
        a2 = float((self._w * np.einsum("kij,lji->kl", turned, turned)).sum())
        b = (a1 + 6 * a2) / (2 * q)
        g = ((q + 1) * a1 - (q + 4) * a2) / ((q + 2) * a2)
        below = 3 * q + 2 * (1 - g)
        c1, c2, c3 = g / below, (q - g) / below, (q + 2 - g) / below
        mean = 1 / (1 - a2 / q)
        variance = 2 / q * (1 + c1 * b) / ((1 - c2 * b) ** 2 * (1 - c3 * b))
        rho = variance / (2 * mean**2)
        degrees = 4 + (q + 2) / (q * rho - 1)
        return degrees / (mean * (degrees - 2)), degrees


def _derivatives(fit: Fit, variances: list[float]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """P (k, p, p), Q (k, k, p, p) and tr(V^-1 G_k V^-1 G_l) (k, k), the residual last."""
    cells = fit.cells
    levels = [*cells.row_levels, np.arange(cells.rows)]
    sizes = [int(level.max()) + 1 for level in levels]
    starts = np.concatenate([[0], np.cumsum(sizes)[:-1]])
    columns = np.concatenate([level + start for level, start in zip(levels, starts, strict=True)])
    rows = np.tile(np.arange(cells.rows), len(levels))
    joint = sparse.csr_matrix((np.ones(len(rows)), (rows, columns)))
    covariance = joint @ sparse.diags(np.repeat(variances, sizes)) @ joint.T
    inverse = linalg.inv(covariance.toarray(), overwrite_a=True)
    half = joint.T @ inverse
    whole = (joint.T @ half.T).T
    group = cells.group[cells.pattern[cells.row_listener]]
    fixed = half @ cells.matrices[group, cells.row_cell]
    traces = np.add.reduceat(np.add.reduceat(whole**2, starts, axis=0), starts, axis=1)
    parts = np.split(fixed, starts[1:])
    p = np.array([-part.T @ part for part in parts])
    blocks = [np.split(rows, starts[1:], axis=1) for rows in np.split(whole, starts[1:])]
    q = np.array([[left.T @ blocks[k][m] @ right for m, right in enumerate(parts)] for k, left in enumerate(parts)])
    return p, q, traces
