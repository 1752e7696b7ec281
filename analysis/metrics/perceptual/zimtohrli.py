"""Zimtohrli: how much two sounds differ to the ear, as a mean opinion score; the package zimtohrli (Apache-2.0).

Conventions: mono, 48 kHz, full scale 1.0, which the model takes as 80 dB SPL. 5 is no audible difference, 1 bad.
Defines: ``FAMILY``.
"""

from __future__ import annotations

import numpy as np

from analysis.metrics.family import Family, Metric
from analysis.metrics.perceptual import packages
from analysis.metrics.truth import Measured, Truth

PACKAGE = packages.Package("zimtohrli", "zimtohrli", "zimtohrli")


def _measure(truth: Truth, estimate: np.ndarray) -> Measured:
    sounds = packages.mono(truth, estimate)
    return {"zimtohrli_mos": PACKAGE.number(lambda zimtohrli: zimtohrli.mos_from_signals(*sounds))}


FAMILY = Family(
    "zimtohrli",
    1,
    (Metric("zimtohrli_mos", "Zimtohrli", "MOS", "higher", "github.com/google/zimtohrli"),),
    _measure,
    missing=PACKAGE.missing,
    optional=True,
    valid=(
        "Excerpts of 1 to 30 s in mono, at the levels they have: what only differs between the channels is not heard, "
        "6 dB of gain cost 0.02 MOS, 60 dB cost 1.8. Made for codecs, not fitted to separated sources. 0.3 s for an "
        "excerpt of 10 s."
    ),
    package=PACKAGE.label,
)
