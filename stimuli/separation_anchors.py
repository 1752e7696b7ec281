"""Anchors for separation tests: each spoils the reference in one way that listeners are asked about.

BS.1534-3 (attachment 5) wants anchors that resemble the impairments under test. The low-pass anchors don't resemble
those of separation; these do, after the anchors of PEASS (Emiya et al. 2011, doi:10.1109/TASL.2011.2109381). They
follow from the sounds, their parameters and a seed alone.

Conventions: sound float32 (frames, channels), full scale 1.0; levels in dB; shares 0 to 1; what comes out has the
shape and type of what went in. Defines: ``interference``, ``artefact``, ``distortion``, ``spatial``, ``remix``.
"""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
from scipy.ndimage import uniform_filter

from stimuli.anchors import lowpass
from stimuli.errors import SoundError
from stimuli.separators.spectral import Stft

STFT = Stft(window=2048, hop=512)
MUSICAL_SHARE = 0.01
"""Share of the time-frequency bins that sound as musical noise: few enough that each is heard for itself."""
NEIGHBOURHOOD = (65, 9)
"""Bins and frames (0.7 kHz and 50 ms at 44.1 kHz) over which the level around a bin is taken."""


def interference(reference: np.ndarray, mixture: np.ndarray, *, level_db: float) -> np.ndarray:
    """The reference with what should have been removed left in, ``level_db`` against its level in the mixture."""
    return reference + (mixture - reference) * _factor(reference, level_db)


def artefact(reference: np.ndarray, rate_hz: int, *, removed: float, noise_db: float, seed: int) -> np.ndarray:
    """The reference with holes and musical noise in its spectrogram.

    Parameters
    ----------
    removed : share of the time-frequency bins set to zero, the same in all channels.
    noise_db : level of each of the bins of musical noise against the RMS around it, so that silence stays silent.
    seed : which bins, and the phases of the noise.
    """
    del rate_hz  # the window is in samples at every rate, as the systems' own are
    rng = np.random.default_rng(seed)
    spectra = STFT.forward(reference)
    shape = spectra.shape[1:]
    kept = rng.random(shape, np.float32) >= removed
    around: Any = NEIGHBOURHOOD
    # The running mean rounds, and may come out a little below zero where a loud moment has just passed.
    level = np.sqrt(np.maximum(uniform_filter(np.square(np.abs(spectra)), around, axes=(1, 2)), 0))
    lit = rng.random(shape, np.float32) < MUSICAL_SHARE
    turns = np.exp(2j * np.pi * rng.random(shape, np.float32)).astype(np.complex64)
    noise = level * (lit * turns) * _factor(reference, noise_db)
    return STFT.inverse(spectra * kept + noise, len(reference)).astype(reference.dtype)


def distortion(reference: np.ndarray, rate_hz: int, *, cutoff_hz: int, removed: float, seed: int) -> np.ndarray:
    """The target-distortion anchor of PEASS: dull, and a share of what is left removed (the same in all channels)."""
    spectra = STFT.forward(lowpass(reference, rate_hz, cutoff_hz=cutoff_hz))
    kept = np.random.default_rng(seed).random(spectra.shape[1:], np.float32) >= removed
    return STFT.inverse(spectra * kept, len(reference)).astype(reference.dtype)


def spatial(reference: np.ndarray, *, mode: Literal["mono", "unbalanced"], balance_db: float) -> np.ndarray:
    """The reference with its image spoiled.

    Parameters
    ----------
    mode : ``mono``: every channel is the mean of all; ``unbalanced``: the first channel ``balance_db`` louder against
        the second than it was, half of it up and half of it down.

    Raises
    ------
    SoundError
        For a mono reference, which has no image.
    """
    if reference.shape[1] < 2:
        raise SoundError("anchors: a mono reference has no image to be spoiled; leave the spatial anchor out")
    if mode == "mono":
        return np.repeat(reference.mean(axis=1, keepdims=True), reference.shape[1], axis=1).astype(reference.dtype)
    gains = np.ones(reference.shape[1], reference.dtype)
    gains[:2] = _factor(reference, balance_db / 2), _factor(reference, -balance_db / 2)
    return reference * gains


def remix(mixture: np.ndarray, vocals: np.ndarray, *, vocals_db: float) -> np.ndarray:
    """The mixture with its vocals ``vocals_db`` louder or softer; at 0 dB the mixture itself."""
    return mixture + vocals * (_factor(mixture, vocals_db) - mixture.dtype.type(1))


def _factor(sound: np.ndarray, level_db: float) -> np.floating:
    """A level as a factor of the sound's own type, so that single precision stays single."""
    return sound.dtype.type(10 ** (level_db / 20))
