"""Degrees of freedom of contrasts in a mixed model, where the variances are estimates themselves.

Conventions: weights are over the estimated fixed effects, a row per contrast (m, p). Defines: ``Satterthwaite``,
``uncertainty``.
"""

from __future__ import annotations

from typing import Protocol

import numpy as np

from analysis.errors import AnalysisError
from analysis.statistics.mixed.fit import Fit
from analysis.statistics.mixed.kenward_roger import KenwardRoger

ALL_EQUAL = 1e-8


class Uncertainty(Protocol):
    """How well contrasts of fixed effects are known."""

    @property
    def covariance(self) -> np.ndarray:
        """Of the fixed effects' estimates (p, p)."""
        ...

    def degrees(self, weights: np.ndarray) -> np.ndarray:
        """Degrees of freedom of each contrast (m,)."""
        ...

    def f_test(self, weights: np.ndarray) -> tuple[float, float]:
        """F and its denominator's degrees of freedom, of all contrasts being 0; the rows are independent."""
        ...


class Satterthwaite:
    """Satterthwaite's degrees of freedom, as R's lmerTest: 2 v^2 / Var(v) for the estimated variance v of a contrast.

    Var(v) is by the delta method from the curvature of the deviance; variances estimated as 0 are held there.
    Sources: Satterthwaite (1946), doi:10.2307/3002019; Kuznetsova, Brockhoff and Christensen (2017),
    doi:10.18637/jss.v082.i13; the F test is Fai and Cornelius (1996), doi:10.1080/00949659608811740.
    """

    def __init__(self, fit: Fit) -> None:
        self.estimates = fit.coefficients
        self.covariance = fit.covariance
        self._slopes = fit.curvature.covariance
        # Ratios are near 1, the residual's variance is in squared points: brought to one scale before inverting.
        scale = 1 / np.sqrt(np.maximum(np.abs(np.diagonal(fit.curvature.hessian)), np.finfo(float).tiny))
        scaled = scale[:, None] * fit.curvature.hessian * scale
        self._of_parameters = 2 * scale[:, None] * np.linalg.pinv(scaled, hermitian=True) * scale

    def degrees(self, weights: np.ndarray) -> np.ndarray:
        """Degrees of freedom of each contrast (m,)."""
        variances = np.einsum("mi,ij,mj->m", weights, self.covariance, weights)
        slopes = np.einsum("mi,kij,mj->mk", weights, self._slopes, weights)
        uncertain = np.einsum("mk,kl,ml->m", slopes, self._of_parameters, slopes)
        return np.divide(2 * variances**2, uncertain, out=np.full(len(weights), np.inf), where=uncertain > 0)

    def f_test(self, weights: np.ndarray) -> tuple[float, float]:
        """F and its denominator's degrees of freedom, of all contrasts being 0; the rows are independent."""
        values, vectors = np.linalg.eigh(weights @ self.covariance @ weights.T)
        independent = vectors.T @ weights
        f = float(((independent @ self.estimates) ** 2 / values).mean())
        degrees = self.degrees(independent)
        if np.ptp(degrees) < ALL_EQUAL * degrees.max():
            return f, float(degrees.mean())
        if (degrees <= 2).any():
            return f, 2.0
        expected = (degrees / (degrees - 2)).sum()
        return f, float(2 * expected / (expected - len(weights)))


def uncertainty(fit: Fit, method: str) -> Uncertainty:
    """By the name of the method: ``satterthwaite`` or ``kenward-roger``.

    Raises
    ------
    AnalysisError
        For another name, or for a fit by ``ml``, whose variances are too small.
    """
    if fit.method != "reml":
        raise AnalysisError("degrees of freedom: the model was fitted by ml; expected reml")
    if method == "satterthwaite":
        return Satterthwaite(fit)
    if method == "kenward-roger":
        return KenwardRoger(fit)
    raise AnalysisError(f"degrees of freedom: found {method!r}; expected satterthwaite or kenward-roger")
