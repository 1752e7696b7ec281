"""The 2f-model: two variables of PEAQ turned into a mean MUSHRA score; the package seabass-2f (Apache-2.0).

Conventions: one or two channels, 48 kHz, full scale 1.0. 0 to 100, as listeners rate.
Defines: ``FAMILY``.
"""

from __future__ import annotations

import numpy as np

from analysis.errors import AnalysisError
from analysis.metrics.family import Family, Metric
from analysis.metrics.perceptual import packages
from analysis.metrics.truth import Measured, Truth

PACKAGE = packages.Package("seabass.core.models.mms", "seabass-2f", "two-f")


def _measure(truth: Truth, estimate: np.ndarray) -> Measured:
    if truth.reference.shape[1] > 2:
        raise AnalysisError(f"the 2f-model hears one or two channels; this sound has {truth.reference.shape[1]}")
    reference, heard = packages.channels(truth, estimate)
    # Copies, because the package scales what it gets in place.
    return {
        "two_f_points": PACKAGE.number(
            lambda seabass: seabass.estimated_mean_mushra_score(heard.T.copy(), reference.T.copy())
        )
    }


FAMILY = Family(
    "two_f",
    1,
    (Metric("two_f_points", "2f-model", "points", "higher", "Kastner and Herre 2019, WASPAA, pp. 95-99"),),
    _measure,
    missing=PACKAGE.missing,
    optional=True,
    valid=(
        "Excerpts of 1 to 30 s, at the levels they have: a copy that is 6 dB lower reads 41 of 100. Fitted to ratings "
        "of separated sources. The first number of every process takes a minute (it compiles), then 1.6 s for an "
        "excerpt of 10 s."
    ),
    package=PACKAGE.label,
)
