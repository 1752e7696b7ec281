"""Adjustment of p values for testing a family of hypotheses.

Conventions: p values in, adjusted p values out, in the same order; a hypothesis is rejected at a level where its
adjusted p is at most that level. Empty in, empty out. Defines: ``holm``, ``hochberg``, ``adjusted``.
"""

from __future__ import annotations

import numpy as np


def holm(p_values: np.ndarray) -> np.ndarray:
    """Holm's step-down adjustment (1979): controls the chance of any false claim among the family, always."""
    order = np.argsort(p_values, kind="stable")
    steps = np.asarray(p_values, float)[order] * np.arange(len(p_values), 0, -1)
    adjusted = np.empty(len(p_values))
    adjusted[order] = np.minimum(np.maximum.accumulate(steps), 1)
    return adjusted


def hochberg(p_values: np.ndarray) -> np.ndarray:
    """Hochberg's step-up adjustment (1988), which BS.1534-3, Attachment 4 names.

    Never larger than Holm's. It holds for independent and for positively dependent tests, such as contrasts that share
    a condition.
    """
    order = np.argsort(p_values, kind="stable")[::-1]
    steps = np.asarray(p_values, float)[order] * np.arange(1, len(p_values) + 1)
    adjusted = np.empty(len(p_values))
    adjusted[order] = np.minimum(np.minimum.accumulate(steps), 1)
    return adjusted


METHODS = {"holm": holm, "hochberg": hochberg}


def adjusted(p_values: np.ndarray, method: str) -> np.ndarray:
    """Adjust by the name of the method: ``holm`` or ``hochberg``."""
    return METHODS[method](np.asarray(p_values, float))
