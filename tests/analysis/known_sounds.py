"""Sounds of which a metric's value is known: noise, made orthogonal where the algebra asks for it."""

from __future__ import annotations

import numpy as np

from analysis.metrics.family import family, measure
from analysis.metrics.truth import Measured, NoNumber, Truth

RATE_HZ = 8000
OURS = ("ratios", "asymmetry", "leakage", "bands", "dropouts", "spectral", "image")
"""The families that need no other package."""


def noise(seed: int, seconds: float = 3.0, channels: int = 2) -> np.ndarray:
    """White noise at -20 dBFS (frames, channels)."""
    return 0.1 * np.random.default_rng(seed).standard_normal((round(seconds * RATE_HZ), channels))


def orthogonal(sounds: list[np.ndarray]) -> list[np.ndarray]:
    """The sounds made orthogonal to each other in each channel, every channel at -20 dBFS."""
    channels = [np.linalg.qr(np.stack([sound[:, c] for sound in sounds], axis=1))[0] for c in range(sounds[0].shape[1])]
    return [
        0.1 * np.sqrt(len(sounds[0])) * np.stack([channel[:, k] for channel in channels], axis=1)
        for k in range(len(sounds))
    ]


def found(name: str, truth: Truth, estimate: np.ndarray) -> Measured:
    """What a family measures, a reason for what has no number."""
    return measure(family(name), truth, estimate)


def numbers(name: str, truth: Truth, estimate: np.ndarray) -> dict[str, float]:
    """The same where everything has a number."""
    measured = found(name, truth, estimate)
    return {name: _number(name, value) for name, value in measured.items()}


def _number(name: str, value: float | NoNumber) -> float:
    assert not isinstance(value, NoNumber), f"{name}: {value}"
    return value


def reasons(name: str, truth: Truth, estimate: np.ndarray) -> dict[str, str]:
    """Why there is no number, of the metrics that have none."""
    return {name: value.reason for name, value in found(name, truth, estimate).items() if isinstance(value, NoNumber)}
