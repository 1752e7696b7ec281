"""What a clip looks like: its waveform as an SVG path, its spectrogram as a PNG that is all opacity.

A spectrogram has no colour of its own: each pixel's opacity says how loud it is, and the page paints it in its ink,
on light paper and on dark. Channels are taken together by their power, so that what is out of phase is seen too.

Conventions: sound (frames, channels), full scale 1.0; frequencies in Hz on a logarithmic axis, levels in dB.
Defines: ``COLUMNS``, ``LOWEST_HZ``, ``highest_hz``, ``envelope``, ``outline``, ``spectrogram``, ``height_of``, ``png``.
"""

from __future__ import annotations

import io

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from PIL import Image

COLUMNS, ROWS = 280, 96
"""Size of a picture: moments from left to right, bands from bottom to top."""
LOWEST_HZ, HIGHEST_HZ = 50.0, 20_000.0
WINDOW_S = 0.08
DEPTH_DB = 75.0
"""Below the loudest point of an item by this much, nothing is drawn."""

GAMMA = 1.5
"""Bends the opacity so that what is soft stays paler than what is loud."""


def highest_hz(rate_hz: int) -> float:
    """Upper end of the frequency axis."""
    return min(HIGHEST_HZ, rate_hz / 2)


def envelope(sound: np.ndarray) -> np.ndarray:
    """Lowest and highest sample of each column over all channels; shape (COLUMNS, 2).

    A sound of fewer frames than columns has fewer.
    """
    edges = np.linspace(0, len(sound), min(COLUMNS, len(sound)) + 1).astype(int)[:-1]
    lows, highs = (
        edge.reduceat(channels, edges)
        for edge, channels in ((np.minimum, sound.min(axis=1)), (np.maximum, sound.max(axis=1)))
    )
    return np.stack([lows, highs], axis=1)


def outline(extremes: np.ndarray, peak: float) -> str:
    """An envelope as the path of one closed shape in a box from 0 to 100 by -1 to 1, ``peak`` reaching its edges."""
    across = np.linspace(0, 100, len(extremes))
    scaled = -extremes / max(peak, 1e-9)  # an SVG's y axis points down
    there = [f"{x:.1f} {y:.3f}" for x, y in zip(across, scaled[:, 1], strict=True)]
    back = [f"{x:.1f} {y:.3f}" for x, y in zip(across[::-1], scaled[::-1, 0], strict=True)]
    return f"M{'L'.join(there + back)}Z"


def spectrogram(sound: np.ndarray, rate_hz: int) -> np.ndarray:
    """Power of each band at each moment, mean over its bins and sum over channels; shape (ROWS, COLUMNS), low first.

    Bands are equally wide on a logarithmic axis from ``LOWEST_HZ`` to ``highest_hz``; where one is narrower than a
    bin, it has that bin's power.
    """
    size = 1 << round(np.log2(WINDOW_S * rate_hz))
    padded = np.pad(sound, ((size // 2, size), (0, 0)))
    starts = np.linspace(0, len(sound), COLUMNS, endpoint=False).astype(int)
    window = np.hanning(size).astype(np.float32)
    power = np.zeros((COLUMNS, size // 2 + 1))
    for channel in padded.T:
        power += np.square(np.abs(np.fft.rfft(sliding_window_view(channel, size)[starts] * window, axis=1)))
    edges = np.geomspace(LOWEST_HZ, highest_hz(rate_hz), ROWS + 1) * size / rate_hz
    first = np.minimum(np.round(edges[:-1]).astype(int), power.shape[1] - 1)
    last = np.minimum(np.maximum(np.round(edges[1:]).astype(int), first + 1), power.shape[1])
    sums = np.concatenate([np.zeros((COLUMNS, 1)), np.cumsum(power, axis=1)], axis=1)
    return ((sums[:, last] - sums[:, first]) / (last - first)).T


def height_of(frequency_hz: float, rate_hz: int) -> float:
    """Where a frequency lies on the axis: 0 at the bottom, 1 at the top."""
    return float(np.log(frequency_hz / LOWEST_HZ) / np.log(highest_hz(rate_hz) / LOWEST_HZ))


def png(power: np.ndarray, loudest: float) -> bytes:
    """A spectrogram as a PNG of black pixels, opaque at ``loudest`` and clear ``DEPTH_DB`` below it; top row first."""
    level = 10 * np.log10(np.maximum(power, 1e-30) / max(loudest, 1e-30))
    opacity = np.clip(1 + level / DEPTH_DB, 0, 1) ** GAMMA
    # 32 steps are more than eyes tell apart here, and compress to half.
    grey = (np.round(opacity[::-1] * 31) / 31 * 255).astype(np.uint8)
    picture = Image.merge("LA", [Image.new("L", grey.shape[::-1]), Image.fromarray(grey)])
    stream = io.BytesIO()
    picture.save(stream, "PNG", optimize=True)
    return stream.getvalue()
