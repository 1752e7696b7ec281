"""Long sounds through a network piece by piece: memory follows the song's length, work space does not.

Neighbouring pieces overlap and are cross-faded as a + ramp (b - a): where both say the same, the result is exactly
that, to the bit, so that a network that changes nothing gives back its input.

Defines: ``overlapped``.
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
    ramp = ((np.arange(fade) + 0.5) / max(fade, 1)).astype(np.float32)
    made = network(padded[:, :chunk])
    whole = np.empty((*made.shape[:-1], padded.shape[1]), np.float32)
    whole[..., :chunk] = made
    for start in range(hop, count * hop, hop):
        made = network(padded[:, start : start + chunk])
        before = whole[..., start : start + fade]
        before += ramp * (made[..., :fade] - before)
        whole[..., start + fade : start + chunk] = made[..., fade:]
    return whole[..., :frames]
