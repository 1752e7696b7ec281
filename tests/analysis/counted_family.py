"""A family of metrics that leaves a line in a file for every estimate it measures, and takes its time if told so."""

from __future__ import annotations

import os
import time
from pathlib import Path

import numpy as np

from analysis.metrics.family import Family, Metric
from analysis.metrics.truth import Measured, Truth


def _measure(truth: Truth, estimate: np.ndarray) -> Measured:
    with Path(os.environ["COUNTED_FILE"]).open("a") as stream:
        stream.write(f"{len(estimate)}\n")
    time.sleep(float(os.environ.get("COUNTED_SLEEP_S", "0")))
    return {"counted_db": float(np.abs(truth.reference - estimate).max())}


FAMILY = Family("counted", 1, (Metric("counted_db", "Counted", "dB", "lower", "a test"),), _measure)
