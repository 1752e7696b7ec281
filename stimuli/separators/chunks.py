"""Long sounds piece by piece: memory follows the sound's length, work space does not.

Neighbouring pieces overlap and are cross-faded as a + ramp (b - a): where both say the same, the result is exactly
that, to the bit, so that what changes nothing gives back its input. Networks get pieces of one length (``overlapped``);
systems that hold spectra get stretches of a song (``stimuli.separators.stretches``).

Defines: ``overlapped``, ``join``.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np


def overlapped(
    network: Callable[[np.ndarray], np.ndarray], mixture: np.ndarray, chunk: int, overlap: float
) -> np.ndarray:
    """What a network makes of a sound, ``chunk`` frames at a time.

    Parameters
    ----------
    network : takes float32 (channels, ``chunk``), returns (sources, channels, ``chunk``).
    mixture : float32, shape (channels, frames); beyond its end the network hears silence.
    overlap : share of a chunk that it has in common with the next, 0 to 0.5.

    Returns
    -------
    float32, shape (sources, channels, frames)
    """
    fade = round(chunk * overlap)
    hop, frames = chunk - fade, mixture.shape[1]
    count = max(1, -(-(frames - fade) // hop))
    padded = np.pad(mixture, ((0, 0), (0, (count - 1) * hop + chunk - frames)))
    made = network(padded[:, :chunk])
    whole = np.empty((*made.shape[:-1], padded.shape[1]), np.float32)
    join(whole, made, 0, 0)
    for start in range(hop, count * hop, hop):
        join(whole, network(padded[:, start : start + chunk]), start, fade)
    return whole[..., :frames]


def join(whole: np.ndarray, made: np.ndarray, start: int, fade: int) -> None:
    """Put a piece into its place in ``whole`` (..., frames), from ``start`` on.

    Its first ``fade`` frames are faded in over what stands there.
    """
    before = whole[..., start : start + fade]
    before += _ramp(fade) * (made[..., :fade] - before)
    whole[..., start + fade : start + made.shape[-1]] = made[..., fade:]


def _ramp(frames: int) -> np.ndarray:
    return ((np.arange(frames) + 0.5) / max(frames, 1)).astype(np.float32)
