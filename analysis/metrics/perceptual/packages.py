"""What the perceptual families share: packages of others that may be missing or break, and sound as those want it.

Conventions: 48 kHz, resampled by the product's own resampler; reference and estimate keep their levels; mono is the
mean of the channels. Only excerpts are measured: the models were fitted to what listeners rated in excerpts, and
their time and memory grow with up to the square of the length. A package is imported when it is asked for a number.

Defines: ``Package``, ``mono``, ``channels``, ``check_length``, ``finite``, ``RATE_HZ``, ``SHORTEST_S``, ``LONGEST_S``.
"""

from __future__ import annotations

import importlib
import importlib.metadata
import importlib.util
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from analysis.errors import AnalysisError, PassingError
from analysis.metrics.truth import Truth
from stimuli.audio import resampled

RATE_HZ = 48_000
SHORTEST_S = 1.0
"""ViSQOL needs 0.9 s, the 2f-model more than 0.5 s; zimtohrli writes beyond its memory below 0.1 s."""
LONGEST_S = 30.0

Sounds = tuple[np.ndarray, np.ndarray]
"""Reference and estimate."""


@dataclass(frozen=True)
class Package:
    """A package of others: the module that is imported, its name on the index, and the extra that installs it."""

    module: str
    distribution: str
    extra: str

    def missing(self) -> str | None:
        """Why it can't be asked here, with the command that mends it; None where it is installed. Imports nothing."""
        if importlib.util.find_spec(self.module.partition(".")[0]) is not None:
            return None
        return (
            f'the package {self.distribution} is not installed: run pip install "hidden-reference[{self.extra}]", '
            f"or pip install {self.distribution}"
        )

    def label(self) -> str:
        """Its name and installed version, for the record; the name alone where no version is known."""
        try:
            return f"{self.distribution} {importlib.metadata.version(self.distribution)}"
        except importlib.metadata.PackageNotFoundError:
            return self.distribution

    def number(self, compute: Callable[[Any], float]) -> float:
        """Import the package and have it compute a number.

        Parameters
        ----------
        compute : from the imported module to the number.

        Raises
        ------
        AnalysisError
            Where it is missing; a PassingError for whatever else goes wrong inside it.
        """
        if reason := self.missing():
            raise AnalysisError(reason)
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                found = float(compute(importlib.import_module(self.module)))
        except Exception as error:  # whatever code of others raises is a reason, not the end of a run of hours
            raise PassingError(f"{self.label()} failed: {_said(error)}") from None
        return finite(self.label(), found)


def finite(who: str, value: float) -> float:
    """The value, if it is a number.

    Raises
    ------
    AnalysisError
        Where it is NaN or infinite: said here, because it says nothing about the sounds.
    """
    if not np.isfinite(value):
        raise AnalysisError(f"{who} found no number: {value}")
    return value


def _said(error: BaseException) -> str:
    """An exception in one line, its type first: many say nothing without it."""
    return " ".join(f"{type(error).__name__}: {error}".split()).rstrip(":. ")


def mono(truth: Truth, estimate: np.ndarray) -> Sounds:
    """Reference and estimate at 48 kHz, one channel: float64 (frames,) each.

    Raises
    ------
    AnalysisError
        Where they are too short or too long, or the channels of one cancel.
    """
    check_length(truth, LONGEST_S)
    return truth.once(_mono_reference), _mono("estimate", estimate, truth.rate_hz)


def channels(truth: Truth, estimate: np.ndarray) -> Sounds:
    """Reference and estimate at 48 kHz with the channels they have: float64 (frames, channels) each.

    Raises
    ------
    AnalysisError
        Where they are too short or too long.
    """
    check_length(truth, LONGEST_S)
    return truth.once(_reference), resampled(estimate, truth.rate_hz, RATE_HZ)


def check_length(truth: Truth, longest_s: float) -> None:
    """Refuse what is no excerpt.

    Raises
    ------
    AnalysisError
        Below ``SHORTEST_S`` or above ``longest_s``.
    """
    length_s = len(truth.reference) / truth.rate_hz
    if not SHORTEST_S <= length_s <= longest_s:
        raise AnalysisError(f"measured on excerpts of {SHORTEST_S:g} to {longest_s:g} s; this sound has {length_s:.3g}")


def _reference(truth: Truth) -> np.ndarray:
    return resampled(truth.reference, truth.rate_hz, RATE_HZ)


def _mono_reference(truth: Truth) -> np.ndarray:
    return _mono("reference", truth.reference, truth.rate_hz)


def _mono(what: str, sound: np.ndarray, rate_hz: int) -> np.ndarray:
    mixed = sound.mean(axis=1, keepdims=True)
    if not np.any(mixed):
        raise AnalysisError(f"the {what} is silent in mono: its channels cancel")
    return resampled(mixed, rate_hz, RATE_HZ)[:, 0]
