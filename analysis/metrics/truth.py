"""What an estimate is held against: the true target, and what else is known of the mixture that it was taken from.

Signals are looked at once, here; a metric may trust what it gets. Where there can be no number, a sentence says why.

Conventions: sound is float64 (frames, channels), full scale 1.0, at the level it had before any gain of a test.
Defines: ``Truth``, ``NoNumber``, ``Measured``, ``checked_estimate``, ``need_length``.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeVar, cast

import numpy as np

from analysis.errors import AnalysisError
from analysis.metrics.bss.arithmetic import NUMPY, Arithmetic

Prepared = TypeVar("Prepared")


@dataclass(frozen=True)
class NoNumber:
    """Why a metric has no number here: a sentence without a full stop; ``passing`` if it may have one the next time."""

    reason: str
    passing: bool = False


Measured = Mapping[str, "float | NoNumber"]
"""What a family of metrics found, by the names of its metrics."""


@dataclass(frozen=True, eq=False)
class Truth:
    """The reference, and what else was in the mixture.

    Parameters
    ----------
    reference : float64 (frames, channels); the true target.
    rate_hz : sample rate.
    others : the other true sources by name, each of the reference's shape; empty where nobody knows them. They and
        the reference make up the mixture; ``vocals`` is the name that leakage looks for.
    mixture : what the estimate was taken from; the sum of all sources where it is not given and they are known.
    arithmetic : what computes the dear steps of metrics.

    Raises
    ------
    AnalysisError
        Where shapes differ, a value is not finite, or the reference is silent.
    """

    reference: np.ndarray
    rate_hz: int
    others: Mapping[str, np.ndarray] = field(default_factory=dict)
    mixture: np.ndarray | None = None
    arithmetic: Arithmetic = NUMPY
    _kept: dict[Any, Any] = field(default_factory=dict, repr=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "reference", _checked("reference", self.reference, None))
        if not np.any(self.reference):
            raise AnalysisError("the reference is silent")
        shape = self.reference.shape
        others = {name: _checked(f"source {name!r}", sound, shape) for name, sound in self.others.items()}
        object.__setattr__(self, "others", others)
        if self.mixture is not None:
            object.__setattr__(self, "mixture", _checked("mixture", self.mixture, shape))
        elif others:
            object.__setattr__(self, "mixture", self.reference + sum(others.values()))

    def computed_by(self, arithmetic: Arithmetic) -> Truth:
        """The same truth, for metrics that this computes; the sounds are not looked at again."""
        found = copy.copy(self)
        object.__setattr__(found, "arithmetic", arithmetic)
        object.__setattr__(found, "_kept", {})
        return found

    def once(self, prepare: Callable[[Truth], Prepared]) -> Prepared:
        """What a metric prepares from the truth alone, made once and shared by all estimates."""
        if prepare not in self._kept:
            self._kept[prepare] = prepare(self)
        return cast("Prepared", self._kept[prepare])


def checked_estimate(truth: Truth, estimate: np.ndarray) -> np.ndarray:
    """An estimate that can be held against the truth, as float64.

    Raises
    ------
    AnalysisError
        Where its shape differs, a value is not finite, or it is silent.
    """
    found = _checked("estimate", estimate, truth.reference.shape)
    if not np.any(found):
        raise AnalysisError("the estimate is silent")
    return found


def need_length(truth: Truth, least_s: float, what: str) -> None:
    """Refuse, with an AnalysisError, what is shorter than ``what`` needs."""
    if (frames := len(truth.reference)) < least_s * truth.rate_hz:
        raise AnalysisError(f"too short: {frames} frames; {what} needs {least_s * 1000:g} ms of sound")


def _checked(what: str, sound: np.ndarray, shape: tuple[int, ...] | None) -> np.ndarray:
    found = np.asarray(sound, np.float64)
    if found.ndim != 2:
        raise AnalysisError(f"the {what} has shape {found.shape}; expected (frames, channels)")
    if shape is not None and found.shape != shape:
        raise AnalysisError(
            f"the {what} has {found.shape[0]} frames of {found.shape[1]} channel(s), the reference {shape[0]} of "
            f"{shape[1]}; render both with one length and number of channels"
        )
    if not np.isfinite(found).all():
        frame = int(np.argmax(~np.isfinite(found).all(axis=1)))
        raise AnalysisError(f"the {what} holds NaN or infinity (first in frame {frame})")
    return found
