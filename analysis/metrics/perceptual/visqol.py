"""ViSQOL v3 in audio mode: similarity of spectrograms as a mean opinion score; the package visqol-python (Apache-2.0).

Conventions: mono, 48 kHz. 1 is bad; an exact copy reads about 4.73, the top of the model's scale.
Defines: ``FAMILY``.
"""

from __future__ import annotations

import functools
from typing import Any

import numpy as np

from analysis.metrics.family import Family, Metric
from analysis.metrics.perceptual import packages
from analysis.metrics.truth import Measured, Truth

PACKAGE = packages.Package("visqol", "visqol-python", "visqol")


def _measure(truth: Truth, estimate: np.ndarray) -> Measured:
    sounds = packages.mono(truth, estimate)
    return {
        "visqol_mos": PACKAGE.number(
            lambda visqol: _model(visqol).measure_from_arrays(*sounds, packages.RATE_HZ).moslqo
        )
    }


@functools.cache
def _model(visqol: Any) -> Any:
    """The package's model for music, read once in a process."""
    found = visqol.VisqolApi()
    found.create(mode="audio")
    return found


FAMILY = Family(
    "visqol",
    1,
    (Metric("visqol_mos", "ViSQOL", "MOS", "higher", "Chinen et al. 2020, doi:10.1109/QoMEX48832.2020.9123150"),),
    _measure,
    missing=PACKAGE.missing,
    optional=True,
    valid=(
        "Excerpts of 1 to 30 s in mono; gain and a delay between the two are not heard, nor what only differs between "
        "the channels. Not monotone on sounds like noise (20 dB of signal to noise read worse than 0 dB). Made for "
        "codecs, not fitted to separated sources. 1.3 s for an excerpt of 10 s."
    ),
    package=PACKAGE.label,
)
