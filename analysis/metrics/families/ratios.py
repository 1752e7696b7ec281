"""Signal-to-distortion ratios of a whole signal, by sums alone.

Task: how far is an estimate from its reference, in dB; higher is better. Conventions: arrays (frames, channels)
of one shape; all channels together are one vector; no mean is removed.

* ``si_sdr``: scale-invariant SDR (Le Roux et al. 2019, doi:10.1109/ICASSP.2019.8683855)
* ``mdx_sdr``: SDR of the Music Demixing Challenge (Mitsufuji et al. 2022), whole signal, not scale-invariant

Defines: ``si_sdr``, ``mdx_sdr``, ``FAMILY``.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from analysis.errors import AnalysisError
from analysis.metrics.family import Family, Metric
from analysis.metrics.truth import Measured, Truth

MDX_EPSILON = 1e-7


def validate(reference: np.ndarray, estimate: np.ndarray) -> None:
    """Refuse what no ratio is defined for.

    Raises
    ------
    AnalysisError
        Where the shapes differ, a value is not finite, or either signal is silent.
    """
    if reference.shape != estimate.shape:
        raise AnalysisError(f"shapes differ: reference {reference.shape}, estimate {estimate.shape}")
    for name, signal in (("reference", reference), ("estimate", estimate)):
        if not np.isfinite(signal).all():
            raise AnalysisError(f"the {name} holds NaN or infinity")
        if not np.any(signal):
            raise AnalysisError(f"the {name} is silent")


def si_sdr(reference: np.ndarray, estimate: np.ndarray) -> float:
    """10 log10(|a s|^2 / |e - a s|^2) with a = <e, s>/<s, s>; infinite for a scaled copy.

    Examples
    --------
    >>> s = np.array([[1.0], [0.0]]); round(si_sdr(s, np.array([[2.0], [0.2]])), 6)
    20.0
    """
    validate(reference, estimate)
    s, e = np.asarray(reference, float).ravel(), np.asarray(estimate, float).ravel()
    projected = (e @ s) / (s @ s) * s
    error = e - projected
    return _decibel(projected @ projected, error @ error)


def mdx_sdr(reference: np.ndarray, estimate: np.ndarray) -> float:
    """10 log10((sum s^2 + 1e-7) / (sum (s - e)^2 + 1e-7)).

    Examples
    --------
    >>> s = np.ones((4, 2)); round(mdx_sdr(s, 0.5 * s), 3)
    6.021
    """
    validate(reference, estimate)
    s, e = np.asarray(reference, float).ravel(), np.asarray(estimate, float).ravel()
    return _decibel(s @ s + MDX_EPSILON, (s - e) @ (s - e) + MDX_EPSILON)


def _decibel(signal: Any, error: Any) -> float:
    signal, error = float(signal), float(error)
    if signal == 0:
        return float("-inf")
    return float(10 * np.log10(signal / error)) if error else float("inf")


def _measure(truth: Truth, estimate: np.ndarray) -> Measured:
    return {"si_sdr_db": si_sdr(truth.reference, estimate), "mdx_sdr_db": mdx_sdr(truth.reference, estimate)}


FAMILY = Family(
    "ratios",
    1,
    (
        Metric("si_sdr_db", "SI-SDR", "dB", "higher", "Le Roux et al. 2019, doi:10.1109/ICASSP.2019.8683855"),
        Metric("mdx_sdr_db", "MDX SDR", "dB", "higher", "Mitsufuji et al. 2022, doi:10.3389/frsip.2021.808395"),
    ),
    _measure,
)
