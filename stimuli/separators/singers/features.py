"""What a voice is known by: features of a sound, (times, values) for float32 (frames,) at a rate in Hz.

``mfcc``: the cepstral coefficients 2 to 20 of 128 mel bands (Slaney's), the first left out because it is the level.
``spectral_centroid``: the mean frequency of each spectrum in Hz. Others (of wav2vec 2.0, say) come out of packages that
register ``name = "module:function"`` in the group ``hidden_reference.features``: a function of sound and rate.

Defines: ``GROUP``, ``BUILT_IN``, ``mfcc``, ``spectral_centroid``, ``Registered``.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from importlib.metadata import EntryPoint, entry_points
from typing import Any

import numpy as np
from scipy.fft import dct

from stimuli.errors import StimuliError
from stimuli.separators.spectral import Stft

GROUP = "hidden_reference.features"
WINDOW, HOP = 2048, 1024
BANDS, COEFFICIENTS = 128, 20
LEAST_POWER, RANGE_DB = 1e-10, 80.0
LINEAR_HZ, LINEAR_MELS = 1000.0, 15.0
"""Slaney's mel scale is linear up to here, and logarithmic above, 27 mels for a factor of 6.4."""

Features = Callable[[np.ndarray, int], np.ndarray]


def mfcc(sound: np.ndarray, rate_hz: int) -> np.ndarray:
    """Coefficients 2 to 20: shape (times, 19)."""
    power = _magnitudes(sound) ** 2 @ _mel_bands(rate_hz)
    level_db = 10 * np.log10(np.maximum(power, LEAST_POWER))
    level_db = np.maximum(level_db, level_db.max() - RANGE_DB)
    return np.asarray(dct(level_db, axis=1, norm="ortho"))[:, 1:COEFFICIENTS]


def spectral_centroid(sound: np.ndarray, rate_hz: int) -> np.ndarray:
    """Mean frequency in Hz, bins weighted by their magnitudes, 0 in silence: shape (times, 1)."""
    magnitudes = _magnitudes(sound)
    total = magnitudes.sum(axis=1, keepdims=True)
    return magnitudes @ np.fft.rfftfreq(WINDOW, 1 / rate_hz)[:, None] / np.where(total > 0, total, 1)


BUILT_IN: dict[str, Features] = {"mfcc": mfcc, "spectral_centroid": spectral_centroid}


class Registered:
    """Features out of somebody's package; whatever goes wrong in it is a sentence with its name."""

    def __init__(self, name: str, who: str) -> None:
        self.name, self._who = name, f"{who}: features {name!r}"

    @property
    def package(self) -> str:
        """The package that brings them, with its version: another one, another render."""
        point = self._point()
        return f"{point.dist.name} {point.dist.version}" if point.dist else point.value

    def missing(self) -> str | None:
        """Why they can't be had; None if they can."""
        try:
            self._made  # noqa: B018 (loading it is the question)
        except StimuliError as error:
            return str(error)
        return None

    def __call__(self, sound: np.ndarray, rate_hz: int) -> np.ndarray:
        """What the function finds.

        Raises
        ------
        StimuliError
            Where it fails, or gives something else than finite numbers of shape (times, values).
        """
        try:
            found = np.asarray(self._made(sound, rate_hz), np.float64)
        except StimuliError:
            raise
        except (Exception, SystemExit) as error:
            raise StimuliError(f"{self._who} failed: {type(error).__name__}: {error}") from error
        if found.ndim != 2 or not found.size or not np.isfinite(found).all():
            raise StimuliError(f"{self._who}: expected finite numbers (times, values), found shape {found.shape}")
        return found

    def _point(self) -> EntryPoint:
        there = entry_points(group=GROUP)
        found = [point for point in there if point.name == self.name]
        if len(found) == 1:
            return found[0]
        if found:
            raise StimuliError(f"{self._who} are registered by more than one package; uninstall all but one")
        names = ", ".join(sorted({point.name for point in there})) or "none"
        raise StimuliError(
            f"{self._who} are not installed; found {names}; pip install a package that registers them as {GROUP}, "
            'or take mode = "sf_chunk", which needs none'
        )

    @functools.cached_property
    def _made(self) -> Any:
        point = self._point()
        try:
            return point.load()
        except (Exception, SystemExit) as error:
            raise StimuliError(f"{self._who} can't be loaded: {type(error).__name__}: {error}") from error


def _magnitudes(sound: np.ndarray) -> np.ndarray:
    """Magnitudes (times, bins) of centred frames, silence beyond the ends."""
    spectra = Stft(WINDOW, HOP).forward(sound[:, None])[0]
    return np.abs(spectra[:, : 1 + len(sound) // HOP]).T


@functools.cache
def _mel_bands(rate_hz: int) -> np.ndarray:
    """Triangles of equal area, evenly spaced in mel up to half the rate: shape (bins, bands)."""
    edges = _hz(np.linspace(0.0, _mel(rate_hz / 2), BANDS + 2))
    distance = np.fft.rfftfreq(WINDOW, 1 / rate_hz)[:, None] - edges
    steps = np.diff(edges)
    rising, falling = distance[:, :-2] / steps[:-1], -distance[:, 2:] / steps[1:]
    return np.maximum(np.minimum(rising, falling), 0) * 2 / (edges[2:] - edges[:-2])


def _mel(frequency_hz: float) -> float:
    above = LINEAR_MELS + 27 * np.log(max(frequency_hz, LINEAR_HZ) / LINEAR_HZ) / np.log(6.4)
    return float(above) if frequency_hz > LINEAR_HZ else frequency_hz * LINEAR_MELS / LINEAR_HZ


def _hz(mels: np.ndarray) -> np.ndarray:
    above = LINEAR_HZ * 6.4 ** ((mels - LINEAR_MELS) / 27)
    return np.where(mels < LINEAR_MELS, mels * LINEAR_HZ / LINEAR_MELS, above)
