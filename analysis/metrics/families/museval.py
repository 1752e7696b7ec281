"""Results of museval that people bring: what is known of them. They are read from files (``museval_rows``).

Defines: ``FAMILY``, ``METRICS``.
"""

from __future__ import annotations

import numpy as np

from analysis.errors import AnalysisError
from analysis.metrics.families.bss import PAPER
from analysis.metrics.family import Family, Metric
from analysis.metrics.truth import Measured, Truth

METRICS = {name: f"museval_{name.lower()}_db" for name in ("SDR", "ISR", "SIR", "SAR")}
"""What museval calls a metric, and its column here."""
READ = "read with --read-museval NAME=FOLDER, not computed; the family bss has the same measures"


def _measure(truth: Truth, estimate: np.ndarray) -> Measured:
    raise AnalysisError(READ)


FAMILY = Family(
    "museval",
    1,
    tuple(Metric(metric, f"museval {name}", "dB", "higher", PAPER) for name, metric in METRICS.items()),
    _measure,
    missing=lambda: READ,
    optional=True,
    valid="As whoever ran museval saw to it.",
)
