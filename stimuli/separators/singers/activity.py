"""Where somebody sings: stretches of a sound with a voice in them, found in two ways.

``spectral``: spectra over their largest value; a frame is active where its bins add up to 0.1 or more, which all but
silence does. ``webrtc``: the detector of WebRTC at its strictest (mode 3) on 30 ms frames, by the package webrtcvad.

Conventions: sound is float32 (frames,); the stretches lie in order, apart from each other, inside the sound. What is
left at the end and fills no frame counts as silence. Defines: ``ACTIVITIES``, ``WEBRTC``, ``spectral``, ``webrtc``,
``webrtc_package``.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import suppress
from importlib.metadata import PackageNotFoundError, version

import numpy as np

from stimuli import audio
from stimuli.errors import StimuliError
from stimuli.separators import lacking

WINDOW, HOP = 2048, 1024
ACTIVE = 0.1
BLOCK = 256
"""Spectra made at a time: work space stays flat however long the sound."""
FRAME_S, VAD_RATE_HZ, STRICTEST = 0.03, 16_000, 3
WEBRTC: Mapping[str, str] = {"webrtcvad": 'pip install "hidden-reference[vad]"'}


def webrtc_package() -> str:
    """The package that brings WebRTC's detector, with its version: another one, another render."""
    for name in ("webrtcvad-wheels", "webrtcvad"):
        with suppress(PackageNotFoundError):
            return f"{name} {version(name)}"
    return "webrtcvad"


def spectral(sound: np.ndarray, rate_hz: int) -> list[slice]:
    """Stretches that are not silent; a sound shorter than a window has none.

    A stretch goes from the first sample of its first spectrum to that of the first silent one; at other rates than
    24 kHz, for which it was made, a window is as many samples.
    """
    if len(sound) < WINDOW:
        return []
    frames = np.lib.stride_tricks.sliding_window_view(sound, WINDOW)[::HOP]
    hann = np.hanning(WINDOW + 1)[:-1].astype(np.float32)
    sums, peak = np.empty(len(frames)), 0.0
    for first in range(0, len(frames), BLOCK):
        magnitudes = np.abs(np.fft.rfft(frames[first : first + BLOCK] * hann, axis=1))
        sums[first : first + BLOCK] = magnitudes.sum(axis=1)
        peak = max(peak, float(magnitudes.max()))
    return [slice(first * HOP, end * HOP) for first, end in _runs((sums >= ACTIVE * peak) & (peak > 0))]


def webrtc(sound: np.ndarray, rate_hz: int) -> list[slice]:
    """Stretches that WebRTC's detector takes for a voice; it hears 16-bit samples at 16 kHz.

    Raises
    ------
    StimuliError
        Where the package is not installed.
    """
    if reason := lacking(WEBRTC):
        raise StimuliError(f"activity by webrtc: {reason}")
    import webrtcvad

    heard = audio.resampled(sound[:, None], rate_hz, VAD_RATE_HZ)[:, 0]
    samples = np.clip(np.rint(heard * 32_768), -32_768, 32_767).astype("<i2")
    length = round(FRAME_S * VAD_RATE_HZ)
    frames = samples[: len(samples) // length * length].reshape(-1, length)
    detector = webrtcvad.Vad(STRICTEST)  # it remembers what it has heard: a new one for each sound
    active = np.array([detector.is_speech(frame.tobytes(), VAD_RATE_HZ) for frame in frames], bool)
    step = FRAME_S * rate_hz
    return [slice(round(first * step), min(round(end * step), len(sound))) for first, end in _runs(active)]


def _runs(active: np.ndarray) -> list[tuple[int, int]]:
    """First and end of each run of true values."""
    steps = np.flatnonzero(np.diff(np.concatenate([[False], active, [False]])))
    return [(int(first), int(end)) for first, end in steps.reshape(-1, 2)]


ACTIVITIES: dict[str, Callable[[np.ndarray, int], list[slice]]] = {"spectral": spectral, "webrtc": webrtc}
